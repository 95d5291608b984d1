/* SPDX-License-Identifier: MIT */
/* policy/alloc.c, past the first walk: reserves, boosts, reclaim, drains. */
#include "base/fault.h"
#include "support/policy_fixture.h"

#define DMA 0
#define DMA32 1
#define NORMAL 2

/* An urgent block takes its pageblock into the reserve; ordinary requests cannot have it, urgent ones can. */
static void test_highatomic_reserve(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(false);
	struct zone *z = world_zone(w, 0, NORMAL);
	world_marks(w, 8192);
	struct page *page = alloc(w, GFP_ATOMIC, 2);
	assert_int_equal(z->nr_reserved_highatomic, 0); /* there was plenty */
	free_pages(w->c, page, 2);
	zone_leave_free(w, z, z->watermark[WMARK_MIN] + 200);
	page = alloc(w, GFP_ATOMIC | __GFP_THISNODE, 2);
	assert_non_null(page);
	assert_int_equal(z->nr_reserved_highatomic, 512);
	assert_int_equal(pageblock_type(&w->m, page_pfn(&w->m, page)), MIGRATE_HIGHATOMIC);
	world_hold(w, page);
	assert_true(zone_free(z) > z->watermark[WMARK_MIN] + 100);
	assert_null(alloc(w, GFP_NOWAIT | __GFP_THISNODE, 0));
	page = alloc(w, GFP_ATOMIC | __GFP_THISNODE, 3);
	assert_non_null(page);
	world_hold(w, page);
	world_end(w);
}

/* All but the last reserved block go to whoever may wait, if not for long. */
static void test_highatomic_shrinks(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(false);
	struct zone *z = world_zone(w, 0, NORMAL);
	world_marks(w, 8192);
	world_hold(w, zone_take(w->c, z, 9, MIGRATE_MOVABLE, 0));
	world_hold(w, zone_take(w->c, z, 9, MIGRATE_MOVABLE, 0));
	for (unsigned i = 0; i < 2; i++)
		zone_reserve_highatomic(z, w->held[i]);
	assert_int_equal(z->nr_reserved_highatomic, 1024);
	for (unsigned i = 0; i < 2; i++)
		page_give(w->c, w->held[--w->nr_held], 9);
	zone_leave_free(w, z, z->watermark[WMARK_MIN] + 900);
	assert_null(alloc(w, GFP_NOWAIT | __GFP_THISNODE, 0));
	struct page *page = alloc(w, GFP_KERNEL | __GFP_THISNODE | __GFP_NORETRY, 0);
	assert_non_null(page);
	world_hold(w, page);
	assert_int_equal(z->nr_reserved_highatomic, 512);
	world_end(w);
}

/* Before a request that may wait fails, the reserve goes to it. */
static void test_highatomic_is_given_up(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(false);
	struct zone *z = world_zone(w, 0, NORMAL);
	world_marks(w, 8192);
	uint64_t min = z->watermark[WMARK_MIN];
	zone_leave_free(w, z, min + 200);
	struct page *page = alloc(w, GFP_ATOMIC | __GFP_THISNODE, 2);
	world_hold(w, page);
	assert_null(alloc(w, GFP_KERNEL | __GFP_THISNODE | __GFP_NORETRY, 7));
	assert_int_equal(z->nr_reserved_highatomic, 512);
	exhaust(w, GFP_KERNEL | __GFP_THISNODE);
	assert_int_equal(z->nr_reserved_highatomic, 0);
	assert_int_equal(zone_free(z), min);
	world_end(w);
}

/*
 * Without kswapd a request reclaims for itself, and counts as a stall. Passes look
 * at 1000 >> 9, then 8, 7 and so on of the pages that are left: 1, 3, 7, 15 and 30
 * are the first to be 32 or more.
 */
static void test_direct_reclaim(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(false);
	struct zone *z = world_zone(w, 0, NORMAL);
	zone_fill_with_file(w, z, 1000, LRU_INACTIVE_FILE);
	zone_leave_free(w, z, z->watermark[WMARK_MIN]);
	assert_null(alloc(w, GFP_NOWAIT | __GFP_THISNODE, 0));
	assert_int_equal(w->released, 0);
	struct page *page = alloc(w, GFP_KERNEL | __GFP_THISNODE, 0);
	assert_non_null(page);
	world_hold(w, page);
	assert_int_equal(w->released, 56);
	assert_int_equal(world_event(w, ALLOCSTALL_FIRST + ZONE_NORMAL), 1);
	assert_int_equal(world_event(w, PGSCAN_DIRECT), 56);
	assert_int_equal(world_event(w, PGSTEAL_DIRECT), 56);
	assert_int_equal(world_event(w, PGSTEAL_KSWAPD), 0);
	assert_int_equal(exhaust(w, GFP_KERNEL | __GFP_THISNODE), 999); /* all that the cache held */
	assert_int_equal(w->released, 1000);
	assert_int_equal(node_stat_sum(&w->m.node[0], NR_FILE_PAGES), 0);
	assert_int_equal(zone_free(z), z->watermark[WMARK_MIN]);
	world_end(w);
}

