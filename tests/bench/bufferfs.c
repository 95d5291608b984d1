/* SPDX-License-Identifier: MIT */
/*
 * The floor of a file system that keeps bytes: one file, `data`, in one
 * contiguous buffer. A write copies into it, a read is answered from it, through
 * libfuse's low-level interface and its own multi-threaded loop, with direct_io
 * and requests of 1 MiB.
 *
 *   bufferfs MOUNTPOINT BYTES
 *
 * goes to the background once mounted; umount ends it.
 */
#include "peer.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define DATA_INO 2
#define VALID_SECONDS 1000

static char *data;
static size_t data_bytes;

static void buffer_stat(fuse_ino_t ino, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_mode = ino == DATA_INO ? S_IFREG | 0644 : S_IFDIR | 0755;
	st->st_nlink = 1;
	st->st_size = ino == DATA_INO ? (off_t)data_bytes : 0;
}

static void buffer_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = { .ino = DATA_INO,
				      .entry_timeout = VALID_SECONDS,
				      .attr_timeout = VALID_SECONDS };

	(void)parent;
	if (strcmp(name, "data")) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	buffer_stat(DATA_INO, &e.attr);
	fuse_reply_entry(req, &e);
}

static void buffer_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	buffer_stat(ino, &st);
	fuse_reply_attr(req, &st, VALID_SECONDS);
}

static void buffer_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int what,
			   struct fuse_file_info *fi)
{
	(void)st;
	(void)what;
	buffer_getattr(req, ino, fi);
}

static void buffer_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->direct_io = 1;
	fi->noflush = 1;
	fuse_reply_open(req, fi);
}

static void buffer_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	size_t from = MIN((size_t)offset, data_bytes);

	(void)ino;
	(void)fi;
	fuse_reply_buf(req, data + from, MIN(size, data_bytes - from));
}

static void buffer_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t offset,
			 struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	if ((size_t)offset > data_bytes || size > data_bytes - (size_t)offset) {
		fuse_reply_err(req, ENOSPC);
		return;
	}
	memcpy(data + offset, buf, size);
	fuse_reply_write(req, size);
}

/* As for ours: requests are read into memory, without a pipe between. */
static void buffer_init(void *user, struct fuse_conn_info *conn)
{
	(void)user;
	conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	conn->max_write = 1u << 20;
}

static const struct fuse_lowlevel_ops buffer_ops = { .init = buffer_init,
						     .lookup = buffer_lookup,
						     .getattr = buffer_getattr,
						     .setattr = buffer_setattr,
						     .open = buffer_open,
						     .read = buffer_read,
						     .write = buffer_write };

int main(int argc, char **argv)
{
	char *no_options[] = { argv[0], NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, no_options);

	if (argc != 3) {
		fprintf(stderr, "usage: bufferfs MOUNTPOINT BYTES\n");
		return 2;
	}
	data_bytes = strtoul(argv[2], NULL, 10);
	data = mmap(NULL, data_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED) {
		perror("bufferfs: mmap");
		return 1;
	}
	madvise(data, data_bytes, MADV_HUGEPAGE);
	memset(data, 0, data_bytes);
	struct fuse_session *session = fuse_session_new(&args, &buffer_ops, sizeof(buffer_ops), NULL);
	int status = peer_serve(session, argv[1]);
	fuse_opt_free_args(&args);
	return status;
}
