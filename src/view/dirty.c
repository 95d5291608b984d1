/* SPDX-License-Identifier: MIT */
/*
 * How many pages may be dirty before writers wait, and before writeback starts,
 * from what was free and what was page cache when the snapshot was taken
 * (policy/dirty.h). As in the kernel, vmstat is where both can be seen.
 */
#include "view/views.h"

static struct dirty_zone zone_then(const struct snapshot *s, const struct zone *z)
{
	const struct zone_snap *snap = &s->zone[z->id];
	struct dirty_zone d = { .free = snap_pages(snap->stat[NR_FREE_PAGES]),
				.file = snap_pages(snap->stat[NR_ZONE_INACTIVE_FILE]) +
					snap_pages(snap->stat[NR_ZONE_ACTIVE_FILE]),
				.high_mark = snap->watermark[WMARK_HIGH],
				.boost = snap->boost,
				.managed = snap->managed,
				.high = zone_is_high(z) };
	for (unsigned t = z->type; t < s->machine->nr_zone_types; t++)
		d.reserve = MAX(d.reserve, snap->lowmem_reserve[t]);
	return d;
}

struct dirty_thresholds snap_dirty_thresholds(const struct snapshot *s)
{
	struct dirty_memory sum = { 0 };
	FOR_EACH_POPULATED_ZONE(z, s->machine) {
		struct dirty_zone d = zone_then(s, z);
		dirty_memory_add(&sum, &d);
	}
	uint64_t free = snap_zone_sum(s, NR_FREE_PAGES);
	uint64_t file = snap_node_sum(s, NR_INACTIVE_FILE) + snap_node_sum(s, NR_ACTIVE_FILE);
	return dirty_thresholds(&s->dirty, dirtyable_pages(&sum, free, file, s->dirty.highmem));
}
