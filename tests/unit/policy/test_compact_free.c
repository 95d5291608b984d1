/* SPDX-License-Identifier: MIT */
#include "support/compact_fixture.h"

/* Free pages come from the end, ascending inside a pageblock, as many as are wanted; what is left goes back. */
static void test_free_pages(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = owned_fill_but(w, 7, 0);
	uint64_t free_pages = zone_free(z), start = zone_end(z) - 512;
	struct compact_control cc = owned_pass(w, COMPACT_WHOLE, COMPACT_SYNC);
	cc.nr_migrate = 32;
	compact_isolate_free(&cc);
	assert_int_equal(cc.nr_free, 35); /* in blocks of 1, 2 and 4, five times */
	assert_int_equal(cc.free.head, start + 1);
	assert_int_equal(cc.free_scanned, 20);
	assert_int_equal(zone_free(z), free_pages - 35);
	assert_int_equal(cc.free_pfn, start + 40);
	assert_int_equal(pfn_page(&w->m, cc.free.head)->state, PAGE_USED);
	compact_give_free(&cc);
	assert_int_equal(zone_free(z), free_pages);
	assert_int_equal(cc.free_pfn, start + 1);
	world_verify(w);
	/* a pageblock of another type is no place for movable pages, unless there is no other way */
	lock_take(&z->lock);
	pageblock_set_type(z, (pfn_t)start, MIGRATE_UNMOVABLE);
	lock_drop(&z->lock);
	cc = owned_pass(w, COMPACT_WHOLE, COMPACT_SYNC);
	cc.nr_migrate = 1;
	compact_isolate_free(&cc);
	assert_int_equal(ALIGN_DOWN((uint64_t)cc.free.head, 512), start - 512);
	compact_give_free(&cc);
	cc = owned_pass(w, COMPACT_WHOLE, COMPACT_SYNC);
	cc.nr_migrate = 1;
	cc.ignore_block_suitable = true;
	compact_isolate_free(&cc);
	assert_int_equal(ALIGN_DOWN((uint64_t)cc.free.head, 512), start);
	compact_give_free(&cc);
	lock_take(&z->lock);
	pageblock_set_type(z, (pfn_t)start, MIGRATE_MOVABLE);
	lock_drop(&z->lock);
	owned_end(w);
}

/* Memory that was never used is free as a whole: no place to move to. The second half of each block counts as looked at. */
static void test_never_used(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = world_zone(w, 0, NORMAL);
	assert_true(virgin_has(z, z->start_pfn + 2048));
	struct compact_control cc = owned_pass(w, COMPACT_WHOLE, COMPACT_SYNC);
	cc.migrate_pfn = z->start_pfn + 2048;
	cc.nr_migrate = 32;
	compact_isolate_free(&cc);
	assert_int_equal(cc.nr_free, 0);
	assert_int_equal(cc.free_scanned, (z->spanned - 2048) / 2);
	assert_true(virgin_has(z, z->start_pfn + 2048));
	owned_end(w);
}

/* Every pageblock searched in vain is marked, the zone remembers the lowest, and the scanners have met. */
static void test_in_vain(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = owned_fill_but(w, 0, 0);
	struct compact_control cc = owned_pass(w, COMPACT_WHOLE, COMPACT_SYNC);
	assert_int_equal(zone_free(z), 0);
	z->compact.free_pfn = zone_end(z) - 512;
	cc.migrate_pfn = z->start_pfn + 1024;
	cc.nr_migrate = 1;
	compact_isolate_free(&cc);
	assert_int_equal(cc.nr_free, 0);
	assert_true(cc.free_pfn < z->start_pfn + 1536);
	assert_int_equal(cc.free_scanned, z->spanned - 1536);
	assert_int_equal(z->compact.free_pfn, z->start_pfn + 1536);
	for (uint64_t pfn = z->start_pfn; pfn < zone_end(z); pfn += 512)
		assert_int_equal(pageblock_skip(&w->m, (pfn_t)pfn), pfn >= z->start_pfn + 1536);
	owned_end(w);
}

/* From one pageblock, for as many as wait and not for a request that does not wait; the min mark is never gone below. */
static void test_around(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = owned_fill_but(w, 7, 0);
	uint64_t at = z->start_pfn + 1024 + 77;
	struct compact_control cc = owned_pass(w, 9, COMPACT_SYNC);
	cc.nr_migrate = 10;
	compact_isolate_around(&cc, at);
	assert_int_equal(cc.nr_free, 10); /* blocks of 1, 2, 4, 1 and 2 */
	assert_int_equal(cc.free.head, z->start_pfn + 1024 + 1);
	compact_isolate_around(&cc, at + 512);
	assert_int_equal(cc.nr_free, 10); /* that is enough */
	compact_give_free(&cc);

	cc = owned_pass(w, 9, COMPACT_ASYNC);
	cc.direct = true;
	cc.nr_migrate = 10;
	compact_isolate_around(&cc, at);
	assert_int_equal(cc.nr_free, 0);

	WRITE_RELAXED(&z->watermark[WMARK_MIN], zone_free(z) - 3);
	cc = owned_pass(w, 9, COMPACT_SYNC);
	cc.nr_migrate = 32;
	compact_isolate_around(&cc, at);
	assert_int_equal(cc.nr_free, 1); /* the single page: two more would leave less than min and two */
	assert_false(pageblock_skip(&w->m, (pfn_t)at));
	compact_give_free(&cc);
	owned_end(w);
}

/* Free are the upper 16 of each 32 frames, below a stretch without any: whoever looks at every 32nd frame by then finds none. */
static void test_holes_between(void **state)
{
	struct world *w = world_owned();
	struct zone *z = world_zone(w, 0, NORMAL);
	struct compact_control cc = owned_pass(w, COMPACT_WHOLE, COMPACT_SYNC);
	uint64_t full = zone_end(z) - 8 * pageblock_size(z);
	(void)state;

	cc.ignore_skip_hint = true;
	owned_fill(w, z, OWNER_TASK_ANON, LRU_INACTIVE_ANON);
	for (unsigned i = 0; i < owned.nr; i++) {
		uint64_t pfn = page_pfn(&w->m, owned.at[i]);
		if (pfn < full && (pfn & 16))
			owned_drop(w, i);
	}
	cpu_drain(w->c);

	assert_int_equal(compact_isolate_migrate(&cc), ISOLATE_SUCCESS);
	compact_isolate_free(&cc);
	assert_int_equal(cc.nr_free, COMPACT_CLUSTER);
	assert_true(cc.free.head < full && cc.free.head >= full - pageblock_size(z));
	compact_give_free(&cc);
	owned_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_free_pages),    cmocka_unit_test(test_never_used),
		cmocka_unit_test(test_in_vain),       cmocka_unit_test(test_around),
		cmocka_unit_test(test_holes_between),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
