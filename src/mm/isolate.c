/* SPDX-License-Identifier: MIT */
/*
 * See isolate.h. Work goes by top-order blocks, one hold of the zone's lock
 * each, so that no free block lies across the edge of what is done. A look at all
 * of it comes first, so that a range with something in it that stays is left
 * as it is, lists and their order included.
 *
 * Memory that was never used is cut out of the zone's ranges instead of being
 * put on a list, which would write an entry for each block. It counts among the
 * free blocks of MIGRATE_ISOLATE (z->virgin.nr_isolated).
 *
 * Different from Linux: a range that is not taken gets the types of its
 * pageblocks back, where 6.1 leaves them Movable. A pageblock of the highatomic
 * reserve leaves it, where 6.1 keeps counting it.
 */

#include "mm/isolate.h"

#include "base/mem.h"
#include "mm/buddy.h"

#include <errno.h>

/* ---- What was never used ---- */

bool isolation_skips(const struct isolation *iso, uint64_t at, uint64_t *past)
{
	for (unsigned i = 0; i < iso->nr_virgin; i++) {
		if (at < iso->virgin[i].start || at >= iso->virgin[i].end)
			continue;
		*past = iso->virgin[i].end;
		return true;
	}
	return false;
}

static int isolation_make_room(struct isolation *iso)
{
	if (iso->nr_virgin < iso->room)
		return 0;
	unsigned room = iso->room + 16;
	struct pfn_range *range = mem_realloc(iso->virgin, room * sizeof(*range));
	if (!range)
		return -ENOMEM;
	iso->virgin = range;
	iso->room = room;
	return 0;
}

/* ---- Pageblocks ---- */

static uint8_t *isolation_type(const struct isolation *iso, uint64_t pfn)
{
	return &iso->type[(pfn - iso->start) >> iso->zone->machine->pageblock_order];
}

/* Zone lock. */
static void types_set_isolated(struct isolation *iso, uint64_t start, uint64_t end)
{
	struct zone *z = iso->zone;
	uint64_t block = 1ull << z->machine->pageblock_order;
	for (uint64_t at = start; at < end; at += block) {
		enum migratetype mt = pageblock_type(z->machine, (pfn_t)at);
		if (mt == MIGRATE_HIGHATOMIC) {
			uint64_t reserved = READ_RELAXED(&z->nr_reserved_highatomic);
			WRITE_RELAXED(&z->nr_reserved_highatomic, reserved - MIN(block, reserved));
			zone_update_plenty(z);
			mt = MIGRATE_MOVABLE;
		}
		*isolation_type(iso, at) = (uint8_t)mt;
		pageblock_set_type(z, (pfn_t)at, MIGRATE_ISOLATE);
	}
}

static void types_restore(struct isolation *iso, uint64_t start, uint64_t end)
{
	struct zone *z = iso->zone;
	for (uint64_t at = start; at < end; at += 1ull << z->machine->pageblock_order)
		pageblock_set_type(z, (pfn_t)at, (enum migratetype) * isolation_type(iso, at));
}

/* Free blocks of a range of whole top-order blocks go to the list of their pageblock. Returns pages. Zone lock. */
static int free_blocks_retype(struct zone *z, uint64_t start, uint64_t end)
{
	int pages = 0;
	for (uint64_t at = start; at < end;) {
		const struct page *page = pfn_page(z->machine, (pfn_t)at);
		if (READ_RELAXED(&page->state) != PAGE_BUDDY) {
			at++;
			continue;
		}
		unsigned order = page->order;
		buddy_retype(z, (pfn_t)at, pageblock_type(z->machine, (pfn_t)at));
		pages += 1 << order;
		at += 1ull << order;
	}
	return pages;
}

/* ---- Can it be emptied? ---- */

