/* SPDX-License-Identifier: MIT */
/*
 * Order-0 pages on an LRU list, a handful at a time inside one CPU entry. A
 * page is in its owner's index before reclaim can see it on the list, and off
 * the list before it is given back. What is left of it outside is nobody's
 * to move: see task_move.c. Neighbouring pages mostly are of one node,
 * so its LRU lock is kept until one of another node turns up.
 */
#include "vm/task_private.h"

#include "mm/lru.h"
#include "mm/mark.h"

void page_disown(struct page *page)
{
	WRITE_RELAXED(&page->owner, 0);
	page->private = 0;
}

static void index_add(struct task *t, const struct page_use *use, struct page *const *page, unsigned nr)
{
	lock_take(&t->index_lock);
	for (unsigned i = 0; i < nr; i++)
		WRITE_RELAXED(&page[i]->owner, use->owner);
	page_index_add_pages(&t->vm->machine, use->index, page, nr);
	lock_drop(&t->index_lock);
}

/* How many of them, from the first on, are of one zone. */
static unsigned same_zone(struct page *const *page, unsigned nr)
{
	unsigned same = 1;
	while (same < nr && page[same]->zone == page[0]->zone)
		same++;
	return same;
}

void pages_attach(struct task *t, struct cpu *c, const struct page_use *use,
		  struct page *const *page, unsigned nr)
{
	struct node *node = NULL;
	index_add(t, use, page, nr);
	for (unsigned i = 0, same; i < nr; i += same) {
		same = same_zone(page + i, nr - i);
		node = lru_lock_move(node, page_node(&t->vm->machine, page[i]));
		lru_add_pages(c, page + i, same, use->lru);
		node_stat_count(c, node, use->stat, same);
	}
	lru_lock_move(node, NULL);
}

void pages_detach(struct task *t, struct cpu *c, enum node_stat stat, struct page *const *page, unsigned nr)
{
	struct node *node = NULL;
	for (unsigned i = 0; i < nr; i++) {
		node = lru_lock_move(node, page_node(&t->vm->machine, page[i]));
		lru_del(c, page[i]);
		page_unmark(c, page[i]);
		node_stat_add(c, node, stat, -1);
	}
	lru_lock_move(node, NULL);

	for (unsigned i = 0; i < nr; i++) {
		page_disown(page[i]);
		free_pages(c, page[i], 0);
	}
}
