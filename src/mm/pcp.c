/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU page lists: see pcp.h. Everything here runs inside the CPU; the zone
 * lock is taken to move a batch. The count of free pages of the zone is kept
 * here, since it is a per-CPU counter: pages on these lists are not free in
 * the zone's books.
 *
 * A page on a list keeps the type of its pageblock in page->migratetype: that
 * is the free list it goes back to. Blocks of the highatomic reserve travel on
 * the MOVABLE list.
 */

#include "mm/pcp.h"

#include "mm/buddy.h"

#define PCP_HUGE (PCP_LISTS - 1)
#define TUNE_SHIFT 5 /* what is freed in a row counts up to 32 batches */
#define DECAY_PART 8 /* of high goes with every tick in which the CPU was used */
#define BATCHES_UNDER_RECLAIM 4 /* lists stay this short while the zone is being reclaimed */

static inline bool pcp_has_order(const struct machine *m, unsigned order)
{
	return m->pcp_orders >> order & 1;
}

static inline unsigned pcp_index(unsigned order, enum migratetype mt)
{
	if (UNLIKELY(order > MM_COSTLY_ORDER))
		return PCP_HUGE;
	return order * MIGRATE_PCPTYPES + mt;
}

static inline unsigned pcp_order(const struct machine *m, unsigned index)
{
	return index == PCP_HUGE ? m->pageblock_order : index / MIGRATE_PCPTYPES;
}

static void event_add_kind(struct cpu *c, const struct zone *z, unsigned first, uint64_t n)
{
	counter_add(&c->event[first + z->kind], n);
}

/* ---- Lists that tune themselves: high moves inside the zone's limits, which may have moved themselves ---- */

static void pcp_tune(const struct zone *z, struct pcp *pcp, int want)
{
	WRITE_RELAXED(&pcp->high,
		      CLAMP(want, READ_RELAXED(&z->pageset_high), READ_RELAXED(&z->pageset_high_max)));
}

/* A CPU that comes for more could have used longer lists, unless the zone is short of memory. */
static void pcp_tune_refill(struct cpu *c, const struct zone *z, struct pcp *pcp)
{
	int high = READ_RELAXED(&pcp->high) + READ_RELAXED(&pcp->batch);
	if (!c->machine->version->pageset_tunes)
		return;
	c->tuned = true;
	if (!READ_RELAXED(&pcp->reclaim_active))
		WRITE_RELAXED(&pcp->high, MIN(high, READ_RELAXED(&z->pageset_high_max)));
}

/* One that only frees needs lists as long as what it frees in a row; under reclaim they shrink by batches. */
static void pcp_tune_trim(struct cpu *c, const struct zone *z, struct pcp *pcp)
{
	int high = READ_RELAXED(&pcp->high), batch = READ_RELAXED(&pcp->batch);
	if (!c->machine->version->pageset_tunes)
		return;
	c->tuned = true;
	if (READ_RELAXED(&pcp->reclaim_active))
		high -= batch;
	else if (pcp->count >= high)
		high = MAX(high, (batch << MIN(pcp->free_factor, TUNE_SHIFT)) + batch);
	pcp_tune(z, pcp, high);
}

/* Move a batch of blocks from the zone to one list. */
static void pcp_refill(struct cpu *c, struct zone *z, struct pcp *pcp, unsigned order,
		       enum migratetype mt, bool nofragment)
{
	struct page *map = z->machine->map;
	int batch = READ_RELAXED(&pcp->batch);
	if (batch > 1)
		batch = MAX(batch >> order, 2);
	pcp_tune_refill(c, z, pcp);

	int taken = 0;
	lock_take(&z->lock);
	for (; taken < batch; taken++) {
		struct page *page = buddy_take_any(z, order, mt, nofragment);
		if (!page)
			break;
		WRITE_RELAXED(&page->state, (uint8_t)PAGE_PCP);
		page_list_add_tail(map, &pcp->list[pcp_index(order, mt)], (pfn_t)(page - map));
	}
	lock_drop(&z->lock);
	zone_stat_add(c, z, NR_FREE_PAGES, -(taken << order));
	WRITE_RELAXED(&pcp->count, pcp->count + (taken << order));
}

/*
 * A block goes back to the zone: to the list it came from, or where its pageblock
 * has been isolated meanwhile, to that one, where it does not count as free.
 * Returns pages that are free now. Zone lock. 6.1: free_pcppages_bulk, free_one_page.
 */
static int zone_give(struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt)
{
	if (UNLIKELY(z->nr_pageblocks[MIGRATE_ISOLATE]) || UNLIKELY(mt == MIGRATE_ISOLATE))
		mt = pageblock_type(z->machine, pfn);
	buddy_give(z, pfn, order, mt);
	return mt == MIGRATE_ISOLATE ? 0 : 1 << order;
}

