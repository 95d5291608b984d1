/* SPDX-License-Identifier: MIT */
#include "mm/buddy.h"
#include "mm/lru.h"
#include "mm/pcp.h"
#include "support/small_machine.h"

#define U MIGRATE_UNMOVABLE
#define M MIGRATE_MOVABLE
#define R MIGRATE_RECLAIMABLE
#define H MIGRATE_HIGHATOMIC
#define BLOCK 512u

static struct zone *boot(struct machine *m, unsigned top_blocks)
{
	one_zone_machine(m, 4096, 4096 + top_blocks * MM_TOP_PAGES);
	return machine_zone(m, 0, 2);
}

static pfn_t take_as(struct zone *z, unsigned order, enum migratetype mt, bool nofragment)
{
	lock_take(&z->lock);
	struct page *page = buddy_take_any(z, order, mt, nofragment);
	lock_drop(&z->lock);
	if (!page)
		return PFN_NIL;
	z->stat[NR_FREE_PAGES] -= 1 << order;
	return page_pfn(z->machine, page);
}

static pfn_t take(struct zone *z, unsigned order, enum migratetype mt)
{
	return take_as(z, order, mt, false);
}

static void give(struct zone *z, pfn_t pfn, unsigned order)
{
	lock_take(&z->lock);
	buddy_give(z, pfn, order, pageblock_type(z->machine, pfn));
	lock_drop(&z->lock);
	z->stat[NR_FREE_PAGES] += 1 << order;
}

/* A block of the top order is stolen whole: both of its pageblocks change type. */
static void test_steals_the_largest_block(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m, 2);
	pfn_t used = take(z, 0, M); /* the first top block is split; the second one is the largest */
	pfn_t pfn = take(z, 0, U);
	assert_int_equal(used, 4096);
	assert_int_equal(pfn, 4096 + MM_TOP_PAGES);
	assert_int_equal(z->nr_pageblocks[U], 2);
	assert_int_equal(z->area[9].nr_free[U], 1);
	assert_int_equal(z->area[9].nr_free[M], 1);
	assert_int_equal(z->watermark_boost, 0); /* no types were mixed */
	give(z, pfn, 0);
	give(z, used, 0);
	end_machine(&m);
}

/* Reclaimable first, movable only when there is none of it. */
static void test_which_type_is_robbed(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m, 2);
	pfn_t a = take(z, 10, M), b = take(z, 10, M);
	lock_take(&z->lock);
	for (unsigned i = 0; i < 2; i++)
		pageblock_set_type(z, b + i * BLOCK, R);
	lock_drop(&z->lock);
	give(z, a, 10);
	give(z, b, 10);
	pfn_t pfn = take(z, 10, U);
	assert_int_equal(pfn, b);
	give(z, pfn, 10);
	assert_int_equal(z->nr_pageblocks[R], 0);
	pfn = take(z, 10, R); /* Unmovable before Movable */
	assert_int_equal(pfn, b);
	give(z, pfn, 10);
	pfn = take(z, 10, U);
	assert_int_equal(pfn, b);
	give(z, pfn, 10);
	end_machine(&m);
}

/* More than half of the pageblock is free: it changes sides with everything that is free in it. */
static void test_claims_a_mostly_free_pageblock(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m, 2);
	pfn_t second = take(z, 10, M), other = take(z, 10, M);
	assert_int_equal(second, 4096);
	give(z, second, 10);
	pfn_t high = take(z, 9, M), low = take(z, 7, M); /* 384 pages of block 1 are free */
	assert_int_equal(high, 4096);
	assert_int_equal(low, 4096 + BLOCK);
	pfn_t pfn = take(z, 0, U);
	assert_int_equal(pfn, 4096 + BLOCK + 128); /* the smaller of the two blocks that came over */
	assert_int_equal(pageblock_type(&m, pfn), U);
	assert_int_equal(z->area[8].nr_free[U], 1);
	assert_int_equal(z->area[7].nr_free[U], 0);
	assert_int_equal(z->area[7].nr_free[M], 0);
	assert_true(z->boosted);
	assert_int_equal(z->watermark_boost, MIN(BLOCK, MAX(BLOCK, z->watermark[WMARK_HIGH] * 3 / 2)));
	give(z, pfn, 0);
	give(z, low, 7);
	give(z, high, 9);
	give(z, other, 10);
	end_machine(&m);
}

