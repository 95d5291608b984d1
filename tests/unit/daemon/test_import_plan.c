/* SPDX-License-Identifier: MIT */
/* Pairs of a run, and how blocks are shared out among areas and spread inside them. */
#include "daemon/import_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void pairs_are(uint64_t start, uint64_t end, unsigned order, uint64_t first, uint64_t nr)
{
	const struct layout_run run = { start, end, MIGRATE_MOVABLE };
	struct layout_pairs p = layout_run_pairs(&run, order);
	assert_int_equal(p.nr, nr);
	if (nr)
		assert_int_equal(p.first, first);
}

static void test_pairs(void **state)
{
	(void)state;
	pairs_are(0, 8, 0, 0, 4);
	pairs_are(1, 8, 0, 0, 4); /* half of the first pair counts */
	pairs_are(1, 9, 0, 0, 5);
	pairs_are(3, 4, 0, 1, 1);
	pairs_are(3, 5, 1, 0, 0); /* no whole block of two */
	pairs_are(2, 6, 1, 0, 2);
	pairs_are(1024, 4096, 9, 1, 3);
	pairs_are(1025, 1535, 9, 0, 0);
}

/* The high half is free where it is there. */
static void test_halves(void **state)
{
	(void)state;
	const struct layout_run run = { 4, 13, MIGRATE_MOVABLE };
	struct layout_pairs p = layout_run_pairs(&run, 1);
	assert_int_equal(layout_pair_block(&p, 1, 1), 6);
	assert_int_equal(layout_pair_block(&p, 2, 1), 10);
	p = layout_run_pairs(&run, 0);
	assert_int_equal(layout_pair_block(&p, 6, 0), 12);
	assert_int_equal(layout_pair_block(&p, 2, 0), 5);
}

static void plan_of(struct layout *l, struct layout_zone *z, struct layout_run *runs, unsigned nr,
		    struct layout_plan *p)
{
	memset(l, 0, sizeof(*l));
	l->z = z;
	l->runs = (struct layout_runs){ runs, nr, nr };
	layout_plan_make(l, p);
}

static void test_own_area_first(void **state)
{
	(void)state;
	struct layout_run runs[] = { { 0, 8, MIGRATE_UNMOVABLE },
				     { 8, 12, MIGRATE_RECLAIMABLE },
				     { 12, 22, MIGRATE_MOVABLE } };
	struct layout_zone z = {
		.free[0] = { [MIGRATE_UNMOVABLE] = 6, [MIGRATE_RECLAIMABLE] = 1, [MIGRATE_MOVABLE] = 4 }
	};
	struct layout_plan p = { .order = 0 };
	struct layout l;
	plan_of(&l, &z, runs, 3, &p);
	assert_int_equal(p.give[MIGRATE_UNMOVABLE][MIGRATE_UNMOVABLE], 4);
	assert_int_equal(p.give[MIGRATE_MOVABLE][MIGRATE_MOVABLE], 4);
	assert_int_equal(p.give[MIGRATE_MOVABLE][MIGRATE_UNMOVABLE], 1); /* the last Movable pair */
	assert_int_equal(p.give[MIGRATE_RECLAIMABLE][MIGRATE_RECLAIMABLE], 1);
	assert_int_equal(p.give[MIGRATE_RECLAIMABLE][MIGRATE_UNMOVABLE], 1);

	assert_int_equal(layout_plan_type(&p, MIGRATE_RECLAIMABLE), MIGRATE_RECLAIMABLE);
	assert_int_equal(layout_plan_type(&p, MIGRATE_RECLAIMABLE), MIGRATE_UNMOVABLE);
	assert_int_equal(p.placed[MIGRATE_RECLAIMABLE], 2);
}

/* Every n-th pair, the highest ones, or every n-th of a window. */
static void test_spread(void **state)
{
	(void)state;
	struct layout_run run = { 0, 2000, MIGRATE_MOVABLE };
	struct layout_zone z = { .free[0] = { [MIGRATE_MOVABLE] = 10 } };
	struct layout_plan even = { .order = 0 }, high = { .order = 0, .highest = true },
			   near = { .order = 0 };
	struct layout l;
	plan_of(&l, &z, &run, 1, &even);
	plan_of(&l, &z, &run, 1, &high);
	z.window_pages = 100;
	plan_of(&l, &z, &run, 1, &near);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(layout_plan_next(&even, MIGRATE_MOVABLE), i * 100);
		assert_int_equal(layout_plan_next(&high, MIGRATE_MOVABLE), 990 + i);
		assert_int_equal(layout_plan_next(&near, MIGRATE_MOVABLE), i * 5);
		layout_plan_type(&even, MIGRATE_MOVABLE);
		layout_plan_type(&high, MIGRATE_MOVABLE);
		layout_plan_type(&near, MIGRATE_MOVABLE);
	}
	z.window_pages = 8; /* fewer pairs than blocks: as many as it takes */
	near = (struct layout_plan){ .order = 0 };
	plan_of(&l, &z, &run, 1, &near);
	assert_int_equal(near.spread[MIGRATE_MOVABLE], 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_halves),
		cmocka_unit_test(test_own_area_first),
		cmocka_unit_test(test_spread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
