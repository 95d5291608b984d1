/* SPDX-License-Identifier: MIT */
#include "mm/buddy.h"

#include "base/fault.h"
#include "mm/pcp.h"
#include "support/captured.h"
#include "support/small_machine.h"

#define U MIGRATE_UNMOVABLE
#define M MIGRATE_MOVABLE
#define R MIGRATE_RECLAIMABLE

static struct zone *normal(const struct machine *m)
{
	return machine_zone(m, 0, 2);
}

/* Under the lock, with the zone's counter, as the per-CPU layer does it. */
static pfn_t take(struct zone *z, unsigned order, enum migratetype mt)
{
	lock_take(&z->lock);
	struct page *page = buddy_take(z, order, mt);
	lock_drop(&z->lock);
	if (!page)
		return PFN_NIL;
	z->stat[NR_FREE_PAGES] -= 1 << order;
	return page_pfn(z->machine, page);
}

static void give(struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt)
{
	lock_take(&z->lock);
	buddy_give(z, pfn, order, mt);
	lock_drop(&z->lock);
	z->stat[NR_FREE_PAGES] += 1 << order;
}

static void assert_blocks(const struct zone *z, enum migratetype mt, const unsigned *want)
{
	for (unsigned order = 0; order < MM_ORDERS; order++)
		assert_int_equal(z->area[order].nr_free[mt], want[order]);
}

/* One top-order block, one page out of it: a free half of every order stays, the low half is kept. */
static void test_split_keeps_the_low_half(void **state)
{
	(void)state;
	static const unsigned split[MM_ORDERS] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0 };
	static const unsigned whole[MM_ORDERS] = { [MM_ORDER_MAX] = 1 };
	struct machine m;
	one_zone_machine(&m, 4096, 4096 + MM_TOP_PAGES);
	assert_blocks(normal(&m), M, whole);
	pfn_t pfn = take(normal(&m), 0, M);
	assert_int_equal(pfn, 4096);
	assert_int_equal(pfn_page(&m, pfn)->state, PAGE_USED);
	assert_int_equal(pfn_page(&m, pfn)->migratetype, M);
	assert_int_equal(page_zone(&m, pfn_page(&m, pfn))->id, normal(&m)->id);
	assert_blocks(normal(&m), M, split);
	for (unsigned order = 0; order < MM_ORDER_MAX; order++) {
		const struct page *half = pfn_page(&m, 4096 + (1u << order));
		assert_int_equal(half->state, PAGE_BUDDY);
		assert_int_equal(half->order, order);
	}
	give(normal(&m), pfn, 0, M);
	assert_blocks(normal(&m), M, whole);
	end_machine(&m);
}

static void test_every_order(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, 4096, 4096 + 2 * MM_TOP_PAGES);
	for (unsigned order = 0; order < MM_ORDERS; order++) {
		pfn_t a = take(normal(&m), order, M), b = take(normal(&m), order, M);
		assert_true(a && b && a != b);
		assert_int_equal(a % (1u << order), 0);
		assert_int_equal(pfn_page(&m, a)->order, order);
		assert_int_equal(zone_buddy_pages(normal(&m)), 2 * MM_TOP_PAGES - (2ul << order));
		if (order == MM_ORDER_MAX)
			assert_int_equal(take(normal(&m), 0, M), PFN_NIL);
		give(normal(&m), b, order, M);
		give(normal(&m), a, order, M);
		assert_verified(&m);
	}
	assert_int_equal(zone_free_blocks(normal(&m), MM_ORDER_MAX), 2);
	end_machine(&m);
}

static void test_takes_its_own_type_only(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, 4096, 4096 + MM_TOP_PAGES);
	assert_int_equal(take(normal(&m), 0, U), PFN_NIL);
	pfn_t pfn = take(normal(&m), 3, M);
	give(normal(&m), pfn, 3, R); /* merges with its movable buddies: below a pageblock types mix */
	assert_int_equal(normal(&m)->area[MM_ORDER_MAX].nr_free[R], 1);
	assert_int_equal(take(normal(&m), 0, M), PFN_NIL);
	pfn = take(normal(&m), MM_ORDER_MAX, R);
	assert_int_equal(pfn, 4096);
	give(normal(&m), pfn, MM_ORDER_MAX, M);
	end_machine(&m);
}

