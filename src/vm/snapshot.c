/* SPDX-License-Identifier: MIT */
/*
 * Copies of the machine's numbers for one rendering.
 *
 * It runs on every read of a view, so it takes no lock: every number that it
 * looks at is stored with relaxed atomics by its one writer, and numbers of
 * the same instant may be a request apart, as in 6.1, whose views read their
 * counters the same way. Slab caches come and go, so their list has a lock
 * (snapshot_slabs.c). (6.1 walks the free lists for pagetypeinfo under the
 * zone lock; here each list has its count.)
 *
 * What never changes while the machine runs (offline nodes, unpopulated zones)
 * is zero from snapshot_init on and is not copied again; marks of unpopulated
 * zones are, for zoneinfo prints them.
 */
#include "vm/snapshot.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

#define KSWAPD_FAILURES_MAX 16 /* 6.1: MAX_RECLAIM_RETRIES */

int snapshot_init(struct snapshot *s, const struct machine *m)
{
	*s = (struct snapshot){ .machine = m };
	s->zone = mem_zalloc(m->nr_zones * sizeof(*s->zone));
	s->node = mem_zalloc(m->nr_nodes * sizeof(*s->node));
	/* Mostly never touched: only populated zones and online CPUs are written. */
	s->pageset = mem_zalloc((size_t)m->nr_zones * m->nr_cpu_ids * sizeof(*s->pageset));
	if (s->zone && s->node && s->pageset)
		return 0;
	snapshot_fini(s);
	return -ENOMEM;
}

void snapshot_fini(struct snapshot *s)
{
	mem_free(s->zone);
	mem_free(s->node);
	mem_free(s->pageset);
	snapshot_fini_slabs(s);
	*s = (struct snapshot){ 0 };
}

static void marks_copy(struct zone_snap *to, const struct zone *z)
{
	to->managed = READ_RELAXED(&z->managed);
	for (unsigned i = 0; i < WMARK_NR; i++)
		to->watermark[i] = READ_RELAXED(&z->watermark[i]);
	to->boost = READ_RELAXED(&z->watermark_boost);
	for (unsigned i = 0; i < MM_ZONE_TYPES_MAX; i++)
		to->lowmem_reserve[i] = READ_RELAXED(&z->lowmem_reserve[i]);
	to->threshold = READ_RELAXED(&z->stat_threshold);
}

static void numa_copy(uint64_t to[NR_NUMA_STATS], const uint64_t from[NR_NUMA_STATS])
{
	for (unsigned i = 0; i < NR_NUMA_STATS; i++)
		to[i] = READ_RELAXED(&from[i]);
}

static void zone_stats_copy(struct zone_snap *to, const struct zone *z)
{
	const struct machine *m = z->machine;
	for (unsigned i = 0; i < NR_ZONE_STATS; i++)
		to->stat[i] = READ_RELAXED(&z->stat[i]);
	numa_copy(to->numa, z->numa_base);
	if (m->version->numa_lags)
		memcpy(to->numa_folded, to->numa, sizeof(to->numa_folded));
	for (unsigned cpu = 0; cpu < m->nr_cpu_ids; cpu++) {
		const struct cpu *c = &m->cpu[cpu];
		if (!c->online)
			continue;
		for (unsigned i = 0; i < NR_NUMA_STATS; i++)
			to->numa[i] += READ_RELAXED(&c->zone[z->id].numa[i]);
	}
}

