/* SPDX-License-Identifier: MIT */
/*
 * Promising and lending the pages of a pool (mm/hugetlb.c: hugetlb_acct_memory,
 * gather_surplus_pages, return_unused_surplus_pages, allowed_mems_nr,
 * alloc_huge_page, dequeue_huge_page_vma, alloc_surplus_huge_page, free_huge_page, 6.1).
 *
 * A promise is a number: so many of the free pages are taken out of what
 * others may have, wherever they lie. Surplus pages come from the buddy system
 * when the pool falls short, as many at a time as nr_overcommit, and go back to
 * it when a page of their node is put back. A page of 1 GiB is never surplus
 * from the start: no block of the buddy system is that large.
 *
 * The pool's lock is never held while pages are allocated or freed. In between
 * a page is in no list; callers hold what keeps the machine from being held
 * meanwhile (vm/hold.h): a task's lock, the gate of files, or the knobs' lock.
 */

#include "policy/hugetlb_resize.h"

#include "base/client.h"
#include "policy/contig.h"

#include <errno.h>

gfp_t hugetlb_gfp(const struct hugetlb *h)
{
	bool movable = h->machine->bits == 64 && !hugetlb_gigantic(h);
	return movable ? GFP_HIGHUSER_MOVABLE : GFP_HIGHUSER;
}

void hugetlb_page_join(struct hugetlb *h, struct page *page, bool surplus, bool is_free)
{
	page->owner = owner_handle(OWNER_HUGETLB_POOL, 0);
	lock_take(&h->lock);
	hugetlb_add(h, page, surplus, is_free);
	lock_drop(&h->lock);
}

void hugetlb_page_return(struct policy *p, struct hugetlb *h, struct page *page)
{
	struct cpu *c = page_node(p->machine, page)->first_cpu;
	cpu_enter(c);
	if (hugetlb_gigantic(h))
		contig_give(c, page, h->order);
	else
		page_give(c, page, h->order);
	cpu_leave(c);
}

/* ---- Where from ---- */

/* The node whose list is asked, and the nodes that count. */
static int huge_node(struct policy *p, const struct cpu *c, struct mempolicy *pol,
		     const struct nodemask **nodes)
{
	*nodes = NULL;
	return pol ? mempolicy_huge_node(p, c, pol, nodes) : (int)c->node->id;
}

static struct page *huge_block(struct policy *p, struct cpu *c, int nid,
			       const struct nodemask *nodes, gfp_t gfp, unsigned order)
{
	return nodes ? alloc_request_nodes(p, c, nid, nodes, gfp, order)
		     : alloc_pages(p, c, nid, gfp, order);
}

/* ---- Surplus ---- */

static bool surplus_allowed(struct hugetlb *h)
{
	lock_take(&h->lock);
	bool allowed = h->nr_surplus < h->nr_overcommit;
	lock_drop(&h->lock);
	return allowed;
}

/* In the pool and in no list. Others may have used the limit up while the page was got: then it goes back. */
static struct page *surplus_page(struct policy *p, struct hugetlb *h, struct cpu *c, int nid,
				 const struct nodemask *nodes)
{
	if (hugetlb_gigantic(h) || !surplus_allowed(h))
		return NULL;
	gfp_t gfp = hugetlb_gfp(h) | HUGE_GFP_LIGHT | __GFP_RETRY_MAYFAIL;
	cpu_enter(c);
	struct page *page = huge_block(p, c, nid, nodes, gfp, h->order);
	event_add(c, page ? HTLB_BUDDY_PGALLOC : HTLB_BUDDY_PGALLOC_FAIL, 1);
	cpu_leave(c);
	if (!page)
		return NULL;
	page->owner = owner_handle(OWNER_HUGETLB_POOL, 0);
	lock_take(&h->lock);
	bool allowed = h->nr_surplus < h->nr_overcommit;
	if (allowed)
		hugetlb_add(h, page, true, false);
	lock_drop(&h->lock);
	if (allowed)
		return page;
	hugetlb_page_return(p, h, page);
	return NULL;
}

/* ---- Promises ---- */

struct gathered { /* surplus pages in no list, held by whoever gathers them */
	struct page_list list;
	uint64_t nr;
};

static void gathered_add(struct hugetlb *h, struct gathered *g, struct page *page)
{
	page_list_add_head(h->machine->map, &g->list, page_pfn(h->machine, page));
	g->nr++;
}

static struct page *gathered_pop(struct hugetlb *h, struct gathered *g)
{
	pfn_t pfn = g->list.head;
	page_list_del(h->machine->map, &g->list, pfn);
	g->nr--;
	return pfn_page(h->machine, pfn);
}

/* Surplus pages that were not needed after all. */
static void gathered_drop(struct policy *p, struct hugetlb *h, struct gathered *g)
{
	while (g->nr)
		hugetlb_free(p, h, gathered_pop(h, g));
}

/* Pages that are still missing for nr more promises. Under lock. */
static uint64_t promise_lacks(const struct hugetlb *h, const struct gathered *g, uint64_t nr)
{
	uint64_t wanted = h->nr_reserved + nr, have = h->nr_free + g->nr;
	return wanted > have ? wanted - have : 0;
}

