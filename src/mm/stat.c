/* SPDX-License-Identifier: MIT */
/*
 * Counters: names, per-CPU differences, folding. See stat.h.
 *
 * A difference belongs to its CPU and is an int8_t; the global value is
 * atomic because several CPUs fold into it. Nothing here takes a lock except
 * the folding of other CPUs, which enters them.
 */

#include "mm/stat.h"

#include "mm/machine.h"
#include "mm/pcp.h"

#include <stdio.h>
#include <string.h>

const char *const migratetype_name[MIGRATE_TYPES] = {
	"Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate",
};

const char *const zone_kind_name[ZONE_KINDS] = {
	"DMA", "DMA32", "Normal", "HighMem", "Movable", "Device",
};

static const char *const event_kind_suffix[ZONE_KINDS] = {
	"dma", "dma32", "normal", "high", "movable", "device",
};

#define STAT_NAME(id, name) [id] = name,
#define STAT_NAME_V(id, name, kernels) [id] = name,
const char *const zone_stat_name[NR_ZONE_STATS] = { ZONE_STATS(STAT_NAME, STAT_NAME_V) };
const char *const node_stat_name[NR_NODE_STATS] = { NODE_STATS(STAT_NAME, STAT_NAME_V, STAT_NAME_V) };

#define STAT_EVERYWHERE(id, name) [id] = 0,
#define STAT_KERNELS(id, name, kernels) [id] = kernels,
const uint32_t zone_stat_kernels[NR_ZONE_STATS] = { ZONE_STATS(STAT_EVERYWHERE, STAT_KERNELS) };
const uint32_t node_stat_kernels[NR_NODE_STATS] = { NODE_STATS(STAT_EVERYWHERE, STAT_KERNELS, STAT_KERNELS) };

#define STAT_ANY(id, ...) [id] = false,
#define STAT_NUMA(id, ...) [id] = true,
static const bool node_stat_numa[NR_NODE_STATS] = { NODE_STATS(STAT_ANY, STAT_ANY, STAT_NUMA) };

#define NUMA_NAME(id, zoneinfo, numastat) [id] = zoneinfo,
#define NUMASTAT_NAME(id, zoneinfo, numastat) [id] = numastat,
const char *const numa_stat_name[NR_NUMA_STATS] = { NUMA_STATS(NUMA_NAME) };
const char *const numastat_name[NR_NUMA_STATS] = { NUMA_STATS(NUMASTAT_NAME) };

