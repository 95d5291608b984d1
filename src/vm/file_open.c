/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing (fs/open.c, 6.1), and noticing at an open what has
 * changed in the source behind our back: the name is looked up there again. If
 * it leads to another file now it is forgotten, and the host, which is told
 * -ESTALE, looks it up anew.
 *
 * A file that is open in the store when nobody has it open any more stays so
 * while it has dirty pages: its name may be gone.
 */
#include "vm/file_ops.h"

#include "base/mem.h"
#include "vm/filemap.h"
#include "vm/writeback.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

/* ---- Does a name still lead here? ---- */

static bool wrong_name(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -ESTALE;
}

/* 0; -ESTALE: this name does not, and is forgotten; or what the store says. */
static int name_verify(struct file_inode *i, struct file_inode *dir, const char *name)
{
	struct file_attr attr;
	int error = i->files->store->lookup(dir, name, &attr);
	bool other = !error && (attr.ino != i->attr.ino || attr.dev != i->attr.dev ||
				((attr.mode ^ READ_RELAXED(&i->attr.mode)) & S_IFMT));
	if (other || wrong_name(error)) {
		file_name_del(dir, name);
		return -ESTALE;
	}
	if (!error)
		file_inode_refresh(i, &attr);
	return error;
}

/* One that is open or not written yet is there, whatever became of its names. */
static bool kept_open(struct file_inode *i)
{
	lock_take(&i->files->lock);
	bool kept = (i->flags & FILE_REMOVED) && (i->opens || (i->flags & FILE_DIRTY_LISTED));
	lock_drop(&i->files->lock);
	return kept;
}

/* files->rename held */
static int inode_verify(struct file_inode *i)
{
	char name[NAME_MAX + 1];
	struct file_inode *dir;
	if (i->files->store->in_memory || i == i->files->root || kept_open(i))
		return 0;
	int error = file_name_any(i, &dir, name);
	while (!error) {
		error = name_verify(i, dir, name);
		file_put(dir);
		if (error != -ESTALE)
			return error;
		error = file_name_any(i, &dir, name);
	}
	return error;
}

/* ---- Open and closed ---- */

void file_opened(struct file_inode *i)
{
	lock_take(&i->files->lock);
	WRITE_RELAXED(&i->opens, i->opens + 1);
	lock_drop(&i->files->lock);
}

static bool file_closed(struct file_inode *i)
{
	lock_take(&i->files->lock);
	ASSERT(i->opens);
	WRITE_RELAXED(&i->opens, i->opens - 1);
	bool last = !i->opens;
	lock_drop(&i->files->lock);
	return last;
}

static bool is_clean(struct file_inode *i)
{
	lock_take(&i->tree);
	bool clean = !i->map.nr_dirty && !i->map.nr_writeback && !i->times_changed;
	lock_drop(&i->tree);
	return clean;
}

static int open_in_store(struct file_inode *i, bool write)
{
	names_share(i);
	int error = inode_verify(i);
	if (!error) {
		lock_take(file_open_lock(i));
		error = i->files->store->open(i, write);
		if (!error)
			file_opened(i);
		lock_drop(file_open_lock(i));
	}
	names_leave(i);
	return error;
}

int file_open(struct file_inode *i, int flags)
{
	bool write = (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
	int error = open_in_store(i, write);
	if (error == -EMFILE && !files_sync(i->files, false)) /* closed files that were dirty give theirs back */
		error = open_in_store(i, write);
	if (error || !(flags & O_TRUNC))
		return error;
	error = file_truncate(i, 0);
	if (error)
		file_release(i, flags);
	return error;
}

/*
 * Whoever reads answers first and lets go of the pages then (file_read_end), when
 * the host may have closed the file already. Nothing else keeps the inode for him.
 */
static void readers_leave(struct file_inode *i)
{
	pthread_rwlock_wrlock(&i->io);
	pthread_rwlock_unlock(&i->io);
	lock_take(&i->tree); /* with which he drops io */
	lock_drop(&i->tree);
}

void file_release(struct file_inode *i, int flags)
{
	(void)flags;
	readers_leave(i);
	lock_take(file_open_lock(i));
	if (file_closed(i) && is_clean(i))
		i->files->store->release(i);
	lock_drop(file_open_lock(i));
}

void file_inode_cleaned(struct file_inode *i)
{
	lock_take(file_open_lock(i));
	if (!READ_RELAXED(&i->opens) && is_clean(i))
		i->files->store->release(i);
	lock_drop(file_open_lock(i));
}

/* ---- Directories ---- */

struct file_dir {
	struct file_inode *inode;
	void *of_store;
};

int file_opendir(struct file_inode *i, struct file_dir **out)
{
	struct file_dir *d = mem_zalloc(sizeof(*d));
	if (!d)
		return -ENOMEM;
	names_share(i);
	int error = inode_verify(i);
	if (!error)
		error = i->files->store->opendir(i, &d->of_store);
	names_leave(i);
	if (error) {
		mem_free(d);
		return error;
	}
	d->inode = file_hold(i);
	file_opened(i);
	*out = d;
	return 0;
}

void file_closedir(struct file_dir *d)
{
	struct file_inode *i = d->inode;
	i->files->store->closedir(i, d->of_store);
	file_closed(i);
	file_put(i);
	mem_free(d);
}

int file_readdir(struct file_dir *d, uint64_t position, struct file_dirent *out)
{
	return d->inode->files->store->readdir(d->inode, d->of_store, position, out);
}
