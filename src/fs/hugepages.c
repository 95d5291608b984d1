/* SPDX-License-Identifier: MIT */
#include "fs/hugepages.h"

#include "fs/files.h"
#include "fs/loop.h"
#include "fs/notify.h"
#include "fs/ops.h"
#include "vm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/*
 * What is asked of one inode in dev/hugepages (vm/hugetlbfs.h). All that can
 * change does so through here, so what the host remembers is right, but for the
 * size after a write, for which it asks again by itself.
 *
 * Files are direct_io: a reply to a read points at the frames. Shared mappings
 * are refused by the host (ENODEV); whoever wants one maps dev/mem where
 * user.ummfs.pfn says.
 */

/* ---- Requests ---- */

void huge_call_begin_short(struct huge_call *c, fuse_req_t req)
{
	c->fs = fuse_req_userdata(req);
	c->h = &c->fs->vm->hugetlbfs;
	c->req = req;
	c->before = caller_set(request_caller(c->fs, req));
	request_begin(&c->request, req, NULL);
	if (hugetlbfs_try_enter(c->h))
		return;
	loop_may_wait(); /* until the bytes of a state are copied */
	hugetlbfs_enter(c->h);
}

void huge_call_begin(struct huge_call *c, fuse_req_t req)
{
	loop_may_wait();
	huge_call_begin_short(c, req);
}

void huge_call_end(struct huge_call *c)
{
	hugetlbfs_leave(c->h);
	(void)!request_end(&c->request);
	caller_set(c->before);
}

void huge_entry_fill(struct huge_inode *i, struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	e->ino = huge_ino(i);
	e->attr_timeout = e->entry_timeout = FILES_TIMEOUT;
	huge_getattr(i, &e->attr);
}

/* Known before the host can forget it; an answer that does not arrive is forgotten at once. */
void huge_entry_reply(struct huge_call *c, struct huge_inode *i)
{
	struct fuse_entry_param e;

	huge_entry_fill(i, &e);
	huge_known(i);
	if (fuse_reply_entry(c->req, &e) == -ENOENT)
		huge_forget(c->h, e.ino, 1);
	huge_put(i);
}

/* ---- Finding ---- */

int huge_mount_of(const struct fs *fs, fuse_ino_t parent, const char *name)
{
	for (int k = 0; k < HUGETLB_SIZES; k++) {
		const struct entry *e = fs->tree.huge[k];
		if (e && e->parent->ino == parent && !strcmp(e->name, name))
			return k;
	}
	return -1;
}

void huge_op_lookup_root(fuse_req_t req, unsigned mount)
{
	struct huge_call c;
	struct huge_inode *i;

	huge_call_begin(&c, req);
	int err = huge_root(c.h, mount, &i);
	if (err)
		fuse_reply_err(req, -err);
	else
		huge_entry_reply(&c, i);
	huge_call_end(&c);
}

void huge_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct huge_call c;
	struct huge_inode *i;

	huge_call_begin_short(&c, req);
	struct huge_inode *dir = huge_get(c.h, parent);
	int err = dir ? huge_lookup(dir, name, &i) : -ESTALE;
	if (err)
		fuse_reply_err(req, -err);
	else
		huge_entry_reply(&c, i);
	if (dir)
		huge_put(dir);
	huge_call_end(&c);
}

/* Forgetting a file that has no name gives its pages back. */
void huge_op_forget(struct fs *fs, size_t nr, const struct fuse_forget_data *forgets)
{
	struct hugetlbfs *h = &fs->vm->hugetlbfs;

	loop_may_wait();
	hugetlbfs_enter(h);
	for (size_t k = 0; k < nr; k++)
		if (ino_is_huge(forgets[k].ino))
			huge_forget(h, forgets[k].ino, forgets[k].nlookup);
	hugetlbfs_leave(h);
}

/* ---- Attributes ---- */

static void attr_reply(fuse_req_t req, struct huge_inode *i)
{
	struct stat st;

	huge_getattr(i, &st);
	fuse_reply_attr(req, &st, FILES_TIMEOUT);
}

