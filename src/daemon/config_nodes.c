/* SPDX-License-Identifier: MIT */
/*
 * From what the nodes' sections say to nodes that fit together: where their
 * memory lies, which CPUs they own, how far apart they are.
 *
 * memory = SIZE takes the addresses from where the node before it that has a
 * size ended, the first one from 0. Firmware keeps frame 0 and the frames from
 * 0x9f to 0xff of a PC to itself, so a machine that has memory at address 0
 * has a hole there; it is cut out here, before anyone counts.
 */
#include "base/mem.h"
#include "base/parse.h"
#include "daemon/config_plan.h"

#include <errno.h>
#include <string.h>

#define PC_FIRST_FRAME 1u
#define PC_HOLE_START 0x9fu
#define PC_HOLE_END 0x100u
#define DISTANCE_LOCAL 10u
#define DISTANCE_REMOTE 20u

static int memory_line(const struct node_plan *n)
{
	return n->key_line[KEY_MEMORY] ? n->key_line[KEY_MEMORY] : n->line;
}

/* The first frame that no memory may reach, and what says so. */
static uint64_t frames_end(const struct machine_plan *p, const char **reason)
{
	if (p->bits == 64) {
		*reason = "frame 4294967294 is the last that ummfs can number (16T less 4M)";
		return ALIGN_DOWN((uint64_t)MM_HIGHEST_PFN + 1, PLAN_UNIT);
	}
	if (p->pageblock_order == 10) {
		*reason = "a 32-bit machine without PAE (pageblock_order = 10) ends at 4G";
		return (4ul << 30) / PAGE_SIZE;
	}
	*reason = "a 32-bit machine with PAE ends at 64G";
	return (64ul << 30) / PAGE_SIZE;
}

