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
	if (golden_fill_pagetypeinfo(&g))
		golden_compare(&g, "proc/pagetypeinfo", view_pagetypeinfo, 0);
	golden_close(&g);
}

static void test_every_capture(void **state)
{
	(void)state;
	for (unsigned i = 0; i < golden_nr_captures; i++)
		check(golden_captures[i]);
}

/* One list there is longer than 6.1 counts. */
static void test_long_list(void **state)
{
	(void)state;
	check("steps/6.1.0-50-amd64-T1-g-01-frag-anon");
}

/* The bound itself is printed as more, one less as it is. */
static void test_bound(void **state)
{
	(void)state;
	struct golden g;
	struct text t;
	golden_open(&g, "captures/6.1.0-50-amd64-T1");
	g.snap.zone[0].free_blocks[0][MIGRATE_UNMOVABLE] = 100000;
	g.snap.zone[0].free_blocks[1][MIGRATE_UNMOVABLE] = 99999;
	text_init(&t, 0);
	view_pagetypeinfo(&t, &g.snap, 0);
	assert_non_null(strstr(text_cstr(&t),
			       "Node    0, zone      DMA, type    Unmovable >100000  99999      0 "));
	text_fini(&t);
	golden_close(&g);
}

/* A node that has CPUs only is left out, its headings too. */
static void test_node_without_memory(void **state)
{
	(void)state;
	struct golden g;
	struct text t;
	golden_open(&g, "captures/6.1.0-50-amd64-T10");
	text_init(&t, 0);
	view_pagetypeinfo(&t, &g.snap, 0);
	assert_null(strstr(text_cstr(&t) + 1, "Page block order"));
	text_fini(&t);
	golden_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_capture),
		cmocka_unit_test(test_long_list),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_node_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
