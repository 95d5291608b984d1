/* SPDX-License-Identifier: MIT */
/*
 * vm.drop_caches (fs/drop_caches.c, 6.1): clean pages of files, and everything
 * that the shrinkers can let go. Dropping pages is not scanning: Linux
 * invalidates through the inodes, and no pgscan or pgsteal counter moves;
 * dropping slabs is shrinking at priority 0, and slabs_scanned grows.
 */

#include "mm/lru.h"
#include "mm/mark.h"
#include "mm/pcp.h"
#include "policy/policy.h"

#define CLUSTER 32u
#define TURN_PAGES ((uint64_t)CLUSTER * CLUSTER) /* freed in one turn of the CPU */

struct drop {
	struct policy *policy;
	struct cpu *cpu;
	struct node *node;
	uint64_t left; /* pages that were not looked at in this turn */
	uint64_t freed;
	uint32_t kinds; /* bit per owner kind that let go */
};

/* Pages that somebody maps stay (mapping_evict_folio). */
static bool page_goes(struct drop *d, struct page *page)
{
	unsigned kind = owner_kind(page->owner);
	const struct owner_ops *ops = kind < OWNER_KINDS ? d->policy->owner[kind] : NULL;
	if (!ops || !ops->release || (page->marks & MARK_MAPPED))
		return false;
	d->kinds |= 1u << kind;
	return ops->release(d->policy->owner_ctx, d->cpu, page, true) == PAGE_GOES;
}

/* LRU lock held. Pages that stay turn to the warm end. */
static unsigned cluster_take(struct drop *d, enum lru_list list, struct page **page)
{
	unsigned nr = 0;
	for (; nr < CLUSTER && d->left; d->left--) {
		struct page *tail = lru_tail(d->node, list);
		if (!tail)
			break;
		if (page_goes(d, tail)) {
			lru_del(d->cpu, tail);
			page[nr++] = tail;
		} else {
			lru_move(d->cpu, tail, list);
		}
	}
	return nr;
}

static void cluster_free(struct drop *d, struct page **page, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		page_unmark(d->cpu, page[i]);
	if (nr)
		node_stat_add(d->cpu, d->node, NR_FILE_PAGES, -(int)nr);
	pages_give_direct(d->cpu, page, nr);
	d->freed += nr;
}

static void owners_settle(struct drop *d)
{
	struct policy *p = d->policy;
	for (unsigned kind = 0; kind < OWNER_KINDS; kind++)
		if (d->kinds & 1u << kind && p->owner[kind] && p->owner[kind]->settle)
			p->owner[kind]->settle(p->owner_ctx, d->cpu);
	d->kinds = 0;
}

/* One turn of the CPU; false: every page of the list was looked at. */
static bool list_turn(struct drop *d, enum lru_list list)
{
	struct lru *lru = &d->node->lru;
	struct page *page[CLUSTER];
	uint64_t until = d->freed + TURN_PAGES;
	unsigned nr = 1;
	cpu_enter(d->cpu);
	while (nr && d->freed < until) {
		lock_take(&lru->lock);
		nr = cluster_take(d, list, page);
		lock_drop(&lru->lock);
		cluster_free(d, page, nr);
	}
	owners_settle(d);
	cpu_leave(d->cpu);
	return d->left && nr;
}

static uint64_t list_drop(struct policy *p, struct node *n, enum lru_list list)
{
	struct drop d = {
		.policy = p, .cpu = n->first_cpu, .node = n, .left = READ_RELAXED(&n->lru.size[list])
	};
	while (list_turn(&d, list))
		;
	return d.freed;
}

uint64_t reclaim_drop_pagecache(struct policy *p)
{
	struct machine *m = p->machine;
	uint64_t freed = 0;
	for (unsigned i = 0; i < m->nr_nodes; i++) {
		struct node *n = &m->node[i];
		if (!n->has_memory)
			continue;
		freed += list_drop(p, n, LRU_INACTIVE_FILE);
		freed += list_drop(p, n, LRU_ACTIVE_FILE);
		cpu_stat_fold(n->first_cpu);
	}
	return freed;
}

static uint64_t node_drop_slab(struct policy *p, struct node *n)
{
	cpu_enter(n->first_cpu);
	uint64_t freed = shrink_slab(p, n->first_cpu, n->id, 0);
	cpu_leave(n->first_cpu);
	return freed;
}

/* Round after round, each satisfied with twice as little as the one before. */
uint64_t reclaim_drop_slab(struct policy *p)
{
	struct machine *m = p->machine;
	uint64_t freed, sum = 0;
	unsigned shift = 0;
	do {
		freed = 0;
		for (unsigned i = 0; i < m->nr_nodes; i++)
			if (m->node[i].online)
				freed += node_drop_slab(p, &m->node[i]);
		sum += freed;
	} while (freed >> shift++ > 1);
	for (unsigned i = 0; i < m->nr_nodes; i++)
		if (m->node[i].online)
			cpu_stat_fold(m->node[i].first_cpu);
	return sum;
}
