/* SPDX-License-Identifier: MIT */
/*
 * Names of the store in memory (mm/shmem.c, fs/libfs.c, 6.1). The names
 * themselves are the file tree's, pinned; the caller adds, moves and removes
 * them after the store has agreed, and keeps links and times. What is here:
 * whether a change is allowed, what a new file is, and sizes of directories.
 * The caller holds back other changes of the same names meanwhile.
 *
 * Sizes of directories are tmpfs's: 20 for each entry, "." and ".." included.
 */
#include "vm/memory_store.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define ENTRY_SIZE 20

/* As file systems stamp it: of the last timer tick. */
struct timespec memory_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return t;
}

/* So many more entries. */
static void dir_resize(struct file_inode *dir, int entries)
{
	lock_take(&dir->tree);
	dir->attr.size = (uint64_t)((int64_t)dir->attr.size + (int64_t)entries * ENTRY_SIZE);
	lock_drop(&dir->tree);
}

static struct file_attr attr_of(struct file_inode *i)
{
	lock_take(&i->tree);
	struct file_attr attr = i->attr;
	lock_drop(&i->tree);
	return attr;
}

static bool is_dir(const struct file_inode *i)
{
	return S_ISDIR(READ_RELAXED(&i->attr.mode));
}

static bool dir_is_empty(struct file_inode *dir)
{
	lock_take(&dir->files->lock);
	bool empty = !dir->nr_children;
	lock_drop(&dir->files->lock);
	return empty;
}

/* ---- Finding and making ---- */

int memory_lookup(struct file_inode *dir, const char *name, struct file_attr *attr)
{
	struct file_inode *i = file_name_find(dir, name);
	if (!i)
		return strlen(name) > NAME_MAX ? -ENAMETOOLONG : -ENOENT;
	*attr = attr_of(i);
	file_put(i);
	return 0;
}

/* May there be one more of this name? */
static int place_check(struct file_inode *dir, const char *name)
{
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	if (!attr_of(dir).nlink)
		return -ENOENT;
	struct file_inode *i = file_name_find(dir, name);
	if (!i)
		return 0;
	file_put(i);
	return -EEXIST;
}

static uint64_t ino_next(struct memory *m)
{
	lock_take(&m->lock);
	uint64_t ino = ++m->last_ino;
	lock_drop(&m->lock);
	return ino;
}

/* As a file system does that knows setgid directories: the group, and the bit of a directory, come from above. */
static void attr_make(struct file_inode *dir, mode_t mode, dev_t rdev, const struct file_who *who,
		      struct file_attr *attr)
{
	struct memory *m = memory_of(dir);
	struct file_attr above = attr_of(dir);
	bool inherits = above.mode & S_ISGID;
	struct timespec now = memory_now();
	*attr = (struct file_attr){
		.dev = m->root.dev,
		.ino = ino_next(m),
		.mode = mode | (inherits && S_ISDIR(mode) ? S_ISGID : 0u),
		.nlink = S_ISDIR(mode) ? 2 : 1,
		.uid = who->uid,
		.gid = inherits ? above.gid : who->gid,
		.rdev = rdev,
		.size = S_ISDIR(mode) ? 2 * ENTRY_SIZE : 0,
		.atime = now,
		.mtime = now,
		.ctime = now,
	};
}

static int make(struct file_inode *dir, const char *name, mode_t mode, dev_t rdev,
		const struct file_who *who, struct file_attr *attr)
{
	int error = place_check(dir, name);
	if (error)
		return error;
	if (READ_RELAXED(&dir->files->nr_inodes) >= memory_of(dir)->max_inodes)
		return -ENOSPC;
	attr_make(dir, mode, rdev, who, attr);
	dir_resize(dir, 1);
	return 0;
}

int memory_mknod(struct file_inode *dir, const char *name, mode_t mode, dev_t rdev,
		 const struct file_who *who, struct file_attr *attr)
{
	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	return make(dir, name, mode, rdev, who, attr);
}

int memory_create(struct file_inode *dir, const char *name, mode_t mode, int flags,
		  const struct file_who *who, struct file_attr *attr, void **open)
{
	*open = NULL;
	int error = make(dir, name, S_IFREG | (mode & ~(mode_t)S_IFMT), 0, who, attr);
	if (error != -EEXIST || flags & O_EXCL)
		return error;
	error = memory_lookup(dir, name, attr);
	return !error && !S_ISREG(attr->mode) ? -EEXIST : error;
}

