/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include "base/caller.h"
#include "fs/dirops.h"
#include "fs/files.h"
#include "fs/handle.h"
#include "fs/hugepages.h"
#include "fs/loop.h"
#include "fs/request.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/*
 * Callbacks on files: thin adapters that turn a request into a call and its
 * result into a reply. What is below files/ and dev/hugepages goes on to
 * fs/files.h and fs/hugepages.h. Permission bits are checked by the host kernel
 * (default_permissions); what root may not do either is refused here with
 * 6.1's errno.
 *
 * Every open file is direct_io, for its length is not known before it is read.
 */

static void fs_op_init(void *user, struct fuse_conn_info *conn)
{
	const struct fs *fs = user;

	/* texts are small and made in user memory: a pipe would only add work */
	conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
				  FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
	/* O_TRUNC comes with the open, where it means nothing, and not as a change of size before it */
	conn->want |= conn->capable & (FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_PARALLEL_DIROPS);
	/* set-user-ID bits below files/ go when they must: the host need not look before each write */
	conn->want |= conn->capable & FUSE_CAP_HANDLE_KILLPRIV;
	conn->max_write = FS_IO_BYTES_MAX;
	if (fs->max_read)
		conn->max_read = fs->max_read; /* libfuse ends the session when they differ */
	conn->time_gran = 1;
}

static double inode_timeout(const struct inode *i)
{
	return i->kind == INODE_ENTRY ? FS_TIMEOUT_STATIC : FS_TIMEOUT_TASK;
}

static bool is_kmsg(const struct fs *fs, fuse_ino_t ino)
{
	return ino == fs->kmsg.ino;
}

/* What may change behind the kernel's back: the size of a task's memory. Of dev/kmsg every question must reach us. */
static double attr_timeout(const struct inode *i)
{
	if (i->kind == INODE_ENTRY && i->entry->kind == ENTRY_KMSG)
		return 0;
	return i->kind == INODE_TASK_ATTR && i->attr->is_mem ? 0 : inode_timeout(i);
}

static void entry_param_fill(struct fs *fs, const struct inode *i, struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	e->ino = i->ino;
	e->entry_timeout = inode_timeout(i);
	e->attr_timeout = attr_timeout(i);
	inode_stat(fs, i, &e->attr);
}

/* Known before the host can forget it; an answer that does not arrive is forgotten at once. */
void inode_answer(fuse_req_t req, struct fs *fs, const struct inode *i, uint64_t dir, const char *name)
{
	struct fuse_entry_param e;

	entry_param_fill(fs, i, &e);
	inode_known(i, dir, name);
	if (fuse_reply_entry(req, &e) == -ENOENT)
		inode_forget(fs, i->ino, 1);
}

static void fs_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fuse_req_userdata(req);
	struct inode i;

	if (ino_is_file(parent)) {
		files_op_lookup(req, parent, name);
		return;
	}
	if (files_is_root(fs, parent, name)) {
		files_op_lookup_root(req);
		return;
	}
	if (files_is_entry(fs, parent)) {
		files_op_unavailable(req);
		return;
	}
	if (ino_is_huge(parent)) {
		huge_op_lookup(req, parent, name);
		return;
	}
	int mount = huge_mount_of(fs, parent, name);
	if (mount >= 0) {
		huge_op_lookup_root(req, (unsigned)mount);
		return;
	}
	int err = inode_lookup(fs, parent, name, &i);
	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	inode_answer(req, fs, &i, parent, name);
	inode_put(&i);
}

static void fs_op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct fs *fs = fuse_req_userdata(req);
	size_t nr_files = 0, nr_huge = 0;

	for (size_t i = 0; i < count; i++) {
		inode_forget(fs, forgets[i].ino, forgets[i].nlookup);
		nr_files += ino_is_file(forgets[i].ino);
		nr_huge += ino_is_huge(forgets[i].ino);
	}
	if (nr_files)
		files_op_forget(fs, count, forgets);
	if (nr_huge)
		huge_op_forget(fs, count, forgets);
	fuse_reply_none(req);
}

static void fs_op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	fs_op_forget_multi(req, 1, &(struct fuse_forget_data){ ino, nlookup });
}

static void attr_reply(fuse_req_t req, struct fs *fs, const struct inode *i)
{
	struct stat st;

	inode_stat(fs, i, &st);
	fuse_reply_attr(req, &st, attr_timeout(i));
}

static void fs_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	struct inode i;

	if (ino_is_file(ino)) {
		files_op_getattr(req, ino);
		return;
	}
	if (ino_is_huge(ino)) {
		huge_op_getattr(req, ino);
		return;
	}
	int err = inode_get(fs, ino, &i);
	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	if (fi && is_kmsg(fs, ino))
		kmsg_seek_end(&fs->kmsg, fi);
	attr_reply(req, fs, &i);
	inode_put(&i);
}