static bool promise_gather(struct policy *p, struct hugetlb *h, struct cpu *c, struct gathered *g,
			   uint64_t lacks)
{
	while (lacks--) {
		struct page *page = client_interrupted() ? NULL : surplus_page(p, h, c, -1, NULL);
		if (!page)
			return false;
		gathered_add(h, g, page);
	}
	return true;
}

/* Others may take free pages while ours are got, so what is missing is counted anew until nothing is. */
static int promise_make(struct policy *p, struct hugetlb *h, struct cpu *c, uint64_t nr)
{
	struct gathered g = { .nr = 0 };
	uint64_t lacks;
	if (nr > p->machine->end_pfn >> h->order)
		return -ENOMEM;
	lock_take(&h->lock);
	while ((lacks = promise_lacks(h, &g, nr)) > 0) {
		lock_drop(&h->lock);
		if (!promise_gather(p, h, c, &g, lacks)) {
			gathered_drop(p, h, &g);
			return -ENOMEM;
		}
		lock_take(&h->lock);
	}
	WRITE_RELAXED(&h->nr_reserved, h->nr_reserved + nr);
	while (g.nr && h->nr_free < h->nr_reserved)
		hugetlb_enqueue(h, gathered_pop(h, &g));
	lock_drop(&h->lock);
	gathered_drop(p, h, &g);
	return 0;
}

/* Free pages where the policy lets them come from, promised ones too. A guess, as in 6.1: others' promises may want them. */
static uint64_t nr_allowed(struct hugetlb *h, const struct nodemask *nodes)
{
	uint64_t nr = 0;
	lock_take(&h->lock);
	for (unsigned nid = 0; nid < h->machine->nr_nodes; nid++)
		if (nodemask_has(nodes, nid))
			nr += h->node[nid].nr_free;
	lock_drop(&h->lock);
	return nr;
}

int hugetlb_reserve(struct policy *p, struct hugetlb *h, struct cpu *c, uint64_t nr,
		    const struct mempolicy *pol)
{
	const struct nodemask *nodes = pol ? mempolicy_bound(p, pol, hugetlb_gfp(h)) : NULL;
	int error = promise_make(p, h, c, nr);
	if (error || !nodes || nr <= nr_allowed(h, nodes))
		return error;
	hugetlb_unreserve(p, h, nr);
	return -ENOMEM;
}

void hugetlb_unreserve(struct policy *p, struct hugetlb *h, uint64_t nr)
{
	lock_take(&h->lock);
	ASSERT(h->nr_reserved >= nr);
	WRITE_RELAXED(&h->nr_reserved, h->nr_reserved - nr);
	for (uint64_t left = MIN(nr, h->nr_surplus); left; left--) {
		struct page *page = hugetlb_remove_in_turn(h, &p->numa.memory, true);
		if (!page)
			break;
		lock_drop(&h->lock);
		hugetlb_page_return(p, h, page);
		lock_take(&h->lock);
	}
	lock_drop(&h->lock);
}

/* ---- Lending ---- */

static bool node_allowed(const struct node *n, const struct nodemask *nodes)
{
	return !nodes || nodemask_has(nodes, n->id);
}

/* Along the zonelist of a node. Under lock. */
static struct page *pool_dequeue(struct hugetlb *h, const struct node *from, const struct nodemask *nodes)
{
	const struct node *last = NULL;
	for (unsigned i = 0; i < from->nr_zonelist; i++) {
		const struct node *n = from->zonelist[i].zone->node;
		struct page *page =
			n != last && node_allowed(n, nodes) ? hugetlb_take_free(h, n->id) : NULL;
		if (page)
			return page;
		last = n;
	}
	return NULL;
}

static void promise_kept(struct hugetlb *h)
{
	ASSERT(h->nr_reserved);
	WRITE_RELAXED(&h->nr_reserved, h->nr_reserved - 1);
}

struct page *hugetlb_alloc(struct policy *p, struct hugetlb *h, struct cpu *c,
			   struct mempolicy *pol, bool reserved)
{
	const struct nodemask *nodes = NULL;
	int nid = huge_node(p, c, pol, &nodes);
	struct page *page = NULL;
	lock_take(&h->lock);
	if (reserved || h->nr_free > h->nr_reserved)
		page = pool_dequeue(h, &p->machine->node[nid], nodes);
	if (page && reserved)
		promise_kept(h);
	lock_drop(&h->lock);
	if (page)
		return page;

	page = surplus_page(p, h, c, nid, nodes);
	if (!page || !reserved)
		return page;
	lock_take(&h->lock);
	promise_kept(h);
	lock_drop(&h->lock);
	return page;
}

void hugetlb_restore(struct hugetlb *h, struct page *page)
{
	page->owner = owner_handle(OWNER_HUGETLB_POOL, 0);
	lock_take(&h->lock);
	WRITE_RELAXED(&h->nr_reserved, h->nr_reserved + 1);
	hugetlb_enqueue(h, page);
	lock_drop(&h->lock);
}

void hugetlb_free(struct policy *p, struct hugetlb *h, struct page *page)
{
	page->owner = owner_handle(OWNER_HUGETLB_POOL, 0);
	lock_take(&h->lock);
	bool leaves = hugetlb_put(h, page);
	lock_drop(&h->lock);
	if (leaves)
		hugetlb_page_return(p, h, page);
}
