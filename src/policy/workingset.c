/* SPDX-License-Identifier: MIT */
/*
 * The working set of files (mm/workingset.c, 6.1).
 *
 * A node counts the pages that left its inactive list, by eviction or by
 * activation: its age. A page that goes leaves that count behind as its
 * shadow. When it comes back, the count has moved on by as many pages as the
 * inactive list would have to be longer for it to have stayed. If the active
 * pages are at least so many, one of them is the worse choice: the page
 * becomes active at once.
 *
 * A shadow, from its lowest bit: had it been active, its node, the age. Age
 * and costs are relaxed atomics, so no lock is needed to read a shadow; pages
 * move between lists under the LRU lock.
 *
 * Different from Linux: ages have 53 bits on every machine, so they are never
 * rounded into buckets; there are no groups of tasks with ages of their own.
 */

#include "policy/workingset.h"

#include "mm/lru.h"

#define AGE_MASK ((1ull << SHADOW_AGE_BITS) - 1)
#define NODE_BITS 8u
_Static_assert(MM_NODES_MAX <= 1u << NODE_BITS, "a shadow has room for every node");
_Static_assert(1 + NODE_BITS + SHADOW_AGE_BITS == SHADOW_BITS, "a shadow is used up");

static bool page_has_cache(const struct page *page)
{
	return owner_kind(page->owner) == OWNER_FILE;
}

static void node_age(struct node *n)
{
	__atomic_fetch_add(&n->lru.nonresident_age, 1, __ATOMIC_RELAXED);
}

/* ---- Use ---- */

/* First use; true: it was used before, and may have to move. */
static bool page_reference(struct page *page)
{
	if (READ_RELAXED(&page->cache.referenced))
		return true;
	WRITE_RELAXED(&page->cache.referenced, 1);
	return false;
}

/* Is it where a second use makes it active? A look without the lock: the answer may be old. */
static bool page_may_rise(const struct page *page)
{
	uint8_t lru = READ_RELAXED(&page->lru);
	return lru == LRU_INACTIVE_FILE || lru == LRU_INACTIVE_ANON;
}

/* LRU lock held. */
static void page_activate(struct cpu *c, struct node *n, struct page *page)
{
	if (!page_may_rise(page))
		return;
	lru_move(c, page, (enum lru_list)(page->lru + 1));
	WRITE_RELAXED(&page->cache.referenced, 0);
	event_add(c, PGACTIVATE, 1);
	node_age(n);
}

void pages_accessed(struct cpu *c, struct page *const *page, unsigned nr)
{
	struct node *held = NULL;
	for (unsigned i = 0; i < nr; i++) {
		if (!page_reference(page[i]) || !page_may_rise(page[i]))
			continue;
		held = lru_lock_move(held, page_node(c->machine, page[i]));
		page_activate(c, held, page[i]);
	}
	lru_lock_move(held, NULL);
}

/* ---- Going and coming back ---- */

uint64_t workingset_eviction(struct policy *p, struct page *page)
{
	struct node *n = page_node(p->machine, page);
	uint64_t age = __atomic_fetch_add(&n->lru.nonresident_age, 1, __ATOMIC_RELAXED) & AGE_MASK;
	bool workingset = page_has_cache(page) && page->cache.workingset;
	return (age << NODE_BITS | n->id) << 1 | workingset;
}

/* How many pages compete for the memory that a page of a file could have had. */
static uint64_t workingset_size(const struct policy *p, const struct node *n)
{
	uint64_t pages = READ_RELAXED(&n->lru.size[LRU_ACTIVE_FILE]);
	if (READ_RELAXED(&p->swap_free_pages))
		pages += READ_RELAXED(&n->lru.size[LRU_ACTIVE_ANON]) +
			 READ_RELAXED(&n->lru.size[LRU_INACTIVE_ANON]);
	return pages;
}

bool workingset_refault(struct policy *p, struct cpu *c, struct page *page, uint64_t shadow)
{
	struct machine *m = p->machine;
	unsigned nid = (unsigned)(shadow >> 1) & ((1u << NODE_BITS) - 1);
	uint64_t evicted = shadow >> (NODE_BITS + 1);
	if (nid >= m->nr_nodes)
		return false;
	const struct node *from = &m->node[nid];
	struct node *n = page_node(m, page);
	uint64_t distance = (READ_RELAXED(&from->lru.nonresident_age) - evicted) & AGE_MASK;

	node_stat_add(c, n, WORKINGSET_REFAULT_FILE, 1);
	if (distance > workingset_size(p, from))
		return false;
	node_age(n);
	node_stat_add(c, n, WORKINGSET_ACTIVATE_FILE, 1);
	if (shadow & 1) {
		page->cache.workingset = 1;
		lru_note_cost(n, true, 1);
		node_stat_add(c, n, WORKINGSET_RESTORE_FILE, 1);
	}
	return true;
}

/* ---- Written ---- */

/* LRU lock held. Marked again, or on no list: it stays where it is. */
static void page_rotate(struct cpu *c, struct page *page)
{
	if (!page->cache.reclaim)
		return;
	page->cache.reclaim = 0;
	if (page->lru >= LRU_UNEVICTABLE || (page->marks & (MARK_DIRTY | MARK_WRITEBACK)))
		return;
	lru_move_cold(c, page, (enum lru_list)(page->lru & ~1u));
	event_add(c, PGROTATED, 1);
}

void pages_written(struct cpu *c, struct page *const *page, unsigned nr)
{
	struct node *held = NULL;
	for (unsigned i = 0; i < nr; i++) {
		if (!READ_RELAXED(&page[i]->cache.reclaim))
			continue;
		held = lru_lock_move(held, page_node(c->machine, page[i]));
		page_rotate(c, page[i]);
	}
	lru_lock_move(held, NULL);
}

/* ---- Cost ---- */

void lru_note_cost(struct node *n, bool file, uint64_t pages)
{
	struct lru *lru = &n->lru;
	uint64_t size = 0;
	if (!pages)
		return;
	uint64_t sum = __atomic_add_fetch(&lru->cost[file], pages, __ATOMIC_RELAXED) +
		       READ_RELAXED(&lru->cost[!file]);
	for (unsigned l = 0; l < LRU_UNEVICTABLE; l++)
		size += READ_RELAXED(&lru->size[l]);
	if (sum <= size / 4)
		return;
	for (unsigned i = 0; i < 2; i++)
		WRITE_RELAXED(&lru->cost[i], READ_RELAXED(&lru->cost[i]) / 2);
}

void workingset_snapshot(struct node *n)
{
	WRITE_RELAXED(&n->lru.refaults[0], (uint64_t)node_stat_sum(n, WORKINGSET_ACTIVATE_ANON));
	WRITE_RELAXED(&n->lru.refaults[1], (uint64_t)node_stat_sum(n, WORKINGSET_ACTIVATE_FILE));
}