/* Sizes and times stay what they are, as on the kernel's own files; so a truncate or touch succeeds and does nothing. */
static int attr_change(const struct inode *i, const struct stat *st, int what)
{
	int err = 0;

	if (what & FUSE_SET_ATTR_MODE)
		err = inode_chmod(i, st->st_mode);
	if (!err && what & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		err = inode_chown(i, what & FUSE_SET_ATTR_UID ? st->st_uid : (uid_t)-1,
				  what & FUSE_SET_ATTR_GID ? st->st_gid : (gid_t)-1);
	return err;
}

static void fs_op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int what,
			  struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	struct inode i;

	(void)fi;
	if (ino_is_file(ino)) {
		files_op_setattr(req, ino, st, what);
		return;
	}
	if (ino_is_huge(ino)) {
		huge_op_setattr(req, ino, st, what);
		return;
	}
	int err = inode_get(fs, ino, &i);
	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	err = attr_change(&i, st, what);
	if (err)
		fuse_reply_err(req, -err);
	else
		attr_reply(req, fs, &i);
	inode_put(&i);
}

static void fs_op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fuse_req_userdata(req);
	struct entry *e = tree_entry(&fs->tree, ino);

	if (ino_is_file(ino))
		files_op_readlink(req, ino);
	else if (ino_is_huge(ino))
		huge_op_readlink(req, ino);
	else if (e && e->target)
		fuse_reply_readlink(req, e->target);
	else
		fuse_reply_err(req, EINVAL);
}

/* Making a state.tar may take long. */
static int text_open(struct fs *fs, fuse_req_t req, const struct inode *i, int flags, struct handle **h)
{
	struct request r;

	if (i->kind == INODE_ENTRY && i->entry->kind == ENTRY_STATE)
		loop_may_wait();
	request_begin(&r, req, NULL);
	int err = handle_open(fs, i, flags, h);
	(void)!request_end(&r);
	return err;
}

static void fs_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	struct handle *h;
	struct inode i;

	if (ino_is_file(ino)) {
		files_op_open(req, ino, fi);
		return;
	}
	if (ino_is_huge(ino)) {
		huge_op_open(req, ino, fi);
		return;
	}
	if (is_kmsg(fs, ino)) {
		kmsg_op_open(&fs->kmsg, req, fi);
		return;
	}
	int err = inode_get(fs, ino, &i);
	if (!err) {
		err = text_open(fs, req, &i, fi->flags, &h);
		inode_put(&i);
	}
	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	fi->fh = (uintptr_t)h;
	fi->direct_io = 1;
	fi->noflush = 1;
	if (fuse_reply_open(req, fi) == -ENOENT) /* interrupted: nobody will close it */
		handle_close(fs, h);
}

static void fs_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);

	if (ino_is_file(ino)) {
		files_op_release(req, fi);
		return;
	}
	if (ino_is_huge(ino)) {
		huge_op_release(req, ino);
		return;
	}
	if (is_kmsg(fs, ino)) {
		kmsg_op_release(&fs->kmsg, req, fi);
		return;
	}
	handle_close(fs, (struct handle *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

static void fs_op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;
	struct slice slice;

	if (ino_is_file(ino)) {
		files_op_read(req, size, offset, fi);
		return;
	}
	if (ino_is_huge(ino)) {
		huge_op_read(req, ino, size, offset);
		return;
	}
	if (is_kmsg(fs, ino)) {
		kmsg_op_read(&fs->kmsg, req, size, offset, fi);
		return;
	}
	struct request r;
	if (ino_is_mem(ino)) /* its task may be in the middle of a long change */
		loop_may_wait();
	request_begin(&r, req, NULL);
	int err = handle_read_begin(fs, h, size, offset, &slice);
	(void)!request_end(&r);
	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	fuse_reply_buf(req, slice.data, slice.len);
	handle_read_end(h);
}

/* Numbers of processes differ from run to run, so where runs must not differ every client is number 1. */
struct caller request_caller(const struct fs *fs, fuse_req_t req)
{
	pid_t pid = fuse_req_ctx(req)->pid;

	return (struct caller){ fs->vm->deterministic ? 1 : pid, pid, CALLER_NAMELESS,
				fuse_req_ctx(req)->uid };
}

static void write_answer(struct client *c, ssize_t n)
{
	if (n < 0)
		fuse_reply_err(client_req(c), (int)-n);
	else
		fuse_reply_write(client_req(c), (size_t)n);
}

static void fs_op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t offset,
			struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	struct handle *h = (struct handle *)(uintptr_t)fi->fh;

	if (ino_is_file(ino)) {
		files_op_write(req, buf, size, offset, fi);
		return;
	}
	if (ino_is_huge(ino)) {
		huge_op_write(req, ino, buf, size, offset, fi);
		return;
	}
	struct caller before = caller_set(request_caller(fs, req));
	if (is_kmsg(fs, ino)) {
		kmsg_op_write(&fs->kmsg, req, buf, size, fi);
		caller_set(before);
		return;
	}
	struct request r;
	request_begin(&r, req, write_answer);
	ssize_t n = handle_write(fs, h, buf, size, offset);
	caller_set(before);
	if (request_end(&r))
		write_answer(&r.client, n);
}

/*
 * SEEK_DATA and SEEK_HOLE; the others do not reach us. Texts of proc know
 * neither (fs/seq_file.c, 6.1), other files are data up to their size.
 */
