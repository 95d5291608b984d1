/* SPDX-License-Identifier: MIT */
/*
 * What a client asks of one file: finding it, its attributes and extended
 * attributes, its space. Attributes are kept with the inode, so telling them
 * needs no call of the store unless something but content was changed through
 * us since (inode->stale).
 *
 * What was told once stays: a write stamps the inode, and that writing back
 * moves the store's own times later is not told to anybody.
 */
#include "vm/file_ops.h"

#include "vm/filemap_private.h"
#include "vm/writeback.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <string.h>
#include <unistd.h>

/* ---- Changes that we make ---- */

static void attr_moved(struct file_inode *i, int links, bool content)
{
	struct file_attr *a = &i->attr;
	lock_take(&i->tree);
	if (i->files->store->in_memory) {
		a->nlink = (uint32_t)((int64_t)a->nlink + links);
		a->ctime = file_now();
		if (content)
			a->mtime = a->ctime;
	} else {
		i->stale = true;
		if (S_ISREG(a->mode)) /* it stays so: see file_attr.c */
			a->ctime = file_now();
	}
	lock_drop(&i->tree);
}

void file_touched(struct file_inode *i)
{
	attr_moved(i, 0, false);
}

void file_dir_changed(struct file_inode *dir, int dirs)
{
	attr_moved(dir, dirs, true);
}

void file_linked(struct file_inode *i, const struct file_attr *attr)
{
	attr_moved(i, 0, false);
	lock_take(&i->tree);
	i->attr.nlink = attr->nlink;
	lock_drop(&i->tree);
}

/* A directory has no second name. True: no name is left. */
static bool link_dropped(struct file_inode *i)
{
	struct file_attr *a = &i->attr;
	lock_take(&i->tree);
	a->nlink = S_ISDIR(a->mode) || !a->nlink ? 0 : a->nlink - 1;
	a->ctime = file_now();
	i->stale = !i->files->store->in_memory && a->nlink;
	bool gone = !a->nlink;
	lock_drop(&i->tree);
	return gone;
}

void file_unlinked(struct file_inode *i)
{
	bool gone = link_dropped(i);
	lock_take(&i->files->lock);
	if (gone && !i->names)
		file_inode_removed(i);
	lock_drop(&i->files->lock);
}

/* ---- Finding ---- */

static int lookup_known(struct file_inode *dir, const char *name, struct file_inode **out)
{
	*out = file_name_find(dir, name);
	if (*out)
		return 0;
	return strlen(name) > NAME_MAX ? -ENAMETOOLONG : -ENOENT;
}

static int lookup_found(struct file_inode *dir, const char *name, const struct file_attr *attr,
			struct file_inode **out)
{
	struct file_inode *i = file_inode_obtain(dir->files, attr);
	if (!i)
		return -ENOMEM;
	int error = file_name_add(dir, name, i);
	if (error)
		file_put(i);
	else
		*out = i;
	return error;
}

int file_lookup(struct file_inode *dir, const char *name, struct file_inode **out)
{
	const struct file_store_ops *store = dir->files->store;
	struct file_attr attr;
	if (store->in_memory)
		return lookup_known(dir, name, out);
	names_share(dir);
	pthread_rwlock_rdlock(&dir->io);
	int error = store->lookup(dir, name, &attr);
	if (!error)
		error = lookup_found(dir, name, &attr, out);
	else if (error == -ENOENT)
		file_name_del(dir, name);
	pthread_rwlock_unlock(&dir->io);
	names_leave(dir);
	return error;
}

ssize_t file_readlink(struct file_inode *i, char *buf, size_t size)
{
	names_share(i);
	ssize_t n = i->files->store->readlink(i, buf, size);
	names_leave(i);
	return n;
}

/* ---- Attributes ---- */

static bool attr_is_stale(struct file_inode *i)
{
	lock_take(&i->tree);
	bool stale = i->stale;
	lock_drop(&i->tree);
	return stale;
}

/* What cannot be asked for (it was removed, perhaps) stays as it was. */
static void attr_ask(struct file_inode *i)
{
	struct file_attr attr;
	names_share(i);
	if (!i->files->store->getattr(i, &attr))
		file_inode_refresh(i, &attr);
	names_leave(i);
}

/* Blocks of the store, and those that it will need for what is dirty past its end. tree */
static uint64_t blocks_now(const struct file_inode *i)
{
	if (i->files->store->in_memory)
		return S_ISREG(i->attr.mode) ? i->map.nr_pages * 8 : i->attr.blocks;
	uint64_t past = i->attr.size - MIN(i->attr.size, i->store_size);
	return i->attr.blocks + MIN(DIV_ROUND_UP(past, 4096), i->map.nr_dirty) * 8;
}

void file_getattr(struct file_inode *i, struct stat *st)
{
	if (attr_is_stale(i))
		attr_ask(i);
	lock_take(&i->tree);
	const struct file_attr *a = &i->attr;
	*st = (struct stat){ .st_dev = a->dev,
			     .st_ino = a->ino,
			     .st_mode = a->mode,
			     .st_nlink = a->nlink,
			     .st_uid = a->uid,
			     .st_gid = a->gid,
			     .st_rdev = a->rdev,
			     .st_size = (off_t)a->size,
			     .st_blksize = 4096,
			     .st_blocks = (blkcnt_t)blocks_now(i),
			     .st_atim = a->atime,
			     .st_mtim = a->mtime,
			     .st_ctim = a->ctime };
	lock_drop(&i->tree);
}

#define SETS_ATIME (FILE_SET_ATIME | FILE_SET_ATIME_NOW)
#define SETS_MTIME (FILE_SET_MTIME | FILE_SET_MTIME_NOW)

