/* SPDX-License-Identifier: MIT */
/*
 * Pages of files move to other frames (mm/migrate.c: filemap_migrate_folio,
 * 6.1): the entry of the index points to the new frame, which gets the bytes.
 *
 * Who works with the bytes of a page of a file has it pinned, or has a frame that
 * is not in the index yet and on no LRU list: neither is moved, so readers,
 * writers and writeback need not know of moving. What is looked up and not
 * pinned is used under tree. A page of a file that is being written to
 * (inode->writing) may move unless the writer has it pinned: its index is what
 * nobody else adds to, and the number of pages stays. Dirty pages move and
 * stay dirty, and those of a store in memory do, too.
 *
 * Different from Linux: a page under writeback is never waited for here, that is up to
 * who moves.
 */
#include "vm/content_move.h"
#include "vm/filemap_private.h"

static enum page_fate move_fate(const struct page *page)
{
	if (page->marks & MARK_WRITEBACK)
		return PAGE_IS_WRITTEN;
	return page->cache.pins ? PAGE_BUSY : PAGE_GOES;
}

static void page_follow(struct vm *vm, struct tree_node *leaf, struct page *page, struct page *to)
{
	content_move(vm, page, to);
	WRITE_RELAXED(&to->owner, page->owner);
	WRITE_RELAXED(&to->index, page->index);
	to->private = page->private;
	tree_move(leaf, tree_slot_of(page->index), page_pfn(&vm->machine, to));
	WRITE_RELAXED(&page->owner, 0);
	page->private = 0;
}

/* On its list, so in its file's index, and keeps the inode: see cache_release. */
enum page_fate filemap_move(void *ctx, struct cpu *c, struct page *page, struct page *to)
{
	struct vm *vm = ctx;
	struct file_inode *i = file_by_owner(&vm->files, owner_id(page->owner));
	(void)c;
	lock_take(&i->tree);
	enum page_fate fate = move_fate(page);
	if (fate == PAGE_GOES) {
		struct tree_node *leaf = tree_leaf(&i->map, page->index);
		ASSERT(leaf && leaf->slot[tree_slot_of(page->index)] ==
				       entry_of_page(page_pfn(&vm->machine, page)));
		page_follow(vm, leaf, page, to);
	}
	lock_drop(&i->tree);
	return fate;
}
