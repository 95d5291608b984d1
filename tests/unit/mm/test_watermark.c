/* SPDX-License-Identifier: MIT */
#include "mm/watermark.h"

#include "support/captured.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_share(void **state)
{
	(void)state;
	assert_int_equal(marks_share(16896, 3840, 1516721), 42);
	assert_int_equal(marks_share(16896, 0, 1516721), 0);
	assert_int_equal(marks_share(16896, 3840, 0), 0);
	/* min_free_kbytes at its most on a machine of 16 TiB: the product needs more than 64 bits */
	uint64_t pages = 1ull << 32;
	assert_int_equal(marks_share(UINT64_MAX / 4, pages, pages), UINT64_MAX / 4);
}

static void test_marks(void **state)
{
	(void)state;
	struct marks m = marks_compute(42, 3840, 10, false);
	assert_int_equal(m.min, 42);
	assert_int_equal(m.low, 52);
	assert_int_equal(m.high, 62);
	m = marks_compute(0, 765914, 10, false); /* min_free_kbytes=0 */
	assert_int_equal(m.min, 0);
	assert_int_equal(m.low, 765);
	assert_int_equal(m.high, 1530);
	m = marks_compute(1 << 20, 0, 3000, false); /* nothing managed: the share alone makes the gap */
	assert_int_equal(m.low, (1 << 20) + (1 << 18));
	assert_int_equal(marks_compute(0, 1ull << 32, 3000, false).low, 1288490188);
}

static void test_highmem_min_is_clamped(void **state)
{
	(void)state;
	assert_int_equal(marks_compute(5000, 1024, 10, true).min, 32);
	assert_int_equal(marks_compute(5000, 64 * 1024, 10, true).min, 64);
	assert_int_equal(marks_compute(5000, 1 << 30, 10, true).min, 128);
	assert_int_equal(marks_compute(5000, 1024, 10, true).low, 32 + 1250); /* the gap follows the share */
	struct marks empty = marks_compute(0, 0, 10, true);
	assert_int_equal(empty.min, 32);
	assert_int_equal(empty.high, 32);
}

static void test_min_free_kbytes_base(void **state)
{
	(void)state;
	assert_int_equal(min_free_kbytes_base(1491381 * 4), 9769); /* T2 */
	assert_int_equal(min_free_kbytes_base(0), 128);
	assert_int_equal(min_free_kbytes_base(1023), 128);
	assert_int_equal(min_free_kbytes_base(1041), 129);
	assert_int_equal(min_free_kbytes_base(UINT64_MAX / 16), 262144);
}

static void test_batch_of_every_captured_zone(void **state)
{
	(void)state;
	unsigned zones = 0;
	for (unsigned i = 0; i < nr_captured_machines; i++)
		for (unsigned k = 0; k < CAPTURED_ZONES && captured_machines[i].zone[k].present;
		     k++, zones++) {
			const struct captured_zone *z = &captured_machines[i].zone[k];
			assert_int_equal(pageset_batch(z->managed), z->batch);
		}
	assert_true(zones > 30);
}

static void test_batch(void **state)
{
	(void)state;
	static const struct {
		uint64_t managed;
		int batch;
	} want[] = { { 0, 1 },       { 8191, 1 },    { 8192, 1 },    { 12288, 3 },
		     { 16384, 3 },   { 32768, 7 },   { 65536, 15 },  { 131072, 31 },
		     { 174080, 31 }, { 176128, 63 }, { 262144, 63 }, { 1ull << 32, 63 } };
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(pageset_batch(want[i].managed), want[i].batch);
}

static void test_high(void **state)
{
	(void)state;
	assert_int_equal(pageset_high(765914, 10675, 63, 4, 0), 2668);
	assert_int_equal(pageset_high(3840, 52, 1, 4, 0), 13);
	assert_int_equal(pageset_high(765914, 252, 63, 4, 0), 252); /* never below four batches */
	assert_int_equal(pageset_high(765914, 10675, 63, 4, 8), 23934); /* a fraction of the zone instead */
	assert_int_equal(pageset_high(765914, 10675, 63, 0, 0), 10675); /* no CPU counts as one */
	assert_int_equal(pageset_high(1ull << 32, 1, 63, 1, 1), INT32_MAX); /* what the field holds */
}

/* The rules of kernels, against zones of their captures: T3, after boot and with a fraction of 8. */
static void test_pageset_rules(void **state)
{
	(void)state;
	static const struct {
		struct pageset_size (*rule)(const struct pageset_input *in);
		struct pageset_input in;
		struct pageset_size want;
	} cases[] = {
		{ pageset_by_batch, { 3977, 55, 4, 0 }, { 1, 0, 0 } },
		{ pageset_by_batch, { 765917, 10675, 4, 0 }, { 63, 378, 378 } },
		{ pageset_by_batch, { 3977, 158, 4, 8 }, { 96, 497, 497 } },
		{ pageset_by_batch, { 765917, 158, 4, 8 }, { 96, 95739, 95739 } },
		{ pageset_by_batch, { 765917, 158, 4, INT32_MAX }, { 1, 0, 0 } },
		{ pageset_by_low, { 765914, 10675, 4, 0 }, { 63, 2668, 2668 } },
		{ pageset_by_low, { 765914, 10675, 4, 8 }, { 63, 23934, 23934 } },
		{ pageset_by_use, { 765914, 10675, 4, 0 }, { 63, 2668, 23934 } },
		{ pageset_by_use, { 765914, 10675, 4, 8 }, { 63, 23934, 23934 } },
		{ pageset_by_use, { 100, 90000, 1, 0 }, { 1, 90000, 90000 } }, /* never less than the least */
	};
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct pageset_size size = cases[i].rule(&cases[i].in);
		assert_int_equal(size.batch, cases[i].want.batch);
		assert_int_equal(size.high_min, cases[i].want.high_min);
		assert_int_equal(size.high_max, cases[i].want.high_max);
	}
}

static void test_promo(void **state)
{
	(void)state;
	struct marks m = marks_compute(42, 3840, 10, false);
	assert_int_equal(m.promo, m.high + (m.high - m.low));
	assert_int_equal(marks_compute(0, 0, 10, true).promo, 32); /* 6.12's empty Movable */
}

static void test_threshold(void **state)
{
	(void)state;
	assert_int_equal(stat_threshold_normal(765914, 4), 36);
	assert_int_equal(stat_threshold_normal(3840, 4), 6);
	assert_int_equal(stat_threshold_normal(32767, 1), 2);
	assert_int_equal(stat_threshold_normal(32768, 1), 4);
	assert_int_equal(stat_threshold_normal(1ull << 32, 8192), 125);
}

/* T1 while kswapd is awake: DMA 1, DMA32 121. */
static void test_threshold_under_pressure(void **state)
{
	(void)state;
	assert_int_equal(stat_threshold_pressure(17, 14, 2), 1);
	assert_int_equal(stat_threshold_pressure(1209, 967, 2), 121);
	assert_int_equal(stat_threshold_pressure(14, 14, 2), 1);
	assert_int_equal(stat_threshold_pressure(100000, 14, 2), 125);
	assert_int_equal(stat_threshold_pressure(100, 50, 0), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_highmem_min_is_clamped),
		cmocka_unit_test(test_min_free_kbytes_base),
		cmocka_unit_test(test_batch_of_every_captured_zone),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_high),
		cmocka_unit_test(test_pageset_rules),
		cmocka_unit_test(test_promo),
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_threshold_under_pressure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
