/* SPDX-License-Identifier: MIT */
#include "fs/files.h"

#include "base/mem.h"
#include "fs/inode.h"
#include "fs/loop.h"
#include "fs/ops.h"
#include "vm/filemap.h"
#include "vm/vm.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/*
 * What is asked of one inode below files/. Every request runs inside
 * files_enter, as a caller whose CPU the memory comes from, and as a client
 * that can be interrupted where it has to wait. Requests that may have to go
 * to the store let another thread receive (loop_may_wait); those that the
 * caches answer do not.
 *
 * Rights are checked by the host kernel, from the mode bits we tell; access
 * lists of the store would mean nothing to it, so they are not shown.
 */

#define ACCESS_LIST "system.posix_acl_"
#define SHOWN_INO_BIT (1ull << 59)

void files_call_begin_short(struct files_call *c, fuse_req_t req)
{
	c->fs = fuse_req_userdata(req);
	c->files = &c->fs->vm->files;
	c->req = req;
	c->before = caller_set(request_caller(c->fs, req));
	request_begin(&c->request, req, NULL);
	files_enter(c->files);
}

void files_call_begin(struct files_call *c, fuse_req_t req)
{
	loop_may_wait();
	files_call_begin_short(c, req);
}

void files_call_end(struct files_call *c)
{
	files_leave(c->files);
	(void)!request_end(&c->request);
	caller_set(c->before);
}

struct file_who files_who(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct file_who){ ctx->uid, ctx->gid };
}

bool files_keeps_privileges(fuse_req_t req)
{
	return !fuse_req_ctx(req)->uid;
}

mode_t mode_without_privileges(mode_t mode)
{
	mode &= ~(mode_t)S_ISUID;
	return mode & S_IXGRP ? mode & ~(mode_t)S_ISGID : mode;
}

/* ---- Attributes ---- */

uint64_t files_shown_ino(const struct fs *fs, uint64_t ino)
{
	return ino <= fs->tree.nr_entries ? ino | SHOWN_INO_BIT : ino;
}

static void files_stat(const struct fs *fs, struct file_inode *i, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	file_getattr(i, st);
	st->st_ino = files_shown_ino(fs, st->st_ino);
}

void files_entry_fill(const struct fs *fs, struct file_inode *i, struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	e->ino = file_ino(i);
	e->attr_timeout = e->entry_timeout = FILES_TIMEOUT;
	files_stat(fs, i, &e->attr);
}

/* Known before the host can forget it; an answer that does not arrive is forgotten at once. */
void files_entry_reply(struct files_call *c, struct file_inode *i)
{
	struct fuse_entry_param e;

	files_entry_fill(c->fs, i, &e);
	file_known(i);
	if (fuse_reply_entry(c->req, &e) == -ENOENT)
		file_forget(c->files, e.ino, 1);
	file_put(i);
}

/* ---- files/ itself ---- */

bool files_is_root(const struct fs *fs, fuse_ino_t parent, const char *name)
{
	return parent == FUSE_ROOT_ID && fs->tree.files && !strcmp(name, fs->tree.files->name);
}

bool files_is_entry(const struct fs *fs, fuse_ino_t ino)
{
	return fs->tree.files && ino == fs->tree.files->ino;
}

/* Nothing of this answer is kept: the next look may find the store. */
static void entry_stands_in(struct files_call *c)
{
	const struct entry *files = c->fs->tree.files;
	struct fuse_entry_param e = { .ino = files->ino };
	struct inode i;

	if (inode_get(c->fs, files->ino, &i)) {
		fuse_reply_err(c->req, ENOENT);
		return;
	}
	inode_stat(c->fs, &i, &e.attr);
	inode_put(&i);
	fuse_reply_entry(c->req, &e);
}

void files_op_lookup_root(fuse_req_t req)
{
	struct files_call c;
	struct file_inode *root;

	files_call_begin(&c, req);
	if (file_root(c.files, &root))
		entry_stands_in(&c);
	else
		files_entry_reply(&c, root);
	files_call_end(&c);
}

