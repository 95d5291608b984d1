/* SPDX-License-Identifier: MIT */
#include "policy/kswapd.h"

#include "mm/watermark.h"

#include "support/policy_fixture.h"

#include <time.h>

#define NORMAL 2
#define MINE                                                                                       \
	(GFP_KERNEL | __GFP_MOVABLE | __GFP_THISNODE) /* of the type that is there: nothing is boosted */

/* Each populated zone filled with file pages until so many are free. */
static void fill_all(struct world *w, uint64_t leave)
{
	FOR_EACH_POPULATED_ZONE(z, &w->m)
		zone_fill_with_file(w, z, (unsigned)(zone_free(z) - leave), LRU_INACTIVE_FILE);
	cpu_drain(w->c);
	FOR_EACH_POPULATED_ZONE(z, &w->m)
		assert_int_equal(zone_free(z), leave);
}

static void drop_all(struct world *w)
{
	cpu_leave(w->c);
	reclaim_drop_pagecache(&w->p);
	cpu_enter(w->c);
}

static bool all_at_high(const struct world *w)
{
	FOR_EACH_POPULATED_ZONE(z, &w->m)
		if (zone_free(z) < zone_mark_pages(z, WMARK_HIGH))
			return false;
	return true;
}

/* A mark was raised: each zone comes up to its high mark, and no further. */
static void test_raised_marks(void **state)
{
	(void)state;
	struct world *w = world_one_node(true);
	fill_all(w, 1000);
	world_marks(w, 65536);
	cpu_leave(w->c);
	kswapd_wake_all(&w->p);
	cpu_enter(w->c);
	FOR_EACH_POPULATED_ZONE(z, &w->m)
		assert_int_equal(zone_free(z), MAX(z->watermark[WMARK_HIGH], 1000ul));
	assert_int_equal(world_event(w, PAGEOUTRUN), 1);
	assert_int_equal(world_event(w, PGSTEAL_KSWAPD), w->released);
	assert_int_equal(w->m.node[0].kswapd_failures, 0);
	drop_all(w);
	world_end(w);
}

static void test_nothing_to_do(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	fill_all(w, 5000);
	cpu_leave(w->c);
	kswapd_wake_all(&w->p);
	cpu_enter(w->c);
	assert_int_equal(world_event(w, PAGEOUTRUN), 0);
	kswapd_wake(&w->p, w->c, &w->m.node[0], 0, NORMAL);
	assert_int_equal(world_event(w, PAGEOUTRUN), 0);
	drop_all(w);
	world_end(w);
}

/* An allocation that falls below low wakes the kswapd of its nodes, inline: at high again before it goes on. */
static void test_allocation_wakes_it(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct zone *z0 = world_zone(w, 0, NORMAL), *z1 = world_zone(w, 1, NORMAL);
	uint64_t low = z0->watermark[WMARK_LOW], high = z0->watermark[WMARK_HIGH];
	fill_all(w, low + 10);
	for (unsigned i = 0; i < 10; i++)
		world_hold(w, alloc_pages(&w->p, w->c, -1, MINE, 0));
	assert_int_equal(zone_free(z0), low);
	assert_int_equal(w->released, 0);
	world_hold(w, alloc_pages(&w->p, w->c, -1, MINE, 0));
	assert_int_equal(zone_free(z0), high + 1 - 1); /* one more than high, and the page that was asked for */
	assert_int_equal(zone_free(z1), low + 10);
	assert_int_equal(world_event(w, PAGEOUTRUN), 1);
	assert_int_equal(world_event(w, PGSTEAL_KSWAPD), high - low + 1);
	assert_int_equal(world_event(w, ALLOCSTALL_FIRST + ZONE_NORMAL), 0);
	assert_int_equal(z0->stat_threshold, stat_threshold_normal(z0->managed, 2));
	drop_all(w);
	world_end(w);
}

