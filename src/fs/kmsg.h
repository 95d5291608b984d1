/* SPDX-License-Identifier: MIT */
#ifndef FS_KMSG_H
#define FS_KMSG_H

/*
 * dev/kmsg: the machine's log as /dev/kmsg shows one (kernel/printk, 6.1). Each
 * read takes one record, each write adds one. Whoever reads at the end waits
 * without a thread of ours: the request is kept and answered when a record
 * comes, when it is interrupted, or when the mount goes.
 */

#include "base/lock.h"
#include "base/ring.h"

#include <fuse_lowlevel.h>

struct kmsg_reader; /* one open file */
struct kmsg_wait; /* one read that waits */

struct kmsg {
	struct ring *ring;
	uint64_t ino;
	struct lock lock; /* RANK_LOG: guards the rest and every reader */
	struct kmsg_reader *readers;
	struct kmsg_wait *first, **last; /* in the order they came */
	bool stopped;
};

void kmsg_init(struct kmsg *k, struct ring *ring, uint64_t ino);
void kmsg_stop(struct kmsg *k); /* answers who waits with ENODEV, and who comes later too; the session is there */
void kmsg_fini(struct kmsg *k); /* no request comes any more; also closes what was left open */

/* Callbacks for this file. */
void kmsg_op_open(struct kmsg *k, fuse_req_t req, struct fuse_file_info *fi);
void kmsg_op_release(struct kmsg *k, fuse_req_t req, struct fuse_file_info *fi);
void kmsg_op_read(struct kmsg *k, fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi);
void kmsg_op_write(struct kmsg *k, fuse_req_t req, const char *buf, size_t size, struct fuse_file_info *fi);
void kmsg_op_lseek(struct kmsg *k, fuse_req_t req, off_t offset, int whence, struct fuse_file_info *fi);
void kmsg_op_poll(struct kmsg *k, fuse_req_t req, struct fuse_file_info *fi, struct fuse_pollhandle *ph);

/* The host asks for the size through a descriptor for one purpose: to seek to the end. */
void kmsg_seek_end(struct kmsg *k, struct fuse_file_info *fi);

#endif
