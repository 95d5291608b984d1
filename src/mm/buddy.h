/* SPDX-License-Identifier: MIT */
#ifndef MM_BUDDY_H
#define MM_BUDDY_H

/*
 * The buddy system of one zone: free lists by order and migrate type, blocks
 * split low half first and merged with their buddies as they come back
 * (mm/page_alloc.c, 6.1). All functions need the zone's lock; counts
 * (area[].nr_free, nr_pageblocks) may be read without it.
 */

#include "mm/machine.h"

/* Boot: [start, end) of whole top-order blocks is free and was never used. Ascending calls; a slot in z->virgin.range is there. */
void virgin_add(struct zone *z, uint64_t start, uint64_t end);

/*
 * Any part of what was never used (mm/virgin.c). Cut the first of it inside [start, end) out: false, there is none. Cutting a
 * range in two needs room for one more, and so may joining one. Boundaries are those of top-order blocks. Blocks
 * that were cut out are the caller's, and not counted as free any more by any list.
 */
bool virgin_cut(struct zone *z, uint64_t start, uint64_t end, struct pfn_range *part);
void virgin_join(struct zone *z, uint64_t start, uint64_t end);
bool virgin_has_room(const struct zone *z);
MUST_CHECK int virgin_make_room(struct zone *z); /* takes the zone lock itself; others may use the room up. 0 or -ENOMEM */
bool virgin_has(const struct zone *z, uint64_t pfn);

/* Blocks more or fewer of an order and type, which no list has: for memory that was never used. */
void zone_area_count(struct zone *z, unsigned order, enum migratetype mt, int64_t delta);
/* A free block that was just taken off its list, or was never used, becomes a used one. */
struct page *zone_block_use(struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt);
/* A used block becomes such blocks of a lower order, nobody's; bytes stay where they are. Takes the zone lock. */
void zone_block_split(struct zone *z, struct page *page, unsigned order);

/* Take 2^order pages of this type from its own lists. NULL: no block is large enough. */
struct page *buddy_take(struct zone *z, unsigned order, enum migratetype mt);

/*
 * The same, and failing that, steal from another type as 6.1 does: the largest
 * block of a fallback type, and its whole pageblock when that is worth it
 * (mm/fallback.c). nofragment: only blocks of pageblock size or more may be
 * stolen. A steal that mixes types raises the zone's watermark boost and sets
 * z->boosted, for whoever may wake kswapd.
 */
struct page *buddy_take_any(struct zone *z, unsigned order, enum migratetype mt, bool nofragment);

/* Is there a block of the order or above, of this type, or of one whose pageblock a request of the type would take over? */
bool zone_has_claimable(const struct zone *z, unsigned order, enum migratetype mt);

/* Give a block back; merges upward. mt: the list it goes to (normally the pageblock's type). */
void buddy_give(struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt);

/* Put a block on its list as it is, without merging (import). */
void buddy_insert(struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt);

/* Move a free block to the lists of another type. */
void buddy_retype(struct zone *z, pfn_t pfn, enum migratetype mt);

/* Take one given free block off its list (no split). The page is the head of a PAGE_BUDDY block. */
void buddy_remove(struct zone *z, pfn_t pfn);

uint64_t zone_free_blocks(const struct zone *z, unsigned order); /* all types */
uint64_t zone_buddy_pages(const struct zone *z); /* sum over orders, as buddyinfo adds up */

#define PAGEBLOCK_TYPE 0x07u
#define PAGEBLOCK_BARE 0x40u /* in use since import, without entries: see mm/import.h */
#define PAGEBLOCK_SKIP 0x80u /* compaction has looked at it in vain (PB_migrate_skip) */

static inline enum migratetype pageblock_type(const struct machine *m, pfn_t pfn)
{
	uint8_t byte = READ_RELAXED(&m->pageblock[pfn >> m->pageblock_order]);
	return (enum migratetype)((byte & PAGEBLOCK_TYPE) ^ MIGRATE_MOVABLE);
}
static inline bool pageblock_bare(const struct machine *m, pfn_t pfn)
{
	return READ_RELAXED(&m->pageblock[pfn >> m->pageblock_order]) & PAGEBLOCK_BARE;
}
static inline bool pageblock_skip(const struct machine *m, pfn_t pfn)
{
	return READ_RELAXED(&m->pageblock[pfn >> m->pageblock_order]) & PAGEBLOCK_SKIP;
}
void pageblock_set_skip(struct machine *m, pfn_t pfn, bool skip); /* no lock: atomic */
void pageblock_set_type(struct zone *z, pfn_t pfn, enum migratetype mt);
/* Move the free blocks of pfn's pageblock to mt's lists; returns pages moved. 6.1: move_freepages_block. */
unsigned pageblock_move_free(struct zone *z, pfn_t pfn, enum migratetype mt);
/* Pages of the pageblock in use that could be moved away: those on an LRU list. */
unsigned pageblock_movable_pages(const struct zone *z, pfn_t pfn);
/* Boot. How many blocks pagetypeinfo counts in the zone; and those that begin in no memory become Unmovable (all zones counted). */
uint64_t zone_count_pageblocks(const struct zone *z);
void zone_mark_holes(struct zone *z);

/* Highatomic reserve, 6.1: reserve_highatomic_pageblock / unreserve_highatomic_pageblock. They take the zone lock themselves. */
void zone_reserve_highatomic(struct zone *z, struct page *page);
/* mt: of the request that is in need, the block becomes that. Without force the last reserved block is kept. Did one go back? */
bool zone_unreserve_highatomic(struct zone *z, enum migratetype mt, bool force);

#endif