void files_op_unavailable(fuse_req_t req)
{
	struct files_call c;
	struct file_inode *root;

	files_call_begin(&c, req);
	int err = file_root(c.files, &root);
	if (!err)
		file_put(root);
	files_call_end(&c);
	fuse_reply_err(req, err ? -err : ESTALE);
}

/* ---- Inodes ---- */

void files_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct files_call c;
	struct file_inode *i;

	files_call_begin(&c, req);
	struct file_inode *dir = file_get(c.files, parent);
	int err = dir ? file_lookup(dir, name, &i) : -ESTALE;
	if (err)
		fuse_reply_err(req, -err);
	else
		files_entry_reply(&c, i);
	if (dir)
		file_put(dir);
	files_call_end(&c);
}

void files_op_forget(struct fs *fs, size_t nr, const struct fuse_forget_data *forgets)
{
	struct files *files = &fs->vm->files;

	files_enter(files);
	for (size_t i = 0; i < nr; i++)
		if (ino_is_file(forgets[i].ino))
			file_forget(files, forgets[i].ino, forgets[i].nlookup);
	files_leave(files);
}

static void attr_reply(struct files_call *c, struct file_inode *i)
{
	struct stat st;

	files_stat(c->fs, i, &st);
	fuse_reply_attr(c->req, &st, FILES_TIMEOUT);
}

void files_op_getattr(fuse_req_t req, fuse_ino_t ino)
{
	struct files_call c;

	files_call_begin_short(&c, req);
	struct file_inode *i = file_get(c.files, ino);
	if (i) {
		attr_reply(&c, i);
		file_put(i);
	} else {
		fuse_reply_err(req, ESTALE);
	}
	files_call_end(&c);
}

unsigned files_set_bits(int what)
{
	static const struct {
		int fuse;
		enum file_set ours;
	} bit[] = {
		{ FUSE_SET_ATTR_MODE, FILE_SET_MODE },
		{ FUSE_SET_ATTR_UID, FILE_SET_UID },
		{ FUSE_SET_ATTR_GID, FILE_SET_GID },
		{ FUSE_SET_ATTR_ATIME, FILE_SET_ATIME },
		{ FUSE_SET_ATTR_MTIME, FILE_SET_MTIME },
		{ FUSE_SET_ATTR_ATIME_NOW, FILE_SET_ATIME_NOW },
		{ FUSE_SET_ATTR_MTIME_NOW, FILE_SET_MTIME_NOW },
	};
	unsigned which = 0;

	for (size_t i = 0; i < ARRAY_LEN(bit); i++)
		if (what & bit[i].fuse)
			which |= bit[i].ours;
	return which;
}

/*
 * A change of owner takes privileges from a file whoever makes it
 * (fs/open.c: chown_common, 6.1), a change of size only if it is not root's.
 */
static bool takes_privileges(fuse_req_t req, int what, mode_t mode)
{
	if (what & FUSE_SET_ATTR_MODE || S_ISDIR(mode) || mode_without_privileges(mode) == mode)
		return false;
	return what & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID) ||
	       (what & FUSE_SET_ATTR_SIZE && !files_keeps_privileges(req));
}

static int attr_change(fuse_req_t req, struct file_inode *i, const struct stat *st, int what)
{
	struct stat now = { 0 }, change = *st;
	unsigned which = files_set_bits(what);
	int err = what & FUSE_SET_ATTR_SIZE ? file_truncate(i, (uint64_t)st->st_size) : 0;

	file_getattr(i, &now);
	if (takes_privileges(req, what, now.st_mode)) {
		change.st_mode = mode_without_privileges(now.st_mode);
		which |= FILE_SET_MODE;
	}
	return err || !which ? err : file_setattr(i, &change, which);
}

