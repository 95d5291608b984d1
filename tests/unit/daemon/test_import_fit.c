/* SPDX-License-Identifier: MIT */
/* Counts that no buddy system has become ones that it can have; all others stay as they are. */
#include "daemon/import_layout.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct layout_zone zone_of(const struct pfn_range *range, unsigned nr)
{
	return (struct layout_zone){ .start_pfn = range[0].start,
				     .end_pfn = range[nr - 1].end,
				     .range = range,
				     .nr_ranges = nr,
				     .pageblock_order = 9,
				     .huge_order = 9 };
}

static uint64_t pages_of(const struct layout_zone *z)
{
	uint64_t pages = 0;
	for (unsigned order = 0; order < MM_ORDERS; order++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
			pages += z->free[order][mt] << order;
	return pages;
}

static int free_ignore(void *ctx, uint64_t pfn, unsigned order, enum migratetype mt)
{
	(void)pfn, (void)mt;
	*(uint64_t *)ctx += 1ul << order;
	return 0;
}

static int virgin_ignore(void *ctx, uint64_t start, uint64_t end)
{
	*(uint64_t *)ctx += end - start;
	return 0;
}

static int huge_ignore(void *ctx, uint64_t pfn)
{
	(void)ctx, (void)pfn;
	return 0;
}

static int pageblock_ignore(void *ctx, uint64_t pfn, enum migratetype mt)
{
	(void)ctx, (void)pfn, (void)mt;
	return 0;
}

/* The layout asserts that everything finds room. */
static uint64_t place(const struct layout_zone *z)
{
	uint64_t pages = 0;
	const struct layout_sink sink = { &pages, free_ignore, virgin_ignore, huge_ignore, pageblock_ignore };
	struct layout l;
	assert_int_equal(layout_place(&l, z, &sink), 0);
	layout_fini(&l);
	return pages;
}

static void test_capacity(void **state)
{
	(void)state;
	const struct pfn_range range[] = { { 1, 0x9f }, { 0x100, 0x1000 } };
	assert_int_equal(layout_capacity(range, 2, 0), 3998);
	assert_int_equal(layout_capacity(range, 2, 1), 79 - 1 + 1920);
	assert_int_equal(layout_capacity(range, 2, 8), 15);
	assert_int_equal(layout_capacity(range, 2, 9), 7);
	assert_int_equal(layout_capacity(range, 2, 10), 3);
}

/* More top-order blocks than the memory has: the surplus is two halves each. */
static void test_too_many_large_blocks_split(void **state)
{
	(void)state;
	const struct pfn_range range = { 1024 + 512, 4096 + 512 };
	struct layout_zone z = zone_of(&range, 1);
	z.free[10][MIGRATE_MOVABLE] = 3; /* two fit, and half a block at each end */
	bool changed;
	assert_int_equal(layout_fit(&z, &changed), 0);
	assert_true(changed);
	assert_int_equal(z.free[10][MIGRATE_MOVABLE], 2);
	assert_int_equal(z.free[9][MIGRATE_MOVABLE], 2);
	assert_int_equal(place(&z), 3072);
}

/* All memory free as single pages: they would have merged. */
static void test_too_many_small_blocks_merge(void **state)
{
	(void)state;
	const struct pfn_range range = { 4096, 8192 };
	struct layout_zone z = zone_of(&range, 1);
	z.free[0][MIGRATE_UNMOVABLE] = 4096;
	bool changed;
	assert_int_equal(layout_fit(&z, &changed), 0);
	assert_true(changed);
	assert_int_equal(pages_of(&z), 4096);
	assert_int_equal(place(&z), 4096);
}

static void test_more_than_there_is_is_lost(void **state)
{
	(void)state;
	const struct pfn_range range = { 4096, 8192 };
	struct layout_zone z = zone_of(&range, 1);
	z.free[10][MIGRATE_MOVABLE] = 5;
	bool changed;
	assert_int_equal(layout_fit(&z, &changed), 1024);
	assert_true(changed);
	assert_int_equal(z.free[10][MIGRATE_MOVABLE], 4);
	assert_int_equal(place(&z), 4096);
}

/* Pool pages need whole blocks beside the free ones. */
static void test_pool_pages_are_bounded(void **state)
{
	(void)state;
	const struct pfn_range range = { 4096, 8192 };
	struct layout_zone z = zone_of(&range, 1);
	z.free[10][MIGRATE_MOVABLE] = 2;
	z.free[9][MIGRATE_MOVABLE] = 1;
	z.nr_huge = 9;
	bool changed;
	assert_int_equal(layout_fit(&z, &changed), 0);
	assert_false(changed);
	assert_int_equal(z.nr_huge, 3);
	assert_int_equal(place(&z), 2048 + 512);
}

/* Whatever the counts say, the result can be placed and no page is made up. */
static void test_random_counts(void **state)
{
	(void)state;
	struct rng r;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		rng_init(&r, seed);
		struct pfn_range range[2] = { { 1 + rng_below(&r, 2000), 0 }, { 0, 0 } };
		range[0].end = range[0].start + 1 + rng_below(&r, 9000);
		range[1].start = range[0].end + 1 + rng_below(&r, 900);
		range[1].end = range[1].start + 1 + rng_below(&r, 9000);
		struct layout_zone z = zone_of(range, 2);
		uint64_t most = range[0].end - range[0].start + range[1].end - range[1].start, pages = 0;
		for (unsigned i = 0; i < 200; i++) {
			unsigned order = (unsigned)rng_below(&r, MM_ORDERS);
			uint64_t n = rng_below(&r, 60);
			if (pages + (n << order) > most)
				continue;
			pages += n << order;
			z.free[order][rng_below(&r, 3)] += n;
		}
		z.nr_huge = rng_below(&r, 8);
		bool changed;
		uint64_t lost = layout_fit(&z, &changed);
		if (pages_of(&z) + lost != pages || place(&z) != pages - lost)
			fail_msg("seed %lu: %lu pages, %lu lost, %lu placed", seed, pages, lost,
				 place(&z));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_too_many_large_blocks_split),
		cmocka_unit_test(test_too_many_small_blocks_merge),
		cmocka_unit_test(test_more_than_there_is_is_lost),
		cmocka_unit_test(test_pool_pages_are_bounded),
		cmocka_unit_test(test_random_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
