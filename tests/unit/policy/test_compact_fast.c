/* SPDX-License-Identifier: MIT */
#include "support/compact_fixture.h"

/* Single free frames, every 8th, all over the zone. */
static struct zone *fill(struct world *w)
{
	struct zone *z = world_zone(w, 0, NORMAL);
	owned_fill(w, z, OWNER_TASK_FILE, LRU_INACTIVE_FILE);
	for (unsigned i = 0; i < owned.nr; i++)
		if (page_pfn(&w->m, owned.at[i]) % 8 == 0)
			owned_drop(w, i);
	cpu_drain(w->c);
	return z;
}

static struct compact_control pass(struct world *w, int order, enum compact_mode mode)
{
	struct compact_control cc = owned_pass(w, order, mode);
	cc.search_order = order;
	cc.nr_migrate = 32;
	return cc;
}

/* One in the upper quarter, wherever it is on its list, and then those around it. */
static void test_finds(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = fill(w);
	uint64_t quarter = z->start_pfn + z->spanned / 4 * 3 - 1024;
	struct compact_control cc = pass(w, 9, COMPACT_ASYNC);
	cc.direct = true;
	for (unsigned i = 0; i < 16 && !cc.nr_free; i++) { /* a part of the list each time: it is turned */
		cc.free_pfn = pageblock_start(z, zone_end(z) - 1);
		compact_isolate_fast(&cc);
	}
	assert_int_equal(cc.nr_free, 1);
	assert_true(cc.free.head >= quarter - z->spanned / 4); /* or the best in the upper half */
	compact_give_free(&cc);
	cc = pass(w, 9, COMPACT_SYNC_LIGHT);
	for (unsigned i = 0; i < 16 && !cc.nr_free; i++) {
		cc.free_pfn = pageblock_start(z, zone_end(z) - 1);
		compact_isolate_fast(&cc);
	}
	assert_true(cc.nr_free > 1);
	for (pfn_t pfn = cc.free.head; pfn; pfn = w->m.map[pfn].next)
		assert_true(pfn >= quarter - z->spanned / 4);
	assert_true(cc.free_scanned > 0);
	compact_give_free(&cc);
	world_verify(w);
	owned_end(w);
}

/* Lists are turned: the next search begins where this one ended, and nothing is lost. */
static void test_turns(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = fill(w);
	uint64_t free_pages = zone_free(z);
	for (unsigned i = 0; i < 50; i++) {
		struct compact_control cc = pass(w, 1 + (int)i % 10, COMPACT_ASYNC);
		cc.direct = true;
		cc.free_pfn -= 512 * (i % 16);
		compact_isolate_fast(&cc);
		compact_give_free(&cc);
		world_verify(w);
		assert_int_equal(zone_free(z), free_pages);
	}
	owned_end(w);
}

/* Not for passes over everything; and where nothing is free there is nothing to find. */
static void test_nothing(void **state)
{
	(void)state;
	struct world *w = world_owned();
	fill(w);
	struct compact_control cc = pass(w, COMPACT_WHOLE, COMPACT_SYNC);
	compact_isolate_fast(&cc);
	assert_int_equal(cc.nr_free + cc.free_scanned, 0);
	struct zone *z = world_zone(w, 0, NORMAL);
	z->compact.init_free_pfn = UINT64_MAX; /* not the first search in the zone */
	while (zone_free(z))
		owned_adopt(w, zone_take(w->c, z, 0, MIGRATE_MOVABLE, 0), OWNER_TASK_FILE, LRU_INACTIVE_FILE);
	cc = pass(w, 9, COMPACT_SYNC_LIGHT);
	compact_isolate_fast(&cc);
	assert_int_equal(cc.nr_free, 0);
	assert_int_equal(cc.fast_failures, 1);
	owned_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
