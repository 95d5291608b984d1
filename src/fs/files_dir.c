/* SPDX-License-Identifier: MIT */
#include "fs/files.h"

#include "base/mem.h"
#include "fs/loop.h"
#include "vm/vm.h"

#include <errno.h>

/*
 * Names below files/: made, linked, moved, removed and listed. What was made
 * belongs to whoever asked, and to the directory's group where the directory
 * hands that on (fs/inode.c: inode_init_owner, 6.1); umask has been applied by
 * the host kernel.
 *
 * dir->lock (RANK_FS) makes calls of one open directory take turns.
 * fs->spare_lock guards the list of all that are open: an unmount does not
 * wait for the host to release them.
 */

struct files_dir {
	struct lock lock;
	struct file_inode *inode; /* with a reference */
	struct file_dir *dir;
	struct files_dir *next, *prev;
};

/* ---- Listing ---- */

static void open_dir_add(struct fs *fs, struct files_dir *d)
{
	lock_take(&fs->spare_lock);
	d->next = fs->open_dir;
	if (d->next)
		d->next->prev = d;
	fs->open_dir = d;
	lock_drop(&fs->spare_lock);
}

static void open_dir_del(struct fs *fs, struct files_dir *d)
{
	lock_take(&fs->spare_lock);
	if (d->next)
		d->next->prev = d->prev;
	if (d->prev)
		d->prev->next = d->next;
	else
		fs->open_dir = d->next;
	lock_drop(&fs->spare_lock);
}

/* Inside files_enter. */
static void files_dir_close(struct fs *fs, struct files_dir *d)
{
	open_dir_del(fs, d);
	lock_take(&d->lock); /* whoever sent the last reply may not have let go yet */
	lock_drop(&d->lock);
	file_closedir(d->dir);
	file_put(d->inode);
	lock_fini(&d->lock);
	mem_free(d);
}

void files_dirs_close(struct fs *fs)
{
	while (fs->open_dir) {
		files_enter(&fs->vm->files);
		files_dir_close(fs, fs->open_dir);
		files_leave(&fs->vm->files);
	}
}

/* Takes over the reference when it succeeds. */
static int files_dir_open(struct fs *fs, struct file_inode *i, struct files_dir **out)
{
	struct files_dir *d = mem_zalloc(sizeof(*d));

	if (!d)
		return -ENOMEM;
	int err = file_opendir(i, &d->dir);
	if (err) {
		mem_free(d);
		return err;
	}
	lock_init(&d->lock, RANK_FS, 0);
	d->inode = i;
	open_dir_add(fs, d);
	*out = d;
	return 0;
}

void files_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct files_call c;
	struct files_dir *d = NULL;

	files_call_begin(&c, req);
	struct file_inode *i = file_get(c.files, ino);
	int err = i ? files_dir_open(c.fs, i, &d) : -ESTALE;
	fi->fh = (uintptr_t)d;
	if (err) {
		if (i)
			file_put(i);
		fuse_reply_err(req, -err);
	} else if (fuse_reply_open(req, fi) == -ENOENT) { /* interrupted: nobody will release it */
		files_dir_close(c.fs, d);
	}
	files_call_end(&c);
}

void files_op_releasedir(fuse_req_t req, struct fuse_file_info *fi)
{
	struct files_call c;

	files_call_begin_short(&c, req);
	files_dir_close(c.fs, (struct files_dir *)(uintptr_t)fi->fh);
	files_call_end(&c);
	fuse_reply_err(req, 0);
}

/* As many entries from the position on as fit. Bytes, or -errno when there is not even one. */
static ssize_t dir_encode(const struct files_call *c, struct files_dir *d, uint64_t position,
			  char *buf, size_t size)
{
	struct file_dirent e;
	size_t used = 0;
	int got;

	while ((got = file_readdir(d->dir, position, &e)) > 0) {
		struct stat st = { .st_ino = files_shown_ino(c->fs, e.ino), .st_mode = e.type };
		size_t n = fuse_add_direntry(c->req, buf + used, size - used, e.name, &st, (off_t)e.next);
		if (n > size - used)
			break;
		used += n;
		position = e.next;
	}
	return got < 0 && !used ? got : (ssize_t)used;
}