void huge_op_getattr(fuse_req_t req, fuse_ino_t ino)
{
	struct huge_call c;

	huge_call_begin_short(&c, req);
	struct huge_inode *i = huge_get(c.h, ino);
	if (i) {
		attr_reply(req, i);
		huge_put(i);
	} else {
		fuse_reply_err(req, ESTALE);
	}
	huge_call_end(&c);
}

/* A change of owner takes set-user-ID and the like away, a change of size only if it is not root's (as for files/). */
static bool takes_privileges(fuse_req_t req, int what, mode_t mode)
{
	if (what & FUSE_SET_ATTR_MODE || S_ISDIR(mode) || mode_without_privileges(mode) == mode)
		return false;
	return what & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID) ||
	       (what & FUSE_SET_ATTR_SIZE && !files_keeps_privileges(req));
}

static int attr_change(fuse_req_t req, struct huge_inode *i, const struct stat *st, int what)
{
	struct stat now, change = *st;
	unsigned which = files_set_bits(what);
	int err = what & FUSE_SET_ATTR_SIZE ? huge_truncate(i, (uint64_t)st->st_size) : 0;

	huge_getattr(i, &now);
	if (takes_privileges(req, what, now.st_mode)) {
		change.st_mode = mode_without_privileges(now.st_mode);
		which |= FILE_SET_MODE;
	}
	if (!err && which)
		huge_setattr(i, &change, which);
	return err;
}

void huge_op_setattr(fuse_req_t req, fuse_ino_t ino, const struct stat *st, int what)
{
	struct huge_call c;

	huge_call_begin(&c, req);
	struct huge_inode *i = huge_get(c.h, ino);
	int err = i ? attr_change(req, i, st, what) : -ESTALE;
	if (err)
		fuse_reply_err(req, -err);
	else
		attr_reply(req, i);
	if (i)
		huge_put(i);
	huge_call_end(&c);
}

void huge_op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct huge_call c;

	huge_call_begin_short(&c, req);
	struct huge_inode *i = huge_get(c.h, ino);
	if (i && i->target)
		fuse_reply_readlink(req, i->target);
	else
		fuse_reply_err(req, i ? EINVAL : ESTALE);
	if (i)
		huge_put(i);
	huge_call_end(&c);
}

void huge_op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct huge_call c;
	struct statvfs st;

	huge_call_begin_short(&c, req);
	struct huge_inode *i = huge_get(c.h, ino);
	if (i) {
		huge_statfs(i, &st);
		fuse_reply_statfs(req, &st);
		huge_put(i);
	} else {
		fuse_reply_err(req, ESTALE);
	}
	huge_call_end(&c);
}

/* ---- Content ---- */

void huge_open_fill(struct fuse_file_info *fi)
{
	fi->fh = 0; /* the number of the inode comes with every request */
	fi->direct_io = 1;
	fi->noflush = 1;
}

/* Whoever may not keep them takes set-user-ID bits from what it writes to. The host does not think of the mode then. */
static void privileges_drop(struct huge_call *c, struct huge_inode *i)
{
	struct stat st = { 0 };
	mode_t mode = READ_RELAXED(&i->attr.mode);

	if (mode_without_privileges(mode) == mode || files_keeps_privileges(c->req))
		return;
	st.st_mode = mode_without_privileges(mode);
	huge_setattr(i, &st, FILE_SET_MODE);
	notifier_inode_changed(c->fs->notifier, huge_ino(i));
}

static int open_truncate(struct huge_call *c, struct huge_inode *i)
{
	privileges_drop(c, i);
	return huge_truncate(i, 0);
}

void huge_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct huge_call c;

	huge_call_begin(&c, req);
	struct huge_inode *i = huge_get(c.h, ino);
	int err = i ? 0 : -ESTALE;
	if (!err && fi->flags & O_TRUNC)
		err = open_truncate(&c, i);
	if (err) {
		fuse_reply_err(req, -err);
	} else {
		huge_open(i);
		huge_open_fill(fi);
		if (fuse_reply_open(req, fi) == -ENOENT) /* interrupted: nobody will close it */
			huge_release(i);
	}
	if (i)
		huge_put(i);
	huge_call_end(&c);
}