static void fs_op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	struct stat st;
	struct inode i;

	if (ino_is_file(ino)) {
		files_op_lseek(req, offset, whence, fi);
		return;
	}
	if (ino_is_huge(ino)) {
		huge_op_lseek(req, ino, offset, whence);
		return;
	}
	if (is_kmsg(fs, ino)) {
		kmsg_op_lseek(&fs->kmsg, req, offset, whence, fi);
		return;
	}
	int err = inode_get(fs, ino, &i);
	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	inode_stat(fs, &i, &st);
	bool text = i.kind == INODE_ENTRY && i.entry->kind == ENTRY_VIEW && i.entry->view->style == VIEW_PROC;
	inode_put(&i);
	if (text)
		fuse_reply_err(req, EINVAL);
	else if (offset >= st.st_size)
		fuse_reply_err(req, ENXIO);
	else
		fuse_reply_lseek(req, whence == SEEK_DATA ? offset : st.st_size);
}

/* Any other file is always ready, as a regular one is; a task's events say besides whether there are new ones. */
static void fs_op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
	struct fs *fs = fuse_req_userdata(req);

	if (is_kmsg(fs, ino)) {
		kmsg_op_poll(&fs->kmsg, req, fi, ph);
		return;
	}
	unsigned events = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
	bool text = !ino_is_file(ino) && !ino_is_huge(ino);
	if (text && handle_poll(fs, (struct handle *)(uintptr_t)fi->fh, ph))
		events |= POLLERR | POLLPRI;
	else if (!text && ph)
		fuse_pollhandle_destroy(ph);
	fuse_reply_poll(req, events);
}

/* Of a file or a directory. Outside files/ nothing is kept back that could be written out. */
static void fs_op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)fi;
	if (ino_is_file(ino))
		files_op_fsync(req, ino, datasync);
	else
		fuse_reply_err(req, 0);
}

static void fs_op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t len,
			    struct fuse_file_info *fi)
{
	if (ino_is_file(ino))
		files_op_fallocate(req, mode, offset, len, fi);
	else if (ino_is_huge(ino))
		huge_op_fallocate(req, ino, mode, offset, len);
	else
		fuse_reply_err(req, EOPNOTSUPP);
}

/* ---- Extended attributes: files/ and dev/hugepages have them. ENOSYS would end them for the whole mount. ---- */

static void fs_op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
			   size_t size, int flags)
{
	if (ino_is_file(ino))
		files_op_setxattr(req, ino, name, value, size, flags);
	else if (ino_is_huge(ino))
		huge_op_setxattr(req, name);
	else
		fuse_reply_err(req, EOPNOTSUPP);
}

static void fs_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	if (ino_is_file(ino))
		files_op_getxattr(req, ino, name, size);
	else if (ino_is_huge(ino))
		huge_op_getxattr(req, ino, name, size);
	else
		fuse_reply_err(req, EOPNOTSUPP);
}

static void fs_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	if (ino_is_file(ino))
		files_op_listxattr(req, ino, size);
	else if (ino_is_huge(ino))
		huge_op_listxattr(req, ino, size);
	else
		fuse_reply_err(req, EOPNOTSUPP);
}

static void fs_op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	if (ino_is_file(ino))
		files_op_removexattr(req, ino, name);
	else if (ino_is_huge(ino))
		huge_op_setxattr(req, name);
	else
		fuse_reply_err(req, EOPNOTSUPP);
}

static void fs_op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	if (ino_is_file(ino)) {
		files_op_statfs(req);
		return;
	}
	if (ino_is_huge(ino)) {
		huge_op_statfs(req, ino);
		return;
	}
	fs_statvfs(fuse_req_userdata(req), &st);
	fuse_reply_statfs(req, &st);
}

const struct fuse_lowlevel_ops fs_ops = {
	.init = fs_op_init,
	.lookup = fs_op_lookup,
	.forget = fs_op_forget,
	.forget_multi = fs_op_forget_multi,
	.getattr = fs_op_getattr,
	.setattr = fs_op_setattr,
	.readlink = fs_op_readlink,
	.open = fs_op_open,
	.release = fs_op_release,
	.read = fs_op_read,
	.write = fs_op_write,
	.poll = fs_op_poll,
	.lseek = fs_op_lseek,
	.fsync = fs_op_fsync,
	.fsyncdir = fs_op_fsync,
	.fallocate = fs_op_fallocate,
	.setxattr = fs_op_setxattr,
	.getxattr = fs_op_getxattr,
	.listxattr = fs_op_listxattr,
	.removexattr = fs_op_removexattr,
	.statfs = fs_op_statfs,
	.opendir = fs_op_opendir,
	.readdir = fs_op_readdir,
	.releasedir = fs_op_releasedir,
	.mkdir = fs_op_mkdir,
	.rmdir = fs_op_rmdir,
	.unlink = fs_op_unlink,
	.mknod = fs_op_mknod,
	.create = fs_op_create,
	.symlink = fs_op_symlink,
	.link = fs_op_link,
	.rename = fs_op_rename,
};
