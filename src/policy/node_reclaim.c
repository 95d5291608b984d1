/* SPDX-License-Identifier: MIT */
/*
 * Node reclaim (mm/vmscan.c, 6.1): with vm.zone_reclaim_mode a request that
 * finds a near zone below its mark first takes back what files and slabs hold
 * there, before it goes to a node farther off. It leaves alone a node where
 * the pages of files that nobody maps are no more than min_unmapped_ratio
 * percent of memory and reclaimable slabs no more than min_slab_ratio. One
 * request at a time works on a node, and only one of a CPU of its own.
 *
 * Different from Linux: RECLAIM_WRITE makes dirty pages count, as there, but
 * they are written by whoever writes, not by the one who reclaims.
 */

#include "policy/node_reclaim.h"

#include "policy/reclaim.h"

#define NODE_RECLAIM_PRIORITY 4 /* a sixteenth of the node at first */

uint64_t node_ratio_pages(const struct node *n, int32_t percent)
{
	uint64_t pages = 0;
	for (unsigned t = 0; t < n->machine->nr_zone_types; t++)
		pages += READ_RELAXED(&n->zone[t]->managed) * (uint64_t)percent / 100;
	return pages;
}

static uint64_t unmapped_file_pages(const struct node *n)
{
	uint64_t pages = node_stat_read(n, NR_INACTIVE_FILE) + node_stat_read(n, NR_ACTIVE_FILE);
	return pages - MIN(pages, node_stat_read(n, NR_FILE_MAPPED));
}

uint64_t node_pagecache_reclaimable(const struct node *n, int32_t mode)
{
	uint64_t pages =
		mode & RECLAIM_UNMAP ? node_stat_read(n, NR_FILE_PAGES) : unmapped_file_pages(n);
	uint64_t dirty = mode & RECLAIM_WRITE ? 0 : node_stat_read(n, NR_FILE_DIRTY);
	return pages - MIN(pages, dirty);
}

static bool node_has_enough(const struct policy *p, const struct node *n)
{
	const struct reclaim_knobs *k = &p->reclaim;
	int32_t mode = READ_RELAXED(&k->zone_reclaim_mode);
	return node_pagecache_reclaimable(n, mode) >
		       node_ratio_pages(n, READ_RELAXED(&k->min_unmapped_ratio)) ||
	       node_stat_read(n, NR_SLAB_RECLAIMABLE) >
		       node_ratio_pages(n, READ_RELAXED(&k->min_slab_ratio));
}

static bool node_claim(struct policy *p, const struct node *n)
{
	uint64_t bit = 1ull << n->id % 64;
	return !(__atomic_fetch_or(&p->node_reclaiming[n->id / 64], bit, __ATOMIC_ACQUIRE) & bit);
}

static void node_unclaim(struct policy *p, const struct node *n)
{
	__atomic_fetch_and(&p->node_reclaiming[n->id / 64], ~(1ull << n->id % 64), __ATOMIC_RELEASE);
}

static bool node_reclaim_run(struct policy *p, struct cpu *c, struct node *n, gfp_t gfp,
			     unsigned order, unsigned highest_type)
{
	uint64_t least = 1ull << order;
	struct reclaim r = { .policy = p,
			     .cpu = c,
			     .type_mask = (1u << (highest_type + 1)) - 1,
			     .wanted = MAX(least, (uint64_t)RECLAIM_CLUSTER),
			     .may_unmap = READ_RELAXED(&p->reclaim.zone_reclaim_mode) & RECLAIM_UNMAP,
			     .may_swap = true,
			     .may_shrink = gfp & __GFP_FS };
	for (int priority = NODE_RECLAIM_PRIORITY; priority >= 0 && r.freed < least; priority--) {
		r.priority = (unsigned)priority;
		reclaim_shrink_node(&r, n);
	}
	return r.freed >= least;
}

enum node_reclaim_result node_reclaim(struct policy *p, struct cpu *c, struct node *n, gfp_t gfp,
				      unsigned order, unsigned highest_type)
{
	if (!node_has_enough(p, n))
		return NODE_RECLAIM_FULL;
	if (!(gfp & __GFP_DIRECT_RECLAIM) || (gfp & __GFP_MEMALLOC))
		return NODE_RECLAIM_NOSCAN;
	if (!mask_empty(&n->cpus) && n != c->node)
		return NODE_RECLAIM_NOSCAN;
	if (!node_claim(p, n))
		return NODE_RECLAIM_NOSCAN;
	bool met = node_reclaim_run(p, c, n, gfp, order, highest_type);
	node_unclaim(p, n);
	event_add(c, met ? PGSCAN_ZONE_RECLAIM_SUCCESS : PGSCAN_ZONE_RECLAIM_FAILED, 1);
	return met ? NODE_RECLAIM_SUCCESS : NODE_RECLAIM_SOME;
}
