/* SPDX-License-Identifier: MIT */
#ifndef POLICY_COMPACT_CONTROL_H
#define POLICY_COMPACT_CONTROL_H

/* One pass of compaction over a zone (mm/internal.h: struct compact_control, 6.1), for whoever starts one. */

#include "policy/policy.h"

#include <stddef.h>
#include <string.h>

#define COMPACT_CLUSTER 32u /* COMPACT_CLUSTER_MAX */
#define COMPACT_WHOLE (-1) /* not for a request: everything (6.1: is_via_compact_memory) */
#define COMPACT_BLOCK_MOST MM_TOP_PAGES /* pages of the largest pageblock */

struct compact_control {
	/* what is wanted, set by whoever starts the pass; the rest all zeros */
	struct policy *policy;
	struct cpu *cpu; /* entered; left now and then between clusters */
	struct zone *zone;
	int order; /* or COMPACT_WHOLE */
	gfp_t gfp;
	enum compact_mode mode;
	unsigned alloc_flags, highest_type;
	bool direct; /* a request waits: async passes look only where pages of its type are */
	bool whole_zone; /* from the zone's ends, whatever earlier passes looked at */
	bool ignore_skip_hint, ignore_block_suitable;
	/* When a pass ends for another reason: COMPACT_CONTINUE, or what to end with. NULL: none. No lock held. */
	enum compact_result (*enough)(const struct compact_control *cc);

	/* the pass */
	enum migratetype mt;
	uint64_t migrate_pfn, free_pfn; /* where the scanners are */
	bool contended, rescan, interrupted;
	int search_order; /* free lists are searched from this order on */
	unsigned fast_failures; /* searches in a row that found nothing */
	unsigned work; /* frames looked at since the CPU was entered */
	struct page_list free; /* single pages taken for what moves, first one first */
	unsigned nr_free, nr_migrate;

	/* results */
	uint64_t migrate_scanned, free_scanned; /* counted by compact_zone as well */
	uint64_t moved, failed; /* pages */

	pfn_t migrate[COMPACT_BLOCK_MOST]; /* candidates: they may have gone meanwhile */
};

/* All of the zone for nobody, gfp GFP_KERNEL; the rest as noted above. */
static inline void compact_control_init(struct compact_control *cc, struct policy *p, struct cpu *c,
					struct zone *z)
{
	memset(cc, 0, offsetof(struct compact_control, migrate));
	cc->policy = p;
	cc->cpu = c;
	cc->zone = z;
	cc->order = COMPACT_WHOLE;
	cc->gfp = GFP_KERNEL;
}

/* Run a pass. Counts compact_migrate_scanned and so on, but nothing of who it is for. 6.1: compact_zone. */
enum compact_result compact_zone(struct compact_control *cc);

/* Which pageblocks are to be skipped is forgotten where both scanners have met, for zones of the node. 6.1: reset_isolation_suitable. */
void compact_reset_skip(struct node *n);

/* ---- Between the files of compaction ---- */

enum isolate_result { ISOLATE_ABORT, ISOLATE_NONE, ISOLATE_SUCCESS };
enum isolate_result compact_isolate_migrate(struct compact_control *cc); /* the next candidates */
void compact_isolate_free(struct compact_control *cc); /* as many free pages as there are candidates, if they are to be had */
void compact_isolate_fast(struct compact_control *cc); /* some off the free lists, or none */
void compact_isolate_around(struct compact_control *cc, uint64_t pfn); /* more from the same pageblock */
bool compact_take_apart(struct compact_control *cc, pfn_t pfn, unsigned order); /* zone lock; false: the marks forbid it */
void compact_give_free(struct compact_control *cc); /* those that were not needed */
void compact_restart(struct zone *z); /* the next pass begins at the ends */
bool compact_restarting(const struct zone *z, unsigned order);
void compact_zone_reset_skip(struct zone *z);

static inline uint64_t zone_end(const struct zone *z)
{
	return z->start_pfn + z->spanned;
}
static inline uint64_t pageblock_size(const struct zone *z)
{
	return 1ull << z->machine->pageblock_order;
}
static inline uint64_t pageblock_start(const struct zone *z, uint64_t pfn)
{
	return ALIGN_DOWN(pfn, pageblock_size(z));
}

#endif
