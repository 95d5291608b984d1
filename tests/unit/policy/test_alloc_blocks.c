/* SPDX-License-Identifier: MIT */
/* Direct compaction in the ladder of an allocation (policy/alloc.c). */
#include "support/compact_fixture.h"

/* Every fourth page of both nodes is in use, and every pageblock has some: no block above order 1 is free. */
static struct world *world_fragmented(void)
{
	struct world *w = world_owned();
	for (unsigned n = 0; n < 2; n++)
		owned_fill(w, world_zone(w, n, NORMAL), OWNER_TASK_ANON, LRU_ACTIVE_ANON);
	for (unsigned i = 0; i < owned.nr; i++)
		if (page_pfn(&w->m, owned.at[i]) % 4 != 1)
			owned_drop(w, i);
	cpu_drain(w->c);
	return w;
}

static void count(struct world *w, uint64_t stalls, uint64_t failures, uint64_t successes)
{
	assert_int_equal(world_event(w, COMPACTSTALL), stalls);
	assert_int_equal(world_event(w, COMPACTFAIL), failures);
	assert_int_equal(world_event(w, COMPACTSUCCESS), successes);
}

static void test_served(void **state)
{
	(void)state;
	struct world *w = world_fragmented();
	struct page *page = alloc(w, GFP_HIGHUSER_MOVABLE, 9);
	assert_non_null(page);
	assert_int_equal(page_node(&w->m, page)->id, 0);
	count(w, 1, 0, 1);
	assert_int_equal(world_event(w, ALLOCSTALL_FIRST + ZONE_MOVABLE), 0); /* before anything is reclaimed */
	assert_true(owned.moves >= 128 && owned.moves <= 256);
	assert_int_equal(world_zone(w, 0, NORMAL)->compact.order_failed, 10);
	free_pages(w->c, page, 9);
	cpu_drain(w->c);
	world_verify(w);
	owned_end(w);
}

/* Small movable blocks are for reclaim first, small others for compaction. */
static void test_small_orders(void **state)
{
	(void)state;
	struct world *w = world_fragmented();
	struct page *page = alloc(w, GFP_HIGHUSER_MOVABLE, 3);
	assert_non_null(page);
	uint64_t stalls = world_event(w, COMPACTSTALL);
	assert_true(stalls >= 1);
	assert_int_equal(world_event(w, COMPACTSUCCESS), 1);
	world_hold(w, page);
	world_verify(w);
	owned_end(w);
}

/* Who may not wait, or may not do IO, compacts nothing. */
static void test_not_for_everybody(void **state)
{
	(void)state;
	struct world *w = world_fragmented();
	assert_null(alloc(w, GFP_NOWAIT | __GFP_MOVABLE | __GFP_NOWARN, 9));
	assert_null(alloc(w, GFP_ATOMIC | __GFP_NOWARN, 9));
	assert_null(alloc(w, GFP_NOIO | __GFP_NOWARN, 9));
	count(w, 0, 0, 0);
	assert_int_equal(owned.moves, 0);
	world_verify(w);
	owned_end(w);
}

/* Only on the nodes that it may have pages from. */
static void test_nodes(void **state)
{
	(void)state;
	struct world *w = world_fragmented();
	struct nodemask nodes = { { 0 } };
	nodemask_set(&nodes, 1);
	struct page *page = alloc_request_nodes(&w->p, w->c, -1, &nodes, GFP_HIGHUSER_MOVABLE, 9);
	assert_non_null(page);
	assert_int_equal(page_node(&w->m, page)->id, 1);
	assert_int_equal(world_zone(w, 0, NORMAL)->compact.migrate_pfn[0], 0); /* never looked at */
	world_hold(w, page);
	world_verify(w);
	owned_end(w);
}

/* All pages are pinned: it fails, is deferred, and a request that asks for no more than a try gives up at once. */
static void test_in_vain(void **state)
{
	(void)state;
	struct world *w = world_fragmented();
	const gfp_t gfp = GFP_HIGHUSER_MOVABLE | __GFP_NOWARN;
	memset(owned.pinned, 1, sizeof(owned.pinned));
	assert_null(alloc(w, gfp, 9));
	uint64_t stalls = world_event(w, COMPACTSTALL);
	assert_true(stalls >= 2); /* async, then sync */
	assert_int_equal(world_event(w, COMPACTFAIL), stalls);
	for (unsigned n = 0; n < 2; n++)
		assert_true(world_zone(w, n, NORMAL)->compact.defer_shift >= 1);
	uint64_t scanned = world_event(w, COMPACTMIGRATE_SCANNED);
	for (unsigned n = 0; n < 2; n++)
		world_zone(w, n, NORMAL)->compact.considered = 0;
	assert_null(alloc(w, gfp | __GFP_NORETRY, 9));
	assert_int_equal(world_event(w, COMPACTMIGRATE_SCANNED), scanned); /* put off */
	assert_null(alloc(w, gfp | __GFP_RETRY_MAYFAIL, 9));
	memset(owned.pinned, 0, sizeof(owned.pinned));
	struct page *page = NULL;
	for (unsigned i = 0; i < 200 && !page; i++)
		page = alloc(w, gfp, 9);
	assert_non_null(page);
	world_hold(w, page);
	assert_int_equal(world_event(w, COMPACTSUCCESS), 1);
	assert_int_equal(page_zone(&w->m, page)->compact.defer_shift, 0);
	world_verify(w);
	owned_end(w);
}

/* As many blocks as free memory has room for, but for what the marks keep. */
static void test_as_many_as_fit(void **state)
{
	(void)state;
	struct world *w = world_fragmented();
	unsigned nr = 0;
	uint64_t room = (zone_free(world_zone(w, 0, NORMAL)) + zone_free(world_zone(w, 1, NORMAL))) >> 9;
	for (struct page *page;
	     (page = alloc(w, GFP_HIGHUSER_MOVABLE | __GFP_RETRY_MAYFAIL | __GFP_NOWARN, 9)); nr++)
		world_hold(w, page);
	assert_true(nr >= room * 3 / 4 && nr <= room);
	world_verify(w);
	owned_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_served),
		cmocka_unit_test(test_small_orders),
		cmocka_unit_test(test_not_for_everybody),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_in_vain),
		cmocka_unit_test(test_as_many_as_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
