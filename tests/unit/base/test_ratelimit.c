/* SPDX-License-Identifier: MIT */
#include "base/ratelimit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SEC 1000000000ull

static void test_burst(void **state)
{
	(void)state;
	struct ratelimit r;
	unsigned missed = 99;

	ratelimit_init(&r, 5 * SEC, 2);
	assert_true(ratelimit_pass(&r, 0, &missed));
	assert_int_equal(missed, 0);
	assert_true(ratelimit_pass(&r, 1, &missed));
	assert_false(ratelimit_pass(&r, 2, &missed));
	assert_false(ratelimit_pass(&r, 5 * SEC, &missed)); /* the last instant of the interval */
	assert_int_equal(missed, 0);
	assert_true(ratelimit_pass(&r, 5 * SEC + 1, &missed));
	assert_int_equal(missed, 2);
	assert_true(ratelimit_pass(&r, 5 * SEC + 2, &missed));
	assert_int_equal(missed, 0);
}

/* The interval begins with the event, however late it comes. */
static void test_interval_begins_late(void **state)
{
	(void)state;
	struct ratelimit r;
	unsigned missed;

	ratelimit_init(&r, 10 * SEC, 1);
	assert_true(ratelimit_pass(&r, 7 * SEC, &missed));
	assert_false(ratelimit_pass(&r, 16 * SEC, &missed));
	assert_false(ratelimit_pass(&r, 17 * SEC, &missed));
	assert_true(ratelimit_pass(&r, 18 * SEC, &missed));
	assert_int_equal(missed, 2);
}

static void test_missed_kept(void **state)
{
	(void)state;
	struct ratelimit r;

	ratelimit_init(&r, SEC, 1);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(ratelimit_pass(&r, 0, NULL), i == 0);
	assert_true(ratelimit_pass(&r, 3 * SEC, NULL));
	assert_int_equal(ratelimit_missed(&r), 3);
	assert_int_equal(ratelimit_missed(&r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_interval_begins_late),
		cmocka_unit_test(test_missed_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
