/* SPDX-License-Identifier: MIT */
/*
 * Operations that change a directory. Each is one call of the store, and then
 * what is known follows it. Objects are taken first, so that a shortage of
 * memory leaves the store as it was.
 *
 * Locks: files->rename shared and the directory's io alone, so what the store
 * has and which names are known change together; looking a name up takes io
 * shared. A rename holds files->rename alone, and needs no directory.
 */
#include "vm/file_ops.h"

#include "vm/filemap.h"
#include "vm/writeback.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static void dir_lock(struct file_inode *dir)
{
	pthread_rwlock_rdlock(&dir->files->rename);
	pthread_rwlock_wrlock(&dir->io);
}

static void dir_unlock(struct file_inode *dir)
{
	pthread_rwlock_unlock(&dir->io);
	pthread_rwlock_unlock(&dir->files->rename);
}

/* What is needed to know one more file. */
struct file_parts {
	struct file_name *name;
	struct file_inode *inode;
};

static int parts_get(struct file_inode *dir, const char *name, struct file_parts *p)
{
	struct files *f = dir->files;
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	p->name = file_name_alloc(f, name);
	p->inode = p->name ? file_inode_alloc(f) : NULL;
	if (p->inode)
		return 0;
	file_name_free(f, p->name, NULL);
	return -ENOMEM;
}

/* What was not used. */
static void parts_put(struct file_inode *dir, struct file_parts *p)
{
	struct files *f = dir->files;
	if (p->inode && p->inode->store)
		f->store->forget(p->inode);
	file_inode_free(p->inode);
	file_name_free(f, p->name, NULL);
}

/* The store has made it. What cannot be known is taken away again. */
static int made(struct file_inode *dir, const struct file_attr *attr, struct file_parts *p,
		struct file_inode **out)
{
	struct file_inode *i = file_inode_obtain_with(dir->files, attr, &p->inode);
	if (!i) {
		(void)dir->files->store->unlink(dir, p->name->name, S_ISDIR(attr->mode));
		return -ENOMEM;
	}
	file_name_put(p->name, dir, i);
	p->name = NULL;
	file_dir_changed(dir, S_ISDIR(attr->mode));
	*out = i;
	return 0;
}

/* ---- Making ---- */

/* There already, in the store or behind our back, and opened now. */
static int create_opened(struct file_inode *i, int flags)
{
	struct files *f = i->files;
	lock_take(file_open_lock(i));
	int error = f->store->open(i, true);
	if (!error)
		file_opened(i);
	lock_drop(file_open_lock(i));
	if (!error && (flags & O_TRUNC)) {
		error = file_truncate(i, 0);
		if (error)
			file_release(i, flags);
	}
	return error;
}

static int create_made(struct file_inode *dir, const struct file_attr *attr, int flags,
		       struct file_parts *p, struct file_inode **out)
{
	int error = made(dir, attr, p, out);
	if (error)
		return error;
	if (!p->inode) {
		file_opened(*out);
		return 0;
	}
	error = create_opened(*out, flags);
	if (error)
		file_put(*out);
	return error;
}

static int create_once(struct file_inode *dir, const char *name, mode_t mode, int flags,
		       const struct file_who *who, struct file_inode **out)
{
	struct file_parts p;
	struct file_attr attr;
	void *open = NULL;
	int error = parts_get(dir, name, &p);
	if (error)
		return error;
	dir_lock(dir);
	error = dir->files->store->create(dir, name, mode, flags, who, &attr, &open);
	p.inode->store = open;
	if (!error)
		error = create_made(dir, &attr, flags, &p, out);
	dir_unlock(dir);
	parts_put(dir, &p);
	return error;
}

int file_create(struct file_inode *dir, const char *name, mode_t mode, int flags,
		const struct file_who *who, struct file_inode **out)
{
	int error = create_once(dir, name, mode, flags, who, out);
	if (error == -EMFILE && !files_sync(dir->files, false)) /* closed files that were dirty give theirs back */
		error = create_once(dir, name, mode, flags, who, out);
	return error;
}

/* mknod, mkdir, symlink: how it is made, and what came of it. */
struct making {
	struct file_inode *dir;
	const char *name, *target;
	mode_t mode;
	dev_t rdev;
	const struct file_who *who;
};

static int make_in_store(const struct making *m, struct file_attr *attr)
{
	const struct file_store_ops *store = m->dir->files->store;
	if (m->target)
		return store->symlink(m->dir, m->name, m->target, m->who, attr);
	return store->mknod(m->dir, m->name, m->mode, m->rdev, m->who, attr);
}

static int make(const struct making *m, struct file_inode **out)
{
	struct file_parts p;
	struct file_attr attr;
	int error = parts_get(m->dir, m->name, &p);
	if (error)
		return error;
	dir_lock(m->dir);
	error = make_in_store(m, &attr);
	if (!error)
		error = made(m->dir, &attr, &p, out);
	dir_unlock(m->dir);
	parts_put(m->dir, &p);
	return error;
}