/* An open inode is there, so only one that was made up is not found. */
void huge_op_release(fuse_req_t req, fuse_ino_t ino)
{
	struct huge_call c;

	huge_call_begin(&c, req);
	struct huge_inode *i = huge_get(c.h, ino);
	if (i) {
		huge_release(i);
		huge_put(i);
	}
	huge_call_end(&c);
	fuse_reply_err(req, i ? 0 : ESTALE);
}

void huge_op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset)
{
	struct huge_call c;
	struct huge_read r;

	huge_call_begin(&c, req); /* somebody may be filling the file */
	struct huge_inode *i = huge_get(c.h, ino);
	if (i) {
		huge_read_begin(i, size, (uint64_t)offset, &r);
		fuse_reply_iov(req, r.iov, (int)r.nr);
		huge_read_end(&r);
		huge_put(i);
	} else {
		fuse_reply_err(req, ESTALE);
	}
	huge_call_end(&c);
}

void huge_op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t offset,
		   const struct fuse_file_info *fi)
{
	struct huge_call c;
	ssize_t n = -ESTALE;

	huge_call_begin(&c, req);
	struct huge_inode *i = huge_get(c.h, ino);
	if (i) {
		uint64_t at = fi->flags & O_APPEND ? READ_RELAXED(&i->size) : (uint64_t)offset;
		privileges_drop(&c, i);
		n = huge_write(i, buf, size, at);
		huge_put(i);
	}
	huge_call_end(&c);
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_write(req, (size_t)n);
}

void huge_op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t len)
{
	struct huge_call c;
	int err = -ESTALE;

	huge_call_begin(&c, req);
	struct huge_inode *i = huge_get(c.h, ino);
	if (i) {
		privileges_drop(&c, i);
		err = huge_fallocate(i, mode, (uint64_t)offset, (uint64_t)len);
		huge_put(i);
	}
	huge_call_end(&c);
	fuse_reply_err(req, -err);
}

/* hugetlbfs looks for no holes: a file is data up to its size (fs/read_write.c: default_llseek, 6.1). */
void huge_op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence)
{
	struct huge_call c;
	off_t size = -1;

	huge_call_begin_short(&c, req);
	struct huge_inode *i = huge_get(c.h, ino);
	if (i) {
		size = (off_t)READ_RELAXED(&i->size);
		huge_put(i);
	}
	huge_call_end(&c);
	if (size < 0)
		fuse_reply_err(req, ESTALE);
	else if (offset < 0 || offset >= size)
		fuse_reply_err(req, ENXIO);
	else
		fuse_reply_lseek(req, whence == SEEK_DATA ? offset : size);
}

/* ---- Extended attributes: hugetlbfs has none; ours is about the machine ---- */

void huge_op_setxattr(fuse_req_t req, const char *name)
{
	fuse_reply_err(req, strcmp(name, HUGE_XATTR_PFN) ? EOPNOTSUPP : EPERM);
}

static void xattr_reply(fuse_req_t req, const char *value, size_t len, size_t size)
{
	if (len > XATTR_SIZE_MAX)
		fuse_reply_err(req, E2BIG);
	else if (!size)
		fuse_reply_xattr(req, len);
	else if (len > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, value, len);
}

void huge_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct huge_call c;
	struct text text;
	int err = -ESTALE;

	if (strcmp(name, HUGE_XATTR_PFN)) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	text_init(&text, 0);
	huge_call_begin(&c, req);
	struct huge_inode *i = huge_get(c.h, ino);
	if (i) {
		err = huge_pfns(i, &text);
		huge_put(i);
	}
	huge_call_end(&c);
	if (err)
		fuse_reply_err(req, -err);
	else
		xattr_reply(req, text_cstr(&text), text.len, size);
	text_fini(&text);
}

void huge_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct huge_call c;
	mode_t mode = 0;

	huge_call_begin_short(&c, req);
	struct huge_inode *i = huge_get(c.h, ino);
	if (i) {
		mode = READ_RELAXED(&i->attr.mode);
		huge_put(i);
	}
	huge_call_end(&c);
	xattr_reply(req, HUGE_XATTR_PFN, S_ISREG(mode) ? sizeof(HUGE_XATTR_PFN) : 0, size);
}