/* What the store has now is ours; a foreign change of content that it shows is left to be noticed. tree */
static void attr_was_set(struct file_inode *i, const struct file_attr *attr, unsigned which)
{
	bool dirty = i->map.nr_dirty || i->map.nr_writeback;
	bool foreign = attr->size != i->store_size ||
		       (!(which & SETS_MTIME) && !time_same(&attr->mtime, &i->store_mtime));
	WRITE_RELAXED(&i->attr.mode, attr->mode);
	i->attr.uid = attr->uid;
	i->attr.gid = attr->gid;
	i->attr.ctime = attr->ctime;
	if (which & SETS_ATIME)
		i->attr.atime = attr->atime;
	if (which & SETS_MTIME) {
		i->attr.mtime = attr->mtime;
		i->times_changed = dirty; /* writing back would move it */
	}
	if (foreign)
		return;
	i->store_mtime = attr->mtime;
	i->store_ctime = attr->ctime;
}

static int attr_set(struct file_inode *i, const struct stat *st, unsigned which)
{
	struct file_attr attr;
	names_share(i);
	int error = i->files->store->setattr(i, st, which, &attr);
	names_leave(i);
	if (error || i->files->store->in_memory)
		return error;
	lock_take(&i->tree);
	attr_was_set(i, &attr, which);
	lock_drop(&i->tree);
	return 0;
}

int file_setattr(struct file_inode *i, const struct stat *st, unsigned which)
{
	int error = 0;
	if (which & FILE_SET_SIZE)
		error = file_truncate(i, (uint64_t)st->st_size);
	which &= ~(unsigned)FILE_SET_SIZE;
	return error || !which ? error : attr_set(i, st, which);
}

/* ---- Content's place in the store ---- */

/* Of files/ itself everything: the host passes sync(2) and syncfs(2) to no FUSE file system, so this is the way to ask for it. */
int file_fsync(struct file_inode *i, bool data_only)
{
	if (i == i->files->root)
		return files_sync(i->files, true);
	int error = writeback_inode(i);
	names_share(i);
	int synced = i->files->store->fsync(i, data_only);
	names_leave(i);
	return error ? error : synced;
}

/* Size and times after space was changed. A dirty file keeps times of its own; one that is clean now has the store's. */
static void space_changed(struct file_inode *i, int mode, uint64_t end)
{
	struct file_attr attr;
	bool asked = !i->files->store->in_memory && !i->files->store->getattr(i, &attr);
	const struct timespec now = file_now();
	lock_take(&i->tree);
	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > i->attr.size)
		i->attr.size = end;
	i->changes++;
	if (asked) {
		i->store_mtime = attr.mtime;
		i->store_ctime = attr.ctime;
		i->store_size = attr.size;
		i->attr.blocks = attr.blocks;
		file_store_noted(i);
	}
	bool follows = asked && !i->map.nr_dirty && !i->map.nr_writeback;
	i->attr.mtime = follows ? attr.mtime : now;
	i->attr.ctime = follows ? attr.ctime : now;
	i->times_changed = i->times_changed && !follows;
	lock_drop(&i->tree);
}

#define FALLOC_CLEARS (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)

/* A hole may take all that is dirty past the store's end, and nothing else would bring the size there. io held alone. */
static int size_bring(struct file_inode *i)
{
	if (i->files->store->in_memory)
		return 0;
	lock_take(&i->tree);
	uint64_t size = i->attr.size;
	bool due = size > i->store_size;
	lock_drop(&i->tree);
	return due ? i->files->store->truncate(i, size) : 0;
}

int file_fallocate(struct file_inode *i, int mode, uint64_t offset, uint64_t len)
{
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_CLEARS))
		return -EOPNOTSUPP;
	if (!len || offset > INT64_MAX || len > INT64_MAX)
		return -EINVAL;
	if (offset + len > INT64_MAX)
		return -EFBIG;
	names_share(i);
	pthread_rwlock_wrlock(&i->io);
	int error = mode & FALLOC_CLEARS ? size_bring(i) : 0;
	if (!error)
		error = i->files->store->fallocate(i, mode, offset, len);
	if (!error) {
		if (mode & FALLOC_CLEARS)
			filemap_remove(i, offset, len);
		space_changed(i, mode, offset + len);
	}
	pthread_rwlock_unlock(&i->io);
	names_leave(i);
	return error;
}

off_t file_seek(struct file_inode *i, off_t offset, int whence)
{
	int error = writeback_inode(i); /* where the store has data */
	if (error)
		return error;
	names_share(i);
	off_t at = i->files->store->seek(i, offset, whence);
	names_leave(i);
	return at;
}

/* ---- Extended attributes ---- */

ssize_t file_getxattr(struct file_inode *i, const char *name, void *value, size_t size)
{
	names_share(i);
	ssize_t n = i->files->store->getxattr(i, name, value, size);
	names_leave(i);
	return n;
}

ssize_t file_listxattr(struct file_inode *i, char *list, size_t size)
{
	names_share(i);
	ssize_t n = i->files->store->listxattr(i, list, size);
	names_leave(i);
	return n;
}

int file_setxattr(struct file_inode *i, const char *name, const void *value, size_t size, int flags)
{
	names_share(i);
	int error = i->files->store->setxattr(i, name, value, size, flags);
	names_leave(i);
	if (!error)
		file_touched(i);
	return error;
}

int file_removexattr(struct file_inode *i, const char *name)
{
	names_share(i);
	int error = i->files->store->removexattr(i, name);
	names_leave(i);
	if (!error)
		file_touched(i);
	return error;
}
