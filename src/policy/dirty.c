/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of dirty memory. The kernel has no table of it: both limits
 * are worked out anew whenever somebody asks, from what is free and what is
 * page cache at that moment.
 */
#include "policy/dirty.h"

const struct dirty_limits dirty_defaults = {
	.ratio = 20, .background_ratio = 10, .expire_centisecs = 3000, .writeback_centisecs = 500
};

/* 6.1: calculate_totalreserve_pages for the reserve, highmem_dirtyable_memory for high memory. */
void dirty_memory_add(struct dirty_memory *d, const struct dirty_zone *z)
{
	d->reserve += MIN(z->managed, z->reserve + z->high_mark);
	if (z->high)
		d->high_pages += z->free - MIN(z->free, z->high_mark + z->boost) + z->file;
}

uint64_t dirtyable_pages(const struct dirty_memory *d, uint64_t free_pages, uint64_t file_pages, bool highmem)
{
	uint64_t pages = free_pages - MIN(free_pages, d->reserve) + file_pages;
	if (!highmem)
		pages -= MIN(pages, d->high_pages);
	return pages + 1;
}

/* Percent are kept as parts of PAGE_SIZE, with its rounding. */
static uint64_t threshold(uint64_t bytes, int32_t percent, uint64_t dirtyable)
{
	if (bytes)
		return DIV_ROUND_UP(bytes, PAGE_SIZE);
	return ((uint64_t)percent * PAGE_SIZE / 100) * dirtyable / PAGE_SIZE;
}

struct dirty_thresholds dirty_thresholds(const struct dirty_limits *l, uint64_t dirtyable)
{
	struct dirty_thresholds t = {
		.pages = threshold(READ_RELAXED(&l->bytes), READ_RELAXED(&l->ratio), dirtyable),
		.background_pages = threshold(READ_RELAXED(&l->background_bytes),
					      READ_RELAXED(&l->background_ratio), dirtyable),
	};
	if (t.background_pages >= t.pages)
		t.background_pages = t.pages / 2;
	return t;
}

static struct dirty_zone zone_now(const struct zone *z)
{
	struct dirty_zone d = { .free = zone_stat_read(z, NR_FREE_PAGES),
				.file = zone_stat_read(z, NR_ZONE_INACTIVE_FILE) +
					zone_stat_read(z, NR_ZONE_ACTIVE_FILE),
				.high_mark = READ_RELAXED(&z->watermark[WMARK_HIGH]),
				.boost = READ_RELAXED(&z->watermark_boost),
				.managed = READ_RELAXED(&z->managed),
				.high = zone_counts_as_high(z) };
	for (unsigned t = z->type; t < z->machine->nr_zone_types; t++)
		d.reserve = MAX(d.reserve, READ_RELAXED(&z->lowmem_reserve[t]));
	return d;
}

struct dirty_thresholds machine_dirty_thresholds(const struct machine *m, const struct dirty_limits *l)
{
	struct dirty_memory sum = { 0 };
	uint64_t free = 0, file = 0;
	FOR_EACH_POPULATED_ZONE(z, m) {
		struct dirty_zone d = zone_now(z);
		dirty_memory_add(&sum, &d);
		free += d.free;
	}
	for (unsigned n = 0; n < m->nr_nodes; n++)
		file += node_stat_read(&m->node[n], NR_INACTIVE_FILE) +
			node_stat_read(&m->node[n], NR_ACTIVE_FILE);
	return dirty_thresholds(l, dirtyable_pages(&sum, free, file, READ_RELAXED(&l->highmem)));
}
