/* SPDX-License-Identifier: MIT */
/*
 * Reclaim of clean page cache (mm/vmscan.c, 6.1, as far as pages have owners).
 *
 * Pages come off the cold end of the node's inactive file list; when that is
 * the shorter one, cold active pages are moved to it first. Pages of zones
 * that are not wanted go back to the warm end, so one pass looks at every page
 * once. Lists are worked in clusters: under the LRU lock a cluster is taken
 * off the list and out of its owners' indices, then freed without the lock.
 */

#include "mm/lru.h"
#include "mm/mark.h"
#include "mm/pcp.h"
#include "policy/policy.h"

#define CLUSTER 32u /* SWAP_CLUSTER_MAX */

struct scan {
	struct policy *policy;
	struct cpu *cpu;
	struct node *node;
	unsigned type_mask;
	bool drop; /* vm.drop_caches: mapped pages stay */
	uint64_t wanted; /* pages still to free */
	uint64_t budget; /* pages that may still be looked at */
	uint64_t scanned, freed;
};

/* Invalidating takes no page that somebody maps; reclaim unmaps it first (6.1: mapping_evict_folio, try_to_unmap). */
static bool page_release(const struct scan *s, struct page *page)
{
	const struct owner_ops *ops = s->policy->owner[owner_kind(page->owner)];
	if (s->drop && (page->marks & MARK_MAPPED))
		return false;
	return ops && ops->release(s->policy->owner_ctx, s->cpu, page, s->drop) == PAGE_GOES;
}

/* 6.1: inactive_is_low. The larger the cache, the larger the part of it that may stay active. */
static bool inactive_is_low(const struct lru *lru, enum lru_list inactive)
{
	uint64_t active_pages = lru->size[inactive + 1], pages = lru->size[inactive];
	uint64_t gib = PAGES_TO_KB(pages + active_pages) >> 20;
	return pages * (gib ? isqrt64(10 * gib) : 1) < active_pages;
}

/* 6.1: shrink_active_list, without reference bits: nothing maps these pages. */
static void active_shrink(struct scan *s, enum lru_list inactive)
{
	struct lru *lru = &s->node->lru;
	unsigned moved = 0;
	while (moved < CLUSTER && inactive_is_low(lru, inactive)) {
		struct page *page = lru_tail(s->node, inactive + 1);
		lru_del(s->cpu, page);
		lru_add(s->cpu, page, inactive);
		moved++;
	}
	event_add(s->cpu, PGREFILL, moved);
	event_add(s->cpu, PGDEACTIVATE, moved);
}

/* Take one cluster off a list; pages that stay are turned to the warm end. */
static unsigned cluster_isolate(struct scan *s, struct page **page, enum lru_list list)
{
	unsigned taken = 0;
	while (taken < CLUSTER && taken < s->wanted && s->budget) {
		struct page *tail = lru_tail(s->node, list);
		if (!tail)
			break;
		struct zone *z = page_zone(s->policy->machine, tail);
		bool wanted = s->type_mask & (1u << z->type);
		s->budget--;
		s->scanned += wanted;
		lru_del(s->cpu, tail);
		if (!wanted)
			event_add(s->cpu, (enum vm_event)(PGSKIP_FIRST + z->kind), 1);
		if (wanted && page_release(s, tail))
			page[taken++] = tail;
		else
			lru_add(s->cpu, tail, list);
	}
	return taken;
}

static void cluster_free(struct scan *s, struct page **page, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		page_unmark(s->cpu, page[i]);
		node_stat_add(s->cpu, s->node, NR_FILE_PAGES, -1);
	}
	pages_give_direct(s->cpu, page, nr);
	s->freed += nr;
	s->wanted -= nr;
}

/* One list as it stands, each page once. */
static void scan_list(struct scan *s, enum lru_list list)
{
	struct lru *lru = &s->node->lru;
	struct page *page[CLUSTER];
	bool empty = false;
	s->budget = READ_RELAXED(&lru->size[list]);
	while (s->wanted && s->budget && !empty) {
		lock_take(&lru->lock);
		unsigned nr = cluster_isolate(s, page, list);
		empty = !lru->size[list];
		lock_drop(&lru->lock);
		cluster_free(s, page, nr);
	}
}

static void scan_run(struct scan *s)
{
	struct lru *lru = &s->node->lru;
	struct page *page[CLUSTER];
	bool stuck = false;
	lock_take(&lru->lock);
	s->budget = lru->size[LRU_INACTIVE_FILE] + lru->size[LRU_ACTIVE_FILE];
	lock_drop(&lru->lock);
	while (s->wanted && s->budget) {
		lock_take(&lru->lock);
		active_shrink(s, LRU_INACTIVE_FILE);
		unsigned nr = cluster_isolate(s, page, LRU_INACTIVE_FILE);
		bool empty = !lru->size[LRU_INACTIVE_FILE];
		lock_drop(&lru->lock);
		cluster_free(s, page, nr);
		stuck = !nr;
		if (!nr && empty)
			break;
	}
	if (stuck) /* behind pages that nobody lets go, the active list is never short of inactive ones */
		scan_list(s, LRU_ACTIVE_FILE);
}

uint64_t reclaim_node(struct policy *p, struct cpu *c, struct node *n, uint64_t nr_pages,
		      unsigned type_mask, bool kswapd)
{
	struct scan s = { .policy = p, .cpu = c, .node = n, .type_mask = type_mask, .wanted = nr_pages };
	scan_run(&s);
	event_add(c, kswapd ? PGSCAN_KSWAPD : PGSCAN_DIRECT, s.scanned);
	event_add(c, PGSCAN_FILE, s.scanned);
	event_add(c, kswapd ? PGSTEAL_KSWAPD : PGSTEAL_DIRECT, s.freed);
	event_add(c, PGSTEAL_FILE, s.freed);
	if (s.freed)
		WRITE_RELAXED(&n->kswapd_failures, 0);
	return s.freed;
}

/* Page after page in turns of the CPU; the last turn finds nothing more. */
static uint64_t node_drop(struct policy *p, struct node *n, enum lru_list list)
{
	uint64_t freed = 0, last;
	do {
		struct scan s = { .policy = p,
				  .cpu = n->first_cpu,
				  .node = n,
				  .type_mask = ~0u,
				  .drop = true,
				  .wanted = (uint64_t)CLUSTER * CLUSTER };
		cpu_enter(s.cpu);
		scan_list(&s, list);
		cpu_leave(s.cpu);
		last = s.freed;
		freed += last;
	} while (last);
	return freed;
}

/* Dropping is not scanning: 6.1 invalidates through the inodes, and no pgscan or pgsteal counter moves. */
uint64_t reclaim_drop_pagecache(struct policy *p)
{
	struct machine *m = p->machine;
	uint64_t freed = 0;
	for (unsigned i = 0; i < m->nr_nodes; i++) {
		struct node *n = &m->node[i];
		if (!n->has_memory)
			continue;
		freed += node_drop(p, n, LRU_INACTIVE_FILE);
		freed += node_drop(p, n, LRU_ACTIVE_FILE);
		cpu_stat_fold(n->first_cpu);
	}
	return freed;
}
