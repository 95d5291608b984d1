/* SPDX-License-Identifier: MIT */
#include "mm/pcp.h"

#include "mm/buddy.h"
#include "support/small_machine.h"

#define U MIGRATE_UNMOVABLE
#define M MIGRATE_MOVABLE
#define HIGH 60
#define BATCH 7

/* 64 MiB on one node with two CPUs, lists of known size. */
static struct zone *boot(struct machine *m)
{
	static const struct zone_shape shape = { 0, 2, 16384, 16384 + 16384, 0 };
	small_machine(m, 1, 2, &shape, 1);
	struct zone *z = machine_zone(m, 0, 2);
	for (unsigned i = 0; i < 2; i++) {
		m->cpu[i].zone[z->id].pcp.high = HIGH;
		m->cpu[i].zone[z->id].pcp.batch = BATCH;
	}
	cpu_enter(&m->cpu[0]);
	return z;
}

static void end(struct machine *m)
{
	cpu_leave(&m->cpu[0]);
	end_machine(m);
}

static struct pcp *pcp_of(struct zone *z)
{
	return &z->machine->cpu[0].zone[z->id].pcp;
}

static struct page *take(struct zone *z, unsigned order, enum migratetype mt)
{
	return zone_take(&z->machine->cpu[0], z, order, mt, 0);
}

static void give(struct zone *z, struct page *page, unsigned order)
{
	page_give(&z->machine->cpu[0], page, order);
}

static void take_many(struct zone *z, struct page **page, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		page[i] = take(z, 0, M);
		assert_non_null(page[i]);
	}
}

static uint64_t free_pages(struct zone *z)
{
	return (uint64_t)zone_stat_sum(z, NR_FREE_PAGES);
}

static void test_refill_takes_a_batch(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *page[BATCH + 1];
	page[0] = take(z, 0, M);
	assert_int_equal(pcp_of(z)->count, BATCH - 1);
	assert_int_equal(zone_buddy_pages(z), 16384 - BATCH);
	assert_int_equal(free_pages(z), 16384 - BATCH); /* pages on the lists do not count as free */
	assert_int_equal(page[0]->state, PAGE_USED);
	for (unsigned i = 1; i < BATCH; i++) { /* ascending, without a look at the zone */
		page[i] = take(z, 0, M);
		assert_int_equal(page_pfn(&m, page[i]), 16384 + i);
	}
	assert_int_equal(zone_buddy_pages(z), 16384 - BATCH);
	page[BATCH] = take(z, 0, M);
	assert_int_equal(zone_buddy_pages(z), 16384 - 2 * BATCH);
	for (unsigned i = 0; i <= BATCH; i++)
		give(z, page[i], 0);
	end(&m);
}

/* Larger blocks come in fewer at a time, but at least two. */
static void test_refill_by_order(void **state)
{
	(void)state;
	static const unsigned blocks[] = { BATCH, 3, 2, 2 };
	for (unsigned order = 0; order <= MM_COSTLY_ORDER; order++) {
		struct machine m;
		struct zone *z = boot(&m);
		struct page *page = take(z, order, M);
		assert_int_equal(page->order, order);
		assert_int_equal(pcp_of(z)->count, (blocks[order] - 1) << order);
		assert_int_equal(free_pages(z), 16384 - (blocks[order] << order));
		give(z, page, order);
		assert_int_equal(pcp_of(z)->count, blocks[order] << order);
		end(&m);
	}
}

static void test_batch_of_one(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	pcp_of(z)->batch = 1;
	struct page *page = take(z, 2, M);
	assert_int_equal(pcp_of(z)->count, 0);
	give(z, page, 2);
	end(&m);
}

/* Orders 4..8 and 10 go past the lists, 9 (a pageblock) has one. */
static void test_which_orders_are_listed(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	pcp_of(z)->high = 4096;
	for (unsigned order = MM_COSTLY_ORDER + 1; order < MM_ORDERS; order++) {
		struct page *page = take(z, order, M);
		int kept = order == 9 ? 1 << 9 : 0; /* two were fetched */
		assert_int_equal(pcp_of(z)->count, kept);
		assert_int_equal(free_pages(z), 16384 - (1 << order) - kept);
		give(z, page, order);
		assert_int_equal(pcp_of(z)->count, 2 * kept);
		cpu_drain(&m.cpu[0]);
		assert_int_equal(free_pages(z), 16384);
	}
	end(&m);
}

