/* SPDX-License-Identifier: MIT */
/* What the direct map of a machine looks like. */
#include "support/small_machine.h"

/* Large pages where one fits between the ends of a range, small ones outside. */
static void test_ranges(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 0, 1, 159, 0 },
						   { 0, 0, 256, 4096, 0 },
						   { 0, 2, 8192, 8192 + 5 * 512 + 7, 0 } };
	struct machine m;
	small_machine(&m, 1, 1, shape, 3);
	assert_int_equal(m.facts.direct_map_kb[DIRECT_4K], 4 * (158 + 256 + 7));
	assert_int_equal(m.facts.direct_map_kb[DIRECT_LARGE], 4 * (4096 - 512 + 5 * 512));
	assert_int_equal(m.facts.direct_map_kb[DIRECT_1G], 0);
	assert_false(m.facts.has_direct_1g);
	assert_int_equal(m.facts.percpu_kb, 0);
	end_machine(&m);
}

static void test_high_memory_has_none(void **state)
{
	(void)state;
	struct machine_spec s;
	static const struct zone_shape shape[] = { { 0, 1, 4096, 8192, 0 }, { 0, 2, 8192, 16384, 0 } };
	struct machine m;
	small_spec(&s, 1, 1);
	s.bits = 32;
	s.pageblock_order = 10;
	small_spec_zones(&s, shape, 2);
	small_boot(&m, &s);
	assert_int_equal(m.facts.direct_map_kb[DIRECT_LARGE], 4 * 4096);
	assert_int_equal(m.facts.direct_map_kb[DIRECT_4K], 0);
	end_machine(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_high_memory_has_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