/* Pages are handed out last in, first out: warm ones again. */
static void test_lifo(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, 4096, 4096 + 4 * MM_TOP_PAGES);
	pfn_t page[8];
	for (unsigned i = 0; i < 8; i++)
		page[i] = take(normal(&m), 0, M);
	give(normal(&m), page[2], 0, M);
	give(normal(&m), page[6], 0, M);
	assert_int_equal(take(normal(&m), 0, M), page[6]);
	assert_int_equal(take(normal(&m), 0, M), page[2]);
	for (unsigned i = 0; i < 8; i++)
		give(normal(&m), page[i], 0, M);
	assert_int_equal(zone_free_blocks(normal(&m), MM_ORDER_MAX), 4);
	end_machine(&m);
}

/* A page whose buddy's buddy pair is free waits at the tail, for the pair may soon be a block of four. */
static void test_likely_merge_goes_to_the_tail(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, 4096, 4096 + MM_TOP_PAGES);
	pfn_t page[10];
	for (unsigned i = 0; i < 10; i++)
		page[i] = take(normal(&m), 0, M);
	assert_int_equal(page[9], 4105);
	give(normal(&m), page[6], 0, M);
	give(normal(&m), page[7], 0, M); /* 4102 and 4103 are one block of order 1 */
	give(normal(&m), page[0], 0, M);
	give(normal(&m), page[4], 0, M); /* above it lies a free pair: tail */
	give(normal(&m), page[2], 0, M);
	const struct page_list *l = &normal(&m)->area[0].list[M];
	assert_int_equal(l->tail, page[4]);
	assert_int_equal(l->head, page[2]);
	give(normal(&m), page[1], 0, M);
	give(normal(&m), page[3], 0, M);
	give(normal(&m), page[5], 0, M);
	give(normal(&m), page[8], 0, M);
	give(normal(&m), page[9], 0, M);
	assert_int_equal(zone_free_blocks(normal(&m), MM_ORDER_MAX), 1);
	end_machine(&m);
}

/* The same for the largest order that can wait: order 8, which may become one of the top order. */
static void test_likely_merge_of_large_blocks(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, 4096, 4096 + 2 * MM_TOP_PAGES);
	struct zone *z = normal(&m);
	pfn_t a = take(z, MM_ORDER_MAX, M), b = take(z, MM_ORDER_MAX, M);
	give(z, b, 8, M);
	give(z, a + 512, 9, M);
	give(z, a, 8, M);
	assert_int_equal(z->area[8].list[M].head, b);
	assert_int_equal(z->area[8].list[M].tail, a);
	give(z, a + 256, 8, M);
	give(z, b + 256, 8, M);
	give(z, b + 512, 9, M);
	assert_int_equal(zone_free_blocks(z, MM_ORDER_MAX), 2);
	end_machine(&m);
}

static void test_no_merge_across_a_zone_edge(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 1, 4096, 4100, 0 }, { 0, 2, 4100, 4104, 0 } };
	struct machine m;
	small_machine(&m, 1, 1, shape, 2);
	struct zone *low = machine_zone(&m, 0, 1), *high = machine_zone(&m, 0, 2);
	assert_int_equal(zone_free_blocks(low, 2), 1);
	assert_int_equal(zone_free_blocks(high, 2), 1);
	pfn_t a = take(low, 0, M), b = take(high, 0, M);
	give(low, a, 0, M);
	give(high, b, 0, M);
	assert_int_equal(zone_free_blocks(low, 2), 1);
	assert_int_equal(zone_free_blocks(high, 2), 1);
	end_machine(&m);
}

static void test_no_merge_into_a_hole(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 2, 4096, 4097, 0 }, { 0, 2, 4098, 4104, 0 } };
	struct machine m;
	small_machine(&m, 1, 1, shape, 2);
	static const unsigned want[MM_ORDERS] = { 1, 1, 1 };
	assert_blocks(normal(&m), M, want);
	pfn_t all[7];
	for (unsigned i = 0; i < 7; i++)
		all[i] = take(normal(&m), 0, M);
	assert_int_equal(take(normal(&m), 0, M), PFN_NIL);
	for (unsigned i = 0; i < 7; i++)
		give(normal(&m), all[i], 0, M);
	assert_blocks(normal(&m), M, want);
	end_machine(&m);
}

