/* SPDX-License-Identifier: MIT */
#ifndef POLICY_SHRINKER_H
#define POLICY_SHRINKER_H

/*
 * A cache of objects that can be made anew, which reclaim may ask to shrink
 * (mm/vmscan.c: do_shrink_slab, 6.1). Handed over before kswapd runs, by whoever
 * keeps the cache.
 */

#include "mm/machine.h"

#define SHRINK_STOP UINT64_MAX
#define SHRINK_BATCH 128u
#define DEFAULT_SEEKS 2u

struct shrinker {
	const char *name;
	/* Objects on this node that could go, by what vm.vfs_cache_pressure says already. No lock held; relaxed. */
	uint64_t (*count)(void *ctx, unsigned nid);
	/*
	 * Look at up to nr of them and free what may go. Returns how many went, or
	 * SHRINK_STOP: not now. Inside c; no lock of RANK_KSWAPD or above held.
	 */
	uint64_t (*scan)(void *ctx, struct cpu *c, unsigned nid, uint64_t nr);
	void *ctx;
	unsigned seeks; /* what it costs to make one anew; 0: nothing */
	struct shrinker *next; /* set by shrinker_register */
	int64_t *deferred; /* by node: asked for and not looked at yet; atomic. Set by shrinker_register */
};

struct policy;
MUST_CHECK int shrinker_register(struct policy *p, struct shrinker *s); /* 0 or -ENOMEM; s stays the caller's */
void shrinkers_fini(struct policy *p);

/* All shrinkers once on one node. priority: of the scan, 0 looks at everything. Inside c, no other lock. Returns objects freed. */
uint64_t shrink_slab(struct policy *p, struct cpu *c, unsigned nid, unsigned priority);

#endif
