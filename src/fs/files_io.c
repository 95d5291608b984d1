/* SPDX-License-Identifier: MIT */
#include "fs/files.h"

#include "fs/loop.h"
#include "fs/notify.h"
#include "vm/filemap.h"
#include "vm/vm.h"

#include <errno.h>
#include <fcntl.h>

/*
 * Open files. All are direct_io: the pages that hold their content are ours,
 * and a reply to a read points at them, so the one copy is the host kernel's
 * into the client's buffer. The host keeps pages of its own for private
 * mappings only, and drops them when a file is opened or mapped anew; a shared
 * mapping is refused (ENODEV), for it could not be kept coherent.
 *
 * Where an append goes is decided here: the size that the host has in mind may
 * be a second old if somebody else wrote to the source.
 */

static struct file_inode *handle_inode(const struct fuse_file_info *fi)
{
	return (struct file_inode *)(uintptr_t)fi->fh;
}

static void open_fill(struct fuse_file_info *fi, struct file_inode *i)
{
	fi->fh = (uintptr_t)i;
	fi->direct_io = 1;
	fi->noflush = 1;
}

/* Whoever may not keep them takes set-user-ID bits from what it writes to. The host does not think of the mode then. */
static void privileges_drop(struct files_call *c, struct file_inode *i)
{
	struct stat st = { 0 };
	mode_t mode = READ_RELAXED(&i->attr.mode);

	if (mode_without_privileges(mode) == mode || files_keeps_privileges(c->req))
		return;
	st.st_mode = mode_without_privileges(mode);
	if (!file_setattr(i, &st, FILE_SET_MODE))
		notifier_inode_changed(c->fs->notifier, file_ino(i));
}

static bool time_differs(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec || a->tv_nsec != b->tv_nsec;
}

/* Did opening find that others changed the file? Then what the host remembers of it is wrong. */
static bool attr_differs(const struct stat *a, const struct stat *b)
{
	return a->st_size != b->st_size || a->st_mode != b->st_mode || a->st_nlink != b->st_nlink ||
	       a->st_uid != b->st_uid || a->st_gid != b->st_gid ||
	       time_differs(&a->st_mtim, &b->st_mtim) || time_differs(&a->st_ctim, &b->st_ctim);
}

static int file_open_look(struct files_call *c, struct file_inode *i, int flags)
{
	struct stat before = { 0 }, after = { 0 };

	file_getattr(i, &before);
	int err = file_open(i, flags);
	if (err)
		return err;
	if (flags & O_TRUNC) {
		privileges_drop(c, i);
		return 0; /* the host takes the size for 0 by itself */
	}
	file_getattr(i, &after);
	if (attr_differs(&before, &after))
		notifier_inode_changed(c->fs->notifier, file_ino(i));
	return 0;
}

void files_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct files_call c;

	files_call_begin(&c, req);
	struct file_inode *i = file_get(c.files, ino);
	int err = i ? file_open_look(&c, i, fi->flags) : -ESTALE;
	if (err) {
		fuse_reply_err(req, -err);
	} else {
		open_fill(fi, i);
		if (fuse_reply_open(req, fi) == -ENOENT) /* interrupted: nobody will close it */
			file_release(i, fi->flags);
	}
	if (i)
		file_put(i);
	files_call_end(&c);
}

static void create_reply(struct files_call *c, struct file_inode *i, struct fuse_file_info *fi)
{
	struct fuse_entry_param e;

	files_entry_fill(c->fs, i, &e);
	open_fill(fi, i);
	file_known(i);
	if (fuse_reply_create(c->req, &e, fi) == -ENOENT) {
		file_release(i, fi->flags);
		file_forget(c->files, e.ino, 1);
	}
	file_put(i);
}