/* From a pageblock on, a reserve keeps to itself. */
static void test_reserves_do_not_merge(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, 4096, 4096 + MM_TOP_PAGES);
	struct zone *z = normal(&m);
	pfn_t a = take(z, 9, M), b = take(z, 9, M);
	lock_take(&z->lock);
	pageblock_set_type(z, a, MIGRATE_HIGHATOMIC);
	lock_drop(&z->lock);
	give(z, a, 9, MIGRATE_HIGHATOMIC);
	give(z, b, 9, M);
	assert_int_equal(zone_free_blocks(z, 9), 2);
	assert_int_equal(zone_free_blocks(z, 10), 0);
	assert_verified(&m);
	a = take(z, 9, MIGRATE_HIGHATOMIC);
	lock_take(&z->lock);
	pageblock_set_type(z, a, U);
	lock_drop(&z->lock);
	give(z, a, 9, U); /* ordinary types merge */
	assert_int_equal(z->area[10].nr_free[U], 1);
	end_machine(&m);
}

static void test_virgin_memory_writes_no_entries(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, 4096, 4096 + 4 * MM_TOP_PAGES);
	struct zone *z = normal(&m);
	assert_int_equal(z->virgin.nr_blocks, 4);
	assert_int_equal(z->area[MM_ORDER_MAX].list[M].head, PFN_NIL);
	pfn_t a = take(z, MM_ORDER_MAX, M), b = take(z, 0, M);
	assert_int_equal(a, 4096);
	assert_int_equal(b, 4096 + MM_TOP_PAGES); /* lowest first */
	assert_int_equal(z->virgin.nr_blocks, 2);
	give(z, a, MM_ORDER_MAX, M);
	assert_int_equal(take(z, MM_ORDER_MAX, M), a); /* used blocks go before never-used ones */
	give(z, a, MM_ORDER_MAX, M);
	give(z, b, 0, M);
	assert_int_equal(zone_free_blocks(z, MM_ORDER_MAX), 4);
	assert_int_equal(pfn_page(&m, 4096 + 2 * MM_TOP_PAGES)->state, PAGE_NONE);
	end_machine(&m);
}

static void test_retype_and_remove(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, 4096, 4096 + MM_TOP_PAGES);
	struct zone *z = normal(&m);
	pfn_t pfn = take(z, 0, M);
	lock_take(&z->lock);
	buddy_retype(z, 4096 + 512, R);
	assert_int_equal(z->area[9].nr_free[M], 0);
	assert_int_equal(z->area[9].nr_free[R], 1);
	assert_int_equal(z->area_mask[R], 1 << 9);
	buddy_remove(z, 4096 + 512);
	assert_int_equal(z->area_mask[R], 0);
	assert_int_equal(pfn_page(&m, 4096 + 512)->state, PAGE_NONE);
	buddy_insert(z, 4096 + 512, 9, M);
	lock_drop(&z->lock);
	give(z, pfn, 0, M);
	assert_int_equal(zone_free_blocks(z, MM_ORDER_MAX), 1);
	end_machine(&m);
}

static void test_injected_failure(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, 4096, 4096 + MM_TOP_PAGES);
	fault_arm(FAULT_BUDDY_TAKE, 2);
	pfn_t pfn = take(normal(&m), 0, M);
	assert_int_equal(pfn, 4096);
	assert_int_equal(take(normal(&m), 0, M), PFN_NIL);
	assert_int_equal(zone_buddy_pages(normal(&m)), MM_TOP_PAGES - 1);
	fault_arm(FAULT_BUDDY_TAKE, 0);
	give(normal(&m), pfn, 0, M);
	end_machine(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_keeps_the_low_half),
		cmocka_unit_test(test_every_order),
		cmocka_unit_test(test_takes_its_own_type_only),
		cmocka_unit_test(test_lifo),
		cmocka_unit_test(test_likely_merge_goes_to_the_tail),
		cmocka_unit_test(test_likely_merge_of_large_blocks),
		cmocka_unit_test(test_no_merge_across_a_zone_edge),
		cmocka_unit_test(test_no_merge_into_a_hole),
		cmocka_unit_test(test_reserves_do_not_merge),
		cmocka_unit_test(test_virgin_memory_writes_no_entries),
		cmocka_unit_test(test_retype_and_remove),
		cmocka_unit_test(test_injected_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
