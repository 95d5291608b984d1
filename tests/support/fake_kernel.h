/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_FAKE_KERNEL_H
#define SUPPORT_FAKE_KERNEL_H

/*
 * The other end of /dev/fuse without a mount: requests are written into a
 * socket and answered by a real session with its real threads. Everything a
 * request needs beyond its own structure (<linux/fuse.h>) is filled in here.
 */

#include "fs/loop.h"
#include "fs/ops.h"

#include <linux/fuse.h>

struct fake_kernel {
	struct fuse_session *session;
	struct loop *loop;
	int fd;
	uint64_t unique;
	uint32_t uid, gid; /* of whoever asks */
	char reply[1 << 17]; /* what follows the header of the last reply */
	size_t reply_len;
};

/* Fails the test when it cannot; has asked INIT on return. */
struct fake_kernel *fake_kernel_start(struct fs *fs, const struct loop_options *o);
void fake_kernel_stop(struct fake_kernel *k);

/* Send without waiting: the number of the request. */
uint64_t fake_kernel_send(struct fake_kernel *k, uint32_t opcode, uint64_t node, const void *arg,
			  size_t arg_len, const void *data, size_t data_len);
/* The next reply: its request's number; 0 for a notification. *error: 0 or -errno. */
uint64_t fake_kernel_receive(struct fake_kernel *k, int *error);
bool fake_kernel_answered(struct fake_kernel *k, int wait_ms); /* is there a reply to receive? */
/* Both. 0 or -errno. */
int fake_kernel_ask(struct fake_kernel *k, uint32_t opcode, uint64_t node, const void *arg,
		    size_t arg_len, const void *data, size_t data_len);

/* The common ones. 0 or -errno. */
int ask_lookup(struct fake_kernel *k, uint64_t dir, const char *name, struct fuse_entry_out *out);
int ask_walk(struct fake_kernel *k, const char *path, struct fuse_entry_out *out); /* from the root */
int ask_open(struct fake_kernel *k, uint64_t node, uint32_t flags, uint64_t *fh);
int ask_read(struct fake_kernel *k, uint64_t node, uint64_t fh, uint64_t offset, uint32_t size); /* bytes in reply */
/* Bytes taken, or -errno. */
int ask_write(struct fake_kernel *k, uint64_t node, uint64_t fh, uint64_t offset, const char *text);
int ask_release(struct fake_kernel *k, uint64_t node, uint64_t fh);

#endif