void files_op_readdir(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct files_dir *d = (struct files_dir *)(uintptr_t)fi->fh;
	struct files_call c;
	char *buf = mem_zalloc(size);

	if (!buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	files_call_begin(&c, req);
	lock_take(&d->lock);
	ssize_t n = dir_encode(&c, d, (uint64_t)offset, buf, size);
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_buf(req, buf, (size_t)n);
	lock_drop(&d->lock);
	files_call_end(&c);
	mem_free(buf);
}

/* ---- Making ---- */

mode_t files_mode_new(struct file_inode *dir, mode_t mode, struct file_who *who)
{
	struct stat st = { 0 };

	file_getattr(dir, &st);
	if (!(st.st_mode & S_ISGID))
		return mode;
	who->gid = st.st_gid;
	return S_ISDIR(mode) ? mode | S_ISGID : mode;
}

/* Something new in a directory: what each callback below does between finding the directory and answering. */
struct making {
	const char *name, *target;
	mode_t mode;
	dev_t rdev;
	fuse_ino_t from; /* of a link */
	int (*make)(struct files_call *c, struct file_inode *dir, const struct making *m,
		    struct file_inode **out);
};

static void name_make(fuse_req_t req, fuse_ino_t parent, const struct making *m)
{
	struct files_call c;
	struct file_inode *i;

	files_call_begin(&c, req);
	struct file_inode *dir = file_get(c.files, parent);
	int err = dir ? m->make(&c, dir, m, &i) : -ESTALE;
	if (err)
		fuse_reply_err(req, -err);
	else
		files_entry_reply(&c, i);
	if (dir)
		file_put(dir);
	files_call_end(&c);
}

static int make_dir(struct files_call *c, struct file_inode *dir, const struct making *m,
		    struct file_inode **out)
{
	struct file_who who = files_who(c->req);
	mode_t mode = files_mode_new(dir, S_IFDIR | (m->mode & 07777), &who);

	return file_mkdir(dir, m->name, mode & 07777, &who, out);
}

static int make_node(struct files_call *c, struct file_inode *dir, const struct making *m,
		     struct file_inode **out)
{
	struct file_who who = files_who(c->req);
	mode_t mode = files_mode_new(dir, m->mode & S_IFMT ? m->mode : S_IFREG | m->mode, &who);

	return file_mknod(dir, m->name, mode, m->rdev, &who, out);
}

static int make_symlink(struct files_call *c, struct file_inode *dir, const struct making *m,
			struct file_inode **out)
{
	struct file_who who = files_who(c->req);

	(void)files_mode_new(dir, S_IFLNK | 0777, &who);
	return file_symlink(dir, m->name, m->target, &who, out);
}

static int make_link(struct files_call *c, struct file_inode *dir, const struct making *m,
		     struct file_inode **out)
{
	struct file_inode *i = file_get(c->files, m->from);
	if (!i)
		return -ESTALE;
	int err = file_link(i, dir, m->name);
	if (err)
		file_put(i);
	else
		*out = i; /* the reference moves on */
	return err;
}

void files_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	name_make(req, parent, &(struct making){ .name = name, .mode = mode, .make = make_dir });
}

void files_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	name_make(req, parent,
		  &(struct making){ .name = name, .mode = mode, .rdev = rdev, .make = make_node });
}

void files_op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	name_make(req, parent, &(struct making){ .name = name, .target = target, .make = make_symlink });
}

void files_op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	name_make(req, parent, &(struct making){ .name = name, .from = ino, .make = make_link });
}

/* ---- Removing and moving ---- */

static void name_remove(fuse_req_t req, fuse_ino_t parent, const char *name,
			int (*remove)(struct file_inode *dir, const char *name))
{
	struct files_call c;

	files_call_begin(&c, req);
	struct file_inode *dir = file_get(c.files, parent);
	int err = dir ? remove(dir, name) : -ESTALE;
	if (dir)
		file_put(dir);
	files_call_end(&c);
	fuse_reply_err(req, -err);
}

void files_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	name_remove(req, parent, name, file_unlink);
}

void files_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	name_remove(req, parent, name, file_rmdir);
}

void files_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
		     const char *to_name, unsigned flags)
{
	struct files_call c;

	files_call_begin(&c, req);
	struct file_inode *dir = file_get(c.files, parent), *to_dir = file_get(c.files, to);
	int err = dir && to_dir ? file_rename(dir, name, to_dir, to_name, flags) : -ESTALE;
	if (dir)
		file_put(dir);
	if (to_dir)
		file_put(to_dir);
	files_call_end(&c);
	fuse_reply_err(req, -err);
}
