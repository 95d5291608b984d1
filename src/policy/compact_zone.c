/* SPDX-License-Identifier: MIT */
/*
 * What is known of a zone before a pass of compaction (mm/compaction.c,
 * mm/vmstat.c, 6.1): would one help, has the last one failed (deferral), and
 * which pageblocks are worth a look again.
 *
 * Deferral. After each pass that looked at everything in vain, twice as many
 * requests of that order and above are put off as before, 64 at most.
 *
 * Locks: what a zone remembers (struct zone_compact) is written under its lock
 * and read without.
 */

#include "mm/buddy.h"
#include "policy/compact_control.h"

#define DEFER_SHIFT_MOST 6 /* COMPACT_MAX_DEFER_SHIFT */
#define SAMPLE_STEP (1u << MM_COSTLY_ORDER) /* frames between two that are looked at */

/* ---- Would it help? ---- */

/* 6.1 divides twice and rounds down each time. */
int fragmentation_of(uint64_t free_pages, uint64_t blocks, uint64_t suitable, unsigned order)
{
	if (!blocks)
		return 0;
	if (suitable)
		return -1000;
	return 1000 - (int)((1000 + (free_pages * 1000 >> order)) / blocks);
}

int fragmentation_index(const struct zone *z, unsigned order)
{
	uint64_t free_pages = 0, blocks = 0, suitable = 0;
	for (unsigned o = 0; o < MM_ORDERS; o++) {
		uint64_t nr = zone_free_blocks(z, o);
		blocks += nr;
		free_pages += nr << o;
		if (o >= order)
			suitable += nr << (o - order);
	}
	return fragmentation_of(free_pages, blocks, suitable, order);
}

enum compact_result compaction_suitable_with(const struct zone *z, unsigned order, unsigned alloc_flags,
					     unsigned highest_type, uint64_t free_pages)
{
	uint64_t mark = zone_mark_pages(z, WMARK_MIN);
	if (zone_watermark_ok(z, order, mark, highest_type, alloc_flags))
		return COMPACT_SUCCESS;
	mark = zone_mark_pages(z, order > MM_COSTLY_ORDER ? WMARK_LOW : WMARK_MIN) + compact_gap(order);
	if (!zone_watermark_ok_with(z, 0, mark, highest_type, 0, free_pages))
		return COMPACT_SKIPPED;
	return COMPACT_CONTINUE;
}

enum compact_result compaction_suitable(const struct policy *p, const struct zone *z,
					unsigned order, unsigned alloc_flags, unsigned highest_type)
{
	enum compact_result result = compaction_suitable_with(z, order, alloc_flags, highest_type,
							      zone_stat_read(z, NR_FREE_PAGES));
	if (result != COMPACT_CONTINUE || order <= MM_COSTLY_ORDER)
		return result;
	int index = fragmentation_index(z, order);
	return index >= 0 && index <= READ_RELAXED(&p->compact.extfrag_threshold) ? COMPACT_SKIPPED
										  : COMPACT_CONTINUE;
}

/* ---- Deferral ---- */

void compact_defer(struct zone *z, unsigned order)
{
	struct zone_compact *k = &z->compact;
	lock_take(&z->lock);
	WRITE_RELAXED(&k->considered, 0);
	WRITE_RELAXED(&k->defer_shift, MIN(k->defer_shift + 1, DEFER_SHIFT_MOST));
	if ((int)order < k->order_failed)
		WRITE_RELAXED(&k->order_failed, (int)order);
	lock_drop(&z->lock);
}

void compact_defer_reset(struct zone *z, unsigned order, bool alloc_success)
{
	struct zone_compact *k = &z->compact;
	lock_take(&z->lock);
	if (alloc_success) {
		WRITE_RELAXED(&k->considered, 0);
		WRITE_RELAXED(&k->defer_shift, 0);
	}
	if ((int)order >= k->order_failed)
		WRITE_RELAXED(&k->order_failed, (int)order + 1);
	lock_drop(&z->lock);
}

bool compact_deferred(struct zone *z, unsigned order)
{
	struct zone_compact *k = &z->compact;
	if ((int)order < READ_RELAXED(&k->order_failed))
		return false;
	lock_take(&z->lock);
	unsigned limit = 1u << k->defer_shift;
	WRITE_RELAXED(&k->considered, MIN(k->considered + 1, limit));
	bool deferred = k->considered < limit;
	lock_drop(&z->lock);
	return deferred;
}

