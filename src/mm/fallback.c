/* SPDX-License-Identifier: MIT */
/*
 * What happens when a type has run out: blocks are stolen from another type,
 * with their whole pageblock when it is worth it, so that kinds of memory that
 * cannot move stay together (mm/page_alloc.c: __rmqueue_fallback,
 * steal_suitable_fallback, reserve_highatomic_pageblock, 6.1). The zone's lock
 * is held throughout.
 */

#include "mm/buddy.h"
#include "mm/watermark.h"

#define BOOST_ZONE_BLOCKS_LEAST 4 /* a smaller zone is never boosted */
#define HIGHATOMIC_SHARE 100 /* the reserve is at most 1 % of the zone */

static const uint8_t fallback_order[MIGRATE_PCPTYPES][2] = {
	[MIGRATE_UNMOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE },
	[MIGRATE_MOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE },
	[MIGRATE_RECLAIMABLE] = { MIGRATE_UNMOVABLE, MIGRATE_MOVABLE },
};

/* 6.1: boost_watermark. Raise the marks for a while so that kswapd frees whole blocks. */
static bool zone_boost(struct zone *z)
{
	uint64_t block = 1ull << z->machine->pageblock_order;
	uint64_t high = READ_RELAXED(&z->watermark[WMARK_HIGH]);
	uint64_t most = high * (uint64_t)z->machine->tune.watermark_boost_factor / 10000;
	if (!most || block * BOOST_ZONE_BLOCKS_LEAST > READ_RELAXED(&z->managed))
		return false;
	uint64_t boost = READ_RELAXED(&z->watermark_boost) + block;
	WRITE_RELAXED(&z->watermark_boost, MIN(boost, MAX(most, block)));
	return true;
}

/* May a request of this type take the whole pageblock over when it finds a block of this order in it? */
static bool can_claim_pageblock(const struct machine *m, unsigned order, enum migratetype mt)
{
	return order >= m->pageblock_order / 2 || mt == MIGRATE_RECLAIMABLE || mt == MIGRATE_UNMOVABLE;
}

static bool fallback_find(const struct zone *z, unsigned order, enum migratetype mt, enum migratetype *from)
{
	for (unsigned i = 0; i < ARRAY_LEN(fallback_order[0]); i++) {
		*from = (enum migratetype)fallback_order[mt][i];
		if (z->area_mask[*from] & (1u << order))
			return true;
	}
	return false;
}

bool zone_has_claimable(const struct zone *z, unsigned order, enum migratetype mt)
{
	enum migratetype from;
	for (unsigned o = order; o < MM_ORDERS; o++)
		if ((z->area_mask[mt] & (1u << o)) ||
		    (can_claim_pageblock(z->machine, o, mt) && fallback_find(z, o, mt, &from)))
			return true;
	return false;
}

/* The type's own share of the block: for movable requests what could move, else what was not movable before. */
static bool pageblock_is_alike(const struct zone *z, enum migratetype mt, enum migratetype old,
			       unsigned free_pages, unsigned movable_pages)
{
	unsigned size = 1u << z->machine->pageblock_order, alike = 0;
	if (mt == MIGRATE_MOVABLE)
		alike = movable_pages;
	else if (old == MIGRATE_MOVABLE)
		alike = size - MIN(size, free_pages + movable_pages);
	return free_pages + alike >= size / 2;
}

/* Bring the free block at pfn (or its whole pageblock) over to mt's lists. */
static void block_steal(struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt, bool claim)
{
	struct machine *m = z->machine;
	enum migratetype old = pageblock_type(m, pfn);
	if (old == MIGRATE_HIGHATOMIC) {
		buddy_retype(z, pfn, mt);
		return;
	}
	if (order >= m->pageblock_order) {
		for (uint64_t at = pfn; at < (uint64_t)pfn + (1u << order); at += 1u << m->pageblock_order)
			pageblock_set_type(z, (pfn_t)at, mt);
		buddy_retype(z, pfn, mt);
		return;
	}
	if (zone_boost(z)) {
		WRITE_RELAXED(&z->boosted, true);
		zone_update_plenty(z);
	}
	if (!claim) {
		buddy_retype(z, pfn, mt);
		return;
	}
	unsigned movable = pageblock_movable_pages(z, pfn);
	unsigned moved = pageblock_move_free(z, pfn, mt);
	if (!moved)
		buddy_retype(z, pfn, mt);
	else if (pageblock_is_alike(z, mt, old, moved, movable))
		pageblock_set_type(z, pfn, mt);
}