/* A kernel before 5.14 keeps single pages only. */
static void test_single_pages_only(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	machine_set_version(&m, &kernel_versions[KERNEL_5_10]);
	for (unsigned order = 0; order < MM_ORDERS; order++) {
		struct page *page = take(z, order, M);
		assert_int_equal(pcp_of(z)->count, order ? 0 : BATCH - 1);
		give(z, page, order);
		cpu_drain(&m.cpu[0]);
		assert_int_equal(free_pages(z), 16384);
	}
	end(&m);
}

/* From 6.7 on a CPU's lists begin empty-handed, grow with use inside the zone's limits, and come back. */
static void test_lists_that_tune_themselves(void **state)
{
	(void)state;
	static struct page *page[4000];
	struct machine m;
	struct zone *z = boot(&m);
	machine_set_version(&m, &kernel_versions[KERNEL_6_12]);
	pcp_of(z)->high = 0;
	cpu_leave(&m.cpu[0]);
	machine_update_watermarks(&m);
	cpu_enter(&m.cpu[0]);
	int least = z->pageset_high, most = z->pageset_high_max, batch = z->pageset_batch;
	assert_true(least < most);
	assert_int_equal(pcp_of(z)->high, 0); /* it has not used the zone yet */

	page[0] = take(z, 0, M);
	assert_int_equal(pcp_of(z)->high, batch);
	for (unsigned i = 1; i < ARRAY_LEN(page); i++)
		page[i] = take(z, 0, M);
	assert_int_equal(pcp_of(z)->high, most);
	for (unsigned i = 0; i < ARRAY_LEN(page); i++)
		give(z, page[i], 0);
	assert_true(pcp_of(z)->high <= most && pcp_of(z)->count <= most);

	int before = pcp_of(z)->high;
	cpu_pcp_decay(&m.cpu[0]);
	assert_int_equal(pcp_of(z)->high, before - before / 8);
	cpu_pcp_decay(&m.cpu[0]); /* idle since */
	assert_int_equal(pcp_of(z)->high, before - before / 8);
	for (unsigned i = 0; i < 100; i++) {
		m.cpu[0].tuned = true;
		cpu_pcp_decay(&m.cpu[0]);
	}
	assert_int_equal(pcp_of(z)->high, least);
	assert_true(pcp_of(z)->count <= least);

	/* new limits count from the next use on */
	m.tune.percpu_pagelist_high_fraction = 8;
	cpu_leave(&m.cpu[0]);
	machine_update_pagesets(&m);
	cpu_enter(&m.cpu[0]);
	assert_int_equal(pcp_of(z)->high, least);
	take_many(z, page, 200);
	for (unsigned i = 0; i < 200; i++)
		give(z, page[i], 0);
	assert_true(pcp_of(z)->high <= z->pageset_high_max);
	end(&m);
}

/* Others have the size that follows from the zone, used or not. */
static void test_lists_of_fixed_size_do_not_decay(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	give(z, take(z, 0, M), 0);
	int count = pcp_of(z)->count;
	cpu_pcp_decay(&m.cpu[0]);
	assert_int_equal(pcp_of(z)->high, HIGH);
	assert_int_equal(pcp_of(z)->count, count);
	end(&m);
}

static void test_lists_by_type(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *u = take(z, 0, U), *mv = take(z, 0, M);
	assert_int_equal(pageblock_type(&m, page_pfn(&m, u)), U);
	assert_int_equal(pageblock_type(&m, page_pfn(&m, mv)), M);
	assert_int_equal(pcp_of(z)->count, 2 * (BATCH - 1));
	give(z, u, 0);
	assert_ptr_equal(take(z, 0, U), u); /* warm, from its own list */
	give(z, u, 0);
	give(z, mv, 0);
	assert_ptr_equal(take(z, 0, M), mv);
	give(z, mv, 0);
	cpu_drain(&m.cpu[0]);
	assert_int_equal(pcp_of(z)->count, 0);
	end(&m);
}

