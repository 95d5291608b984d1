/* SPDX-License-Identifier: MIT */
/*
 * A captured scenario of huge pages, step by step: the machine is imported as it
 * was before, every write of the log and every mapping of the processes follows,
 * and wherever the kernel's files were captured, each line that is about huge
 * pages must be the same: of meminfo, of the nodes' meminfo, of vmstat, and
 * every file of the pools.
 *
 * hugepages/MACHINE-d.tsv has these lines by step, MACHINE-d-00-before the files
 * that the machine is imported from, MACHINE-d.writes what was written. How many
 * pages a write of 1000000 gets depends on what is free, so from there on what
 * htlb_buddy_alloc_success and _fail have counted is compared from that step on.
 */
#include "knob/knob.h"
#include "support/state_dir.h"
#include "view/views.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MACHINE "6.1.0-50-amd64-T3"
#define NR "proc/sys/vm/nr_hugepages"
#define OVERCOMMIT "proc/sys/vm/nr_overcommit_hugepages"
#define NODE_NR(n) "sys/devices/system/node/node" n "/hugepages/hugepages-2048kB/nr_hugepages"

struct replay {
	struct state_vm *s;
	char *lines, *log, *log_at;
	uint64_t success_offset, fail_offset;
	bool counts_differ; /* and by how much is not known */
	unsigned compared;
};

static char *file_of(const char *name)
{
	const char *root = getenv("SRCDIR");
	char path[512];
	snprintf(path, sizeof(path), "%s/tests/oracle/hugepages/%s", root ? root : ".", name);
	return file_text(path);
}

static struct state_vm *machine_before(void)
{
	static const char *const files[] = { "buddyinfo", "meminfo", "vmstat", "zoneinfo" };
	struct state_dir d;
	state_dir_make(&d, MACHINE);
	state_dir_drop(&d, "proc/pagetypeinfo"); /* of another boot */
	for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
		char from[128], to[64];
		snprintf(from, sizeof(from), MACHINE "-d-00-before/%s", files[i]);
		snprintf(to, sizeof(to), "proc/%s", files[i]);
		char *text = file_of(from);
		state_dir_write(&d, to, text);
		free(text);
	}
	struct state_vm *s = state_boot(&d);
	state_dir_remove(&d);
	return s;
}

/* ---- Files of the tree ---- */

static const struct knob *knob_at(const struct machine *m, const char *path, unsigned *arg)
{
	char at[256];
	for (unsigned i = 0; i < nr_knobs; i++)
		for (*arg = 0; *arg < m->nr_nodes; ++*arg)
			if (knob_shown(&knob_table[i], m, *arg) &&
			    knob_path(&knob_table[i], m, *arg, at, sizeof(at)) > 0 && !strcmp(at, path))
				return &knob_table[i];
	fail_msg("no %s", path);
	return NULL;
}

static void tree_text(struct replay *r, const char *path, struct text *t)
{
	struct snapshot snap;
	unsigned arg = 0;
	assert_int_equal(snapshot_init(&snap, &r->s->vm.machine), 0);
	snapshot_fill(&snap, &r->s->vm, SNAP_ALL);
	if (!strcmp(path, "proc/meminfo"))
		view_meminfo(t, &snap, 0);
	else if (!strcmp(path, "proc/vmstat"))
		view_vmstat(t, &snap, 0);
	else if (sscanf(path, "sys/devices/system/node/node%u/meminfo", &arg) == 1 && strstr(path, "/meminfo"))
		view_node_meminfo(t, &snap, arg);
	else {
		const struct knob *k = knob_at(&r->s->vm.machine, path, &arg);
		assert_int_equal(knob_read(k, &r->s->vm, arg, t), 0);
	}
	snapshot_fini(&snap);
}

/* ---- Comparing ---- */

static uint64_t event_of(struct replay *r, enum vm_event e)
{
	struct snapshot snap;
	assert_int_equal(snapshot_init(&snap, &r->s->vm.machine), 0);
	snapshot_fill(&snap, &r->s->vm, SNAP_EVENTS);
	uint64_t n = snap.event[e];
	snapshot_fini(&snap);
	return n;
}

/* A counter of vmstat, from where it can be compared. */
static bool counter_same(struct replay *r, const char *line)
{
	unsigned long long want;
	if (sscanf(line, "htlb_buddy_alloc_success %llu", &want) == 1)
		return r->counts_differ || event_of(r, HTLB_BUDDY_PGALLOC) + r->success_offset == want;
	if (sscanf(line, "htlb_buddy_alloc_fail %llu", &want) == 1)
		return r->counts_differ || event_of(r, HTLB_BUDDY_PGALLOC_FAIL) + r->fail_offset == want;
	return false;
}

static bool line_there(struct replay *r, const char *path, const char *line)
{
	struct text t;
	char with[256];
	text_init(&t, 0);
	text_char(&t, '\n');
	tree_text(r, path, &t);
	snprintf(with, sizeof(with), "\n%s\n", line);
	bool there = strstr(text_cstr(&t), with);
	text_fini(&t);
	return there || (!strcmp(path, "proc/vmstat") && counter_same(r, line));
}