/* Give `pages` back to the zone, coldest first, one list after the other beginning with `first`. */
static void pcp_release(struct cpu *c, struct zone *z, struct pcp *pcp, int pages, unsigned first)
{
	const struct machine *m = z->machine;
	int released = 0, counted = 0;
	pages = MIN(pages, pcp->count);

	lock_take(&z->lock);
	for (unsigned i = first; released < pages; i = (i + 1) % PCP_LISTS) {
		struct page_list *list = &pcp->list[i];
		unsigned order = pcp_order(m, i);
		while (list->tail && released < pages) {
			pfn_t pfn = list->tail;
			page_list_del(m->map, list, pfn);
			counted += zone_give(z, pfn, order, (enum migratetype)pfn_page(m, pfn)->migratetype);
			released += 1 << order;
		}
	}
	lock_drop(&z->lock);
	zone_stat_add(c, z, NR_FREE_PAGES, counted);
	WRITE_RELAXED(&pcp->count, pcp->count - released);
}

static struct page *pcp_take(struct cpu *c, struct zone *z, unsigned order, enum migratetype mt, bool nofragment)
{
	struct pcp *pcp = &c->zone[z->id].pcp;
	struct page_list *list = &pcp->list[pcp_index(order, mt)];

	pcp->free_factor >>= 1;
	if (UNLIKELY(!list->head)) {
		pcp_refill(c, z, pcp, order, mt, nofragment);
		if (!list->head)
			return NULL;
	}
	struct page *page = page_list_pop(z->machine->map, list);
	WRITE_RELAXED(&pcp->count, pcp->count - (1 << order));
	WRITE_RELAXED(&page->state, (uint8_t)PAGE_USED);
	WRITE_RELAXED(&page->order, (uint8_t)order);
	return page;
}

static struct page *zone_take_block(struct cpu *c, struct zone *z, unsigned order,
				    enum migratetype mt, unsigned take_flags)
{
	struct page *page = NULL;
	lock_take(&z->lock);
	if (order > 0 && (take_flags & TAKE_HIGHATOMIC))
		page = buddy_take(z, order, MIGRATE_HIGHATOMIC);
	if (!page)
		page = buddy_take_any(z, order, mt, take_flags & TAKE_NOFRAGMENT);
	lock_drop(&z->lock);
	if (page)
		zone_stat_add(c, z, NR_FREE_PAGES, -(1 << order));
	return page;
}

struct page *zone_take(struct cpu *c, struct zone *z, unsigned order, enum migratetype mt, unsigned take_flags)
{
	struct page *page = NULL;
	if (LIKELY(pcp_has_order(z->machine, order)))
		page = pcp_take(c, z, order, mt, take_flags & TAKE_NOFRAGMENT);
	if (UNLIKELY(!page) &&
	    (!pcp_has_order(z->machine, order) || (order > 0 && (take_flags & TAKE_HIGHATOMIC))))
		page = zone_take_block(c, z, order, mt, take_flags);
	if (LIKELY(page))
		event_add_kind(c, z, PGALLOC_FIRST, 1ull << order);
	return page;
}

/* How many pages to keep at most; high-order blocks freed in a row are not kept at all. */
static int pcp_keep(const struct pcp *pcp, bool drain)
{
	int high = READ_RELAXED(&pcp->high);
	if (!high || drain)
		return 0;
	if (!READ_RELAXED(&pcp->reclaim_active))
		return high;
	return MIN(READ_RELAXED(&pcp->batch) * BATCHES_UNDER_RECLAIM, high);
}

/* The longer a CPU only frees, the more it returns at a time. */
static int pcp_surplus(struct pcp *pcp, int high, bool drain)
{
	int batch = READ_RELAXED(&pcp->batch);
	if (drain)
		return pcp->count;
	if (high < batch)
		return 1;
	int least = batch, most = high - batch;
	batch <<= pcp->free_factor;
	if (batch < most)
		pcp->free_factor++;
	return CLAMP(batch, least, most);
}

/* The page was just pushed: let go of what is too much. */
static NOINLINE void pcp_trim(struct cpu *c, const struct page *page, unsigned order, unsigned index)
{
	struct zone *z = page_zone(c->machine, page);
	struct pcp *pcp = &c->zone[z->id].pcp;
	bool drain = pcp->free_factor && order && order <= MM_COSTLY_ORDER;
	pcp_tune_trim(c, z, pcp);
	int keep = pcp_keep(pcp, drain);
	if (pcp->count >= keep)
		pcp_release(c, z, pcp, pcp_surplus(pcp, keep, drain), index);
}

