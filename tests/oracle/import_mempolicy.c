/* SPDX-License-Identifier: MIT */
/*
 * Scenario j as captured on a machine of two nodes: a process on CPU 0 touches
 * 64 MiB under each policy in turn, and numastat is read in between. The machine
 * of j/00-before is booted, a task does the same, and what each step adds to
 * numastat must be what it added there.
 *
 * Steps as captured: 64 MiB default (01), bind node 1 (02), preferred node 1 and
 * interleave 0-1 (both between 02 and 04), 4 GiB preferred node 1, which is more than is
 * free there, and all gone again (both between 04 and 07).
 *
 * Noise. The capture's own tools ran meanwhile, on CPUs of both nodes and with
 * the default policy: each of their pages is a numa_hit and a local_node of
 * the same node and nothing else. So other_node, interleave_hit, numa_miss and
 * numa_foreign are to be equal, the excess in numa_hit must be the same as that in
 * local_node, and on both nodes together it is no more than the page faults
 * that the mapping does not explain. (In the last step the process itself was
 * put on CPUs of the other node now and then, so there only miss, foreign and interleave_hit
 * are compared, and how far node 1 was used up: to its low mark, give or take what
 * was on the lists of CPUs.)
 */
#include "knob/knob.h"
#include "support/state_dir.h"
#include "view/views.h"
#include "vm/vm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEPS "tests/oracle/steps/6.1.0-50-amd64-T3-j-"
#define PAGES_64M 16384l
#define PAGES_4G (4l << 18)
#define LISTS_MOST 512l /* pages on the lists of the CPUs that use a node */

enum item { HIT, MISS, FOREIGN, INTERLEAVE, LOCAL, OTHER, ITEMS };

struct numastat {
	long n[2][ITEMS];
};

/* ---- What the kernel had ---- */