#define EVENT_X(id, text) [id] = { text, EVENT_ALWAYS, 0, 0 },
#define EVENT_N(id, text) [id] = { text, EVENT_NUMA, 0, 0 },
#define EVENT_B(id, text) [id] = { text, EVENT_64BIT, 0, 0 },
#define EVENT_V(id, text, scope, kernels) [id] = { text, scope, 0, kernels },
#define EVENT_Y(id, text)                                                                          \
	[id##_FIRST + ZONE_DMA] = { text, EVENT_ZONE_KIND, ZONE_DMA, 0 },                          \
		      [id##_FIRST + ZONE_DMA32] = { text, EVENT_ZONE_KIND, ZONE_DMA32, 0 },        \
		      [id##_FIRST + ZONE_NORMAL] = { text, EVENT_ZONE_KIND, ZONE_NORMAL, 0 },      \
		      [id##_FIRST + ZONE_HIGHMEM] = { text, EVENT_ZONE_KIND, ZONE_HIGHMEM, 0 },    \
		      [id##_FIRST + ZONE_MOVABLE] = { text, EVENT_ZONE_KIND, ZONE_MOVABLE, 0 },    \
		      [id##_FIRST + ZONE_DEVICE] = { text, EVENT_ZONE_KIND, ZONE_DEVICE, 0 },
const struct vm_event_info vm_event_info[NR_VM_EVENTS] = { VM_EVENTS(EVENT_X, EVENT_Y, EVENT_N,
								     EVENT_B, EVENT_V) };

const char *vm_event_name(enum vm_event e, char *buf)
{
	const struct vm_event_info *info = &vm_event_info[e];
	if (info->scope != EVENT_ZONE_KIND)
		return info->name;
	snprintf(buf, 64, "%s_%s", info->name, event_kind_suffix[info->kind]);
	return buf;
}

static bool machine_has_kind(const struct machine *m, enum zone_kind kind)
{
	for (unsigned t = 0; t < m->nr_zone_types; t++)
		if (m->kind[t] == kind)
			return true;
	return false;
}

bool zone_stat_shown(const struct machine *m, enum zone_stat s)
{
	return kernels_have(zone_stat_kernels[s], m->version);
}

bool node_stat_shown(const struct machine *m, enum node_stat s)
{
	return kernels_have(node_stat_kernels[s], m->version) && (m->numa || !node_stat_numa[s]);
}

bool vm_event_shown(const struct machine *m, enum vm_event e)
{
	const struct vm_event_info *info = &vm_event_info[e];
	if (!kernels_have(info->kernels, m->version))
		return false;
	switch (info->scope) {
	case EVENT_ZONE_KIND:
		return machine_has_kind(m, (enum zone_kind)info->kind) &&
		       (info->kind != ZONE_DEVICE || m->version->device_events);
	case EVENT_NUMA:
		return m->numa;
	case EVENT_64BIT:
		return m->bits == 64;
	default:
		return true;
	}
}

void shown_stats_list(struct shown_stats *shown, const struct machine *m)
{
	*shown = (struct shown_stats){ .nr_numa = m->numa ? NR_NUMA_STATS : 0 };
	for (unsigned i = 0; i < NR_ZONE_STATS; i++)
		if (zone_stat_shown(m, (enum zone_stat)i))
			shown->zone[shown->nr_zone++] = (uint8_t)i;
	for (unsigned i = 0; i < NR_NODE_STATS; i++)
		if (node_stat_shown(m, (enum node_stat)i))
			shown->node[shown->nr_node++] = (uint8_t)i;
	for (unsigned i = 0; i < NR_VM_EVENTS; i++)
		if (vm_event_shown(m, (enum vm_event)i))
			shown->event[shown->nr_event++] = (uint16_t)i;
}

/* Add to a difference; past the threshold all of it moves to the global value. */
static inline void diff_add(int8_t *diff, int64_t *global, int threshold, int delta)
{
	int x = READ_RELAXED(diff) + delta;
	if (UNLIKELY(x > threshold || x < -threshold)) {
		__atomic_fetch_add(global, x, __ATOMIC_RELAXED);
		x = 0;
	}
	WRITE_RELAXED(diff, (int8_t)x);
}

void zone_stat_add(struct cpu *c, struct zone *z, enum zone_stat s, int delta)
{
	diff_add(&c->zone[z->id].diff[s], &z->stat[s], READ_RELAXED(&z->stat_threshold), delta);
}

void node_stat_add(struct cpu *c, struct node *n, enum node_stat s, int delta)
{
	diff_add(&c->per_node[n->id].diff[s], &n->stat[s], READ_RELAXED(&n->stat_threshold), delta);
}

/* After the first one the difference is not past the threshold; from then on it is folded whenever it is one past that. */
static void diff_count(int8_t *diff, int64_t *global, int threshold, unsigned nr)
{
	if (!nr)
		return;
	diff_add(diff, global, threshold, 1);
	int64_t x = (int64_t)READ_RELAXED(diff) + nr - 1;
	int64_t folded = x > threshold ? x - x % (threshold + 1) : 0;
	if (folded)
		__atomic_fetch_add(global, folded, __ATOMIC_RELAXED);
	WRITE_RELAXED(diff, (int8_t)(x - folded));
}

void zone_stat_count(struct cpu *c, struct zone *z, enum zone_stat s, unsigned nr)
{
	diff_count(&c->zone[z->id].diff[s], &z->stat[s], READ_RELAXED(&z->stat_threshold), nr);
}

void node_stat_count(struct cpu *c, struct node *n, enum node_stat s, unsigned nr)
{
	diff_count(&c->per_node[n->id].diff[s], &n->stat[s], READ_RELAXED(&n->stat_threshold), nr);
}

void event_add(struct cpu *c, enum vm_event e, uint64_t delta)
{
	counter_add(&c->event[e], delta);
}

void pagetable_stat_add(struct cpu *c, const struct page *table, int delta)
{
	struct zone *z = page_zone(c->machine, table);
	zone_stat_add(c, z, NR_ZONE_PAGETABLE, delta);
	node_stat_add(c, z->node, NR_PAGETABLE, delta);
}

static uint64_t stat_shown(const int64_t *global)
{
	int64_t x = READ_RELAXED(global);
	return x < 0 ? 0 : (uint64_t)x;
}

uint64_t zone_stat_read(const struct zone *z, enum zone_stat s)
{
	return stat_shown(&z->stat[s]);
}

uint64_t node_stat_read(const struct node *n, enum node_stat s)
{
	return stat_shown(&n->stat[s]);
}

int64_t zone_stat_sum(const struct zone *z, enum zone_stat s)
{
	const struct machine *m = z->machine;
	int64_t sum = READ_RELAXED(&z->stat[s]);
	MASK_FOR_EACH(cpu, &m->cpus_online)
		sum += READ_RELAXED(&m->cpu[cpu].zone[z->id].diff[s]);
	return sum;
}

int64_t node_stat_sum(const struct node *n, enum node_stat s)
{
	const struct machine *m = n->machine;
	int64_t sum = READ_RELAXED(&n->stat[s]);
	MASK_FOR_EACH(cpu, &m->cpus_online)
		sum += READ_RELAXED(&m->cpu[cpu].per_node[n->id].diff[s]);
	return sum;
}

static void diffs_fold(int8_t *diff, int64_t *global, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		int8_t x = READ_RELAXED(&diff[i]);
		if (!x)
			continue;
		__atomic_fetch_add(&global[i], x, __ATOMIC_RELAXED);
		WRITE_RELAXED(&diff[i], 0);
	}
}

/* Only where somebody can see whether they are folded. */
static void numa_fold(uint64_t numa[NR_NUMA_STATS], struct zone *z)
{
	for (unsigned i = 0; i < NR_NUMA_STATS; i++) {
		uint64_t x = READ_RELAXED(&numa[i]);
		if (!x)
			continue;
		__atomic_fetch_add(&z->numa_base[i], x, __ATOMIC_RELAXED);
		WRITE_RELAXED(&numa[i], 0);
	}
}

static void cpu_fold(struct cpu *c)
{
	struct machine *m = c->machine;
	FOR_EACH_POPULATED_ZONE(z, m) {
		diffs_fold(c->zone[z->id].diff, z->stat, NR_ZONE_STATS);
		if (m->version->numa_lags)
			numa_fold(c->zone[z->id].numa, z);
	}
	for (unsigned n = 0; n < m->nr_nodes; n++)
		if (m->node[n].online)
			diffs_fold(c->per_node[n].diff, m->node[n].stat, NR_NODE_STATS);
	c->used = false;
}

void cpu_stat_fold(struct cpu *c)
{
	cpu_enter(c);
	cpu_fold(c);
	cpu_leave(c);
}

void machine_stat_fold(struct machine *m)
{
	MASK_FOR_EACH(cpu, &m->cpus_online)
		cpu_stat_fold(&m->cpu[cpu]);
}

void machine_stat_tick(struct machine *m)
{
	MASK_FOR_EACH(id, &m->cpus_online) {
		struct cpu *c = &m->cpu[id];
		bias_take(&c->lock);
		cpu_pcp_decay(c);
		if (c->used)
			cpu_fold(c);
		bias_drop(&c->lock);
	}
}

static void numa_clear(uint64_t numa[NR_NUMA_STATS])
{
	for (unsigned i = 0; i < NR_NUMA_STATS; i++)
		WRITE_RELAXED(&numa[i], 0);
}

void machine_numa_clear(struct machine *m)
{
	MASK_FOR_EACH(id, &m->cpus_online) {
		struct cpu *c = &m->cpu[id];
		cpu_enter(c);
		FOR_EACH_POPULATED_ZONE(z, m)
			numa_clear(c->zone[z->id].numa);
		cpu_leave(c);
	}
	FOR_EACH_POPULATED_ZONE(z, m)
		numa_clear(z->numa_base);
	for (unsigned n = 0; n < m->nr_nodes; n++)
		numa_clear(m->node[n].numa_base);
	numa_clear(m->numa_base);
}
