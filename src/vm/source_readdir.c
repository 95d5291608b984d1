/* SPDX-License-Identifier: MIT */
/*
 * Reading a directory of the source. Positions are the host's own (telldir),
 * which stay right while others add and remove names. What is read at position
 * 0 is always fresh.
 */
#include "vm/source.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct source_dir {
	DIR *stream;
	uint64_t at; /* where the stream is */
	bool read; /* anything yet */
};

static int stream_open(struct file_inode *i, DIR **stream)
{
	struct source *s = source_of(i);
	struct source_use u;
	int error = source_dir_get(i, &u);
	if (error)
		return error;
	int fd = source_openat(s, u.fd, ".", O_RDONLY | O_DIRECTORY, 0);
	source_use_end(s, &u);
	if (fd < 0)
		return fd;
	*stream = fdopendir(fd);
	if (*stream)
		return 0;
	error = -errno;
	close(fd);
	return error;
}

int source_opendir(struct file_inode *i, void **dir)
{
	struct source_dir *d = mem_zalloc(sizeof(*d));
	int error = d ? stream_open(i, &d->stream) : -ENOMEM;
	if (error)
		mem_free(d);
	else
		*dir = d;
	return error;
}

void source_closedir(struct file_inode *i, void *dir)
{
	struct source_dir *d = dir;
	(void)i;
	closedir(d->stream);
	mem_free(d);
}

static void stream_seek(struct source_dir *d, uint64_t position)
{
	if (position == 0 && d->read)
		rewinddir(d->stream);
	else if (position != d->at)
		seekdir(d->stream, (long)position);
	d->at = position;
	d->read = true;
}

/* Not every file system of the host says so in the directory. 0: nobody knows, it may be gone. */
static uint32_t entry_type(const struct source_dir *d, const struct dirent *e)
{
	struct stat st;
	if (e->d_type != DT_UNKNOWN)
		return DTTOIF(e->d_type);
	if (fstatat(dirfd(d->stream), e->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
		return 0;
	return st.st_mode & S_IFMT;
}

int source_readdir(struct file_inode *i, void *dir, uint64_t position, struct file_dirent *out)
{
	struct source_dir *d = dir;
	stream_seek(d, position);
	errno = 0;
	const struct dirent *e = readdir(d->stream);
	if (!e)
		return -errno;
	bool outside = source_is_root(source_of(i), i) && !strcmp(e->d_name, "..");
	d->at = (uint64_t)telldir(d->stream);
	*out = (struct file_dirent){ .name = e->d_name,
				     .ino = outside ? i->attr.ino : e->d_ino,
				     .type = entry_type(d, e),
				     .next = d->at };
	return 1;
}