/* All entries of a top-order block; one without a head here is pinned, reserved, or of a larger block. Zone lock. */
static bool block_is_movable(const struct isolation *iso, uint64_t start)
{
	const struct zone *z = iso->zone;
	for (uint64_t at = start; at < start + MM_TOP_PAGES;) {
		const struct page *page = pfn_page(z->machine, (pfn_t)at);
		uint8_t state = READ_RELAXED(&page->state);
		if (state == PAGE_NONE || READ_RELAXED(&page->zone) != z->id)
			return false;
		if (state == PAGE_USED && !iso->movable(iso->ctx, page))
			return false;
		at += 1ull << READ_RELAXED(&page->order);
	}
	return true;
}

static bool block_is_isolated(const struct machine *m, uint64_t start)
{
	for (uint64_t at = start; at < start + MM_TOP_PAGES; at += 1ull << m->pageblock_order)
		if (pageblock_type(m, (pfn_t)at) == MIGRATE_ISOLATE)
			return true;
	return false;
}

static bool range_is_movable(const struct isolation *iso)
{
	struct zone *z = iso->zone;
	bool movable = true;
	for (uint64_t at = iso->start; at < iso->end && movable; at += MM_TOP_PAGES) {
		lock_take(&z->lock);
		movable = virgin_has(z, at) ||
			  (!block_is_isolated(z->machine, at) && block_is_movable(iso, at));
		lock_drop(&z->lock);
	}
	return movable;
}

/* ---- Begin ---- */

/* The never-used memory from `at` on, or one block with entries. Zone lock. Returns where it ends; `at`: it is in use. */
static uint64_t isolate_step(struct isolation *iso, uint64_t at, int *pages)
{
	struct zone *z = iso->zone;
	uint64_t end = at + MM_TOP_PAGES;
	struct pfn_range part;
	if (virgin_has(z, at) && virgin_cut(z, at, iso->end, &part)) {
		iso->virgin[iso->nr_virgin++] = part;
		end = part.end;
		uint64_t blocks = (end - at) >> MM_ORDER_MAX;
		z->virgin.nr_isolated += blocks;
		zone_area_count(z, MM_ORDER_MAX, MIGRATE_ISOLATE, (int64_t)blocks);
		types_set_isolated(iso, at, end);
		*pages = (int)(end - at);
		return end;
	}
	if (block_is_isolated(z->machine, at) || !block_is_movable(iso, at))
		return at;
	types_set_isolated(iso, at, end);
	*pages = free_blocks_retype(z, at, end);
	return end;
}

/* Up to iso->end, or an error and how far it came. */
static int isolate_blocks(struct isolation *iso, struct cpu *c, uint64_t *at)
{
	struct zone *z = iso->zone;
	int error = 0;
	while (*at < iso->end && !error) {
		int pages = 0;
		error = isolation_make_room(iso);
		if (!error)
			error = virgin_make_room(z);
		if (error)
			break;
		lock_take(&z->lock);
		if (virgin_has_room(z)) { /* or somebody has used it up */
			uint64_t next = isolate_step(iso, *at, &pages);
			error = next == *at ? -EBUSY : 0;
			*at = next;
		}
		lock_drop(&z->lock);
		zone_stat_add(c, z, NR_FREE_PAGES, -pages);
	}
	return error;
}

static void isolation_fini(struct isolation *iso)
{
	__atomic_fetch_sub(&iso->zone->machine->isolations, 1, __ATOMIC_RELAXED);
	mem_free(iso->virgin);
	mem_free(iso->type);
	iso->virgin = NULL;
	iso->type = NULL;
	iso->nr_virgin = iso->room = 0;
}

/* What was isolated of it up to `end` is as before. */
static void isolation_undo(struct isolation *iso, struct cpu *c, uint64_t end)
{
	struct zone *z = iso->zone;
	for (uint64_t at = iso->start, past; at < end; at = past) {
		int pages = 0;
		lock_take(&z->lock);
		if (isolation_skips(iso, at, &past)) {
			uint64_t blocks = (past - at) >> MM_ORDER_MAX;
			z->virgin.nr_isolated -= blocks;
			zone_area_count(z, MM_ORDER_MAX, MIGRATE_ISOLATE, -(int64_t)blocks);
			types_restore(iso, at, past);
			virgin_join(z, at, past);
			pages = (int)(past - at);
		} else {
			past = at + MM_TOP_PAGES;
			types_restore(iso, at, past);
			pages = free_blocks_retype(z, at, past);
		}
		lock_drop(&z->lock);
		zone_stat_add(c, z, NR_FREE_PAGES, pages);
	}
}

