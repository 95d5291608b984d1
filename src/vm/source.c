/* SPDX-License-Identifier: MIT */
/*
 * The store over a directory of the host, whose file system does the work. The
 * directory is looked up once, when the daemon starts; whatever is mounted over
 * its path or done to the path later, this is the directory that is shown.
 *
 * Without a directory a private folder is made when files/ is first looked at,
 * see source_private.c.
 */
#include "vm/source.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* More do not help, and each keeps a directory of the host in its memory. */
#define DIRS_MAX 8192u

/* Of all descriptors a third for directories, half for files; the rest is for clients' processes, the mount and open directories. */
static void budget_set(struct source *s)
{
	struct rlimit limit;
	uint64_t nr = getrlimit(RLIMIT_NOFILE, &limit) ? 1024 : limit.rlim_cur;
	nr = MIN(nr, 1u << 30);
	s->max_dirs = (unsigned)CLAMP(nr / 3, 1, DIRS_MAX);
	s->max_data = (unsigned)MAX(nr / 2, 1);
}

/* Past a limit on the size of files the host answers EFBIG, as we shall; that it ends us by a signal besides is the default. */
static void file_size_signal_ignore(void)
{
	struct sigaction was;
	if (!sigaction(SIGXFSZ, NULL, &was) && was.sa_handler == SIG_DFL)
		signal(SIGXFSZ, SIG_IGN);
}

static struct source *source_make(struct files *f)
{
	struct source *s = mem_zalloc(sizeof(*s));
	if (!s)
		return NULL;
	s->files = f;
	s->root = s->folder_lock = -1;
	s->as_others = geteuid() == 0;
	s->lru.next = s->lru.prev = &s->lru;
	lock_init(&s->lock, RANK_FILES, 1);
	budget_set(s);
	file_size_signal_ignore();
	return s;
}

static void source_free(struct source *s)
{
	if (s->root >= 0)
		close(s->root);
	lock_fini(&s->lock);
	mem_free(s);
}

/* May it be read and searched? */
static int root_try(int root)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int root_note(struct source *s)
{
	struct stat st;
	if (fstat(s->root, &st))
		return -errno;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return 0;
}

static int root_open(struct source *s, const char *path, struct why *why)
{
	s->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int error = s->root < 0 ? -errno : root_try(s->root);
	if (!error)
		error = root_note(s);
	if (error)
		return why_set(why, error, "source %s: %s; give a directory that can be read, or \"none\"",
			       path, strerror(-error));
	return 0;
}

int source_store_init(struct files *f, const char *source, struct why *why)
{
	struct source *s = source_make(f);
	if (!s)
		return why_set(why, -ENOMEM, "source: no memory");
	int error = source ? root_open(s, source, why) : 0;
	if (error) {
		source_free(s);
		return error;
	}
	f->store = &source_store;
	f->store_ctx = s;
	return 0;
}

static int source_start(struct files *f)
{
	struct source *s = f->store_ctx;
	umask(0); /* what clients make has the mode they asked for, their umask taken off by the host */
	if (s->root >= 0)
		return 0;
	int error = source_private_make(s);
	return error ? error : root_note(s);
}

static void source_fini(struct files *f)
{
	struct source *s = f->store_ctx;
	source_private_remove(s);
	source_free(s);
	f->store_ctx = NULL;
}

static int source_root(struct files *f, struct file_attr *attr)
{
	struct source *s = f->store_ctx;
	return source_attr_fd(s->root, attr);
}

static int source_statfs(struct files *f, struct statvfs *st)
{
	struct source *s = f->store_ctx;
	int failed = s->root < 0 ? statvfs(source_private_parent(), st) : fstatvfs(s->root, st);
	return failed ? -errno : 0;
}

/*
 * The file system that the root is on; where others are mounted below it, all
 * of the host, for which one call does not tell errors.
 */
static int source_sync(struct files *f)
{
	struct source *s = f->store_ctx;
	if (s->root < 0)
		return 0;
	int fd = source_openat(s, s->root, ".", O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	int error = syncfs(fd) ? -errno : 0;
	close(fd);
	if (READ_RELAXED(&s->other_devs))
		sync();
	return error;
}

const struct file_store_ops source_store = {
	.start = source_start,
	.fini = source_fini,
	.root = source_root,
	.lookup = source_lookup,
	.create = source_create,
	.mknod = source_mknod,
	.symlink = source_symlink,
	.link = source_link,
	.unlink = source_unlink,
	.rename = source_rename,
	.readlink = source_readlink,
	.getattr = source_getattr,
	.setattr = source_setattr,
	.open = source_open,
	.release = source_release,
	.read = source_read,
	.write = source_write,
	.truncate = source_truncate,
	.fallocate = source_fallocate,
	.seek = source_seek,
	.fsync = source_fsync,
	.sync = source_sync,
	.getxattr = source_getxattr,
	.listxattr = source_listxattr,
	.setxattr = source_setxattr,
	.removexattr = source_removexattr,
	.statfs = source_statfs,
	.opendir = source_opendir,
	.closedir = source_closedir,
	.readdir = source_readdir,
	.forget = source_forget,
};
