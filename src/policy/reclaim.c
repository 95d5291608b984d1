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
#include "mm/pcp.h"
#include "policy/policy.h"

#define CLUSTER 32u /* SWAP_CLUSTER_MAX */

struct scan {
	struct policy *policy;
	struct cpu *cpu;
	struct node *node;
	unsigned type_mask;
	uint64_t wanted; /* pages still to free */
	uint64_t budget; /* pages that may still be looked at */
	uint64_t scanned, freed;
};

static bool page_release(struct policy *p, struct page *page)
{
	const struct owner_ops *ops = p->owner[owner_kind(page->owner)];
	return ops && ops->release(p->owner_ctx, page);
}

/* 6.1: shrink_active_list, without reference bits: nothing maps these pages. */
static void active_shrink(struct scan *s, enum lru_list inactive)
{
	struct lru *lru = &s->node->lru;
	unsigned moved = 0;
	while (moved < CLUSTER && lru->size[inactive] < lru->size[inactive + 1]) {
		struct page *page = lru_tail(s->node, inactive + 1);
		lru_del(s->cpu, page);
		lru_add(s->cpu, page, inactive);
		moved++;
	}
	event_add(s->cpu, PGREFILL, moved);
	event_add(s->cpu, PGDEACTIVATE, moved);
}

/* Take one cluster off the inactive list; pages that stay are turned to the warm end. */
static unsigned cluster_isolate(struct scan *s, struct page **page)
{
	enum lru_list list = LRU_INACTIVE_FILE;
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
		if (wanted && page_release(s->policy, tail))
			page[taken++] = tail;
		else
			lru_add(s->cpu, tail, list);
	}
	return taken;
}

static void cluster_free(struct scan *s, struct page **page, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		node_stat_add(s->cpu, s->node, NR_FILE_PAGES, -1);
	pages_give_direct(s->cpu, page, nr);
	s->freed += nr;
	s->wanted -= nr;
}

static void scan_run(struct scan *s)
{
	struct lru *lru = &s->node->lru;
	struct page *page[CLUSTER];
	lock_take(&lru->lock);
	s->budget = lru->size[LRU_INACTIVE_FILE] + lru->size[LRU_ACTIVE_FILE];
	lock_drop(&lru->lock);
	while (s->wanted && s->budget) {
		lock_take(&lru->lock);
		active_shrink(s, LRU_INACTIVE_FILE);
		unsigned nr = cluster_isolate(s, page);
		bool empty = !lru->size[LRU_INACTIVE_FILE];
		lock_drop(&lru->lock);
		cluster_free(s, page, nr);
		if (!nr && empty)
			break;
	}
}

uint64_t reclaim_node(struct policy *p, struct cpu *c, struct node *n, uint64_t nr_pages,
		      unsigned type_mask, bool kswapd)
{
	struct scan s = {.policy = p, .cpu = c, .node = n, .type_mask = type_mask, .wanted = nr_pages};
	scan_run(&s);
	event_add(c, kswapd ? PGSCAN_KSWAPD : PGSCAN_DIRECT, s.scanned);
	event_add(c, PGSCAN_FILE, s.scanned);
	event_add(c, kswapd ? PGSTEAL_KSWAPD : PGSTEAL_DIRECT, s.freed);
	event_add(c, PGSTEAL_FILE, s.freed);
	if (s.freed)
		WRITE_RELAXED(&n->kswapd_failures, 0);
	return s.freed;
}

/* Dropping is not scanning: 6.1 invalidates through the inodes, and no pgscan or pgsteal counter moves. */
uint64_t reclaim_drop_pagecache(struct policy *p)
{
	struct machine *m = p->machine;
	uint64_t freed = 0;
	for (unsigned i = 0; i < m->nr_nodes; i++) {
		struct node *n = &m->node[i];
		uint64_t before = freed;
		do {
			struct scan s = {.policy = p, .cpu = n->first_cpu, .node = n, .type_mask = ~0u,
					 .wanted = CLUSTER * CLUSTER};
			if (!n->has_memory)
				break;
			before = freed;
			cpu_enter(s.cpu);
			scan_run(&s);
			cpu_leave(s.cpu);
			freed += s.freed;
		} while (freed != before);
		cpu_stat_fold(n->first_cpu);
	}
	return freed;
}
