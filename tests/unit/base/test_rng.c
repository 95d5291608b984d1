/* SPDX-License-Identifier: MIT */
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* xoshiro256** from the state 1, 2, 3, 4: the first can be checked by hand, rotl(2 * 5, 7) * 9. */
static void test_reference_sequence(void **state)
{
	(void)state;
	static const uint64_t want[] = {
		11520,
		0,
		1509978240,
		1215971899390074240,
		1216172134540287360,
		607988272756665600,
		16172922978634559625u,
		8476171486693032832,
		10595114339597558777u,
		2904607092377533576,
	};
	struct rng r = { .s = { 1, 2, 3, 4 } };
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		assert_true(rng_next(&r) == want[i]);
}

/* splitmix64 from 1234567. */
static void test_reference_seeding(void **state)
{
	(void)state;
	struct rng r;
	rng_init(&r, 1234567);
	assert_true(r.s[0] == 6457827717110365317);
	assert_true(r.s[1] == 3203168211198807973);
	assert_true(r.s[2] == 9817491932198370423u);
	assert_true(r.s[3] == 4593380528125082431);
}

static void test_seed_decides(void **state)
{
	(void)state;
	struct rng a, b, c;
	rng_init(&a, 0);
	rng_init(&b, 0);
	rng_init(&c, 1);
	unsigned differ = 0;
	for (unsigned i = 0; i < 100; i++) {
		uint64_t v = rng_next(&a);
		assert_true(v == rng_next(&b));
		differ += v != rng_next(&c);
	}
	assert_true(differ > 90);
}

static void test_below(void **state)
{
	(void)state;
	struct rng r;
	unsigned seen[7] = { 0 };
	rng_init(&r, 3);
	for (unsigned i = 0; i < 70000; i++) {
		assert_int_equal(rng_below(&r, 1), 0);
		seen[rng_below(&r, 7)]++;
		assert_true(rng_below(&r, (1ull << 63) + 1) <= 1ull << 63);
	}
	for (unsigned i = 0; i < 7; i++)
		assert_in_range(seen[i], 9500, 10500);
}

/* n = 3 * 2^62: without drawing again, a third of the results would be twice as likely. */
static void test_below_is_uniform(void **state)
{
	(void)state;
	struct rng r;
	unsigned thirds[3] = { 0 };
	rng_init(&r, 5);
	for (unsigned i = 0; i < 90000; i++)
		thirds[rng_below(&r, 3ull << 62) % 3]++;
	for (unsigned i = 0; i < 3; i++)
		assert_in_range(thirds[i], 29000, 31000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference_sequence), cmocka_unit_test(test_reference_seeding),
		cmocka_unit_test(test_seed_decides),       cmocka_unit_test(test_below),
		cmocka_unit_test(test_below_is_uniform),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
