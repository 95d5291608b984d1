/* SPDX-License-Identifier: MIT */
#include "mm/isolate.h"

#include "base/fault.h"
#include "mm/buddy.h"
#include "mm/pcp.h"
#include "support/small_machine.h"

#include <errno.h>

#define TOP MM_TOP_PAGES
#define START (4 * TOP)
#define ORDER (MM_ORDER_MAX + 2)
#define PAGES (1u << ORDER)

static bool movable(void *ctx, const struct page *page)
{
	return page->owner == *(const uint32_t *)ctx;
}

static uint32_t mine = 77;

static struct isolation range_of(struct zone *z, uint64_t start)
{
	return (struct isolation){
		.zone = z, .start = start, .end = start + PAGES, .movable = movable, .ctx = &mine
	};
}

static struct zone *boot(struct machine *m)
{
	one_zone_machine(m, START, START + 3 * PAGES);
	cpu_enter(&m->cpu[0]);
	return machine_zone(m, 0, 2);
}

static void verify(struct machine *m)
{
	cpu_leave(&m->cpu[0]);
	assert_verified(m);
	cpu_enter(&m->cpu[0]);
}

static void end(struct machine *m)
{
	cpu_leave(&m->cpu[0]);
	end_machine(m);
}

static int64_t free_pages(const struct zone *z)
{
	return zone_stat_sum(z, NR_FREE_PAGES);
}

/* What is isolated is on lists, and nobody's: not counted as free, not given out. */
static void test_out_of_circulation(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct cpu *c = &m.cpu[0];
	struct page *page = zone_take(c, z, 3, MIGRATE_MOVABLE, 0); /* of the first top block */
	page->owner = mine;
	cpu_drain(c);
	int64_t before = free_pages(z);
	struct isolation iso = range_of(z, START), again = range_of(z, START);
	assert_int_equal(isolation_begin(&iso, c), 0);
	assert_int_equal(m.isolations, 1);
	verify(&m);
	assert_int_equal(free_pages(z), before - (PAGES - 8));
	assert_int_equal(zone_buddy_pages(z), before);
	assert_int_equal(z->nr_pageblocks[MIGRATE_ISOLATE], PAGES >> m.pageblock_order);
	assert_int_equal(isolation_begin(&again, c), -EBUSY);
	assert_null(isolation_take(&iso, ORDER));
	for (unsigned i = 0; i < 2 * PAGES; i += TOP) { /* all that is left is elsewhere */
		struct page *other = zone_take(c, z, MM_ORDER_MAX, MIGRATE_MOVABLE, 0);
		assert_non_null(other);
		assert_true(page_pfn(&m, other) >= START + PAGES);
		other->private = 0;
	}
	assert_null(zone_take(c, z, 0, MIGRATE_MOVABLE, 0));
	page_give(c, page, 3); /* given back meanwhile: it stays in the range */
	assert_int_equal(free_pages(z), 0);
	verify(&m);
	page = isolation_take(&iso, ORDER);
	assert_int_equal(page_pfn(&m, page), START);
	assert_int_equal(m.isolations, 0);
	assert_int_equal(z->nr_pageblocks[MIGRATE_ISOLATE], 0);
	verify(&m);
	range_give(c, page, ORDER);
	assert_int_equal(free_pages(z), PAGES);
	for (uint64_t at = START + PAGES; at < START + 3 * PAGES; at += TOP)
		page_give(c, pfn_page(&m, (pfn_t)at), MM_ORDER_MAX);
	end(&m);
}

/* On a CPU's list when the range is isolated: comes to it when the zone is drained. */
static void test_pages_on_lists(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct cpu *c = &m.cpu[0];
	struct page *page = zone_take(c, z, 0, MIGRATE_MOVABLE, 0);
	page_give(c, page, 0);
	assert_true(c->zone[z->id].pcp.count > 0);
	struct isolation iso = range_of(z, START);
	assert_int_equal(isolation_begin(&iso, c), 0);
	assert_null(isolation_take(&iso, ORDER));
	cpu_leave(c);
	zone_drain(z);
	cpu_enter(c);
	assert_int_equal(free_pages(z), 2 * PAGES);
	verify(&m);
	isolation_end(&iso, c);
	assert_int_equal(free_pages(z), 3 * PAGES);
	end(&m);
}