/* A page goes to the list of its pageblock's type, whatever it was taken as. */
static void test_page_returns_to_its_pageblock(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *page = take(z, 0, M);
	lock_take(&z->lock);
	pageblock_set_type(z, page_pfn(&m, page), MIGRATE_RECLAIMABLE);
	lock_drop(&z->lock);
	give(z, page, 0);
	assert_int_equal(page->migratetype, MIGRATE_RECLAIMABLE);
	assert_ptr_equal(take(z, 0, MIGRATE_RECLAIMABLE), page);
	give(z, page, 0);
	lock_take(&z->lock);
	pageblock_set_type(z, page_pfn(&m, page), MIGRATE_HIGHATOMIC);
	lock_drop(&z->lock);
	page = take(z, 0, MIGRATE_RECLAIMABLE);
	give(z, page, 0); /* reserve pages travel on the movable list */
	assert_int_equal(page->migratetype, MIGRATE_HIGHATOMIC);
	assert_ptr_equal(take(z, 0, M), page);
	give(z, page, 0);
	end(&m);
}

static void test_isolated_pageblock_bypasses_the_lists(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *page = take(z, 0, M);
	int count = pcp_of(z)->count;
	uint64_t before = free_pages(z);
	lock_take(&z->lock);
	pageblock_set_type(z, page_pfn(&m, page), MIGRATE_ISOLATE);
	lock_drop(&z->lock);
	give(z, page, 0);
	assert_int_equal(pcp_of(z)->count, count);
	assert_int_equal(free_pages(z), before);
	assert_int_equal(z->area[0].nr_free[MIGRATE_ISOLATE], 1);
	end(&m);
}

/*
 * At `high` pages the CPU returns a batch, and twice as many each time it does
 * so without having allocated in between, up to high - batch.
 */
static void test_release_grows(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *page[600];
	take_many(z, page, 595); /* 85 batches: the list is empty */
	assert_int_equal(pcp_of(z)->count, 0);
	static const int returned[] = { BATCH, 2 * BATCH, 4 * BATCH, HIGH - BATCH, HIGH - BATCH };
	int count = 0;
	for (unsigned i = 0, release = 0; release < ARRAY_LEN(returned); i++) {
		assert_true(i < 595);
		give(z, page[i], 0);
		if (++count < HIGH) {
			assert_int_equal(pcp_of(z)->count, count);
			continue;
		}
		count -= returned[release++];
		assert_int_equal(pcp_of(z)->count, count);
		if (release == ARRAY_LEN(returned))
			for (i++; i < 595; i++)
				give(z, page[i], 0);
	}
	end(&m);
}

static void test_allocating_halves_the_factor(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	pcp_of(z)->free_factor = 3;
	struct page *page = take(z, 0, M);
	assert_int_equal(pcp_of(z)->free_factor, 1);
	page = (give(z, page, 0), take(z, 0, M));
	assert_int_equal(pcp_of(z)->free_factor, 0);
	give(z, page, 0);
	end(&m);
}

/* The coldest pages leave first. */
static void test_release_takes_the_coldest(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *page[HIGH];
	take_many(z, page, HIGH);
	cpu_drain(&m.cpu[0]);
	for (unsigned i = 0; i < HIGH; i++)
		give(z, page[i], 0);
	for (unsigned i = 0; i < HIGH; i++)
		assert_int_equal(page[i]->state == PAGE_PCP, i >= BATCH);
	end(&m);
}

/* What is too much is taken from the list that grew, and when that is empty from the next ones. */
static void test_release_goes_round(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *page[3][10];
	for (unsigned mt = 0; mt < 3; mt++)
		for (unsigned i = 0; i < 10; i++)
			page[mt][i] = take(z, 0, (enum migratetype)mt);
	cpu_drain(&m.cpu[0]);
	pcp_of(z)->high = 1000;
	for (unsigned mt = 0; mt < 3; mt++)
		for (unsigned i = 0; i < 10 - (mt == 1); i++)
			give(z, page[mt][i], 0);
	assert_int_equal(pcp_of(z)->count, 29);
	pcp_of(z)->high = 30;
	pcp_of(z)->batch = 14;
	give(z, page[1][9], 0); /* 14 of 30: the 10 movable ones and 4 reclaimable */
	assert_int_equal(pcp_of(z)->count, 16);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(page[0][i]->state, PAGE_PCP);
		assert_int_not_equal(page[1][i]->state, PAGE_PCP);
		assert_int_equal(page[2][i]->state == PAGE_PCP, i >= 4);
	}
	end(&m);
}

