/* SPDX-License-Identifier: MIT */
/*
 * Counters as they were printed. Where pages stand behind a counter, the
 * difference to what is printed goes into the CPUs' own differences, as it had
 * been on the captured machine, and is gone with the next folding; where none
 * do (events of the past, transient states), the printed value is the value.
 *
 * The kernel's own memory has no zone in a capture: it is taken to be in the
 * highest zone of the node that the kernel can use, then in those below.
 */
#include "daemon/import_slab.h"
#include "daemon/import_use.h"
#include "mm/import.h"
#include "vm/vm.h"

#define UNRECLAIMABLE_FAILURES 16 /* runs of kswapd that freed nothing */

/*
 * What one CPU's difference may be at most, whatever the threshold is at the
 * moment. Files are read line by line, and a busy machine moves pages meanwhile.
 */
#define DIFF_MOST 125

static bool list_item(unsigned item, unsigned first)
{
	return item >= first && item < first + LRU_LISTS;
}

/* Items that say no more than how many pages there are: here a difference is one of the CPUs'. */
static bool node_item_counts(unsigned item)
{
	switch (item) {
	case NR_ANON_MAPPED:
	case NR_FILE_PAGES:
	case NR_FILE_MAPPED:
	case NR_FILE_DIRTY:
	case NR_WRITEBACK:
	case NR_SHMEM:
	case NR_ISOLATED_ANON: /* those pages stand on their list */
	case NR_ISOLATED_FILE:
	case NR_SLAB_RECLAIMABLE:
	case NR_SLAB_UNRECLAIMABLE:
		return true;
	default:
		return list_item(item, NR_INACTIVE_ANON);
	}
}

/* Items that are what was placed: lists, and slabs, which all have pages. */
static bool node_item_exact(unsigned item)
{
	return list_item(item, NR_INACTIVE_ANON) || item == NR_SLAB_RECLAIMABLE ||
	       item == NR_SLAB_UNRECLAIMABLE;
}

struct printed {
	int64_t value, sum;
};

/* A value to print, and the sum behind it. Of lists the sum is what it is; elsewhere we may lack pages. */
static struct printed printed_make(int64_t value, int64_t sum, int64_t bound, bool list)
{
	bool far = value - sum > bound || sum - value > bound;
	if (!far)
		return (struct printed){ value, sum };
	return list ? (struct printed){ sum, sum } : (struct printed){ value, value };
}

/* ---- Zones ---- */

static void zone_item_set(struct capture *c, struct zone *z, const struct cap_zone *from, unsigned item)
{
	int64_t bound = (int64_t)z->machine->nr_cpus_online * DIFF_MOST;
	bool list = list_item(item, NR_ZONE_INACTIVE_ANON);
	int64_t value = (int64_t)from->stat[item];
	struct printed p = printed_make(value, list ? z->stat[item] : value, bound, list);
	if (p.value != value)
		cap_note(c, NOTE_CORRECTED, zone_stat_name[item],
			 "node %u, zone %s: %s is %ld, %ld pages found a place; those are counted",
			 from->node, zone_kind_name[from->kind], zone_stat_name[item], value, p.value);
	zone_import_stat(z, (enum zone_stat)item, p.value, p.sum);
}

static void zone_set(struct capture *c, struct zone *z, const struct cap_zone *from)
{
	int32_t threshold = z->stat_threshold;
	z->stat_threshold = DIFF_MOST;
	for (unsigned item = NR_FREE_PAGES + 1; item < NR_ZONE_STATS; item++)
		if (from->has_stat >> item & 1)
			zone_item_set(c, z, from, item);
	z->stat_threshold = threshold;
}

/* ---- Nodes ---- */

static void node_item_set(const struct import_run *run, struct node *n, unsigned item)
{
	int64_t value = (int64_t)import_node_item(run, n->id, (enum node_stat)item);
	int64_t sum = node_item_counts(item) ? n->stat[item] : value;
	if (item == NR_FILE_PAGES) /* anonymous pages, too */
		sum += (int64_t)import_node_item(run, n->id, NR_SWAPCACHE);
	struct printed p = printed_make(value, sum, (int64_t)n->machine->nr_cpus_online * DIFF_MOST,
					node_item_exact(item));
	if (p.value != value && !list_item(item, NR_INACTIVE_ANON))
		cap_note(run->c, NOTE_CORRECTED, node_stat_name[item],
			 "node %u: %s is %ld, %ld pages of slabs found a place; those are counted",
			 n->id, node_stat_name[item], value, p.value);
	node_import_stat(n, (enum node_stat)item, p.value, p.sum);
}