/* The page joins a list; what the lists hold then is for the caller to look at. */
static inline int pcp_push(struct page *map, struct pcp *pcp, struct page *page, pfn_t pfn,
			   unsigned order, enum migratetype mt, unsigned index)
{
	int count = pcp->count + (1 << order);
	WRITE_RELAXED(&page->state, (uint8_t)PAGE_PCP);
	WRITE_RELAXED(&page->order, (uint8_t)order);
	page->migratetype = (uint8_t)mt;
	page->owner = 0;
	page_list_push(map, &pcp->list[index], page, pfn);
	WRITE_RELAXED(&pcp->count, count);
	return count;
}

void page_give_block(struct cpu *c, struct page *page, unsigned order)
{
	struct machine *m = c->machine;
	struct zone *z = page_zone(m, page);
	pfn_t pfn = page_pfn(m, page);
	enum migratetype mt = pageblock_type(m, pfn);

	DEBUG_ASSERT(page->state == PAGE_USED && page->lru == LRU_NONE);
	counter_add(&c->event[PGFREE], 1ull << order);
	if (pcp_has_order(m, order) && mt != MIGRATE_ISOLATE) {
		unsigned index = pcp_index(order, mt < MIGRATE_PCPTYPES ? mt : MIGRATE_MOVABLE);
		pcp_push(m->map, &c->zone[z->id].pcp, page, pfn, order, mt, index);
		pcp_trim(c, page, order, index);
		return;
	}
	page->owner = 0;
	lock_take(&z->lock);
	int counted = zone_give(z, pfn, order, mt);
	lock_drop(&z->lock);
	zone_stat_add(c, z, NR_FREE_PAGES, counted);
}

void page_give_single(struct cpu *c, struct page *page)
{
	const struct machine *m = c->machine;
	struct page *map = m->map;
	pfn_t pfn = (pfn_t)(page - map);
	enum migratetype mt = pageblock_type(m, pfn);
	if (UNLIKELY(mt >= MIGRATE_PCPTYPES)) {
		page_give_block(c, page, 0);
		return;
	}
	DEBUG_ASSERT(page->state == PAGE_USED && page->lru == LRU_NONE);
	struct pcp *pcp = &c->zone[page->zone].pcp;
	int count = pcp_push(map, pcp, page, pfn, 0, mt, mt);
	counter_add(&c->event[PGFREE], 1);
	if (UNLIKELY(count >= READ_RELAXED(&pcp->high) || READ_RELAXED(&pcp->reclaim_active)))
		pcp_trim(c, page, 0, mt);
}

void pages_give_direct(struct cpu *c, struct page *const *page, unsigned nr)
{
	const struct machine *m = c->machine;
	for (unsigned i = 0; i < nr;) {
		struct zone *z = page_zone(m, page[i]);
		int given = 0;
		lock_take(&z->lock);
		for (; i < nr && page[i]->zone == z->id; i++) {
			pfn_t pfn = page_pfn(m, page[i]);
			page[i]->owner = 0;
			given += zone_give(z, pfn, 0, pageblock_type(m, pfn));
		}
		lock_drop(&z->lock);
		zone_stat_add(c, z, NR_FREE_PAGES, given);
	}
	counter_add(&c->event[PGFREE], nr);
}

void cpu_pcp_decay(struct cpu *c)
{
	if (!c->tuned)
		return;
	c->tuned = false;
	c->used = true; /* for the counters */
	FOR_EACH_POPULATED_ZONE(z, c->machine) {
		struct pcp *pcp = &c->zone[z->id].pcp;
		int high = READ_RELAXED(&pcp->high),
		    kept = pcp->count - (READ_RELAXED(&pcp->batch) << TUNE_SHIFT);
		if (high > READ_RELAXED(&z->pageset_high))
			pcp_tune(z, pcp, MAX(kept, high - high / DECAY_PART));
		if (high && pcp->count > READ_RELAXED(&pcp->high))
			pcp_release(c, z, pcp, pcp->count - READ_RELAXED(&pcp->high), 0);
	}
}

void cpu_drain_zone(struct cpu *c, struct zone *z)
{
	struct pcp *pcp = &c->zone[z->id].pcp;
	if (pcp->count)
		pcp_release(c, z, pcp, pcp->count, 0);
}

void cpu_drain(struct cpu *c)
{
	FOR_EACH_POPULATED_ZONE(z, c->machine)
		cpu_drain_zone(c, z);
}

void zone_drain(struct zone *z)
{
	MASK_FOR_EACH(id, &z->machine->cpus_online) {
		struct cpu *c = &z->machine->cpu[id];
		cpu_enter(c);
		cpu_drain_zone(c, z);
		cpu_leave(c);
	}
}

void machine_drain(struct machine *m)
{
	MASK_FOR_EACH(id, &m->cpus_online) {
		struct cpu *c = &m->cpu[id];
		cpu_enter(c);
		cpu_drain(c);
		cpu_leave(c);
	}
}
