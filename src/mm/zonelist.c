/* SPDX-License-Identifier: MIT */
/*
 * Zonelists. A node comes first itself, then the others with memory, nearest
 * first. A node without CPUs is preferred at equal distance, and so is one
 * with a higher number; what remains equal is decided by how often a node was
 * already the first of a new distance for somebody else, so that the nodes of
 * a ring do not all fall back on the same neighbour.
 */

#include "mm/zonelist.h"

#include "base/mem.h"

#include <errno.h>

static uint64_t node_value(const struct machine *m, unsigned from, unsigned to,
			   const struct zonelist_load *load)
{
	uint64_t value = m->node[from].distance[to];
	value += to < from;
	value += !mask_empty(&m->node[to].cpus);
	return value * MM_NODES_MAX + load->load[to];
}

static unsigned node_next_best(const struct machine *m, unsigned from, const bool *used,
			       const struct zonelist_load *load)
{
	unsigned best = MM_NODES_MAX;
	uint64_t best_value = UINT64_MAX;
	for (unsigned to = 0; to < m->nr_nodes; to++) {
		if (used[to] || !m->node[to].has_memory)
			continue;
		uint64_t value = node_value(m, from, to, load);
		if (value < best_value) {
			best_value = value;
			best = to;
		}
	}
	return best;
}

unsigned node_fallback_order(const struct machine *m, unsigned node, struct zonelist_load *load,
			     unsigned *order)
{
	bool used[MM_NODES_MAX] = { false };
	const uint8_t *distance = m->node[node].distance;
	unsigned previous = node, n = 0;

	order[n++] = node;
	used[node] = true;
	for (unsigned next; (next = node_next_best(m, node, used, load)) < MM_NODES_MAX;) {
		if (distance[next] != distance[previous])
			load->load[next]++;
		order[n++] = next;
		used[next] = true;
		previous = next;
	}
	return n;
}

static void zonelist_add_node(struct node *n, const struct node *from)
{
	for (unsigned t = n->machine->nr_zone_types; t-- > 0;) {
		struct zone *z = from->zone[t];
		if (z->managed)
			n->zonelist[n->nr_zonelist++] = (struct zoneref){ .zone = z, .type = (uint8_t)t };
	}
}

static void node_find_own(struct node *n)
{
	for (unsigned highest = 0; highest < n->machine->nr_zone_types; highest++)
		for (unsigned i = n->nr_zonelist_thisnode; i-- > 0;)
			if (n->zonelist[i].type <= highest)
				n->own[highest] = n->zonelist[i].zone;
}

int machine_build_zonelists(struct machine *m)
{
	struct zonelist_load load = { { 0 } };
	unsigned order[MM_NODES_MAX];

	for (unsigned i = 0; i < m->nr_nodes; i++) {
		struct node *n = &m->node[i];
		if (!n->online)
			continue;
		n->zonelist = mem_zalloc((size_t)m->nr_zones * sizeof(*n->zonelist));
		if (!n->zonelist)
			return -ENOMEM;
		unsigned nr = node_fallback_order(m, i, &load, order);
		for (unsigned k = 0; k < nr; k++) {
			zonelist_add_node(n, &m->node[order[k]]);
			if (k == 0)
				n->nr_zonelist_thisnode = n->nr_zonelist;
		}
		node_find_own(n);
	}
	return 0;
}

void machine_free_zonelists(struct machine *m)
{
	for (unsigned i = 0; i < m->nr_nodes; i++)
		mem_free(m->node[i].zonelist);
}
