/* SPDX-License-Identifier: MIT */
/* vm.drop_caches, the part for slabs; test_reclaim.c has that for pages. */
#include "support/policy_fixture.h"

static uint64_t left, calls, goes;

static uint64_t objects_count(void *ctx, unsigned nid)
{
	(void)ctx;
	return nid == 1 ? left : 0;
}

static uint64_t objects_scan(void *ctx, struct cpu *c, unsigned nid, uint64_t nr)
{
	(void)ctx;
	(void)c;
	assert_int_equal(nid, 1);
	calls++;
	uint64_t gone = MIN(MIN(nr, goes), left);
	left -= gone;
	return gone;
}

static uint64_t drop(uint64_t nr, uint64_t each)
{
	struct world *w = world_two_nodes(true);
	struct shrinker s = { .name = "test", .count = objects_count, .scan = objects_scan, .seeks = DEFAULT_SEEKS };
	assert_int_equal(shrinker_register(&w->p, &s), 0);
	left = nr;
	goes = each;
	calls = 0;
	cpu_leave(w->c);
	uint64_t freed = reclaim_drop_slab(&w->p);
	cpu_enter(w->c);
	assert_int_equal(freed, nr - left);
	assert_true(world_event(w, SLABS_SCANNED) > 0);
	assert_int_equal(world_event(w, PGSCAN_DIRECT), 0);
	world_end(w);
	return freed;
}

static void test_to_exhaustion(void **state)
{
	(void)state;
	assert_int_equal(drop(100000, SHRINK_BATCH), 100000);
	assert_int_equal(left, 0);
}

/* What grows back, or goes very slowly, does not hold up the writer: each round has to free twice as much. */
static void test_ends(void **state)
{
	(void)state;
	uint64_t freed = drop(100000, 1); /* 2000 batches at most in a round: some 1560 objects, for 11 rounds */
	assert_in_range(freed, 1500, 20000);
	assert_true(left > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_to_exhaustion),
					    cmocka_unit_test(test_ends) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
