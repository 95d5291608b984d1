/* SPDX-License-Identifier: MIT */
#include "knob/sysfs_parse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define UNTOUCHED 0x5eedull
#define BYTES(s) s, sizeof(s) - 1

static void test_forms(void **state)
{
	(void)state;
	static const struct {
		const char *s;
		size_t len;
		unsigned bits;
		int error;
		uint64_t value;
	} cases[] = {
		{ BYTES("0"), 64, 0, 0 },
		{ BYTES("12\n"), 64, 0, 12 },
		{ BYTES("+12\n"), 64, 0, 12 },
		{ BYTES("010\n"), 64, 0, 10 },
		{ BYTES("1\0garbage"), 64, 0, 1 },
		{ BYTES("1\n\0garbage"), 64, 0, 1 },
		{ BYTES("18446744073709551615\n"), 64, 0, UINT64_MAX },
		{ BYTES("18446744073709551616\n"), 64, -ERANGE, 0 },
		{ BYTES("99999999999999999999999999x"), 64, -ERANGE, 0 },
		{ BYTES("4294967295"), 32, 0, UINT32_MAX },
		{ BYTES("4294967296"), 32, -ERANGE, 0 },
		{ BYTES("4294967296x"), 32, -EINVAL, 0 },
		{ BYTES(""), 64, -EINVAL, 0 },
		{ BYTES("\0"), 64, -EINVAL, 0 },
		{ BYTES("\n"), 64, -EINVAL, 0 },
		{ BYTES("+"), 64, -EINVAL, 0 },
		{ BYTES("++1"), 64, -EINVAL, 0 },
		{ BYTES("-0"), 64, -EINVAL, 0 },
		{ BYTES(" 1"), 64, -EINVAL, 0 },
		{ BYTES("1 "), 64, -EINVAL, 0 },
		{ BYTES("1\n\n"), 64, -EINVAL, 0 },
		{ BYTES("0x10"), 64, -EINVAL, 0 },
		{ BYTES("1\r\n"), 64, -EINVAL, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t v = UNTOUCHED;
		int error = sysfs_parse_ulong(cases[i].s, cases[i].len, cases[i].bits, &v);
		if (error != cases[i].error || v != (error ? UNTOUCHED : cases[i].value))
			fail_msg("\"%s\": error %d value %llu", cases[i].s, error, (unsigned long long)v);
	}
}

static void test_window(void **state)
{
	(void)state;
	static char big[5000];
	uint64_t v = UNTOUCHED;

	memset(big, '0', sizeof(big));
	big[SYSFS_WINDOW] = '1'; /* past what is looked at */
	assert_int_equal(sysfs_parse_ulong(big, sizeof(big), 64, &v), 0);
	assert_int_equal(v, 0);
	big[SYSFS_WINDOW - 1] = '1';
	assert_int_equal(sysfs_parse_ulong(big, sizeof(big), 64, &v), 0);
	assert_int_equal(v, 1);
	memset(big, '1', sizeof(big));
	assert_int_equal(sysfs_parse_ulong(big, sizeof(big), 64, &v), -ERANGE);
}

static void test_sizes(void **state)
{
	(void)state;
	static const struct {
		const char *s;
		uint64_t value;
	} cases[] = {
		{ "2048kB\n", 2 << 20 },
		{ "2M", 2 << 20 },
		{ "0x200000\n", 2 << 20 },
		{ "010000000", 2 << 20 },
		{ "1g", 1 << 30 },
		{ "2097152 and more", 2 << 20 },
		{ "1T", 1ull << 40 },
		{ "1p", 1ull << 50 },
		{ "1E", 1ull << 60 },
		{ "", 0 },
		{ "\n", 0 },
		{ " 2M", 0 },
		{ "x", 0 },
		{ "0x", 0 },
		{ "0xG", 0 },
		{ "16E", 0 },
		{ "08", 0 },
		{ "-1", 0 },
	};
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(sysfs_parse_size(cases[i].s, strlen(cases[i].s)), cases[i].value);
	assert_int_equal(sysfs_parse_size("2M", 1), 2);
	assert_int_equal(sysfs_parse_size("2\0M", 3), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_sizes), cmocka_unit_test(test_forms),
					    cmocka_unit_test(test_window) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
