/* SPDX-License-Identifier: MIT */
#include "policy/retry.h"

#include "support/policy_fixture.h"

#define NORMAL 2

static struct retry retry_of(struct world *w, unsigned order)
{
	const struct node *n = &w->m.node[0];
	return (struct retry){ .policy = &w->p,
			       .list = n->zonelist,
			       .nr = n->nr_zonelist,
			       .highest_type = NORMAL,
			       .order = order,
			       .priority = COMPACT_PRIO_SYNC_LIGHT };
}

/* Only while there is a block, and what could be reclaimed reaches the marks. */
static void test_reclaim(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct retry r = retry_of(w, 3);
	assert_true(retry_reclaim(&r));
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), 500, LRU_INACTIVE_FILE);
	for (unsigned n = 0; n < 2; n++)
		zone_leave_free(w, world_zone(w, n, NORMAL), 0);
	assert_false(retry_reclaim(&r)); /* pages would come, but no block */
	assert_int_equal(w->held[0]->order, MM_ORDER_MAX);
	page_give(w->c, w->held[0], MM_ORDER_MAX);
	cpu_drain(w->c);
	struct nodemask other = { { 0 } };
	nodemask_set(&other, 1);
	assert_true(retry_reclaim(&r));
	r.nodes = &other; /* where there is none */
	assert_false(retry_reclaim(&r));
	w->held[0] = w->held[--w->nr_held];
	world_end(w);
}

/* A pass in vain raises the priority, as high as the order allows; one that was none at all asks whether reclaim can help. */
static void test_compact(void **state)
{
	(void)state;
	static const enum compact_result in_vain[] = { COMPACT_COMPLETE, COMPACT_PARTIAL_SKIPPED,
						       COMPACT_DEFERRED, COMPACT_CONTENDED };
	struct world *w = world_two_nodes(true);
	for (unsigned i = 0; i < ARRAY_LEN(in_vain); i++) {
		struct retry small = retry_of(w, 2), large = retry_of(w, 9);
		small.result = large.result = in_vain[i];
		assert_true(retry_compact(&small));
		assert_int_equal(small.priority, COMPACT_PRIO_SYNC_FULL);
		assert_false(retry_compact(&small));
		assert_false(retry_compact(&large));
		large.priority = COMPACT_PRIO_ASYNC;
		assert_true(retry_compact(&large));
		assert_int_equal(large.priority, COMPACT_PRIO_SYNC_LIGHT);
	}
	struct retry r = retry_of(w, 9);
	r.result = COMPACT_SUCCESS; /* and the block went to somebody else */
	for (unsigned i = 0; i < 4; i++)
		assert_true(retry_compact(&r));
	assert_false(retry_compact(&r));
	r.result = COMPACT_SKIPPED;
	assert_false(retry_compact(&r)); /* it fits: there is nothing to compact */
	for (unsigned n = 0; n < 2; n++)
		zone_leave_free(w, world_zone(w, n, NORMAL), 0);
	assert_false(retry_compact(&r)); /* and now there is nothing to reclaim */
	world_end(w);
}

/* With a part of what could go, one of as many as the order says, there have to be more than the low mark and twice the order. */
static void test_compact_after_reclaim(void **state)
{
	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		struct world *w = world_two_nodes(true);
		struct zone *z = world_zone(w, 0, NORMAL);
		struct retry r = retry_of(w, 9);
		uint64_t need = zone_mark_pages(z, WMARK_LOW) + compact_gap(9) + z->lowmem_reserve[NORMAL];
		r.result = COMPACT_SKIPPED;
		zone_fill_with_file(w, z, 9 * (unsigned)(need + more), LRU_INACTIVE_FILE);
		for (unsigned n = 0; n < 2; n++)
			zone_leave_free(w, world_zone(w, n, NORMAL), 0);
		assert_int_equal(retry_compact(&r), more);
		world_end(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reclaim),
		cmocka_unit_test(test_compact),
		cmocka_unit_test(test_compact_after_reclaim),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
