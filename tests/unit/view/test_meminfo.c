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
	assert_true(golden_fill_hugetlb(&g) && golden_fill_facts(&g));
	golden_compare(&g, "proc/meminfo", view_meminfo, 0);
	golden_close(&g);
}

/* Counters come from zoneinfo. Of T13 alone some moved between the reads of the two files. */
static void test_every_capture(void **state)
{
	(void)state;
	for (unsigned i = 0; i < golden_nr_captures; i++)
		if (strcmp(golden_captures[i], "captures/6.1.0-50-amd64-T13"))
			check(golden_captures[i]);
}

static void test_huge_pages_with_surplus(void **state)
{
	(void)state;
	check("steps/6.1.0-50-amd64-T3-d-oc6-nr8");
}

static uint64_t line_kb(struct golden *g, const char *label)
{
	struct text t;
	text_init(&t, 0);
	view_meminfo(&t, &g->snap, 0);
	const char *at = strstr(text_cstr(&t), label);
	assert_non_null(at);
	uint64_t kb = strtoul(at + strlen(label), NULL, 10);
	text_fini(&t);
	return kb;
}

static void test_nothing_available(void **state)
{
	(void)state;
	struct golden g;
	golden_open(&g, "captures/6.1.0-50-amd64-T3");
	FOR_EACH_POPULATED_ZONE(z, &g.machine)
		g.snap.zone[z->id].stat[NR_FREE_PAGES] = 10;
	memset(g.snap.node, 0, 2 * sizeof(*g.snap.node));
	assert_int_equal(line_kb(&g, "MemAvailable:"), 0);
	assert_int_equal(line_kb(&g, "MemFree:"), 160);
	golden_close(&g);
}

/* A boost raises the low marks that bound what counts as easily freed, not the reserve. */
static void test_available_with_boost(void **state)
{
	(void)state;
	struct golden g;
	golden_open(&g, "captures/6.1.0-50-amd64-T1");
	g.snap.node[0].stat[NR_INACTIVE_FILE] = 200000;
	g.snap.node[0].stat[NR_SLAB_RECLAIMABLE] = 0;
	uint64_t before = line_kb(&g, "MemAvailable:");
	g.snap.zone[1].boost = 50;
	assert_int_equal(line_kb(&g, "MemAvailable:"), before - 200);
	golden_close(&g);
}

/* Address space that low memory does not use is vmalloc's. */
static void test_vmalloc_of_32_bits(void **state)
{
	(void)state;
	struct golden g;
	golden_open(&g, "captures/6.1.0-50-686-T7a");
	assert_int_equal(line_kb(&g, "VmallocTotal:"), 122880);
	g.machine.zone[1].spanned -= 256;
	assert_int_equal(line_kb(&g, "VmallocTotal:"), 122880 + 1024);
	golden_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_capture),
		cmocka_unit_test(test_huge_pages_with_surplus),
		cmocka_unit_test(test_nothing_available),
		cmocka_unit_test(test_available_with_boost),
		cmocka_unit_test(test_vmalloc_of_32_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
