/* SPDX-License-Identifier: MIT */
#include "base/fault_attr.h"

#include "base/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct clock clock_;
static struct ring log_;
static struct fault_attr attr;

static int setup(void **state)
{
	(void)state;
	clock_init(&clock_, true);
	assert_int_equal(ring_init(&log_, &clock_, RING_BYTES), 0);
	fault_attr_init(&attr, "failslab", 7, &log_);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fault_attr_fini(&attr);
	ring_fini(&log_);
	return 0;
}

static unsigned failures_of(unsigned nr, int32_t size)
{
	unsigned failures = 0;
	while (nr--)
		failures += fault_attr_fails(&attr, size, false);
	return failures;
}

static void assert_record(uint64_t seq, unsigned priority, const char *text)
{
	struct ring_record r;
	assert_true(ring_read(&log_, seq, &r));
	assert_int_equal(r.priority, priority);
	assert_int_equal(r.len, strlen(text));
	assert_memory_equal(r.text, text, r.len);
}

static void test_nothing_fails_at_first(void **state)
{
	(void)state;
	assert_int_equal(failures_of(1000, 1), 0);
	assert_int_equal(attr.times, 1);
	assert_int_equal(attr.interval, 1);
	assert_int_equal(attr.verbose, 2);
	assert_int_equal(attr.ratelimit_burst, 10);
}

static void test_times(void **state)
{
	(void)state;
	attr.probability = 100;
	assert_int_equal(failures_of(10, 1), 1);
	assert_int_equal(attr.times, 0);
	attr.times = 3;
	assert_int_equal(failures_of(10, 1), 3);
	attr.times = -1;
	assert_int_equal(failures_of(10, 1), 10);
	assert_int_equal(attr.times, -1);
}

static void test_probability(void **state)
{
	(void)state;
	attr.probability = 10;
	attr.times = -1;
	attr.verbose = 0;
	unsigned failures = failures_of(100000, 1);
	assert_in_range(failures, 9500, 10500);
	attr.probability = 250; /* any number is taken */
	assert_int_equal(failures_of(100, 1), 100);
	assert_int_equal(ring_next(&log_), 0);
}

static void test_a_seed_repeats(void **state)
{
	bool first[200];
	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		fault_attr_fini(&attr);
		fault_attr_init(&attr, "failslab", 42, NULL);
		attr.probability = 50;
		attr.times = -1;
		for (unsigned i = 0; i < ARRAY_LEN(first); i++) {
			bool fails = fault_attr_fails(&attr, 1, false);
			if (round)
				assert_int_equal(fails, first[i]);
			first[i] = fails;
		}
	}
}

static void test_interval(void **state)
{
	(void)state;
	attr.probability = 100;
	attr.times = -1;
	attr.interval = 4;
	for (unsigned i = 1; i <= 12; i++)
		assert_int_equal(fault_attr_fails(&attr, 1, true), i % 4 == 0);
}

static void test_space(void **state)
{
	(void)state;
	attr.probability = 100;
	attr.times = -1;
	attr.space = 1000;
	for (unsigned i = 0; i < 3; i++) /* 1000, 700, 400: each more than 300 */
		assert_false(fault_attr_fails(&attr, 300, true));
	assert_int_equal(attr.space, 100);
	assert_true(fault_attr_fails(&attr, 300, true));
	assert_false(fault_attr_fails(&attr, 99, true));
	assert_int_equal(attr.space, 1);
}

static void test_what_is_said(void **state)
{
	(void)state;
	attr.probability = 100;
	attr.times = 2;
	assert_true(fault_attr_fails(&attr, 1, true)); /* quiet */
	assert_int_equal(ring_next(&log_), 0);
	assert_true(fault_attr_fails(&attr, 1, false));
	assert_record(0, 5,
		      "FAULT_INJECTION: forcing a failure.\n"
		      "name failslab, interval 1, probability 100, space 0, times 1");
	attr.verbose = 0;
	attr.times = 1;
	assert_true(fault_attr_fails(&attr, 1, false));
	assert_int_equal(ring_next(&log_), 1);
}

static void test_ratelimit(void **state)
{
	(void)state;
	attr.probability = 100;
	attr.times = -1;
	attr.ratelimit_ticks = 250; /* one second */
	attr.ratelimit_burst = 2;
	assert_int_equal(failures_of(5, 1), 5);
	assert_int_equal(ring_next(&log_), 2);
	clock_advance(&clock_, 1000000001);
	assert_int_equal(failures_of(1, 1), 1);
	assert_record(2, 4, "fail_dump: 3 callbacks suppressed");
	assert_int_equal(ring_next(&log_), 4);
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(test_nothing_fails_at_first), ONE(test_times),     ONE(test_probability),
		ONE(test_a_seed_repeats),         ONE(test_interval),  ONE(test_space),
		ONE(test_what_is_said),           ONE(test_ratelimit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
