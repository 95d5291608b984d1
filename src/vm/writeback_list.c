/* SPDX-License-Identifier: MIT */
/*
 * Files with dirty pages, in the order they became dirty (fs/fs-writeback.c:
 * b_dirty, 6.1). A file is listed exactly while it has pages that are dirty or
 * under writeback; who takes one off to work on it takes a reference and leaves
 * it where it is, and moves it to the new end when it is dirty still. So the
 * old end is the oldest, and what nobody has been at yet. One that is being taken
 * apart is left alone: its pages are dropped, dirty as they are.
 *
 * Lock: files->lock.
 */
#include "vm/writeback_private.h"

#include "vm/file_store.h"
#include "vm/vm.h"

static void list_add(struct writeback *w, struct file_inode *i)
{
	struct files *f = w->files;
	i->dirtied_ns = writeback_now_ns(w);
	i->dirty_next = NULL;
	i->dirty_prev = f->dirty_tail;
	if (f->dirty_tail)
		f->dirty_tail->dirty_next = i;
	else
		f->dirty_head = i;
	f->dirty_tail = i;
	i->flags |= FILE_DIRTY_LISTED;
	WRITE_RELAXED(&w->nr_listed, w->nr_listed + 1);
}

static void list_del(struct writeback *w, struct file_inode *i)
{
	struct files *f = w->files;
	if (i->dirty_prev)
		i->dirty_prev->dirty_next = i->dirty_next;
	else
		f->dirty_head = i->dirty_next;
	if (i->dirty_next)
		i->dirty_next->dirty_prev = i->dirty_prev;
	else
		f->dirty_tail = i->dirty_prev;
	i->dirty_next = i->dirty_prev = NULL;
	i->flags &= (uint16_t)~FILE_DIRTY_LISTED;
	WRITE_RELAXED(&w->nr_listed, w->nr_listed - 1);
}

void dirty_list_turn(struct writeback *w, struct file_inode *i)
{
	lock_take(&w->files->lock);
	if (i->flags & FILE_DIRTY_LISTED) {
		list_del(w, i);
		list_add(w, i);
	}
	lock_drop(&w->files->lock);
}

void writeback_dirtied(struct file_inode *i)
{
	struct writeback *w = i->files->writeback;
	if (!w || i->files->store->in_memory)
		return;
	bool dirty = i->map.nr_dirty || i->map.nr_writeback;
	lock_take(&i->files->lock);
	bool listed = i->flags & FILE_DIRTY_LISTED;
	if (dirty && !listed) {
		i->sync_turn = w->sync_turn;
		list_add(w, i);
	} else if (!dirty && listed) {
		list_del(w, i);
	}
	lock_drop(&i->files->lock);
}

struct file_inode *dirty_oldest_take(struct writeback *w, uint64_t by_ns)
{
	struct files *f = w->files;
	lock_take(&f->lock);
	struct file_inode *i = f->dirty_head;
	while (i && (i->flags & FILE_DYING))
		i = i->dirty_next;
	if (i && i->dirtied_ns <= by_ns)
		i->refs++;
	else
		i = NULL;
	lock_drop(&f->lock);
	return i;
}

struct file_inode *dirty_unsynced_take(struct writeback *w, uint64_t turn)
{
	struct files *f = w->files;
	lock_take(&f->lock);
	struct file_inode *i = f->dirty_head;
	while (i && (i->sync_turn >= turn || (i->flags & FILE_DYING)))
		i = i->dirty_next;
	if (i) {
		i->refs++;
		i->sync_turn = turn;
	}
	lock_drop(&f->lock);
	return i;
}