/* Less than half is free and the rest can move: only the free pages come over. */
static void test_does_not_claim_a_movable_pageblock(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m, 4);
	struct node *n = &m.node[0];
	struct cpu *c = &m.cpu[0];
	pfn_t rest[3], first = take(z, 10, M);
	for (unsigned i = 0; i < 3; i++)
		rest[i] = take(z, 10, M);
	give(z, first, 10);
	pfn_t user = take(z, 9, M), more = take(z, 8, M), page = take(z, 7, M);
	cpu_enter(c);
	lock_take(&n->lru.lock);
	lru_add(c, pfn_page(&m, user), LRU_INACTIVE_FILE);
	lru_add(c, pfn_page(&m, more), LRU_INACTIVE_FILE);
	lru_add(c, pfn_page(&m, page), LRU_INACTIVE_FILE);
	lock_drop(&n->lru.lock);
	cpu_leave(c);
	pfn_t pfn = take(z, 0, U); /* 128 free and 384 movable pages: stays Movable */
	assert_int_equal(pfn, 4096 + BLOCK + 384);
	assert_int_equal(pageblock_type(&m, pfn), M);
	assert_int_equal(z->area[6].nr_free[U], 1);
	give(z, pfn, 0);
	assert_int_equal(z->area[7].nr_free[M], 1); /* back to the list of its pageblock */
	cpu_enter(c);
	lock_take(&n->lru.lock);
	lru_del(c, pfn_page(&m, user));
	lru_del(c, pfn_page(&m, more));
	lru_del(c, pfn_page(&m, page));
	lock_drop(&n->lru.lock);
	cpu_leave(c);
	give(z, user, 9);
	give(z, more, 8);
	give(z, page, 7);
	for (unsigned i = 0; i < 3; i++)
		give(z, rest[i], 10);
	end_machine(&m);
}

/* Exactly half is enough. */
static void test_half_is_enough(void **state)
{
	(void)state;
	for (unsigned used = 256; used <= 257; used++) {
		struct machine m;
		struct zone *z = boot(&m, 4);
		struct node *n = &m.node[0];
		pfn_t rest[3], first = take(z, 10, M), page[2] = { 0 };
		for (unsigned i = 0; i < 3; i++)
			rest[i] = take(z, 10, M);
		give(z, first, 10);
		pfn_t low = take(z, 9, M);
		page[0] = take(z, 8, M);
		if (used == 257)
			page[1] = take(z, 0, M);
		cpu_enter(&m.cpu[0]);
		lock_take(&n->lru.lock);
		for (unsigned i = 0; i < 2 && page[i]; i++)
			lru_add(&m.cpu[0], pfn_page(&m, page[i]), LRU_INACTIVE_FILE);
		lock_drop(&n->lru.lock);
		pfn_t pfn = take(z, 1, U);
		assert_int_equal(pageblock_type(&m, pfn), used == 256 ? U : M);
		lock_take(&n->lru.lock);
		for (unsigned i = 0; i < 2 && page[i]; i++)
			lru_del(&m.cpu[0], pfn_page(&m, page[i]));
		lock_drop(&n->lru.lock);
		cpu_leave(&m.cpu[0]);
		give(z, pfn, 1);
		give(z, page[0], 8);
		if (page[1])
			give(z, page[1], 0);
		give(z, low, 9);
		for (unsigned i = 0; i < 3; i++)
			give(z, rest[i], 10);
		end_machine(&m);
	}
}

