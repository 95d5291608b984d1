/* SPDX-License-Identifier: MIT */
#include "fs/dirops.h"

#include "base/mem.h"
#include "fs/files.h"
#include "fs/hugepages.h"
#include "fs/listing.h"
#include "fs/request.h"

#include <errno.h>
#include <string.h>

/*
 * Callbacks on directories. The one that can be changed is tasks/: mkdir makes
 * a task, rmdir takes it away with all it holds. What fails elsewhere fails as
 * in 6.1: proc knows no names but its own (ENOENT), sysctl refuses by
 * permission (EACCES), sysfs and the rest by operation (EPERM). What is below
 * files/ and dev/hugepages goes on to fs/files.h and fs/hugepages.h; between
 * each of them and here is the border of a file system (EXDEV).
 */

struct dir_handle {
	struct lock lock; /* RANK_FS */
	struct listing listing;
};

static bool dir_gone(struct fs *fs, fuse_ino_t ino)
{
	struct inode i;

	if (inode_get(fs, ino, &i))
		return true;
	inode_put(&i);
	return false;
}

static void dir_handle_free(struct dir_handle *d)
{
	lock_take(&d->lock); /* whoever sent the last reply may not have let go yet */
	listing_fini(&d->listing);
	lock_drop(&d->lock);
	lock_fini(&d->lock);
	mem_free(d);
}

/* ESTALE: the kernel looks the name up again, which may be somebody else's by now. */
void fs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (ino_is_file(ino)) {
		files_op_opendir(req, ino, fi);
		return;
	}
	if (ino_is_huge(ino)) {
		huge_op_opendir(req, ino, fi);
		return;
	}
	if (files_is_entry(fuse_req_userdata(req), ino)) {
		files_op_unavailable(req);
		return;
	}
	if (dir_gone(fuse_req_userdata(req), ino)) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	struct dir_handle *d = mem_zalloc(sizeof(*d));
	if (!d) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	lock_init(&d->lock, RANK_FS, 0);
	listing_init(&d->listing);
	fi->fh = (uintptr_t)d;
	if (fuse_reply_open(req, fi) == -ENOENT) /* interrupted: nobody will close it */
		dir_handle_free(d);
}

void fs_op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct dir_handle *d = (struct dir_handle *)(uintptr_t)fi->fh;

	if (ino_is_file(ino)) {
		files_op_releasedir(req, fi);
		return;
	}
	if (ino_is_huge(ino)) {
		fuse_reply_err(req, 0);
		return;
	}
	dir_handle_free(d);
	fuse_reply_err(req, 0);
}

/* As many items from `from` on as fit. Returns the bytes used. */
static size_t listing_encode(fuse_req_t req, const struct listing *l, unsigned from, char *buf, size_t size)
{
	size_t used = 0;

	for (unsigned i = from; i < l->nr; i++) {
		struct stat st = { .st_ino = l->item[i].ino, .st_mode = l->item[i].type };
		size_t n = fuse_add_direntry(req, buf + used, size - used, listing_name(l, i), &st,
					     (off_t)i + 1);
		if (n > size - used)
			break;
		used += n;
	}
	return used;
}

static int listing_reply(fuse_req_t req, const struct listing *l, off_t offset, size_t size)
{
	unsigned from = offset < (off_t)l->nr ? (unsigned)offset : l->nr;
	char *buf = mem_zalloc(size);

	if (!buf)
		return -ENOMEM;
	fuse_reply_buf(req, buf, listing_encode(req, l, from, buf, size));
	mem_free(buf);
	return 0;
}

/* Position 0 takes the names anew (opendir, rewinddir); further on the same names are told. */
void fs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct dir_handle *d = (struct dir_handle *)(uintptr_t)fi->fh;
	int err = 0;

	if (ino_is_file(ino)) {
		files_op_readdir(req, size, offset, fi);
		return;
	}
	if (ino_is_huge(ino)) {
		huge_op_readdir(req, ino, size, offset);
		return;
	}
	lock_take(&d->lock);
	if (!offset || !d->listing.nr)
		err = listing_fill(&d->listing, fuse_req_userdata(req), ino);
	if (!err)
		err = listing_reply(req, &d->listing, offset, size);
	lock_drop(&d->lock);
	if (err)
		fuse_reply_err(req, -err);
}

/* The realm of a directory; REALM_TOP for one that is gone. */
static enum entry_realm dir_realm(fuse_req_t req, fuse_ino_t dir)
{
	struct inode i;

	if (inode_get(fuse_req_userdata(req), dir, &i))
		return REALM_TOP;
	enum entry_realm realm = inode_realm(&i);
	inode_put(&i);
	return realm;
}

/* errno of making a name: a directory, link or node; or a file through open(O_CREAT). */
static int make_errno(enum entry_realm realm, bool file)
{
	if (realm == REALM_PROC || realm == REALM_SYSCTL)
		return ENOENT;
	return realm == REALM_SYS && file ? EACCES : EPERM;
}

/* errno of removing or renaming a name that exists. */
static int remove_errno(enum entry_realm realm)
{
	return realm == REALM_SYSCTL ? EACCES : EPERM;
}

