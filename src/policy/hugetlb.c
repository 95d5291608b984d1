/* SPDX-License-Identifier: MIT */
/*
 * Sizing a pool of huge pages (mm/hugetlb.c: set_max_huge_pages,
 * alloc_pool_huge_page, alloc_buddy_huge_page, 6.1).
 *
 * Growing takes surplus pages over first, then blocks from the buddy system,
 * or ranges of 1 GiB, in turn from each node, and stops at the first round that
 * yields none or when nobody waits for it any more. A node on which a hard try
 * has failed is asked lightly from then on, until that succeeds. Shrinking
 * frees what is free and promised to nobody, in turn; of pages in use those
 * beyond the number wanted become surplus and go when they are put back. The
 * pool's lock is never held while pages are allocated or freed.
 */

#include "policy/hugetlb_resize.h"

#include "base/client.h"
#include "policy/contig.h"

#define PAGES_A_STEP 16u /* so that what a step itself costs does not count beside them */

static uint64_t pool_persistent(const struct hugetlb *h)
{
	return h->nr - h->nr_surplus;
}

/* ---- One page more ---- */

static struct page *gigantic_page(struct hugetlb_resize *r, unsigned nid)
{
	const struct node *n = &r->policy->machine->node[nid];
	return n->has_memory ? contig_take(r->policy, nid, r->hugetlb->order) : NULL;
}

static struct page *buddy_page(struct hugetlb_resize *r, unsigned nid)
{
	struct node *n = &r->policy->machine->node[nid];
	bool hard = !nodemask_has(&r->no_retry, nid);
	gfp_t gfp = hugetlb_gfp(r->hugetlb) | HUGE_GFP_LIGHT | __GFP_THISNODE |
		    (hard ? __GFP_RETRY_MAYFAIL : 0);
	struct cpu *c = n->first_cpu;
	cpu_enter(c);
	struct page *page =
		n->has_memory ? alloc_pages(r->policy, c, (int)nid, gfp, r->hugetlb->order) : NULL;
	event_add(c, page ? HTLB_BUDDY_PGALLOC : HTLB_BUDDY_PGALLOC_FAIL, 1);
	cpu_leave(c);
	if (!page && hard)
		nodemask_set(&r->no_retry, nid);
	if (page && !hard)
		nodemask_clear(&r->no_retry, nid);
	return page;
}

/* From the node whose turn it is, or the next one that has a block. */
static bool pool_add_page(struct hugetlb_resize *r)
{
	struct hugetlb *h = r->hugetlb;
	struct page *page = NULL;
	for (unsigned i = r->nr_nodes; i && !page; i--) {
		unsigned nid = hugetlb_turn(&h->next_to_alloc, &r->nodes);
		page = hugetlb_gigantic(h) ? gigantic_page(r, nid) : buddy_page(r, nid);
	}
	if (page)
		hugetlb_page_join(h, page, false, true);
	return page != NULL;
}

/* ---- Growing: what failed or was interrupted is over, what is there by then stays ---- */

static enum resize_stage step_grow(struct hugetlb_resize *r)
{
	struct hugetlb *h = r->hugetlb;
	lock_take(&h->lock);
	while (h->nr_surplus && r->count > pool_persistent(h) && hugetlb_adjust_surplus(h, -1, &r->nodes))
		;
	uint64_t persistent = pool_persistent(h);
	lock_drop(&h->lock);
	if (r->count <= persistent)
		return RESIZE_SHRINK;
	uint64_t left = MIN(r->count - persistent, hugetlb_gigantic(h) ? 1 : PAGES_A_STEP);
	while (left--)
		if (!pool_add_page(r) || client_interrupted())
			return RESIZE_DONE;
	return RESIZE_GROW;
}

/* ---- Shrinking ---- */

static enum resize_stage step_shrink(struct hugetlb_resize *r)
{
	struct hugetlb *h = r->hugetlb;
	struct page *page[PAGES_A_STEP];
	unsigned nr = 0;
	lock_take(&h->lock);
	uint64_t least = MAX(r->count, h->nr_reserved + h->nr - h->nr_free);
	while (nr < PAGES_A_STEP && least < pool_persistent(h) &&
	       (page[nr] = hugetlb_remove_in_turn(h, &r->nodes, false)))
		nr++;
	while (!nr && r->count < pool_persistent(h) && hugetlb_adjust_surplus(h, 1, &r->nodes))
		;
	lock_drop(&h->lock);
	for (unsigned i = 0; i < nr; i++)
		hugetlb_page_return(r->policy, h, page[i]);
	return nr ? RESIZE_SHRINK : RESIZE_DONE;
}

/* ---- The whole ---- */

void hugetlb_resize_begin(struct hugetlb_resize *r, struct policy *p, struct hugetlb *h,
			  uint64_t count, int nid, const struct nodemask *nodes)
{
	*r = (struct hugetlb_resize){ .policy = p, .hugetlb = h, .count = count };
	if (nid < 0) {
		r->nodes = nodes ? *nodes : p->numa.memory;
		r->nr_nodes = nodemask_weight(&r->nodes);
		return;
	}
	nodemask_set(&r->nodes, (unsigned)nid);
	r->nr_nodes = 1;
	lock_take(&h->lock); /* one node's count: the others keep theirs */
	uint64_t others = h->nr - h->node[nid].nr;
	lock_drop(&h->lock);
	r->count = count + others < count ? UINT64_MAX : count + others;
}

bool hugetlb_resize_step(struct hugetlb_resize *r)
{
	if (r->stage == RESIZE_GROW)
		r->stage = step_grow(r);
	else if (r->stage == RESIZE_SHRINK)
		r->stage = step_shrink(r);
	return r->stage != RESIZE_DONE;
}

uint64_t hugetlb_resize_end(struct hugetlb_resize *r)
{
	const struct machine *m = r->policy->machine;
	struct hugetlb *h = r->hugetlb;
	for (unsigned nid = 0; nid < m->nr_nodes; nid++)
		if (m->node[nid].online)
			cpu_stat_fold(m->node[nid].first_cpu);
	lock_take(&h->lock);
	uint64_t pages = pool_persistent(h);
	WRITE_RELAXED(&h->max, pages);
	lock_drop(&h->lock);
	return pages;
}

uint64_t hugetlb_resize(struct policy *p, struct hugetlb *h, uint64_t count, int nid)
{
	struct hugetlb_resize r;
	hugetlb_resize_begin(&r, p, h, count, nid, NULL);
	while (hugetlb_resize_step(&r))
		;
	return hugetlb_resize_end(&r);
}
