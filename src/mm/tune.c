/* SPDX-License-Identifier: MIT */
/*
 * What follows from machine->tune: marks, lowmem reserve, per-CPU list sizes
 * and counter thresholds of every zone (mm/page_alloc.c, mm/vmstat.c,
 * mm/khugepaged.c, 6.1). The results are written with tune_lock held and
 * read anywhere.
 */

#include "mm/machine.h"
#include "mm/watermark.h"

#define THP_MACHINE_LEAST ((512ull << 20) >> PAGE_SHIFT)
#define THP_BLOCKS_PER_ZONE                                                                        \
	11 /* 2 to compact into, and one for each pair of the three mobile types */

/* Memory that only user pages may use has no real share of min_free_kbytes. */
static bool zone_is_highmem(const struct zone *z)
{
	return z->kind == ZONE_HIGHMEM ||
	       (z->kind == ZONE_MOVABLE && (z->machine->bits == 32 || z->machine->version->movable_is_high));
}

static uint64_t machine_lowmem_pages(const struct machine *m)
{
	uint64_t pages = 0;
	FOR_EACH_POPULATED_ZONE(z, m)
		if (!zone_is_highmem(z))
			pages += READ_RELAXED(&z->managed);
	return pages;
}

static bool zone_is_buffer(const struct zone *z) /* a zone that GFP_USER may use */
{
	return z->kind == ZONE_DMA || z->kind == ZONE_DMA32 || z->kind == ZONE_NORMAL;
}

static struct marks zone_marks(const struct zone *z, uint64_t min_free_pages, uint64_t lowmem)
{
	uint64_t share = marks_share(min_free_pages, z->managed, lowmem);
	return marks_compute(share, z->managed, z->machine->tune.watermark_scale_factor,
			     zone_is_highmem(z));
}

/* 6.1: nr_free_buffer_pages, with the marks that min_free_pages would give. */
static uint64_t machine_buffer_pages(const struct machine *m, uint64_t min_free_pages, bool marks_set)
{
	uint64_t pages = 0, lowmem = machine_lowmem_pages(m);
	FOR_EACH_POPULATED_ZONE(z, m) {
		uint64_t high = marks_set ? zone_marks(z, min_free_pages, lowmem).high : 0;
		if (zone_is_buffer(z) && z->managed > high)
			pages += z->managed - high;
	}
	return pages;
}

/* 6.1: set_recommended_min_free_kbytes */
static uint64_t machine_thp_min_free_kbytes(const struct machine *m, int base_kbytes)
{
	uint64_t zones = 0;
	FOR_EACH_POPULATED_ZONE(z, m)
		zones += zone_is_buffer(z);
	uint64_t wanted = (zones << m->pageblock_order) * THP_BLOCKS_PER_ZONE;
	uint64_t most = machine_buffer_pages(m, (uint64_t)base_kbytes / 4, true) / 20;
	return PAGES_TO_KB(MIN(wanted, most));
}

int machine_default_min_free_kbytes(const struct machine *m)
{
	int base = min_free_kbytes_base(PAGES_TO_KB(machine_buffer_pages(m, 0, false)));
	if (!m->thp || m->managed_pages < THP_MACHINE_LEAST)
		return base;
	uint64_t thp = machine_thp_min_free_kbytes(m, base);
	return (int)MAX((uint64_t)base, MIN(thp, (uint64_t)INT32_MAX));
}

int64_t zone_plenty(const struct zone *z, unsigned highest_type)
{
	if (READ_RELAXED(&z->boosted) || READ_RELAXED(&z->machine->watched))
		return INT64_MAX;
	uint64_t pages = READ_RELAXED(&z->watermark[WMARK_LOW]) + READ_RELAXED(&z->watermark_boost) +
			 READ_RELAXED(&z->nr_reserved_highatomic) +
			 READ_RELAXED(&z->lowmem_reserve[highest_type]);
	return (int64_t)MIN(pages, (uint64_t)INT64_MAX);
}

void zone_update_plenty(struct zone *z)
{
	for (unsigned t = 0; t < z->machine->nr_zone_types; t++)
		WRITE_RELAXED(&z->plenty[t], zone_plenty(z, t));
}

static void update_plenty(struct machine *m)
{
	FOR_EACH_POPULATED_ZONE(z, m) {
		lock_take(&z->lock);
		zone_update_plenty(z);
		lock_drop(&z->lock);
	}
}

void machine_set_watched(struct machine *m, bool watched)
{
	lock_take(&m->tune_lock);
	bool changes = m->watched != watched;
	WRITE_RELAXED(&m->watched, watched);
	if (changes)
		update_plenty(m);
	lock_drop(&m->tune_lock);
}

static unsigned zone_pageset_cpus(const struct zone *z)
{
	unsigned own = mask_count(&z->node->cpus);
	return own ? own : z->machine->nr_cpus_online;
}

