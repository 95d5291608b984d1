/* SPDX-License-Identifier: MIT */
/*
 * Cutting nodes into zones as a kernel does at boot (mm/page_alloc.c, 6.1).
 *
 * A zone of a node spans what the node's span and the zone's address limits
 * have in common, holes included; what of it is memory is present.
 *
 * Movable is not a matter of addresses: what has to stay unmovable is dealt
 * out evenly to the nodes, from the bottom up, and the rest of the highest
 * zone that the machine has memory in becomes Movable. What lies below that
 * zone always stays unmovable.
 *
 * What the kernel keeps to itself at boot is not managed. How much that is on
 * a real machine depends on its drivers and initrd; `reserved = auto` takes
 * what every machine needs: the page array, which is 1/64 of the memory (1/128
 * and all of it from Normal with 32 bits), and the 158 pages that every
 * captured PC has taken from its DMA zone.
 */
#include "daemon/config_plan.h"

#include <errno.h>

#define PC_DMA_RESERVED 158u
#define PAGE_ARRAY_SHARE_64 64u
#define PAGE_ARRAY_SHARE_32 128u
#define THP_MEMORY_MIN ((512ul << 20) / PAGE_SIZE)

struct zone_bounds {
	enum zone_kind kind;
	uint64_t low, high; /* [low, high); empty for kinds that addresses do not make */
};

static unsigned zone_bounds_list(const struct machine_plan *p, struct zone_bounds bounds[MM_ZONE_TYPES_MAX])
{
	enum zone_kind kind[MM_ZONE_TYPES_MAX];
	unsigned nr = zone_kinds(p->bits, kind);
	uint64_t high[ZONE_KINDS] = {
		[ZONE_DMA] = p->dma_limit,
		[ZONE_DMA32] = p->dma32_limit,
		[ZONE_NORMAL] = p->bits == 64 ? UINT64_MAX : p->normal_limit,
		[ZONE_HIGHMEM] = UINT64_MAX,
	};
	uint64_t low = 0;

	for (unsigned type = 0; type < nr; type++) {
		bounds[type] = (struct zone_bounds){ kind[type], low, MAX(low, high[kind[type]]) };
		if (high[kind[type]])
			low = bounds[type].high;
	}
	return nr;
}

static int limits_check(struct machine_plan *p)
{
	const int *line = p->key_line;

	if (p->bits == 32 && line[KEY_DMA32_LIMIT])
		return plan_fail(p, line[KEY_DMA32_LIMIT], -EINVAL,
				 "dma32_limit: only a machine with bits = 64 has zone DMA32");
	if (p->bits == 64 && line[KEY_NORMAL_LIMIT])
		return plan_fail(p, line[KEY_NORMAL_LIMIT], -EINVAL,
				 "normal_limit: only with bits = 32 zone Normal has an end");
	if (p->bits == 32 && p->key_line[KEY_HUGEPAGES_1G] && !p->no_gigantic)
		return plan_fail(p, p->key_line[KEY_HUGEPAGES_1G], -EINVAL,
				 "hugepages_1g = yes: only with bits = 64");
	if (p->gigantic_default && (p->bits == 32 || p->no_gigantic))
		return plan_fail(p, p->key_line[KEY_DEFAULT_HUGEPAGESZ], -EINVAL,
				 "default_hugepagesz = 1G: the machine has no huge pages of 1 GiB");
	if (p->bits == 64 && p->pageblock_order != 9)
		return plan_fail(p, line[KEY_PAGEBLOCK_ORDER], -EINVAL,
				 "pageblock_order = 10: only with bits = 32");
	uint64_t next = p->bits == 64 ? p->dma32_limit : p->normal_limit;
	if (p->dma_limit <= next)
		return 0;
	return plan_fail(p,
			 line[KEY_DMA_LIMIT] ? line[KEY_DMA_LIMIT]
					     : MAX(line[KEY_DMA32_LIMIT], line[KEY_NORMAL_LIMIT]),
			 -EINVAL, "dma_limit is past %s", p->bits == 64 ? "dma32_limit" : "normal_limit");
}

static uint64_t range_pages_below(const struct pfn_range *r, uint64_t from, uint64_t limit)
{
	uint64_t start = MAX(r->start, from), end = MIN(r->end, limit);
	return start < end ? end - start : 0;
}

