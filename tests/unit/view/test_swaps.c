/* SPDX-License-Identifier: MIT */
#include "support/golden.h"
#include "view/views.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_heading(void **state)
{
	(void)state;
	for (unsigned i = 0; i < golden_nr_captures; i++) {
		struct golden g;
		golden_open(&g, golden_captures[i]);
		golden_compare(&g, "proc/swaps", view_swaps, 0);
		golden_close(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_heading) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