/* As in Linux one zone at its high mark is enough for who woke it. */
static void test_one_balanced_zone_is_enough(void **state)
{
	(void)state;
	struct world *w = world_one_node(true);
	fill_all(w, 0);
	kswapd_wake(&w->p, w->c, &w->m.node[0], 0, NORMAL);
	unsigned balanced = 0;
	for (unsigned t = 0; t <= NORMAL; t++) {
		const struct zone *z = world_zone(w, 0, t);
		balanced += zone_free(z) > z->watermark[WMARK_HIGH] + z->lowmem_reserve[NORMAL];
	}
	assert_int_equal(balanced, 1);
	assert_int_equal(zone_free(world_zone(w, 0, 3)), 0); /* the waker cannot use Movable */
	drop_all(w);
	world_end(w);
}

/* A node where runs free nothing is left alone after 16 of them. */
static void test_hopeless_node(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	zone_leave_free(w, z, 10);
	for (unsigned i = 1; i <= KSWAPD_FAILURES_MOST; i++) {
		kswapd_wake(&w->p, w->c, &w->m.node[0], 0, NORMAL);
		assert_int_equal(w->m.node[0].kswapd_failures, i);
	}
	assert_int_equal(world_event(w, PAGEOUTRUN), KSWAPD_FAILURES_MOST);
	kswapd_wake(&w->p, w->c, &w->m.node[0], 0, NORMAL);
	assert_int_equal(world_event(w, PAGEOUTRUN), KSWAPD_FAILURES_MOST);
	world_end(w);
}

/* While it works lists stay short and counters sharp; afterwards all is as before. */
static enum page_fate release_and_look(void *ctx, struct cpu *c, struct page *page, bool dropping)
{
	(void)c;
	(void)dropping;
	struct world *w = ctx;
	const struct zone *z = page_zone(&w->m, page);
	for (unsigned i = 0; i < w->m.nr_cpu_ids; i++)
		assert_true(w->m.cpu[i].zone[z->id].pcp.reclaim_active);
	assert_in_range(z->stat_threshold, 1, 125);
	w->released++;
	return PAGE_GOES;
}

static void test_pressure_while_it_works(void **state)
{
	(void)state;
	static const struct owner_ops look = { .release = release_and_look };
	struct world *w = world_one_node(true);
	fill_all(w, 100);
	w->p.owner[OWNER_TASK_FILE] = &look;
	world_marks(w, 65536);
	cpu_leave(w->c);
	kswapd_wake_all(&w->p);
	cpu_enter(w->c);
	assert_true(w->released > 0);
	w->p.owner[OWNER_TASK_FILE] = &file_owner;
	FOR_EACH_POPULATED_ZONE(z, &w->m)
		for (unsigned i = 0; i < w->m.nr_cpu_ids; i++)
			assert_false(w->m.cpu[i].zone[z->id].pcp.reclaim_active);
	drop_all(w);
	world_end(w);
}

/* A boost is worked off, page for page, and taken back. */
static void test_boost(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	uint64_t high = z->watermark[WMARK_HIGH];
	fill_all(w, high + 1000);
	lock_take(&z->lock);
	z->watermark_boost = 512;
	zone_update_plenty(z);
	lock_drop(&z->lock);
	kswapd_wake(&w->p, w->c, &w->m.node[0], 0, NORMAL);
	assert_int_equal(z->watermark_boost, 0);
	assert_int_equal(w->released, 512);
	assert_int_equal(z->plenty[NORMAL], z->watermark[WMARK_LOW]);
	drop_all(w);
	world_end(w);
}

static void wait_for_high(struct world *w)
{
	struct timespec a_while = { .tv_nsec = 1000000 };
	for (unsigned i = 0; i < 20000 && !all_at_high(w); i++)
		nanosleep(&a_while, NULL);
	assert_true(all_at_high(w));
}

/* The same with threads: free ends between low and high, in fact at high. */
static void test_threads(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(false);
	fill_all(w, 300);
	assert_int_equal(policy_start(&w->p), 0);
	world_marks(w, 8192);
	cpu_leave(w->c);
	kswapd_wake_all(&w->p);
	wait_for_high(w);
	policy_fini(&w->p); /* joins: nothing moves any more */
	cpu_enter(w->c);
	FOR_EACH_POPULATED_ZONE(z, &w->m)
		assert_int_equal(zone_free(z), z->watermark[WMARK_HIGH]);
	assert_int_equal(w->released, world_event(w, PGSTEAL_KSWAPD));
	drop_all(w);
	assert_int_equal(policy_init(&w->p, &w->m, false), 0);
	world_end(w);
}