/* A block of order 1..3 freed while the CPU only frees empties its lists. */
static void test_high_order_drains(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *block = take(z, 2, M), *page[20];
	take_many(z, page, 20);
	pcp_of(z)->free_factor = 1;
	for (unsigned i = 0; i < 20; i++)
		give(z, page[i], 0);
	assert_true(pcp_of(z)->count > 20);
	give(z, block, 2);
	assert_int_equal(pcp_of(z)->count, 0);
	assert_int_equal(free_pages(z), 16384);
	end(&m);
}

static void test_short_lists_under_reclaim(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *page[40];
	take_many(z, page, 40);
	cpu_drain(&m.cpu[0]);
	pcp_of(z)->reclaim_active = true;
	for (unsigned i = 0; i < 40; i++) {
		give(z, page[i], 0);
		assert_in_range(pcp_of(z)->count, 1, 4 * BATCH - 1);
	}
	pcp_of(z)->reclaim_active = false;
	end(&m);
}

/* high 0 keeps nothing; high below batch returns one page at a time. */
static void test_tiny_high(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *page[7];
	take_many(z, page, 7);
	pcp_of(z)->high = 0;
	give(z, page[0], 0);
	assert_int_equal(pcp_of(z)->count, 0);
	pcp_of(z)->high = 3;
	for (unsigned i = 1; i < 7; i++)
		give(z, page[i], 0);
	assert_int_equal(pcp_of(z)->count, 2);
	end(&m);
}

static void test_empty_zone(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *top[16];
	for (unsigned i = 0; i < 16; i++)
		top[i] = take(z, 10, M);
	assert_null(take(z, 0, M));
	assert_null(take(z, 9, M));
	assert_null(take(z, 10, M));
	assert_int_equal(free_pages(z), 0);
	for (unsigned i = 0; i < 16; i++)
		give(z, top[i], 10);
	end(&m);
}

/* Only who may dig deeper gets a block of the reserve, and only for orders above 0. */
static void test_highatomic(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *top[16], *first = take(z, 2, M);
	struct cpu *c = &m.cpu[0];
	cpu_drain(c); /* what is on a list when its block is reserved goes back as what it was */
	zone_reserve_highatomic(z, first);
	unsigned nr = 0;
	while (nr < 16 && (top[nr] = take(z, 10, M)))
		nr++;
	assert_int_equal(nr, 15);
	struct page *other = take(z, 9, M);
	struct page *more = take(z, 9, M);
	assert_null(more);
	assert_null(take(z, 0, M));
	assert_null(take(z, 2, M));
	assert_null(zone_take(c, z, 0, M, TAKE_HIGHATOMIC));
	struct page *small = zone_take(c, z, 2, M, TAKE_HIGHATOMIC),
		    *large = zone_take(c, z, 5, M, TAKE_HIGHATOMIC);
	assert_non_null(small);
	assert_non_null(large);
	give(z, small, 2);
	give(z, large, 5);
	give(z, other, 9);
	give(z, first, 2);
	while (nr--)
		give(z, top[nr], 10);
	end(&m);
}

static void test_events(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *a = take(z, 0, M), *b = take(z, 3, M), *c = take(z, 6, M);
	assert_int_equal(m.cpu[0].event[PGALLOC_FIRST + ZONE_NORMAL], 1 + 8 + 64);
	give(z, a, 0);
	give(z, b, 3);
	give(z, c, 6);
	assert_int_equal(m.cpu[0].event[PGFREE], 1 + 8 + 64);
	end(&m);
}

static void test_give_direct(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct page *page[50];
	take_many(z, page, 50);
	cpu_drain(&m.cpu[0]);
	pages_give_direct(&m.cpu[0], page, 50);
	assert_int_equal(pcp_of(z)->count, 0);
	assert_int_equal(free_pages(z), 16384);
	assert_int_equal(zone_free_blocks(z, MM_ORDER_MAX), 16);
	assert_int_equal(m.cpu[0].event[PGFREE], 50);
	end(&m);
}

