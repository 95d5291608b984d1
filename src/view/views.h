/* SPDX-License-Identifier: MIT */
#ifndef VIEW_VIEWS_H
#define VIEW_VIEWS_H

/* The renderers that view_table.c puts into rows, and what several of them ask a snapshot. */

#include "view/view.h"

void view_zoneinfo(struct text *t, const struct snapshot *s, unsigned arg);
void view_buddyinfo(struct text *t, const struct snapshot *s, unsigned arg);
void view_pagetypeinfo(struct text *t, const struct snapshot *s, unsigned arg);
void view_meminfo(struct text *t, const struct snapshot *s, unsigned arg);
void view_vmstat(struct text *t, const struct snapshot *s, unsigned arg);
void view_swaps(struct text *t, const struct snapshot *s, unsigned arg);
void view_slabinfo(struct text *t, const struct snapshot *s, unsigned arg);
void view_readme(struct text *t, const struct snapshot *s, unsigned arg);
void view_extfrag_index(struct text *t, const struct snapshot *s, unsigned arg);
void view_unusable_index(struct text *t, const struct snapshot *s, unsigned arg);

/* sys/devices/system/node; arg: the node */
void view_nodes_online(struct text *t, const struct snapshot *s, unsigned arg);
void view_nodes_possible(struct text *t, const struct snapshot *s, unsigned arg);
void view_nodes_has_cpu(struct text *t, const struct snapshot *s, unsigned arg);
void view_nodes_has_memory(struct text *t, const struct snapshot *s, unsigned arg);
void view_nodes_has_normal_memory(struct text *t, const struct snapshot *s, unsigned arg);
void view_nodes_has_high_memory(struct text *t, const struct snapshot *s, unsigned arg);
void view_nodes_has_generic_initiator(struct text *t, const struct snapshot *s, unsigned arg);
void view_node_cpulist(struct text *t, const struct snapshot *s, unsigned arg);
void view_node_cpumap(struct text *t, const struct snapshot *s, unsigned arg);
void view_node_distance(struct text *t, const struct snapshot *s, unsigned arg);
void view_node_meminfo(struct text *t, const struct snapshot *s, unsigned arg);
void view_node_numastat(struct text *t, const struct snapshot *s, unsigned arg);
void view_node_vmstat(struct text *t, const struct snapshot *s, unsigned arg);

/* sys/devices/system/cpu; arg: the CPU */
void view_cpus_online(struct text *t, const struct snapshot *s, unsigned arg);
void view_cpus_possible(struct text *t, const struct snapshot *s, unsigned arg);
void view_cpus_offline(struct text *t, const struct snapshot *s, unsigned arg);
void view_cpus_isolated(struct text *t, const struct snapshot *s, unsigned arg);
void view_cpus_kernel_max(struct text *t, const struct snapshot *s, unsigned arg);
void view_cpu_online(struct text *t, const struct snapshot *s, unsigned arg);
void view_cpu_package_id(struct text *t, const struct snapshot *s, unsigned arg);
void view_cpu_core_id(struct text *t, const struct snapshot *s, unsigned arg);
void view_cpu_core_map(struct text *t, const struct snapshot *s, unsigned arg);
void view_cpu_core_list(struct text *t, const struct snapshot *s, unsigned arg);
void view_cpu_package_map(struct text *t, const struct snapshot *s, unsigned arg);
void view_cpu_package_list(struct text *t, const struct snapshot *s, unsigned arg);
bool cpu_topology_shown(const struct machine *m, unsigned cpu);
bool cpu_online_shown(const struct machine *m, unsigned cpu);
unsigned cpu_threads_per_core(const struct machine *m); /* 1 or 2 */

/* sys/firmware/dmi/tables: bytes, not text */
void view_dmi_entry_point(struct text *t, const struct snapshot *s, unsigned arg);
void view_dmi_table(struct text *t, const struct snapshot *s, unsigned arg);

/* proc/PID */
void view_task_status(struct text *t, struct task *task);
void view_task_statm(struct text *t, struct task *task);
void view_task_numa_maps(struct text *t, struct task *task);
void view_task_comm(struct text *t, struct task *task);
void view_task_oom_score(struct text *t, struct task *task);
void view_task_oom_score_adj(struct text *t, struct task *task);

/* The first online node behind `after` (NULL: of all); NULL when there is none. */
static inline const struct node *node_next_online(const struct machine *m, const struct node *after)
{
	for (const struct node *n = after ? after + 1 : m->node; n < m->node + m->nr_nodes; n++)
		if (n->online)
			return n;
	return NULL;
}
#define FOR_EACH_ONLINE_NODE(n, m)                                                                 \
	for (const struct node *n = node_next_online(m, NULL); n; n = node_next_online(m, n))

/* Counters of one node's zones, of all zones, of all nodes: as 6.1 prints them. */
uint64_t snap_node_zone_sum(const struct snapshot *s, unsigned nid, enum zone_stat item);
uint64_t snap_node_numa_sum(const struct snapshot *s, unsigned nid, enum numa_stat item);
uint64_t snap_node_managed(const struct snapshot *s, unsigned nid);
uint64_t snap_zone_sum(const struct snapshot *s, enum zone_stat item);
uint64_t snap_numa_sum(const struct snapshot *s, enum numa_stat item);
uint64_t snap_node_sum(const struct snapshot *s, enum node_stat item);
/* What 6.1 keeps back from everyone (totalreserve_pages). */
uint64_t snap_reserve_pages(const struct snapshot *s);

struct dirty_thresholds snap_dirty_thresholds(const struct snapshot *s); /* dirty.c */
bool zone_is_high(const struct zone *z); /* counted as HighTotal */

#endif