static int range_compare(const void *a, const void *b)
{
	const struct pfn_range *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

/* A size becomes the range behind the last one that was made so. */
static int node_place(struct machine_plan *p, struct node_plan *n, uint64_t *next)
{
	if (!n->size)
		return 0;
	if (n->size > UINT64_MAX / PAGE_SIZE - *next)
		return plan_fail(p, memory_line(n), -EINVAL, "memory: too large");
	n->range = mem_zalloc(sizeof(*n->range));
	if (!n->range)
		return plan_fail(p, n->line, -ENOMEM, "no memory");
	n->range[0] = (struct pfn_range){ *next, *next + n->size };
	n->nr_ranges = 1;
	*next += n->size;
	return 0;
}

/* Sorted; neighbours become one. Those that overlap fail. */
static int node_sort(struct machine_plan *p, struct node_plan *n)
{
	unsigned kept = 0;

	qsort(n->range, n->nr_ranges, sizeof(*n->range), range_compare);
	for (unsigned i = 0; i < n->nr_ranges; i++) {
		struct pfn_range *last = kept ? &n->range[kept - 1] : NULL;
		if (last && n->range[i].start < last->end)
			return plan_fail(p, memory_line(n), -EINVAL,
					 "memory: two ranges of this node overlap at address %lu MiB",
					 (unsigned long)(n->range[i].start >> 8));
		if (last && n->range[i].start == last->end)
			last->end = n->range[i].end;
		else
			n->range[kept++] = n->range[i];
	}
	n->nr_ranges = kept;
	return 0;
}

static int node_check_end(struct machine_plan *p, const struct node_plan *n)
{
	const char *reason;
	uint64_t end = frames_end(p, &reason);

	if (!n->nr_ranges || n->range[n->nr_ranges - 1].end <= end)
		return 0;
	return plan_fail(p, memory_line(n), -EINVAL, "memory reaches to %lu MiB: %s",
			 (unsigned long)(n->range[n->nr_ranges - 1].end >> 8), reason);
}

/* Both lists are sorted. */
static int nodes_check_overlap(struct machine_plan *p, unsigned a, unsigned b)
{
	const struct node_plan *x = &p->node[a], *y = &p->node[b];

	for (unsigned i = 0, k = 0; i < x->nr_ranges && k < y->nr_ranges;) {
		if (x->range[i].end <= y->range[k].start)
			i++;
		else if (y->range[k].end <= x->range[i].start)
			k++;
		else
			return plan_fail(p, memory_line(y), -EINVAL,
					 "memory overlaps that of node %u (line %d) at address %lu MiB",
					 a, memory_line(x),
					 (unsigned long)(MAX(x->range[i].start, y->range[k].start) >> 8));
	}
	return 0;
}

/* Memory at address 0 makes it a PC: what firmware keeps is no memory. */
static int node_cut_pc_hole(struct machine_plan *p, struct node_plan *n)
{
	if (!n->nr_ranges || n->range[0].start)
		return 0;
	struct pfn_range *grown = mem_realloc(n->range, (n->nr_ranges + 1) * sizeof(*grown));
	if (!grown)
		return plan_fail(p, n->line, -ENOMEM, "no memory");
	memmove(grown + 1, grown, n->nr_ranges++ * sizeof(*grown));
	grown[0] = (struct pfn_range){ PC_FIRST_FRAME, PC_HOLE_START };
	grown[1].start = PC_HOLE_END;
	n->range = grown;
	return 0;
}

static int lay_out_memory(struct machine_plan *p)
{
	uint64_t next = 0, pages = 0;
	int error = 0;

	for (unsigned i = 0; i < p->nr_nodes && !error; i++) {
		struct node_plan *n = &p->node[i];
		error = node_place(p, n, &next);
		if (!error && n->nr_ranges)
			error = node_sort(p, n);
		if (!error)
			error = node_check_end(p, n);
		for (unsigned before = 0; before < i && !error; before++)
			error = nodes_check_overlap(p, before, i);
	}
	for (unsigned i = 0; i < p->nr_nodes && !error; i++) {
		struct node_plan *n = &p->node[i];
		error = node_cut_pc_hole(p, n);
		for (unsigned k = 0; k < n->nr_ranges; k++)
			n->pages += n->range[k].end - n->range[k].start;
		pages += n->pages;
	}
	if (!error && !pages)
		error = plan_fail(p, 0, -EINVAL, "no node has memory: give [node 0] memory = 512M");
	return error;
}

static int node_own_cpus(struct machine_plan *p, struct machine_spec *s, unsigned node)
{
	const struct node_plan *n = &p->node[node];

	MASK_FOR_EACH(cpu, &n->cpus) {
		for (unsigned other = 0; other < node; other++)
			if (mask_has(&p->node[other].cpus, cpu))
				return plan_fail(p, n->key_line[KEY_CPUS], -EINVAL,
						 "cpus: CPU %u is on node %u already (line %d)",
						 cpu, other, p->node[other].key_line[KEY_CPUS]);
		mask_set(&s->cpus_online, cpu);
	}
	s->node[node].cpus = n->cpus;
	return 0;
}

static int lay_out_cpus(struct machine_plan *p, struct machine_spec *s)
{
	for (unsigned n = 0; n < p->nr_nodes; n++) {
		int error = node_own_cpus(p, s, n);
		if (error)
			return error;
	}
	if (mask_empty(&s->cpus_online))
		return plan_fail(p, 0, -EINVAL, "no node has a CPU: give [node 0] cpus = 0-1");
	if (!mask_has(&s->cpus_online, 0))
		return plan_fail(p, 0, -EINVAL, "no node has CPU 0, which a machine starts on");

	s->cpus_possible = p->key_line[KEY_POSSIBLE_CPUS] ? p->possible_cpus : s->cpus_online;
	MASK_FOR_EACH(cpu, &s->cpus_online)
		if (!mask_has(&s->cpus_possible, cpu))
			return plan_fail(p, p->key_line[KEY_POSSIBLE_CPUS], -EINVAL,
					 "possible_cpus: CPU %u is on a node and has to be possible", cpu);
	MASK_FOR_EACH(cpu, &s->cpus_possible)
		s->nr_cpu_ids = cpu + 1;
	return 0;
}

/* One node's distances, as its line gives them: one for each node that there is. */
static int node_take_distances(struct machine_plan *p, struct machine_spec *s, unsigned node)
{
	const struct node_plan *n = &p->node[node];
	int line = n->key_line[KEY_DISTANCE];
	unsigned nr = 0;

	for (unsigned to = 0; to < p->nr_nodes; to++) {
		if (!p->node[to].line)
			continue;
		if (nr < n->nr_distances)
			s->node[node].distance[to] = n->distance[nr];
		nr++;
	}
	if (nr != n->nr_distances)
		return plan_fail(p, line, -EINVAL, "distance: %u numbers for a machine of %u nodes",
				 n->nr_distances, nr);
	for (unsigned to = 0; to < p->nr_nodes; to++) {
		unsigned distance = s->node[node].distance[to];
		if (p->node[to].line && (distance == DISTANCE_LOCAL) != (to == node))
			return plan_fail(p, line, -EINVAL,
					 "distance: %u from node %u to node %u: must be 10 to itself and 11 to 255 to others",
					 distance, node, to);
	}
	return 0;
}

/* What a node without a line of its own has: the way back, or the defaults. */
static void node_derive_distances(const struct machine_plan *p, struct machine_spec *s, unsigned node)
{
	for (unsigned to = 0; to < p->nr_nodes; to++) {
		uint8_t *distance = &s->node[node].distance[to];
		if (!p->node[to].line)
			continue;
		if (to == node)
			*distance = DISTANCE_LOCAL;
		else if (p->node[to].nr_distances)
			*distance = s->node[to].distance[node];
		else
			*distance = DISTANCE_REMOTE;
	}
}

static int nodes_check_symmetry(struct machine_plan *p, const struct machine_spec *s, unsigned node)
{
	for (unsigned to = 0; to < node; to++) {
		unsigned there = s->node[node].distance[to], back = s->node[to].distance[node];
		if (there != back)
			return plan_fail(p, p->node[node].key_line[KEY_DISTANCE], -EINVAL,
					 "distance: %u from node %u to node %u and %u back (line %d): must be the same",
					 there, node, to, back, p->node[to].key_line[KEY_DISTANCE]);
	}
	return 0;
}

static int lay_out_distances(struct machine_plan *p, struct machine_spec *s)
{
	int error = 0;

	for (unsigned n = 0; n < p->nr_nodes && !error; n++)
		if (p->node[n].nr_distances)
			error = node_take_distances(p, s, n);
	for (unsigned n = 0; n < p->nr_nodes && !error; n++)
		if (p->node[n].line && !p->node[n].nr_distances)
			node_derive_distances(p, s, n);
	for (unsigned n = 0; n < p->nr_nodes && !error; n++)
		error = nodes_check_symmetry(p, s, n);
	return error;
}

static int nodes_check(struct machine_plan *p)
{
	if (!p->nr_nodes)
		return plan_fail(p, 0, -EINVAL, "no [node N] section: a machine has at least [node 0]");
	if (!p->node[0].line)
		return plan_fail(p, p->node[p->nr_nodes - 1].line, -EINVAL,
				 "there is no [node 0], which every machine has: number the nodes from 0");
	for (unsigned n = 0; n < p->nr_nodes; n++) {
		const struct node_plan *plan = &p->node[n];
		if (!plan->line)
			continue;
		if (!plan->size && !plan->nr_ranges && mask_empty(&plan->cpus))
			return plan_fail(p, plan->line, -EINVAL,
					 "node %u has neither memory nor CPUs: give it one or leave it out",
					 n);
		if (p->bits == 32 && n)
			return plan_fail(p, plan->line, -EINVAL,
					 "[node %u]: a machine with bits = 32 has node 0 only", n);
	}
	return 0;
}

int config_lay_out(struct machine_plan *p, struct machine_spec *s)
{
	int error = nodes_check(p);
	if (error)
		return error;
	error = machine_spec_set_nodes(s, p->nr_nodes);
	if (error)
		return plan_fail(p, 0, error, "no memory for %u nodes", p->nr_nodes);
	for (unsigned n = 0; n < p->nr_nodes; n++) {
		s->node[n].online = p->node[n].line != 0;
		s->node[n].host_node = p->node[n].host_node;
	}
	error = lay_out_memory(p);
	if (!error)
		error = config_lay_out_dimms(p, s);
	if (!error)
		error = lay_out_cpus(p, s);
	return error ? error : lay_out_distances(p, s);
}
