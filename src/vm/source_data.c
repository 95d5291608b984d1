/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a source's files. A file that is open, or has bytes that the
 * source has not, keeps one descriptor: read-only until somebody writes, then
 * replaced in place (dup3), so that who is reading with it goes on. A file
 * that has none is opened for the one call.
 *
 * There are descriptors for half of what RLIMIT_NOFILE allows. Then open answers
 * -EMFILE, and the caller writes back files that are closed but dirty, whose
 * descriptors come back with release, and tries again.
 *
 * The caller lets one open or release of a file follow the other.
 */
#include "vm/source.h"

#include "base/mem.h"
#include "vm/filemap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SOURCE_VECTORS_MAX ((int)FILE_IO_PAGES + 1)

struct data_try {
	struct file_inode *inode;
	int access; /* wanted, then what it is */
	int fd;
};

/* Reading as well is needed to write parts of a page; without it whole ones can still be written. */
static int data_access(struct source *s, int dir, const char *name, int *access)
{
	int fd = source_openat(s, dir, name, *access | SOURCE_DATA_FLAGS, 0);
	if (fd == -EACCES && *access == O_RDWR) {
		*access = O_WRONLY;
		fd = source_openat(s, dir, name, *access | SOURCE_DATA_FLAGS, 0);
	}
	return fd;
}

