/* SPDX-License-Identifier: MIT */
/*
 * How many pages may be dirty before writers wait, and before writeback starts
 * (mm/page-writeback.c: domain_dirty_limits, global_dirtyable_memory, 6.1). The
 * kernel computes both when vmstat is read, and so do we, from what is free
 * and what is page cache at that moment. (A reader of real-time priority sees a
 * quarter more there.)
 */
#include "view/views.h"

/* High memory counts only where it may be dirty. Its part is no more than the whole. */
static uint64_t high_pages(const struct snapshot *s, uint64_t most)
{
	uint64_t sum = 0;
	FOR_EACH_POPULATED_ZONE(z, s->machine) {
		if (!zone_is_high(z))
			continue;
		const struct zone_snap *snap = &s->zone[z->id];
		uint64_t free = snap_pages(snap->stat[NR_FREE_PAGES]);
		sum += free - MIN(free, snap->watermark[WMARK_HIGH] + snap->boost);
		sum += snap_pages(snap->stat[NR_ZONE_INACTIVE_FILE]);
		sum += snap_pages(snap->stat[NR_ZONE_ACTIVE_FILE]);
	}
	return MIN(sum, most);
}

static uint64_t dirtyable_pages(const struct snapshot *s)
{
	uint64_t pages = snap_zone_sum(s, NR_FREE_PAGES);
	pages -= MIN(pages, snap_reserve_pages(s));
	pages += snap_node_sum(s, NR_INACTIVE_FILE) + snap_node_sum(s, NR_ACTIVE_FILE);
	if (!s->dirty.highmem)
		pages -= high_pages(s, pages);
	return pages + 1; /* never 0 */
}

/* Percent are kept as parts of PAGE_SIZE, with its rounding. */
static uint64_t threshold(uint64_t bytes, int32_t percent, uint64_t dirtyable)
{
	if (bytes)
		return DIV_ROUND_UP(bytes, PAGE_SIZE);
	return ((uint64_t)percent * PAGE_SIZE / 100) * dirtyable / PAGE_SIZE;
}

struct dirty_thresholds snap_dirty_thresholds(const struct snapshot *s)
{
	uint64_t dirtyable = dirtyable_pages(s);
	struct dirty_thresholds t = {
		.pages = threshold(s->dirty.bytes, s->dirty.ratio, dirtyable),
		.background_pages =
			threshold(s->dirty.background_bytes, s->dirty.background_ratio, dirtyable),
	};
	if (t.background_pages >= t.pages)
		t.background_pages = t.pages / 2;
	return t;
}
