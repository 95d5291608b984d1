/* SPDX-License-Identifier: MIT */
/*
 * Attributes of a file that are kept, and how they follow the store: at first,
 * when somebody else has changed the file there, and when we have.
 *
 * store_mtime, store_ctime and store_size are what the store last had through
 * us. What differs from them is somebody else's: the clean pages are old. What
 * we write ourselves is noted; where asking for that would cost a system call
 * of its own, ctime alone may differ (inode->stale).
 *
 * Between asking the store and looking at its answer we may have written
 * ourselves, and times of the store are too coarse to tell. So whoever asks takes a
 * turn before, and an answer to a question that is older than what has been
 * noted since is nobody's change.
 */
#include "vm/file_private.h"

#include "vm/filemap.h"

static uint64_t turns = 1; /* atomic */

uint64_t file_turn_now(void)
{
	return __atomic_load_n(&turns, __ATOMIC_ACQUIRE);
}

void file_store_noted(struct file_inode *i)
{
	i->store_turn = __atomic_add_fetch(&turns, 1, __ATOMIC_ACQ_REL);
}

void file_attr_first(struct file_inode *i, const struct file_attr *a)
{
	i->attr = *a;
	i->store_mtime = a->mtime;
	i->store_ctime = a->ctime;
	i->store_size = a->size;
}

static bool file_is_dirty(const struct file_inode *i)
{
	return i->map.nr_dirty || i->map.nr_writeback || i->times_changed;
}

/*
 * Identity and type stay: they are looked at without the lock. What is ours until it is written stays, too; and
 * a regular file's ctime, unless it is theirs: writing back moves the store's, which clients are not to see. tree
 */
static void attr_follow(struct file_inode *i, const struct file_attr *a, bool theirs)
{
	WRITE_RELAXED(&i->attr.mode, a->mode);
	i->attr.nlink = a->nlink;
	i->attr.uid = a->uid;
	i->attr.gid = a->gid;
	i->attr.rdev = a->rdev;
	i->attr.atime = a->atime;
	if (!file_is_dirty(i)) {
		i->attr.size = a->size;
		i->attr.blocks = a->blocks;
		i->attr.mtime = a->mtime;
		if (theirs || !S_ISREG(a->mode))
			i->attr.ctime = a->ctime;
	}
	i->store_mtime = a->mtime;
	i->store_ctime = a->ctime;
	i->store_size = a->size;
	i->stale = false;
	file_store_noted(i);
}

static bool time_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Asked before or while we wrote, or while we set the time that clients were told: it says nothing about others. tree */
static bool attr_is_old(const struct file_inode *i, const struct file_attr *a)
{
	bool before = a->turn && a->turn < i->store_turn;
	return S_ISREG(a->mode) &&
	       (before || i->map.nr_writeback || time_before(&a->ctime, &i->store_ctime) ||
		(i->times_changed && time_same(&a->mtime, &i->attr.mtime)));
}

/* Did somebody else change what is in it? A change of ctime alone may be ours. tree */
static bool content_differs(const struct file_inode *i, const struct file_attr *a)
{
	if (!S_ISREG(a->mode))
		return false;
	return a->size != i->store_size || !time_same(&a->mtime, &i->store_mtime) ||
	       (!i->stale && !time_same(&a->ctime, &i->store_ctime));
}

void file_inode_refresh(struct file_inode *i, const struct file_attr *attr)
{
	if (i->files->store->in_memory)
		return;
	lock_take(&i->tree);
	bool old = attr_is_old(i, attr), differs = !old && content_differs(i, attr);
	if (differs || (!old && (i->stale || !time_same(&attr->ctime, &i->store_ctime))))
		attr_follow(i, attr, differs);
	if (differs)
		i->changes++;
	lock_drop(&i->tree);
	if (differs)
		filemap_invalidate(i);
}

/* False: something newer may have been noted since turn. */
static bool stored_note(struct file_inode *i, const struct file_attr *a, uint64_t turn)
{
	lock_take(&i->tree);
	bool newest = i->store_turn <= turn;
	if (newest) {
		i->store_mtime = a->mtime;
		i->store_ctime = a->ctime;
		i->store_size = a->size;
		i->attr.blocks = a->blocks;
		file_store_noted(i);
	}
	lock_drop(&i->tree);
	return newest;
}

bool file_inode_stored(struct file_inode *i)
{
	struct file_attr a;
	uint64_t turn;
	if (i->files->store->in_memory)
		return false;
	do {
		turn = file_turn_now();
		if (i->files->store->getattr(i, &a))
			return false;
	} while (!stored_note(i, &a, turn));
	return true;
}