int isolation_begin(struct isolation *iso, struct cpu *c)
{
	const struct zone *z = iso->zone;
	uint64_t at = iso->start;
	ASSERT(iso->start % MM_TOP_PAGES == 0 && iso->end % MM_TOP_PAGES == 0);
	ASSERT(iso->start >= z->start_pfn && iso->end <= z->start_pfn + z->spanned);
	if (!range_is_movable(iso))
		return -EBUSY;
	iso->type = mem_zalloc((iso->end - iso->start) >> z->machine->pageblock_order);
	if (!iso->type)
		return -ENOMEM;
	__atomic_fetch_add(&z->machine->isolations, 1, __ATOMIC_RELAXED);
	int error = isolate_blocks(iso, c, &at);
	if (error) {
		isolation_undo(iso, c, at);
		isolation_fini(iso);
	}
	return error;
}

void isolation_end(struct isolation *iso, struct cpu *c)
{
	isolation_undo(iso, c, iso->end);
	isolation_fini(iso);
}

/* ---- Take and give ---- */

/* Zone lock. */
static bool range_is_free(const struct isolation *iso)
{
	for (uint64_t at = iso->start, past; at < iso->end; at = past) {
		if (isolation_skips(iso, at, &past))
			continue;
		const struct page *page = pfn_page(iso->zone->machine, (pfn_t)at);
		if (READ_RELAXED(&page->state) != PAGE_BUDDY || page->migratetype != MIGRATE_ISOLATE)
			return false;
		past = at + (1ull << page->order);
	}
	return true;
}

/* Zone lock; all of it is free. */
static void range_unlist(struct isolation *iso)
{
	struct zone *z = iso->zone;
	uint64_t block = 1ull << z->machine->pageblock_order;
	for (uint64_t at = iso->start, past; at < iso->end; at = past) {
		if (isolation_skips(iso, at, &past)) {
			uint64_t blocks = (past - at) >> MM_ORDER_MAX;
			z->virgin.nr_isolated -= blocks;
			zone_area_count(z, MM_ORDER_MAX, MIGRATE_ISOLATE, -(int64_t)blocks);
			continue;
		}
		past = at + (1ull << pfn_page(z->machine, (pfn_t)at)->order);
		buddy_remove(z, (pfn_t)at);
	}
	for (uint64_t at = iso->start; at < iso->end; at += block)
		pageblock_set_type(z, (pfn_t)at, MIGRATE_MOVABLE);
}

struct page *isolation_take(struct isolation *iso, unsigned order)
{
	struct zone *z = iso->zone;
	struct page *page = NULL;
	ASSERT(iso->end - iso->start == 1ull << order);
	lock_take(&z->lock);
	if (range_is_free(iso)) {
		range_unlist(iso);
		page = zone_block_use(z, (pfn_t)iso->start, order, MIGRATE_MOVABLE);
	}
	lock_drop(&z->lock);
	if (page)
		isolation_fini(iso);
	return page;
}

void range_give(struct cpu *c, struct page *page, unsigned order)
{
	struct machine *m = c->machine;
	struct zone *z = page_zone(m, page);
	uint64_t start = page_pfn(m, page), end = start + (1ull << order);
	DEBUG_ASSERT(page->state == PAGE_USED && page->order == order && order >= MM_ORDER_MAX);
	page->owner = 0;
	lock_take(&z->lock);
	for (uint64_t at = start; at < end; at += MM_TOP_PAGES)
		buddy_give(z, (pfn_t)at, MM_ORDER_MAX, pageblock_type(m, (pfn_t)at));
	lock_drop(&z->lock);
	zone_stat_add(c, z, NR_FREE_PAGES, 1 << order);
	event_add(c, PGFREE, 1ull << order);
}
