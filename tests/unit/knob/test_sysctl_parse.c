/* SPDX-License-Identifier: MIT */
#include "knob/sysctl_parse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define UNTOUCHED 0x5eed5eed
#define BYTES(s) s, sizeof(s) - 1

struct int_case {
	const char *s;
	size_t len;
	int error;
	int32_t value;
	size_t taken; /* 0: all */
};

static void check_int(const struct int_case *c, int32_t min, int32_t max)
{
	int32_t v = UNTOUCHED;
	struct sysctl_result r = sysctl_parse_ints(c->s, c->len, min, max, &v, 1);
	size_t taken = c->taken ? c->taken : c->len;
	if (r.error != c->error || r.nr != !c->error || r.taken != taken ||
	    v != (c->error ? UNTOUCHED : c->value))
		fail_msg("\"%s\": error %d value %d taken %zu", c->s, r.error, v, r.taken);
}

static void test_int_forms(void **state)
{
	(void)state;
	static const struct int_case cases[] = {
		{ BYTES("0\n"), 0, 0, 0 },
		{ BYTES("42"), 0, 42, 0 },
		{ BYTES("-0\n"), 0, 0, 0 },
		{ BYTES("-17\n"), 0, -17, 0 },
		{ BYTES(" \t\v\f\r\n\xa0 7 \n"), 0, 7, 0 },
		{ BYTES("0x1F\n"), 0, 31, 0 },
		{ BYTES("0X1f\n"), 0, 31, 0 },
		{ BYTES("-0x10\n"), 0, -16, 0 },
		{ BYTES("010\n"), 0, 8, 0 },
		{ BYTES("2147483647"), 0, INT32_MAX, 0 },
		{ BYTES("-2147483648"), 0, INT32_MIN, 0 },
		{ BYTES("1 2\n"), 0, 1, 2 },
		{ BYTES("1 \v\f 2\n"), 0, 1, 5 },
		{ BYTES("1\nabc"), 0, 1, 2 },
		{ BYTES("1\n\0"), 0, 1, 2 },
		{ BYTES("00000000000000000001\n"), 0, 1, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_int(&cases[i], INT32_MIN, INT32_MAX);
}

static void test_int_refused(void **state)
{
	(void)state;
	static const struct int_case cases[] = {
		{ BYTES("\n"), -EINVAL, 0, 0 },
		{ BYTES("   "), -EINVAL, 0, 0 },
		{ BYTES("-"), -EINVAL, 0, 0 },
		{ BYTES("-\n"), -EINVAL, 0, 0 },
		{ BYTES("--1"), -EINVAL, 0, 0 },
		{ BYTES("- 1"), -EINVAL, 0, 0 },
		{ BYTES("+1"), -EINVAL, 0, 0 },
		{ BYTES("x"), -EINVAL, 0, 0 },
		{ BYTES("0x"), -EINVAL, 0, 0 },
		{ BYTES("0xg"), -EINVAL, 0, 0 },
		{ BYTES("08"), -EINVAL, 0, 0 },
		{ BYTES("1\r\n"), -EINVAL, 0, 0 },
		{ BYTES("1\v"), -EINVAL, 0, 0 },
		{ BYTES("1\xa0"), -EINVAL, 0, 0 },
		{ BYTES("1\0"), -EINVAL, 0, 0 },
		{ BYTES("\0"), -EINVAL, 0, 0 },
		{ BYTES("1,2"), -EINVAL, 0, 0 },
		{ BYTES("2147483648"), -EINVAL, 0, 0 },
		{ BYTES("-2147483649"), -EINVAL, 0, 0 },
		{ BYTES("4294967297"), -EINVAL, 0, 0 },
		{ BYTES("18446744073709551617"), -EINVAL, 0, 0 },
		{ BYTES("0x10000000000000001"), -EINVAL, 0, 0 },
		{ BYTES("000000000000000000001\n"), -EINVAL, 0, 0 },
		{ BYTES("-00000000000000000001\n"), -EINVAL, 0, 0 },
		{ BYTES("0x0000000000000000001\n"), -EINVAL, 0, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_int(&cases[i], INT32_MIN, INT32_MAX);
}

static void test_int_range(void **state)
{
	(void)state;
	static const struct int_case in[] = { { BYTES("1"), 0, 1, 0 }, { BYTES("3000"), 0, 3000, 0 } };
	static const struct int_case out[] = { { BYTES("0"), -EINVAL, 0, 0 },
					       { BYTES("3001"), -EINVAL, 0, 0 },
					       { BYTES("-1"), -EINVAL, 0, 0 } };
	for (size_t i = 0; i < ARRAY_LEN(in); i++)
		check_int(&in[i], 1, 3000);
	for (size_t i = 0; i < ARRAY_LEN(out); i++)
		check_int(&out[i], 1, 3000);
}

/* A number is never read past the end of the write: the buffer here is exactly as long as the text. */
static void test_int_end(void **state)
{
	(void)state;
	static const char *const text[] = {
		"1", "-", "0", "0x", "-0x", "12345678901234567890", "123456789012345678901"
	};
	for (size_t i = 0; i < ARRAY_LEN(text); i++) {
		size_t len = strlen(text[i]);
		char *exact = malloc(len);
		int32_t v;
		memcpy(exact, text[i], len);
		struct sysctl_result r = sysctl_parse_ints(exact, len, INT32_MIN, INT32_MAX, &v, 1);
		assert_int_equal(r.error, len == 1 && text[i][0] != '-' ? 0 : -EINVAL);
		free(exact);
	}
}

static void test_window(void **state)
{
	(void)state;
	static char big[5000];
	int32_t v;

	memset(big, ' ', sizeof(big));
	big[SYSCTL_WINDOW - 1] = '1';
	big[SYSCTL_WINDOW] = '2'; /* not seen: the number is 1 */
	struct sysctl_result r = sysctl_parse_ints(big, sizeof(big), 0, 9, &v, 1);
	assert_int_equal(r.error, 0);
	assert_int_equal(v, 1);
	assert_int_equal(r.taken, sizeof(big));

	big[SYSCTL_WINDOW - 1] = ' ';
	assert_int_equal(sysctl_parse_ints(big, sizeof(big), 0, 9, &v, 1).error, -EINVAL);

	memset(big, '1', sizeof(big));
	memcpy(big, "5 ", 2); /* 6.1 counts what it did not take inside the window only */
	r = sysctl_parse_ints(big, sizeof(big), 0, 9, &v, 1);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.taken, sizeof(big) - (SYSCTL_WINDOW - 2));
}

struct list_case {
	const char *s;
	unsigned nr;
	int error;
	size_t taken;
	int32_t value[5];
};

static void test_list(void **state)
{
	(void)state;
	static const struct list_case cases[] = {
		{ "1 2 3 4 5\n", 5, 0, 10, { 1, 2, 3, 4, 5 } },
		{ "1 2 3 4 5 6\n", 5, 0, 10, { 1, 2, 3, 4, 5 } },
		{ "\t20\t21\n", 2, 0, 7, { 20, 21 } },
		{ "1 2 x 4\n", 2, -EINVAL, 4, { 1, 2 } },
		{ "1 2147483648\n", 1, -EINVAL, 12, { 1 } },
		{ "2147483648 1\n", 0, -EINVAL, 13, { 0 } },
		{ "-1 0x10 010\n", 3, 0, 12, { -1, 16, 8 } },
		{ "7,8,9\n", 0, -EINVAL, 6, { 0 } },
		{ "\n", 0, -EINVAL, 1, { 0 } },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct list_case *c = &cases[i];
		int32_t v[5];
		struct sysctl_result r =
			sysctl_parse_ints(c->s, strlen(c->s), INT32_MIN, INT32_MAX, v, 5);
		if (r.nr != c->nr || r.error != c->error || r.taken != c->taken ||
		    memcmp(v, c->value, r.nr * sizeof(*v)) != 0)
			fail_msg("\"%s\": %u numbers, error %d, taken %zu", c->s, r.nr, r.error, r.taken);
	}
}

static void test_ulong(void **state)
{
	(void)state;
	static const struct {
		const char *s;
		unsigned bits;
		int error;
		uint64_t value;
	} cases[] = {
		{ "18446744073709551615\n", 64, 0, UINT64_MAX },
		{ "0xffffffffffffffff\n", 64, 0, UINT64_MAX },
		{ "01777777777777777777\n", 64, 0, 0x7fffffffffffff },
		{ "18446744073709551616\n", 64, -EINVAL, 0 },
		{ "4294967295\n", 32, 0, UINT32_MAX },
		{ "4294967296\n", 32, -EINVAL, 0 },
		{ "4294967296\n", 64, 0, 4294967296 },
		{ "-1\n", 64, -EINVAL, 0 },
		{ "-0\n", 64, -EINVAL, 0 },
		{ "\n", 64, -EINVAL, 0 },
		{ "12abc\n", 64, -EINVAL, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t v = UNTOUCHED;
		size_t len = strlen(cases[i].s);
		struct sysctl_result r = sysctl_parse_ulong(cases[i].s, len, cases[i].bits, &v);
		if (r.error != cases[i].error || r.taken != len ||
		    v != (r.error ? UNTOUCHED : cases[i].value))
			fail_msg("\"%s\": error %d value %llu", cases[i].s, r.error,
				 (unsigned long long)v);
	}
	uint64_t v;
	assert_int_equal(sysctl_parse_ulong("1 2\n", 4, 64, &v).taken, 2);
	/* refused for the sign alone: how far it was read */
	struct sysctl_result r = sysctl_parse_ulong("-1 2\n", 5, 64, &v);
	assert_true(r.negative && r.error == -EINVAL);
	assert_int_equal(r.taken, 3);
	assert_true(sysctl_parse_ulong("-99999999999\n", 13, 32, &v).negative);
	assert_false(sysctl_parse_ulong("-1x\n", 4, 64, &v).negative);
	assert_false(sysctl_parse_ulong("1\n", 2, 64, &v).negative);
}

static void test_bool(void **state)
{
	(void)state;
	static const struct {
		const char *s;
		unsigned bits;
		int error;
		bool value;
	} cases[] = {
		{ "0\n", 64, 0, false },
		{ "-0\n", 64, 0, false },
		{ "-3\n", 64, 0, true },
		{ "0x10\n", 64, 0, true },
		{ "4294967296\n", 64, 0, true },
		{ "18446744073709551615\n", 64, 0, true },
		{ "4294967296\n", 32, -EINVAL, false },
		{ "18446744073709551616\n", 64, -EINVAL, false },
		{ "true\n", 64, -EINVAL, false },
		{ " \n", 64, -EINVAL, false },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool v = false;
		size_t len = strlen(cases[i].s);
		struct sysctl_result r = sysctl_parse_bool(cases[i].s, len, cases[i].bits, &v);
		if (r.error != cases[i].error || r.taken != len || v != cases[i].value)
			fail_msg("\"%s\": error %d value %d", cases[i].s, r.error, v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_int_forms), cmocka_unit_test(test_int_refused),
		cmocka_unit_test(test_int_range), cmocka_unit_test(test_int_end),
		cmocka_unit_test(test_window),    cmocka_unit_test(test_list),
		cmocka_unit_test(test_ulong),     cmocka_unit_test(test_bool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
