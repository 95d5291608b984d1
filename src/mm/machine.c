/* SPDX-License-Identifier: MIT */
/*
 * Booting a machine from its spec: tables, zones, CPUs, page array, and the
 * free memory it starts with. Nothing is written per page: never-used memory
 * is a range of each zone (struct virgin), only the ragged ends of ranges
 * become free blocks with entries of their own.
 */

#include "mm/machine.h"

#include "base/log.h"
#include "base/mem.h"
#include "mm/buddy.h"
#include "mm/socket.h"
#include "mm/zonelist.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SECTION_PAGES ((128ull << 20) / PAGE_SIZE)
#define KERNEL_PAGE_STRUCT 64 /* bytes; not ours */

struct zone *machine_zone_next(const struct machine *m, const struct zone *after)
{
	unsigned id = after ? after->id + 1u : 0;
	for (; id < m->nr_zones; id++)
		if (m->zone[id].present)
			return &m->zone[id];
	return NULL;
}

static size_t map_bytes(const struct machine *m)
{
	return (ALIGN_UP(m->end_pfn, MM_TOP_PAGES) + MM_TOP_PAGES) * sizeof(struct page);
}

static size_t pageblock_bytes(const struct machine *m)
{
	return (m->end_pfn >> m->pageblock_order) + 2;
}

static int machine_check_spec(const struct machine_spec *spec, uint64_t end_pfn, struct why *why)
{
	if (end_pfn > (uint64_t)MM_HIGHEST_PFN + 1)
		return why_set(why, -EINVAL,
			       "the machine's last frame is %" PRIu64
			       ", beyond %u: leave out memory above 16 TiB",
			       end_pfn - 1, MM_HIGHEST_PFN);
	if (!end_pfn)
		return why_set(why, -EINVAL, "the machine has no memory: give a node some");
	if (mask_empty(&spec->cpus_online))
		return why_set(why, -EINVAL, "the machine has no CPU online: give a node cpus=");
	return 0;
}

static uint64_t spec_end_pfn(const struct machine_spec *spec)
{
	uint64_t end = 0;
	for (unsigned n = 0; n < spec->nr_nodes; n++)
		for (unsigned t = 0; t < MM_ZONE_TYPES_MAX; t++) {
			const struct zone_spec *zs = &spec->node[n].zone[t];
			if (zs->present)
				end = MAX(end, zs->start_pfn + zs->spanned);
		}
	return end;
}

/* The page array covers whole sections, where they hold any memory. */
static uint64_t spec_memmap_pages(const struct machine_spec *spec)
{
	uint64_t sections = 0, next = 0; /* ranges of a machine ascend by node and zone, but for odd ones */
	for (unsigned n = 0; n < spec->nr_nodes; n++)
		for (unsigned t = 0; t < MM_ZONE_TYPES_MAX; t++)
			for (unsigned i = 0; i < spec->node[n].zone[t].nr_ranges; i++) {
				const struct pfn_range *r = &spec->node[n].zone[t].range[i];
				uint64_t first = MAX(next, r->start / SECTION_PAGES);
				uint64_t end = DIV_ROUND_UP(r->end, SECTION_PAGES);
				sections += end > first ? end - first : 0;
				next = MAX(next, end);
			}
	return sections * SECTION_PAGES * KERNEL_PAGE_STRUCT / PAGE_SIZE;
}

void machine_set_version(struct machine *m, const struct kernel_version *v)
{
	m->version = v;
	m->pcp_orders = (2u << v->pcp_order_most) - 1;
	if (v->pcp_huge)
		m->pcp_orders |= 1u << m->pageblock_order;
	shown_stats_list(&m->shown, m);
}

static int machine_alloc_tables(struct machine *m)
{
	m->node = mem_map(m->nr_nodes * sizeof(*m->node));
	m->zone = mem_map(m->nr_zones * sizeof(*m->zone));
	m->cpu = mem_map(m->nr_cpu_ids * sizeof(*m->cpu));
	m->map = mem_map(map_bytes(m));
	m->pageblock = mem_map(pageblock_bytes(m));
	return m->node && m->zone && m->cpu && m->map && m->pageblock ? 0 : -ENOMEM;
}

static int zone_init(struct zone *z, struct node *n, unsigned type, const struct zone_spec *spec)
{
	struct machine *m = n->machine;
	z->machine = m;
	z->node = n;
	z->id = (uint16_t)(n->id * MM_ZONE_TYPES_MAX + type);
	z->type = (uint8_t)type;
	z->kind = (uint8_t)m->kind[type];
	z->name = zone_kind_name[z->kind];
	lock_init(&z->lock, RANK_ZONE, z->id);
	n->zone[type] = z;
	if (!spec->present)
		return 0;

	z->start_pfn = spec->start_pfn;
	z->spanned = spec->spanned;
	z->present = spec->present;
	z->managed = spec->managed;
	z->nr_ranges = spec->nr_ranges;
	z->range = mem_zalloc(spec->nr_ranges * sizeof(*z->range));
	z->virgin.range = mem_zalloc((spec->nr_ranges + 1) * sizeof(*z->virgin.range));
	if (!z->range || !z->virgin.range)
		return -ENOMEM;
	memcpy(z->range, spec->range, spec->nr_ranges * sizeof(*z->range));
	z->nr_pageblocks[MIGRATE_MOVABLE] = spec->nr_blocks ? spec->nr_blocks : zone_count_pageblocks(z);
	n->has_memory = true;
	m->managed_pages += z->managed;
	return 0;
}

