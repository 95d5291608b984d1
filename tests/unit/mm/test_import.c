/* SPDX-License-Identifier: MIT */
#include "mm/import.h"

#include "base/fault.h"
#include "mm/buddy.h"
#include "mm/pcp.h"
#include "mm/verify.h"
#include "support/small_machine.h"

#include <errno.h>

static struct zone *boot(struct machine *m)
{
	static const struct zone_shape shape = { 0, 2, 4096, 4096 + 8192, 0 };
	struct machine_spec s;
	small_spec(&s, 1, 2);
	small_spec_zones(&s, &shape, 1);
	s.imported = true;
	small_boot(m, &s);
	return machine_zone(m, 0, 2);
}

static void test_free_blocks_stay_as_they_were(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	zone_import_free(z, 4096, 0, MIGRATE_MOVABLE);
	zone_import_free(z, 4100, 2, MIGRATE_UNMOVABLE);
	zone_import_free(z, 5120, 10, MIGRATE_RECLAIMABLE);
	zone_import_free(z, 4608, 9, MIGRATE_HIGHATOMIC);
	zone_import_stat(z, NR_FREE_PAGES, 1 + 4 + 1024 + 512, 1 + 4 + 1024 + 512);
	assert_int_equal(z->area[0].nr_free[MIGRATE_MOVABLE], 1);
	assert_int_equal(z->area[2].nr_free[MIGRATE_UNMOVABLE], 1);
	assert_int_equal(z->area[10].nr_free[MIGRATE_RECLAIMABLE], 1);
	assert_int_equal(z->area[9].nr_free[MIGRATE_HIGHATOMIC], 1);
	assert_int_equal(z->nr_pinned, 8192 - 1541);
	end_machine(&m);
}

static void test_list_order_is_kept(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	for (pfn_t pfn = 4096; pfn < 4112; pfn += 2)
		zone_import_free(z, pfn, 0, MIGRATE_UNMOVABLE);
	zone_import_stat(z, NR_FREE_PAGES, 8, 8);
	cpu_enter(&m.cpu[0]);
	for (pfn_t pfn = 4096; pfn < 4112; pfn += 2)
		assert_int_equal(page_pfn(&m, zone_take(&m.cpu[0], z, 0, MIGRATE_UNMOVABLE, 0)), pfn);
	cpu_leave(&m.cpu[0]);
	end_machine(&m);
}

static void test_virgin_runs(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	for (uint64_t start = 4096; start < 4096 + 8192; start += 2048)
		assert_int_equal(zone_import_virgin(z, start, start + 1024), 0);
	zone_import_stat(z, NR_FREE_PAGES, 4096, 4096);
	assert_int_equal(z->area[10].nr_free[MIGRATE_MOVABLE], 4);
	assert_int_equal(z->virgin.nr_blocks, 4);
	assert_int_equal(z->nr_pinned, 4096);
	lock_take(&z->lock);
	for (pfn_t start = 4096; start < 4096 + 8192; start += 2048) {
		struct page *page = buddy_take(z, 10, MIGRATE_MOVABLE);
		assert_int_equal(page_pfn(&m, page), start);
	}
	assert_null(buddy_take(z, 0, MIGRATE_MOVABLE));
	lock_drop(&z->lock);
	z->stat[NR_FREE_PAGES] = 0;
	end_machine(&m);
}

static void test_virgin_without_host_memory(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	fault_arm(FAULT_HOST_MALLOC, 1);
	assert_int_equal(zone_import_virgin(z, 4096, 5120), -ENOMEM);
	fault_arm(FAULT_HOST_MALLOC, 0);
	assert_int_equal(z->nr_pinned, 8192);
	end_machine(&m);
}

