/* SPDX-License-Identifier: MIT */
/*
 * A page moves to another frame: see migrate.h. Its owner copies the bytes and
 * re-points its index (owner_ops.move); the place on the LRU list, the marks
 * and what the nodes count of it are moved here.
 *
 * Invariant: a page on an LRU list is taken off it under the LRU lock before
 * its owner forgets it. So under that lock a page that is on a list has an
 * owner who knows it, and who it is may be read.
 *
 * Different from Linux: there are no entries in page tables to replace by others
 * for the time of the copy, and nobody waits: a page that is busy, or being
 * written in whatever way keeps it in its place, is not moved now. Whoever
 * migrates decides if he comes again.
 */

#include "policy/migrate.h"

#include "mm/lru.h"
#include "mm/mark.h"

/* Without the lock it may be anybody's by now, and whoever acts upon it looks once more: no race that matters. */
__attribute__((no_sanitize("thread"))) static enum owner_kind owner_peek(const struct page *page)
{
	return owner_kind(READ_RELAXED(&page->owner));
}

__attribute__((no_sanitize("thread"))) bool page_may_move(const struct policy *p, const struct page *page)
{
	if (READ_RELAXED(&page->state) != PAGE_USED || READ_RELAXED(&page->order))
		return false;
	if (READ_RELAXED(&page->lru) >= LRU_LISTS)
		return false;
	unsigned kind = owner_peek(page);
	return kind < OWNER_KINDS && p->owner[kind] && p->owner[kind]->move;
}

/* What a node counts of a page beside its place on a list and its marks. */
static void node_items_move(struct cpu *c, enum owner_kind kind, const struct page *page,
			    const struct page *to)
{
	struct node *from = page_node(c->machine, page), *into = page_node(c->machine, to);
	enum node_stat item = kind == OWNER_TASK_ANON ? NR_ANON_MAPPED : NR_FILE_PAGES;
	if (LIKELY(from == into))
		return;
	node_stat_add(c, from, item, -1);
	node_stat_add(c, into, item, 1);
}

enum page_fate page_migrate_locked(struct policy *p, struct cpu *c, struct page *page, struct page *to)
{
	DEBUG_ASSERT(to->state == PAGE_USED && !to->order && !to->owner && !to->marks);
	if (!page_may_move(p, page))
		return PAGE_STAYS;
	enum owner_kind kind = owner_kind(page->owner);
	enum page_fate fate = p->owner[kind]->move(p->owner_ctx, c, page, to);
	if (fate != PAGE_GOES)
		return fate;
	lru_replace(c, page, to);
	page_marks_move(c, page, to);
	node_items_move(c, kind, page, to);
	page->owner = 0;
	return PAGE_GOES;
}

enum page_fate page_migrate(struct policy *p, struct cpu *c, struct page *page, struct page *to)
{
	struct node *a = page_node(p->machine, page), *b = page_node(p->machine, to);
	struct node *low = a->id < b->id ? a : b, *high = a->id < b->id ? b : a;
	lock_take(&low->lru.lock);
	if (high != low)
		lock_take(&high->lru.lock);
	enum page_fate fate = page_migrate_locked(p, c, page, to);
	if (high != low)
		lock_drop(&high->lru.lock);
	lock_drop(&low->lru.lock);
	return fate;
}