void files_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		     struct fuse_file_info *fi)
{
	struct files_call c;
	struct file_inode *i;

	files_call_begin(&c, req);
	struct file_inode *dir = file_get(c.files, parent);
	int err = -ESTALE;
	if (dir) {
		struct file_who who = files_who(req);
		mode = files_mode_new(dir, S_IFREG | (mode & 07777), &who);
		err = file_create(dir, name, mode, fi->flags, &who, &i);
	}
	if (err)
		fuse_reply_err(req, -err);
	else
		create_reply(&c, i, fi);
	if (dir)
		file_put(dir);
	files_call_end(&c);
}

void files_op_release(fuse_req_t req, struct fuse_file_info *fi)
{
	struct files_call c;

	files_call_begin(&c, req);
	file_release(handle_inode(fi), fi->flags);
	files_call_end(&c);
	fuse_reply_err(req, 0);
}

/* Is every page of the file in memory? Then a read does not wait for anybody. A guess is good enough. */
static bool is_cached(const struct file_inode *i)
{
	return READ_RELAXED(&i->map.nr_pages) * PAGE_SIZE >= READ_RELAXED(&i->attr.size);
}

void files_op_read(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct file_inode *i = handle_inode(fi);
	struct files_call c;
	struct file_read r;

	if (!is_cached(i))
		loop_may_wait();
	files_call_begin_short(&c, req);
	int err = file_read_begin(i, (uint64_t)offset, size, &r);
	if (err) {
		fuse_reply_err(req, -err);
	} else {
		fuse_reply_iov(req, r.iov, (int)r.nr_iov);
		file_read_end(&r);
	}
	files_call_end(&c);
}

static uint64_t append_offset(struct files_call *c, struct file_inode *i, uint64_t told)
{
	struct stat st = { 0 };

	file_getattr(i, &st);
	if ((uint64_t)st.st_size != told)
		notifier_inode_changed(c->fs->notifier, file_ino(i));
	return (uint64_t)st.st_size;
}

/* O_DSYNC and O_SYNC: the host leaves them to us where it keeps no pages itself. */
static ssize_t write_synced(struct file_inode *i, int flags, ssize_t n)
{
	if (n <= 0 || !(flags & O_DSYNC))
		return n;
	int err = file_fsync(i, (flags & O_SYNC) != O_SYNC);

	return err ? err : n;
}

void files_op_write(fuse_req_t req, const char *buf, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct file_inode *i = handle_inode(fi);
	uint64_t at = (uint64_t)offset;
	struct files_call c;

	files_call_begin(&c, req);
	privileges_drop(&c, i);
	if (fi->flags & O_APPEND)
		at = append_offset(&c, i, at);
	ssize_t n = write_synced(i, fi->flags, file_write(i, buf, size, at));
	files_call_end(&c);
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_write(req, (size_t)n);
}

void files_op_fsync(fuse_req_t req, fuse_ino_t ino, bool data_only)
{
	struct files_call c;

	files_call_begin(&c, req);
	struct file_inode *i = file_get(c.files, ino);
	int err = i ? file_fsync(i, data_only) : -ESTALE;
	if (i)
		file_put(i);
	files_call_end(&c);
	fuse_reply_err(req, -err);
}

void files_op_fallocate(fuse_req_t req, int mode, off_t offset, off_t len, struct fuse_file_info *fi)
{
	struct files_call c;

	files_call_begin(&c, req);
	privileges_drop(&c, handle_inode(fi));
	int err = file_fallocate(handle_inode(fi), mode, (uint64_t)offset, (uint64_t)len);
	files_call_end(&c);
	fuse_reply_err(req, -err);
}

void files_op_lseek(fuse_req_t req, off_t offset, int whence, struct fuse_file_info *fi)
{
	struct files_call c;

	files_call_begin(&c, req);
	off_t at = file_seek(handle_inode(fi), offset, whence);
	files_call_end(&c);
	if (at < 0)
		fuse_reply_err(req, (int)-at);
	else
		fuse_reply_lseek(req, at);
}