/* The bottom of the highest zone that addresses make and that has memory. */
static uint64_t highest_zone_start(const struct machine_plan *p, const struct zone_bounds *bounds, unsigned nr)
{
	uint64_t end = 0, low = 0;

	for (unsigned n = 0; n < p->nr_nodes; n++)
		if (p->node[n].nr_ranges)
			end = MAX(end, p->node[n].range[p->node[n].nr_ranges - 1].end);
	for (unsigned type = 0; type < nr; type++)
		if (bounds[type].low < MIN(bounds[type].high, end))
			low = bounds[type].low;
	return low;
}

/*
 * Keep `budget` more pages of a node unmovable, going on where its Movable
 * would start so far. Returns what was kept: more than the budget where memory
 * lies below `low`, less where the node has no more.
 */
static uint64_t node_keep_unmovable(struct node_plan *n, uint64_t low, uint64_t budget)
{
	uint64_t kept = 0;

	for (unsigned i = 0; i < n->nr_ranges; i++) {
		uint64_t start = MAX(n->range[i].start, n->movable_start);
		if (start >= n->range[i].end)
			continue;
		uint64_t below = range_pages_below(&n->range[i], start, low);
		uint64_t above = n->range[i].end - start - below;
		kept += below;
		above = MIN(above, budget - MIN(kept, budget));
		kept += above;
		n->movable_start = start + below + above;
		if (kept >= budget && n->range[i].end > low)
			break;
	}
	return kept;
}

/* Nodes that are too small for an even share leave the rest to another round among one node fewer. */
static void deal_unmovable(struct machine_plan *p, uint64_t low, uint64_t pages)
{
	unsigned nr_nodes = 0;

	for (unsigned n = 0; n < p->nr_nodes; n++)
		nr_nodes += p->node[n].nr_ranges != 0;
	for (; nr_nodes; nr_nodes--) {
		uint64_t share = pages / nr_nodes;
		for (unsigned n = 0; n < p->nr_nodes; n++) {
			if (!p->node[n].nr_ranges)
				continue;
			if (pages < share)
				share = pages / nr_nodes;
			uint64_t kept = node_keep_unmovable(&p->node[n], low, share);
			pages -= MIN(kept, pages);
		}
		if (pages < nr_nodes)
			break;
	}
}

static int movable_place(struct machine_plan *p, const struct zone_bounds *bounds, unsigned nr)
{
	uint64_t pages = 0;

	for (unsigned n = 0; n < p->nr_nodes; n++)
		pages += p->node[n].pages;
	if (!p->movable)
		return 0;
	if (p->movable > pages)
		return plan_fail(p, p->key_line[KEY_MOVABLE], -EINVAL,
				 "movable: more than the machine's %lu MiB of memory",
				 (unsigned long)(pages >> 8));
	deal_unmovable(p, highest_zone_start(p, bounds, nr), pages - p->movable);
	for (unsigned n = 0; n < p->nr_nodes; n++) {
		struct node_plan *node = &p->node[n];
		node->movable_start = ALIGN_UP(node->movable_start, PLAN_UNIT);
		if (node->nr_ranges && node->movable_start >= node->range[node->nr_ranges - 1].end)
			node->movable_start = 0;
	}
	return 0;
}

static struct zone_bounds node_zone_bounds(const struct node_plan *n, const struct zone_bounds *bounds)
{
	struct zone_bounds b = *bounds;

	if (n->movable_start && b.kind == ZONE_MOVABLE)
		b = (struct zone_bounds){ b.kind, n->movable_start, UINT64_MAX };
	else if (n->movable_start)
		b.high = MIN(b.high, n->movable_start);
	return b;
}

static int zone_fill(struct zone_spec *z, const struct node_plan *n, const struct zone_bounds *b)
{
	if (!n->nr_ranges)
		return 0;
	uint64_t start = MAX(b->low, n->range[0].start);
	uint64_t end = MIN(b->high, n->range[n->nr_ranges - 1].end);
	if (start >= end)
		return 0;
	z->start_pfn = start;
	z->spanned = end - start;
	for (unsigned i = 0; i < n->nr_ranges; i++) {
		uint64_t from = MAX(n->range[i].start, start), to = MIN(n->range[i].end, end);
		int error = from < to ? zone_spec_add_range(z, from, to) : 0;
		if (error)
			return error;
	}
	z->managed = z->present;
	return 0;
}

static int zones_fill(struct machine_plan *p, struct machine_spec *s,
		      const struct zone_bounds *bounds, unsigned nr)
{
	for (unsigned n = 0; n < p->nr_nodes; n++)
		for (unsigned type = 0; type < nr; type++) {
			struct zone_bounds b = node_zone_bounds(&p->node[n], &bounds[type]);
			if (zone_fill(&s->node[n].zone[type], &p->node[n], &b))
				return plan_fail(p, 0, -ENOMEM, "no memory for the zones");
		}
	return 0;
}

