/* SPDX-License-Identifier: MIT */
/*
 * Pages of tasks move to other frames (mm/migrate.c: migrate_folio, 6.1): the
 * slot of the index points to the new frame, which gets what the page has.
 *
 * A page may move at any time between its being on an LRU list and its leaving
 * the index. So whoever looks a frame up in an index and works with it holds
 * index_lock meanwhile, or has taken the page out of the index before: a page that is
 * in none does not move, which is what lets those who free pages work without the
 * lock. Whoever chooses pages first and takes them later looks again
 * (page_index_has). Only anonymous pages have bytes.
 *
 * The LRU lock of the page's node keeps its task: pages leave their list before
 * the task goes.
 */
#include "vm/content_move.h"
#include "vm/task_private.h"

static struct page_index *index_of(struct task *t, enum owner_kind kind)
{
	switch (kind) {
	case OWNER_TASK_ANON:
		return &t->anon;
	case OWNER_TASK_FILE:
		return &t->file;
	default:
		return &t->shmem;
	}
}

enum page_fate task_page_move(void *ctx, struct cpu *c, struct page *page, struct page *to)
{
	struct vm *vm = ctx;
	struct task *t = __atomic_load_n(&vm->tasks.slot[owner_id(page->owner)], __ATOMIC_ACQUIRE);
	enum owner_kind kind = owner_kind(page->owner);
	struct page_index *ix = index_of(t, kind);
	(void)c;
	if (page->marks & MARK_WRITEBACK)
		return PAGE_IS_WRITTEN;

	lock_take(&t->index_lock);
	bool ours = page_index_has(&vm->machine, ix, page);
	if (ours) {
		if (kind == OWNER_TASK_ANON)
			content_move(vm, page, to);
		WRITE_RELAXED(&to->owner, page->owner);
		to->private = page->private;
		page_index_replace(&vm->machine, ix, page, to);
		page_disown(page);
	}
	lock_drop(&t->index_lock);
	return ours ? PAGE_GOES : PAGE_BUSY;
}

/* Reclaim takes none: there is no swap that they could go to. */
const struct owner_ops task_anon_ops = { .move = task_page_move };
