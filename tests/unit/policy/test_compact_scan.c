/* SPDX-License-Identifier: MIT */
#include "support/compact_fixture.h"

/* 32 at a time, from frame to frame; each frame is counted once, a free block as one. */
static void test_clusters(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = owned_fill_but(w, 7, 0);
	struct compact_control cc = owned_pass(w, 9, COMPACT_SYNC);
	assert_int_equal(compact_isolate_migrate(&cc), ISOLATE_SUCCESS);
	assert_int_equal(cc.nr_migrate, 32);
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(cc.migrate[i], z->start_pfn + 8 * i);
	assert_int_equal(cc.migrate_pfn, z->start_pfn + 31 * 8 + 1);
	/* 8 frames: one of ours, blocks of order 0, 1 and 2 */
	assert_int_equal(cc.migrate_scanned, 31 * 4 + 1);
	assert_int_equal(compact_isolate_migrate(&cc), ISOLATE_SUCCESS);
	assert_int_equal(cc.nr_migrate, 32);
	assert_int_equal(cc.migrate[0], z->start_pfn + 256);
	cc.rescan = true; /* a pageblock as a whole */
	cc.migrate_pfn = z->start_pfn + 512;
	assert_int_equal(compact_isolate_migrate(&cc), ISOLATE_SUCCESS);
	assert_int_equal(cc.nr_migrate, 64);
	assert_int_equal(cc.migrate_pfn, z->start_pfn + 1024);
	owned_end(w);
}

/* The first to come to a pageblock marks it; the next pass goes on behind it, unless it ignores marks. */
static void test_claims(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = owned_fill_but(w, 7, 0);
	struct compact_control first = owned_pass(w, 9, COMPACT_SYNC),
			       second = owned_pass(w, 9, COMPACT_SYNC);
	assert_int_equal(compact_isolate_migrate(&first), ISOLATE_SUCCESS);
	assert_true(pageblock_skip(&w->m, (pfn_t)z->start_pfn));
	assert_int_equal(compact_isolate_migrate(&second), ISOLATE_SUCCESS);
	assert_int_equal(second.migrate[0], z->start_pfn + 512);
	struct compact_control third = owned_pass(w, 9, COMPACT_SYNC);
	third.ignore_skip_hint = true;
	assert_int_equal(compact_isolate_migrate(&third), ISOLATE_SUCCESS);
	assert_int_equal(third.migrate[0], z->start_pfn);
	owned_end(w);
}

/* For a request that does not wait, a part of its order with a page that cannot go is left at once. */
static void test_parts(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = owned_fill_but(w, 1, 0);
	struct page *stuck = pfn_page(&w->m, (pfn_t)z->start_pfn + 4);
	unsigned index = stuck->index;
	lock_take(&z->node->lru.lock);
	page_mark(w->c, stuck, MARK_WRITEBACK);
	lock_drop(&z->node->lru.lock);
	struct compact_control cc = owned_pass(w, 3, COMPACT_ASYNC);
	cc.direct = true;
	assert_int_equal(compact_isolate_migrate(&cc), ISOLATE_SUCCESS);
	assert_int_equal(cc.nr_migrate, 4); /* of the next part, and no further than it */
	assert_int_equal(cc.migrate[0], z->start_pfn + 8);
	assert_int_equal(cc.migrate_pfn, z->start_pfn + 16);
	cc = owned_pass(w, 3, COMPACT_SYNC_LIGHT);
	cc.ignore_skip_hint = true;
	assert_int_equal(compact_isolate_migrate(&cc), ISOLATE_SUCCESS);
	assert_int_equal(cc.migrate[2], z->start_pfn + 6); /* it alone is left out */
	cc = owned_pass(w, 3, COMPACT_SYNC);
	cc.ignore_skip_hint = true;
	assert_int_equal(compact_isolate_migrate(&cc), ISOLATE_SUCCESS);
	assert_int_equal(cc.migrate[2], z->start_pfn + 4); /* and here it is for its owner to say */
	owned_drop(w, index);
	owned_end(w);
}

/* Memory that was never used is no source, and counts as its blocks do. */
static void test_never_used(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = world_zone(w, 0, NORMAL);
	assert_true(virgin_has(z, z->start_pfn + 2048));
	struct compact_control cc = owned_pass(w, 9, COMPACT_SYNC);
	cc.migrate_pfn = z->start_pfn + 2048;
	assert_int_equal(compact_isolate_migrate(&cc), ISOLATE_NONE);
	assert_int_equal(cc.migrate_scanned, 1);
	assert_int_equal(compact_isolate_migrate(&cc), ISOLATE_NONE);
	assert_int_equal(cc.migrate_scanned, 513);
	assert_int_equal(cc.migrate_pfn, z->start_pfn + 3072);
	owned_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clusters),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_never_used),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
