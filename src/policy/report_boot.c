/* SPDX-License-Identifier: MIT */
/*
 * What a kernel says about memory while it boots (mm/page_alloc.c:
 * free_area_init, build_all_zonelists, mem_init_print_info; mm/hugetlb.c; as
 * captured of 5.10, 6.1 and 6.12), as far as it is true of this machine: it
 * has no kernel image, so the sizes of its parts are 0. Where kernels before
 * 6.12 count what they have before the page array is set aside, this counts
 * what the zones manage.
 */

#include "base/text.h"
#include "mm/zonelist.h"
#include "policy/policy.h"
#include "policy/report.h"

#define LEVEL_INFO 6u

struct out {
	struct ring *log;
	const struct machine *m;
	struct text line;
	char buf[RING_TEXT_MAX + 1];
};

static void line_log(struct out *o)
{
	ring_add(o->log, LEVEL_INFO, o->line.buf, o->line.len);
	text_reset(&o->line);
}

#define SAY(o, ...) ring_printf((o)->log, LEVEL_INFO, __VA_ARGS__)

static void range_print(struct text *t, uint64_t start_pfn, uint64_t end_pfn)
{
	text_printf(t, "[mem 0x%016llx-0x%016llx]", (unsigned long long)start_pfn << PAGE_SHIFT,
		    ((unsigned long long)end_pfn << PAGE_SHIFT) - 1);
}

/* From the lowest to the highest frame of all zones of a type. */
static void zone_range_print(struct out *o, unsigned type)
{
	uint64_t start = UINT64_MAX, end = 0;
	FOR_EACH_POPULATED_ZONE(z, o->m) {
		if (z->type != type)
			continue;
		start = MIN(start, z->start_pfn);
		end = MAX(end, z->start_pfn + z->spanned);
	}
	text_printf(&o->line, "  %-8s ", zone_kind_name[o->m->kind[type]]);
	if (end)
		range_print(&o->line, start, end);
	else
		text_str(&o->line, "empty");
	line_log(o);
}

static void zone_ranges_print(struct out *o)
{
	SAY(o, "Zone ranges:");
	for (unsigned type = 0; type < o->m->nr_zone_types; type++)
		if (o->m->kind[type] != ZONE_MOVABLE)
			zone_range_print(o, type);
	SAY(o, "Movable zone start for each node");
	FOR_EACH_POPULATED_ZONE(z, o->m)
		if (z->kind == ZONE_MOVABLE)
			SAY(o, "  Node %u: 0x%016llx", z->node->id,
			    (unsigned long long)z->start_pfn << PAGE_SHIFT);
}

static void node_range_print(struct out *o, unsigned nid, const struct pfn_range *r)
{
	text_printf(&o->line, "  node %3u: ", nid);
	range_print(&o->line, r->start, r->end);
	line_log(o);
}

/* Zones divide memory that is in one piece. */
static void node_ranges_print(struct out *o, const struct node *n)
{
	struct pfn_range piece = { 0, 0 };
	for (unsigned type = 0; type < o->m->nr_zone_types; type++) {
		const struct zone *z = n->zone[type];
		for (unsigned i = 0; i < z->nr_ranges; i++) {
			const struct pfn_range *next = &z->range[i];
			if (piece.end && piece.end == next->start) {
				piece.end = next->end;
				continue;
			}
			if (piece.end)
				node_range_print(o, n->id, &piece);
			piece = *next;
		}
	}
	if (piece.end)
		node_range_print(o, n->id, &piece);
}

static void node_span_print(struct out *o, const struct node *n)
{
	uint64_t start = UINT64_MAX, end = 0;
	for (unsigned type = 0; type < o->m->nr_zone_types; type++) {
		const struct zone *z = n->zone[type];
		if (!z->nr_ranges)
			continue;
		start = MIN(start, z->range[0].start);
		end = MAX(end, z->range[z->nr_ranges - 1].end);
	}
	text_printf(&o->line, "Initmem setup node %u ", n->id);
	if (end)
		range_print(&o->line, start, end);
	else
		text_str(&o->line, "as memoryless");
	line_log(o);
}

static void nodes_print(struct out *o)
{
	SAY(o, "Early memory node ranges");
	for (unsigned nid = 0; nid < o->m->nr_nodes; nid++)
		if (o->m->node[nid].online)
			node_ranges_print(o, &o->m->node[nid]);
	for (unsigned nid = 0; nid < o->m->nr_nodes; nid++)
		if (o->m->node[nid].online)
			node_span_print(o, &o->m->node[nid]);
}

