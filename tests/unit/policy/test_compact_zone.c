/* SPDX-License-Identifier: MIT */
#include "support/compact_fixture.h"

/* 6.1's numbers: 1000 - (1000 + free * 1000 / 2^order) / blocks. */
static void test_index(void **state)
{
	(void)state;
	assert_int_equal(fragmentation_of(0, 0, 0, 9), 0); /* nothing free: memory is what lacks */
	assert_int_equal(fragmentation_of(1024, 1, 2, 9), -1000);
	assert_int_equal(fragmentation_of(4096, 4096, 0, 9), 1000 - 9000 / 4096); /* 998 */
	assert_int_equal(fragmentation_of(256, 1, 0, 9), 1000 - 1500);
	assert_int_equal(fragmentation_of(600, 3, 0, 9), 1000 - (1000 + 1171) / 3); /* 277 */
	struct world *w = world_owned();
	struct zone *z = world_zone(w, 0, NORMAL);
	assert_int_equal(fragmentation_index(z, MM_ORDER_MAX), -1000);
	owned_fill(w, z, OWNER_TASK_FILE, LRU_INACTIVE_FILE);
	assert_int_equal(fragmentation_index(z, 9), 0);
	for (unsigned i = 0; i < owned.nr; i += 2)
		owned_drop(w, i);
	cpu_drain(w->c);
	assert_int_equal(fragmentation_index(z, 0), -1000);
	assert_int_equal(fragmentation_index(z, 9), 1000 - (1000 + 8192 * 1000 / 512) / 8192);
	owned_end(w);
}

/* min + 2 << order for small orders, low + 2 << order for large ones, and those only where fragmentation is the reason. */
static void test_suitable(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = world_zone(w, 0, NORMAL);
	assert_int_equal(compaction_suitable(&w->p, z, 9, 0, NORMAL), COMPACT_SUCCESS);
	owned_fill(w, z, OWNER_TASK_FILE, LRU_INACTIVE_FILE);
	uint64_t min = z->watermark[WMARK_MIN], low = z->watermark[WMARK_LOW];
	unsigned freed = 0, i = 0;
	for (; freed < min + 4; i += 2, freed++)
		owned_drop(w, i);
	cpu_drain(w->c);
	assert_int_equal(compaction_suitable(&w->p, z, 1, 0, NORMAL), COMPACT_SKIPPED); /* has to be above */
	owned_drop(w, i), i += 2, freed++;
	cpu_drain(w->c);
	assert_int_equal(compaction_suitable(&w->p, z, 1, 0, NORMAL), COMPACT_CONTINUE);
	assert_int_equal(compaction_suitable(&w->p, z, 2, 0, NORMAL), COMPACT_SKIPPED);
	for (; freed < low + 1024; i += 2, freed++)
		owned_drop(w, i);
	cpu_drain(w->c);
	assert_int_equal(compaction_suitable(&w->p, z, 9, 0, NORMAL), COMPACT_SKIPPED);
	owned_drop(w, i), i += 2, freed++;
	cpu_drain(w->c);
	assert_int_equal(compaction_suitable(&w->p, z, 9, 0, NORMAL), COMPACT_CONTINUE);
	assert_int_equal(compaction_suitable_with(z, 9, 0, NORMAL, low + 1024), COMPACT_SKIPPED);
	assert_int_equal(compaction_suitable_with(z, 9, 0, NORMAL, low + 1025), COMPACT_CONTINUE);
	int index = fragmentation_index(z, 9);
	assert_true(index > 500 && index < 1000);
	w->p.compact.extfrag_threshold = index;
	assert_int_equal(compaction_suitable(&w->p, z, 9, 0, NORMAL), COMPACT_SKIPPED);
	assert_int_equal(compaction_suitable(&w->p, z, 3, 0, NORMAL), COMPACT_CONTINUE); /* small orders are not asked */
	w->p.compact.extfrag_threshold = index - 1;
	assert_int_equal(compaction_suitable(&w->p, z, 9, 0, NORMAL), COMPACT_CONTINUE);
	owned_end(w);
}

/* After the nth failure in a row 2^n - 1 requests are put off, 63 at most; smaller orders never. */
static void test_deferral(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = world_zone(w, 0, NORMAL);
	compact_defer_reset(z, 9, false);
	assert_int_equal(z->compact.order_failed, 10);
	assert_false(compact_deferred(z, 9));
	for (unsigned n = 1; n <= 8; n++) {
		unsigned put_off = 0;
		compact_defer(z, 9);
		assert_int_equal(z->compact.order_failed, 9);
		assert_false(compact_restarting(z, 9));
		assert_false(compact_deferred(z, 8));
		while (compact_deferred(z, 9))
			put_off++;
		assert_int_equal(put_off, (1u << MIN(n, 6u)) - 1);
		assert_false(compact_deferred(z, 10));
		assert_int_equal(compact_restarting(z, 9), n >= 6);
		assert_false(compact_restarting(z, 8));
	}
	compact_defer_reset(z, 9, true);
	assert_int_equal(z->compact.order_failed, 10);
	assert_int_equal(z->compact.defer_shift, 0);
	assert_false(compact_deferred(z, 10));
	owned_end(w);
}

/* Where the next pass begins, and what is forgotten when. */
static void test_restart(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = world_zone(w, 0, NORMAL);
	compact_restart(z);
	assert_int_equal(z->compact.migrate_pfn[0], z->start_pfn);
	assert_int_equal(z->compact.migrate_pfn[1], z->start_pfn);
	assert_int_equal(z->compact.free_pfn, zone_end(z) - 512);
	owned_adopt(w, zone_take(w->c, z, 0, MIGRATE_MOVABLE, 0), OWNER_TASK_FILE, LRU_INACTIVE_FILE);
	cpu_drain(w->c);
	uint64_t used = page_pfn(&w->m, owned.at[0]);
	for (uint64_t pfn = z->start_pfn; pfn < zone_end(z); pfn += 512)
		pageblock_set_skip(&w->m, (pfn_t)pfn, true);
	compact_reset_skip(z->node); /* nothing to flush */
	assert_true(pageblock_skip(&w->m, (pfn_t)used));
	z->compact.flush_skip = true;
	compact_reset_skip(z->node);
	assert_false(z->compact.flush_skip);
	assert_false(pageblock_skip(&w->m, (pfn_t)used));
	assert_int_equal(z->compact.migrate_pfn[1], ALIGN_DOWN(used, 512));
	assert_int_equal(z->compact.init_migrate_pfn, ALIGN_DOWN(used, 512));
	assert_int_equal(ALIGN_DOWN(z->compact.free_pfn, 512), zone_end(z) - 512);
	assert_int_equal(z->compact.init_free_pfn, z->compact.free_pfn);
	owned_end(w);
}

/* All of it lies below the second pageblock: there is nothing for the upper scanner to go down to. */
static void test_tiny_zone(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 0, 1, 0x9f, 0 }, { 0, NORMAL, 0x1000, 0x2000, 0 } };
	struct machine_spec s;
	small_spec(&s, 1, 1);
	small_spec_zones(&s, shape, ARRAY_LEN(shape));
	struct world *w = world_begin(&s, true);
	struct zone *z = world_zone(w, 0, 0);
	z->compact.flush_skip = true;
	compact_reset_skip(z->node);
	assert_false(z->compact.flush_skip);
	assert_true(z->compact.migrate_pfn[0] >= z->start_pfn);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index),     cmocka_unit_test(test_suitable),
		cmocka_unit_test(test_deferral),  cmocka_unit_test(test_restart),
		cmocka_unit_test(test_tiny_zone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
