/* SPDX-License-Identifier: MIT */
/*
 * Captured scenarios, write by write: the machine of a boot is imported, the
 * scenarios that ran on it follow in their order, each write as its log has it
 * and with the result that it has there, and wherever zoneinfo was captured the
 * lines that follow from knobs must be the same.
 *
 * steps/MACHINE-SCENARIO.writes is the log; steps/MACHINE-SCENARIO-STEP is what
 * zoneinfo printed after the write that STEP names: mfk-8192, wsf-100, frac-8 by
 * knob and value, NN-list by the number of the write, 00- before all, 99- after
 * them. Each capture had read every knob, which matters to lowmem_reserve_ratio.
 *
 * Scenarios of another boot than the machine's other files: then zoneinfo is
 * that of the boot's first capture, for zones of two boots differ by some pages.
 *
 * Where lists tune themselves, `high:` follows from what the CPUs did; it is
 * left out, and the limits are compared with those that some CPUs were at.
 */
#include "knob/knob.h"
#include "support/state_dir.h"
#include "view/views.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct run { /* scenarios of one boot */
	const char *machine;
	const char *first; /* the step whose zoneinfo is that boot's; NULL: the machine's own */
	const char *scenarios; /* in order */
	unsigned steps; /* captured in all of them */
};

static const struct run runs[] = {
	{ "5.10.0-32-amd64-T3", NULL, "a2 b2 c2 k2", 8 },
	{ "6.1.0-50-amd64-T2", NULL, "a b c k", 24 },
	{ "6.1.0-50-amd64-T2-nothp", NULL, "a2", 1 },
	{ "6.1.0-50-amd64-T3", "a-00-before", "a b c k", 24 },
	{ "6.1.0-50-686-pae-T7b", "a2-mfk-8192", "a2 c2", 5 },
	{ "6.12.107+deb13-amd64-T3", NULL, "a2 b2 c2 k2", 8 },
};

struct replay {
	const struct run *run;
	const char *scenario;
	struct state_vm *s;
	unsigned steps;
};

static void path_of(char path[512], const struct run *run, const char *scenario, const char *rest)
{
	const char *root = getenv("SRCDIR");
	snprintf(path, 512, "%s/tests/oracle/steps/%s-%s%s", root ? root : ".", run->machine,
		 scenario, rest);
}

/* ---- The machine ---- */

/* Nothing of the files that say what was in use fits the zones of another boot. */
static void boot_of(const struct run *run, const struct state_dir *d)
{
	static const char *const others[] = { "proc/buddyinfo", "proc/pagetypeinfo", "proc/meminfo",
					      "proc/vmstat" };
	char path[512];
	if (!run->first)
		return;
	path_of(path, run, run->first, "/proc/zoneinfo");
	char *text = file_text(path);
	state_dir_write(d, "proc/zoneinfo", text);
	free(text);
	for (unsigned i = 0; i < ARRAY_LEN(others); i++)
		state_dir_drop(d, others[i]);
}

static const struct knob *knob_of(const char *name)
{
	const struct knob *k = knob_find(name);
	if (!k)
		fail_msg("no knob %s", name);
	return k;
}

static void ratio_read(struct state_vm *s)
{
	struct text t;
	text_init(&t, 0);
	assert_int_equal(knob_read(knob_of("lowmem_reserve_ratio"), &s->vm, 0, &t), 0);
	text_fini(&t);
}

/* ---- What zoneinfo prints ---- */

static bool line_follows(const struct machine *m, const char *line)
{
	static const char *const starts[] = {
		"Node ",
		"        boost ",
		"        min ",
		"        low ",
		"        high ",
		"        promo ",
		"        spanned ",
		"        present ",
		"        managed ",
		"        protection:",
		"              batch:",
	};
	for (unsigned i = 0; i < ARRAY_LEN(starts); i++)
		if (!strncmp(line, starts[i], strlen(starts[i])))
			return true;
	return !m->version->pageset_tunes && strstr(line, "high:");
}

static char *line_next(const struct machine *m, char **at)
{
	for (char *line; (line = strsep(at, "\n"));)
		if (line_follows(m, line))
			return line;
	return NULL;
}

static char *zoneinfo_of(struct state_vm *s)
{
	struct snapshot snap;
	struct text t;
	text_init(&t, 0);
	assert_int_equal(snapshot_init(&snap, &s->vm.machine), 0);
	snapshot_fill(&snap, &s->vm, SNAP_ALL);
	view_zoneinfo(&t, &snap, 0);
	char *copy = strdup(text_cstr(&t));
	snapshot_fini(&snap);
	text_fini(&t);
	return copy;
}

static void zoneinfo_compare(const struct replay *r, const char *path)
{
	char *captured = file_text(path), *printed = zoneinfo_of(r->s);
	char *a = captured, *b = printed;
	unsigned lines = 0;
	for (;; lines++) {
		const char *x = line_next(&r->s->vm.machine, &a), *y = line_next(&r->s->vm.machine, &b);
		if (!x && !y)
			break;
		if (!x || !y || strcmp(x, y))
			fail_msg("%s: kernel \"%s\", here \"%s\"", path, x ? x : "(end)", y ? y : "(end)");
	}
	assert_true(lines > 40);
	free(printed);
	free(captured);
}

