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

void lru_add_pages(struct cpu *c, struct page *const *page, unsigned nr, enum lru_list which)
{
	struct machine *m = c->machine;
	struct zone *z = page_zone(m, page[0]);
	struct lru *lru = &z->node->lru;
	for (unsigned i = 0; i < nr; i++) {
		DEBUG_ASSERT(page[i]->state == PAGE_USED && page[i]->lru == LRU_NONE);
		DEBUG_ASSERT(!page[i]->order && page[i]->zone == z->id);
		WRITE_RELAXED(&page[i]->lru, (uint8_t)which);
		page_list_push(m->map, &lru->list[which], page[i], page_pfn(m, page[i]));
	}
	WRITE_RELAXED(&lru->size[which], lru->size[which] + nr);
	node_stat_count(c, z->node, (enum node_stat)(NR_INACTIVE_ANON + which), nr);
	zone_stat_count(c, z, (enum zone_stat)(NR_ZONE_INACTIVE_ANON + which), nr);
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

/* Moving inside a list changes no counter. */
static void lru_place(struct cpu *c, struct page *page, enum lru_list to, bool cold)
{
	struct machine *m = c->machine;
	struct lru *lru = &page_zone(m, page)->node->lru;
	enum lru_list from = (enum lru_list)page->lru;
	pfn_t pfn = page_pfn(m, page);
	DEBUG_ASSERT(from < LRU_LISTS && to < LRU_LISTS);
	page_list_del(m->map, &lru->list[from], pfn);
	if (cold)
		page_list_add_tail(m->map, &lru->list[to], pfn);
	else
		page_list_add_head(m->map, &lru->list[to], pfn);
	if (from == to)
		return;
	lru_count(c, page, from, -1);
	WRITE_RELAXED(&page->lru, (uint8_t)to);
	lru_count(c, page, to, 1);
}

void lru_move(struct cpu *c, struct page *page, enum lru_list to)
{
	lru_place(c, page, to, false);
}

void lru_move_cold(struct cpu *c, struct page *page, enum lru_list to)
{
	lru_place(c, page, to, true);
}

/* `to` stands where the page stood; both of one node. */
static void list_swap(struct machine *m, struct page_list *l, const struct page *page, struct page *to)
{
	pfn_t pfn = page_pfn(m, to);
	to->next = page->next;
	to->prev = page->prev;
	if (to->prev)
		pfn_page(m, to->prev)->next = pfn;
	else
		l->head = pfn;
	if (to->next)
		pfn_page(m, to->next)->prev = pfn;
	else
		l->tail = pfn;
}

void lru_replace(struct cpu *c, struct page *page, struct page *to)
{
	struct machine *m = c->machine;
	struct node *n = page_node(m, page);
	enum lru_list which = (enum lru_list)page->lru;
	DEBUG_ASSERT(which < LRU_LISTS && to->lru == LRU_NONE && to->order == page->order);
	if (page_node(m, to) != n) {
		lru_del(c, page);
		lru_add(c, to, which);
		return;
	}
	list_swap(m, &n->lru.list[which], page, to);
	WRITE_RELAXED(&to->lru, (uint8_t)which);
	WRITE_RELAXED(&page->lru, (uint8_t)LRU_NONE);
	if (page->zone == to->zone)
		return;
	lru_count(c, page, which, -1);
	lru_count(c, to, which, 1);
}

struct node *lru_lock_move(struct node *held, struct node *wanted)
{
	if (held == wanted)
		return held;
	if (held)
		lock_drop(&held->lru.lock);
	if (wanted)
		lock_take(&wanted->lru.lock);
	return wanted;
}

uint64_t lru_pages(const struct node *n, enum lru_list which, unsigned type_mask)
{
	const struct machine *m = n->machine;
	unsigned all = (1u << m->nr_zone_types) - 1;
	uint64_t pages = 0;
	if ((type_mask & all) == all)
		return READ_RELAXED(&n->lru.size[which]);
	for (unsigned t = 0; t < m->nr_zone_types; t++) {
		if (!(type_mask & 1u << t))
			continue;
		int64_t sum = zone_stat_sum(n->zone[t], (enum zone_stat)(NR_ZONE_INACTIVE_ANON + which));
		pages += sum > 0 ? (uint64_t)sum : 0;
	}
	return pages;
}

bool lru_inactive_is_low(const struct lru *lru, enum lru_list inactive)
{
	uint64_t active_pages = READ_RELAXED(&lru->size[inactive + 1]);
	uint64_t pages = READ_RELAXED(&lru->size[inactive]);
	uint64_t gib = PAGES_TO_KB(pages + active_pages) >> 20;
	return pages * (gib ? isqrt64(10 * gib) : 1) < active_pages;
}