/* The same, but what is in use cannot move either: the block is as good as Unmovable. */
static void test_claims_a_block_of_its_kind(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m, 4);
	pfn_t rest[3], first = take(z, 10, M);
	for (unsigned i = 0; i < 3; i++)
		rest[i] = take(z, 10, M);
	give(z, first, 10);
	pfn_t user = take(z, 9, M), more = take(z, 8, M), page = take(z, 7, M);
	pfn_t pfn = take(z, 0, U);
	assert_int_equal(pageblock_type(&m, pfn), U);
	give(z, pfn, 0);
	give(z, user, 9);
	give(z, more, 8);
	give(z, page, 7);
	for (unsigned i = 0; i < 3; i++)
		give(z, rest[i], 10);
	end_machine(&m);
}

/*
 * A movable request takes the smallest block when the largest one is small,
 * and claims the pageblock when it is at least half of the pageblock's order.
 */
static void test_movable_requests(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m, 2);
	pfn_t b = take(z, 10, U);
	pfn_t small = b + 512, mid = b;
	assert_true(take(z, 10, U));
	lock_take(&z->lock);
	buddy_give(z, small, 1, U);
	buddy_give(z, small + 8, 3, U);
	lock_drop(&z->lock);
	z->stat[NR_FREE_PAGES] += 10;
	/* largest is order 3, below 4: the smallest that fits is taken alone */
	assert_int_equal(take(z, 0, M), small);
	assert_int_equal(z->area[0].nr_free[M], 1);
	assert_int_equal(z->area[3].nr_free[U], 1);
	assert_int_equal(pageblock_type(&m, small), U);
	/* order 4 in another pageblock: that one is claimed, or at least its free pages are */
	lock_take(&z->lock);
	buddy_give(z, mid, 4, U);
	buddy_give(z, mid + 64, 2, U);
	lock_drop(&z->lock);
	z->stat[NR_FREE_PAGES] += 20;
	assert_int_equal(take(z, 1, M), mid + 64);
	assert_int_equal(z->area[1].nr_free[M], 1);
	assert_int_equal(z->area[4].nr_free[M], 1);
	assert_int_equal(z->area[3].nr_free[U], 1);
	assert_int_equal(z->area_mask[U], 1 << 3);
	machine_shutdown(&m);
}

static void test_nofragment(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m, 1);
	pfn_t whole = take(z, 9, M);
	pfn_t pfn = take_as(z, 0, U, true); /* a whole pageblock is there */
	assert_int_equal(pfn, 4096 + BLOCK);
	assert_int_equal(take_as(z, 0, R, true), PFN_NIL); /* only parts of an Unmovable one */
	assert_int_equal(take_as(z, 9, M, true), PFN_NIL);
	pfn_t other = take_as(z, 0, R, false);
	assert_true(other);
	give(z, other, 0);
	give(z, pfn, 0);
	give(z, whole, 9);
	end_machine(&m);
}

static void test_nothing_left(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m, 1);
	pfn_t pfn = take(z, 10, U);
	for (unsigned mt = 0; mt < MIGRATE_PCPTYPES; mt++)
		assert_int_equal(take(z, 0, (enum migratetype)mt), PFN_NIL);
	give(z, pfn, 10);
	assert_int_equal(take(z, 0, H), PFN_NIL); /* a reserve never steals */
	end_machine(&m);
}

static void test_boost_limits(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m, 1); /* less than four pageblocks: never */
	pfn_t whole = take(z, 9, M), page = take(z, 0, M), pfn = take(z, 0, U);
	assert_int_equal(z->watermark_boost, 0);
	assert_false(z->boosted);
	give(z, pfn, 0);
	give(z, page, 0);
	give(z, whole, 9);
	end_machine(&m);

	z = boot(&m, 4);
	m.tune.watermark_boost_factor = 0; /* switched off */
	pfn_t a = take(z, 10, M), b = take(z, 10, M), c = take(z, 10, M);
	whole = take(z, 9, M), page = take(z, 0, M), pfn = take(z, 0, U);
	assert_int_equal(z->watermark_boost, 0);
	give(z, pfn, 0);
	give(z, page, 0);
	give(z, whole, 9);
	give(z, a, 10);
	give(z, b, 10);
	give(z, c, 10);
	end_machine(&m);
}

