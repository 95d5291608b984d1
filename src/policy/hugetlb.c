/* SPDX-License-Identifier: MIT */
/*
 * Sizing the huge page pool and lending its pages (mm/hugetlb.c:
 * set_max_huge_pages, alloc_pool_huge_page, dequeue_huge_page_vma, 6.1).
 *
 * Growing takes blocks from the buddy system in turn from each node and stops
 * at the first round that yields none. Shrinking frees what is free, in turn;
 * pages in use become surplus and go when they are put back. The pool's lock
 * is never held while pages are allocated or freed.
 */

#include "policy/policy.h"

#include "base/client.h"

#define HUGE_GFP                                                                                   \
	(GFP_HIGHUSER_MOVABLE | __GFP_COMP | __GFP_NOWARN | __GFP_RETRY_MAYFAIL | __GFP_THISNODE)

static uint64_t pool_persistent(const struct hugetlb *h)
{
	return h->nr - h->nr_surplus;
}

static struct page *fresh_page(struct policy *p, struct hugetlb *h, unsigned nid)
{
	struct node *n = &p->machine->node[nid];
	if (!n->has_memory)
		return NULL;
	struct cpu *c = n->first_cpu;
	cpu_enter(c);
	struct page *page = alloc_pages(p, c, (int)nid, HUGE_GFP, h->order);
	event_add(c, page ? HTLB_BUDDY_PGALLOC : HTLB_BUDDY_PGALLOC_FAIL, 1);
	if (page)
		page->owner = owner_handle(OWNER_HUGETLB_POOL, 0);
	cpu_leave(c);
	return page;
}

/* From the node whose turn it is, or the next one that has a block. After a request for one node it is that one's turn. */
static struct page *fresh_page_in_turn(struct policy *p, struct hugetlb *h, int only)
{
	unsigned nr_nodes = p->machine->nr_nodes;
	if (only >= 0) {
		h->next_to_alloc = (unsigned)only;
		return fresh_page(p, h, (unsigned)only);
	}
	for (unsigned i = 0; i < nr_nodes; i++) {
		unsigned nid = h->next_to_alloc;
		h->next_to_alloc = (nid + 1) % nr_nodes;
		struct page *page = fresh_page(p, h, nid);
		if (page)
			return page;
	}
	return NULL;
}

static void pool_grow(struct policy *p, struct hugetlb *h, uint64_t count, int nid)
{
	lock_take(&h->lock);
	while (h->nr_surplus && count > pool_persistent(h) && hugetlb_adjust_surplus(h, -1, nid))
		;
	while (count > pool_persistent(h)) {
		lock_drop(&h->lock);
		struct page *page = fresh_page_in_turn(p, h, nid);
		bool enough = client_interrupted(); /* as in 6.1, what is there by then stays */
		lock_take(&h->lock);
		if (page)
			hugetlb_add(h, page, false, true);
		if (!page || enough)
			break;
	}
	lock_drop(&h->lock);
}

static struct page *pool_remove_in_turn(struct hugetlb *h, int nid)
{
	unsigned nr_nodes = h->machine->nr_nodes;
	if (nid >= 0) {
		h->next_to_free = (unsigned)nid;
		return hugetlb_remove_free(h, (unsigned)nid, false);
	}
	for (unsigned i = 0; i < nr_nodes; i++) {
		unsigned from = h->next_to_free;
		h->next_to_free = (from + 1) % nr_nodes;
		struct page *page = hugetlb_remove_free(h, from, false);
		if (page)
			return page;
	}
	return NULL;
}

static void page_return(struct policy *p, struct hugetlb *h, struct page *page)
{
	struct cpu *c = page_zone(p->machine, page)->node->first_cpu;
	cpu_enter(c);
	page_give(c, page, h->order);
	cpu_leave(c);
}

static void pool_shrink(struct policy *p, struct hugetlb *h, uint64_t count, int nid)
{
	lock_take(&h->lock);
	uint64_t in_use = h->nr_reserved + h->nr - h->nr_free;
	uint64_t least = MAX(count, in_use);
	while (least < pool_persistent(h)) {
		struct page *page = pool_remove_in_turn(h, nid);
		if (!page)
			break;
		lock_drop(&h->lock);
		page_return(p, h, page);
		lock_take(&h->lock);
	}
	while (count < pool_persistent(h) && hugetlb_adjust_surplus(h, 1, nid))
		;
	lock_drop(&h->lock);
}

uint64_t hugetlb_resize(struct policy *p, struct hugetlb *h, uint64_t count, int nid)
{
	if (nid >= 0) { /* one node's count: the others keep theirs */
		lock_take(&h->lock);
		uint64_t others = h->nr - h->node[nid].nr;
		lock_drop(&h->lock);
		count = count + others < count ? UINT64_MAX : count + others;
	}
	pool_grow(p, h, count, nid);
	pool_shrink(p, h, count, nid);
	for (unsigned n = 0; n < p->machine->nr_nodes; n++)
		if (p->machine->node[n].online)
			cpu_stat_fold(p->machine->node[n].first_cpu);
	lock_take(&h->lock);
	WRITE_RELAXED(&h->max, pool_persistent(h));
	uint64_t pages = h->max;
	lock_drop(&h->lock);
	return pages;
}

static struct page *pool_dequeue(struct hugetlb *h, const struct node *from)
{
	const struct node *last = NULL;
	struct page *page = NULL;
	lock_take(&h->lock);
	for (unsigned i = 0; !page && i < from->nr_zonelist; i++) {
		const struct node *n = from->zonelist[i].zone->node;
		if (n != last && h->nr_free > h->nr_reserved)
			page = hugetlb_take_free(h, n->id);
		last = n;
	}
	lock_drop(&h->lock);
	return page;
}

static struct page *surplus_page(struct policy *p, struct hugetlb *h, const struct node *from)
{
	const struct node *last = NULL;
	for (unsigned i = 0; i < from->nr_zonelist; i++) {
		const struct node *n = from->zonelist[i].zone->node;
		struct page *page = n != last ? fresh_page(p, h, n->id) : NULL;
		last = n;
		if (!page)
			continue;
		lock_take(&h->lock);
		bool allowed = h->nr_surplus < h->nr_overcommit;
		if (allowed)
			hugetlb_add(h, page, true, false);
		lock_drop(&h->lock);
		if (allowed)
			return page;
		page_return(p, h, page);
		return NULL;
	}
	return NULL;
}

struct page *hugetlb_alloc(struct policy *p, struct hugetlb *h, struct cpu *c, struct mempolicy *pol, bool reserved)
{
	(void)pol;
	(void)reserved;
	struct page *page = pool_dequeue(h, c->node);
	if (!page && READ_RELAXED(&h->nr_surplus) < READ_RELAXED(&h->nr_overcommit))
		page = surplus_page(p, h, c->node);
	return page;
}

void hugetlb_free(struct policy *p, struct hugetlb *h, struct cpu *c, struct page *page)
{
	(void)c;
	page->owner = owner_handle(OWNER_HUGETLB_POOL, 0);
	lock_take(&h->lock);
	bool leaves = hugetlb_put(h, page);
	lock_drop(&h->lock);
	if (leaves)
		page_return(p, h, page);
}
