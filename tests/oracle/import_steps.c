/* SPDX-License-Identifier: MIT */
/*
 * Captured scenarios of other kernels than 6.1, write by write: a capture is
 * booted, its knobs are turned in the captured order, and after each step the
 * lines of zoneinfo that follow from knobs must be what that kernel printed.
 * Where lists tune themselves, `high:` depends on what ran; it is left out.
 */
#include "daemon/import.h"
#include "knob/knob.h"
#include "view/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct step {
	const char *knob, *value;
	const char *dir; /* what zoneinfo then printed; NULL: not captured */
};

/* As in the writes.log of each scenario. "fraction" is what the kernel calls it. */
static const struct step steps[] = {
	{ "min_free_kbytes", "8192\n", "a2-mfk-8192" },
	{ "min_free_kbytes", "262144\n", NULL },
	{ "watermark_scale_factor", "100\n", "b2-wsf-100" },
	{ "watermark_scale_factor", "1000\n", NULL },
	{ "watermark_scale_factor", "10\n", NULL },
	{ "lowmem_reserve_ratio", "64 32\n", "c2-01-64_32" },
	{ "lowmem_reserve_ratio", "9999999 100 7 3 1\n", NULL },
	{ "lowmem_reserve_ratio", "0 0 0 0 0\n", "c2-03-0_0_0_0_0" },
	{ "lowmem_reserve_ratio", "1 1 1 1 1\n", "c2-04-1_1_1_1_1" },
	{ "lowmem_reserve_ratio", "256 256 32 0 0\n", "c2-05-256_256_32_0_0" },
	{ "fraction", "8\n", "k2-frac-8" },
	{ "fraction", "100\n", NULL },
	{ "fraction", "0\n", "k2-frac-0" },
};

struct machine_of {
	struct capture *capture;
	struct machine_spec spec;
	struct vm vm;
	struct snapshot snap;
};

static void path_of(char *buf, size_t size, const char *folder, const char *name, const char *rest)
{
	const char *root = getenv("SRCDIR");
	snprintf(buf, size, "%s/tests/oracle/%s/%s%s", root ? root : ".", folder, name, rest);
}

static void machine_open(struct machine_of *m, const char *name)
{
	char dir[512];
	struct why why = { "" };
	const struct vm_config config = { .deterministic = true, .seed = 1 };
	path_of(dir, sizeof(dir), "captures", name, "");
	if (import_read(&m->capture, dir, &why) || import_spec(m->capture, &m->spec, &why) ||
	    vm_boot(&m->vm, &m->spec, &config, &why) || import_apply(m->capture, &m->vm, &why))
		fail_msg("%s", why.text);
	assert_int_equal(snapshot_init(&m->snap, &m->vm.machine), 0);
}

static void machine_close(struct machine_of *m)
{
	snapshot_fini(&m->snap);
	vm_shutdown(&m->vm);
	machine_spec_fini(&m->spec);
	import_free(m->capture);
}

static const struct knob *knob_of(const struct machine_of *m, const char *name)
{
	static const char *const fraction[] = { "percpu_pagelist_fraction", "percpu_pagelist_high_fraction" };
	const struct knob *k = knob_find(name);
	for (unsigned i = 0; !k && i < ARRAY_LEN(fraction); i++)
		if (knob_shown(knob_find(fraction[i]), &m->vm.machine, 0))
			k = knob_find(fraction[i]);
	return k;
}

static bool line_follows(const struct machine_of *m, const char *line)
{
	static const char *const starts[] = {
		"Node ",          "        boost ",      "        min ",         "        low ",
		"        promo ", "        protection:", "              batch:",
	};
	for (unsigned i = 0; i < ARRAY_LEN(starts); i++)
		if (!strncmp(line, starts[i], strlen(starts[i])))
			return true;
	if (!strncmp(line, "        high ", 13))
		return true;
	return !m->vm.machine.version->pageset_tunes && strstr(line, "high:");
}

static char *line_next(const struct machine_of *m, char **at)
{
	for (char *line; (line = strsep(at, "\n"));)
		if (line_follows(m, line))
			return line;
	return NULL;
}

static unsigned step_compare(struct machine_of *m, const char *path)
{
	static char text[1 << 18];
	FILE *f = fopen(path, "r");
	if (!f)
		fail_msg("no %s", path);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);

	struct text t;
	text_init(&t, 0);
	snapshot_fill(&m->snap, &m->vm, SNAP_ALL);
	view_zoneinfo(&t, &m->snap, 0);
	char *printed = strdup(text_cstr(&t)), *a = text, *b = printed;
	unsigned lines = 0;
	for (;; lines++) {
		const char *x = line_next(m, &a), *y = line_next(m, &b);
		if (!x && !y)
			break;
		if (!x || !y || strcmp(x, y))
			fail_msg("%s: kernel \"%s\", here \"%s\"", path, x ? x : "(end)", y ? y : "(end)");
	}
	free(printed);
	text_fini(&t);
	return lines;
}

static void scenario_run(const char *name)
{
	char path[600], rest[64];
	struct machine_of *m = calloc(1, sizeof(*m));
	assert_non_null(m);
	machine_open(m, name);
	for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
		const struct knob *k = knob_of(m, steps[i].knob);
		assert_int_equal(knob_write(k, &m->vm, 0, steps[i].value, strlen(steps[i].value)),
				 strlen(steps[i].value));
		if (!steps[i].dir)
			continue;
		snprintf(rest, sizeof(rest), "-%s/proc/zoneinfo", steps[i].dir);
		path_of(path, sizeof(path), "steps", name, rest);
		assert_true(step_compare(m, path) > 50);
	}
	machine_close(m);
	free(m);
}

static void test_5_10(void **state)
{
	(void)state;
	scenario_run("5.10.0-32-amd64-T3");
}

static void test_6_12(void **state)
{
	(void)state;
	scenario_run("6.12.107+deb13-amd64-T3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_5_10),
		cmocka_unit_test(test_6_12),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