/* Zones that the kernel's own data lies in: with 32 bits it reaches only what it has mapped. */
static bool zone_is_direct(const struct machine_plan *p, enum zone_kind kind)
{
	return p->bits == 64 || kind == ZONE_DMA || kind == ZONE_NORMAL;
}

static uint64_t present_sum(const struct machine_spec *s, const struct machine_plan *p,
			    const struct zone_bounds *bounds, unsigned nr, bool direct_only)
{
	uint64_t pages = 0;

	for (unsigned n = 0; n < s->nr_nodes; n++)
		for (unsigned type = 0; type < nr; type++)
			if (!direct_only || zone_is_direct(p, bounds[type].kind))
				pages += s->node[n].zone[type].present;
	return pages;
}

/* Each zone's part of a sum that is given, in proportion; rounding carries over, so the parts add up. */
static int reserve_given(struct machine_plan *p, struct machine_spec *s,
			 const struct zone_bounds *bounds, unsigned nr)
{
	uint64_t all = present_sum(s, p, bounds, nr, true), seen = 0, taken = 0;

	if (p->reserved >= all)
		return plan_fail(p, p->key_line[KEY_RESERVED], -EINVAL,
				 "reserved: leaves nothing of the %lu MiB that the kernel can use",
				 (unsigned long)(all >> 8));
	for (unsigned n = 0; n < s->nr_nodes; n++)
		for (unsigned type = 0; type < nr; type++) {
			struct zone_spec *z = &s->node[n].zone[type];
			if (!zone_is_direct(p, bounds[type].kind))
				continue;
			seen += z->present;
			uint64_t due = (uint64_t)((unsigned __int128)p->reserved * seen / all);
			z->managed -= due - taken;
			taken = due;
		}
	return 0;
}

static uint64_t zone_auto_reserved(const struct machine_plan *p, const struct zone_spec *z,
				   enum zone_kind kind, uint64_t array_32)
{
	if (kind == ZONE_DMA && z->start_pfn == 1)
		return PC_DMA_RESERVED;
	if (p->bits == 64)
		return z->present / PAGE_ARRAY_SHARE_64;
	return kind == ZONE_NORMAL ? array_32 : 0;
}

static int reserve_auto(struct machine_plan *p, struct machine_spec *s,
			const struct zone_bounds *bounds, unsigned nr)
{
	uint64_t array_32 = present_sum(s, p, bounds, nr, false) / PAGE_ARRAY_SHARE_32;

	for (unsigned n = 0; n < s->nr_nodes; n++)
		for (unsigned type = 0; type < nr; type++) {
			struct zone_spec *z = &s->node[n].zone[type];
			uint64_t pages =
				z->present ? zone_auto_reserved(p, z, bounds[type].kind, array_32) : 0;
			if (pages && pages >= z->present)
				return plan_fail(p, p->key_line[KEY_NORMAL_LIMIT], -EINVAL,
						 "zone %s is too small for the %lu pages that the kernel keeps: raise its limit",
						 bounds[type].kind == ZONE_DMA ? "DMA" : "Normal",
						 (unsigned long)pages);
			z->managed -= pages;
		}
	return 0;
}

static uint64_t managed_sum(const struct machine_spec *s)
{
	uint64_t pages = 0;

	for (unsigned n = 0; n < s->nr_nodes; n++)
		for (unsigned type = 0; type < MM_ZONE_TYPES_MAX; type++)
			pages += s->node[n].zone[type].managed;
	return pages;
}

int config_cut_zones(struct machine_plan *p, struct machine_spec *s)
{
	struct zone_bounds bounds[MM_ZONE_TYPES_MAX];
	unsigned nr = zone_bounds_list(p, bounds);

	s->kernel = p->kernel->kernel;
	s->bits = p->bits;
	s->numa = p->bits == 64;
	s->pageblock_order = p->pageblock_order;
	s->gigantic = p->bits == 64 && !p->no_gigantic;
	s->gigantic_default = p->gigantic_default;
	int error = limits_check(p);
	if (!error)
		error = movable_place(p, bounds, nr);
	if (!error)
		error = zones_fill(p, s, bounds, nr);
	if (!error)
		error = p->reserved_auto ? reserve_auto(p, s, bounds, nr)
					 : reserve_given(p, s, bounds, nr);
	if (error)
		return error;
	s->thp = p->key_line[KEY_THP] ? p->thp : managed_sum(s) >= THP_MEMORY_MIN;
	return 0;
}