/* Woken again before the machine's clock has moved by 100 ms, it came to rest too early. */
static void test_woken_quickly(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	fill_all(w, z->watermark[WMARK_LOW] - 1);
	kswapd_wake(&w->p, w->c, &w->m.node[0], 0, NORMAL);
	assert_int_equal(world_event(w, KSWAPD_LOW_WMARK_HIT_QUICKLY), 0);
	zone_leave_free(w, z, z->watermark[WMARK_LOW] - 1);
	kswapd_wake(&w->p, w->c, &w->m.node[0], 0, NORMAL);
	assert_int_equal(world_event(w, PAGEOUTRUN), 2);
	assert_int_equal(world_event(w, KSWAPD_LOW_WMARK_HIT_QUICKLY), 1);
	drop_all(w);
	world_end(w);
}

/* A quarter of memory is to stay free while files fill the rest: never below min, no stall, never far past high. */
static void test_quarter_of_memory_free(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	world_marks(w, 32768); /* of 128 MiB */
	uint64_t least = UINT64_MAX, most = 0;
	for (unsigned i = 0; i < 60000; i++) {
		struct page *page = alloc_pages(&w->p, w->c, 0, MINE, 0);
		assert_non_null(page);
		page->owner = owner_handle(OWNER_TASK_FILE, 7);
		lock_take(&z->node->lru.lock);
		lru_add(w->c, page, LRU_INACTIVE_FILE);
		lock_drop(&z->node->lru.lock);
		node_stat_add(w->c, z->node, NR_FILE_PAGES, 1);
		if (i < 20000)
			continue;
		least = MIN(least, zone_free(z));
		most = MAX(most, zone_free(z));
	}
	assert_true(least >= z->watermark[WMARK_LOW] - 64);
	assert_true(most <= z->watermark[WMARK_HIGH] + 64);
	assert_int_equal(world_event(w, ALLOCSTALL_FIRST + ZONE_NORMAL), 0);
	assert_int_equal(w->m.node[0].kswapd_failures, 0);
	drop_all(w);
	world_end(w);
}

/*
 * Anonymous memory in steps on top of files, until nothing is left (capture
 * 6.1.0-50-amd64-T1, scenario i). As there kswapd works first and alone, and
 * frees nearly all that it looks at; requests stall only when files are gone.
 * Compared is the order, and that kswapd freed most of the files.
 */
static void test_order_under_pressure(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	zone_fill_with_file(w, z, 6000, LRU_INACTIVE_FILE);
	zone_fill_with_file(w, z, 2000, LRU_ACTIVE_FILE);
	uint64_t stolen_before_stall = 0;
	for (struct page *page; (page = alloc(w, MINE, 0));) {
		world_hold(w, page);
		if (!world_event(w, ALLOCSTALL_FIRST + ZONE_NORMAL))
			stolen_before_stall = world_event(w, PGSTEAL_KSWAPD);
	}
	assert_true(world_event(w, ALLOCSTALL_FIRST + ZONE_NORMAL) > 0); /* the last request, in vain */
	assert_true(stolen_before_stall > 8000 * 3 / 4);
	assert_int_equal(world_event(w, PGSTEAL_FILE), 8000);
	assert_true(world_event(w, PGSTEAL_KSWAPD) > world_event(w, PGSTEAL_DIRECT));
	assert_int_equal(world_event(w, PGSCAN_KSWAPD) - world_event(w, PGSTEAL_KSWAPD), 0);
	assert_int_equal(world_event(w, PGSCAN_ANON), 0);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raised_marks),
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_allocation_wakes_it),
		cmocka_unit_test(test_one_balanced_zone_is_enough),
		cmocka_unit_test(test_hopeless_node),
		cmocka_unit_test(test_pressure_while_it_works),
		cmocka_unit_test(test_boost),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_woken_quickly),
		cmocka_unit_test(test_quarter_of_memory_free),
		cmocka_unit_test(test_order_under_pressure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
