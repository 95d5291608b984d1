/* SPDX-License-Identifier: MIT */
/* Numbers worked out by hand from 6.1's formulas. */
#include "policy/scan_balance.h"

#include "support/small_machine.h"

static struct scan_input input(uint64_t size, unsigned priority)
{
	return (struct scan_input){
		.size = { size, size, size, size }, .priority = priority, .swappiness = 60, .swap = true
	};
}

static void assert_counts(const struct scan_input *in, uint64_t anon, uint64_t files)
{
	uint64_t nr[LRU_SCANNED];
	scan_counts(in, nr);
	assert_int_equal(nr[LRU_INACTIVE_ANON], anon);
	assert_int_equal(nr[LRU_ACTIVE_ANON], anon);
	assert_int_equal(nr[LRU_INACTIVE_FILE], files);
	assert_int_equal(nr[LRU_ACTIVE_FILE], files);
}

static void test_without_swap(void **state)
{
	(void)state;
	struct scan_input in = input(100000, 12);
	in.swap = false;
	in.file_is_tiny = true;
	assert_counts(&in, 0, 24);
	in.priority = 0;
	assert_counts(&in, 0, 100000);
}

static void test_fractions(void **state)
{
	(void)state;
	struct scan_input in = input(8192, 1);
	assert_int_equal(scan_mode_choose(&in), SCAN_FRACTION);
	assert_counts(&in, 1228, 2867); /* 4096 * 60 / 200, 4096 * 140 / 200 */
	in.cost[0] = 300;
	in.cost[1] = 100;
	assert_counts(&in, 956, 3139); /* shares 60 * 1201 / 701 and 140 * 1201 / 501: 102 and 335 of 437 */
	in.swappiness = 0;
	assert_counts(&in, 0, 4096);
	in.swappiness = 200;
	assert_counts(&in, 4096, 0);
}

static void test_modes(void **state)
{
	(void)state;
	struct scan_input in = input(4096, 0);
	in.file_is_tiny = in.cache_trim = true;
	assert_int_equal(scan_mode_choose(&in), SCAN_EQUAL);
	assert_counts(&in, 4096, 4096);
	in.swappiness = 0;
	assert_int_equal(scan_mode_choose(&in), SCAN_ANON);
	assert_counts(&in, 4096, 0);
	in.file_is_tiny = false;
	assert_int_equal(scan_mode_choose(&in), SCAN_FILE);
	assert_counts(&in, 0, 4096);
}

/* 168 of 200 anonymous pages are left, 83 percent: files go on up to 17 percent of theirs. */
static void test_cut(void **state)
{
	(void)state;
	static const uint64_t target[LRU_SCANNED] = { 100, 100, 1000, 200 };
	uint64_t nr[LRU_SCANNED] = { 68, 100, 968, 168 };
	assert_true(scan_cut(nr, target));
	assert_int_equal(nr[LRU_INACTIVE_ANON] + nr[LRU_ACTIVE_ANON], 0);
	assert_int_equal(nr[LRU_INACTIVE_FILE], 170 - 32);
	assert_int_equal(nr[LRU_ACTIVE_FILE], 34 - 32);
	assert_false(scan_cut(nr, target));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_swap),
		cmocka_unit_test(test_fractions),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
