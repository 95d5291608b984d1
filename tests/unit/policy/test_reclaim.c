/* SPDX-License-Identifier: MIT */
#include "support/policy_fixture.h"

#define NORMAL 2

static struct node *node0(struct world *w)
{
	return &w->m.node[0];
}

static uint64_t reclaim(struct world *w, uint64_t nr, unsigned mask, bool kswapd)
{
	return reclaim_node(&w->p, w->c, node0(w), nr, mask, kswapd);
}

static void test_takes_what_was_asked_for(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	zone_fill_with_file(w, z, 300, LRU_INACTIVE_FILE);
	uint64_t before = zone_free(z);
	assert_int_equal(reclaim(w, 100, 1 << NORMAL, false), 100);
	assert_int_equal(zone_free(z), before + 100);
	assert_int_equal(w->released, 100);
	assert_int_equal(node0(w)->lru.size[LRU_INACTIVE_FILE], 200);
	assert_int_equal(node_stat_sum(node0(w), NR_FILE_PAGES), 200);
	assert_int_equal(reclaim(w, 1000, 1 << NORMAL, true), 200);
	assert_int_equal(reclaim(w, 1000, 1 << NORMAL, true), 0);
	assert_int_equal(world_event(w, PGSCAN_DIRECT), 100);
	assert_int_equal(world_event(w, PGSTEAL_DIRECT), 100);
	assert_int_equal(world_event(w, PGSCAN_KSWAPD), 200);
	assert_int_equal(world_event(w, PGSTEAL_KSWAPD), 200);
	assert_int_equal(world_event(w, PGSCAN_FILE), 300);
	assert_int_equal(world_event(w, PGSTEAL_FILE), 300);
	world_end(w);
}

/* The oldest inactive page goes first; active ones only when they are more, oldest first. */
static void test_coldest_first(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	zone_fill_with_file(w, z, 64, LRU_INACTIVE_FILE);
	pfn_t oldest = node0(w)->lru.list[LRU_INACTIVE_FILE].tail;
	zone_fill_with_file(w, z, 10, LRU_ACTIVE_FILE);
	assert_int_equal(reclaim(w, 1, 1 << NORMAL, false), 1);
	assert_int_not_equal(pfn_page(&w->m, oldest)->state, PAGE_USED);
	assert_int_equal(node0(w)->lru.size[LRU_ACTIVE_FILE], 10);
	assert_int_equal(world_event(w, PGDEACTIVATE), 0);
	assert_int_equal(reclaim(w, 63, 1 << NORMAL, false), 63);
	assert_int_equal(reclaim(w, 63, 1 << NORMAL, false), 10);
	assert_int_equal(world_event(w, PGDEACTIVATE), world_event(w, PGREFILL));
	assert_int_equal(world_event(w, PGDEACTIVATE), 10);
	world_end(w);
}

/* From 1 GiB of cache on, a third of it inactive is enough. */
static void test_large_caches_keep_more_active(void **state)
{
	(void)state;
	static const struct zone_shape shape = { 0, 2, 1048576, 1048576 + 310000, 0 };
	struct machine_spec s;
	small_spec(&s, 1, 1);
	small_spec_zones(&s, &shape, 1);
	struct world *w = world_begin(&s, true);
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 80000, LRU_INACTIVE_FILE);
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 220000, LRU_ACTIVE_FILE);
	assert_int_equal(reclaim(w, 32, 1 << NORMAL, false), 32);
	assert_int_equal(world_event(w, PGDEACTIVATE), 0);
	assert_int_equal(reclaim(w, 10000, 1 << NORMAL, false), 10000);
	assert_in_range(world_event(w, PGDEACTIVATE), 2500, 2560);
	assert_in_range(node0(w)->lru.size[LRU_INACTIVE_FILE], 72460, 72530);
	cpu_leave(w->c);
	assert_int_equal(reclaim_drop_pagecache(&w->p), 300000 - 10032);
	cpu_enter(w->c);
	world_end(w);
}