void files_op_setattr(fuse_req_t req, fuse_ino_t ino, const struct stat *st, int what)
{
	struct files_call c;

	files_call_begin(&c, req);
	struct file_inode *i = file_get(c.files, ino);
	int err = i ? attr_change(req, i, st, what) : -ESTALE;
	if (err)
		fuse_reply_err(req, -err);
	else
		attr_reply(&c, i);
	if (i)
		file_put(i);
	files_call_end(&c);
}

void files_op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char target[PATH_MAX + 1];
	struct files_call c;

	files_call_begin(&c, req);
	struct file_inode *i = file_get(c.files, ino);
	ssize_t n = i ? file_readlink(i, target, PATH_MAX) : -ESTALE;
	if (i)
		file_put(i);
	files_call_end(&c);
	if (n < 0) {
		fuse_reply_err(req, (int)-n);
		return;
	}
	target[n] = '\0';
	fuse_reply_readlink(req, target);
}

void files_op_statfs(fuse_req_t req)
{
	struct statvfs st = { 0 };
	struct files_call c;

	files_call_begin(&c, req);
	int err = files_statfs(c.files, &st);
	files_call_end(&c);
	if (err)
		fuse_reply_err(req, -err);
	else
		fuse_reply_statfs(req, &st);
}

/* ---- Extended attributes ---- */

static bool xattr_is_shown(const char *name)
{
	return strncmp(name, ACCESS_LIST, strlen(ACCESS_LIST)) != 0;
}

void files_op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
		       size_t size, int flags)
{
	struct files_call c;

	files_call_begin(&c, req);
	struct file_inode *i = file_get(c.files, ino);
	int err = -ESTALE;
	if (i) {
		err = xattr_is_shown(name) ? file_setxattr(i, name, value, size, flags) : -EOPNOTSUPP;
		file_put(i);
	}
	files_call_end(&c);
	fuse_reply_err(req, -err);
}

void files_op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct files_call c;

	files_call_begin(&c, req);
	struct file_inode *i = file_get(c.files, ino);
	int err = -ESTALE;
	if (i) {
		err = xattr_is_shown(name) ? file_removexattr(i, name) : -EOPNOTSUPP;
		file_put(i);
	}
	files_call_end(&c);
	fuse_reply_err(req, -err);
}

/* Names that are not shown fall out of the list. Returns the bytes left. */
static size_t list_filter(char *list, size_t len)
{
	size_t kept = 0;

	for (size_t at = 0; at < len;) {
		size_t n = strnlen(list + at, len - at);
		if (n < len - at)
			n++; /* its NUL */
		if (xattr_is_shown(list + at)) {
			memmove(list + kept, list + at, n);
			kept += n;
		}
		at += n;
	}
	return kept;
}

/* The whole of it, at most XATTR_SIZE_MAX bytes; name NULL: the list of names. */
static ssize_t xattr_fetch(struct files *files, fuse_ino_t ino, const char *name, char *buf)
{
	struct file_inode *i = file_get(files, ino);
	if (!i)
		return -ESTALE;
	ssize_t n;
	if (!name)
		n = file_listxattr(i, buf, XATTR_LIST_MAX);
	else
		n = xattr_is_shown(name) ? file_getxattr(i, name, buf, XATTR_SIZE_MAX) : -EOPNOTSUPP;
	file_put(i);
	return !name && n > 0 ? (ssize_t)list_filter(buf, (size_t)n) : n;
}

static void xattr_reply(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct files_call c;
	char *buf = mem_zalloc(XATTR_SIZE_MAX);

	if (!buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	files_call_begin(&c, req);
	ssize_t n = xattr_fetch(c.files, ino, name, buf);
	files_call_end(&c);
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else if (!size)
		fuse_reply_xattr(req, (size_t)n);
	else if ((size_t)n > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, buf, (size_t)n);
	mem_free(buf);
}

void files_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	xattr_reply(req, ino, name, size);
}

void files_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	xattr_reply(req, ino, NULL, size);
}
