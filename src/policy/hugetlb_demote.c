/* SPDX-License-Identifier: MIT */
/*
 * Demoting: a free page of one pool becomes free pages of another, smaller size
 * (mm/hugetlb.c: demote_pool_huge_page, demote_free_huge_page, 6.1). The memory
 * is neither given back nor taken, so no mark and no counter of free pages
 * moves. Where users of the smaller pool have surplus pages, the new ones pay
 * those back first: a page in use becomes persistent, a new one goes.
 *
 * Different from Linux: of a node with fewer free pages than the machine has
 * promised, 6.1 demotes pages that are promised; here these stay.
 *
 * Locks: the caller holds both resize_locks. In between a page is in no list;
 * callers hold what keeps the machine from being held meanwhile.
 */

#include "policy/hugetlb_resize.h"

#include "mm/buddy.h"

#include <errno.h>

/* Leaves the pool. 1, 0 or -EBUSY. */
static int demoted_take(const struct policy *p, struct hugetlb *h, int nid, struct page **page)
{
	struct nodemask nodes = { 0 };
	*page = NULL;
	if (nid < 0)
		nodes = p->numa.memory;
	else
		nodemask_set(&nodes, (unsigned)nid);
	lock_take(&h->lock);
	uint64_t nr_free = nid < 0 ? h->nr_free : h->node[nid].nr_free;
	bool nothing = nr_free == h->nr_reserved;
	if (!nothing && h->nr_free > h->nr_reserved)
		*page = hugetlb_remove_in_turn(h, &nodes, false);
	if (*page)
		WRITE_RELAXED(&h->max, h->max - 1);
	lock_drop(&h->lock);
	return *page ? 1 : nothing ? 0 : -EBUSY;
}

static void demoted_join(struct policy *p, struct hugetlb *to, struct page *page)
{
	page->owner = owner_handle(OWNER_HUGETLB_POOL, 0);
	lock_take(&to->lock);
	hugetlb_add(to, page, false, false);
	bool leaves = hugetlb_put(to, page);
	lock_drop(&to->lock);
	if (leaves)
		hugetlb_page_return(p, to, page);
}

int hugetlb_demote(struct policy *p, struct hugetlb *h, struct hugetlb *to, int nid)
{
	struct page *page;
	uint64_t nr = 1ull << (h->order - to->order);
	ASSERT(h->order > to->order);
	int taken = demoted_take(p, h, nid, &page);
	if (!page)
		return taken;
	zone_block_split(page_zone(p->machine, page), page, to->order);
	for (uint64_t i = 0; i < nr; i++)
		demoted_join(p, to, page + (i << to->order));
	lock_take(&to->lock);
	WRITE_RELAXED(&to->max, to->max + nr);
	lock_drop(&to->lock);
	return taken;
}
