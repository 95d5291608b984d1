/* SPDX-License-Identifier: MIT */
#include "support/golden.h"
#include "view/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The thresholds of writeback have a test of their own (test_dirty.c): machine-wide numbers do not say them. */
static char *expected(const struct golden *g)
{
	static const char *const zero[] = { "nr_dirty_threshold ", "nr_dirty_background_threshold " };
	char *text = golden_read(g, "proc/vmstat");
	assert_non_null(text);
	for (unsigned i = 0; i < ARRAY_LEN(zero); i++) {
		char *at = strstr(text, zero[i]) + strlen(zero[i]);
		char *end = strchr(at, '\n');
		*at = '0';
		memmove(at + 1, end, strlen(end) + 1);
	}
	return text;
}

static void check(const char *name)
{
	struct golden g;
	golden_open(&g, name);
	assert_true(golden_fill_vmstat(&g));
	char *want = expected(&g);
	golden_compare_text(&g, "proc/vmstat", want, view_vmstat, 0);
	free(want);
	golden_close(&g);
}

static void test_every_capture(void **state)
{
	(void)state;
	for (unsigned i = 0; i < golden_nr_captures; i++)
		check(golden_captures[i]);
}

/* With kswapd, OOM and huge page events. */
static void test_busy_machines(void **state)
{
	(void)state;
	check("steps/6.1.0-50-amd64-T1-i-01-kswapd-woken");
	check("steps/6.1.0-50-amd64-T1-g-01-frag-anon");
	check("steps/6.1.0-50-amd64-T3-d-oc6-nr8");
	check("steps/6.1.0-50-686-T7a-e-02-mount-read-files");
}

static const char *rendered(struct golden *g, struct text *t)
{
	text_init(t, 0);
	view_vmstat(t, &g->snap, 0);
	return text_cstr(t);
}

/* Items are sums over zones and nodes; a negative part counts in the sum, a negative sum prints 0. */
static void test_sums(void **state)
{
	(void)state;
	struct golden g;
	struct text t;
	golden_open(&g, "captures/6.1.0-50-amd64-T3");
	struct zone_snap *zone = g.snap.zone;
	zone[0].stat[NR_MLOCK] = 10, zone[1].stat[NR_MLOCK] = -3,
	zone[2].stat[NR_MLOCK] = zone[7].stat[NR_MLOCK] = 1;
	zone[0].stat[NR_BOUNCE] = -5;
	zone[0].numa[NUMA_MISS] = 7, zone[7].numa[NUMA_MISS] = 4;
	g.snap.node[0].stat[NR_DIRTIED] = 100, g.snap.node[1].stat[NR_DIRTIED] = 23;
	const char *text = rendered(&g, &t);
	assert_non_null(strstr(text, "\nnr_mlock 9\nnr_bounce 0\n"));
	assert_non_null(strstr(text, "\nnuma_miss 11\n"));
	assert_non_null(strstr(text, "\nnr_dirtied 123\n"));
	text_fini(&t);
	golden_close(&g);
}

/* Huge pages are counted in pages and printed in huge pages. */
static void test_thp_unit(void **state)
{
	(void)state;
	struct golden g;
	struct text t;
	golden_open(&g, "captures/6.1.0-50-amd64-T3");
	g.snap.node[0].stat[NR_ANON_THPS] = 3 * 512;
	g.snap.node[1].stat[NR_ANON_THPS] = 2 * 512;
	assert_non_null(strstr(rendered(&g, &t), "\nnr_anon_transparent_hugepages 5\n"));
	text_fini(&t);
	golden_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_capture),
		cmocka_unit_test(test_busy_machines),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_thp_unit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
