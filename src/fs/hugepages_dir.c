/* SPDX-License-Identifier: MIT */
#include "fs/hugepages.h"

#include "base/mem.h"
#include "fs/files.h"
#include "vm/vm.h"

#include <errno.h>
#include <string.h>

/*
 * Names in dev/hugepages: made, linked, moved, removed and listed. What was
 * made belongs to whoever asked, and to the directory's group where the
 * directory hands that on; umask has been applied by the host kernel. A
 * position in a directory stays right by itself (vm/hugetlbfs.h), so an open
 * directory needs nothing of its own.
 */

#define BATCH 64u

/* ---- Listing ---- */

void huge_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct huge_call c;

	huge_call_begin_short(&c, req);
	struct huge_inode *i = huge_get(c.h, ino);
	if (i)
		huge_put(i);
	huge_call_end(&c);
	fi->fh = 0;
	if (i)
		fuse_reply_open(req, fi);
	else
		fuse_reply_err(req, ESTALE);
}

/* As many entries from the position on as fit. Returns the bytes. */
static size_t dir_encode(fuse_req_t req, struct huge_inode *dir, uint64_t position,
			 struct huge_dirent *batch, char *buf, size_t size)
{
	size_t used = 0;

	for (unsigned nr; (nr = huge_readdir(dir, position, batch, BATCH)) > 0;) {
		for (unsigned k = 0; k < nr; k++) {
			const struct huge_dirent *e = &batch[k];
			struct stat st = { .st_ino = e->ino, .st_mode = e->type };
			size_t n = fuse_add_direntry(req, buf + used, size - used, e->name, &st,
						     (off_t)e->next);
			if (n > size - used)
				return used;
			used += n;
			position = e->next;
		}
	}
	return used;
}

void huge_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset)
{
	struct huge_call c;
	struct huge_dirent *batch = mem_zalloc(BATCH * sizeof(*batch) + size);

	if (!batch) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	char *buf = (char *)(batch + BATCH);
	huge_call_begin_short(&c, req);
	struct huge_inode *dir = huge_get(c.h, ino);
	if (dir) {
		fuse_reply_buf(req, buf, dir_encode(req, dir, (uint64_t)offset, batch, buf, size));
		huge_put(dir);
	} else {
		fuse_reply_err(req, ESTALE);
	}
	huge_call_end(&c);
	mem_free(batch);
}

/* ---- Making ---- */

static int name_make(struct huge_call *c, fuse_ino_t parent, const char *name,
		     struct huge_making *m, struct huge_inode **out)
{
	struct huge_inode *dir = huge_get(c->h, parent);
	struct stat st;

	if (!dir)
		return -ESTALE;
	m->who = files_who(c->req);
	huge_getattr(dir, &st);
	if (st.st_mode & S_ISGID) {
		m->who.gid = st.st_gid;
		m->mode |= S_ISDIR(m->mode) ? S_ISGID : 0;
	}
	int err = huge_make(dir, name, m, out);
	huge_put(dir);
	return err;
}

static void make_and_reply(fuse_req_t req, fuse_ino_t parent, const char *name, struct huge_making *m)
{
	struct huge_call c;
	struct huge_inode *i;

	huge_call_begin(&c, req);
	int err = name_make(&c, parent, name, m, &i);
	if (err)
		fuse_reply_err(req, -err);
	else
		huge_entry_reply(&c, i);
	huge_call_end(&c);
}

void huge_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	make_and_reply(req, parent, name,
		       &(struct huge_making){ .mode = mode & S_IFMT ? mode : S_IFREG | mode, .rdev = rdev });
}

void huge_op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	make_and_reply(req, parent, name,
		       &(struct huge_making){ .mode = S_IFLNK | 0777, .target = target });
}

static void create_reply(struct huge_call *c, struct huge_inode *i, struct fuse_file_info *fi)
{
	struct fuse_entry_param e;

	huge_entry_fill(i, &e);
	huge_open_fill(fi);
	huge_known(i);
	huge_open(i);
	if (fuse_reply_create(c->req, &e, fi) == -ENOENT) {
		huge_release(i);
		huge_forget(c->h, e.ino, 1);
	}
	huge_put(i);
}

void huge_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		    struct fuse_file_info *fi)
{
	struct huge_making m = { .mode = S_IFREG | (mode & 07777) };
	struct huge_call c;
	struct huge_inode *i;

	huge_call_begin(&c, req);
	int err = name_make(&c, parent, name, &m, &i);
	if (err)
		fuse_reply_err(req, -err);
	else
		create_reply(&c, i, fi);
	huge_call_end(&c);
}

void huge_op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct huge_call c;

	huge_call_begin(&c, req);
	struct huge_inode *dir = huge_get(c.h, parent), *i = huge_get(c.h, ino);
	int err = dir && i ? huge_link(i, dir, name) : -ESTALE;
	if (dir)
		huge_put(dir);
	if (err)
		fuse_reply_err(req, -err);
	else
		huge_entry_reply(&c, i);
	if (err && i)
		huge_put(i);
	huge_call_end(&c);
}

/* ---- Removing and moving ---- */

void huge_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name, bool directory)
{
	struct huge_call c;

	huge_call_begin(&c, req);
	struct huge_inode *dir = huge_get(c.h, parent);
	int err = dir ? huge_unlink(dir, name, directory) : -ESTALE;
	if (dir)
		huge_put(dir);
	huge_call_end(&c);
	fuse_reply_err(req, -err);
}

void huge_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
		    const char *to_name, unsigned flags)
{
	struct huge_call c;

	huge_call_begin(&c, req);
	struct huge_inode *dir = huge_get(c.h, parent), *to_dir = huge_get(c.h, to);
	int err = dir && to_dir ? huge_rename(dir, name, to_dir, to_name, flags) : -ESTALE;
	if (dir)
		huge_put(dir);
	if (to_dir)
		huge_put(to_dir);
	huge_call_end(&c);
	fuse_reply_err(req, -err);
}
