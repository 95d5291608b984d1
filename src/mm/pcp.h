/* SPDX-License-Identifier: MIT */
#ifndef MM_PCP_H
#define MM_PCP_H

/*
 * Pages through the per-CPU lists: the common path touches no lock and no
 * shared line. Inside the CPU. Orders 0-3 and the pageblock order go through
 * the lists, others straight to the zone (mm/page_alloc.c: rmqueue_pcplist,
 * free_unref_page, 6.1).
 */

#include "mm/machine.h"

#define TAKE_HIGHATOMIC (1u << 0) /* may take from the highatomic reserve first (ALLOC_HARDER) */
#define TAKE_NOFRAGMENT (1u << 1)

/* Take 2^order pages of a zone; counts PGALLOC. NULL: none. The page is PAGE_USED, owner 0. */
struct page *zone_take(struct cpu *c, struct zone *z, unsigned order, enum migratetype mt,
		       unsigned take_flags);
/* The common case of it: a single page off a list that has one. NULL: take the long way. */
static inline struct page *pcp_take_single(struct cpu *c, struct pcp *pcp, enum zone_kind kind,
					   enum migratetype mt)
{
	struct page_list *list = &pcp->list[mt];
	if (UNLIKELY(!list->head))
		return NULL;
	struct page *page = page_list_pop(c->machine->map, list);
	pcp->free_factor >>= 1;
	WRITE_RELAXED(&pcp->count, pcp->count - 1);
	WRITE_RELAXED(&page->state, (uint8_t)PAGE_USED);
	counter_add(&c->event[PGALLOC_FIRST + kind], 1);
	return page;
}
/* Give an allocated block back; counts PGFREE. */
void page_give_single(struct cpu *c, struct page *page);
void page_give_block(struct cpu *c, struct page *page, unsigned order);
static inline void page_give(struct cpu *c, struct page *page, unsigned order)
{
	if (order)
		page_give_block(c, page, order);
	else
		page_give_single(c, page);
}
/* Give single pages straight back to their zones, past the lists (reclaim, in batches); counts PGFREE. */
void pages_give_direct(struct cpu *c, struct page *const *page, unsigned nr);
/* A tick has passed: where lists tune themselves, those of a busy CPU give some back. Inside c. 6.12: decay_pcp_high. */
void cpu_pcp_decay(struct cpu *c);
/*
 * Return this CPU's lists to the zones, or to one: 6.1 drain_pages, drain_pages_zone. All CPUs: drain_all_pages (enters
 * them one by one; the caller is in none).
 */
void cpu_drain(struct cpu *c);
void cpu_drain_zone(struct cpu *c, struct zone *z);
void machine_drain(struct machine *m);
void zone_drain(struct zone *z); /* what all CPUs keep of one zone; likewise */

#endif