/* As many have been put off as there ever are: the next pass looks at everything again. */
bool compact_restarting(const struct zone *z, unsigned order)
{
	const struct zone_compact *k = &z->compact;
	return (int)order >= READ_RELAXED(&k->order_failed) &&
	       READ_RELAXED(&k->defer_shift) == DEFER_SHIFT_MOST &&
	       READ_RELAXED(&k->considered) >= 1u << DEFER_SHIFT_MOST;
}

/* ---- Where the next pass begins ---- */

static void migrate_pfn_set(struct zone *z, uint64_t pfn)
{
	WRITE_RELAXED(&z->compact.migrate_pfn[0], pfn);
	WRITE_RELAXED(&z->compact.migrate_pfn[1], pfn);
}

void compact_restart(struct zone *z)
{
	lock_take(&z->lock);
	migrate_pfn_set(z, z->start_pfn);
	WRITE_RELAXED(&z->compact.free_pfn, pageblock_start(z, zone_end(z) - 1));
	lock_drop(&z->lock);
}

/* A sample of the pageblock's frames: is there a page that could move, or a free one? Zone lock held. */
static bool block_has(const struct zone *z, uint64_t from, uint64_t to, bool source, bool target)
{
	if (virgin_has(z, from))
		return target;
	for (uint64_t pfn = from; pfn < to; pfn += SAMPLE_STEP) {
		const struct page *page = pfn_page(z->machine, (pfn_t)pfn);
		unsigned state = READ_RELAXED(&page->state);
		if (source && state == PAGE_USED && READ_RELAXED(&page->lru) < LRU_LISTS)
			return true;
		if (target && state == PAGE_BUDDY)
			return true;
	}
	return false;
}

/* 6.1: __reset_isolation_pfn. May a scanner begin here? */
static bool block_reset(struct zone *z, uint64_t pfn, bool source, bool target)
{
	struct machine *m = z->machine;
	uint64_t from = MAX(pageblock_start(z, pfn), z->start_pfn);
	uint64_t to = MIN(pageblock_start(z, pfn) + pageblock_size(z), zone_end(z));
	if (source && target && !pageblock_skip(m, (pfn_t)from))
		return true;
	if (!source && target && pageblock_type(m, (pfn_t)from) != MIGRATE_MOVABLE)
		return false;
	if (pageblock_bare(m, (pfn_t)from) || !block_has(z, from, to, source, target))
		return false;
	pageblock_set_skip(m, (pfn_t)from, false);
	return true;
}

/* From both ends to the middle. The first block of each side that is of use is where its scanner begins. */
static void zone_reset_skip(struct zone *z)
{
	struct zone_compact *k = &z->compact;
	uint64_t low = z->start_pfn, high = zone_end(z) - 1, size = pageblock_size(z);
	uint64_t source = high, target = low;
	bool source_set = false, target_set = false;
	for (; low < high; low += size, high -= MIN(size, high)) { /* a zone may lie inside the first pageblock */
		if (block_reset(z, low, true, source_set) && low < source) {
			source_set = true;
			source = low;
			WRITE_RELAXED(&k->init_migrate_pfn, low);
			migrate_pfn_set(z, low);
		}
		if (block_reset(z, high, target_set, true) && high > target) {
			target_set = true;
			target = high;
			WRITE_RELAXED(&k->init_free_pfn, high);
			WRITE_RELAXED(&k->free_pfn, high);
		}
	}
	if (source >= target) {
		migrate_pfn_set(z, low);
		WRITE_RELAXED(&k->free_pfn, high);
	}
}

void compact_zone_reset_skip(struct zone *z)
{
	if (!READ_RELAXED(&z->compact.flush_skip))
		return;
	lock_take(&z->lock);
	WRITE_RELAXED(&z->compact.flush_skip, false);
	zone_reset_skip(z);
	lock_drop(&z->lock);
}

void compact_reset_skip(struct node *n)
{
	for (unsigned t = 0; t < n->machine->nr_zone_types; t++)
		if (zone_populated(n->zone[t]))
			compact_zone_reset_skip(n->zone[t]);
}
