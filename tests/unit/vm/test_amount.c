/* SPDX-License-Identifier: MIT */
#include "vm/amount.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_amount(const char *word, enum amount_op op, uint64_t n)
{
	struct amount a;
	assert_int_equal(amount_parse(word, &a), 0);
	assert_int_equal(a.op, op);
	assert_int_equal(a.n, n);
}

static void assert_pages(const char *word, enum amount_op op, uint64_t n)
{
	struct amount a;
	assert_int_equal(amount_parse_pages(word, &a), 0);
	assert_int_equal(a.op, op);
	assert_int_equal(a.n, n);
}

static void test_counts(void **state)
{
	(void)state;
	assert_amount("0", AMOUNT_SET, 0);
	assert_amount("12", AMOUNT_SET, 12);
	assert_amount("+12", AMOUNT_ADD, 12);
	assert_amount("-12", AMOUNT_SUB, 12);
	assert_amount("007", AMOUNT_SET, 7);
	assert_amount("18446744073709551615", AMOUNT_SET, UINT64_MAX);
}

static void test_bytes_round_up_to_pages(void **state)
{
	(void)state;
	assert_pages("0", AMOUNT_SET, 0);
	assert_pages("1", AMOUNT_SET, 1);
	assert_pages("4096", AMOUNT_SET, 1);
	assert_pages("4097", AMOUNT_SET, 2);
	assert_pages("+512M", AMOUNT_ADD, 131072);
	assert_pages("-1g", AMOUNT_SUB, 262144);
	assert_pages("2T", AMOUNT_SET, 2ull << 28);
	assert_pages("18446744073709551615", AMOUNT_SET, 1ull << 52);
}

static void test_garbage(void **state)
{
	static const char *const garbage[] = { "",    "+",   "-",   "x",
					       "1x",  "--1", "+-1", "0x10",
					       "1.5", " 1",  "1 ",  "18446744073709551616",
					       "-M",  "1P" };
	struct amount a = { AMOUNT_ADD, 42 };
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		assert_int_equal(amount_parse(garbage[i], &a), -EINVAL);
		assert_int_equal(amount_parse_pages(garbage[i], &a), -EINVAL);
	}
	assert_int_equal(amount_parse("1M", &a), -EINVAL);
	assert_int_equal(amount_parse_pages("16777216T", &a), -EINVAL); /* 2^64 bytes */
	assert_int_equal(a.op, AMOUNT_ADD);
	assert_int_equal(a.n, 42);
}

static void test_apply(void **state)
{
	uint64_t target = 99;
	(void)state;
	assert_int_equal(amount_apply(&(struct amount){ AMOUNT_SET, 5 }, 7, &target), 0);
	assert_int_equal(target, 5);
	assert_int_equal(amount_apply(&(struct amount){ AMOUNT_ADD, 5 }, 7, &target), 0);
	assert_int_equal(target, 12);
	assert_int_equal(amount_apply(&(struct amount){ AMOUNT_SUB, 7 }, 7, &target), 0);
	assert_int_equal(target, 0);
	assert_int_equal(amount_apply(&(struct amount){ AMOUNT_SUB, 8 }, 7, &target), -EINVAL);
	assert_int_equal(amount_apply(&(struct amount){ AMOUNT_ADD, UINT64_MAX }, 1, &target), -ENOMEM);
}

static int split(const char *text, char **word, unsigned nr)
{
	static char line[64];
	strcpy(line, text);
	return words_split(line, word, nr);
}

static void test_words(void **state)
{
	char *word[3];
	(void)state;
	assert_int_equal(split("3 GFP_KERNEL 100", word, 3), 0);
	assert_string_equal(word[0], "3");
	assert_string_equal(word[1], "GFP_KERNEL");
	assert_string_equal(word[2], "100");
	assert_int_equal(split("  \t1\t 2 ", word, 2), 0);
	assert_string_equal(word[1], "2");
	assert_int_equal(split("1", word, 2), -EINVAL);
	assert_int_equal(split("1 2 3", word, 2), -EINVAL);
	assert_int_equal(split("", word, 1), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),  cmocka_unit_test(test_bytes_round_up_to_pages),
		cmocka_unit_test(test_garbage), cmocka_unit_test(test_apply),
		cmocka_unit_test(test_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
