/* SPDX-License-Identifier: MIT */
#ifndef POLICY_RECLAIM_H
#define POLICY_RECLAIM_H

/* Reclaim from one node (mm/vmscan.c: scan_control, shrink_node, 6.1), for kswapd, direct reclaim and node reclaim. */

#include "policy/policy.h"
#include "policy/scan_balance.h"

#define RECLAIM_CLUSTER 32u /* SWAP_CLUSTER_MAX */

struct reclaim {
	struct policy *policy;
	struct cpu *cpu; /* entered */
	unsigned type_mask; /* zones that pages are wanted of, by type */
	unsigned priority;
	uint64_t wanted; /* pages; a pass that has them stops in time */
	uint64_t most; /* pages that lists may give at most; 0: as many as a pass comes upon */
	bool kswapd, may_unmap, may_swap;
	bool may_shrink; /* ask the shrinkers, too (__GFP_FS) */
	bool may_leave; /* the CPU may be left between clusters: somebody else wants it, too */
	bool force_deactivate; /* even if inactive pages are many */

	/* results, summed up over passes */
	uint64_t scanned, freed;
	uint64_t deactivated; /* active pages that became inactive */
	uint64_t dirty, written; /* pages that wait to be written, and that are being written */
	bool skipped_active; /* there are active pages that were not looked at */
};

/* One pass over a node at r->priority: its lists, then the shrinkers. No lock held. */
void reclaim_shrink_node(struct reclaim *r, struct node *n);

/*
 * Direct reclaim for a request (try_to_free_pages): passes over the nodes of a
 * zonelist up to a type, those of `nodes` only (NULL: any), until a cluster's worth is freed. *again: nothing was,
 * but the writer has written something meanwhile. Inside c, which is left
 * while the writer is waited for. Returns pages freed.
 */
uint64_t reclaim_direct(struct policy *p, struct cpu *c, const struct zoneref *list, unsigned nr,
			unsigned highest_type, const struct nodemask *nodes, gfp_t gfp,
			unsigned order, bool *again);

/* Wait for the writer, outside the CPU. False: there is nothing to wait for. */
bool reclaim_wait(struct policy *p, struct cpu *c);

#endif
