/* SPDX-License-Identifier: MIT */
/*
 * Pageblocks: one byte of type for each, and each zone's counts by type as
 * pagetypeinfo prints them (mm/vmstat.c: pagetypeinfo_showblockcount_print,
 * mm/page_alloc.c: memmap_init_range, 6.1).
 *
 * A zone looks at one frame for each block: its first frame, and from there on
 * in steps of a block. It counts those that the kernel has entries for, which
 * on 64 bit are sections of 128 MiB with memory, and on 32 bit everything. So
 * a block that two zones share counts for both when each looks into it, and the
 * last block of a zone with odd edges may count for nobody. What starts in no
 * memory is Unmovable from boot on: the first block of a PC, and holes.
 *
 * Types are written under the lock of the zone that has the pages. Two zones
 * may do so at once in a block that they share, hence the exchange.
 */

#include "mm/buddy.h"

/* The kernel's knowledge of what is memory comes in pieces of this size; a 32-bit one has one flat array. */
static uint64_t section_pages(const struct machine *m)
{
	return m->bits == 64 ? 1ull << (27 - PAGE_SHIFT) : 1ull << 32;
}

static uint64_t zone_end_pfn(const struct zone *z)
{
	return z->start_pfn + z->spanned;
}

/* Is the frame that the zone looks at for this block in its span, and known to the kernel? */
static bool zone_counts_block(const struct zone *z, uint64_t block_start)
{
	uint64_t section = section_pages(z->machine);
	uint64_t pfn = block_start + z->start_pfn % (1ull << z->machine->pageblock_order);
	if (pfn < z->start_pfn || pfn >= zone_end_pfn(z))
		return false;
	for (unsigned i = 0; i < z->nr_ranges; i++)
		if (pfn >= ALIGN_DOWN(z->range[i].start, section) && pfn < ALIGN_UP(z->range[i].end, section))
			return true;
	return false;
}

static void zone_count_pageblock(struct zone *z, enum migratetype from, enum migratetype to)
{
	__atomic_fetch_sub(&z->nr_pageblocks[from], 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&z->nr_pageblocks[to], 1, __ATOMIC_RELAXED);
}

void pageblock_set_type(struct zone *z, pfn_t pfn, enum migratetype mt)
{
	struct machine *m = z->machine;
	uint8_t *byte = &m->pageblock[pfn >> m->pageblock_order];
	uint8_t was = __atomic_exchange_n(byte, (uint8_t)(mt ^ MIGRATE_MOVABLE), __ATOMIC_RELAXED);
	enum migratetype old = (enum migratetype)((was & PAGEBLOCK_TYPE) ^ MIGRATE_MOVABLE);
	if (was & (PAGEBLOCK_SKIP | PAGEBLOCK_BARE))
		__atomic_fetch_or(byte, (uint8_t)(was & ~PAGEBLOCK_TYPE), __ATOMIC_RELAXED);
	if (old == mt)
		return;

	uint64_t size = 1ull << m->pageblock_order, start = ALIGN_DOWN((uint64_t)pfn, size);
	if (start >= z->start_pfn && start + size <= zone_end_pfn(z)) {
		zone_count_pageblock(z, old, mt);
		return;
	}
	FOR_EACH_POPULATED_ZONE(other, m)
		if (zone_counts_block(other, start))
			zone_count_pageblock(other, old, mt);
}

void pageblock_set_skip(struct machine *m, pfn_t pfn, bool skip)
{
	uint8_t *byte = &m->pageblock[pfn >> m->pageblock_order];
	if (skip)
		__atomic_fetch_or(byte, PAGEBLOCK_SKIP, __ATOMIC_RELAXED);
	else if (READ_RELAXED(byte) & PAGEBLOCK_SKIP)
		__atomic_fetch_and(byte, (uint8_t)~PAGEBLOCK_SKIP, __ATOMIC_RELAXED);
}

