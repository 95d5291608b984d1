/* SPDX-License-Identifier: MIT */
/*
 * The least that a FUSE file system over a directory needs: a descriptor for
 * each inode that the host knows, one system call for each request, data
 * copied through a buffer, direct_io. No cache of its own. The host checks
 * permissions (default_permissions) as it does for ours, which costs a question
 * for the directory's attributes after each change of it.
 *
 *   passfs MOUNTPOINT DIRECTORY
 *
 * goes to the background once mounted; umount ends it.
 */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define VALID_SECONDS 1.0
#define BUCKETS 16384u

struct node {
	struct node *next;
	int fd; /* O_PATH */
	dev_t dev;
	ino_t ino;
	uint64_t nlookup;
};

static struct node root = { .fd = -1, .nlookup = 2 };
static struct node *bucket[BUCKETS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static struct node *node_of(fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? &root : (struct node *)(uintptr_t)ino;
}

static int fd_of(fuse_ino_t ino)
{
	return node_of(ino)->fd;
}

static const char *fd_path(fuse_ino_t ino, char buf[64])
{
	snprintf(buf, 64, "/proc/self/fd/%d", fd_of(ino));
	return buf;
}

/* The node of this file; fd is kept or closed. */
static struct node *node_obtain(int fd, const struct stat *st)
{
	struct node **b = &bucket[st->st_ino % BUCKETS], *n;

	pthread_mutex_lock(&mutex);
	for (n = *b; n && (n->ino != st->st_ino || n->dev != st->st_dev); n = n->next)
		;
	if (n) {
		close(fd);
	} else if ((n = calloc(1, sizeof(*n)))) {
		*n = (struct node){ .next = *b, .fd = fd, .dev = st->st_dev, .ino = st->st_ino };
		*b = n;
	}
	if (n)
		n->nlookup++;
	pthread_mutex_unlock(&mutex);
	return n;
}

static int entry_fill(fuse_ino_t parent, const char *name, struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	int fd = openat(fd_of(parent), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (fstatat(fd, "", &e->attr, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return errno;
	e->ino = (uintptr_t)node_obtain(fd, &e->attr);
	e->attr_timeout = e->entry_timeout = VALID_SECONDS;
	return e->ino ? 0 : ENOMEM;
}

static void pass_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e;
	int err = entry_fill(parent, name, &e);

	if (err)
		fuse_reply_err(req, err);
	else
		fuse_reply_entry(req, &e);
}

static void pass_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	struct node *n = node_of(ino), **link = &bucket[n->ino % BUCKETS];

	pthread_mutex_lock(&mutex);
	n->nlookup -= nlookup;
	bool gone = !n->nlookup;
	while (gone && *link != n)
		link = &(*link)->next;
	if (gone)
		*link = n->next;
	pthread_mutex_unlock(&mutex);
	if (gone) {
		close(n->fd);
		free(n);
	}
	fuse_reply_none(req);
}

static void pass_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	if (fstatat(fd_of(ino), "", &st, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		fuse_reply_err(req, errno);
	else
		fuse_reply_attr(req, &st, VALID_SECONDS);
}

static void pass_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int what,
			 struct fuse_file_info *fi)
{
	char path[64];

	if (what & FUSE_SET_ATTR_SIZE && truncate(fd_path(ino, path), st->st_size)) {
		fuse_reply_err(req, errno);
		return;
	}
	pass_getattr(req, ino, fi);
}

static void open_reply(fuse_req_t req, int fd, struct fuse_file_info *fi, const struct fuse_entry_param *e)
{
	fi->fh = (uint64_t)fd;
	fi->direct_io = 1;
	fi->noflush = 1;
	if (e)
		fuse_reply_create(req, e, fi);
	else
		fuse_reply_open(req, fi);
}

static void pass_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	char path[64];
	int fd = open(fd_path(ino, path), (fi->flags & ~O_NOFOLLOW) | O_CLOEXEC);

	if (fd < 0)
		fuse_reply_err(req, errno);
	else
		open_reply(req, fd, fi, NULL);
}

static void pass_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
			struct fuse_file_info *fi)
{
	struct fuse_entry_param e;
	int fd = openat(fd_of(parent), name, (fi->flags | O_CREAT | O_CLOEXEC) & ~O_NOFOLLOW, mode);

	if (fd < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	int err = entry_fill(parent, name, &e);
	if (err) {
		close(fd);
		fuse_reply_err(req, err);
	} else {
		open_reply(req, fd, fi, &e);
	}
}

static void pass_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	close((int)fi->fh);
	fuse_reply_err(req, 0);
}

static void pass_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	char *buf = malloc(size);
	ssize_t n = buf ? pread((int)fi->fh, buf, size, offset) : -1;

	(void)ino;
	if (n < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_buf(req, buf, (size_t)n);
	free(buf);
}

static void pass_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	ssize_t n = pwrite((int)fi->fh, buf, size, offset);

	(void)ino;
	if (n < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_write(req, (size_t)n);
}

static void pass_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	fuse_reply_err(req, (datasync ? fdatasync((int)fi->fh) : fsync((int)fi->fh)) ? errno : 0);
}

static void pass_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_reply_err(req, unlinkat(fd_of(parent), name, 0) ? errno : 0);
}

static void pass_init(void *user, struct fuse_conn_info *conn)
{
	(void)user;
	conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	conn->want |= conn->capable & FUSE_CAP_PARALLEL_DIROPS;
	conn->max_write = 1u << 20;
}

static const struct fuse_lowlevel_ops pass_ops = { .init = pass_init,
						   .lookup = pass_lookup,
						   .forget = pass_forget,
						   .getattr = pass_getattr,
						   .setattr = pass_setattr,
						   .open = pass_open,
						   .create = pass_create,
						   .release = pass_release,
						   .read = pass_read,
						   .write = pass_write,
						   .fsync = pass_fsync,
						   .unlink = pass_unlink };

int main(int argc, char **argv)
{
	char *options[] = { argv[0], "-odefault_permissions", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(2, options);
	struct rlimit limit;

	if (argc != 3) {
		fprintf(stderr, "usage: passfs MOUNTPOINT DIRECTORY\n");
		return 2;
	}
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	root.fd = open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root.fd < 0) {
		perror(argv[2]);
		return 1;
	}
	struct fuse_session *session = fuse_session_new(&args, &pass_ops, sizeof(pass_ops), NULL);
	int status = peer_serve(session, argv[1]);
	fuse_opt_free_args(&args);
	return status;
}
