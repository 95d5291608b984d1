/* SPDX-License-Identifier: MIT */
#ifndef POLICY_NODE_RECLAIM_H
#define POLICY_NODE_RECLAIM_H

/* Making room on a node rather than going to the next one (mm/vmscan.c: node_reclaim, 6.1). */

#include "policy/policy.h"

/* Bits of vm.zone_reclaim_mode; any of the three switches it on. */
#define RECLAIM_ZONE 1
#define RECLAIM_WRITE 2 /* dirty pages count as reclaimable */
#define RECLAIM_UNMAP 4 /* mapped ones, too */
#define RECLAIM_DISTANCE 30 /* nodes farther than this are not near */

enum node_reclaim_result {
	NODE_RECLAIM_NOSCAN, /* not here, not now */
	NODE_RECLAIM_FULL, /* there is too little that could go */
	NODE_RECLAIM_SOME, /* fewer pages went than were asked for */
	NODE_RECLAIM_SUCCESS
};

/* The knobs ask for it, and the zone is near where the request would rather be. */
static inline bool node_reclaim_allowed(const struct policy *p, const struct zone *preferred,
					const struct zone *z)
{
	int32_t mode = READ_RELAXED(&p->reclaim.zone_reclaim_mode);
	return UNLIKELY(mode & (RECLAIM_ZONE | RECLAIM_WRITE | RECLAIM_UNMAP)) &&
	       preferred->node->distance[z->node->id] <= RECLAIM_DISTANCE;
}

/* Inside c, no other lock. */
enum node_reclaim_result node_reclaim(struct policy *p, struct cpu *c, struct node *n, gfp_t gfp,
				      unsigned order, unsigned highest_type);

/* So many pages of a percentage of each zone. 6.1: setup_min_unmapped_ratio, setup_min_slab_ratio. */
uint64_t node_ratio_pages(const struct node *n, int32_t percent);
/* Pages of files that the mode lets go. 6.1: node_pagecache_reclaimable. */
uint64_t node_pagecache_reclaimable(const struct node *n, int32_t mode);

#endif