static int node_init(struct machine *m, unsigned id, const struct node_spec *spec)
{
	struct node *n = &m->node[id];
	n->machine = m;
	n->id = id;
	n->online = spec->online;
	n->cpus = spec->cpus;
	n->socket = spec->socket;
	n->dimms = spec->dimms;
	memcpy(n->distance, spec->distance, sizeof(n->distance));
	lock_init(&n->lru.lock, RANK_LRU, id);
	for (unsigned t = 0; t < m->nr_zone_types; t++) {
		int error = zone_init(&m->zone[id * MM_ZONE_TYPES_MAX + t], n, t, &spec->zone[t]);
		if (error)
			return error;
	}
	return 0;
}

static int cpu_init(struct machine *m, unsigned id)
{
	struct cpu *c = &m->cpu[id];
	c->machine = m;
	c->id = id;
	c->online = mask_has(&m->cpus_online, id);
	bias_init(&c->lock, RANK_CPU, id);
	if (!c->online)
		return 0;
	c->zone = mem_map(m->nr_zones * sizeof(*c->zone));
	c->per_node = mem_map(m->nr_nodes * sizeof(*c->per_node));
	if (!c->zone || !c->per_node)
		return -ENOMEM;
	for (unsigned n = 0; n < m->nr_nodes; n++)
		if (mask_has(&m->node[n].cpus, id))
			c->node = &m->node[n];
	if (!c->node) /* a CPU that no node claims runs on the first one */
		for (unsigned n = m->nr_nodes; n-- > 0;)
			if (m->node[n].online)
				c->node = &m->node[n];
	return 0;
}

/* A node's own background work runs on its first CPU, or on one of the nearest node that has any. */
static void node_find_first_cpu(struct node *n)
{
	const struct machine *m = n->machine;
	unsigned best = MASK_BITS, best_distance = ~0u;
	for (unsigned o = 0; o < m->nr_nodes; o++) {
		unsigned cpu = mask_next(&m->node[o].cpus, 0);
		while (cpu < m->nr_cpu_ids && !m->cpu[cpu].online)
			cpu = mask_next(&m->node[o].cpus, cpu + 1);
		unsigned distance = o == n->id ? 0 : n->distance[o];
		if (cpu < m->nr_cpu_ids && distance < best_distance) {
			best = cpu;
			best_distance = distance;
		}
	}
	if (best == MASK_BITS)
		best = mask_next(&m->cpus_online, 0);
	n->first_cpu = &m->cpu[best];
}

/* [start, end) becomes free blocks as large as alignment allows. */
static void zone_free_pieces(struct zone *z, uint64_t start, uint64_t end)
{
	while (start < end) {
		unsigned order = MIN((unsigned)__builtin_ctzll(start), (unsigned)MM_ORDER_MAX);
		while (start + (1ull << order) > end)
			order--;
		buddy_give(z, (pfn_t)start, order, pageblock_type(z->machine, (pfn_t)start));
		start += 1ull << order;
	}
}

static void zone_free_range(struct zone *z, uint64_t start, uint64_t end)
{
	uint64_t a = ALIGN_UP(start, MM_TOP_PAGES), b = ALIGN_DOWN(end, MM_TOP_PAGES);
	if (a >= b) {
		zone_free_pieces(z, start, end);
		return;
	}
	zone_free_pieces(z, start, a);
	zone_free_pieces(z, b, end);
	virgin_add(z, a, b);
}

/* Everything managed is free; what the kernel reserved lies lowest. */
static void zone_free_all(struct zone *z)
{
	uint64_t reserved = z->present - z->managed;
	lock_take(&z->lock);
	for (unsigned i = 0; i < z->nr_ranges; i++) {
		uint64_t start = z->range[i].start, end = z->range[i].end;
		uint64_t skip = MIN(reserved, end - start);
		reserved -= skip;
		zone_free_range(z, start + skip, end);
	}
	z->stat[NR_FREE_PAGES] = (int64_t)z->managed;
	lock_drop(&z->lock);
}

