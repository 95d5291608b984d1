/* SPDX-License-Identifier: MIT */
/*
 * Reclaim and moving of page cache below files/, whether its file is there or not. An
 * orphan has no index that it would have to leave, and nobody pins it.
 */
#include "vm/file_orphan.h"

#include "vm/filemap.h"
#include "vm/vm.h"

static enum page_fate orphan_fate(const struct page *page)
{
	return page->marks & (MARK_DIRTY | MARK_WRITEBACK | MARK_SHMEM) ? PAGE_STAYS : PAGE_GOES;
}

static enum page_fate page_release(void *ctx, struct cpu *c, struct page *page, bool dropping)
{
	if (page->owner == file_orphan_owner())
		return orphan_fate(page);
	return file_owner_ops.release(ctx, c, page, dropping);
}

/* Bytes and index it has none. */
static enum page_fate orphan_move(struct page *page, struct page *to)
{
	if (page->marks & MARK_WRITEBACK)
		return PAGE_IS_WRITTEN;
	WRITE_RELAXED(&to->owner, page->owner);
	WRITE_RELAXED(&to->index, page->index);
	to->private = page->private;
	WRITE_RELAXED(&page->owner, 0);
	page->private = 0;
	return PAGE_GOES;
}

static enum page_fate page_move(void *ctx, struct cpu *c, struct page *page, struct page *to)
{
	if (page->owner == file_orphan_owner())
		return orphan_move(page, to);
	return file_owner_ops.move(ctx, c, page, to);
}

static void page_settle(void *ctx, struct cpu *c)
{
	const struct vm *vm = ctx;
	if (vm->files.vm && file_owner_ops.settle)
		file_owner_ops.settle(ctx, c);
}

const struct owner_ops file_page_ops = { .release = page_release, .move = page_move, .settle = page_settle };