/* Types come back; of the highatomic reserve nothing is left in the range. */
static void test_types(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct cpu *c = &m.cpu[0];
	struct page *page = zone_take(c, z, 0, MIGRATE_UNMOVABLE, 0);
	zone_reserve_highatomic(z, page);
	page_give(c, page, 0);
	assert_int_equal(pageblock_type(&m, page_pfn(&m, page)), MIGRATE_HIGHATOMIC);
	pfn_t other = START + TOP;
	lock_take(&z->lock);
	pageblock_set_type(z, other, MIGRATE_RECLAIMABLE);
	lock_drop(&z->lock);
	cpu_drain(c);
	int64_t before = free_pages(z);
	struct isolation iso = range_of(z, START);
	assert_int_equal(isolation_begin(&iso, c), 0);
	assert_int_equal(z->nr_reserved_highatomic, 0);
	isolation_end(&iso, c);
	assert_int_equal(pageblock_type(&m, page_pfn(&m, page)), MIGRATE_MOVABLE);
	assert_int_equal(pageblock_type(&m, other), MIGRATE_RECLAIMABLE);
	assert_int_equal(free_pages(z), before);
	end(&m);
}

static void test_busy(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct cpu *c = &m.cpu[0];
	struct page *page = zone_take(c, z, 0, MIGRATE_MOVABLE, 0); /* nobody's */
	cpu_drain(c);
	struct isolation iso = range_of(z, START);
	assert_int_equal(isolation_begin(&iso, c), -EBUSY);
	assert_int_equal(m.isolations, 0);
	assert_int_equal(z->nr_pageblocks[MIGRATE_ISOLATE], 0);
	page_give(c, page, 0);
	end(&m);
}

/* Whichever allocation fails, all is as before. The range lies inside what was never used, but for one page of its second block. */
static void test_no_host_memory(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct cpu *c = &m.cpu[0];
	struct page *block[PAGES / TOP + 2], *page = NULL;
	for (unsigned i = 0; i < ARRAY_LEN(block); i++)
		block[i] = zone_take(c, z, MM_ORDER_MAX, MIGRATE_MOVABLE, 0);
	for (unsigned i = 0; i < ARRAY_LEN(block); i++)
		page_give(c, block[i], MM_ORDER_MAX);
	while (!page || page_pfn(&m, page) / TOP != (START + PAGES) / TOP + 1) {
		page = zone_take(c, z, MM_ORDER_MAX, MIGRATE_MOVABLE, 0);
		assert_non_null(page);
		page->owner = mine;
	}
	cpu_drain(c);
	int64_t before = free_pages(z);
	unsigned failed = 0;
	for (int error = -ENOMEM; error;) {
		struct isolation iso = range_of(z, START + PAGES);
		fault_arm(FAULT_HOST_MALLOC, failed + 1);
		error = isolation_begin(&iso, c);
		fault_arm(FAULT_HOST_MALLOC, 0);
		if (error) {
			assert_int_equal(error, -ENOMEM);
			failed++;
		} else {
			isolation_end(&iso, c);
		}
		assert_int_equal(m.isolations, 0);
		assert_int_equal(z->nr_pageblocks[MIGRATE_ISOLATE] + z->virgin.nr_isolated, 0);
		assert_int_equal(free_pages(z), before);
		verify(&m);
	}
	assert_true(failed >= 3); /* types, its own ranges, the zone's */
	for (uint64_t at = START; at < START + 3 * PAGES; at += TOP)
		if (pfn_page(&m, (pfn_t)at)->state == PAGE_USED)
			page_give(c, pfn_page(&m, (pfn_t)at), MM_ORDER_MAX);
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_out_of_circulation),
					    cmocka_unit_test(test_pages_on_lists),
					    cmocka_unit_test(test_types), cmocka_unit_test(test_busy),
					    cmocka_unit_test(test_no_host_memory) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
