/* SPDX-License-Identifier: MIT */
#include "base/fault.h"
#include "vm/page_index.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define PAGES 10000u

struct pages {
	struct machine machine;
	struct page_index index;
};

static int setup(void **state)
{
	struct pages *p = calloc(1, sizeof(*p));
	p->machine.map = calloc(PAGES + 1, sizeof(struct page));
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pages *p = *state;
	page_index_fini(&p->index);
	free(p->machine.map);
	free(p);
	return 0;
}

static void fill(struct pages *p, unsigned nr)
{
	assert_int_equal(page_index_reserve(&p->index, nr), 0);
	for (unsigned i = 1; i <= nr; i++)
		page_index_add(&p->machine, &p->index, p->machine.map + i);
}

static void assert_consistent(const struct pages *p)
{
	for (uint64_t slot = 0; slot < p->index.nr; slot++)
		assert_int_equal(p->machine.map[p->index.pfn[slot]].index, slot);
}

static void test_slots_follow_additions(void **state)
{
	struct pages *p = *state;
	fill(p, 100);
	assert_int_equal(page_index_nr(&p->index), 100);
	for (unsigned i = 1; i <= 100; i++)
		assert_int_equal(p->machine.map[i].index, i - 1);
}

static void test_pop_takes_the_last(void **state)
{
	struct pages *p = *state;
	fill(p, 3);
	for (unsigned i = 3; i; i--)
		assert_ptr_equal(page_index_pop(&p->machine, &p->index), p->machine.map + i);
	assert_int_equal(p->index.nr, 0);
}

static void test_remove_keeps_slots_right(void **state)
{
	struct pages *p = *state;
	fill(p, 1000);
	for (unsigned i = 1; i <= 1000; i += 2)
		page_index_remove(&p->machine, &p->index, p->machine.map + i);
	assert_int_equal(p->index.nr, 500);
	assert_consistent(p);
	for (unsigned i = 1; i <= 1000; i++)
		assert_int_equal(page_index_has(&p->machine, &p->index, p->machine.map + i), i % 2 == 0);
}

static void test_has_is_right_for_strangers(void **state)
{
	struct pages *p = *state;
	fill(p, 10);
	p->machine.map[50].index = 3; /* somebody else's slot 3 */
	p->machine.map[51].index = UINT32_MAX;
	assert_false(page_index_has(&p->machine, &p->index, p->machine.map + 50));
	assert_false(page_index_has(&p->machine, &p->index, p->machine.map + 51));
}

static void test_choice_is_uniform(void **state)
{
	struct pages *p = *state;
	unsigned chosen[11] = { 0 };
	struct rng rng;
	rng_init(&rng, 1);
	fill(p, 10);
	for (unsigned round = 0; round < 10000; round++) {
		page_index_choose(&p->machine, &p->index, &rng, 3);
		for (unsigned i = 7; i < 10; i++)
			chosen[p->index.pfn[i]]++;
	}
	assert_consistent(p);
	for (unsigned i = 1; i <= 10; i++)
		assert_in_range(chosen[i], 2700, 3300);
}

static void test_choice_of_all_and_none(void **state)
{
	struct pages *p = *state;
	struct rng rng;
	rng_init(&rng, 1);
	fill(p, 5);
	page_index_choose(&p->machine, &p->index, &rng, 0);
	page_index_choose(&p->machine, &p->index, &rng, 5);
	assert_int_equal(p->index.nr, 5);
	assert_consistent(p);
}

static void test_reserve_failure_changes_nothing(void **state)
{
	struct pages *p = *state;
	fill(p, 10);
	fault_arm(FAULT_HOST_MALLOC, 1);
	assert_int_equal(page_index_reserve(&p->index, 1000), -ENOMEM);
	assert_int_equal(page_index_reserve(&p->index, 1ull << 33), -ENOMEM);
	assert_int_equal(p->index.nr, 10);
	assert_int_equal(p->index.cap, 10);
	assert_consistent(p);
}

static void test_trim_gives_room_back(void **state)
{
	struct pages *p = *state;
	fill(p, PAGES);
	page_index_trim(&p->index);
	assert_int_equal(p->index.cap, PAGES);
	while (p->index.nr > 100)
		page_index_pop(&p->machine, &p->index);
	fault_arm(FAULT_HOST_MALLOC, 1);
	page_index_trim(&p->index); /* a failure is no harm */
	assert_int_equal(p->index.cap, PAGES);
	page_index_trim(&p->index);
	assert_int_equal(p->index.cap, 100);
	assert_consistent(p);
}

static void test_replace_takes_the_slot(void **state)
{
	struct pages *p = *state;
	fill(p, 10);
	struct page *page = pfn_page(&p->machine, p->index.pfn[4]);
	struct page *to = page_index_pop(&p->machine, &p->index); /* a stranger now */
	page_index_replace(&p->machine, &p->index, page, to);
	assert_int_equal(to->index, 4);
	assert_true(page_index_has(&p->machine, &p->index, to));
	assert_false(page_index_has(&p->machine, &p->index, page));
	assert_int_equal(p->index.nr, 9);
	assert_consistent(p);
}

static void test_several_are_added_in_order(void **state)
{
	struct pages *p = *state;
	struct page *page[4];
	fill(p, 3);
	assert_int_equal(page_index_reserve(&p->index, 7), 0);
	for (unsigned i = 0; i < 4; i++)
		page[i] = p->machine.map + 20 - i;
	page_index_add_pages(&p->machine, &p->index, page, 4);
	assert_int_equal(p->index.nr, 7);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(p->index.pfn[3 + i], 20 - i);
	assert_consistent(p);
}

static void test_cut_leaves_numbers_behind(void **state)
{
	struct pages *p = *state;
	fill(p, 10);
	pfn_t last = p->index.pfn[9];
	page_index_cut(&p->index, 3);
	assert_int_equal(p->index.nr, 3);
	assert_int_equal(p->index.pfn[9], last);
	assert_false(page_index_has(&p->machine, &p->index, pfn_page(&p->machine, last)));
	page_index_cut(&p->index, 3);
	assert_int_equal(p->index.nr, 3);
	assert_consistent(p);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(test_slots_follow_additions),
		ROW(test_pop_takes_the_last),
		ROW(test_remove_keeps_slots_right),
		ROW(test_has_is_right_for_strangers),
		ROW(test_choice_is_uniform),
		ROW(test_choice_of_all_and_none),
		ROW(test_reserve_failure_changes_nothing),
		ROW(test_trim_gives_room_back),
		ROW(test_replace_takes_the_slot),
		ROW(test_several_are_added_in_order),
		ROW(test_cut_leaves_numbers_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