static void test_per_cpu_pages(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	zone_import_pcp(z, &m.cpu[1], 4096, MIGRATE_UNMOVABLE);
	zone_import_pcp(z, &m.cpu[1], 4097, MIGRATE_UNMOVABLE);
	zone_import_pcp(z, &m.cpu[0], 4098, MIGRATE_RECLAIMABLE);
	assert_int_equal(m.cpu[0].zone[z->id].pcp.count, 1);
	assert_int_equal(m.cpu[1].zone[z->id].pcp.count, 2);
	cpu_enter(&m.cpu[1]);
	assert_int_equal(page_pfn(&m, zone_take(&m.cpu[1], z, 0, MIGRATE_UNMOVABLE, 0)), 4096);
	cpu_leave(&m.cpu[1]);
	assert_verified(&m);
	machine_drain(&m);
	assert_int_equal(zone_buddy_pages(z), 2);
	end_machine(&m);
}

static void test_used_pages_can_be_given_back(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	zone_import_pageblock(z, 4608, MIGRATE_RECLAIMABLE);
	struct page *page = zone_import_used(z, 4608, 3);
	assert_int_equal(page->state, PAGE_USED);
	assert_int_equal(page->order, 3);
	assert_int_equal(page->migratetype, MIGRATE_RECLAIMABLE);
	assert_int_equal(z->nr_pinned, 8192 - 8);
	assert_verified(&m);
	cpu_enter(&m.cpu[0]);
	page_give(&m.cpu[0], page, 3);
	cpu_drain(&m.cpu[0]);
	cpu_leave(&m.cpu[0]);
	assert_int_equal(z->area[3].nr_free[MIGRATE_RECLAIMABLE], 1);
	end_machine(&m);
}

/* From the highest down, each with its own pageblock's type. */
static void test_used_pages_by_the_run(void **state)
{
	(void)state;
	struct machine m;
	struct page *page[8];
	struct zone *z = boot(&m);
	zone_import_begin(z);
	zone_import_pageblock(z, 4608, MIGRATE_UNMOVABLE);
	zone_import_expect(z, 4604, 8); /* changes nothing that anybody sees */
	assert_int_equal(pfn_page(&m, 4604)->state, PAGE_NONE);
	zone_import_used_pages(z, 4604, 8, page);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(page_pfn(&m, page[i]), 4611 - i);
		assert_int_equal(page[i]->state, PAGE_USED);
		assert_int_equal(page[i]->order, 0);
		assert_int_equal(page[i]->lru, LRU_NONE);
		assert_int_equal(page[i]->zone, z->id);
		assert_int_equal(page[i]->migratetype, i < 4 ? MIGRATE_UNMOVABLE : MIGRATE_MOVABLE);
	}
	assert_int_equal(z->nr_pinned, 8192 - 8);
	assert_verified(&m);
	cpu_enter(&m.cpu[0]);
	for (unsigned i = 0; i < 8; i++)
		page_give(&m.cpu[0], page[i], 0);
	cpu_leave(&m.cpu[0]);
	end_machine(&m);
}

/* Bare is what was given nothing: not the pageblocks of a block that reaches over several, nor what was never used. */
static void test_bare_pageblocks(void **state)
{
	static const bool bare[16] = { [2] = true,  [3] = true,  [6] = true, [7] = true,
				       [11] = true, [12] = true, [13] = true };
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	assert_false(pageblock_bare(&m, 4096));
	zone_import_begin(z);
	struct page *page = zone_import_used(z, 4096, 10);
	zone_import_free(z, 4096 + 4 * 512, 0, MIGRATE_MOVABLE);
	zone_import_pcp(z, &m.cpu[0], 4096 + 5 * 512 + 511, MIGRATE_MOVABLE);
	zone_import_stat(z, NR_FREE_PAGES, 1 + 1024, 1 + 1024);
	assert_int_equal(zone_import_virgin(z, 4096 + 8 * 512, 4096 + 10 * 512), 0);
	struct page *single[2];
	zone_import_used_pages(z, 4096 + 10 * 512, 1, single);
	zone_import_used_pages(z, 4096 + 15 * 512 - 1, 2, single); /* the end of one, the begin of the next */
	zone_import_pageblock(z, 4096 + 3 * 512, MIGRATE_RECLAIMABLE); /* has nothing to do with it */
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(pageblock_bare(&m, 4096 + i * 512), bare[i]);
	assert_int_equal(pageblock_type(&m, 4096 + 3 * 512), MIGRATE_RECLAIMABLE);
	assert_int_equal(page->order, 10);
	end_machine(&m);
}

