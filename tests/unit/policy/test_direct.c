/* SPDX-License-Identifier: MIT */
#include "policy/reclaim.h"

#include "support/policy_fixture.h"

#define NORMAL 2

static enum page_fate fate_of_inactive, fate_of_active;

/* Its answer depends on where the page was when it was hung up. */
static enum page_fate fates_release(void *ctx, struct cpu *c, struct page *page, bool dropping)
{
	(void)ctx;
	(void)c;
	(void)dropping;
	return page->index ? fate_of_active : fate_of_inactive;
}

static const struct owner_ops fates = { .release = fates_release };

static unsigned nr_waits, nr_wakes, waited_ms;
static bool wait_answer;

static bool writer_wait(void *ctx, unsigned wait_ms)
{
	struct world *w = ctx;
	nr_waits++;
	waited_ms = wait_ms;
	cpu_enter(w->c); /* nobody is inside meanwhile */
	cpu_leave(w->c);
	return wait_answer;
}

static void writer_wake(void *ctx)
{
	(void)ctx;
	nr_wakes++;
}

static uint64_t direct(struct world *w, gfp_t gfp, unsigned order, bool *again)
{
	const struct node *n = w->c->node;
	return reclaim_direct(&w->p, w->c, n->zonelist, n->nr_zonelist, NORMAL, NULL, gfp, order, again);
}

static void writer_begin(struct world *w, bool answer)
{
	w->p.writer = (struct page_writer){ .wake = writer_wake, .wait = writer_wait, .ctx = w };
	nr_waits = nr_wakes = 0;
	wait_answer = answer;
}

/* A cluster's worth, from the near node. */
static void test_a_cluster(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	bool again = true;
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 8000, LRU_INACTIVE_FILE);
	uint64_t freed = direct(w, GFP_KERNEL, 0, &again);
	assert_in_range(freed, 32, 64);
	assert_int_equal(w->released, freed);
	assert_false(again);
	assert_int_equal(world_event(w, ALLOCSTALL_FIRST + ZONE_NORMAL), 1);
	assert_int_equal(world_event(w, PGSTEAL_DIRECT), freed);
	assert_int_equal(world_event(w, PGSCAN_DIRECT), freed);
	assert_int_equal(world_event(w, PGSTEAL_KSWAPD), 0);
	world_end(w);
}

/* As much as the block that is wanted has pages. */
static void test_large_blocks(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	bool again;
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 4000, LRU_INACTIVE_FILE);
	for (unsigned n = 0; n < 2; n++)
		zone_leave_free(w, world_zone(w, n, NORMAL), 0);
	assert_true(direct(w, GFP_KERNEL, 8, &again) >= 256);
	world_end(w);
}

/* Free pages there are enough, so a large block is not reclaim's to bring: it says that it has done its part. */
static void test_blocks_to_compact(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	bool again;
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 4000, LRU_INACTIVE_FILE);
	assert_int_equal(direct(w, GFP_KERNEL, 8, &again), 1);
	assert_int_equal(w->released, 0);
	assert_int_equal(world_event(w, PGSCAN_DIRECT), 0);
	assert_true(direct(w, GFP_KERNEL, MM_COSTLY_ORDER, &again) >= 32); /* smaller ones may come by themselves */
	world_end(w);
}

/* What the near node lacks the other one gives. */
static void test_all_nodes(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	bool again;
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 10, LRU_INACTIVE_FILE);
	zone_fill_with_file(w, world_zone(w, 1, NORMAL), 100, LRU_INACTIVE_FILE);
	assert_true(direct(w, GFP_KERNEL, 0, &again) >= 32);
	assert_true(w->m.node[1].lru.size[LRU_INACTIVE_FILE] < 100);
	world_end(w);
}

