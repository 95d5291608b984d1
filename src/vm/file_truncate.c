/* SPDX-License-Identifier: MIT */
/*
 * Pages that leave a file before reclaim wants them (mm/truncate.c,
 * fs/drop_caches.c, 6.1): because the file ends before them, its bytes there
 * are gone, somebody else changed it, or vm.drop_caches was written to. With
 * them go the shadows in their range.
 *
 * Past the end of a file its last page is zero, in the frame as in the store;
 * so when a file ends earlier the rest of its last page is cleared.
 */
#include "vm/filemap_private.h"

#include "vm/file_private.h"
#include "vm/writeback.h"

#include <errno.h>
#include <string.h>

void frame_zero(const struct vm *vm, const struct page *page, size_t start, size_t end)
{
	if (READ_ACQUIRE(&page->flags) & PG_CONTENT)
		memset(frame_bytes(vm, page) + start, 0, end - start);
}

/* Bytes [start, end) of page `index`, if it is there. io held alone, so only reclaim could take it. */
static void edge_zero(struct file_inode *i, uint64_t index, size_t start, size_t end)
{
	const struct vm *vm = i->files->vm;
	lock_take(&i->tree);
	uint64_t e = tree_entry(&i->map, index);
	if (entry_is_page(e))
		frame_zero(vm, pfn_page(&vm->machine, entry_pfn(e)), start, end);
	lock_drop(&i->tree);
}

static uint64_t pages_cut(struct file_inode *i, uint64_t first, uint64_t last, bool all)
{
	struct file_cut cut = { .inode = i, .first = first, .last = MIN(last, FILE_PAGES_MAX - 1), .all = all };
	if (first > cut.last)
		return 0;
	filemap_cut(&cut);
	if (!READ_RELAXED(&i->map.nr_pages))
		file_inode_emptied(i);
	return cut.freed;
}

void filemap_remove(struct file_inode *i, uint64_t offset, uint64_t len)
{
	const uint64_t page_mask = PAGE_SIZE - 1;
	uint64_t end = MIN(offset + MIN(len, UINT64_MAX - offset), FILE_BYTES_MAX);
	if (offset >= end)
		return;
	uint64_t first = offset >> PAGE_SHIFT, last = end >> PAGE_SHIFT; /* pages with the edges */
	size_t head = offset & page_mask, tail = end & page_mask;
	lock_take(&i->tree);
	file_changed(i);
	lock_drop(&i->tree);
	if (head)
		edge_zero(i, first, head, first == last ? tail : PAGE_SIZE);
	if (tail && (!head || first != last))
		edge_zero(i, last, 0, tail);
	if (head)
		first++;
	if (first < last)
		pages_cut(i, first, last - 1, true);
}

/* The file ends at size. io held alone. */
static void size_set(struct file_inode *i, uint64_t size)
{
	lock_take(&i->tree);
	file_changed(i);
	i->attr.size = size;
	if (store_in_memory(i)) {
		i->store_size = 0;
		i->attr.mtime = i->attr.ctime = file_now();
	} else {
		i->store_size = size; /* which has followed already */
		i->attr.mtime = i->attr.ctime = file_now();
		i->times_changed = true;
		file_store_noted(i);
	}
	lock_drop(&i->tree);
}

/*
 * What the store says of its times is told from now on, unless there is more
 * to be written: a file that is clean is on no list, and nobody would bring
 * the store times of ours, nor let it close the file.
 */
static void times_follow(struct file_inode *i)
{
	lock_take(&i->tree);
	if (!i->map.nr_dirty && !i->map.nr_writeback) {
		i->attr.mtime = i->store_mtime;
		i->attr.ctime = i->store_ctime;
		i->times_changed = false;
	}
	lock_drop(&i->tree);
}

int file_truncate(struct file_inode *i, uint64_t size)
{
	const struct file_store_ops *store = i->files->store;
	if (size > FILE_BYTES_MAX)
		return -EFBIG;
	pthread_rwlock_wrlock(&i->io);
	int error = store->truncate ? store->truncate(i, size) : 0;
	if (!error) {
		size_set(i, size);
		filemap_remove(i, size, FILE_BYTES_MAX - size);
	}
	pthread_rwlock_unlock(&i->io);
	if (!error && file_inode_stored(i))
		times_follow(i);
	return error;
}

uint64_t filemap_invalidate(struct file_inode *i)
{
	if (store_in_memory(i))
		return 0;
	return pages_cut(i, 0, FILE_PAGES_MAX - 1, false);
}

void filemap_drop_all(struct file_inode *i)
{
	pages_cut(i, 0, FILE_PAGES_MAX - 1, true);
}

/* ---- vm.drop_caches ---- */

#define LOOKED_AT 1024u /* numbers, while everybody else waits for the lock */

/* The next inode with pages, from number *id on, which moves on; with a reference. NULL: none among those that were looked at. */
static struct file_inode *inode_next(struct files *f, uint32_t *id)
{
	struct file_inode *found = NULL;
	uint32_t end = MIN(file_ids_end(f), *id + LOOKED_AT);
	lock_take(&f->lock);
	for (; *id < end && !found; ++*id) {
		struct file_inode *i = file_by_owner(f, *id);
		if (!i || (i->flags & FILE_DYING) || !READ_RELAXED(&i->map.nr_pages))
			continue;
		i->refs++;
		found = i;
	}
	lock_drop(&f->lock);
	return found;
}

uint64_t files_drop_pagecache(struct files *f)
{
	uint64_t freed = 0;
	for (uint32_t id = 1; id < file_ids_end(f);) {
		struct file_inode *i = inode_next(f, &id);
		if (!i)
			continue;
		freed += filemap_invalidate(i);
		file_put(i);
	}
	return freed;
}
