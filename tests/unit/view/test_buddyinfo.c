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
	if (golden_fill_buddyinfo(&g))
		golden_compare(&g, "proc/buddyinfo", view_buddyinfo, 0);
	golden_close(&g);
}

static void test_every_capture(void **state)
{
	(void)state;
	for (unsigned i = 0; i < golden_nr_captures; i++)
		check(golden_captures[i]);
	check("steps/6.1.0-50-amd64-T1-g-01-frag-anon");
	check("steps/6.1.0-50-amd64-T1-i-01-kswapd-woken");
}

/* An order's blocks of all types are one number, and one that is too wide moves the rest. */
static void test_sum_of_types(void **state)
{
	(void)state;
	struct golden g;
	struct text t;
	golden_open(&g, "captures/6.1.0-50-amd64-T1");
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		g.snap.zone[0].free_blocks[2][mt] = 1000000 + mt;
	text_init(&t, 0);
	view_buddyinfo(&t, &g.snap, 0);
	const char *want =
		"Node 0, zone      DMA      0      0 5000010      0      0      0      0      0      0      0      0 \n";
	assert_memory_equal(text_cstr(&t), want, strlen(want));
	text_fini(&t);
	golden_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_capture),
		cmocka_unit_test(test_sum_of_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
