/* SPDX-License-Identifier: MIT */
#include "fs/tree.h"

#include <errno.h>
#include <string.h>

/*
 * Rows become files: `%u` in the path of a row is a node or a CPU, and the row
 * is one file for each of them. Nodes: the online ones. CPUs: the possible
 * ones. The links between nodes and CPUs follow the machine's masks, as
 * drivers/base/node.c (6.1) registers them.
 */

#define ROW_PATH_MAX 256

/* Put the number wherever the row's path has %u. */
static void path_expand(char out[ROW_PATH_MAX], const char *path, unsigned arg)
{
	size_t n = 0;

	while (*path && n < ROW_PATH_MAX - 1) {
		if (path[0] == '%' && path[1] == 'u') {
			n += (size_t)snprintf(out + n, ROW_PATH_MAX - n, "%u", arg);
			path += 2;
		} else {
			out[n++] = *path++;
		}
	}
	ASSERT(n < ROW_PATH_MAX);
	out[n] = '\0';
}

static int view_add(struct tree *t, const struct machine *m, const struct view *v, unsigned arg)
{
	char path[ROW_PATH_MAX];

	if (v->shown && !v->shown(m, arg))
		return 0;
	path_expand(path, v->path, arg);
	return tree_add_view(t, path, v, arg) ? 0 : -ENOMEM;
}

static int view_add_row(struct tree *t, const struct machine *m, const struct view *v)
{
	int err = 0;

	switch (v->scope) {
	case VIEW_ONCE:
		return view_add(t, m, v, 0);
	case VIEW_NODE:
		for (unsigned n = 0; n < m->nr_nodes && !err; n++)
			if (m->node[n].online)
				err = view_add(t, m, v, n);
		return err;
	case VIEW_CPU:
		for (unsigned c = mask_next(&m->cpus_possible, 0); c < m->nr_cpu_ids && !err;
		     c = mask_next(&m->cpus_possible, c + 1))
			err = view_add(t, m, v, c);
		return err;
	default: /* VIEW_TASK: fs/inode.c finds those rows when a task is looked at */
		return 0;
	}
}

static int knob_add(struct tree *t, const struct machine *m, const struct knob *k, unsigned arg)
{
	char path[ROW_PATH_MAX];

	if (!knob_shown(k, m, arg))
		return 0;
	int n = knob_path(k, m, arg, path, sizeof(path));
	ASSERT(n > 0);
	return tree_add_knob(t, path, k, arg) ? 0 : -ENOMEM;
}

static int knob_add_row(struct tree *t, const struct machine *m, const struct knob *k)
{
	if (k->scope == KNOB_ONCE)
		return knob_add(t, m, k, 0);
	for (unsigned n = 0; n < m->nr_nodes; n++)
		if (m->node[n].online && knob_add(t, m, k, n))
			return -ENOMEM;
	return 0;
}

static int cpu_links_add(struct tree *t, unsigned node, unsigned cpu)
{
	char path[ROW_PATH_MAX], target[64];

	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/cpu%u", node, cpu);
	snprintf(target, sizeof(target), "../../cpu/cpu%u", cpu);
	if (!tree_add_link(t, path, target))
		return -ENOMEM;
	snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%u/node%u", cpu, node);
	snprintf(target, sizeof(target), "../../node/node%u", node);
	return tree_add_link(t, path, target) ? 0 : -ENOMEM;
}

static int cpus_add(struct tree *t, const struct machine *m)
{
	char path[ROW_PATH_MAX];

	MASK_FOR_EACH(cpu, &m->cpus_possible) {
		snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%u", cpu);
		if (!tree_add_dir(t, path))
			return -ENOMEM;
	}
	for (unsigned n = 0; n < m->nr_nodes; n++)
		MASK_FOR_EACH(cpu, &m->node[n].cpus)
			if (m->node[n].online && cpu_links_add(t, n, cpu))
				return -ENOMEM;
	return 0;
}

static int dynamic_add(struct tree *t)
{
	t->proc = tree_add_dir(t, "proc");
	t->tasks = tree_add_dir(t, "tasks");
	t->slab = tree_add_dir(t, "sys/kernel/slab");
	if (!t->proc || !t->tasks || !t->slab)
		return -ENOMEM;
	t->proc->dynamic = DYNAMIC_PIDS;
	t->tasks->dynamic = DYNAMIC_TASKS;
	t->slab->dynamic = DYNAMIC_CACHES;
	return 0;
}

/* debugfs keeps its root to root (fs/debugfs/inode.c, 6.1). */
static void debug_close(struct tree *t)
{
	struct entry *debug = tree_find(t, "sys/kernel/debug");

	if (debug)
		debug->mode = 0700;
}

int tree_build(struct tree *t, const struct machine *m, const char *dev_mem)
{
	for (unsigned i = 0; i < nr_views; i++)
		if (view_add_row(t, m, &view_table[i]))
			return -ENOMEM;
	for (unsigned i = 0; i < nr_knobs; i++)
		if (knob_add_row(t, m, &knob_table[i]))
			return -ENOMEM;
	if (cpus_add(t, m) || dynamic_add(t))
		return -ENOMEM;
	debug_close(t);
	if (!tree_add_kmsg(t, "dev/kmsg") || !tree_add_state(t, "state.tar"))
		return -ENOMEM;
	if (dev_mem && !tree_add_link(t, "dev/mem", dev_mem))
		return -ENOMEM;
	return 0;
}
