/* SPDX-License-Identifier: MIT */
#include "base/mask.h"
#include "base/parse.h"
#include "base/rng.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_members(void **state)
{
	(void)state;
	static const unsigned bits[] = { 0, 1, 63, 64, 127, 4096, MASK_BITS - 1 };
	struct mask m;
	mask_clear(&m);
	assert_true(mask_empty(&m));
	assert_int_equal(mask_count(&m), 0);
	for (unsigned i = 0; i < ARRAY_LEN(bits); i++)
		mask_set(&m, bits[i]);
	assert_int_equal(mask_count(&m), ARRAY_LEN(bits));
	assert_false(mask_empty(&m));
	assert_false(mask_has(&m, 2));
	assert_false(mask_has(&m, MASK_BITS));
	assert_false(mask_has(&m, UINT32_MAX));

	unsigned i = 0;
	MASK_FOR_EACH(bit, &m)
		assert_int_equal(bit, bits[i++]);
	assert_int_equal(i, ARRAY_LEN(bits));
	assert_int_equal(mask_next(&m, 65), 127);
	assert_int_equal(mask_next(&m, MASK_BITS), MASK_BITS);
}

static void check_list(const char *list, const char *want)
{
	struct mask m;
	struct text t;
	text_init(&t, 0);
	assert_int_equal(parse_list(list, &m), 0);
	mask_print_list(&t, &m);
	assert_string_equal(text_cstr(&t), want);
	text_fini(&t);
}

static void test_print_list(void **state)
{
	(void)state;
	check_list("", "");
	check_list("0", "0");
	check_list("0,1", "0-1");
	check_list("0-3,8", "0-3,8");
	check_list("8,0,2,1,3,63,64", "0-3,8,63-64");
	check_list("0-8191", "0-8191");
	check_list("8191", "8191");
}

static void test_lists_come_back(void **state)
{
	(void)state;
	struct rng r;
	struct text t;
	rng_init(&r, 7);
	text_init(&t, 0);
	for (unsigned round = 0; round < 200; round++) {
		struct mask m, again;
		mask_clear(&m);
		for (uint64_t n = rng_below(&r, 500); n; n--)
			mask_set(&m, (unsigned)rng_below(&r, round < 100 ? 256 : MASK_BITS));
		text_reset(&t);
		mask_print_list(&t, &m);
		assert_int_equal(parse_list(text_cstr(&t), &again), 0);
		assert_memory_equal(&m, &again, sizeof(m));
	}
	text_fini(&t);
}

static void check_hex(const char *list, unsigned nbits, const char *want)
{
	struct mask m;
	struct text t;
	text_init(&t, 0);
	assert_int_equal(parse_list(list, &m), 0);
	mask_print_hex(&t, &m, nbits);
	assert_string_equal(text_cstr(&t), want);
	text_fini(&t);
}

static void test_print_hex(void **state)
{
	(void)state;
	check_hex("0-3", 4, "f");
	check_hex("0", 1, "1");
	check_hex("0", 5, "01");
	check_hex("0-7,16-23", 24, "ff00ff");
	check_hex("0-31", 32, "ffffffff");
	check_hex("1", 33, "0,00000002");
	check_hex("32", 33, "1,00000000");
	check_hex("0,63", 64, "80000000,00000001");
	check_hex("0-127", 72, "ff,ffffffff,ffffffff");
	check_hex("", 8, "00");
	check_hex("0-8191", 3, "7");
	check_hex("1", 0, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_print_list),
		cmocka_unit_test(test_lists_come_back),
		cmocka_unit_test(test_print_hex),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