/* Pages that their owner keeps are no help, and the request ends. */
static void test_direct_reclaim_refused(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(false);
	struct zone *z = world_zone(w, 0, NORMAL);
	zone_fill_with_file(w, z, 200, LRU_INACTIVE_FILE);
	zone_leave_free(w, z, z->watermark[WMARK_MIN]);
	w->refuse = true;
	assert_null(alloc(w, GFP_KERNEL | __GFP_THISNODE, 0));
	assert_int_equal(world_event(w, PGSTEAL_DIRECT), 0);
	assert_true(world_event(w, PGSCAN_DIRECT) >= 200);
	w->refuse = false;
	cpu_leave(w->c);
	assert_int_equal(reclaim_drop_pagecache(&w->p), 200);
	cpu_enter(w->c);
	world_end(w);
}

/* A block needs pages that lie together: reclaim goes on until some do. */
static void test_direct_reclaim_for_a_block(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(false);
	struct zone *z = world_zone(w, 0, NORMAL);
	zone_leave_free(w, z, 4096);
	zone_fill_with_file(w, z, 4096 - (unsigned)z->watermark[WMARK_MIN], LRU_INACTIVE_FILE);
	assert_int_equal(zone_free_blocks(z, 6), 0);
	struct page *page = alloc(w, GFP_KERNEL | __GFP_THISNODE, 3);
	assert_non_null(page);
	world_hold(w, page);
	page = alloc(w, GFP_KERNEL | __GFP_THISNODE | __GFP_RETRY_MAYFAIL, 6);
	assert_non_null(page);
	world_hold(w, page);
	cpu_leave(w->c);
	reclaim_drop_pagecache(&w->p);
	cpu_enter(w->c);
	world_end(w);
}

/* What other CPUs keep on their lists is taken before the answer is none. */
static void test_drains_other_cpus(void **state)
{
	(void)state;
	struct world *w = world_one_node(false);
	struct zone *dma = world_zone(w, 0, DMA);
	struct cpu *other = &w->m.cpu[1];
	struct page *page[50];
	cpu_leave(w->c);
	cpu_enter(other);
	for (unsigned i = 0; i < 50; i++)
		page[i] = zone_take(other, dma, 0, MIGRATE_MOVABLE, 0);
	other->zone[dma->id].pcp.high = 100;
	for (unsigned i = 0; i < 50; i++)
		page_give(other, page[i], 0);
	cpu_leave(other);
	cpu_enter(w->c);
	assert_int_equal(other->zone[dma->id].pcp.count, 50);
	zone_leave_free(w, dma, dma->watermark[WMARK_MIN]);
	assert_null(alloc(w, __GFP_DMA | GFP_NOWAIT, 0));
	world_hold(w, alloc(w, __GFP_DMA | GFP_KERNEL, 0));
	assert_int_equal(other->zone[dma->id].pcp.count, 0);
	assert_int_equal(zone_free(dma), dma->watermark[WMARK_MIN] + 49);
	world_end(w);
}

static void hold_part(struct world *w, struct page *page, const struct page *whole, unsigned order)
{
	*page = *whole;
	page->order = (uint8_t)order;
	world_hold(w, page);
}

/* Only in parts of movable pageblocks is there something free: a quarter of each of `nr` top blocks. */
static void leave_quarters(struct world *w, struct zone *z, unsigned nr)
{
	while (zone_free_blocks(z, MM_ORDER_MAX))
		world_hold(w, zone_take(w->c, z, MM_ORDER_MAX, MIGRATE_MOVABLE, 0));
	for (unsigned i = 0; i < nr; i++) {
		struct page *block = w->held[i];
		hold_part(w, block + 256, block, 8);
		hold_part(w, block + 512, block, 9);
		w->held[i] = w->held[--w->nr_held];
		page_give(w->c, block, 8);
	}
	assert_int_equal(zone_free_blocks(z, 8), nr);
	assert_int_equal(zone_free(z), nr << 8);
}

