/* SPDX-License-Identifier: MIT */
#ifndef MM_HUGETLB_H
#define MM_HUGETLB_H

/*
 * The pool of huge pages of one size: order-9 blocks (order 10 on a 32-bit
 * machine without PAE), or ranges of 1 GiB, taken out of the buddy system, by
 * node (mm/hugetlb.c, 6.1). The pool keeps pages and counts; it allocates none:
 * policy hands pages in. lock is RANK_HUGETLB and a leaf.
 */

#include "mm/machine.h"

struct hugetlb_node {
	struct page_list free;
	uint64_t nr, nr_free, nr_surplus; /* under lock, readable anywhere */
};

struct hugetlb {
	struct machine *machine;
	struct lock lock;
	unsigned order;
	uint64_t max; /* persistent pages wanted: what nr_hugepages reads (total - surplus) */
	uint64_t nr, nr_free, nr_reserved, nr_surplus; /* under lock, readable anywhere */
	uint64_t nr_overcommit;
	struct hugetlb_node *node; /* by node id */
	unsigned next_to_alloc, next_to_free; /* round robin */
	struct lock resize_lock; /* RANK_RESIZE, larger pages first: one change of the pool's size at a time */
};

#define HUGETLB_SIZES 2 /* as large as a pageblock, and 1 GiB */
#define GIGANTIC_ORDER                                                                             \
	(30 - PAGE_SHIFT) /* of 1 GiB: no block of the buddy system, a range of them */

/* How many pools a machine has, and of which order the pages of one are; 0 is the default size. */
static inline unsigned machine_nr_huge_sizes(const struct machine *m)
{
	return m->gigantic ? 2 : 1;
}
static inline unsigned machine_huge_order(const struct machine *m, unsigned pool)
{
	return m->gigantic && (pool == 1) != m->gigantic_default ? GIGANTIC_ORDER : m->pageblock_order;
}
MUST_CHECK int hugetlb_init(struct hugetlb *h, struct machine *m, unsigned order);
/* Its pages are taken as ranges (policy/contig.h) and given back block by block. 6.1: hstate_is_gigantic. */
static inline bool hugetlb_gigantic(const struct hugetlb *h)
{
	return h->order > MM_ORDER_MAX;
}
void hugetlb_fini(struct hugetlb *h);

/* Under lock. */
void hugetlb_add(struct hugetlb *h, struct page *page, bool surplus, bool free); /* a fresh page joins the pool */
struct page *hugetlb_take_free(struct hugetlb *h, unsigned node); /* free -> used, this node only; NULL: none */
struct page *hugetlb_remove_free(struct hugetlb *h, unsigned node,
				 bool surplus); /* leaves the pool; the caller gives it back */
/* Pages that are in the pool and in no list, on the way to a user: onto the free list, or out of the pool again. */
void hugetlb_enqueue(struct hugetlb *h, struct page *page);
void hugetlb_forget(struct hugetlb *h, struct page *page, bool surplus); /* the caller gives it back */
/* A used page comes back: it joins the free list, or leaves the pool (true: caller gives it to the buddy) if surplus. */
bool hugetlb_put(struct hugetlb *h, struct page *page);
/* Move the surplus mark of one page from or to persistent on one of these nodes, in turn; false: no node fits. */
bool hugetlb_adjust_surplus(struct hugetlb *h, int delta, const struct nodemask *nodes);
/* Whose turn is it among these nodes (one at least)? Then it is the next one's. No lock. 6.1: hstate_next_node_to_alloc. */
unsigned hugetlb_turn(unsigned *next, const struct nodemask *nodes);
/* hugetlb_remove_free on these nodes, in turn. Under lock. NULL: no node has one. 6.1: remove_pool_huge_page. */
struct page *hugetlb_remove_in_turn(struct hugetlb *h, const struct nodemask *nodes, bool surplus);

#endif