static void zone_update_pageset(struct zone *z)
{
	struct machine *m = z->machine;
	const struct pageset_input in = {
		.managed_pages = READ_RELAXED(&z->managed),
		.low_pages = READ_RELAXED(&z->watermark[WMARK_LOW]) + READ_RELAXED(&z->watermark_boost),
		.nr_cpus = zone_pageset_cpus(z),
		.fraction = m->tune.percpu_pagelist_high_fraction,
	};
	struct pageset_size size = m->version->pageset(&in);

	WRITE_RELAXED(&z->pageset_batch, size.batch);
	WRITE_RELAXED(&z->pageset_high, size.high_min);
	WRITE_RELAXED(&z->pageset_high_max, size.high_max);
	MASK_FOR_EACH(cpu, &m->cpus_online) {
		struct pcp *pcp = &m->cpu[cpu].zone[z->id].pcp;
		WRITE_RELAXED(&pcp->batch, size.batch);
		if (!m->version->pageset_tunes) /* else the CPU follows when it next uses the zone */
			WRITE_RELAXED(&pcp->high, size.high_min);
	}
}

void machine_update_thresholds(struct machine *m)
{
	for (unsigned i = 0; i < m->nr_nodes; i++)
		WRITE_RELAXED(&m->node[i].stat_threshold, 0);
	FOR_EACH_POPULATED_ZONE(z, m) {
		int t = stat_threshold_normal(READ_RELAXED(&z->managed), m->nr_cpus_online);
		WRITE_RELAXED(&z->stat_threshold, t);
		if (t > READ_RELAXED(&z->node->stat_threshold))
			WRITE_RELAXED(&z->node->stat_threshold, t);
	}
}

void node_update_thresholds(struct node *n, bool pressure)
{
	struct machine *m = n->machine;
	for (unsigned t = 0; t < m->nr_zone_types; t++) {
		struct zone *z = n->zone[t];
		if (!zone_populated(z))
			continue;
		uint64_t low = READ_RELAXED(&z->watermark[WMARK_LOW]);
		uint64_t min = READ_RELAXED(&z->watermark[WMARK_MIN]);
		int threshold =
			pressure ? stat_threshold_pressure(low, min, m->nr_cpus_online)
				 : stat_threshold_normal(READ_RELAXED(&z->managed), m->nr_cpus_online);
		WRITE_RELAXED(&z->stat_threshold, threshold);
	}
}

void machine_update_pagesets(struct machine *m)
{
	lock_take(&m->tune_lock);
	FOR_EACH_POPULATED_ZONE(z, m)
		zone_update_pageset(z);
	lock_drop(&m->tune_lock);
}

/* One zone's reserve against requests that could have used each higher zone of its node. */
static void zone_update_reserve(struct zone *z)
{
	const struct machine *m = z->machine;
	int32_t ratio = READ_RELAXED(&m->tune.lowmem_reserve_ratio[z->type]);
	uint64_t above = 0;
	for (unsigned t = 0; t < m->nr_zone_types; t++) {
		if (t > z->type)
			above += READ_RELAXED(&z->node->zone[t]->managed);
		bool clear = t <= z->type || ratio < 1 || !READ_RELAXED(&z->managed);
		WRITE_RELAXED(&z->lowmem_reserve[t], clear ? 0 : above / (uint64_t)ratio);
	}
}

static void update_reserves(struct machine *m)
{
	for (unsigned i = 0; i < m->nr_zones; i++)
		if (m->zone[i].node && m->zone[i].node->online)
			zone_update_reserve(&m->zone[i]);
	m->reserve_lags = false;
}

void machine_update_watermarks(struct machine *m)
{
	lock_take(&m->tune_lock);
	uint64_t min_free_pages = (uint64_t)m->tune.min_free_kbytes / (PAGE_SIZE / 1024);
	uint64_t lowmem = machine_lowmem_pages(m);
	for (unsigned i = 0; i < m->nr_zones; i++) {
		struct zone *z = &m->zone[i];
		if (!z->node || !z->node->online)
			continue;
		struct marks marks = zone_marks(z, min_free_pages, lowmem);
		WRITE_RELAXED(&z->watermark_boost, 0);
		WRITE_RELAXED(&z->watermark[WMARK_MIN], marks.min);
		WRITE_RELAXED(&z->watermark[WMARK_LOW], marks.low);
		WRITE_RELAXED(&z->watermark[WMARK_HIGH], marks.high);
		WRITE_RELAXED(&z->watermark[WMARK_PROMO], marks.promo);
		if (zone_populated(z))
			zone_update_pageset(z);
	}
	if (m->reserve_lags)
		update_reserves(m);
	update_plenty(m);
	lock_drop(&m->tune_lock);
}

void machine_update_lowmem_reserve(struct machine *m)
{
	lock_take(&m->tune_lock);
	update_reserves(m);
	update_plenty(m);
	lock_drop(&m->tune_lock);
}