static void task_mkdir(fuse_req_t req, struct fs *fs, const char *name, mode_t mode)
{
	const struct fuse_ctx *who = fuse_req_ctx(req);
	struct inode i;
	struct task *t;
	int err = task_create_mode(fs->vm, name, who->uid, who->gid, mode, &t);
	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	err = inode_get(fs, task_dir_ino(t), &i);
	task_put(t);
	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	inode_answer(req, fs, &i, fs->tree.tasks->ino, name);
	inode_put(&i);
}

void fs_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct fs *fs = fuse_req_userdata(req);

	if (ino_is_file(parent))
		files_op_mkdir(req, parent, name, mode);
	else if (ino_is_huge(parent))
		huge_op_mknod(req, parent, name, S_IFDIR | (mode & 07777), 0);
	else if (files_is_entry(fs, parent))
		files_op_unavailable(req);
	else if (parent == fs->tree.tasks->ino)
		task_mkdir(req, fs, name, mode); /* the host kernel has applied the umask */
	else
		fuse_reply_err(req, make_errno(dir_realm(req, parent), false));
}

/* The kernel knows that tasks/NAME goes, for it asked; of proc/PID it has to be told. */
static int task_rmdir(struct fs *fs, const char *name)
{
	struct tasks *tasks = &fs->vm->tasks;
	struct task *t = task_find(fs->vm, name);

	if (!t)
		return -ENOENT;
	int err = task_remove(fs->vm, name);
	if (!err && tasks->gone)
		tasks->gone(tasks->gone_ctx, t);
	task_put(t);
	return err;
}

static void rmdir_answer(struct client *c, ssize_t result)
{
	fuse_reply_err(client_req(c), (int)-result);
}

void fs_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fuse_req_userdata(req);
	struct request r;
	int err;

	if (ino_is_file(parent)) {
		files_op_rmdir(req, parent, name);
		return;
	}
	if (ino_is_huge(parent)) {
		huge_op_unlink(req, parent, name, true);
		return;
	}
	if (parent != fs->tree.tasks->ino) {
		fuse_reply_err(req, remove_errno(dir_realm(req, parent)));
		return;
	}
	request_begin(&r, req, rmdir_answer); /* once the name has gone, nobody has to wait for the memory */
	err = task_rmdir(fs, name);
	if (request_end(&r))
		rmdir_answer(&r.client, err);
}

void fs_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	if (ino_is_file(parent))
		files_op_unlink(req, parent, name);
	else if (ino_is_huge(parent))
		huge_op_unlink(req, parent, name, false);
	else
		fuse_reply_err(req, remove_errno(dir_realm(req, parent)));
}

void fs_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	if (ino_is_file(parent))
		files_op_mknod(req, parent, name, mode, rdev);
	else if (ino_is_huge(parent))
		huge_op_mknod(req, parent, name, mode, rdev);
	else if (files_is_entry(fuse_req_userdata(req), parent))
		files_op_unavailable(req);
	else
		fuse_reply_err(req, make_errno(dir_realm(req, parent), false));
}

void fs_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		  struct fuse_file_info *fi)
{
	if (ino_is_file(parent))
		files_op_create(req, parent, name, mode, fi);
	else if (ino_is_huge(parent))
		huge_op_create(req, parent, name, mode, fi);
	else if (files_is_entry(fuse_req_userdata(req), parent))
		files_op_unavailable(req);
	else
		fuse_reply_err(req, make_errno(dir_realm(req, parent), true));
}

void fs_op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	if (ino_is_file(parent))
		files_op_symlink(req, target, parent, name);
	else if (ino_is_huge(parent))
		huge_op_symlink(req, target, parent, name);
	else if (files_is_entry(fuse_req_userdata(req), parent))
		files_op_unavailable(req);
	else
		fuse_reply_err(req, make_errno(dir_realm(req, parent), false));
}

static bool ino_is_elsewhere(fuse_ino_t ino)
{
	return ino_is_file(ino) || ino_is_huge(ino);
}

void fs_op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	if (ino_is_file(parent) && ino_is_file(ino))
		files_op_link(req, ino, parent, name);
	else if (ino_is_huge(parent) && ino_is_huge(ino))
		huge_op_link(req, ino, parent, name);
	else if (ino_is_elsewhere(parent) || ino_is_elsewhere(ino))
		fuse_reply_err(req, EXDEV);
	else
		fuse_reply_err(req, make_errno(dir_realm(req, parent), false));
}

static bool name_exists(fuse_req_t req, fuse_ino_t dir, const char *name)
{
	struct inode i;

	if (inode_lookup(fuse_req_userdata(req), dir, name, &i))
		return false;
	inode_put(&i);
	return true;
}

/* The new name is looked for first; where nothing can be made, one that is not there fails as mkdir does. */
void fs_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
		  const char *to_name, unsigned flags)
{
	if (ino_is_file(parent) && ino_is_file(to))
		files_op_rename(req, parent, name, to, to_name, flags);
	else if (ino_is_huge(parent) && ino_is_huge(to))
		huge_op_rename(req, parent, name, to, to_name, flags);
	else if (ino_is_elsewhere(parent) || ino_is_elsewhere(to))
		fuse_reply_err(req, EXDEV);
	else if (name_exists(req, to, to_name))
		fuse_reply_err(req, remove_errno(dir_realm(req, parent)));
	else
		fuse_reply_err(req, make_errno(dir_realm(req, to), false));
}