int memory_symlink(struct file_inode *dir, const char *name, const char *target,
		   const struct file_who *who, struct file_attr *attr)
{
	struct memory *m = memory_of(dir);
	if (strlen(target) >= PATH_MAX)
		return -ENAMETOOLONG;
	char *copy = mem_strdup(target);
	if (!copy)
		return -ENOMEM;
	int error = make(dir, name, S_IFLNK | 0777, 0, who, attr);
	struct memory_extra *e = error ? NULL : memory_extra_obtain(m, attr->ino);
	if (!e) {
		mem_free(copy);
		if (!error)
			dir_resize(dir, -1);
		return error ? error : -ENOMEM;
	}
	attr->size = strlen(copy);
	lock_take(&m->lock);
	e->target = copy;
	lock_drop(&m->lock);
	return 0;
}

int memory_link(struct file_inode *i, struct file_inode *dir, const char *name, struct file_attr *attr)
{
	if (is_dir(i))
		return -EPERM;
	if (!attr_of(i).nlink)
		return -ENOENT;
	int error = place_check(dir, name);
	if (error)
		return error;
	dir_resize(dir, 1);
	*attr = attr_of(i);
	attr->nlink++;
	return 0;
}

/* ---- Removing and renaming ---- */

static int unlink_check(struct file_inode *i, bool directory)
{
	if (directory != is_dir(i))
		return directory ? -ENOTDIR : -EISDIR;
	return directory && !dir_is_empty(i) ? -ENOTEMPTY : 0;
}

int memory_unlink(struct file_inode *dir, const char *name, bool directory)
{
	struct file_inode *i = file_name_find(dir, name);
	if (!i)
		return -ENOENT;
	int error = unlink_check(i, directory);
	if (!error) {
		memory_extra_attach(i);
		dir_resize(dir, -1);
	}
	file_put(i);
	return error;
}

struct renaming {
	struct file_inode *dir, *to; /* directories */
	struct file_inode *moved, *there; /* what the names lead to; there: NULL, nothing */
	unsigned flags;
};

/* Is i a directory that `in` is, or is somewhere below? files->rename is held alone, so nobody moves. */
static bool is_above(struct file_inode *i, struct file_inode *in)
{
	if (!is_dir(i))
		return false;
	lock_take(&i->files->lock);
	const struct file_inode *at = in;
	while (at && at != i)
		at = at->names ? at->names->dir : NULL;
	lock_drop(&i->files->lock);
	return at;
}

static int replace_check(const struct renaming *r)
{
	if (!r->there)
		return 0;
	if (r->flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (is_above(r->there, r->dir)) /* what is moved lies in it */
		return -ENOTEMPTY;
	return unlink_check(r->there, is_dir(r->moved));
}

static int rename_check(const struct renaming *r)
{
	bool exchange = r->flags & RENAME_EXCHANGE;
	if (r->flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    (exchange && r->flags & RENAME_NOREPLACE))
		return -EINVAL;
	if (!r->moved || (exchange && !r->there))
		return -ENOENT;
	if (is_above(r->moved, r->to) || (exchange && is_above(r->there, r->dir)))
		return -EINVAL;
	return exchange ? 0 : replace_check(r);
}

static void rename_note(const struct renaming *r)
{
	if (r->flags & RENAME_EXCHANGE)
		return;
	if (r->there)
		memory_extra_attach(r->there);
	dir_resize(r->dir, -1);
	dir_resize(r->to, r->there ? 0 : 1);
}

int memory_rename(struct file_inode *dir, const char *name, struct file_inode *to,
		  const char *to_name, unsigned flags)
{
	if (strlen(to_name) > NAME_MAX)
		return -ENAMETOOLONG;
	struct renaming r = { .dir = dir,
			      .to = to,
			      .moved = file_name_find(dir, name),
			      .there = file_name_find(to, to_name),
			      .flags = flags };
	int error = attr_of(to).nlink ? rename_check(&r) : -ENOENT;
	if (!error && r.moved != r.there) /* two names of one file: neither goes */
		rename_note(&r);
	if (r.moved)
		file_put(r.moved);
	if (r.there)
		file_put(r.there);
	return error;
}