/* Pages of zones that are not wanted stay, are counted as skipped and looked at once. */
static void test_only_wanted_zones(void **state)
{
	(void)state;
	struct world *w = world_one_node(true);
	zone_fill_with_file(w, world_zone(w, 0, 2), 100, LRU_INACTIVE_FILE);
	zone_fill_with_file(w, world_zone(w, 0, 1), 50, LRU_INACTIVE_FILE);
	assert_int_equal(reclaim(w, 80, 1 << 1, true), 50);
	assert_int_equal(node0(w)->lru.size[LRU_INACTIVE_FILE], 100);
	assert_int_equal(world_event(w, PGSKIP_FIRST + ZONE_NORMAL), 100);
	assert_int_equal(world_event(w, PGSKIP_FIRST + ZONE_DMA32), 0);
	assert_int_equal(world_event(w, PGSCAN_KSWAPD), 50);
	assert_int_equal(reclaim(w, 80, 1 << 0 | 1 << 2, true), 80);
	assert_int_equal(reclaim(w, 80, 1 << 2, true), 20);
	world_end(w);
}

static void test_owner_may_refuse(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 40, LRU_INACTIVE_FILE);
	w->refuse = true;
	assert_int_equal(reclaim(w, 40, 1 << NORMAL, false), 0);
	assert_int_equal(world_event(w, PGSCAN_DIRECT), 40); /* once each */
	assert_int_equal(node0(w)->lru.size[LRU_INACTIVE_FILE], 40);
	w->refuse = false;
	assert_int_equal(reclaim(w, 40, 1 << NORMAL, false), 40);
	world_end(w);
}

/* Nobody speaks for these pages: they stay. */
static void test_no_owner(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 8, LRU_INACTIVE_FILE);
	w->p.owner[OWNER_TASK_FILE] = NULL;
	assert_int_equal(reclaim(w, 8, 1 << NORMAL, false), 0);
	w->p.owner[OWNER_TASK_FILE] = &file_owner;
	assert_int_equal(reclaim(w, 8, 1 << NORMAL, false), 8);
	world_end(w);
}

static void test_anonymous_pages_stay(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 8, LRU_INACTIVE_ANON);
	assert_int_equal(reclaim(w, 8, ~0u, false), 0);
	assert_int_equal(node0(w)->lru.size[LRU_INACTIVE_ANON], 8);
	cpu_leave(w->c);
	assert_int_equal(reclaim_drop_pagecache(&w->p), 0);
	machine_shutdown(&w->m);
	policy_fini(&w->p);
	free(w);
}

/* Everything clean, on all nodes, however much; no reclaim counter moves. */
static void test_drop_pagecache(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	uint64_t before[2];
	for (unsigned n = 0; n < 2; n++)
		before[n] = zone_free(world_zone(w, n, NORMAL));
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 5000, LRU_INACTIVE_FILE);
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 3000, LRU_ACTIVE_FILE);
	zone_fill_with_file(w, world_zone(w, 1, NORMAL), 77, LRU_ACTIVE_FILE);
	cpu_leave(w->c);
	assert_int_equal(reclaim_drop_pagecache(&w->p), 8077);
	assert_int_equal(reclaim_drop_pagecache(&w->p), 0);
	cpu_enter(w->c);
	for (unsigned n = 0; n < 2; n++)
		assert_int_equal(zone_free(world_zone(w, n, NORMAL)), before[n]);
	static const unsigned still[] = { PGSCAN_DIRECT,  PGSCAN_KSWAPD, PGSTEAL_DIRECT,
					  PGSTEAL_KSWAPD, PGSCAN_FILE,   PGSTEAL_FILE };
	for (unsigned i = 0; i < ARRAY_LEN(still); i++)
		assert_int_equal(world_event(w, still[i]), 0);
	world_end(w);
}

/* Reclaiming something gives a node that was given up another chance. */
static void test_success_forgives(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	node0(w)->kswapd_failures = 16;
	assert_int_equal(reclaim(w, 1, 1 << NORMAL, false), 0);
	assert_int_equal(node0(w)->kswapd_failures, 16);
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 1, LRU_INACTIVE_FILE);
	assert_int_equal(reclaim(w, 1, 1 << NORMAL, false), 1);
	assert_int_equal(node0(w)->kswapd_failures, 0);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_what_was_asked_for),
		cmocka_unit_test(test_coldest_first),
		cmocka_unit_test(test_large_caches_keep_more_active),
		cmocka_unit_test(test_only_wanted_zones),
		cmocka_unit_test(test_owner_may_refuse),
		cmocka_unit_test(test_no_owner),
		cmocka_unit_test(test_anonymous_pages_stay),
		cmocka_unit_test(test_drop_pagecache),
		cmocka_unit_test(test_success_forgives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