uint64_t zone_count_pageblocks(const struct zone *z)
{
	uint64_t step = 1ull << z->machine->pageblock_order, section = section_pages(z->machine);
	uint64_t covered = z->start_pfn, blocks = 0;
	for (unsigned i = 0; i < z->nr_ranges; i++) {
		uint64_t a = MAX(ALIGN_DOWN(z->range[i].start, section), covered);
		uint64_t b = MIN(ALIGN_UP(z->range[i].end, section), zone_end_pfn(z));
		if (a >= b)
			continue;
		blocks += DIV_ROUND_UP(b - z->start_pfn, step) - DIV_ROUND_UP(a - z->start_pfn, step);
		covered = b;
	}
	return blocks;
}

static bool machine_has_frame(const struct machine *m, uint64_t pfn)
{
	FOR_EACH_POPULATED_ZONE(z, m)
		for (unsigned i = 0; i < z->nr_ranges; i++)
			if (pfn >= z->range[i].start && pfn < z->range[i].end)
				return true;
	return false;
}

static void pageblocks_mark(struct zone *z, uint64_t start, uint64_t end)
{
	for (uint64_t pfn = start; pfn < end; pfn += 1ull << z->machine->pageblock_order)
		if (!machine_has_frame(z->machine, pfn))
			pageblock_set_type(z, (pfn_t)pfn, MIGRATE_UNMOVABLE);
}

/* The hole before a range: of a large one only what shares a section with memory is known. */
void zone_mark_holes(struct zone *z)
{
	uint64_t size = 1ull << z->machine->pageblock_order, section = section_pages(z->machine);
	uint64_t from = ALIGN_DOWN(z->start_pfn, size);
	for (unsigned i = 0; i < z->nr_ranges; i++) {
		uint64_t to = z->range[i].start, known = ALIGN_UP(from, section);
		if (known < to)
			pageblocks_mark(z, from, known);
		pageblocks_mark(z, MAX(from, ALIGN_DOWN(ALIGN_DOWN(to, section), size)), to);
		from = ALIGN_UP(z->range[i].end, size);
	}
	pageblocks_mark(z, from, MIN(ALIGN_UP(from, section), zone_end_pfn(z)));
}

static bool page_in_zone(const struct zone *z, const struct page *page)
{
	return READ_RELAXED(&page->state) != PAGE_NONE && READ_RELAXED(&page->zone) == z->id;
}

/*
 * The frames that a move works on. As in 6.1, a block whose end is not the
 * zone's is not moved at all, and one whose start is not is moved from pfn on.
 */
static struct pfn_range pageblock_range(const struct zone *z, pfn_t pfn)
{
	uint64_t size = 1ull << z->machine->pageblock_order, start = ALIGN_DOWN((uint64_t)pfn, size);
	struct pfn_range r = { start, start + size };
	if (r.end > zone_end_pfn(z))
		r.end = r.start;
	else if (r.start < z->start_pfn)
		r.start = pfn;
	return r;
}

unsigned pageblock_move_free(struct zone *z, pfn_t pfn, enum migratetype mt)
{
	struct pfn_range r = pageblock_range(z, pfn);
	unsigned moved = 0;
	for (uint64_t at = r.start; at < r.end;) {
		struct page *page = pfn_page(z->machine, (pfn_t)at);
		if (!page_in_zone(z, page) || READ_RELAXED(&page->state) != PAGE_BUDDY) {
			at++;
			continue;
		}
		unsigned order = page->order;
		buddy_retype(z, (pfn_t)at, mt);
		moved += 1u << order;
		at += 1ull << order;
	}
	return moved;
}

unsigned pageblock_movable_pages(const struct zone *z, pfn_t pfn)
{
	struct pfn_range r = pageblock_range(z, pfn);
	unsigned pages = 0;
	for (uint64_t at = r.start; at < r.end; at++) {
		const struct page *page = pfn_page(z->machine, (pfn_t)at);
		if (page_in_zone(z, page) && READ_RELAXED(&page->state) == PAGE_USED &&
		    READ_RELAXED(&page->lru) != LRU_NONE)
			pages += 1u << READ_RELAXED(&page->order);
	}
	return pages;
}