/* Highest zone first, of those that the kernel can use for itself. */
static uint64_t kernel_pin(struct node *n, enum pinned_kind kind, uint64_t pages)
{
	for (unsigned type = n->machine->nr_zone_types; type-- > 0 && pages;) {
		struct zone *z = n->zone[type];
		if (!zone_populated(z) || z->kind > ZONE_NORMAL)
			continue;
		uint64_t here = MIN(pages, zone_pinned_unknown(z));
		zone_import_pinned(z, kind, here);
		if (kind == PINNED_PAGETABLE)
			z->stat[NR_ZONE_PAGETABLE] += (int64_t)here;
		if (kind == PINNED_SLAB_RECLAIMABLE)
			n->stat[NR_SLAB_RECLAIMABLE] += (int64_t)here;
		if (kind == PINNED_SLAB_UNRECLAIMABLE)
			n->stat[NR_SLAB_UNRECLAIMABLE] += (int64_t)here;
		pages -= here;
	}
	return pages;
}

static void node_pin(struct import_run *run, struct node *n)
{
	const uint64_t pages[PINNED_KINDS] = {
		[PINNED_SLAB_RECLAIMABLE] = import_slab_pinned(run, n->id, SLABS_RECLAIMABLE),
		[PINNED_SLAB_UNRECLAIMABLE] = import_slab_pinned(run, n->id, SLABS_UNRECLAIMABLE),
		[PINNED_STACK] = import_node_item(run, n->id, NR_KERNEL_STACK_KB) >> (PAGE_SHIFT - 10),
		[PINNED_PAGETABLE] = run->use[n->id].tables,
	};
	uint64_t left = 0;
	for (unsigned kind = LRU_LISTS; kind < PINNED_KINDS; kind++)
		left += kernel_pin(n, (enum pinned_kind)kind, pages[kind]);
	if (left)
		cap_note(run->c, NOTE_CORRECTED, "kernel memory",
			 "node %u: %lu pages of slab, stacks and page tables are more than what is in use",
			 n->id, left);
}

static void node_set(struct import_run *run, struct node *n)
{
	int32_t threshold = n->stat_threshold;
	n->stat[NR_SLAB_RECLAIMABLE] = (int64_t)import_slab_placed(run, n->id, SLABS_RECLAIMABLE);
	n->stat[NR_SLAB_UNRECLAIMABLE] = (int64_t)import_slab_placed(run, n->id, SLABS_UNRECLAIMABLE);
	node_pin(run, n);
	n->stat_threshold = DIFF_MOST;
	for (unsigned item = 0; item < NR_NODE_STATS; item++)
		if (import_node_item_known(run, n->id, (enum node_stat)item))
			node_item_set(run, n, item);
	n->stat_threshold = threshold;
	if (run->c->node[n->id].unreclaimable)
		n->kswapd_failures = UNRECLAIMABLE_FAILURES;
}

/* ---- The machine ---- */

static void machine_set(struct import_run *run)
{
	struct machine *m = &run->vm->machine;
	const struct cap_meminfo *info = &run->c->meminfo;
	for (unsigned e = 0; e < NR_VM_EVENTS; e++)
		m->event_base[e] = run->c->event[e];
	m->nr_buffer_pages += (int64_t)run->buffers; /* those that found no page */
	struct machine_facts derived = m->facts;
	m->facts = info->facts;
	if (!info->has_direct_map)
		for (unsigned i = 0; i < DIRECT_SIZES; i++)
			m->facts.direct_map_kb[i] = derived.direct_map_kb[i];
}

void import_counters(struct import_run *run)
{
	struct machine *m = &run->vm->machine;
	for (unsigned id = 0; id < m->nr_nodes && id < run->c->nr_nodes; id++)
		if (m->node[id].has_memory)
			node_set(run, &m->node[id]);
	for (unsigned i = 0; i < run->c->nr_zones; i++) {
		struct zone *z = import_zone(run->vm, &run->c->zone[i]);
		if (zone_populated(z))
			zone_set(run->c, z, &run->c->zone[i]);
	}
	machine_set(run);
}
