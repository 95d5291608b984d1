/* SPDX-License-Identifier: MIT */
/*
 * The pool of huge pages: lists and counts, under one leaf lock. See
 * hugetlb.h. A page in the pool is PAGE_USED; free ones are on their node's
 * list. Totals are the sums of the nodes.
 */

#include "mm/hugetlb.h"

#include "base/mem.h"

#include <errno.h>

int hugetlb_init(struct hugetlb *h, struct machine *m, unsigned order)
{
	*h = (struct hugetlb){ .machine = m, .order = order };
	h->node = mem_zalloc(m->nr_nodes * sizeof(*h->node));
	if (!h->node)
		return -ENOMEM;
	lock_init(&h->lock, RANK_HUGETLB, 0);
	lock_init(&h->resize_lock, RANK_RESIZE, hugetlb_gigantic(h) ? 0 : 1);
	return 0;
}

void hugetlb_fini(struct hugetlb *h)
{
	if (!h->node)
		return;
	mem_free(h->node);
	lock_fini(&h->resize_lock);
	lock_fini(&h->lock);
	h->node = NULL;
}

static void hugetlb_count(uint64_t *total, uint64_t *of_node, int delta)
{
	WRITE_RELAXED(total, *total + (uint64_t)(int64_t)delta);
	WRITE_RELAXED(of_node, *of_node + (uint64_t)(int64_t)delta);
}

static struct hugetlb_node *page_hugetlb_node(struct hugetlb *h, const struct page *page)
{
	return &h->node[page_zone(h->machine, page)->node->id];
}

static void hugetlb_push_free(struct hugetlb *h, struct hugetlb_node *n, struct page *page)
{
	page_list_add_head(h->machine->map, &n->free, page_pfn(h->machine, page));
	hugetlb_count(&h->nr_free, &n->nr_free, 1);
}

static struct page *hugetlb_pop_free(struct hugetlb *h, struct hugetlb_node *n)
{
	pfn_t pfn = n->free.head;
	if (!pfn)
		return NULL;
	page_list_del(h->machine->map, &n->free, pfn);
	hugetlb_count(&h->nr_free, &n->nr_free, -1);
	return pfn_page(h->machine, pfn);
}

void hugetlb_add(struct hugetlb *h, struct page *page, bool surplus, bool is_free)
{
	struct hugetlb_node *n = page_hugetlb_node(h, page);
	hugetlb_count(&h->nr, &n->nr, 1);
	if (surplus)
		hugetlb_count(&h->nr_surplus, &n->nr_surplus, 1);
	if (is_free)
		hugetlb_push_free(h, n, page);
}

struct page *hugetlb_take_free(struct hugetlb *h, unsigned node)
{
	return hugetlb_pop_free(h, &h->node[node]);
}

struct page *hugetlb_remove_free(struct hugetlb *h, unsigned node, bool surplus)
{
	struct hugetlb_node *n = &h->node[node];
	if (surplus && !n->nr_surplus)
		return NULL;
	struct page *page = hugetlb_pop_free(h, n);
	if (page)
		hugetlb_forget(h, page, surplus);
	return page;
}

void hugetlb_enqueue(struct hugetlb *h, struct page *page)
{
	hugetlb_push_free(h, page_hugetlb_node(h, page), page);
}

void hugetlb_forget(struct hugetlb *h, struct page *page, bool surplus)
{
	struct hugetlb_node *n = page_hugetlb_node(h, page);
	hugetlb_count(&h->nr, &n->nr, -1);
	if (surplus)
		hugetlb_count(&h->nr_surplus, &n->nr_surplus, -1);
}

bool hugetlb_put(struct hugetlb *h, struct page *page)
{
	bool leaves = page_hugetlb_node(h, page)->nr_surplus > 0;
	if (leaves)
		hugetlb_forget(h, page, true);
	else
		hugetlb_enqueue(h, page);
	return leaves;
}

/* ---- Nodes in turn ---- */

static unsigned nodemask_next_round(const struct nodemask *nodes, unsigned from)
{
	unsigned nid = nodemask_next(nodes, from);
	return nid < MM_NODES_MAX ? nid : nodemask_next(nodes, 0);
}

unsigned hugetlb_turn(unsigned *next, const struct nodemask *nodes)
{
	unsigned nid = nodemask_next_round(nodes, *next);
	*next = nodemask_next_round(nodes, nid + 1);
	return nid;
}

struct page *hugetlb_remove_in_turn(struct hugetlb *h, const struct nodemask *nodes, bool surplus)
{
	struct page *page = NULL;
	for (unsigned i = nodemask_weight(nodes); i && !page; i--)
		page = hugetlb_remove_free(h, hugetlb_turn(&h->next_to_free, nodes), surplus);
	return page;
}

static bool hugetlb_surplus_fits(const struct hugetlb_node *n, int delta)
{
	return delta < 0 ? n->nr_surplus > 0 : n->nr_surplus < n->nr;
}

bool hugetlb_adjust_surplus(struct hugetlb *h, int delta, const struct nodemask *nodes)
{
	unsigned *next = delta < 0 ? &h->next_to_alloc : &h->next_to_free;
	for (unsigned i = nodemask_weight(nodes); i; i--) {
		struct hugetlb_node *n = &h->node[hugetlb_turn(next, nodes)];
		if (!hugetlb_surplus_fits(n, delta))
			continue;
		hugetlb_count(&h->nr_surplus, &n->nr_surplus, delta);
		return true;
	}
	return false;
}
