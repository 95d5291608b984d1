/* SPDX-License-Identifier: MIT */
#include "base/series.h"

#include "base/rng.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void written(const uint64_t *v, unsigned nr, const char *expected)
{
	struct text t;
	struct series_out s;
	text_init(&t, 0);
	series_begin(&s, &t);
	for (unsigned i = 0; i < nr; i++)
		series_put(&s, v[i]);
	series_end(&s);
	assert_string_equal(text_cstr(&t), expected);

	struct series_in in;
	uint64_t got;
	series_open(&in, text_cstr(&t));
	for (unsigned i = 0; i < nr; i++) {
		assert_int_equal(series_get(&in, &got), 1);
		assert_int_equal(got, v[i]);
	}
	assert_int_equal(series_get(&in, &got), 0);
	text_fini(&t);
}

#define WRITTEN(expected, ...)                                                                     \
	written((const uint64_t[]){ __VA_ARGS__ }, ARRAY_LEN(((const uint64_t[]){ __VA_ARGS__ })), expected)

static void test_terms(void **state)
{
	(void)state;
	written(NULL, 0, "");
	WRITTEN("7", 7);
	WRITTEN("7,9", 7, 9);
	WRITTEN("7+2x3", 7, 9, 11);
	WRITTEN("7-1x3", 7, 6, 5);
	WRITTEN("0+0x4", 0, 0, 0, 0);
	WRITTEN("1,5+1x4", 1, 5, 6, 7, 8);
	WRITTEN("1+1x3,9", 1, 2, 3, 9);
	WRITTEN("-1", UINT64_MAX);
	WRITTEN("-1+1x3", UINT64_MAX, 0, 1);
	WRITTEN("-9223372036854775808,9223372036854775807", 1ull << 63, INT64_MAX);
}

static void test_random_come_back(void **state)
{
	(void)state;
	struct rng r;
	uint64_t v[200];
	rng_init(&r, 5);
	for (unsigned round = 0; round < 200; round++) {
		struct text t;
		struct series_out s;
		struct series_in in;
		unsigned nr = (unsigned)rng_below(&r, ARRAY_LEN(v));
		text_init(&t, 0);
		series_begin(&s, &t);
		for (unsigned i = 0; i < nr; i++) {
			bool near = i && rng_below(&r, 3);
			v[i] = near ? v[i - 1] + rng_below(&r, 2) : rng_next(&r) >> rng_below(&r, 64);
			series_put(&s, v[i]);
		}
		series_end(&s);
		series_open(&in, text_cstr(&t));
		uint64_t got;
		for (unsigned i = 0; i < nr; i++) {
			assert_int_equal(series_get(&in, &got), 1);
			assert_int_equal(got, v[i]);
		}
		assert_int_equal(series_get(&in, &got), 0);
		text_fini(&t);
	}
}

static void test_not_a_series(void **state)
{
	(void)state;
	static const char *const bad[] = {
		",",
		"x",
		"1,",
		"1,,2",
		"1 ",
		"1+2",
		"1+2x",
		"1+x3",
		"1+2x0",
		"1-2",
		"--1",
		"-",
		"1+-2x3",
		"0x10",
		"1;2",
		"18446744073709551616",
		"1+99999999999999999999x2",
		"1+1x99999999999999999999",
	};
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		struct series_in in;
		uint64_t v;
		int more;
		series_open(&in, bad[i]);
		while ((more = series_get(&in, &v)) > 0)
			;
		if (more != -EINVAL)
			fail_msg("\"%s\" is taken", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terms),
		cmocka_unit_test(test_random_come_back),
		cmocka_unit_test(test_not_a_series),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
