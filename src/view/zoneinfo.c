/* SPDX-License-Identifier: MIT */
/*
 * proc/zoneinfo (mm/vmstat.c: zoneinfo_show_print, 6.1). Every zone type of
 * every node has its section; one without memory ends after its protection.
 * The node's own counters stand in the section of its first populated zone.
 *
 * The printed marks include the boost. numa_* lines exist with NUMA only; they
 * are summed when they are read, where 6.1 shows what the last reader of
 * vmstat or numastat summed.
 */
#include "view/label.h"
#include "view/views.h"

static void node_items(struct chunk *c, const struct machine *m, const struct node_snap *n)
{
	chunk_lit(c, "  per-node stats\n");
	for (unsigned i = 0; i < m->shown.nr_node; i++) {
		unsigned item = m->shown.node[i];
		label_line_indented(c, &node_label[item],
				    node_stat_shown_value(m, item, snap_pages(n->stat[item])));
	}
}

static void protection(struct chunk *c, const struct machine *m, const struct zone_snap *snap)
{
	chunk_lit(c, "        protection: (");
	for (unsigned i = 0; i < m->nr_zone_types; i++) {
		if (i)
			chunk_lit(c, ", ");
		chunk_u64(c, snap->lowmem_reserve[i]);
	}
	chunk_lit(c, ")\n");
}

static void marks(struct chunk *c, const struct zone *z, const struct zone_snap *snap)
{
	const struct kernel_version *v = z->machine->version;
	chunk_line(c, "  pages free     ", snap_pages(snap->stat[NR_FREE_PAGES]));
	if (v->boost_line)
		chunk_line(c, "        boost    ", snap->boost);
	chunk_line(c, "        min      ", snap->watermark[WMARK_MIN] + snap->boost);
	chunk_line(c, "        low      ", snap->watermark[WMARK_LOW] + snap->boost);
	chunk_line(c, "        high     ", snap->watermark[WMARK_HIGH] + snap->boost);
	if (v->promo_line)
		chunk_line(c, "        promo    ", snap->watermark[WMARK_PROMO] + snap->boost);
	chunk_line(c, "        spanned  ", z->spanned);
	chunk_line(c, "        present  ", z->present);
	chunk_line(c, "        managed  ", snap->managed);
	if (v->cma_line)
		chunk_lit(c, "        cma      0\n");
	protection(c, z->machine, snap);
}

static void zone_items(struct chunk *c, const struct machine *m, const struct zone_snap *snap)
{
	for (unsigned i = 0; i < m->shown.nr_zone; i++) {
		unsigned item = m->shown.zone[i];
		label_line_indented(c, &zone_label[item], snap_pages(snap->stat[item]));
	}
	for (unsigned i = 0; i < m->shown.nr_numa; i++)
		label_line_indented(c, &numa_label[i], snap->numa[i]);
}

static void pagesets(struct chunk *c, const struct machine *m, const struct pageset_snap *pageset, int threshold)
{
	chunk_lit(c, "  pagesets\n");
	for (unsigned cpu = 0; cpu < m->nr_cpu_ids; cpu++) {
		if (!m->cpu[cpu].online)
			continue;
		chunk_line(c, "    cpu: ", cpu);
		chunk_lit(c, "              count: ");
		chunk_i64(c, pageset[cpu].count);
		chunk_lit(c, "\n              high:  ");
		chunk_i64(c, pageset[cpu].high);
		chunk_lit(c, "\n              batch: ");
		chunk_i64(c, pageset[cpu].batch);
		chunk_lit(c, "\n  vm stats threshold: ");
		chunk_i64(c, threshold);
		chunk_char(c, '\n');
	}
}

static void populated_part(struct chunk *c, const struct snapshot *s, const struct zone *z)
{
	const struct machine *m = s->machine;
	const struct zone_snap *snap = &s->zone[z->id];
	zone_items(c, m, snap);
	pagesets(c, m, s->pageset + (size_t)z->id * m->nr_cpu_ids, snap->threshold);
	chunk_line(c, "  node_unreclaimable:  ", s->node[z->node->id].unreclaimable);
	chunk_line(c, "  start_pfn:           ", z->start_pfn);
}

static void node_zones(struct chunk *c, const struct snapshot *s, const struct node *n)
{
	bool first = true;
	for (unsigned type = 0; type < s->machine->nr_zone_types; type++) {
		const struct zone *z = n->zone[type];
		chunk_zone_head(c, n->id, z->name);
		chunk_char(c, '\n');
		if (first && zone_populated(z)) {
			node_items(c, s->machine, &s->node[n->id]);
			first = false;
		}
		marks(c, z, &s->zone[z->id]);
		if (zone_populated(z))
			populated_part(c, s, z);
	}
}

void view_zoneinfo(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	struct chunk c;
	chunk_init(&c, t);
	FOR_EACH_ONLINE_NODE(n, s->machine)
		node_zones(&c, s, n);
	chunk_flush(&c);
}
