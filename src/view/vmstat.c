/* SPDX-License-Identifier: MIT */
/*
 * proc/vmstat (mm/vmstat.c: vmstat_show, 6.1): zone items over all zones, NUMA
 * hits, node items over all nodes, the two thresholds of writeback (0: there
 * is no writeback yet), events, and the one line that 6.1 keeps for old readers.
 */
#include "view/label.h"
#include "view/views.h"

static void items(struct chunk *c, const struct snapshot *s)
{
	const struct machine *m = s->machine;
	for (unsigned i = 0; i < NR_ZONE_STATS; i++)
		label_line(c, &zone_label[i], snap_zone_sum(s, i));
	for (unsigned i = 0; i < NR_NUMA_STATS && m->numa; i++)
		label_line(c, &numa_label[i], snap_numa_sum(s, i));
	for (unsigned i = 0; i < NR_NODE_STATS; i++)
		if (node_stat_shown(m, i))
			label_line(c, &node_label[i], node_stat_shown_value(m, i, snap_node_sum(s, i)));
}

void view_vmstat(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	struct chunk c;
	chunk_init(&c, t);
	items(&c, s);
	chunk_lit(&c, "nr_dirty_threshold 0\nnr_dirty_background_threshold 0\n");
	for (unsigned e = 0; e < NR_VM_EVENTS; e++)
		if (vm_event_shown(s->machine, e))
			label_line(&c, &event_label[e], s->event[e]);
	chunk_lit(&c, "nr_unstable 0\n");
	chunk_flush(&c);
}
