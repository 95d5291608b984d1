/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void test_real_time_moves(void **state)
{
	(void)state;
	struct clock c;
	clock_init(&c, false);
	uint64_t first = clock_now_ns(&c);
	assert_true(first < 60ull * 1000000000); /* counts from clock_init, not from boot */
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	assert_true(clock_now_ns(&c) - first >= 2000000);
}

static void test_manual_time_is_moved(void **state)
{
	(void)state;
	struct clock c;
	clock_init(&c, true);
	assert_int_equal(clock_now_ns(&c), 0);
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	assert_int_equal(clock_now_ns(&c), 0);
	clock_advance(&c, 5);
	clock_advance(&c, 1ull << 40);
	assert_true(clock_now_ns(&c) == (1ull << 40) + 5);
	clock_advance(&c, 0);
	assert_true(clock_now_ns(&c) == (1ull << 40) + 5);
}

static void test_host_deadline(void **state)
{
	(void)state;
	uint64_t wait_ns = 7ull * 1000000000 + 999999999, before = clock_host_ns();
	struct timespec end = clock_host_deadline(wait_ns);
	uint64_t end_ns = (uint64_t)end.tv_sec * 1000000000 + (uint64_t)end.tv_nsec;
	assert_true(end.tv_nsec >= 0 && end.tv_nsec < 1000000000);
	assert_true(end_ns >= before + wait_ns);
	assert_true(end_ns <= clock_host_ns() + wait_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_time_moves),
		cmocka_unit_test(test_manual_time_is_moved),
		cmocka_unit_test(test_host_deadline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
