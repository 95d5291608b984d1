/* SPDX-License-Identifier: MIT */
/*
 * What compaction did before the capture. vmstat counts it, but not where its
 * scanners stopped, which pageblocks they have marked as not worth another look,
 * nor whether the last attempts failed and further ones are put off for a while; on
 * all that it depends what the next request gets. So lots are drawn, zone by
 * zone, within what the counters allow: nothing is marked but as many pageblocks
 * as were scanned, and nothing put off more often than something failed. On a
 * machine that has never compacted there is none of it.
 */
#include "daemon/import_capture.h"

#include "mm/buddy.h"
#include "vm/vm.h"

#define DEFER_SHIFT_MAX 6u /* as the kernel has it: 64 requests are put off at most */

/* The lower scanner is below the upper one, both at pageblocks; what waits and what does not begin at the same place. */
static void scanners_draw(struct rng *rng, struct zone *z)
{
	unsigned order = z->machine->pageblock_order;
	uint64_t blocks = z->spanned >> order;
	if (blocks < 2)
		return;
	uint64_t low = rng_below(rng, blocks), high = low + rng_below(rng, blocks - low);
	uint64_t first = ALIGN_UP(z->start_pfn, 1ull << order);
	z->compact.migrate_pfn[0] = z->compact.migrate_pfn[1] =
		MAX(z->start_pfn, ALIGN_DOWN(first + (low << order), 1ull << order));
	z->compact.free_pfn =
		MIN(first + (high << order), ALIGN_DOWN(z->start_pfn + z->spanned - 1, 1ull << order));
}

/*
 * Each scanner marks the pageblocks that it has gone over, the one for pages that
 * move those in which it found none. The marks stay until both have met and kswapd
 * has come to rest, whatever has become of the blocks by then. Of `left` blocks
 * some are here; those that count are Movable ones, where free pages are taken from
 * the zone's end down.
 */
static void skips_draw(struct rng *rng, struct zone *z, uint64_t *left)
{
	struct machine *m = z->machine;
	uint64_t size = 1ull << m->pageblock_order, start = ALIGN_UP(z->start_pfn, size);
	uint64_t blocks = z->nr_pageblocks[MIGRATE_MOVABLE];
	uint64_t nr = rng_below(rng, MIN(*left, blocks) + 1);
	*left -= nr;
	for (uint64_t at = ALIGN_DOWN(z->start_pfn + z->spanned, size); nr && at > start;) {
		at -= size;
		if (pageblock_type(m, (pfn_t)at) != MIGRATE_MOVABLE)
			continue;
		pageblock_set_skip(m, (pfn_t)at, true);
		nr--;
	}
}

/* Each failure doubles what is put off, and a success ends it. Even odds: what the last attempt was is not known. */
static void deferral_draw(struct rng *rng, struct zone *z, uint64_t failures)
{
	if (rng_below(rng, 2))
		return;
	z->compact.defer_shift = 1 + (unsigned)rng_below(rng, MIN(failures, DEFER_SHIFT_MAX));
	z->compact.considered = (unsigned)rng_below(rng, 1u << z->compact.defer_shift);
	z->compact.order_failed = (int)z->machine->pageblock_order;
}

void import_past_set(struct import_run *run)
{
	const uint64_t *event = run->c->event;
	struct machine *m = &run->vm->machine;
	/* of requests, and of kcompactd, which counts only that it was woken */
	uint64_t failures = event[COMPACTFAIL] + event[KCOMPACTD_WAKE];
	uint64_t seen = (event[COMPACTFREE_SCANNED] + event[COMPACTMIGRATE_SCANNED]) >> m->pageblock_order;
	FOR_EACH_POPULATED_ZONE(z, m) {
		lock_take(&z->lock);
		if (event[COMPACTMIGRATE_SCANNED])
			scanners_draw(&run->rng, z);
		skips_draw(&run->rng, z, &seen);
		if (failures)
			deferral_draw(&run->rng, z, failures);
		lock_drop(&z->lock);
	}
}
