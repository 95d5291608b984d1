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
	return 0;
}

void hugetlb_fini(struct hugetlb *h)
{
	if (!h->node)
		return;
	mem_free(h->node);
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
	if (!page)
		return NULL;
	hugetlb_count(&h->nr, &n->nr, -1);
	if (surplus)
		hugetlb_count(&h->nr_surplus, &n->nr_surplus, -1);
	return page;
}

bool hugetlb_put(struct hugetlb *h, struct page *page)
{
	struct hugetlb_node *n = page_hugetlb_node(h, page);
	if (!n->nr_surplus) {
		hugetlb_push_free(h, n, page);
		return false;
	}
	hugetlb_count(&h->nr, &n->nr, -1);
	hugetlb_count(&h->nr_surplus, &n->nr_surplus, -1);
	return true;
}

static bool hugetlb_surplus_fits(const struct hugetlb_node *n, int delta)
{
	return delta < 0 ? n->nr_surplus > 0 : n->nr_surplus < n->nr;
}

bool hugetlb_adjust_surplus(struct hugetlb *h, int delta, int node)
{
	unsigned nr_nodes = node < 0 ? h->machine->nr_nodes : 1;
	unsigned *next = delta < 0 ? &h->next_to_alloc : &h->next_to_free;
	if (node >= 0)
		*next = (unsigned)node;
	for (unsigned i = 0; i < nr_nodes; i++) {
		unsigned id = (*next + i) % h->machine->nr_nodes;
		struct hugetlb_node *n = &h->node[id];
		if (!hugetlb_surplus_fits(n, delta))
			continue;
		hugetlb_count(&h->nr_surplus, &n->nr_surplus, delta);
		if (node < 0)
			*next = (id + 1) % nr_nodes;
		return true;
	}
	return false;
}
