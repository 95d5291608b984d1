/* SPDX-License-Identifier: MIT */
#include "mm/buddy.h"

#include "base/fault.h"
#include "base/rng.h"
#include "support/small_machine.h"

#include <errno.h>

#define TOP MM_TOP_PAGES
#define BLOCKS 64u
#define END ((BLOCKS + 1) * TOP)

static struct zone *boot(struct machine *m)
{
	one_zone_machine(m, TOP, END);
	struct zone *z = machine_zone(m, 0, 2);
	assert_int_equal(z->virgin.nr_blocks, BLOCKS);
	assert_int_equal(virgin_make_room(z), 0);
	lock_take(&z->lock);
	return z;
}

static void end(struct machine *m, struct zone *z)
{
	lock_drop(&z->lock);
	end_machine(m);
}

static void assert_ranges(const struct zone *z, const uint64_t *edge, unsigned nr)
{
	const struct virgin *v = &z->virgin;
	assert_int_equal(v->nr_ranges - v->first, nr);
	for (unsigned i = 0; i < nr; i++) {
		assert_int_equal(v->range[v->first + i].start, edge[2 * i] * TOP);
		assert_int_equal(v->range[v->first + i].end, edge[2 * i + 1] * TOP);
	}
}

/* In the middle, at either end, over the edge of one, and all of one; then back in another order. */
static void test_cut_and_join(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct pfn_range part;
	assert_true(virgin_cut(z, 10 * TOP, 20 * TOP, &part));
	assert_ranges(z, (uint64_t[]){ 1, 10, 20, 65 }, 2);
	assert_int_equal(z->virgin.nr_blocks, 54);
	assert_int_equal(z->area[MM_ORDER_MAX].nr_free[MIGRATE_MOVABLE], 54);
	assert_false(virgin_cut(z, 10 * TOP, 20 * TOP, &part));
	assert_true(virgin_cut(z, 19 * TOP, 25 * TOP, &part));
	assert_int_equal(part.start, 20 * TOP);
	assert_int_equal(part.end, 25 * TOP);
	assert_true(virgin_cut(z, 8 * TOP, 10 * TOP, &part));
	assert_ranges(z, (uint64_t[]){ 1, 8, 25, 65 }, 2);
	assert_true(virgin_cut(z, 0, 9 * TOP, &part));
	assert_int_equal(part.end, 8 * TOP);
	assert_ranges(z, (uint64_t[]){ 25, 65 }, 1);
	assert_false(virgin_has(z, 24 * TOP));
	assert_true(virgin_has(z, 25 * TOP + 1) && virgin_has(z, 65 * TOP - 1));
	assert_false(virgin_has(z, 65 * TOP));

	virgin_join(z, 1 * TOP, 8 * TOP);
	virgin_join(z, 10 * TOP, 20 * TOP);
	assert_ranges(z, (uint64_t[]){ 1, 8, 10, 20, 25, 65 }, 3);
	virgin_join(z, 20 * TOP, 25 * TOP);
	assert_ranges(z, (uint64_t[]){ 1, 8, 10, 65 }, 2);
	virgin_join(z, 8 * TOP, 10 * TOP);
	assert_ranges(z, (uint64_t[]){ 1, 65 }, 1);
	assert_int_equal(z->virgin.nr_blocks, BLOCKS);
	end(&m, z);
}

/* Slots of ranges that buddy_take has used up serve again; without any, blocks go on the list. */
static void test_room(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct pfn_range part;
	struct page *page[3];
	assert_true(virgin_cut(z, 4 * TOP, 5 * TOP, &part));
	for (unsigned i = 0; i < 3; i++)
		page[i] = buddy_take(z, MM_ORDER_MAX, MIGRATE_MOVABLE);
	assert_int_equal(z->virgin.first, 1);
	assert_true(virgin_has_room(z));
	z->virgin.room = z->virgin.nr_ranges;
	virgin_join(z, 3 * TOP, 4 * TOP);
	assert_int_equal(z->virgin.first, 0);
	assert_ranges(z, (uint64_t[]){ 3, 4, 5, 65 }, 2);
	assert_false(virgin_has_room(z));
	virgin_join(z, 1 * TOP, 2 * TOP);
	assert_ranges(z, (uint64_t[]){ 3, 4, 5, 65 }, 2);
	assert_int_equal(pfn_page(&m, TOP)->state, PAGE_BUDDY);
	virgin_join(z, 4 * TOP, 5 * TOP);
	buddy_give(z, 2 * TOP, MM_ORDER_MAX, MIGRATE_MOVABLE);
	assert_int_equal(page_pfn(&m, page[1]), 2 * TOP);
	/* frame 3 was taken by the third request, and has been joined as never used: */
	assert_int_equal(page_pfn(&m, page[2]), 3 * TOP);
	page[2]->state = PAGE_NONE;
	end(&m, z);
}

static void test_make_room(void **state)
{
	(void)state;
	struct machine m;
	one_zone_machine(&m, TOP, END);
	struct zone *z = machine_zone(&m, 0, 2);
	assert_false(virgin_has_room(z));
	fault_arm(FAULT_HOST_MALLOC, 1);
	assert_int_equal(virgin_make_room(z), -ENOMEM);
	fault_arm(FAULT_HOST_MALLOC, 0);
	assert_int_equal(virgin_make_room(z), 0);
	assert_true(virgin_has_room(z));
	assert_int_equal(virgin_make_room(z), 0);
	end_machine(&m);
}

/* Random cuts and joins against a plain array of blocks. */
static void test_random(void **state)
{
	(void)state;
	struct machine m;
	struct zone *z = boot(&m);
	struct rng rng;
	bool cut[BLOCKS + 1] = { false };
	rng_init(&rng, 7);
	for (unsigned step = 0; step < 20000; step++) {
		uint64_t a = 1 + rng_below(&rng, BLOCKS), b = a + 1 + rng_below(&rng, BLOCKS + 1 - a);
		struct pfn_range part;
		lock_drop(&z->lock);
		assert_int_equal(virgin_make_room(z), 0);
		lock_take(&z->lock);
		if (rng_below(&rng, 2)) {
			uint64_t first = a;
			while (first < b && cut[first])
				first++;
			assert_int_equal(virgin_cut(z, a * TOP, b * TOP, &part), first < b);
			if (first == b)
				continue;
			assert_int_equal(part.start, first * TOP);
			for (uint64_t at = first; at < part.end / TOP; at++) {
				assert_false(cut[at]);
				cut[at] = true;
			}
			continue;
		}
		for (b = a; b <= BLOCKS && cut[b]; b++)
			cut[b] = false;
		if (b > a)
			virgin_join(z, a * TOP, b * TOP);
		for (uint64_t at = 1; at <= BLOCKS; at++)
			assert_int_equal(virgin_has(z, at * TOP), !cut[at]);
	}
	for (uint64_t at = 1; at <= BLOCKS; at++)
		if (cut[at])
			virgin_join(z, at * TOP, (at + 1) * TOP);
	assert_ranges(z, (uint64_t[]){ 1, 65 }, 1);
	end(&m, z);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cut_and_join),
					    cmocka_unit_test(test_room), cmocka_unit_test(test_make_room),
					    cmocka_unit_test(test_random) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