static char *captured(const char *step, const char *file)
{
	const char *root = getenv("SRCDIR");
	char path[512];
	snprintf(path, sizeof(path), "%s/" STEPS "%s/%s", root ? root : ".", step, file);
	FILE *f = fopen(path, "r");
	if (!f)
		fail_msg("no %s", path);
	char *text = calloc(1, 1 << 16);
	assert_non_null(text);
	text[fread(text, 1, (1 << 16) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static long field(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	if (!at)
		fail_msg("no %s", name);
	return atol(at + strlen(name));
}

static void numastat_parse(const char *text, long out[ITEMS])
{
	static const char *const name[ITEMS] = { "numa_hit ",       "numa_miss ",  "numa_foreign ",
						 "interleave_hit ", "local_node ", "other_node " };
	for (unsigned i = 0; i < ITEMS; i++)
		out[i] = field(text, name[i]);
}

static struct numastat numastat_captured(const char *step)
{
	struct numastat s;
	for (unsigned nid = 0; nid < 2; nid++) {
		char file[64];
		snprintf(file, sizeof(file), "sys/devices/system/node/node%u/numastat", nid);
		char *text = captured(step, file);
		numastat_parse(text, s.n[nid]);
		free(text);
	}
	return s;
}

static long faults_captured(const char *step)
{
	char *text = captured(step, "proc/vmstat");
	long faults = field(text, "\npgfault ");
	free(text);
	return faults;
}

static long free_captured(const char *step, unsigned nid)
{
	char file[64];
	snprintf(file, sizeof(file), "sys/devices/system/node/node%u/meminfo", nid);
	char *text = captured(step, file);
	long pages = field(text, " MemFree: ") / 4;
	free(text);
	return pages;
}

/* ---- What we have ---- */

static struct numastat numastat_ours(struct vm *vm)
{
	struct numastat s;
	struct snapshot snap;
	assert_int_equal(snapshot_init(&snap, &vm->machine), 0);
	snapshot_fill(&snap, vm, SNAP_ALL);
	for (unsigned nid = 0; nid < 2; nid++) {
		struct text t;
		text_init(&t, 0);
		view_node_numastat(&t, &snap, nid);
		numastat_parse(text_cstr(&t), s.n[nid]);
		text_fini(&t);
	}
	snapshot_fini(&snap);
	return s;
}

static struct state_vm *boot(void)
{
	static const char *const files[] = {
		"proc/zoneinfo",
		"proc/buddyinfo",
		"proc/meminfo",
		"proc/vmstat",
		"sys/devices/system/node/node0/meminfo",
		"sys/devices/system/node/node1/meminfo",
		"sys/devices/system/node/node0/numastat",
		"sys/devices/system/node/node1/numastat",
	};
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	state_dir_drop(&d, "proc/pagetypeinfo"); /* of another boot */
	for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
		char *text = captured("00-before", files[i]);
		state_dir_write(&d, files[i], text);
		free(text);
	}
	struct state_vm *s = state_boot(&d);
	state_dir_remove(&d);
	return s;
}

static void store(struct task *t, const char *attr, const char *value)
{
	const struct task_attr *a = task_attr_find(attr);
	assert_non_null(a);
	assert_int_equal(task_attr_write(t, a, value, strlen(value)), strlen(value));
}

static struct task *touch(struct vm *vm, const char *name, const char *policy, const char *bytes)
{
	struct task *t;
	assert_int_equal(task_create(vm, name, 0, 0, &t), 0);
	store(t, "cpu", "0");
	store(t, "mempolicy", policy);
	store(t, "anon", bytes);
	return t;
}

static void end(struct vm *vm, struct task *t)
{
	assert_int_equal(task_remove(vm, t->name), 0);
	task_put(t);
}

/* ---- Comparing ---- */

static struct numastat minus(struct numastat a, const struct numastat *b)
{
	for (unsigned nid = 0; nid < 2; nid++)
		for (unsigned i = 0; i < ITEMS; i++)
			a.n[nid][i] -= b->n[nid][i];
	return a;
}

struct step {
	const char *from, *to; /* captures */
	long pages; /* that the step's mappings have */
};

static void step_compare(const struct step *step, const struct numastat *ours)
{
	struct numastat before = numastat_captured(step->from);
	struct numastat theirs = minus(numastat_captured(step->to), &before), noise = minus(theirs, ours);
	long strange_faults = faults_captured(step->to) - faults_captured(step->from) - step->pages,
	     sum = 0;
	for (unsigned nid = 0; nid < 2; nid++) {
		static const enum item exact[] = { MISS, FOREIGN, INTERLEAVE, OTHER };
		for (unsigned i = 0; i < ARRAY_LEN(exact); i++)
			if (noise.n[nid][exact[i]])
				fail_msg("%s node %u item %u: kernel %ld, here %ld", step->to, nid,
					 exact[i], theirs.n[nid][exact[i]], ours->n[nid][exact[i]]);
		assert_int_equal(noise.n[nid][HIT], noise.n[nid][LOCAL]);
		assert_true(noise.n[nid][HIT] >= 0);
		sum += noise.n[nid][HIT];
	}
	if (sum > strange_faults)
		fail_msg("%s: %ld pages more in the kernel, with %ld more faults", step->to, sum,
			 strange_faults);
}

static long pages_on(struct task *t, unsigned nid)
{
	struct task_numa map;
	assert_true(task_numa_read(t, AREA_ANON, &map));
	return (long)map.node[nid];
}

static void test_steps(void **state)
{
	(void)state;
	static const struct step local = { "00-before", "01-local", PAGES_64M },
				 bind = { "01-local", "02-bind-node1", PAGES_64M },
				 two = { "02-bind-node1", "04-interleave01", 2 * PAGES_64M };
	struct state_vm *s = boot();
	struct vm *vm = &s->vm;
	struct task *t[4];

	struct numastat at = numastat_ours(vm), want = numastat_captured("00-before");
	assert_memory_equal(&at, &want, sizeof(at));
	t[0] = touch(vm, "local", "default", "64M");
	struct numastat now = numastat_ours(vm), delta = minus(now, &at);
	step_compare(&local, &delta);
	assert_int_equal(pages_on(t[0], 0), PAGES_64M);

	at = now;
	t[1] = touch(vm, "bind", "bind:1", "64M");
	now = numastat_ours(vm), delta = minus(now, &at);
	step_compare(&bind, &delta);
	assert_int_equal(pages_on(t[1], 1), PAGES_64M);

	at = now;
	t[2] = touch(vm, "preferred", "preferred:1", "64M");
	t[3] = touch(vm, "interleave", "interleave:0-1", "64M");
	now = numastat_ours(vm), delta = minus(now, &at);
	step_compare(&two, &delta);
	assert_int_equal(pages_on(t[2], 1), PAGES_64M);
	assert_int_equal(pages_on(t[3], 0), PAGES_64M / 2);

	/* more than node 1 has: the rest is node 0's, a miss there and foreign to node 1 */
	const struct zone *normal = vm->machine.node[1].zone[2];
	long free_before = zone_stat_sum(normal, NR_FREE_PAGES), low = (long)normal->watermark[WMARK_LOW];
	at = now;
	struct task *big = touch(vm, "big", "preferred:1", "4G");
	now = numastat_ours(vm), delta = minus(now, &at);
	at = numastat_captured("04-interleave01");
	struct numastat theirs = minus(numastat_captured("07-released"), &at);
	assert_int_equal(theirs.n[0][MISS], theirs.n[1][FOREIGN]);
	assert_int_equal(delta.n[0][MISS], delta.n[1][FOREIGN]);
	assert_int_equal(delta.n[0][MISS], pages_on(big, 0));
	assert_int_equal(delta.n[1][MISS] + delta.n[0][FOREIGN], theirs.n[1][MISS] + theirs.n[0][FOREIGN]);
	assert_int_equal(delta.n[0][INTERLEAVE] + delta.n[1][INTERLEAVE], 0);
	assert_int_equal(pages_on(big, 0) + pages_on(big, 1), PAGES_4G);
	assert_in_range(free_before - pages_on(big, 1), low - LISTS_MOST, low + LISTS_MOST);
	assert_in_range(free_captured("04-interleave01", 1) - (PAGES_4G - theirs.n[0][MISS]),
			low - LISTS_MOST, low + LISTS_MOST);

	/* what goes is not counted */
	end(vm, big);
	for (unsigned i = 0; i < 4; i++)
		end(vm, t[i]);
	struct numastat after = numastat_ours(vm);
	assert_memory_equal(&after, &now, sizeof(after));
	state_verify(s);
	state_end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_steps) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
