/* SPDX-License-Identifier: MIT */
/*
 * The scanner of compaction that looks for free pages to move to
 * (mm/compaction.c: isolate_freepages, 6.1).
 *
 * It goes down, pageblock by pageblock, and takes free blocks out of pageblocks
 * that are MOVABLE and not free as a whole, apart into single pages of the
 * pass. A pageblock that brought nothing is marked to be skipped, and the zone
 * remembers how far passes came. What is not needed goes back, and the scanner
 * goes back to it.
 *
 * Locks: free blocks are taken under the zone's lock; between pageblocks nothing is held.
 *
 * Different from Linux: memory that was never used is no place to move to, being
 * free as a whole, and is passed without looking; what would be scanned of it is counted.
 * So is a pageblock of an imported machine that is in use as a whole, of which nothing else is known.
 * 6.1's scanner looks at every second frame, then at every fourth, up to every 32nd,
 * the longer it finds nothing, and so misses holes that all lie between. Passes over
 * everything that somebody asked for (compact_memory, nodeN/compact; not kcompactd's
 * own) look at each frame: they do all that can be done.
 */

#include "policy/compact_scan.h"

#include "mm/pcp.h"

#include "base/fault.h"

#define TARGET_BLOCKS_A_TURN 1024u /* of a scanner that finds nothing */

struct target { /* one look into one pageblock */
	struct compact_control *cc;
	uint64_t pfn, end;
	uint64_t scanned;
	unsigned stride, taken;
};

/* A free block becomes single pages of ours. Zone lock. 6.1: __isolate_free_page, split_map_pages. */
bool compact_take_apart(struct compact_control *cc, pfn_t pfn, unsigned order)
{
	struct machine *m = cc->policy->machine;
	struct zone *z = cc->zone;
	uint64_t mark = READ_RELAXED(&z->watermark[WMARK_MIN]) + (1ull << order);
	if (!zone_watermark_ok(z, 0, mark, 0, 0) || fault_fails(FAULT_BUDDY_TAKE))
		return false;
	buddy_remove(z, pfn);
	if (order + 1 >= m->pageblock_order && pageblock_type(m, pfn) < MIGRATE_PCPTYPES)
		pageblock_set_type(z, pfn, MIGRATE_MOVABLE);
	for (unsigned i = 0; i < 1u << order; i++) {
		zone_block_use(z, pfn + i, 0, MIGRATE_MOVABLE);
		page_list_add_tail(m->map, &cc->free, pfn + i);
	}
	cc->nr_free += 1u << order;
	zone_stat_add(cc->cpu, z, NR_FREE_PAGES, -(1 << order));
	return true;
}

/* Blocks as large as a pageblock have been excluded, but one may have become whole since. */
static bool block_is_takable(const struct compact_control *cc, const struct page *page)
{
	return READ_RELAXED(&page->state) == PAGE_BUDDY &&
	       READ_RELAXED(&page->zone) == cc->zone->id && page->migratetype != MIGRATE_ISOLATE &&
	       page->order < cc->policy->machine->pageblock_order;
}

static void target_scan(struct target *t)
{
	struct compact_control *cc = t->cc;
	for (; t->pfn < t->end; t->pfn += t->stride) {
		const struct page *page = scan_page(cc, t->pfn);
		unsigned state = READ_RELAXED(&page->state), order = READ_RELAXED(&page->order);
		t->scanned++;
		if (state == PAGE_USED)
			t->pfn += (1ull << order) - 1;
		if (!block_is_takable(cc, page))
			continue;
		if (!compact_take_apart(cc, (pfn_t)t->pfn, order))
			return;
		t->taken += 1u << order;
		t->pfn += 1ull << order;
		if (cc->nr_migrate <= cc->nr_free)
			break;
		t->pfn--;
	}
	t->pfn = MIN(t->pfn, t->end);
}

/* 6.1: isolate_freepages_block. */
static void target_run(struct target *t)
{
	struct compact_control *cc = t->cc;
	scan_lock(cc, &cc->zone->lock);
	if (virgin_has(cc->zone, t->pfn) || pageblock_bare(cc->policy->machine, (pfn_t)t->pfn)) {
		t->scanned = (t->end - t->pfn + t->stride - 1) / t->stride;
		t->pfn = t->end;
	} else {
		target_scan(t);
	}
	lock_drop(&cc->zone->lock);
	cc->free_scanned += t->scanned;
	cc->work += (unsigned)t->scanned;
	event_add(cc->cpu, COMPACTISOLATED, t->taken);
}

