/* SPDX-License-Identifier: MIT */
#ifndef POLICY_COMPACT_H
#define POLICY_COMPACT_H

/*
 * Compaction of a zone (mm/compaction.c, 6.1): one scanner goes up from the
 * zone's start and finds pages that can move, the other goes down from its end
 * and finds free ones, until they meet or the block that is wanted is there.
 *
 * Nothing is isolated while the CPU is left: pages to move and free pages for
 * them are taken in clusters, and what is left of a cluster goes back before
 * anybody else gets in. So whoever stops the machine sees every page in its
 * place.
 */

#include "base/defs.h"
#include "mm/machine.h"

#include <pthread.h>

struct policy;

enum compact_mode { COMPACT_ASYNC, COMPACT_SYNC_LIGHT, COMPACT_SYNC }; /* enum migrate_mode */
enum compact_priority { COMPACT_PRIO_SYNC_FULL, COMPACT_PRIO_SYNC_LIGHT, COMPACT_PRIO_ASYNC };

/* enum compact_result, 6.1. */
enum compact_result {
	COMPACT_NOT_SUITABLE, /* memory is lacking, not blocks (or there are no blocks to be had) */
	COMPACT_SKIPPED, /* could not start: too few free pages */
	COMPACT_DEFERRED, /* failed too often of late */
	COMPACT_NO_SUITABLE_PAGE,
	COMPACT_CONTINUE,
	COMPACT_COMPLETE, /* the whole zone was looked at, in vain */
	COMPACT_PARTIAL_SKIPPED, /* a part of it */
	COMPACT_CONTENDED,
	COMPACT_SUCCESS /* a block should be there now */
};

/* What the vm knobs about compaction are set to; relaxed. */
struct compact_knobs {
	int32_t extfrag_threshold; /* 0 to 1000 */
	int32_t proactiveness; /* 0 to 100 */
	int32_t unevictable_allowed;
	int32_t memory; /* 6.12: what was written to vm.compact_memory last */
};

struct kcompactd {
	struct policy *policy;
	struct node *node;
	pthread_t thread;
	struct lock lock; /* RANK_KSWAPD */
	pthread_cond_t wake;
	bool running, stop, wanted; /* lock; stop: relaxed outside */
	bool proactive_wanted; /* lock: compaction_proactiveness was written: look now */
	unsigned order, highest_type; /* of the requests that woke it; lock to write, relaxed */
	unsigned proactive_defer; /* its own to write, relaxed: looks that are put off because the last one brought nothing */
};

/*
 * Would compaction help a request of this order in this zone? COMPACT_CONTINUE: yes, COMPACT_SUCCESS: it fits as
 * it is, COMPACT_SKIPPED: no. No lock needed. 6.1: compaction_suitable.
 */
enum compact_result compaction_suitable(const struct policy *p, const struct zone *z,
					unsigned order, unsigned alloc_flags, unsigned highest_type);
/* 0 to 1000: towards 0 for lack of memory, towards 1000 for fragmentation; -1000: it fits. 6.1: fragmentation_index. */
int fragmentation_index(const struct zone *z, unsigned order);
/* The same of numbers: free pages, in so many blocks, of which these many of the order could be made. */
int fragmentation_of(uint64_t free_pages, uint64_t blocks, uint64_t suitable, unsigned order);
/* compaction_suitable with so many pages free, and without fragmentation's say. 6.1: __compaction_suitable. */
enum compact_result compaction_suitable_with(const struct zone *z, unsigned order, unsigned alloc_flags,
					     unsigned highest_type, uint64_t free_pages);
/* Free pages that compaction for an order needs above the marks: some are on their way at any time. 6.1: compact_gap. */
static inline uint64_t compact_gap(unsigned order)
{
	return 2ull << order;
}

/*
 * For a request that failed (6.1: try_to_compact_pages): the zones of a list up to a type, those of `nodes` only
 * (NULL: any). Inside c. Counts nothing: COMPACTSTALL and so on are the ladder's.
 */
enum compact_result compact_direct(struct policy *p, struct cpu *c, const struct zoneref *list,
				   unsigned nr, unsigned highest_type, const struct nodemask *nodes,
				   gfp_t gfp, unsigned order, unsigned alloc_flags,
				   enum compact_priority priority);
/* Deferral (6.1: defer_compaction, compaction_defer_reset, compaction_deferred). No lock needed. */
void compact_defer(struct zone *z, unsigned order);
void compact_defer_reset(struct zone *z, unsigned order, bool alloc_success);
bool compact_deferred(struct zone *z, unsigned order);

/* All of a node, of every node: vm.compact_memory, nodeN/compact. Inside no CPU. -EINTR: the client has gone. 6.1: compact_node. */
MUST_CHECK int compact_node(struct policy *p, struct node *n);
MUST_CHECK int compact_all_nodes(struct policy *p);

/* ---- kcompactd.c ---- */
void kcompactd_init(struct kcompactd *k, struct policy *p, struct node *n);
MUST_CHECK int kcompactd_start(struct kcompactd *k);
void kcompactd_fini(struct kcompactd *k); /* joins it */
/* Inside c (inline machines, which compact now, and leave it now and then; else c may be NULL), no other lock. 6.1: wakeup_kcompactd. */
void kcompactd_wake(struct policy *p, struct cpu *c, struct node *n, unsigned order, unsigned highest_type);
/* KCOMPACTD_TICK_NS have passed: is a node fragmented beyond what proactiveness says? Inside no CPU. For inline machines. */
#define KCOMPACTD_TICK_NS 500000000ull
void kcompactd_tick(struct policy *p);
/* Proactiveness was written: every node is looked at now. Inside no CPU; inline machines do the work here. */
void kcompactd_look_now(struct policy *p);
/* 0 to 100: how much of the node's free memory is in blocks too small for a huge page, weighed by zone. 6.1: fragmentation_score_node. */
unsigned fragmentation_score_node(const struct node *n);

#endif