/* If there is such a step. Every capture reads the knobs after zoneinfo. */
static void step_compare(struct replay *r, const char *step)
{
	char path[512], rest[128];
	snprintf(rest, sizeof(rest), "-%s/proc/zoneinfo", step);
	path_of(path, r->run, r->scenario, rest);
	if (access(path, R_OK))
		return;
	zoneinfo_compare(r, path);
	ratio_read(r->s);
	r->steps++;
}

/* ---- Writes ---- */

struct write {
	char value[64]; /* without the newline at its end */
	char knob[48];
	ssize_t result;
};

static struct write write_of(const char *line)
{
	struct write w;
	char result[32];
	assert_int_equal(sscanf(line, "write \"%63[^\\]\\n\" to /proc/sys/vm/%47[^:]: %31s",
				w.value, w.knob, result),
			 3);
	w.result = strcmp(result, "EINVAL") ? atoi(result) : -EINVAL;
	return w;
}

/* "mfk-8192" and the like by value, "03-0_0_0_0_0" by number. */
static void step_name(char step[96], const struct write *w, unsigned number)
{
	static const char *const prefix[][2] = { { "min_free_kbytes", "mfk" },
						 { "watermark_scale_factor", "wsf" },
						 { "percpu_pagelist_fraction", "frac" },
						 { "percpu_pagelist_high_fraction", "frac" } };
	char list[64];
	for (unsigned i = 0; i < ARRAY_LEN(prefix); i++)
		if (!strcmp(w->knob, prefix[i][0])) {
			snprintf(step, 96, "%s-%s", prefix[i][1], w->value);
			return;
		}
	snprintf(list, sizeof(list), "%s", w->value);
	for (char *c = list; *c; c++)
		*c = *c == ' ' ? '_' : *c;
	snprintf(step, 96, "%02u-%s", number, list);
}

static void write_apply(struct replay *r, const struct write *w)
{
	char text[72];
	snprintf(text, sizeof(text), "%s\n", w->value);
	ssize_t result = knob_write(knob_of(w->knob), &r->s->vm, 0, text, strlen(text));
	if (result != w->result)
		fail_msg("%s %s: \"%s\" to %s: %ld, not %ld", r->run->machine, r->scenario,
			 w->value, w->knob, result, w->result);
}

static void scenario_replay(struct replay *r)
{
	char path[512], step[96];
	path_of(path, r->run, r->scenario, ".writes");
	char *log = file_text(path), *at = log;
	unsigned number = 0, seen = 0;
	step_compare(r, "00-before");
	for (char *line; (line = strsep(&at, "\n")) && *line;) {
		struct write w = write_of(line);
		write_apply(r, &w);
		step_name(step, &w, ++number);
		/* written a second time it puts the knob back, with others turned by then: not captured again */
		if (strcmp(step, "wsf-10") || !seen++)
			step_compare(r, step);
	}
	step_compare(r, "99-after-read");
	assert_true(number > 1);
	free(log);
}

static struct state_vm *run_boot(const struct run *run)
{
	struct state_dir d;
	state_dir_make(&d, run->machine);
	boot_of(run, &d);
	struct state_vm *s = state_boot(&d);
	state_dir_remove(&d);
	ratio_read(s); /* by the capture at boot */
	return s;
}

static void test_runs(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(runs); i++) {
		struct replay r = { .run = &runs[i], .s = run_boot(&runs[i]) };
		char names[32], *rest = NULL;
		snprintf(names, sizeof(names), "%s", runs[i].scenarios);
		for (r.scenario = strtok_r(names, " ", &rest); r.scenario;
		     r.scenario = strtok_r(NULL, " ", &rest))
			scenario_replay(&r);
		assert_int_equal(r.steps, runs[i].steps);
		state_end(r.s);
	}
}

/* 6.12: limits that CPUs are seen to have taken in c2/05, k2/frac-8 and k2/frac-0. */
static void test_limits_of_lists(void **state)
{
	(void)state;
	static const struct {
		const char *knob, *value;
		int normal[2]; /* `high:` in zone Normal of each node */
	} want[] = {
		{ "min_free_kbytes", "262144\n", { 2467, 10274 } },
		{ "percpu_pagelist_high_fraction", "8\n", { 7670, 31939 } },
		{ "percpu_pagelist_high_fraction", "100\n", { 613, 2555 } },
	};
	struct state_vm *s = run_boot(&runs[ARRAY_LEN(runs) - 1]);
	const struct machine *m = &s->vm.machine;
	assert_true(m->version->pageset_tunes);
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		assert_int_equal(knob_write(knob_of(want[i].knob), &s->vm, 0, want[i].value,
					    strlen(want[i].value)),
				 strlen(want[i].value));
		for (unsigned n = 0; n < 2; n++)
			assert_int_equal(m->node[n].zone[2]->pageset_high, want[i].normal[n]);
	}
	state_end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_limits_of_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