/* 6.1: suitable_migration_target. */
static bool target_suitable(const struct compact_control *cc, uint64_t start)
{
	const struct machine *m = cc->policy->machine;
	const struct page *head = pfn_page(m, (pfn_t)start);
	if (start % MM_TOP_PAGES == 0 && block_never_used(cc->zone, start))
		return false;
	if (!pageblock_bare(m, (pfn_t)start) && READ_RELAXED(&head->state) == PAGE_BUDDY &&
	    READ_RELAXED(&head->order) >= m->pageblock_order)
		return false;
	return cc->ignore_block_suitable || pageblock_type(m, (pfn_t)start) == MIGRATE_MOVABLE;
}

/* 6.1: update_pageblock_skip. */
static void target_done(struct compact_control *cc, uint64_t start)
{
	struct zone *z = cc->zone;
	pageblock_set_skip(cc->policy->machine, (pfn_t)start, true);
	lock_take(&z->lock);
	if (start < z->compact.free_pfn)
		WRITE_RELAXED(&z->compact.free_pfn, start);
	lock_drop(&z->lock);
}

/* A long way without anything: others may get in. Nothing is held. */
static void target_breathe(struct compact_control *cc, unsigned *blocks)
{
	if (cc->nr_free || ++*blocks < TARGET_BLOCKS_A_TURN)
		return;
	*blocks = 0;
	cpu_leave(cc->cpu);
	cpu_enter(cc->cpu);
}

void compact_isolate_around(struct compact_control *cc, uint64_t pfn)
{
	const struct zone *z = cc->zone;
	uint64_t start = MAX(pageblock_start(z, pfn), z->start_pfn);
	uint64_t end = MIN(pageblock_start(z, pfn) + pageblock_size(z), zone_end(z));
	if (cc->nr_free >= cc->nr_migrate || is_async_direct(cc) || !block_is_of_zone(z, start, end))
		return;
	struct target t = { .cc = cc, .pfn = start, .end = end, .stride = 1 };
	target_run(&t);
	if (t.pfn == end)
		pageblock_set_skip(cc->policy->machine, (pfn_t)start, true);
}

static void target_search(struct compact_control *cc)
{
	const struct zone *z = cc->zone;
	uint64_t size = pageblock_size(z), pfn = cc->free_pfn, start = pageblock_start(z, pfn);
	uint64_t end = MIN(start + size, zone_end(z)), least = pageblock_start(z, cc->migrate_pfn) + size;
	unsigned stride = cc->mode == COMPACT_ASYNC ? COMPACT_CLUSTER : 1, blocks = 0;
	bool asked_for = cc->order == COMPACT_WHOLE && cc->mode == COMPACT_SYNC;

	for (; start >= least; end = start, start -= size, pfn = start) {
		target_breathe(cc, &blocks);
		if (!block_is_of_zone(z, start, end) || !target_suitable(cc, start) ||
		    block_is_skipped(cc, start))
			continue;
		struct target t = { .cc = cc, .pfn = pfn, .end = end, .stride = stride };
		target_run(&t);
		pfn = t.pfn;
		if (pfn == end)
			target_done(cc, start);
		if (cc->nr_free >= cc->nr_migrate) {
			if (pfn >= end)
				pfn = start - size;
			break;
		}
		if (pfn < end) /* the marks forbid more */
			break;
		stride = t.taken || asked_for ? 1 : MIN(COMPACT_CLUSTER, stride << 1);
	}
	cc->free_pfn = pfn;
}

void compact_isolate_free(struct compact_control *cc)
{
	compact_isolate_fast(cc);
	if (!cc->nr_free)
		target_search(cc);
}

/* The scanner comes to them once more, if the pass goes on. */
void compact_give_free(struct compact_control *cc)
{
	struct machine *m = cc->policy->machine;
	struct page *page[COMPACT_CLUSTER];
	unsigned nr = 0;
	uint64_t highest = 0;
	if (!cc->nr_free)
		return;
	if (pageblock_start(cc->zone, cc->free.head) >= pageblock_start(cc->zone, cc->free_pfn))
		cc->free_pfn = cc->free.head;
	pageblock_set_skip(m, cc->free.head, false);
	for (; cc->nr_free; cc->nr_free--) {
		highest = MAX(highest, (uint64_t)cc->free.head);
		page[nr++] = page_list_pop(m->map, &cc->free);
		if (nr < COMPACT_CLUSTER && cc->nr_free > 1)
			continue;
		pages_give_direct(cc->cpu, page, nr);
		nr = 0;
	}
	highest = pageblock_start(cc->zone, highest);
	lock_take(&cc->zone->lock);
	if (highest > cc->zone->compact.free_pfn) /* back, never on: it may stand at the zone's end by now */
		WRITE_RELAXED(&cc->zone->compact.free_pfn, highest);
	lock_drop(&cc->zone->lock);
}