/* A steal that boosts the marks wakes kswapd at the next chance, which takes the boost back. */
static void test_boost_wakes_kswapd(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	w->m.tune.watermark_boost_factor = 15000;
	world_marks(w, 256);
	zone_fill_with_file(w, z, 4096, LRU_INACTIVE_FILE); /* with fewer the first pass finds nothing, and no boost is worth a second */
	leave_quarters(w, z, 4);
	world_hold(w, zone_take(w->c, z, 0, MIGRATE_UNMOVABLE, 0));
	assert_true(z->boosted);
	assert_int_equal(z->watermark_boost, 512);
	assert_int_equal(z->plenty[NORMAL], INT64_MAX);
	world_hold(w, alloc(w, GFP_KERNEL & ~__GFP_KSWAPD_RECLAIM, 0)); /* not for this one to do */
	assert_true(z->boosted);
	assert_int_equal(w->released, 0);
	world_hold(w, alloc(w, GFP_KERNEL, 0));
	assert_false(z->boosted);
	assert_int_equal(w->released, 512);
	assert_int_equal(z->watermark_boost, 0);
	assert_int_equal(z->plenty[NORMAL], z->watermark[WMARK_LOW]);
	cpu_leave(w->c);
	reclaim_drop_pagecache(&w->p);
	cpu_enter(w->c);
	world_end(w);
}

/* An unmovable request goes to DMA32 rather than mix types; when that is full, it does mix them. */
static void test_avoids_fragmentation(void **state)
{
	(void)state;
	struct world *w = world_one_node(false);
	struct zone *z = world_zone(w, 0, NORMAL);
	leave_quarters(w, z, 4);
	assert_ptr_equal(served_from(w, -1, GFP_KERNEL, 0), world_zone(w, 0, DMA32));
	assert_ptr_equal(served_from(w, -1, GFP_KERNEL | __GFP_MOVABLE, 0), z);
	assert_int_equal(z->nr_pageblocks[MIGRATE_UNMOVABLE], 0);
	zone_leave_free(w, world_zone(w, 0, DMA32), 0);
	zone_leave_free(w, world_zone(w, 0, DMA), 0);
	assert_ptr_equal(served_from(w, -1, GFP_KERNEL, 0), z);
	assert_int_equal(z->nr_pageblocks[MIGRATE_UNMOVABLE], 1);
	world_end(w);
}

/* Rather than go to another node, types are mixed at home. */
static void test_mixes_before_it_goes_away(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 1, 4096, 32768, 0 },
						   { 0, 2, 1048576, 1064960, 0 },
						   { 1, 2, 1064960, 1081344, 0 } };
	struct machine_spec s;
	small_spec(&s, 2, 1);
	small_spec_zones(&s, shape, 3);
	struct world *w = world_begin(&s, false);
	struct zone *z = world_zone(w, 0, NORMAL);
	leave_quarters(w, z, 4);
	zone_leave_free(w, world_zone(w, 0, DMA32), 0);
	assert_ptr_equal(served_from(w, -1, GFP_KERNEL, 0), z);
	assert_int_equal(z->nr_pageblocks[MIGRATE_UNMOVABLE], 1);
	world_end(w);
}

static void test_injected_failures(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	for (uint64_t nth = 1; nth < 20; nth++) {
		fault_arm(FAULT_BUDDY_TAKE, nth);
		struct page *page[3];
		for (unsigned i = 0; i < 3; i++)
			page[i] = alloc(w, i == 1 ? GFP_ATOMIC : GFP_KERNEL, i * 2);
		fault_arm(FAULT_BUDDY_TAKE, 0);
		for (unsigned i = 0; i < 3; i++)
			if (page[i])
				free_pages(w->c, page[i], i * 2);
		cpu_drain(w->c);
		cpu_leave(w->c);
		assert_verified(&w->m);
		cpu_enter(w->c);
	}
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_highatomic_reserve),
		cmocka_unit_test(test_highatomic_shrinks),
		cmocka_unit_test(test_highatomic_is_given_up),
		cmocka_unit_test(test_direct_reclaim),
		cmocka_unit_test(test_direct_reclaim_refused),
		cmocka_unit_test(test_direct_reclaim_for_a_block),
		cmocka_unit_test(test_drains_other_cpus),
		cmocka_unit_test(test_boost_wakes_kswapd),
		cmocka_unit_test(test_avoids_fragmentation),
		cmocka_unit_test(test_mixes_before_it_goes_away),
		cmocka_unit_test(test_injected_failures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
