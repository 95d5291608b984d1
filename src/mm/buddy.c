/* SPDX-License-Identifier: MIT */
/*
 * The buddy system of a zone: see buddy.h.
 *
 * A free block is described by the entry of its first page (PAGE_BUDDY, order,
 * list type); the entries of its other pages say nothing. Invariants, under
 * the zone's lock: nr_free equals the list's length (plus virgin blocks at the
 * top order of MOVABLE); area_mask has a bit exactly for non-empty lists; no
 * two buddies of one order are both free unless their pageblock types may not
 * mix. Different from Linux: memory that was never used stands in ranges
 * (struct virgin) instead of lists, and counts as top-order MOVABLE blocks.
 */

#include "mm/buddy.h"

#include "base/fault.h"

void zone_area_count(struct zone *z, unsigned order, enum migratetype mt, int64_t delta)
{
	uint64_t *nr = &z->area[order].nr_free[mt];
	WRITE_RELAXED(nr, *nr + (uint64_t)delta);
	if (*nr)
		z->area_mask[mt] |= (uint16_t)(1u << order);
	else
		z->area_mask[mt] &= (uint16_t) ~(1u << order);
}

static void area_push(struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt, bool tail)
{
	struct page *map = z->machine->map, *page = map + pfn;
	WRITE_RELAXED(&page->state, (uint8_t)PAGE_BUDDY);
	WRITE_RELAXED(&page->order, (uint8_t)order);
	page->migratetype = (uint8_t)mt;
	WRITE_RELAXED(&page->zone, z->id);
	page->lru = LRU_NONE;
	page->owner = 0;
	if (tail)
		page_list_add_tail(map, &z->area[order].list[mt], pfn);
	else
		page_list_add_head(map, &z->area[order].list[mt], pfn);
	zone_area_count(z, order, mt, 1);
}

static void area_del(struct zone *z, pfn_t pfn)
{
	struct page *map = z->machine->map, *page = map + pfn;
	page_list_del(map, &z->area[page->order].list[page->migratetype], pfn);
	zone_area_count(z, page->order, (enum migratetype)page->migratetype, -1);
	WRITE_RELAXED(&page->state, (uint8_t)PAGE_NONE);
}

void virgin_add(struct zone *z, uint64_t start, uint64_t end)
{
	struct virgin *v = &z->virgin;
	ASSERT(start % MM_TOP_PAGES == 0 && end % MM_TOP_PAGES == 0 && start < end);
	v->range[v->nr_ranges++] = (struct pfn_range){ start, end };
	uint64_t blocks = (end - start) >> MM_ORDER_MAX;
	v->nr_blocks += blocks;
	zone_area_count(z, MM_ORDER_MAX, MIGRATE_MOVABLE, (int64_t)blocks);
}

static pfn_t virgin_take(struct zone *z)
{
	struct virgin *v = &z->virgin;
	struct pfn_range *r = &v->range[v->first];
	pfn_t pfn = (pfn_t)r->start;
	r->start += MM_TOP_PAGES;
	if (r->start == r->end)
		v->first++;
	v->nr_blocks--;
	zone_area_count(z, MM_ORDER_MAX, MIGRATE_MOVABLE, -1);
	return pfn;
}

/* Any block off one list; the list is not empty. Used blocks go before memory that was never used. */
static pfn_t area_pop(struct zone *z, unsigned order, enum migratetype mt)
{
	pfn_t pfn = z->area[order].list[mt].head;
	if (pfn)
		area_del(z, pfn);
	else
		pfn = virgin_take(z);
	return pfn;
}

struct page *zone_block_use(struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt)
{
	struct page *page = pfn_page(z->machine, pfn);
	WRITE_RELAXED(&page->state, (uint8_t)PAGE_USED);
	WRITE_RELAXED(&page->order, (uint8_t)order);
	page->migratetype = (uint8_t)mt;
	WRITE_RELAXED(&page->zone, z->id);
	page->lru = LRU_NONE;
	page->owner = 0;
	return page;
}

