/* SPDX-License-Identifier: MIT */
#include "policy/reclaim.h"

#include "support/policy_fixture.h"

#define NORMAL 2

static struct node *node0(struct world *w)
{
	return &w->m.node[0];
}

/* Passes of rising thoroughness until nr pages are freed, not one more. */
static uint64_t reclaim(struct world *w, uint64_t nr, unsigned mask, bool kswapd)
{
	struct reclaim r = {
		.policy = &w->p, .cpu = w->c, .type_mask = mask, .wanted = nr, .kswapd = kswapd, .may_unmap = true
	};
	for (int priority = DEF_PRIORITY; priority >= 0 && r.freed < nr; priority--) {
		r.priority = (unsigned)priority;
		r.most = nr - r.freed;
		reclaim_shrink_node(&r, node0(w));
	}
	return r.freed;
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
	/* a sweep takes what was inactive when each of its passes began */
	uint64_t freed = reclaim(w, 63, 1 << NORMAL, false);
	assert_in_range(freed, 5, 9);
	for (unsigned sweep = 0; sweep < 4 && freed < 10; sweep++)
		freed += reclaim(w, 63, 1 << NORMAL, false);
	assert_int_equal(freed, 10);
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
	assert_true(world_event(w, PGDEACTIVATE) > 0); /* below 73 333 inactive ones there are too few */
	assert_int_equal(world_event(w, PGDEACTIVATE), world_event(w, PGREFILL));
	cpu_leave(w->c);
	assert_int_equal(reclaim_drop_pagecache(&w->p), 300000 - 10032);
	cpu_enter(w->c);
	world_end(w);
}

/* Pages of zones that are not wanted stay; they count as skipped, and as scanned. */
static void test_only_wanted_zones(void **state)
{
	(void)state;
	struct world *w = world_one_node(true);
	zone_fill_with_file(w, world_zone(w, 0, 2), 100, LRU_INACTIVE_FILE);
	zone_fill_with_file(w, world_zone(w, 0, 1), 50, LRU_INACTIVE_FILE);
	assert_int_equal(reclaim(w, 80, 1 << 1, true), 50);
	assert_int_equal(node0(w)->lru.size[LRU_INACTIVE_FILE], 100);
	uint64_t skipped = world_event(w, PGSKIP_FIRST + ZONE_NORMAL);
	assert_true(skipped >= 100);
	assert_int_equal(world_event(w, PGSKIP_FIRST + ZONE_DMA32), 0);
	assert_int_equal(world_event(w, PGSCAN_KSWAPD), 50 + skipped);
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
	assert_int_equal(world_event(w, PGSCAN_DIRECT), 40 + 20 + 10 + 5 + 2 + 1); /* a pass for each priority */
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
	uint64_t freed = 0; /* the first passes made them active */
	for (unsigned sweep = 0; sweep < 4; sweep++)
		freed += reclaim(w, 8, 1 << NORMAL, false);
	assert_int_equal(freed, 8);
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

/* ---- Pages of files, of which struct page_cache says more ---- */

static enum page_fate fate;
static unsigned wakes, waits, settled;
static bool writes; /* waiting for the writer makes everything clean */

static enum page_fate cache_release(void *ctx, struct cpu *c, struct page *page, bool dropping)
{
	(void)ctx;
	(void)c;
	(void)page;
	(void)dropping;
	return fate;
}

static void cache_settle(void *ctx, struct cpu *c)
{
	(void)ctx;
	(void)c;
	settled++;
}

static void writer_wake(void *ctx)
{
	(void)ctx;
	wakes++;
}

static bool writer_wait(void *ctx, unsigned wait_ms)
{
	struct world *w = ctx;
	assert_in_range(wait_ms, 1, 1000);
	cpu_enter(w->c); /* it can be entered: whoever waits has left it */
	cpu_leave(w->c);
	waits++;
	if (writes)
		fate = PAGE_GOES;
	return writes;
}

static const struct owner_ops cache_owner = { .release = cache_release, .settle = cache_settle };

static struct world *cache_world(unsigned pages, enum lru_list list, enum page_fate f)
{
	struct world *w = world_two_nodes(false);
	w->p.owner[OWNER_FILE] = &cache_owner;
	w->p.writer = (struct page_writer){ .wake = writer_wake, .wait = writer_wait, .ctx = w };
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), pages, list);
	for (pfn_t pfn = node0(w)->lru.list[list].head; pfn; pfn = pfn_page(&w->m, pfn)->next) {
		pfn_page(&w->m, pfn)->owner = owner_handle(OWNER_FILE, 3);
		pfn_page(&w->m, pfn)->private = 0;
	}
	fate = f;
	wakes = waits = settled = 0;
	writes = true;
	return w;
}

