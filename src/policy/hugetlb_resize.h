/* SPDX-License-Identifier: MIT */
#ifndef POLICY_HUGETLB_RESIZE_H
#define POLICY_HUGETLB_RESIZE_H

/*
 * A change of a pool's size in steps of a few pages, so that whoever makes it can
 * let others in between and say how far it is. The pool's resize_lock is held
 * from begin to end by whoever cannot rule out another change.
 */

#include "policy/policy.h"

enum resize_stage { RESIZE_GROW, RESIZE_SHRINK, RESIZE_DONE };

struct hugetlb_resize {
	struct policy *policy;
	struct hugetlb *hugetlb;
	struct nodemask nodes; /* whose pages may come and go */
	unsigned nr_nodes; /* of them */
	struct nodemask no_retry; /* where a hard try has failed: only light ones any more */
	uint64_t count; /* persistent pages wanted */
	enum resize_stage stage;
};

/* nid -1: count pages in all, from these nodes (NULL: every node with memory). Else so many on that node, and nodes is not looked at. */
void hugetlb_resize_begin(struct hugetlb_resize *r, struct policy *p, struct hugetlb *h,
			  uint64_t count, int nid, const struct nodemask *nodes);
bool hugetlb_resize_step(struct hugetlb_resize *r); /* false: nothing is left to do */
uint64_t hugetlb_resize_end(struct hugetlb_resize *r); /* persistent pages in the pool */

/* ---- hugetlb_demote.c ---- */
/*
 * A free page of h, of this node (-1: in turn), becomes free pages of the pool `to`, whose pages are smaller. 1; 0: as
 * many are free as are promised; -EBUSY: some are free, but those promised or on other nodes. Both resize_locks are held. 6.1:
 * demote_store, demote_pool_huge_page.
 */
MUST_CHECK int hugetlb_demote(struct policy *p, struct hugetlb *h, struct hugetlb *to, int nid);

/* ---- hugetlb_use.c ---- */
#define HUGE_GFP_LIGHT (__GFP_COMP | __GFP_NOWARN)
/* Where pages of the pool may lie: movable memory where the kernel can move them. 6.1: htlb_alloc_mask. */
gfp_t hugetlb_gfp(const struct hugetlb *h);
void hugetlb_page_return(struct policy *p, struct hugetlb *h, struct page *page); /* which has left the pool. Inside no CPU */
/* A page just taken joins the pool. */
void hugetlb_page_join(struct hugetlb *h, struct page *page, bool surplus, bool is_free);

#endif
