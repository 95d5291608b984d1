/* SPDX-License-Identifier: MIT */
#include "base/parse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define UNTOUCHED 0x5eed5eed5eed5eedull

struct number_case {
	const char *s;
	int error;
	uint64_t value;
};

static void check_cases(int (*parse)(const char *, uint64_t *), const struct number_case *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = UNTOUCHED;
		int error = parse(c[i].s, &v);
		if (error != c[i].error || v != (error ? UNTOUCHED : c[i].value))
			fail_msg("\"%s\": error %d value %llu", c[i].s, error, (unsigned long long)v);
	}
}

static void test_u64(void **state)
{
	(void)state;
	static const struct number_case cases[] = {
		{ "0", 0, 0 },
		{ "007", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "00000000000000000000000000001", 0, 1 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "99999999999999999999999x", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1\n", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1a", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "\xd9\xa1", -EINVAL, 0 },
	};
	check_cases(parse_u64, cases, ARRAY_LEN(cases));
}

static void test_hex(void **state)
{
	(void)state;
	static const struct number_case cases[] = {
		{ "0", 0, 0 },
		{ "ff", 0, 255 },
		{ "FFFFFFFFFFFFFFFF", 0, UINT64_MAX },
		{ "00000000000000000deadBEEF", 0, 0xdeadbeef },
		{ "10000000000000000", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "0x1", -EINVAL, 0 },
		{ "fg", -EINVAL, 0 },
		{ "-f", -EINVAL, 0 },
	};
	check_cases(parse_hex, cases, ARRAY_LEN(cases));
}

static void test_size(void **state)
{
	(void)state;
	static const struct number_case cases[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "100B", 0, 100 },
		{ "4k", 0, 4096 },
		{ "4kB", 0, 4096 },
		{ "4KiB", 0, 4096 },
		{ "512M", 0, 512ull << 20 },
		{ "3g", 0, 3ull << 30 },
		{ "16TiB", 0, 16ull << 40 },
		{ "16777215T", 0, 16777215ull << 40 },
		{ "16777216T", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "18446744073709551616K", -ERANGE, 0 },
		{ "18446744073709551616Q", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "M", -EINVAL, 0 },
		{ "1P", -EINVAL, 0 },
		{ "1 M", -EINVAL, 0 },
		{ "1MM", -EINVAL, 0 },
		{ "1Mb", -EINVAL, 0 },
		{ "1Mi", -EINVAL, 0 },
		{ "1iB", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 },
		{ "-1M", -EINVAL, 0 },
	};
	check_cases(parse_size, cases, ARRAY_LEN(cases));
}

static void test_i64(void **state)
{
	(void)state;
	static const struct {
		const char *s;
		int error;
		int64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "-1000", 0, -1000 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "-", -EINVAL, 0 },
		{ "--1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t v = 77;
		assert_int_equal(parse_i64(cases[i].s, &v), cases[i].error);
		assert_true(v == (cases[i].error ? 77 : cases[i].value));
	}
}

static void test_list(void **state)
{
	(void)state;
	struct mask m;
	assert_int_equal(parse_list("0-3,8,10-11", &m), 0);
	assert_int_equal(mask_count(&m), 7);
	assert_true(mask_has(&m, 3) && !mask_has(&m, 4) && mask_has(&m, 8) && mask_has(&m, 11));

	assert_int_equal(parse_list("", &m), 0);
	assert_true(mask_empty(&m));
	assert_int_equal(parse_list("5,1-6,5", &m), 0);
	assert_int_equal(mask_count(&m), 6);
	assert_int_equal(parse_list("0-8191", &m), 0);
	assert_int_equal(mask_count(&m), MASK_BITS);
}

static void test_list_refuses(void **state)
{
	(void)state;
	static const char *const invalid[] = { ",",     "1,", ",1",  "1,,2",  "3-1",    "1-", "-1",
					       "1-2-3", "a",  "1 2", "0-3\n", "99999-", "1:2" };
	static const char *const beyond[] = { "8192", "0-8192", "0,99999999999999999999",
					      "18446744073709551615", "99999-1" };
	struct mask m, before;
	mask_clear(&m);
	mask_set(&m, 42);
	before = m;
	for (size_t i = 0; i < ARRAY_LEN(beyond); i++)
		if (parse_list(beyond[i], &m) != -ERANGE)
			fail_msg("\"%s\" is not out of range", beyond[i]);
	for (size_t i = 0; i < ARRAY_LEN(invalid); i++)
		if (parse_list(invalid[i], &m) != -EINVAL)
			fail_msg("\"%s\" is not invalid", invalid[i]);
	assert_memory_equal(&m, &before, sizeof(m));
}

static void test_bool(void **state)
{
	(void)state;
	static const char *const yes[] = { "Y", "y", "yes", "YES", "on", "true", "1" };
	static const char *const no[] = { "N", "n", "no", "Off", "false", "0" };
	static const char *const neither[] = { "", "2", "ye", "yess", " 1", "1\n", "-1", "01" };
	bool b;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		b = false;
		assert_int_equal(parse_bool(yes[i], &b), 0);
		assert_true(b);
	}
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		b = true;
		assert_int_equal(parse_bool(no[i], &b), 0);
		assert_false(b);
	}
	for (size_t i = 0; i < ARRAY_LEN(neither); i++)
		assert_int_equal(parse_bool(neither[i], &b), -EINVAL);
	assert_false(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64),  cmocka_unit_test(test_hex),
		cmocka_unit_test(test_size), cmocka_unit_test(test_i64),
		cmocka_unit_test(test_list), cmocka_unit_test(test_list_refuses),
		cmocka_unit_test(test_bool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