/* From the top: whoever comes across an entry sees a block or a tail of the one before it. */
void zone_block_split(struct zone *z, struct page *page, unsigned order)
{
	pfn_t start = page_pfn(z->machine, page);
	lock_take(&z->lock);
	DEBUG_ASSERT(page->state == PAGE_USED && page->order >= order);
	enum migratetype mt = (enum migratetype)page->migratetype;
	for (uint64_t at = 1ull << page->order; at;) {
		at -= 1ull << order;
		zone_block_use(z, (pfn_t)(start + at), order, mt);
	}
	lock_drop(&z->lock);
}

/* The low half is kept and the high half given back, which packs allocations toward low frames. */
struct page *buddy_take(struct zone *z, unsigned order, enum migratetype mt)
{
	unsigned fits = z->area_mask[mt] >> order;
	if (!fits || fault_fails(FAULT_BUDDY_TAKE))
		return NULL;

	unsigned found = order + (unsigned)__builtin_ctz(fits);
	pfn_t pfn = area_pop(z, found, mt);
	while (found-- > order)
		area_push(z, pfn + (1u << found), found, mt, false);
	return zone_block_use(z, pfn, order, mt);
}

/* The zone is asked before the order: another zone's block may change under that zone's lock. */
static bool page_is_free_block(const struct zone *z, const struct page *page, unsigned order)
{
	return READ_RELAXED(&page->state) == PAGE_BUDDY && READ_RELAXED(&page->zone) == z->id &&
	       page->order == order;
}

/* Blocks of a pageblock or more merge across types only if neither type is a reserve. */
static bool buddies_may_mix(const struct machine *m, pfn_t a, pfn_t b, unsigned order)
{
	if (order < m->pageblock_order)
		return true;
	enum migratetype ta = pageblock_type(m, a), tb = pageblock_type(m, b);
	return ta == tb || (ta < MIGRATE_PCPTYPES && tb < MIGRATE_PCPTYPES);
}

/* If the block above is likely to come together soon, this one waits at the tail. */
static bool merge_is_likely(const struct zone *z, pfn_t pfn, unsigned order)
{
	if (order >= MM_ORDER_MAX - 1)
		return false;
	pfn_t above = (pfn & ~(1u << order)) ^ (1u << (order + 1));
	return page_is_free_block(z, pfn_page(z->machine, above), order + 1);
}

void buddy_give(struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt)
{
	const struct machine *m = z->machine;
	WRITE_RELAXED(&pfn_page(m, pfn)->state, (uint8_t)PAGE_NONE);
	while (order < MM_ORDER_MAX) {
		pfn_t buddy = pfn ^ (1u << order);
		if (!page_is_free_block(z, pfn_page(m, buddy), order))
			break;
		if (UNLIKELY(!buddies_may_mix(m, pfn, buddy, order)))
			break;
		area_del(z, buddy);
		pfn &= buddy;
		order++;
	}
	area_push(z, pfn, order, mt, merge_is_likely(z, pfn, order));
}

void buddy_insert(struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt)
{
	area_push(z, pfn, order, mt, true);
}

void buddy_remove(struct zone *z, pfn_t pfn)
{
	ASSERT(pfn_page(z->machine, pfn)->state == PAGE_BUDDY);
	area_del(z, pfn);
}

void buddy_retype(struct zone *z, pfn_t pfn, enum migratetype mt)
{
	unsigned order = pfn_page(z->machine, pfn)->order;
	area_del(z, pfn);
	area_push(z, pfn, order, mt, true);
}

uint64_t zone_free_blocks(const struct zone *z, unsigned order)
{
	uint64_t blocks = 0;
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		blocks += READ_RELAXED(&z->area[order].nr_free[mt]);
	return blocks;
}

uint64_t zone_buddy_pages(const struct zone *z)
{
	uint64_t pages = 0;
	for (unsigned order = 0; order < MM_ORDERS; order++)
		pages += zone_free_blocks(z, order) << order;
	return pages;
}