static void test_give_direct_to_several_zones(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 1, 4096, 8192, 0 }, { 0, 2, 8192, 12288, 0 } };
	struct machine m;
	struct page *page[6];
	small_machine(&m, 1, 1, shape, 2);
	cpu_enter(&m.cpu[0]);
	for (unsigned i = 0; i < 6; i++)
		page[i] = take(machine_zone(&m, 0, 1 + i / 2 % 2), 0, M);
	pages_give_direct(&m.cpu[0], page, 6);
	cpu_drain(&m.cpu[0]);
	FOR_EACH_POPULATED_ZONE(z, &m)
		assert_int_equal(zone_free_blocks(z, MM_ORDER_MAX), 4);
	end(&m);
}

static void test_machine_drain(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	give(z, take(z, 0, M), 0);
	cpu_leave(&m.cpu[0]);
	cpu_enter(&m.cpu[1]);
	page_give(&m.cpu[1], zone_take(&m.cpu[1], z, 1, U, 0), 1);
	cpu_leave(&m.cpu[1]);
	machine_drain(&m);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(m.cpu[i].zone[z->id].pcp.count, 0);
	assert_int_equal(zone_free_blocks(z, MM_ORDER_MAX), 16);
	cpu_enter(&m.cpu[0]);
	end(&m);
}

/* One zone's lists of one CPU, and one zone's of all. */
static void test_zone_drain(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 1, 4096, 8192, 0 }, { 0, 2, 8192, 12288, 0 } };
	struct machine m;
	small_machine(&m, 1, 2, shape, 2);
	struct zone *z = machine_zone(&m, 0, 1), *other = machine_zone(&m, 0, 2);
	struct cpu *c = &m.cpu[0], *far = &m.cpu[1];
	for (unsigned i = 0; i < 2; i++)
		m.cpu[i].zone[z->id].pcp.high = m.cpu[i].zone[other->id].pcp.high = HIGH;
	cpu_enter(c);
	give(z, take(z, 0, M), 0);
	page_give(c, zone_take(c, other, 0, M, 0), 0);
	int kept = c->zone[other->id].pcp.count;
	assert_true(kept > 0 && c->zone[z->id].pcp.count > 0);
	cpu_drain_zone(c, z);
	assert_int_equal(c->zone[z->id].pcp.count, 0);
	assert_int_equal(c->zone[other->id].pcp.count, kept);

	give(z, take(z, 0, M), 0);
	cpu_leave(c);
	cpu_enter(far);
	page_give(far, zone_take(far, z, 0, M, 0), 0);
	cpu_leave(far);
	zone_drain(z);
	assert_int_equal(c->zone[z->id].pcp.count + far->zone[z->id].pcp.count, 0);
	assert_int_equal(c->zone[other->id].pcp.count, kept);
	machine_drain(&m);
	cpu_enter(c);
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refill_takes_a_batch),
		cmocka_unit_test(test_refill_by_order),
		cmocka_unit_test(test_batch_of_one),
		cmocka_unit_test(test_which_orders_are_listed),
		cmocka_unit_test(test_single_pages_only),
		cmocka_unit_test(test_lists_that_tune_themselves),
		cmocka_unit_test(test_lists_of_fixed_size_do_not_decay),
		cmocka_unit_test(test_lists_by_type),
		cmocka_unit_test(test_page_returns_to_its_pageblock),
		cmocka_unit_test(test_isolated_pageblock_bypasses_the_lists),
		cmocka_unit_test(test_release_grows),
		cmocka_unit_test(test_allocating_halves_the_factor),
		cmocka_unit_test(test_release_takes_the_coldest),
		cmocka_unit_test(test_release_goes_round),
		cmocka_unit_test(test_high_order_drains),
		cmocka_unit_test(test_short_lists_under_reclaim),
		cmocka_unit_test(test_tiny_high),
		cmocka_unit_test(test_empty_zone),
		cmocka_unit_test(test_highatomic),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_give_direct),
		cmocka_unit_test(test_give_direct_to_several_zones),
		cmocka_unit_test(test_machine_drain),
		cmocka_unit_test(test_zone_drain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