int file_mknod(struct file_inode *dir, const char *name, mode_t mode, dev_t rdev,
	       const struct file_who *who, struct file_inode **out)
{
	const struct making m = { .dir = dir, .name = name, .mode = mode, .rdev = rdev, .who = who };
	return make(&m, out);
}

int file_mkdir(struct file_inode *dir, const char *name, mode_t mode, const struct file_who *who,
	       struct file_inode **out)
{
	return file_mknod(dir, name, (mode & ~(mode_t)S_IFMT) | S_IFDIR, 0, who, out);
}

int file_symlink(struct file_inode *dir, const char *name, const char *target,
		 const struct file_who *who, struct file_inode **out)
{
	const struct making m = { .dir = dir, .name = name, .target = target, .who = who };
	return make(&m, out);
}

int file_link(struct file_inode *i, struct file_inode *dir, const char *name)
{
	struct file_attr attr;
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	struct file_name *n = file_name_alloc(dir->files, name);
	if (!n)
		return -ENOMEM;
	dir_lock(dir);
	int error = dir->files->store->link(i, dir, name, &attr);
	if (!error) {
		file_name_put(n, dir, i);
		file_linked(i, &attr);
		file_dir_changed(dir, 0);
	}
	dir_unlock(dir);
	if (error)
		file_name_free(dir->files, n, NULL);
	return error;
}

/* ---- Removing ---- */

/* What the name leads to, with a reference; NULL: not known, or nothing. */
static struct file_inode *name_target(struct file_inode *dir, const char *name)
{
	struct file_attr attr;
	struct file_inode *i = file_name_find(dir, name);
	if (i || dir->files->store->in_memory || dir->files->store->lookup(dir, name, &attr))
		return i;
	return file_inode_find(dir->files, attr.dev, attr.ino);
}

static int remove_name(struct file_inode *dir, const char *name, bool directory)
{
	dir_lock(dir);
	struct file_inode *i = name_target(dir, name);
	if (i && directory)
		pthread_rwlock_wrlock(&i->io); /* nothing is made in it meanwhile */
	int error = dir->files->store->unlink(dir, name, directory);
	if (!error || error == -ENOENT)
		file_name_del(dir, name);
	if (!error) {
		if (i)
			file_unlinked(i);
		file_dir_changed(dir, -(int)directory);
	}
	if (i && directory)
		pthread_rwlock_unlock(&i->io);
	dir_unlock(dir);
	if (i)
		file_put(i);
	return error;
}

int file_unlink(struct file_inode *dir, const char *name)
{
	return remove_name(dir, name, false);
}

int file_rmdir(struct file_inode *dir, const char *name)
{
	return remove_name(dir, name, true);
}

/* ---- Renaming. files->rename held alone ---- */

struct renaming {
	struct file_inode *dir, *to;
	const char *name, *to_name;
	unsigned flags;
	struct file_inode *inode, *old; /* what is moved, what it replaces; NULL: not known, or nothing */
};

static bool leads_to_dir(const struct file_inode *i)
{
	return i && file_is_dir(i);
}

static void renamed(const struct renaming *r, struct file_name *moved)
{
	bool exchange = r->flags & RENAME_EXCHANGE;
	if (!exchange)
		file_name_put_moved(r->dir, r->name, moved, r->to);
	else
		file_name_swap(r->dir, r->name, r->to, r->to_name);
	int moved_dirs = leads_to_dir(r->inode), old_dirs = leads_to_dir(r->old);
	file_dir_changed(r->dir, (exchange ? old_dirs : 0) - moved_dirs);
	file_dir_changed(r->to, moved_dirs - old_dirs);
	if (r->inode)
		file_touched(r->inode);
	if (r->old && exchange)
		file_touched(r->old);
	else if (r->old)
		file_unlinked(r->old);
	if (exchange)
		file_name_free(r->dir->files, moved, NULL);
}

int file_rename(struct file_inode *dir, const char *name, struct file_inode *to,
		const char *to_name, unsigned flags)
{
	struct files *f = dir->files;
	struct renaming r = { .dir = dir, .to = to, .name = name, .to_name = to_name, .flags = flags };
	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (strlen(to_name) > NAME_MAX)
		return -ENAMETOOLONG;
	struct file_name *moved = file_name_alloc(f, to_name);
	if (!moved)
		return -ENOMEM;
	pthread_rwlock_wrlock(&f->rename);
	r.inode = name_target(dir, name);
	r.old = name_target(to, to_name);
	int error = f->store->rename(dir, name, to, to_name, flags);
	bool nothing = error || (r.inode && r.inode == r.old); /* two names of one file: both stay */
	if (!nothing)
		renamed(&r, moved);
	pthread_rwlock_unlock(&f->rename);
	if (nothing)
		file_name_free(f, moved, NULL);
	if (r.inode)
		file_put(r.inode);
	if (r.old)
		file_put(r.old);
	return error;
}
