/* SPDX-License-Identifier: MIT */
/*
 * sys/devices/system/node (drivers/base/node.c, 6.1): which nodes there are,
 * and what one node is and holds. Present on machines with NUMA.
 *
 * Possible nodes are all numbers up to the highest one. A CPU counts for its
 * node while it is online.
 */
#include "view/label.h"
#include "view/views.h"

static void mask_line(struct text *t, const struct mask *mask)
{
	mask_print_list(t, mask);
	text_char(t, '\n');
}

static struct mask node_cpus(const struct machine *m, const struct node *n)
{
	struct mask cpus = n->cpus;
	for (unsigned i = 0; i < MASK_WORDS; i++)
		cpus.w[i] &= m->cpus_online.w[i];
	return cpus;
}

static bool node_has_kind_up_to(const struct node *n, enum zone_kind last)
{
	for (unsigned type = 0; type < n->machine->nr_zone_types; type++)
		if (zone_populated(n->zone[type]) && n->zone[type]->kind <= last)
			return true;
	return false;
}

static bool node_is_online(const struct node *n)
{
	return n->online;
}

static bool node_has_cpu(const struct node *n)
{
	struct mask cpus = node_cpus(n->machine, n);
	return !mask_empty(&cpus);
}

static bool node_has_memory(const struct node *n)
{
	return n->has_memory;
}

static bool node_has_normal_memory(const struct node *n)
{
	return node_has_kind_up_to(n, ZONE_NORMAL);
}

static bool node_has_high_memory(const struct node *n)
{
	return node_has_kind_up_to(n, ZONE_HIGHMEM);
}

static void nodes_line(struct text *t, const struct snapshot *s, bool (*want)(const struct node *n))
{
	struct mask mask;
	mask_clear(&mask);
	FOR_EACH_ONLINE_NODE(n, s->machine)
		if (want(n))
			mask_set(&mask, n->id);
	mask_line(t, &mask);
}

void view_nodes_online(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	nodes_line(t, s, node_is_online);
}

void view_nodes_possible(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	struct mask mask;
	mask_clear(&mask);
	for (unsigned nid = 0; nid < s->machine->nr_nodes; nid++)
		mask_set(&mask, nid);
	mask_line(t, &mask);
}

void view_nodes_has_cpu(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	nodes_line(t, s, node_has_cpu);
}

void view_nodes_has_memory(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	nodes_line(t, s, node_has_memory);
}

void view_nodes_has_normal_memory(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	nodes_line(t, s, node_has_normal_memory);
}

void view_nodes_has_high_memory(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	nodes_line(t, s, node_has_high_memory);
}

/* Devices that start memory traffic on their own, without CPUs or memory: none here. */
void view_nodes_has_generic_initiator(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)s;
	(void)arg;
	text_char(t, '\n');
}

void view_node_cpulist(struct text *t, const struct snapshot *s, unsigned arg)
{
	struct mask cpus = node_cpus(s->machine, &s->machine->node[arg]);
	mask_line(t, &cpus);
}

void view_node_cpumap(struct text *t, const struct snapshot *s, unsigned arg)
{
	struct mask cpus = node_cpus(s->machine, &s->machine->node[arg]);
	mask_print_hex(t, &cpus, s->machine->nr_cpu_ids);
	text_char(t, '\n');
}

void view_node_distance(struct text *t, const struct snapshot *s, unsigned arg)
{
	bool first = true;
	FOR_EACH_ONLINE_NODE(n, s->machine) {
		if (!first)
			text_char(t, ' ');
		text_u64(t, s->machine->node[arg].distance[n->id]);
		first = false;
	}
	text_char(t, '\n');
}

void view_node_numastat(struct text *t, const struct snapshot *s, unsigned arg)
{
	struct chunk c;
	chunk_init(&c, t);
	for (unsigned i = 0; i < NR_NUMA_STATS; i++)
		label_line(&c, &numastat_label[i], snap_node_numa_sum(s, arg, i));
	chunk_flush(&c);
}

void view_node_vmstat(struct text *t, const struct snapshot *s, unsigned arg)
{
	const struct machine *m = s->machine;
	struct chunk c;
	chunk_init(&c, t);
	for (unsigned i = 0; i < m->shown.nr_zone; i++)
		label_line(&c, &zone_label[m->shown.zone[i]],
			   snap_node_zone_sum(s, arg, m->shown.zone[i]));
	for (unsigned i = 0; i < m->shown.nr_numa; i++)
		label_line(&c, &numa_label[i], snap_node_numa_sum(s, arg, i));
	for (unsigned i = 0; i < m->shown.nr_node; i++) {
		unsigned item = m->shown.node[i];
		label_line(&c, &node_label[item],
			   node_stat_shown_value(m, item, snap_pages(s->node[arg].stat[item])));
	}
	chunk_flush(&c);
}
