/* SPDX-License-Identifier: MIT */
#ifndef FS_HANDLE_H
#define FS_HANDLE_H

/*
 * One open file. It keeps the text of one pass of reading: a read at offset 0
 * renders it anew, reads further on continue it. What is a count of bytes in a
 * task's memory is read and written in place.
 */

#include "fs/inode.h"

struct handle;

/* 0; -EACCES, -EISDIR, -ELOOP, -ENOMEM. flags: of open(2). */
MUST_CHECK int handle_open(struct fs *fs, const struct inode *i, int flags, struct handle **out);
void handle_close(struct fs *fs, struct handle *h);

struct slice {
	const char *data;
	size_t len;
};

/*
 * Up to len bytes from offset on. 0 and *out set, which is valid until
 * handle_read_end; or -errno and nothing to end. Reads of one handle take turns.
 */
MUST_CHECK int handle_read_begin(struct fs *fs, struct handle *h, size_t len, off_t offset,
				 struct slice *out);
void handle_read_end(struct handle *h);

/* Bytes taken, or -errno, as write(2) on a real machine's file. */
MUST_CHECK ssize_t handle_write(struct fs *fs, struct handle *h, const char *buf, size_t len, off_t offset);

/*
 * Has a task's `events` changed since this handle last read it? Before the
 * first read it has (fs/kernfs/file.c: kernfs_generic_poll, 6.1); other files
 * never do. ph becomes the handle's, NULL: whoever asks does not wait.
 */
MUST_CHECK bool handle_poll(struct fs *fs, struct handle *h, struct fuse_pollhandle *ph);
void handles_task_event(void *ctx, const struct task *t); /* of the shape of tasks->event; ctx: struct fs */

/* What the file says now, appended to text. 0, -EACCES (write-only), -ENODEV (the task is gone), -ENOMEM. */
MUST_CHECK int inode_render(struct fs *fs, const struct inode *i, struct text *text);

void handle_spares_free(struct fs *fs); /* for fs_fini */
void handles_close(struct fs *fs); /* those that nobody will release any more; nobody else uses fs */

#endif
