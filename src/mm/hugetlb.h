/* SPDX-License-Identifier: MIT */
#ifndef MM_HUGETLB_H
#define MM_HUGETLB_H

/*
 * The pool of huge pages of one size: free order-9 blocks (order 10 on a
 * 32-bit machine without PAE) taken out of the buddy system, by node
 * (mm/hugetlb.c, 6.1). The pool keeps pages and counts; it allocates none:
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
};

#define HUGETLB_SIZES 2 /* as large as a pageblock, and 1 GiB */
#define GIGANTIC_ORDER (30 - PAGE_SHIFT) /* of 1 GiB: no block of the buddy system, a range of them */

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
/* A used page comes back: it joins the free list, or leaves the pool (true: caller gives it to the buddy) if surplus. */
bool hugetlb_put(struct hugetlb *h, struct page *page);
/* Move the surplus mark of one page from or to persistent on some node; false: no node fits. */
bool hugetlb_adjust_surplus(struct hugetlb *h, int delta, int node);

#endif