static int data_open(int dir, const char *name, void *arg)
{
	struct data_try *t = arg;
	struct stat st;
	int fd = data_access(source_of(t->inode), dir, name, &t->access);
	if (fd < 0)
		return fd == -ENXIO || fd == -ENODEV ? -ESTALE : fd; /* it is a device or a socket now */
	if (fstat(fd, &st) || !source_is(t->inode, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -ESTALE;
	}
	t->fd = fd;
	return 0;
}

static bool access_ok(int has, bool write)
{
	return has == O_RDWR || has == (write ? O_WRONLY : O_RDONLY);
}

/* More than the descriptor in use allows: the same file anew, in its place. -EACCES: it can be read or written, not both. */
static int data_upgrade(struct source *s, const struct source_use *u)
{
	char path[SOURCE_PATH_MAX];
	int fd = open(source_use_path(u, path), O_RDWR | O_CLOEXEC | SOURCE_DATA_FLAGS);
	if (fd < 0)
		return -errno;
	int moved = dup3(fd, u->fd, O_CLOEXEC) < 0 ? -errno : 0;
	close(fd);
	lock_take(&s->lock);
	if (!moved)
		u->node->access = O_RDWR;
	lock_drop(&s->lock);
	return moved;
}

/* The descriptor that is there, if it allows so much or can be made to. 1: there is none. */
static int data_again(struct file_inode *i, bool write)
{
	struct source *s = source_of(i);
	struct source_use u;
	if (!source_use_node(i, &u))
		return 1;
	lock_take(&s->lock);
	u.node->closing = false;
	bool ok = access_ok(u.node->access, write);
	lock_drop(&s->lock);
	int error = ok ? 0 : data_upgrade(s, &u);
	source_use_end(s, &u);
	return error;
}

/* fd becomes the file's; false: it has one by now. */
static bool data_keep(struct source *s, struct source_node *n, int fd, int access)
{
	lock_take(&s->lock);
	bool kept = n->fd < 0;
	if (kept) {
		n->fd = fd;
		n->access = access;
		n->closing = false;
		s->nr_data++;
	}
	lock_drop(&s->lock);
	return kept;
}

bool source_data_full(struct source *s)
{
	lock_take(&s->lock);
	bool full = s->nr_data >= s->max_data;
	lock_drop(&s->lock);
	return full;
}

struct source_node *source_node_open(struct source *s, int fd)
{
	struct source_node *n = mem_zalloc(sizeof(*n));
	if (!n)
		return NULL;
	n->fd = -1;
	return data_keep(s, n, fd, O_RDWR) ? n : NULL;
}

int source_open(struct file_inode *i, bool write)
{
	struct source *s = source_of(i);
	struct data_try t = { .inode = i, .access = write ? O_RDWR : O_RDONLY };
	int error = data_again(i, write);
	if (error != 1)
		return error;
	if (source_data_full(s))
		return -EMFILE;
	struct source_node *n = source_node_of(i);
	error = n ? source_by_name(i, data_open, &t) : -ENOMEM;
	if (error || data_keep(s, n, t.fd, t.access))
		return error;
	close(t.fd);
	return data_again(i, write) ? -ESTALE : 0;
}

/* -1, or what is to be closed */
static int data_release(struct source *s, struct file_inode *i)
{
	int fd = -1;
	lock_take(&s->lock);
	struct source_node *n = i->store;
	if (n && !n->directory && n->fd >= 0) {
		n->closing = n->users;
		if (!n->closing) {
			fd = n->fd;
			n->fd = -1;
			s->nr_data--;
		}
	}
	lock_drop(&s->lock);
	return fd;
}

void source_release(struct file_inode *i)
{
	int fd = data_release(source_of(i), i);
	if (fd >= 0)
		close(fd);
}

void source_forget(struct file_inode *i)
{
	struct source *s = source_of(i);
	struct source_node *n = i->store;
	if (!n)
		return;
	lock_take(&s->lock);
	ASSERT(!n->users);
	i->store = NULL;
	if (n->next) {
		n->prev->next = n->next;
		n->next->prev = n->prev;
		s->nr_dirs--;
	} else if (n->fd >= 0) {
		s->nr_data--;
	}
	lock_drop(&s->lock);
	if (n->fd >= 0)
		close(n->fd);
	mem_free(n);
}

/* ---- Work with it ---- */

/* The file may be open for reading only: truncate(2) needs no descriptor that may write. */
static int data_writable(struct source *s, struct source_use *u)
{
	lock_take(&s->lock);
	bool ok = access_ok(u->node->access, true);
	lock_drop(&s->lock);
	int error = ok ? 0 : data_upgrade(s, u);
	if (error)
		source_use_end(s, u);
	return error;
}

/* The file's own descriptor, or one for this call. */
static int data_use(struct file_inode *i, bool write, struct source_use *u)
{
	struct data_try t = { .inode = i, .access = write ? O_RDWR : O_RDONLY };
	if (source_use_node(i, u))
		return write ? data_writable(source_of(i), u) : 0;
	int error = source_by_name(i, data_open, &t);
	*u = (struct source_use){ .fd = t.fd, .close = true };
	return error;
}

/* Past the first `done` bytes; how many vectors are left. */
static int iov_skip(struct iovec *iov, int nr, size_t done)
{
	int first = 0;
	while (first < nr && done >= iov[first].iov_len)
		done -= iov[first++].iov_len;
	if (first < nr) {
		iov[first].iov_base = (char *)iov[first].iov_base + done;
		iov[first].iov_len -= done;
	}
	memmove(iov, iov + first, (size_t)(nr - first) * sizeof(*iov));
	return nr - first;
}

typedef ssize_t (*data_transfer)(int fd, const struct iovec *iov, int nr, off_t offset);

/* All bytes, fewer when one call moves none; or -errno. */
static ssize_t data_move(int fd, const struct iovec *iov, int nr, uint64_t offset, data_transfer transfer)
{
	struct iovec left[SOURCE_VECTORS_MAX];
	size_t done = 0;
	ASSERT(nr <= SOURCE_VECTORS_MAX);
	memcpy(left, iov, (size_t)nr * sizeof(*iov));
	while ((nr = iov_skip(left, nr, 0)) > 0) {
		ssize_t n = transfer(fd, left, nr, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
		nr = iov_skip(left, nr, (size_t)n);
	}
	return (ssize_t)done;
}

ssize_t source_read(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset)
{
	struct source_use u;
	ssize_t n = data_use(i, false, &u);
	if (n)
		return n;
	n = data_move(u.fd, iov, nr, offset, preadv);
	source_use_end(source_of(i), &u);
	return n;
}

static size_t iov_bytes(const struct iovec *iov, int nr)
{
	size_t bytes = 0;
	for (int k = 0; k < nr; k++)
		bytes += iov[k].iov_len;
	return bytes;
}

ssize_t source_write(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset)
{
	struct source_use u;
	ssize_t n = data_use(i, true, &u);
	if (n)
		return n;
	n = data_move(u.fd, iov, nr, offset, pwritev);
	source_use_end(source_of(i), &u);
	return n < 0 || (size_t)n == iov_bytes(iov, nr) ? n : -EIO;
}

int source_truncate(struct file_inode *i, uint64_t size)
{
	struct source_use u;
	int error = data_use(i, true, &u);
	if (error)
		return error;
	error = ftruncate(u.fd, (off_t)size) ? -errno : 0;
	source_use_end(source_of(i), &u);
	return error;
}

int source_fallocate(struct file_inode *i, int mode, uint64_t offset, uint64_t len)
{
	struct source_use u;
	int error = data_use(i, true, &u);
	if (error)
		return error;
	do
		error = fallocate(u.fd, mode, (off_t)offset, (off_t)len) ? -errno : 0;
	while (error == -EINTR);
	source_use_end(source_of(i), &u);
	return error;
}

off_t source_seek(struct file_inode *i, off_t offset, int whence)
{
	struct source_use u;
	off_t at = data_use(i, false, &u);
	if (at)
		return at;
	at = lseek(u.fd, offset, whence);
	if (at < 0)
		at = -errno;
	source_use_end(source_of(i), &u);
	return at;
}

static int dir_use_data(struct file_inode *i, struct source_use *u)
{
	struct source *s = source_of(i);
	struct source_use path;
	int fd = source_dir_get(i, &path);
	if (fd)
		return fd;
	fd = source_openat(s, path.fd, ".", O_RDONLY | O_DIRECTORY, 0);
	source_use_end(s, &path);
	*u = (struct source_use){ .fd = fd, .close = true };
	return fd < 0 ? fd : 0;
}

int source_fsync(struct file_inode *i, bool data_only)
{
	struct source_use u;
	int error = S_ISDIR(i->attr.mode)   ? dir_use_data(i, &u)
		    : S_ISREG(i->attr.mode) ? data_use(i, false, &u)
					    : -EINVAL;
	if (error)
		return error;
	error = (data_only ? fdatasync(u.fd) : fsync(u.fd)) ? -errno : 0;
	source_use_end(source_of(i), &u);
	return error;
}