/* Active pages are spared at first, but not when nothing else goes. */
static void test_spared_active_pages(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct node *n = &w->m.node[0];
	bool again;
	w->p.owner[OWNER_TASK_FILE] = &fates;
	fate_of_inactive = PAGE_BUSY;
	fate_of_active = PAGE_GOES;
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 50, LRU_ACTIVE_FILE);
	for (pfn_t pfn = n->lru.list[LRU_ACTIVE_FILE].tail, left = 50; left; left--) {
		struct page *page = pfn_page(&w->m, pfn);
		page->index = 1;
		lock_take(&n->lru.lock);
		lru_move(w->c, page, LRU_ACTIVE_FILE);
		lock_drop(&n->lru.lock);
		pfn = n->lru.list[LRU_ACTIVE_FILE].tail;
	}
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 200, LRU_INACTIVE_FILE);
	uint64_t freed = direct(w, GFP_KERNEL, 0, &again);
	assert_true(freed > 0);
	assert_true(world_event(w, PGDEACTIVATE) >= freed);
	assert_int_equal(world_event(w, ALLOCSTALL_FIRST + ZONE_NORMAL), 2);
	w->p.owner[OWNER_TASK_FILE] = &file_owner;
	world_end(w);
}

/* All is dirty: the writer is woken and waited for, outside the CPU, and its answer is ours. */
static void test_waits_for_the_writer(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	bool again;
	w->p.owner[OWNER_TASK_FILE] = &fates;
	fate_of_inactive = fate_of_active = PAGE_IS_DIRTY;
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 100, LRU_INACTIVE_FILE);
	assert_int_equal(direct(w, GFP_KERNEL, 0, &again), 0);
	assert_false(again); /* there is none */
	writer_begin(w, true);
	assert_int_equal(direct(w, GFP_KERNEL, 0, &again), 0);
	assert_true(again);
	assert_int_equal(nr_waits, 1);
	assert_int_equal(waited_ms, 100);
	assert_true(nr_wakes > 0);
	assert_int_equal(node_stat_sum(&w->m.node[0], NR_ISOLATED_FILE), 0);
	writer_begin(w, false);
	fate_of_inactive = fate_of_active = PAGE_IS_WRITTEN;
	assert_int_equal(direct(w, GFP_KERNEL, 0, &again), 0);
	assert_false(again);
	assert_int_equal(nr_waits, 1);
	writer_begin(w, true); /* who comes from a file system may be whom that waits for */
	assert_int_equal(direct(w, GFP_NOFS, 0, &again), 0);
	assert_false(again);
	assert_int_equal(nr_waits, 0);
	fate_of_inactive = fate_of_active = PAGE_GOES;
	assert_true(direct(w, GFP_KERNEL, 0, &again) > 0);
	assert_int_equal(nr_waits, 0);
	w->p.owner[OWNER_TASK_FILE] = &file_owner;
	world_end(w);
}

static unsigned nr_asked;

static uint64_t cache_count(void *ctx, unsigned nid)
{
	(void)ctx;
	return nid ? 0 : 1000;
}

static uint64_t cache_scan(void *ctx, struct cpu *c, unsigned nid, uint64_t nr)
{
	(void)ctx;
	(void)c;
	(void)nid;
	nr_asked += (unsigned)nr;
	return SHRINK_STOP;
}

/* Shrinkers are asked for requests that may enter a file system. */
static void test_shrinkers(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct shrinker s = { .name = "cache", .count = cache_count, .scan = cache_scan, .seeks = DEFAULT_SEEKS };
	bool again;
	assert_int_equal(shrinker_register(&w->p, &s), 0);
	nr_asked = 0;
	assert_int_equal(direct(w, GFP_NOFS, 0, &again), 0);
	assert_int_equal(nr_asked, 0);
	assert_int_equal(direct(w, GFP_KERNEL, 0, &again), 0);
	assert_true(nr_asked >= SHRINK_BATCH);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_cluster),
		cmocka_unit_test(test_large_blocks),
		cmocka_unit_test(test_blocks_to_compact),
		cmocka_unit_test(test_all_nodes),
		cmocka_unit_test(test_spared_active_pages),
		cmocka_unit_test(test_waits_for_the_writer),
		cmocka_unit_test(test_shrinkers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