static void test_pageblock_types(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	zone_import_pageblock(z, 4096, MIGRATE_UNMOVABLE);
	zone_import_pageblock(z, 4608, MIGRATE_HIGHATOMIC);
	assert_int_equal(z->nr_pageblocks[MIGRATE_UNMOVABLE], 1);
	assert_int_equal(z->nr_pageblocks[MIGRATE_HIGHATOMIC], 1);
	assert_int_equal(z->nr_pageblocks[MIGRATE_MOVABLE], 14);
	end_machine(&m);
}

/* What was printed stays printed; the true sum is met with differences, as far as thresholds allow. */
static void test_counters_with_drift(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	int64_t t = z->stat_threshold;
	zone_import_stat(z, NR_MLOCK, 1000, 1000 + t + 1);
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 1000);
	assert_int_equal(zone_stat_sum(z, NR_MLOCK), 1000 + t + 1);
	zone_import_stat(z, NR_MLOCK, 1000, 1000 - 2 * t);
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 1000);
	assert_int_equal(zone_stat_sum(z, NR_MLOCK), 1000 - 2 * t);
	zone_import_stat(z, NR_MLOCK, 1000, 2000); /* more than two CPUs may hide */
	assert_int_equal(zone_stat_sum(z, NR_MLOCK), 2000);
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 2000 - 2 * t);
	end_machine(&m);
}

static void test_node_counters_with_drift(void **state)
{
	(void)state;
	struct machine m;
	struct node *n = boot(&m)->node;
	int64_t t = n->stat_threshold;
	node_import_stat(n, NR_FILE_PAGES, 500, 500 - t - 1);
	assert_int_equal(node_stat_read(n, NR_FILE_PAGES), 500);
	assert_int_equal(node_stat_sum(n, NR_FILE_PAGES), 500 - t - 1);
	machine_stat_fold(&m);
	assert_int_equal(node_stat_read(n, NR_FILE_PAGES), 500 - t - 1);
	end_machine(&m);
}

/* Memory without entries whose use is known is a part of all such memory; lists count it, too. */
static void test_pinned_kinds(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	uint64_t all = z->nr_pinned;
	assert_int_equal(zone_pinned_unknown(z), all);
	zone_import_pinned(z, PINNED_SLAB_RECLAIMABLE, 100);
	zone_import_pinned(z, LRU_ACTIVE_ANON, 7);
	assert_int_equal(zone_pinned_unknown(z), all - 107);
	assert_int_equal(mm_verify(&m, NULL), 3); /* list, zone and slab pages */
	z->stat[NR_ZONE_ACTIVE_ANON] = z->node->stat[NR_ACTIVE_ANON] = 7;
	z->node->stat[NR_SLAB_RECLAIMABLE] = 100;
	assert_int_equal(mm_verify(&m, NULL), 0);
	z->pinned[PINNED_STACK] = all;
	assert_int_equal(mm_verify(&m, NULL), 1);
	z->pinned[PINNED_STACK] = 0;
	end_machine(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_free_blocks_stay_as_they_were),
		cmocka_unit_test(test_list_order_is_kept),
		cmocka_unit_test(test_virgin_runs),
		cmocka_unit_test(test_virgin_without_host_memory),
		cmocka_unit_test(test_per_cpu_pages),
		cmocka_unit_test(test_used_pages_can_be_given_back),
		cmocka_unit_test(test_used_pages_by_the_run),
		cmocka_unit_test(test_bare_pageblocks),
		cmocka_unit_test(test_pageblock_types),
		cmocka_unit_test(test_counters_with_drift),
		cmocka_unit_test(test_node_counters_with_drift),
		cmocka_unit_test(test_pinned_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
