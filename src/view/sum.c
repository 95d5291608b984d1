/* SPDX-License-Identifier: MIT */
/*
 * Counters over several zones or nodes. A negative one is printed as 0; 6.1
 * keeps machine-wide counters of their own, so there the sum is what is
 * clamped, while a node's value is the sum of clamped zones (mm/vmstat.c, 6.1).
 */
#include "view/views.h"

uint64_t snap_node_zone_sum(const struct snapshot *s, unsigned nid, enum zone_stat item)
{
	const struct node *n = &s->machine->node[nid];
	uint64_t sum = 0;
	for (unsigned type = 0; type < s->machine->nr_zone_types; type++)
		sum += snap_pages(s->zone[n->zone[type]->id].stat[item]);
	return sum;
}

uint64_t snap_node_numa_sum(const struct snapshot *s, unsigned nid, enum numa_stat item)
{
	const struct node *n = &s->machine->node[nid];
	uint64_t sum = s->node[nid].numa_base[item];
	for (unsigned type = 0; type < s->machine->nr_zone_types; type++)
		sum += s->zone[n->zone[type]->id].numa[item];
	return sum;
}

uint64_t snap_node_managed(const struct snapshot *s, unsigned nid)
{
	const struct node *n = &s->machine->node[nid];
	uint64_t sum = 0;
	for (unsigned type = 0; type < s->machine->nr_zone_types; type++)
		sum += s->zone[n->zone[type]->id].managed;
	return sum;
}

uint64_t snap_zone_sum(const struct snapshot *s, enum zone_stat item)
{
	int64_t sum = 0;
	FOR_EACH_POPULATED_ZONE(z, s->machine)
		sum += s->zone[z->id].stat[item];
	return snap_pages(sum);
}

uint64_t snap_numa_sum(const struct snapshot *s, enum numa_stat item)
{
	bool lags = s->machine->version->numa_lags;
	uint64_t sum = s->numa_base[item];
	FOR_EACH_POPULATED_ZONE(z, s->machine)
		sum += lags ? s->zone[z->id].numa_folded[item] : s->zone[z->id].numa[item];
	return sum;
}

uint64_t snap_node_sum(const struct snapshot *s, enum node_stat item)
{
	int64_t sum = 0;
	FOR_EACH_ONLINE_NODE(n, s->machine)
		sum += s->node[n->id].stat[item];
	return snap_pages(sum);
}

/* What 6.1 keeps back from everyone: per zone, its largest reserve and its high mark, no more than it has. */
uint64_t snap_reserve_pages(const struct snapshot *s)
{
	uint64_t sum = 0;
	FOR_EACH_POPULATED_ZONE(z, s->machine) {
		const struct zone_snap *snap = &s->zone[z->id];
		uint64_t most = 0;
		for (unsigned i = z->type; i < s->machine->nr_zone_types; i++)
			most = MAX(most, snap->lowmem_reserve[i]);
		sum += MIN(snap->managed, most + snap->watermark[WMARK_HIGH]);
	}
	return sum;
}

/* On a 32-bit machine Movable is made of high memory (is_highmem, 6.1). */
bool zone_is_high(const struct zone *z)
{
	return z->kind == ZONE_HIGHMEM || (z->kind == ZONE_MOVABLE && z->machine->bits == 32);
}
