/* SPDX-License-Identifier: MIT */
/*
 * Every capture is booted from its files and prints them again: every line of
 * zoneinfo, meminfo, vmstat and of each node's meminfo, vmstat and numastat.
 * Lines that may differ are listed by name, and each of them must: what has
 * become equal leaves the list. Then the imported memory goes, and nothing may
 * be left of it in any counter of lists and kinds.
 */
#include "mm/pcp.h"
#include "support/golden.h"
#include "support/state_dir.h"
#include "view/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NODE_FILES "sys/devices/system/node/"

static const struct drift {
	const char *capture, *file, *names;
} drifts[] = {
#include "import_drift.inc"
};

/* "nr_free_pages 12", "Node 0 Slab: 12 kB": the name in front of the number. */
static void line_name(const char *line, char name[64])
{
	unsigned node;
	int skip = 0;
	if (sscanf(line, "Node %u %n", &node, &skip) < 1)
		skip = 0;
	if (sscanf(line + skip, "%63s", name) != 1)
		*name = 0;
}

static const char *drift_names(const char *capture, const char *path)
{
	size_t node = strlen(NODE_FILES);
	const char *file = strncmp(path, NODE_FILES, node) ? path : path + node;
	for (unsigned i = 0; i < ARRAY_LEN(drifts); i++)
		if (!strcmp(drifts[i].capture, capture) && !strcmp(drifts[i].file, file))
			return drifts[i].names;
	return "";
}

static char *line_cut(char **at)
{
	char *line = *at, *end = strchr(line, '\n');
	if (!*line)
		return NULL;
	if (end)
		*end = 0;
	*at = end ? end + 1 : line + strlen(line);
	return line;
}

/* `names` is used up from its front: drift is listed in the order of the lines. */
static void text_compare(const char *capture, const char *path, char *kernel, char *ours)
{
	const char *names = drift_names(capture, path);
	for (unsigned n = 1;; n++) {
		const char *x = line_cut(&kernel), *y = line_cut(&ours);
		char name[64];
		if (!x && !y)
			break;
		if (x && y && !strcmp(x, y))
			continue;
		line_name(x ? x : "", name);
		size_t len = strlen(name);
		if (!x || !y || !len || strncmp(names, name, len) || (names[len] && names[len] != ' '))
			fail_msg("%s/%s, line %u: kernel \"%s\", ours \"%s\"", capture, path, n,
				 x ? x : "(end)", y ? y : "(end)");
		names += len + (names[len] == ' ');
	}
	if (*names)
		fail_msg("%s/%s: \"%s\" no longer differ", capture, path, names);
}

static unsigned file_compare(const char *capture, const struct state_dir *d,
			     const struct snapshot *s, const struct view *v, unsigned arg)
{
	char path[256], name[512];
	snprintf(path, sizeof(path), v->path, arg);
	snprintf(name, sizeof(name), "%s/%s", d->path, path);
	if (access(name, R_OK))
		return 0;
	char *kernel = state_dir_read(d, path);
	struct text t;
	text_init(&t, 0);
	v->render(&t, s, arg);
	assert_int_equal(text_error(&t), 0);
	char *ours = strdup(text_cstr(&t));
	text_compare(capture, path, kernel, ours);
	free(ours);
	free(kernel);
	text_fini(&t);
	return 1;
}

static const char *const files[] = {
	"proc/zoneinfo",
	"proc/meminfo",
	"proc/vmstat",
	"proc/swaps",
	NODE_FILES "node%u/meminfo",
	NODE_FILES "node%u/vmstat",
	NODE_FILES "node%u/numastat",
};

static bool view_wanted(const struct view *v)
{
	for (unsigned i = 0; i < ARRAY_LEN(files); i++)
		if (!strcmp(v->path, files[i]))
			return true;
	return false;
}

static unsigned files_compare(const char *capture, const struct state_dir *d, struct state_vm *s)
{
	struct snapshot snap;
	unsigned compared = 0;
	assert_int_equal(snapshot_init(&snap, &s->vm.machine), 0);
	snapshot_fill(&snap, &s->vm, SNAP_ALL);
	for (unsigned i = 0; i < nr_views; i++) {
		const struct view *v = &view_table[i];
		unsigned nr = v->scope == VIEW_NODE ? s->vm.machine.nr_nodes : 1;
		for (unsigned n = 0; view_wanted(v) && n < nr; n++)
			if (!v->shown || v->shown(&s->vm.machine, n))
				compared += file_compare(capture, d, &snap, v, n);
	}
	snapshot_fini(&snap);
	return compared;
}

/* What the imported task held is gone from every counter; nothing but its own had been in them. */
static void memory_gone(const char *capture, struct state_vm *s)
{
	static const enum node_stat items[] = { NR_INACTIVE_ANON, NR_ACTIVE_ANON,  NR_INACTIVE_FILE,
						NR_ACTIVE_FILE,   NR_UNEVICTABLE,  NR_ANON_MAPPED,
						NR_FILE_PAGES,    NR_SHMEM,        NR_FILE_MAPPED,
						NR_FILE_DIRTY,    NR_WRITEBACK,    NR_ANON_THPS,
						NR_ISOLATED_ANON, NR_ISOLATED_FILE };
	reclaim_drop_pagecache(&s->vm.policy);
	state_verify(s);
	assert_int_equal(task_remove(&s->vm, "imported"), 0);
	state_verify(s);
	machine_drain(&s->vm.machine);
	machine_stat_fold(&s->vm.machine);
	state_verify(s);
	for (unsigned n = 0; n < s->vm.machine.nr_nodes; n++)
		for (unsigned i = 0; i < ARRAY_LEN(items); i++)
			if (node_stat_sum(&s->vm.machine.node[n], items[i]))
				fail_msg("%s, node %u: %s is still %ld", capture, n,
					 node_stat_name[items[i]],
					 (long)node_stat_sum(&s->vm.machine.node[n], items[i]));
}

static void test_captures(void **state)
{
	(void)state;
	for (unsigned i = 0; i < golden_nr_captures; i++) {
		const char *capture = strchr(golden_captures[i], '/') + 1;
		struct state_dir d;
		state_dir_make(&d, capture);
		struct state_vm *s = state_boot(&d);
		unsigned nodes = s->vm.machine.numa ? s->vm.machine.nr_nodes : 0;
		assert_int_equal(files_compare(capture, &d, s), 4 + 3 * nodes);
		memory_gone(capture, s);
		state_end(s);
		state_dir_remove(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