/* A virgin block has no entry to put on another list: give it one first. */
static pfn_t fallback_block(struct zone *z, unsigned order, enum migratetype from)
{
	pfn_t pfn = z->area[order].list[from].head;
	if (pfn)
		return pfn;
	struct page *page = buddy_take(z, order, from);
	if (!page)
		return PFN_NIL;
	pfn = page_pfn(z->machine, page);
	buddy_give(z, pfn, order, from);
	return pfn;
}

/*
 * Largest block first, so that pageblocks are polluted as rarely as possible;
 * a movable request that may not claim the block takes the smallest instead.
 */
static bool fallback_steal(struct zone *z, unsigned order, enum migratetype mt, bool nofragment)
{
	const struct machine *m = z->machine;
	unsigned least = nofragment && order < m->pageblock_order ? m->pageblock_order : order;
	enum migratetype from = mt;
	unsigned at = MM_ORDER_MAX;
	bool claim = false;

	for (;; at--) {
		if (fallback_find(z, at, mt, &from))
			break;
		if (at == least)
			return false;
	}
	claim = can_claim_pageblock(m, at, mt);
	if (!claim && mt == MIGRATE_MOVABLE && at > order) {
		at = order;
		while (!fallback_find(z, at, mt, &from))
			at++;
	}
	pfn_t pfn = fallback_block(z, at, from);
	if (!pfn)
		return false;
	block_steal(z, pfn, at, mt, claim);
	return true;
}

struct page *buddy_take_any(struct zone *z, unsigned order, enum migratetype mt, bool nofragment)
{
	struct page *page = buddy_take(z, order, mt);
	if (LIKELY(page) || mt >= MIGRATE_PCPTYPES)
		return page;
	if (!fallback_steal(z, order, mt, nofragment))
		return NULL;
	return buddy_take(z, order, mt);
}

void zone_reserve_highatomic(struct zone *z, struct page *page)
{
	struct machine *m = z->machine;
	uint64_t block = 1ull << m->pageblock_order;
	uint64_t most = READ_RELAXED(&z->managed) / HIGHATOMIC_SHARE + block;
	pfn_t pfn = page_pfn(m, page);

	if (READ_RELAXED(&z->nr_reserved_highatomic) >= most)
		return;
	lock_take(&z->lock);
	enum migratetype old = pageblock_type(m, pfn);
	if (z->nr_reserved_highatomic < most && old < MIGRATE_PCPTYPES) {
		WRITE_RELAXED(&z->nr_reserved_highatomic, z->nr_reserved_highatomic + block);
		zone_update_plenty(z);
		pageblock_set_type(z, pfn, MIGRATE_HIGHATOMIC);
		pageblock_move_free(z, pfn, MIGRATE_HIGHATOMIC);
	}
	lock_drop(&z->lock);
}

static unsigned highatomic_return(struct zone *z, pfn_t pfn, enum migratetype mt)
{
	uint64_t block = 1ull << z->machine->pageblock_order;
	uint64_t reserved = READ_RELAXED(&z->nr_reserved_highatomic);
	if (pageblock_type(z->machine, pfn) == MIGRATE_HIGHATOMIC)
		WRITE_RELAXED(&z->nr_reserved_highatomic, reserved - MIN(block, reserved));
	zone_update_plenty(z);
	pageblock_set_type(z, pfn, mt);
	return pageblock_move_free(z, pfn, mt);
}

bool zone_unreserve_highatomic(struct zone *z, enum migratetype mt, bool force)
{
	bool done = false;
	uint64_t block = 1ull << z->machine->pageblock_order;
	if (!force && READ_RELAXED(&z->nr_reserved_highatomic) <= block)
		return false;
	lock_take(&z->lock);
	for (unsigned order = 0; order < MM_ORDERS && !done; order++) {
		pfn_t pfn = z->area[order].list[MIGRATE_HIGHATOMIC].head;
		done = pfn && highatomic_return(z, pfn, mt);
	}
	lock_drop(&z->lock);
	return done;
}
