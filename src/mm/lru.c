/* SPDX-License-Identifier: MIT */
/* LRU lists of a node and their counters: see lru.h. */

#include "mm/lru.h"

/* The five lists have their counters in list order, first in the node's items and second in the zone's. */
_Static_assert(NR_UNEVICTABLE - NR_INACTIVE_ANON == LRU_UNEVICTABLE, "node items follow enum lru_list");
_Static_assert(NR_ZONE_UNEVICTABLE - NR_ZONE_INACTIVE_ANON == LRU_UNEVICTABLE,
	       "zone items follow enum lru_list");

static void lru_count(struct cpu *c, struct page *page, enum lru_list which, int delta)
{
	struct zone *z = page_zone(c->machine, page);
	int pages = delta * (1 << page->order);
	WRITE_RELAXED(&z->node->lru.size[which], z->node->lru.size[which] + (uint64_t)(int64_t)pages);
	node_stat_add(c, z->node, (enum node_stat)(NR_INACTIVE_ANON + which), pages);
	zone_stat_add(c, z, (enum zone_stat)(NR_ZONE_INACTIVE_ANON + which), pages);
}

void lru_add(struct cpu *c, struct page *page, enum lru_list which)
{
	struct machine *m = c->machine;
	struct lru *lru = &page_zone(m, page)->node->lru;
	DEBUG_ASSERT(page->state == PAGE_USED && page->lru == LRU_NONE);
	WRITE_RELAXED(&page->lru, (uint8_t)which);
	page_list_add_head(m->map, &lru->list[which], page_pfn(m, page));
	lru_count(c, page, which, 1);
}

void lru_del(struct cpu *c, struct page *page)
{
	struct machine *m = c->machine;
	struct lru *lru = &page_zone(m, page)->node->lru;
	enum lru_list which = (enum lru_list)page->lru;
	DEBUG_ASSERT(which < LRU_LISTS);
	page_list_del(m->map, &lru->list[which], page_pfn(m, page));
	WRITE_RELAXED(&page->lru, (uint8_t)LRU_NONE);
	lru_count(c, page, which, -1);
}

struct page *lru_tail(struct node *n, enum lru_list which)
{
	pfn_t pfn = n->lru.list[which].tail;
	return pfn ? pfn_page(n->machine, pfn) : NULL;
}
