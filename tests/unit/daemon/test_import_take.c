/* SPDX-License-Identifier: MIT */
/* Giving out frames: every one once, area by area, in pieces of one size. */
#include "daemon/import_layout.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NR_RUNS 5u
#define FRAMES 40960u

static const struct layout_run runs[NR_RUNS] = { { 0, 4096, MIGRATE_UNMOVABLE },
						 { 4096, 20000, MIGRATE_MOVABLE },
						 { 20001, 30000, MIGRATE_MOVABLE },
						 { 30000, 31000, LAYOUT_HELD },
						 { 31000, FRAMES, MIGRATE_RECLAIMABLE } };

static void layout_of(struct layout *l, struct layout_zone *z, struct rng *rng)
{
	memset(l, 0, sizeof(*l));
	*z = (struct layout_zone){ .pageblock_order = 9, .rng = rng };
	l->z = z;
	l->runs = (struct layout_runs){ mem_zalloc(sizeof(runs)), NR_RUNS, NR_RUNS };
	assert_non_null(l->runs.r);
	memcpy(l->runs.r, runs, sizeof(runs));
}

static unsigned area_of(uint64_t pfn)
{
	for (unsigned i = 0; i < NR_RUNS; i++)
		if (pfn >= runs[i].start && pfn < runs[i].end)
			return runs[i].area;
	fail_msg("frame %lu is in no run", pfn);
	return 0;
}

static void test_without_lots_from_the_top(void **state)
{
	(void)state;
	struct layout l;
	struct layout_zone z;
	uint64_t pfn, last = FRAMES;
	layout_of(&l, &z, NULL);
	assert_int_equal(layout_shuffle(&l), 0);
	for (; layout_take(&l, &pfn); last = pfn)
		assert_true(pfn < last);
	assert_int_equal(l.taken, FRAMES - 1);
	layout_fini(&l);
}

static void test_areas_in_order(void **state)
{
	static const unsigned order[] = { MIGRATE_MOVABLE, MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE,
					  LAYOUT_HELD };
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct layout l;
		struct layout_zone z;
		struct rng rng;
		uint8_t *seen = calloc(1, FRAMES);
		uint64_t pfn, jumps = 0, last = 0;
		unsigned at = 0;
		assert_non_null(seen);
		rng_init(&rng, seed);
		layout_of(&l, &z, &rng);
		assert_int_equal(layout_shuffle(&l), 0);
		for (; layout_take(&l, &pfn); last = pfn) {
			assert_false(seen[pfn]);
			seen[pfn] = 1;
			while (at < ARRAY_LEN(order) && order[at] != area_of(pfn))
				at++;
			assert_true(at < ARRAY_LEN(order));
			jumps += pfn + 1 != last;
		}
		assert_int_equal(l.taken, FRAMES - 1);
		assert_in_range(jumps, 5, FRAMES / 64 + 2 * NR_RUNS);
		free(seen);
		layout_fini(&l);
	}
}

/* Runs and single frames give out the same, in the same order; a run never reaches over an end. */
static void test_runs_give_the_same_frames(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct layout one, many;
		struct layout_zone z1, z2;
		struct rng r1, r2, draw;
		uint64_t start, nr, pfn;
		rng_init(&r1, seed);
		rng_init(&r2, seed);
		rng_init(&draw, seed + 1);
		layout_of(&one, &z1, &r1);
		layout_of(&many, &z2, &r2);
		assert_int_equal(layout_shuffle(&one), 0);
		assert_int_equal(layout_shuffle(&many), 0);
		assert_int_equal(layout_take_run(&many, 0, &start), 0);
		for (uint64_t most;
		     (nr = layout_take_run(&many, most = 1 + rng_below(&draw, 300), &start));) {
			assert_in_range(nr, 1, most);
			while (nr) {
				assert_true(layout_take(&one, &pfn));
				assert_int_equal(pfn, start + --nr);
			}
			assert_int_equal(one.taken, many.taken);
		}
		assert_false(layout_take(&one, &pfn));
		assert_int_equal(many.taken, FRAMES - 1);
		layout_fini(&one);
		layout_fini(&many);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_lots_from_the_top),
		cmocka_unit_test(test_areas_in_order),
		cmocka_unit_test(test_runs_give_the_same_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