static void free_copy(struct zone_snap *to, const struct zone *z)
{
	for (unsigned order = 0; order < MM_ORDERS; order++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
			to->free_blocks[order][mt] = READ_RELAXED(&z->area[order].nr_free[mt]);
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		to->pageblocks[mt] = READ_RELAXED(&z->nr_pageblocks[mt]);
}

static void pagesets_copy(struct pageset_snap *to, const struct zone *z)
{
	const struct machine *m = z->machine;
	for (unsigned cpu = 0; cpu < m->nr_cpu_ids; cpu++) {
		const struct cpu *c = &m->cpu[cpu];
		if (!c->online)
			continue;
		const struct pcp *pcp = &c->zone[z->id].pcp;
		to[cpu].count = READ_RELAXED(&pcp->count);
		to[cpu].high = READ_RELAXED(&pcp->high);
		to[cpu].batch = READ_RELAXED(&pcp->batch);
	}
}

static void zone_copy(struct snapshot *s, const struct zone *z, unsigned parts)
{
	struct zone_snap *to = &s->zone[z->id];
	if (parts & SNAP_ZONES)
		marks_copy(to, z);
	if (!zone_populated(z))
		return;
	if (parts & SNAP_ZONES)
		zone_stats_copy(to, z);
	if (parts & SNAP_FREE)
		free_copy(to, z);
	if (parts & SNAP_PAGESETS)
		pagesets_copy(s->pageset + (size_t)z->id * s->machine->nr_cpu_ids, z);
}

static void zones_copy(struct snapshot *s, unsigned parts)
{
	const struct machine *m = s->machine;
	if (parts & SNAP_ZONES)
		numa_copy(s->numa_base, m->numa_base);
	for (unsigned nid = 0; nid < m->nr_nodes; nid++) {
		const struct node *n = &m->node[nid];
		if (!n->online)
			continue;
		if (parts & SNAP_ZONES)
			numa_copy(s->node[nid].numa_base, n->numa_base);
		for (unsigned type = 0; type < m->nr_zone_types; type++)
			zone_copy(s, n->zone[type], parts);
	}
}

static void nodes_copy(struct snapshot *s)
{
	const struct machine *m = s->machine;
	s->buffer_pages = snap_pages(READ_RELAXED(&m->nr_buffer_pages));
	for (unsigned nid = 0; nid < m->nr_nodes; nid++) {
		const struct node *n = &m->node[nid];
		struct node_snap *to = &s->node[nid];
		if (!n->online)
			continue;
		for (unsigned i = 0; i < NR_NODE_STATS; i++)
			to->stat[i] = READ_RELAXED(&n->stat[i]);
		to->unreclaimable = READ_RELAXED(&n->kswapd_failures) >= KSWAPD_FAILURES_MAX;
	}
}

static void events_sum(struct snapshot *s)
{
	const struct machine *m = s->machine;
	for (unsigned e = 0; e < NR_VM_EVENTS; e++)
		s->event[e] = m->event_base[e];
	for (unsigned cpu = 0; cpu < m->nr_cpu_ids; cpu++) {
		const struct cpu *c = &m->cpu[cpu];
		if (!c->online)
			continue;
		for (unsigned e = 0; e < NR_VM_EVENTS; e++)
			s->event[e] += READ_RELAXED(&c->event[e]);
	}
}

static void hugetlb_copy(struct snapshot *s, const struct hugetlb *h, unsigned nr)
{
	s->hugetlb_all_pages = 0;
	for (unsigned i = 0; i < nr; i++)
		s->hugetlb_all_pages += READ_RELAXED(&h[i].nr) << h[i].order;
	s->hugetlb_order = h->order;
	s->hugetlb_max = READ_RELAXED(&h->max);
	s->hugetlb_nr = READ_RELAXED(&h->nr);
	s->hugetlb_free = READ_RELAXED(&h->nr_free);
	s->hugetlb_reserved = READ_RELAXED(&h->nr_reserved);
	s->hugetlb_surplus = READ_RELAXED(&h->nr_surplus);
	s->hugetlb_overcommit = READ_RELAXED(&h->nr_overcommit);
	for (unsigned nid = 0; nid < s->machine->nr_nodes; nid++) {
		const struct hugetlb_node *n = &h->node[nid];
		s->node[nid].hugetlb_nr = READ_RELAXED(&n->nr);
		s->node[nid].hugetlb_free = READ_RELAXED(&n->nr_free);
		s->node[nid].hugetlb_surplus = READ_RELAXED(&n->nr_surplus);
	}
}

static void dirty_copy(struct dirty_limits *to, const struct dirty_limits *from)
{
	to->ratio = READ_RELAXED(&from->ratio);
	to->background_ratio = READ_RELAXED(&from->background_ratio);
	to->bytes = READ_RELAXED(&from->bytes);
	to->background_bytes = READ_RELAXED(&from->background_bytes);
	to->highmem = READ_RELAXED(&from->highmem);
	to->expire_centisecs = READ_RELAXED(&from->expire_centisecs);
	to->writeback_centisecs = READ_RELAXED(&from->writeback_centisecs);
}

void snapshot_fill(struct snapshot *s, struct vm *vm, unsigned parts)
{
	dirty_copy(&s->dirty, &vm->dirty);
	if (parts & (SNAP_ZONES | SNAP_FREE | SNAP_PAGESETS))
		zones_copy(s, parts);
	if (parts & SNAP_NODES)
		nodes_copy(s);
	if (parts & SNAP_EVENTS)
		events_sum(s);
	if (parts & SNAP_HUGETLB)
		hugetlb_copy(s, vm->hugetlb, vm->nr_hugetlb);
	if (parts & SNAP_COMMIT) {
		s->committed_pages = snap_pages(READ_RELAXED(&vm->overcommit.committed_pages));
		s->commit_limit_pages = vm_commit_limit_pages(vm);
	}
	if (parts & SNAP_SLABS)
		snapshot_fill_slabs(s, &vm->slabs, parts & SNAP_HELD);
}
