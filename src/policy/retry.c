/* SPDX-License-Identifier: MIT */
/*
 * When a request for a block goes on (mm/page_alloc.c: should_reclaim_retry,
 * should_compact_retry, compaction_zonelist_suitable, 6.1): see retry.h. Reclaim brings
 * pages, not blocks, so it goes on only while a block is there and marks are in the way;
 * else it is for compaction to say.
 *
 * Different from Linux: single pages do not come here. Whether reclaim has
 * brought anything of late is the caller's to count.
 */

#include "policy/retry.h"

#define COMPACTIONS_MOST 16u /* MAX_COMPACT_RETRIES; a quarter of it for large orders */

/* 6.1: zone_reclaimable_pages. */
static uint64_t zone_reclaimable(const struct policy *p, const struct zone *z)
{
	uint64_t pages = zone_stat_read(z, NR_ZONE_INACTIVE_FILE) + zone_stat_read(z, NR_ZONE_ACTIVE_FILE);
	if (READ_RELAXED(&p->swap_free_pages))
		pages += zone_stat_read(z, NR_ZONE_INACTIVE_ANON) + zone_stat_read(z, NR_ZONE_ACTIVE_ANON);
	return pages;
}

static uint64_t zone_free_exactly(const struct zone *z)
{
	int64_t pages = zone_stat_sum(z, NR_FREE_PAGES);
	return pages > 0 ? (uint64_t)pages : 0;
}

typedef bool (*zone_question)(const struct retry *r, const struct zone *z);

static bool any_zone(const struct retry *r, zone_question asks)
{
	for (unsigned i = 0; i < r->nr; i++) {
		const struct zone *z = r->list[i].zone;
		if (r->list[i].type > r->highest_type ||
		    (r->nodes && !nodemask_has(r->nodes, z->node->id)))
			continue;
		if (asks(r, z))
			return true;
	}
	return false;
}

static bool zone_serves(const struct retry *r, const struct zone *z)
{
	uint64_t most = zone_reclaimable(r->policy, z) + zone_free_exactly(z);
	return zone_watermark_ok_with(z, r->order, zone_mark_pages(z, WMARK_MIN), r->highest_type,
				      r->alloc_flags, most);
}

bool retry_reclaim(const struct retry *r)
{
	return any_zone(r, zone_serves);
}

/* Some of what could be reclaimed would be enough for compaction to begin. */
static bool zone_compacts(const struct retry *r, const struct zone *z)
{
	uint64_t some = zone_reclaimable(r->policy, z) / r->order + zone_free_exactly(z);
	return compaction_suitable_with(z, r->order, r->alloc_flags, r->highest_type, some) ==
	       COMPACT_CONTINUE;
}

static bool retry_raise(struct retry *r)
{
	enum compact_priority highest =
		r->order > MM_COSTLY_ORDER ? COMPACT_PRIO_SYNC_LIGHT : COMPACT_PRIO_SYNC_FULL;
	if (r->priority <= highest)
		return false;
	r->priority--;
	r->compactions = 0;
	return true;
}

bool retry_compact(struct retry *r)
{
	unsigned most = r->order > MM_COSTLY_ORDER ? COMPACTIONS_MOST / 4 : COMPACTIONS_MOST;
	switch (r->result) {
	case COMPACT_SKIPPED:
		return any_zone(r, zone_compacts);
	case COMPACT_COMPLETE:
	case COMPACT_DEFERRED:
	case COMPACT_PARTIAL_SKIPPED:
	case COMPACT_CONTENDED:
		return retry_raise(r);
	default:
		return ++r->compactions <= most || retry_raise(r);
	}
}