static void cache_end(struct world *w)
{
	fate = PAGE_GOES;
	cpu_leave(w->c);
	reclaim_drop_pagecache(&w->p);
	cpu_enter(w->c);
	world_end(w);
}

/* One pass over everything. */
static struct reclaim pass(struct world *w)
{
	struct reclaim r = {
		.policy = &w->p, .cpu = w->c, .type_mask = ~0u, .wanted = 1000, .kswapd = true, .may_unmap = true
	};
	reclaim_shrink_node(&r, node0(w));
	return r;
}

/* Dirty pages become active, are noted to go next, and the writer is woken: all of the cluster was dirty. */
static void test_dirty_pages(void **state)
{
	(void)state;
	struct world *w = cache_world(40, LRU_INACTIVE_FILE, PAGE_IS_DIRTY);
	struct page *page = lru_tail(node0(w), LRU_INACTIVE_FILE);
	struct reclaim r = pass(w);
	assert_int_equal(r.freed, 0);
	assert_int_equal(r.dirty, 40);
	assert_int_equal(wakes, 2);
	assert_int_equal(waits, 0);
	assert_int_equal(page->lru, LRU_ACTIVE_FILE);
	assert_int_equal(page->cache.reclaim, 1);
	assert_int_equal(world_event(w, PGACTIVATE), 40);
	assert_int_equal(node_stat_sum(node0(w), NR_VMSCAN_IMMEDIATE), 40);
	assert_int_equal(node_stat_sum(node0(w), NR_ACTIVE_FILE), 40);
	cache_end(w);
}

static void test_busy_and_written_pages(void **state)
{
	(void)state;
	struct world *w = cache_world(10, LRU_INACTIVE_FILE, PAGE_BUSY);
	struct reclaim r = pass(w);
	assert_int_equal(r.scanned, 10);
	assert_int_equal(node0(w)->lru.size[LRU_INACTIVE_FILE], 10);
	fate = PAGE_IS_WRITTEN;
	r = pass(w);
	assert_int_equal(r.written, 10);
	assert_int_equal(wakes, 0);
	assert_int_equal(node0(w)->lru.size[LRU_ACTIVE_FILE], 10);
	assert_int_equal(node_stat_sum(node0(w), NR_VMSCAN_IMMEDIATE), 0);
	cache_end(w);
}

static void test_owners_settle(void **state)
{
	(void)state;
	struct world *w = cache_world(70, LRU_INACTIVE_FILE, PAGE_GOES);
	assert_int_equal(pass(w).freed, 70);
	assert_int_equal(settled, 3); /* clusters */
	assert_int_equal(node_stat_sum(node0(w), NR_ISOLATED_FILE), 0);
	cache_end(w);
}

static void test_deactivated_pages_are_the_working_set(void **state)
{
	(void)state;
	struct world *w = cache_world(64, LRU_ACTIVE_FILE, PAGE_GOES);
	struct page *page = lru_tail(node0(w), LRU_ACTIVE_FILE);
	assert_int_equal(pass(w).freed, 0); /* the inactive list was empty when the pass began */
	assert_int_equal(page->lru, LRU_INACTIVE_FILE);
	assert_int_equal(page->cache.workingset, 1);
	cache_end(w);
}

/* Everything is dirty: the request waits outside its CPU, and gets a page afterwards. */
static void test_waits_for_the_writer(void **state)
{
	(void)state;
	struct world *w = cache_world(100, LRU_INACTIVE_FILE, PAGE_IS_DIRTY);
	struct zone *z = world_zone(w, 0, NORMAL);
	zone_leave_free(w, z, z->watermark[WMARK_MIN]);
	assert_null(alloc(w, (GFP_KERNEL & ~__GFP_FS) | __GFP_THISNODE, 0)); /* whoever may not wait for files does not */
	assert_int_equal(waits, 0);
	struct page *page = alloc(w, GFP_KERNEL | __GFP_THISNODE, 0);
	assert_non_null(page);
	world_hold(w, page);
	assert_int_equal(waits, 1);
	assert_true(wakes > 0);
	cache_end(w);
}

static void test_nothing_to_wait_for(void **state)
{
	(void)state;
	struct world *w = cache_world(100, LRU_INACTIVE_FILE, PAGE_IS_DIRTY);
	struct zone *z = world_zone(w, 0, NORMAL);
	zone_leave_free(w, z, z->watermark[WMARK_MIN]);
	writes = false;
	assert_null(alloc(w, GFP_KERNEL | __GFP_THISNODE, 0));
	assert_in_range(waits, 1, 4);
	cache_end(w);
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
		cmocka_unit_test(test_dirty_pages),
		cmocka_unit_test(test_busy_and_written_pages),
		cmocka_unit_test(test_owners_settle),
		cmocka_unit_test(test_deactivated_pages_are_the_working_set),
		cmocka_unit_test(test_waits_for_the_writer),
		cmocka_unit_test(test_nothing_to_wait_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