/* Grows by a pageblock with each mixing, up to factor times the high mark, at least one block. */
static void test_boost_grows(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m, 16);
	pfn_t top[16], page[3];
	m.tune.min_free_kbytes = 4 * 480; /* high: 720 pages, most: 1080 */
	machine_update_watermarks(&m);
	assert_int_equal(z->watermark[WMARK_HIGH], 720);
	for (unsigned i = 0; i < 16; i++)
		top[i] = take(z, 10, M);
	static const unsigned want[] = { 512, 1024, 1080 };
	for (unsigned i = 0; i < 3; i++) {
		give(z, top[i] + 256, 8); /* the only free block is less than a pageblock */
		page[i] = take(z, 8, i % 2 ? R : U);
		assert_int_equal(page[i], top[i] + 256);
		assert_int_equal(z->watermark_boost, want[i]);
	}
	for (unsigned i = 0; i < 16; i++) {
		if (i < 3) {
			give(z, page[i], 8);
			give(z, top[i] + 512, 9);
		}
		give(z, top[i], i < 3 ? 8 : 10);
	}
	end_machine(&m);
}

/* The reserve takes the page's block with what is free in it, one block at a time, to 1 % of the zone and a block. */
static void test_highatomic_reserve(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m, 64); /* 65536 pages: 655 + 512 must be reached first */
	pfn_t pfn[4], rest[4];
	for (unsigned i = 0; i < 4; i++) {
		pfn[i] = take(z, 9, M);
		rest[i] = take(z, 9, M);
	}
	for (unsigned i = 0; i < 4; i++)
		zone_reserve_highatomic(z, pfn_page(&m, pfn[i]));
	assert_int_equal(z->nr_reserved_highatomic, 3 * BLOCK);
	assert_int_equal(z->nr_pageblocks[H], 3);
	zone_reserve_highatomic(z, pfn_page(&m, pfn[0])); /* is reserved already */
	assert_int_equal(z->nr_reserved_highatomic, 3 * BLOCK);
	for (unsigned i = 0; i < 4; i++) {
		give(z, pfn[i], 9);
		give(z, rest[i], 9);
	}
	assert_int_equal(z->area[9].nr_free[H], 3);
	end_machine(&m);
}

static void test_highatomic_goes_back(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m, 64);
	pfn_t a = take(z, 2, M);
	zone_reserve_highatomic(z, pfn_page(&m, a));
	assert_int_equal(z->plenty[2], z->watermark[WMARK_LOW] + BLOCK);
	assert_int_equal(z->area[2].nr_free[H], 1);
	assert_int_equal(z->area[8].nr_free[H], 1);
	assert_int_equal(z->area[9].nr_free[M], 1);
	assert_false(zone_unreserve_highatomic(z, U, false)); /* the last block is kept */
	assert_int_equal(z->nr_reserved_highatomic, BLOCK);
	assert_true(zone_unreserve_highatomic(z, U, true));
	assert_int_equal(z->nr_reserved_highatomic, 0);
	assert_int_equal(z->plenty[2], z->watermark[WMARK_LOW]);
	assert_int_equal(z->nr_pageblocks[H], 0);
	assert_int_equal(z->nr_pageblocks[U], 1); /* who needs it gets it */
	assert_int_equal(z->area[8].nr_free[U], 1);
	assert_false(zone_unreserve_highatomic(z, U, true));
	give(z, a, 2);
	end_machine(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steals_the_largest_block),
		cmocka_unit_test(test_which_type_is_robbed),
		cmocka_unit_test(test_claims_a_mostly_free_pageblock),
		cmocka_unit_test(test_does_not_claim_a_movable_pageblock),
		cmocka_unit_test(test_half_is_enough),
		cmocka_unit_test(test_claims_a_block_of_its_kind),
		cmocka_unit_test(test_movable_requests),
		cmocka_unit_test(test_nofragment),
		cmocka_unit_test(test_nothing_left),
		cmocka_unit_test(test_boost_limits),
		cmocka_unit_test(test_boost_grows),
		cmocka_unit_test(test_highatomic_reserve),
		cmocka_unit_test(test_highatomic_goes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