static void step_compare(struct replay *r, const char *step)
{
	char *copy = strdup(r->lines), *at = copy;
	unsigned lines = 0, differ = 0;
	for (char *line; (line = strsep(&at, "\n"));) {
		char *name = strsep(&line, "\t"), *path = strsep(&line, "\t");
		if (!line || strcmp(name, step))
			continue;
		lines++;
		if (line_there(r, path, line))
			continue;
		differ++;
		print_message("%s: %s: not \"%s\"\n", step, path, line);
	}
	assert_int_equal(lines, 26);
	assert_int_equal(differ, 0);
	r->compared++;
	state_verify(r->s);
	free(copy);
}

/* ---- Doing ---- */

/* The log must have this write next. */
static void log_has(struct replay *r, const char *path, const char *value, ssize_t bytes)
{
	char want[256];
	const char *line = strsep(&r->log_at, "\n");
	snprintf(want, sizeof(want), "write \"%s\\n\" to /%s: %zd bytes", value, path, bytes);
	assert_string_equal(line, want);
}

static void put(struct replay *r, const char *path, const char *value)
{
	unsigned arg;
	char text[32];
	snprintf(text, sizeof(text), "%s\n", value);
	const struct knob *k = knob_at(&r->s->vm.machine, path, &arg);
	ssize_t taken = knob_write(k, &r->s->vm, arg, text, strlen(text));
	assert_int_equal(taken, strlen(text));
	log_has(r, path, value, taken);
}

/* A process on a CPU maps huge pages and touches some. */
static void process(struct replay *r, const char *name, unsigned cpu, const char *line, ssize_t result)
{
	struct task *t = task_find(&r->s->vm, name);
	if (!t) {
		char text[16];
		assert_int_equal(task_create(&r->s->vm, name, 0, 0, &t), 0);
		snprintf(text, sizeof(text), "%u", cpu);
		assert_int_equal(task_attr_write(t, task_attr_find("cpu"), text, strlen(text)),
				 strlen(text));
	}
	assert_int_equal(task_attr_write(t, task_attr_find("hugetlb"), line, strlen(line)), result);
	task_put(t);
}

static void process_ends(struct replay *r, const char *name)
{
	assert_int_equal(task_remove(&r->s->vm, name), 0);
}

/* ---- The scenario ---- */

static void replay_sizes(struct replay *r)
{
	step_compare(r, "00-before");
	put(r, NR, "64");
	step_compare(r, "nr-64");
	put(r, NR, "512");
	step_compare(r, "nr-512");
	put(r, NR, "10");
	put(r, NR, "1000000");
	assert_in_range(r->s->vm.hugetlb->nr, 3700, 4000); /* of 8 GiB */
	put(r, NR, "0");
	r->counts_differ = true;
	step_compare(r, "nr-0");
	r->counts_differ = false;
	r->success_offset = 4388 - event_of(r, HTLB_BUDDY_PGALLOC);
	r->fail_offset = 78 - event_of(r, HTLB_BUDDY_PGALLOC_FAIL);
}

static void replay_processes(struct replay *r)
{
	const struct hugetlb *h = r->s->vm.hugetlb;
	put(r, OVERCOMMIT, "6");
	put(r, NR, "8");
	step_compare(r, "oc6-nr8");
	process(r, "first", 0, "2M 4 0", 6);
	step_compare(r, "map4-touch0");
	process(r, "second", 4, "2M 4 2", 6);
	step_compare(r, "map4-touch2");
	process(r, "third", 0, "2M 5", 4);
	assert_int_equal(h->nr, 13);
	assert_int_equal(h->nr_surplus, 5);
	process(r, "third", 0, "2M +2", -ENOMEM);
	assert_int_equal(h->nr_surplus, 5);
	put(r, NR, "2");
	assert_int_equal(h->nr, 13);
	assert_int_equal(h->nr_surplus, 11);
	process_ends(r, "first");
	process_ends(r, "second");
	process_ends(r, "third");
	step_compare(r, "release-all");
	put(r, OVERCOMMIT, "0");
	put(r, NR, "0");
	step_compare(r, "zero");
}

static void replay_nodes(struct replay *r)
{
	put(r, NODE_NR("0"), "10");
	put(r, NODE_NR("1"), "15");
	step_compare(r, "pernode-10-15");
	put(r, NODE_NR("0"), "3");
	put(r, NR, "21");
	step_compare(r, "global-21");
	put(r, NR, "4");
	step_compare(r, "global-4");
	put(r, NODE_NR("0"), "1000000");
	assert_in_range(r->s->vm.hugetlb->node[0].nr, 1750, 2000); /* captured: 1903 */
	put(r, NR, "0");
	r->counts_differ = true;
	step_compare(r, "end-zero");
}

static void test_scenario_d(void **state)
{
	(void)state;
	struct replay r = { .s = machine_before(),
			    .lines = file_of(MACHINE "-d.tsv"),
			    .log = file_of(MACHINE "-d.writes") };
	r.log_at = r.log;
	replay_sizes(&r);
	replay_processes(&r);
	replay_nodes(&r);
	assert_int_equal(r.compared, 13);
	assert_string_equal(r.log_at, ""); /* nothing of the log is left */
	free(r.lines);
	free(r.log);
	state_end(r.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenario_d),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
