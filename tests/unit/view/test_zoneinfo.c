/* SPDX-License-Identifier: MIT */
#include "support/golden.h"
#include "view/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *name)
{
	struct golden g;
	golden_open(&g, name);
	golden_compare(&g, "proc/zoneinfo", view_zoneinfo, 0);
	golden_close(&g);
}

static void test_every_boot_capture(void **state)
{
	(void)state;
	for (unsigned i = 0; i < golden_nr_captures; i++)
		check(golden_captures[i]);
}

static void test_boost_and_pressure(void **state)
{
	(void)state;
	check("steps/6.1.0-50-amd64-T1-i-01-kswapd-woken");
	check("steps/6.1.0-50-amd64-T3-d-oc6-nr8");
	check("steps/6.1.0-50-686-T7a-e-02-mount-read-files");
}

/* The printed marks have the boost in them. */
static void test_boost_is_included(void **state)
{
	(void)state;
	struct golden g;
	struct text t;
	golden_open(&g, "captures/6.1.0-50-amd64-T3");
	struct zone_snap *snap = &g.snap.zone[1];
	snap->watermark[WMARK_MIN] = 100;
	snap->watermark[WMARK_LOW] = 125;
	snap->watermark[WMARK_HIGH] = 150;
	snap->boost = 512;
	text_init(&t, 0);
	view_zoneinfo(&t, &g.snap, 0);
	assert_non_null(strstr(text_cstr(&t), "        boost    512\n"
					      "        min      612\n"
					      "        low      637\n"
					      "        high     662\n"));
	text_fini(&t);
	golden_close(&g);
}

/* A counter that is below zero for a moment prints 0. */
static void test_negative_counter(void **state)
{
	(void)state;
	struct golden g;
	struct text t;
	golden_open(&g, "captures/6.1.0-50-amd64-T1");
	g.snap.zone[0].stat[NR_FREE_PAGES] = -3;
	g.snap.node[0].stat[NR_FILE_PAGES] = -1;
	text_init(&t, 0);
	view_zoneinfo(&t, &g.snap, 0);
	assert_non_null(strstr(text_cstr(&t), "  pages free     0\n"));
	assert_non_null(strstr(text_cstr(&t), "      nr_file_pages 0\n"));
	text_fini(&t);
	golden_close(&g);
}

static void test_no_memory(void **state)
{
	(void)state;
	struct golden g;
	struct text t;
	golden_open(&g, "captures/6.1.0-50-amd64-T9");
	text_init(&t, 1000);
	view_zoneinfo(&t, &g.snap, 0);
	assert_int_not_equal(text_error(&t), 0);
	text_fini(&t);
	golden_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_boot_capture),
		cmocka_unit_test(test_boost_and_pressure),
		cmocka_unit_test(test_boost_is_included),
		cmocka_unit_test(test_negative_counter),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
