/* SPDX-License-Identifier: MIT */
/* How much is asked of a cache, by hand from 6.1's formulas, and dropping them all. */
#include "support/policy_fixture.h"

struct cache {
	struct shrinker shrinker;
	uint64_t nr, asked, goes; /* of what is asked so many go */
	bool stops;
};

static uint64_t cache_count(void *ctx, unsigned nid)
{
	struct cache *k = ctx;
	return nid ? 0 : k->nr;
}

static uint64_t cache_scan(void *ctx, struct cpu *c, unsigned nid, uint64_t nr)
{
	struct cache *k = ctx;
	(void)c;
	assert_int_equal(nid, 0);
	assert_in_range(nr, 1, SHRINK_BATCH);
	if (k->stops)
		return SHRINK_STOP;
	k->asked += nr;
	uint64_t gone = MIN(MIN(nr, k->goes), k->nr);
	k->nr -= gone;
	return gone;
}

static void cache_begin(struct cache *k, struct world *w, uint64_t nr, uint64_t goes)
{
	*k = (struct cache){ .nr = nr, .goes = goes };
	k->shrinker = (struct shrinker){
		.name = "test", .count = cache_count, .scan = cache_scan, .ctx = k, .seeks = DEFAULT_SEEKS
	};
	assert_int_equal(shrinker_register(&w->p, &k->shrinker), 0);
}

static void test_share_and_rest(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct cache k;
	cache_begin(&k, w, 1000, 0);
	assert_int_equal(shrink_slab(&w->p, w->c, 0, 12), 0);
	assert_int_equal(k.asked, 0);
	shrink_slab(&w->p, w->c, 0, 2); /* 250 * 4 / 2: three batches, 116 are left */
	assert_int_equal(k.asked, 384);
	assert_int_equal(k.shrinker.deferred[0], 116);
	shrink_slab(&w->p, w->c, 0, 0); /* 116 + 2000, but twice the cache at most: 15 batches */
	assert_int_equal(k.asked, 384 + 1920);
	assert_int_equal(k.shrinker.deferred[0], 2116 - 1920);
	assert_int_equal(world_event(w, SLABS_SCANNED), 384 + 1920);
	k.shrinker.seeks = 0;
	k.asked = 0;
	shrink_slab(&w->p, w->c, 0, 12); /* half of it, whatever the priority */
	assert_int_equal(k.asked, 384);
	world_end(w);
}

static void test_small_cache(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct cache k;
	cache_begin(&k, w, 10, 10);
	assert_int_equal(shrink_slab(&w->p, w->c, 0, 0), 10);
	assert_int_equal(k.asked, 20);
	assert_int_equal(shrink_slab(&w->p, w->c, 0, 0), 0);
	assert_int_equal(shrink_slab(&w->p, w->c, 1, 0), 0);
	world_end(w);
}

static void test_stop(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct cache k;
	cache_begin(&k, w, 1000, 1);
	k.stops = true;
	assert_int_equal(shrink_slab(&w->p, w->c, 0, 1), 0);
	assert_int_equal(world_event(w, SLABS_SCANNED), 0);
	assert_int_equal(k.shrinker.deferred[0], 1000); /* all of it is still to do */
	world_end(w);
}

static void test_pressure(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	assert_int_equal(vfs_pressure_ratio(&w->p, 12345), 12345);
	w->p.reclaim.vfs_cache_pressure = 0;
	assert_int_equal(vfs_pressure_ratio(&w->p, 12345), 0);
	w->p.reclaim.vfs_cache_pressure = 250;
	assert_int_equal(vfs_pressure_ratio(&w->p, 101), 252);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share_and_rest),
		cmocka_unit_test(test_small_cache),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_pressure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