static void machine_init_tune(struct machine *m)
{
	struct tune *t = &m->tune;
	t->user_min_free_kbytes = -1;
	t->watermark_scale_factor = 10;
	t->watermark_boost_factor = 15000;
	t->numa_stat = 1;
	for (unsigned i = 0; i < m->nr_zone_types; i++) {
		bool dma = m->kind[i] == ZONE_DMA || m->kind[i] == ZONE_DMA32;
		bool normal = m->kind[i] == ZONE_NORMAL;
		t->lowmem_reserve_ratio[i] = dma ? 256 : normal ? 32 : 0;
	}
	t->min_free_kbytes = machine_default_min_free_kbytes(m);
	machine_update_thresholds(m);
	machine_update_watermarks(m);
	machine_update_lowmem_reserve(m);
}

static int machine_build(struct machine *m, const struct machine_spec *spec)
{
	int error = machine_alloc_tables(m);
	for (unsigned n = 0; !error && n < m->nr_nodes; n++)
		error = node_init(m, n, &spec->node[n]);
	for (unsigned c = 0; !error && c < m->nr_cpu_ids; c++)
		error = cpu_init(m, c);
	if (error)
		return error;
	for (unsigned n = 0; n < m->nr_nodes; n++)
		node_find_first_cpu(&m->node[n]);
	machine_place_sockets(m);
	FOR_EACH_POPULATED_ZONE(z, m)
		if (!spec->imported)
			zone_mark_holes(z);
	FOR_EACH_POPULATED_ZONE(z, m) {
		if (spec->imported)
			z->nr_pinned = z->managed;
		else
			zone_free_all(z);
	}
	return machine_build_zonelists(m);
}

int machine_boot(struct machine *m, const struct machine_spec *spec, struct why *why)
{
	memset(m, 0, sizeof(*m));
	uint64_t end_pfn = spec_end_pfn(spec);
	int error = machine_check_spec(spec, end_pfn, why);
	if (error)
		return error;
	m->bits = spec->bits;
	m->nr_zone_types = zone_kinds(spec->bits, m->kind);
	m->pageblock_order = spec->pageblock_order;
	m->numa = spec->numa;
	machine_set_version(m, &kernel_versions[spec->kernel]);
	m->memmap_pages = spec_memmap_pages(spec);
	m->thp = spec->thp;
	m->gigantic = spec->gigantic;
	m->gigantic_default = spec->gigantic && spec->gigantic_default;
	m->nr_nodes = spec->nr_nodes;
	m->nr_zones = spec->nr_nodes * MM_ZONE_TYPES_MAX;
	m->nr_cpu_ids = spec->nr_cpu_ids;
	m->cpus_online = spec->cpus_online;
	m->cpus_possible = spec->cpus_possible;
	m->nr_cpus_online = mask_count(&spec->cpus_online);
	m->end_pfn = end_pfn;
	lock_init(&m->tune_lock, RANK_TUNE, 0);
	clock_init(&m->clock, false);
	error = machine_build(m, spec);
	if (error) {
		machine_shutdown(m);
		return why_set(why, error, "no host memory for the tables of the machine");
	}
	machine_init_tune(m);
	machine_facts_derive(m);
	return 0;
}

static void machine_shutdown_zones(struct machine *m)
{
	for (unsigned i = 0; m->zone && i < m->nr_zones; i++) {
		if (!m->zone[i].machine)
			continue;
		mem_free(m->zone[i].range);
		mem_free(m->zone[i].virgin.range);
		lock_fini(&m->zone[i].lock);
	}
}

static void machine_shutdown_cpus(struct machine *m)
{
	for (unsigned i = 0; m->cpu && i < m->nr_cpu_ids; i++) {
		struct cpu *c = &m->cpu[i];
		if (!c->machine)
			continue;
		mem_unmap(c->zone, m->nr_zones * sizeof(*c->zone));
		mem_unmap(c->per_node, m->nr_nodes * sizeof(*c->per_node));
		bias_fini(&c->lock);
	}
}

static void machine_shutdown_nodes(struct machine *m)
{
	for (unsigned i = 0; m->node && i < m->nr_nodes; i++)
		if (m->node[i].machine)
			lock_fini(&m->node[i].lru.lock);
	if (m->node)
		machine_free_zonelists(m);
}

void machine_shutdown(struct machine *m)
{
	machine_shutdown_zones(m);
	machine_shutdown_cpus(m);
	machine_shutdown_nodes(m);
	mem_unmap(m->node, m->nr_nodes * sizeof(*m->node));
	mem_unmap(m->zone, m->nr_zones * sizeof(*m->zone));
	mem_unmap(m->cpu, m->nr_cpu_ids * sizeof(*m->cpu));
	mem_unmap(m->map, map_bytes(m));
	mem_unmap(m->pageblock, pageblock_bytes(m));
	lock_fini(&m->tune_lock);
	memset(m, 0, sizeof(*m));
}

void machine_stop(struct machine *m)
{
	MASK_FOR_EACH(cpu, &m->cpus_online)
		bias_take(&m->cpu[cpu].lock);
}

void machine_resume(struct machine *m)
{
	for (unsigned cpu = m->nr_cpu_ids; cpu-- > 0;)
		if (m->cpu[cpu].online)
			bias_drop(&m->cpu[cpu].lock);
}
