/* SPDX-License-Identifier: MIT */
#include "policy/node_reclaim.h"

#include "support/policy_fixture.h"

#define NORMAL 2

static const gfp_t mine = GFP_KERNEL | __GFP_MOVABLE;

/* Node 0 has so many file pages and is at its low mark; node 1 is empty. */
static struct world *full_world(unsigned pages)
{
	struct world *w = world_two_nodes(true);
	w->m.node[0].distance[1] = w->m.node[1].distance[0] = 20;
	zone_fill_with_file(w, world_zone(w, 0, NORMAL), pages, LRU_INACTIVE_FILE);
	zone_leave_free(w, world_zone(w, 0, NORMAL), world_zone(w, 0, NORMAL)->watermark[WMARK_LOW]);
	return w;
}

static void drop(struct world *w)
{
	cpu_leave(w->c);
	reclaim_drop_pagecache(&w->p);
	cpu_enter(w->c);
	world_end(w);
}

static void test_off(void **state)
{
	(void)state;
	struct world *w = full_world(4000);
	assert_int_equal(served_from(w, 0, mine, 0)->node->id, 1);
	assert_int_equal(w->released, 0);
	drop(w);
}

/* A sixteenth of the list first, which is enough. */
static void test_on(void **state)
{
	(void)state;
	struct world *w = full_world(4000);
	w->p.reclaim.zone_reclaim_mode = RECLAIM_ZONE;
	assert_int_equal(served_from(w, 0, mine, 0)->node->id, 0);
	assert_in_range(w->released, 32, 250);
	assert_int_equal(world_event(w, PGSTEAL_DIRECT), w->released);
	assert_int_equal(world_event(w, PGSCAN_ZONE_RECLAIM_FAILED), 0);
	drop(w);
}

/* Files that are no more than min_unmapped_ratio of memory stay, as long as slabs are few. */
static void test_ratios(void **state)
{
	(void)state;
	struct world *w = full_world(4000);
	struct node *n = &w->m.node[0];
	uint64_t managed = world_zone(w, 0, NORMAL)->managed;
	w->p.reclaim.zone_reclaim_mode = RECLAIM_ZONE;
	w->p.reclaim.min_unmapped_ratio = 50;
	assert_int_equal(node_ratio_pages(n, 50), managed / 2);
	assert_int_equal(node_reclaim(&w->p, w->c, n, mine, 0, NORMAL), NODE_RECLAIM_FULL);
	assert_int_equal(served_from(w, 0, mine, 0)->node->id, 1);
	node_stat_add(w->c, n, NR_SLAB_RECLAIMABLE, (int)(managed * 5 / 100));
	assert_int_equal(node_reclaim(&w->p, w->c, n, mine, 0, NORMAL), NODE_RECLAIM_FULL);
	node_stat_add(w->c, n, NR_SLAB_RECLAIMABLE, 1);
	assert_int_equal(node_reclaim(&w->p, w->c, n, mine, 0, NORMAL), NODE_RECLAIM_SUCCESS);
	node_stat_add(w->c, n, NR_SLAB_RECLAIMABLE, -(int)(managed * 5 / 100) - 1);
	drop(w);
}

static void test_what_counts(void **state)
{
	(void)state;
	struct world *w = full_world(4000);
	struct node *n = &w->m.node[0];
	node_stat_add(w->c, n, NR_FILE_MAPPED, 1000);
	node_stat_add(w->c, n, NR_FILE_DIRTY, 500);
	assert_int_equal(node_pagecache_reclaimable(n, RECLAIM_ZONE), 2500);
	assert_int_equal(node_pagecache_reclaimable(n, RECLAIM_WRITE), 3000);
	assert_int_equal(node_pagecache_reclaimable(n, RECLAIM_UNMAP), 3500);
	assert_int_equal(node_pagecache_reclaimable(n, RECLAIM_UNMAP | RECLAIM_WRITE), 4000);
	node_stat_add(w->c, n, NR_FILE_MAPPED, -1000);
	node_stat_add(w->c, n, NR_FILE_DIRTY, -500);
	drop(w);
}

static void test_not_scanned(void **state)
{
	(void)state;
	struct world *w = full_world(4000);
	struct node *n = &w->m.node[0];
	w->p.reclaim.zone_reclaim_mode = RECLAIM_ZONE;
	assert_int_equal(node_reclaim(&w->p, w->c, n, GFP_ATOMIC, 0, NORMAL), NODE_RECLAIM_NOSCAN);
	w->p.node_reclaiming[0] = 1; /* somebody is at it */
	assert_int_equal(node_reclaim(&w->p, w->c, n, mine, 0, NORMAL), NODE_RECLAIM_NOSCAN);
	w->p.node_reclaiming[0] = 0;
	w->refuse = true;
	assert_int_equal(node_reclaim(&w->p, w->c, n, mine, 0, NORMAL), NODE_RECLAIM_SOME);
	assert_int_equal(world_event(w, PGSCAN_ZONE_RECLAIM_FAILED), 1);
	w->refuse = false;
	n->distance[0] = RECLAIM_DISTANCE + 1; /* not near */
	assert_false(node_reclaim_allowed(&w->p, world_zone(w, 0, NORMAL), world_zone(w, 0, NORMAL)));
	drop(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),         cmocka_unit_test(test_on),
		cmocka_unit_test(test_ratios),      cmocka_unit_test(test_what_counts),
		cmocka_unit_test(test_not_scanned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
