/* SPDX-License-Identifier: MIT */
/*
 * proc/vmstat (mm/vmstat.c: vmstat_show, 6.1): zone items over all zones, NUMA
 * hits, node items over all nodes, the two thresholds of writeback, events, and
 * the one line that 6.1 keeps for old readers.
 */
#include "view/label.h"
#include "view/views.h"

static void items(struct chunk *c, const struct snapshot *s)
{
	const struct machine *m = s->machine;
	const struct shown_stats *shown = &m->shown;
	for (unsigned i = 0; i < shown->nr_zone; i++)
		label_line(c, &zone_label[shown->zone[i]], snap_zone_sum(s, shown->zone[i]));
	for (unsigned i = 0; i < shown->nr_numa; i++)
		label_line(c, &numa_label[i], snap_numa_sum(s, i));
	for (unsigned i = 0; i < shown->nr_node; i++) {
		unsigned item = shown->node[i];
		label_line(c, &node_label[item], node_stat_shown_value(m, item, snap_node_sum(s, item)));
	}
}

void view_vmstat(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	const struct machine *m = s->machine;
	struct chunk c;
	chunk_init(&c, t);
	items(&c, s);
	struct dirty_thresholds dirty = snap_dirty_thresholds(s);
	chunk_line(&c, "nr_dirty_threshold ", dirty.pages);
	chunk_line(&c, "nr_dirty_background_threshold ", dirty.background_pages);
	if (m->version->memmap_lines) {
		chunk_lit(&c, "nr_memmap_pages 0\n"); /* none was added since boot */
		chunk_line(&c, "nr_memmap_boot_pages ", m->memmap_pages);
	}
	for (unsigned i = 0; i < m->shown.nr_event; i++)
		label_line(&c, &event_label[m->shown.event[i]], s->event[m->shown.event[i]]);
	chunk_lit(&c, "nr_unstable 0\n");
	chunk_flush(&c);
}