static uint64_t present_pages(const struct machine *m)
{
	uint64_t pages = 0;
	FOR_EACH_POPULATED_ZONE(z, m)
		pages += z->present;
	return pages;
}

static void zonelists_print(struct out *o)
{
	struct zonelist_load load = { { 0 } };
	unsigned order[MM_NODES_MAX], nodes = 0;
	const char *highest = "";

	for (unsigned nid = 0; nid < o->m->nr_nodes; nid++) {
		if (!o->m->node[nid].online)
			continue;
		nodes++;
		unsigned nr = node_fallback_order(o->m, nid, &load, order);
		text_printf(&o->line, "Fallback order for Node %u: ", nid);
		for (unsigned i = 0; i < nr; i++)
			text_printf(&o->line, "%u ", order[i]);
		if (o->m->numa && o->m->version->boot_fallback)
			line_log(o);
		else
			text_reset(&o->line);
	}
	SAY(o, "Built %u zonelists, mobility grouping on.  Total pages: %llu", nodes,
	    (unsigned long long)(o->m->version->boot_present ? present_pages(o->m) : o->m->managed_pages));
	for (unsigned type = 0; type < o->m->nr_zone_types; type++)
		FOR_EACH_POPULATED_ZONE(z, o->m)
			if (z->type == type && z->kind != ZONE_MOVABLE)
				highest = z->name;
	if (o->m->numa)
		SAY(o, "Policy zone: %s", highest);
}

static void memory_print(struct out *o)
{
	uint64_t free_pages = 0, present = 0, managed = 0, high = 0;
	FOR_EACH_POPULATED_ZONE(z, o->m) {
		free_pages += zone_stat_read(z, NR_FREE_PAGES);
		present += z->present;
		managed += READ_RELAXED(&z->managed);
		high += z->kind == ZONE_HIGHMEM ? READ_RELAXED(&z->managed) : 0;
	}
	text_printf(&o->line,
		    "Memory: %lluK/%lluK available (0K kernel code, 0K rwdata, 0K rodata, 0K init, 0K bss, "
		    "%lluK reserved, 0K cma-reserved",
		    (unsigned long long)PAGES_TO_KB(free_pages), (unsigned long long)PAGES_TO_KB(present),
		    (unsigned long long)PAGES_TO_KB(present - managed));
	if (o->m->bits == 32)
		text_printf(&o->line, ", %lluK highmem", (unsigned long long)PAGES_TO_KB(high));
	text_char(&o->line, ')');
	line_log(o);
}

/* The kernel's entries of a huge page's frames, 64 bytes each, but for the first page of them. 32-bit kernels keep all. */
static unsigned vmemmap_spare_kb(const struct machine *m, unsigned order)
{
	return m->bits == 64 ? (64u << order) / 1024 - PAGE_SIZE / 1024 : 0;
}

static void pool_boot_print(struct out *o, const struct hugetlb *h)
{
	unsigned mib = (unsigned)(PAGES_TO_KB(1ull << h->order) / 1024),
		 size = mib < 1024 ? mib : mib / 1024;
	const char *unit = mib < 1024 ? "MiB" : "GiB";
	bool colon = o->m->version->boot_hugetlb_colon;
	SAY(o, "HugeTLB%s registered %u.00 %s page size, pre-allocated %llu pages",
	    colon ? ":" : "", size, unit, (unsigned long long)READ_RELAXED(&h->nr_free));
	if (colon)
		SAY(o, "HugeTLB: %u KiB vmemmap can be freed for a %u.00 %s page",
		    vmemmap_spare_kb(o->m, h->order), size, unit);
}

void report_boot(const struct policy *p)
{
	struct out o = { .log = p->report.log, .m = p->machine };

	text_init_over(&o.line, o.buf, sizeof(o.buf));
	zone_ranges_print(&o);
	nodes_print(&o);
	zonelists_print(&o);
	memory_print(&o);
	for (unsigned gigantic = 2; gigantic-- > 0;)
		for (unsigned i = 0; i < p->report.nr_hugetlb; i++)
			if (hugetlb_gigantic(&p->report.hugetlb[i]) == gigantic)
				pool_boot_print(&o, &p->report.hugetlb[i]);
}
