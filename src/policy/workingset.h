/* SPDX-License-Identifier: MIT */
#ifndef POLICY_WORKINGSET_H
#define POLICY_WORKINGSET_H

/*
 * Which pages of files are worth keeping (mm/workingset.c, mm/swap.c:
 * folio_mark_accessed, 6.1): by how often they are used while they are here,
 * and by how soon they come back after they went. Of pages of OWNER_FILE,
 * which carry struct page_cache.
 */

#include "policy/policy.h"

#define SHADOW_BITS                                                                                \
	62u /* what is left behind where a page was; its owner may keep two bits more beside it */
#define SHADOW_AGE_BITS                                                                            \
	(SHADOW_BITS - 1 - 8) /* the rest is its node and whether it had been active */

/* Somebody used the pages: first each is referenced, the second time active. Inside c, pinned by the caller, no lock held. */
/* Each LRU lock is taken once for pages of one node in a row, none when no page moves. */
void pages_accessed(struct cpu *c, struct page *const *page, unsigned nr);

/*
 * The page goes: what is to be left in its place. LRU lock of its node held.
 * 6.1: workingset_eviction. Not for pages that are dropped or truncated.
 */
uint64_t workingset_eviction(struct policy *p, struct page *page);
/*
 * A page comes back where a shadow was, and is on no list yet. True: it goes to
 * the active list. Inside c; with or without an LRU lock. 6.1: workingset_refault.
 */
bool workingset_refault(struct policy *p, struct cpu *c, struct page *page, uint64_t shadow);

/*
 * Pages were written back: those that reclaim waits for become the coldest of their list, to go next.
 * Inside c, pinned by the caller, no lock held. 6.1: folio_rotate_reclaimable.
 */
void pages_written(struct cpu *c, struct page *const *page, unsigned nr);

/* What reclaiming pages of a kind has cost. 6.1: lru_note_cost. */
void lru_note_cost(struct node *n, bool file, uint64_t pages);
/* Reclaim is over: from now on activations are news. 6.1: snapshot_refaults. */
void workingset_snapshot(struct node *n);

#endif
