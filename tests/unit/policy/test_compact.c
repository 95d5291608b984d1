/* SPDX-License-Identifier: MIT */
#include "support/compact_fixture.h"

#include "base/client.h"
#include "base/fault.h"

#include <errno.h>

static int node_compact(struct world *w, unsigned nid)
{
	cpu_leave(w->c);
	int error = compact_node(&w->p, &w->m.node[nid]);
	cpu_enter(w->c);
	return error;
}

/* Of so many pages one is kept: where that is one of two, no two free frames are neighbours. */
static struct zone *fragment(struct world *w, unsigned keep_one_of, unsigned kept)
{
	struct zone *z = world_zone(w, 0, NORMAL);
	owned_fill(w, z, OWNER_TASK_FILE, LRU_INACTIVE_FILE);
	for (unsigned i = 0; i < owned.nr; i++)
		if (page_pfn(&w->m, owned.at[i]) % keep_one_of != kept)
			owned_drop(w, i);
	cpu_drain(w->c);
	return z;
}

/* What is in use gathers at the zone's end, and free memory at its start becomes whole. */
static void test_node(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = fragment(w, 2, 0);
	uint64_t free_pages = zone_free(z);
	assert_int_equal(free_pages, z->managed / 2);
	for (unsigned order = 1; order < MM_ORDERS; order++)
		assert_int_equal(zone_free_blocks(z, order), 0);
	assert_int_equal(node_compact(w, 0), 0);
	assert_int_equal(zone_free(z), free_pages);
	assert_true(zone_top_blocks(z) >= 7 && zone_top_blocks(z) <= 8);
	assert_int_equal(owned_between(w, z->start_pfn, z->start_pfn + 7 * MM_TOP_PAGES), 0);
	world_verify(w);
	for (unsigned i = 0; i < owned.nr; i++)
		if (owned.at[i])
			assert_int_equal(owned.at[i]->private, ~(uint64_t)i);
	assert_int_equal(world_event(w, PGMIGRATE_SUCCESS), owned.moves);
	assert_true(world_event(w, PGMIGRATE_FAIL) <= 1); /* the scanners met and left it without a free page */
	/* each page that moved was isolated, and so was a free one for it */
	assert_true(world_event(w, COMPACTISOLATED) >= 2 * owned.moves);
	assert_true(world_event(w, COMPACTMIGRATE_SCANNED) >= 2 * owned.moves);
	assert_true(world_event(w, COMPACTFREE_SCANNED) >= 2 * owned.moves);
	assert_int_equal(world_event(w, COMPACTSTALL), 0);
	/* a second pass finds little to do */
	uint64_t moves = owned.moves;
	assert_int_equal(node_compact(w, 0), 0);
	assert_true(owned.moves - moves <= 512);
	owned_end(w);
}

/* Virgin memory and blocks that are whole stay so: nothing moves into them. */
static void test_whole_blocks_stay(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = world_zone(w, 0, NORMAL);
	for (unsigned i = 0; i < 2048; i++)
		owned_adopt(w, zone_take(w->c, z, 0, MIGRATE_MOVABLE, 0), OWNER_TASK_FILE, LRU_ACTIVE_FILE);
	for (unsigned i = 0; i < 2048; i += 2)
		owned_drop(w, i);
	cpu_drain(w->c);
	uint64_t virgin = z->virgin.nr_blocks, top = zone_top_blocks(z);
	assert_true(virgin > 0);
	assert_int_equal(node_compact(w, 0), 0);
	assert_int_equal(z->virgin.nr_blocks, virgin);
	assert_true(zone_top_blocks(z) >= top);
	/* the free scanner has come down to where the pages are, and half of them moved up */
	assert_true(owned.moves > 0);
	world_verify(w);
	owned_end(w);
}

/* Pages of nobody, of owners that move none, blocks of some order, and pages behind the first of a huge one. */
static void test_left_alone(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = world_zone(w, 0, NORMAL);
	struct page *raw = zone_take(w->c, z, 0, MIGRATE_UNMOVABLE, 0),
		    *block = zone_take(w->c, z, 3, MIGRATE_UNMOVABLE, 0);
	world_hold(w, raw);
	world_hold(w, block);
	fragment(w, 2, 0);
	uint64_t huge = z->start_pfn + 4 * 512; /* its odd frames are free */
	struct page *head = pfn_page(&w->m, (pfn_t)huge);
	page_mark(w->c, head, MARK_HUGE_FILE);
	unsigned pinned = owned.nr;
	for (unsigned i = 0; i < owned.nr && pinned == owned.nr; i++)
		if (owned.at[i] && page_pfn(&w->m, owned.at[i]) > z->start_pfn + 2048 + 512)
			pinned = i;
	owned.pinned[pinned] = true;
	struct page *stays = owned.at[pinned];
	assert_int_equal(node_compact(w, 0), 0);
	assert_int_equal(raw->state, PAGE_USED);
	assert_int_equal(block->state, PAGE_USED);
	assert_int_equal(block->order, 3);
	assert_ptr_equal(owned.at[pinned], stays);
	assert_int_equal(owned_between(w, huge, huge + 512), 256);
	assert_int_equal(node_stat_sum(z->node, NR_FILE_THPS), 512);
	assert_true(world_event(w, PGMIGRATE_FAIL) >= 1);
	world_verify(w);
	owned_end(w);
}

/* Mlocked pages move only if vm.compact_unevictable_allowed says so; pages being written only in a pass that may wait. */
static void test_knob_and_marks(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = world_zone(w, 0, NORMAL);
	owned_fill(w, z, OWNER_TASK_FILE, LRU_UNEVICTABLE);
	for (unsigned i = 0; i < owned.nr; i += 2)
		owned_drop(w, i);
	cpu_drain(w->c);
	w->p.compact.unevictable_allowed = 0;
	assert_int_equal(node_compact(w, 0), 0);
	assert_int_equal(owned.moves, 0);
	w->p.compact.unevictable_allowed = 1;
	assert_int_equal(node_compact(w, 0), 0);
	assert_true(owned.moves > 7 * MM_TOP_PAGES / 2);
	world_verify(w);
	owned_end(w);
}

static void pass_init(struct compact_control *cc, struct world *w, struct zone *z, int order,
		      enum compact_mode mode)
{
	compact_control_init(cc, &w->p, w->c, z);
	cc->order = order;
	cc->mode = mode;
	cc->gfp = GFP_HIGHUSER_MOVABLE;
	cc->highest_type = z->type;
}

/* A pass for a request ends as soon as there is a block for it, and the next one goes on from there. */
static void test_request(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = fragment(w, 4, 1);
	struct compact_control cc;
	pass_init(&cc, w, z, 9, COMPACT_SYNC_LIGHT);
	cc.direct = true;
	assert_int_equal(compact_zone(&cc), COMPACT_SUCCESS);
	assert_int_equal(zone_free_blocks(z, 9) + 2 * zone_top_blocks(z), 1);
	uint64_t at = z->compact.migrate_pfn[1];
	assert_int_equal(cc.moved, owned.moves);
	assert_int_equal(cc.moved, 128); /* one pageblock's */
	struct page *page = zone_take(w->c, z, 9, MIGRATE_MOVABLE, 0);
	assert_non_null(page);
	world_hold(w, page);
	cpu_drain(w->c);
	pass_init(&cc, w, z, 9, COMPACT_SYNC_LIGHT);
	assert_int_equal(compact_zone(&cc), COMPACT_SUCCESS);
	assert_true(z->compact.migrate_pfn[1] >= at);
	assert_true(z->compact.free_pfn < zone_end(z));
	/* it fits now */
	pass_init(&cc, w, z, 9, COMPACT_SYNC_LIGHT);
	assert_int_equal(compact_zone(&cc), COMPACT_SUCCESS);
	assert_int_equal(cc.migrate_scanned, 0);
	world_verify(w);
	owned_end(w);
}

/* Passes that do not wait look only where pages of the request's type are. */
static void test_async_types(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = fragment(w, 4, 1);
	struct compact_control cc;
	pass_init(&cc, w, z, 9, COMPACT_ASYNC);
	cc.direct = true;
	cc.gfp = GFP_KERNEL;
	assert_int_equal(compact_zone(&cc), COMPACT_PARTIAL_SKIPPED); /* all pageblocks are Movable */
	assert_int_equal(owned.moves, 0);
	pass_init(&cc, w, z, 9, COMPACT_ASYNC);
	cc.direct = true;
	assert_int_equal(compact_zone(&cc), COMPACT_SUCCESS);
	assert_int_equal(owned.moves, 128);
	/* without __GFP_FS only anonymous pages move */
	world_hold(w, zone_take(w->c, z, 9, MIGRATE_MOVABLE, 0));
	pass_init(&cc, w, z, 9, COMPACT_SYNC_LIGHT);
	cc.gfp &= ~__GFP_FS;
	assert_int_not_equal(compact_zone(&cc), COMPACT_SUCCESS);
	assert_int_equal(owned.moves, 128);
	world_verify(w);
	owned_end(w);
}

/* Pageblocks that brought nothing are skipped, until both scanners have met and it is forgotten. */
static void test_skip_bits(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = fragment(w, 1, 0);
	struct compact_control cc;
	for (unsigned i = 0; i < owned.nr; i++) {
		owned.pinned[i] = true;
		if (page_pfn(&w->m, owned.at[i]) & 8) /* both kinds at frames that a sample looks at */
			owned_drop(w, i);
	}
	cpu_drain(w->c);
	pass_init(&cc, w, z, 9, COMPACT_SYNC_LIGHT);
	cc.direct = true;
	assert_int_equal(compact_zone(&cc), COMPACT_PARTIAL_SKIPPED);
	uint64_t scanned = cc.migrate_scanned;
	assert_true(scanned >= 512 && cc.failed > 0 && !cc.moved);
	assert_true(pageblock_skip(&w->m, (pfn_t)z->start_pfn));
	assert_true(z->compact.flush_skip);
	assert_int_equal(z->compact.migrate_pfn[1], z->start_pfn);
	assert_int_equal(z->compact.free_pfn, zone_end(z) - 512);
	/* the next ones look at what is left, and then there is nothing to look at */
	uint64_t all = scanned;
	for (unsigned i = 0; i < 4; i++, all += cc.migrate_scanned) {
		pass_init(&cc, w, z, 9, COMPACT_SYNC_LIGHT);
		assert_int_equal(compact_zone(&cc), COMPACT_PARTIAL_SKIPPED);
	}
	assert_true(all <= z->spanned);
	assert_int_equal(cc.migrate_scanned, 0);
	/* kswapd goes to sleep: they are forgotten */
	compact_reset_skip(z->node);
	assert_false(z->compact.flush_skip);
	assert_false(pageblock_skip(&w->m, (pfn_t)z->start_pfn));
	pass_init(&cc, w, z, 9, COMPACT_SYNC_LIGHT);
	assert_int_equal(compact_zone(&cc), COMPACT_COMPLETE); /* from where everything begins: the whole zone */
	assert_true(cc.migrate_scanned > 512);
	world_verify(w);
	owned_end(w);
}

/* Free pages run out at the min mark: the pass ends, and what was taken is given back. */
static void test_marks_are_kept(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = fragment(w, 2, 0);
	uint64_t free_pages = zone_free(z);
	world_marks(w, (int)(free_pages * 4 / 2 - 64)); /* of two zones */
	assert_int_equal(node_compact(w, 0), 0);
	assert_int_equal(zone_free(z), free_pages);
	world_verify(w);
	world_marks(w, 128);
	owned_end(w);
}

/* Direct compaction: every zone of the list, deferral after a failure, and nothing for requests without IO. */
static enum compact_result direct(struct world *w, gfp_t gfp, unsigned order, enum compact_priority priority)
{
	const struct node *n = &w->m.node[0];
	return compact_direct(&w->p, w->c, n->zonelist, 1, NORMAL, NULL, gfp, order, 0, priority);
}

static void test_direct(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = fragment(w, 4, 1);
	struct nodemask other = { { 0 } };
	nodemask_set(&other, 1);
	assert_int_equal(direct(w, GFP_NOIO | __GFP_MOVABLE, 9, COMPACT_PRIO_SYNC_LIGHT), COMPACT_SKIPPED);
	assert_int_equal(compact_direct(&w->p, w->c, w->m.node[0].zonelist, 1, NORMAL, &other,
					GFP_HIGHUSER_MOVABLE, 9, 0, COMPACT_PRIO_SYNC_LIGHT),
			 COMPACT_SKIPPED);
	assert_int_equal(owned.moves, 0);
	assert_int_equal(direct(w, GFP_HIGHUSER_MOVABLE, 9, COMPACT_PRIO_SYNC_LIGHT), COMPACT_SUCCESS);
	assert_int_equal(z->compact.order_failed, 10);
	world_hold(w, zone_take(w->c, z, 9, MIGRATE_MOVABLE, 0));
	cpu_drain(w->c);
	for (unsigned i = 0; i < owned.nr; i++)
		owned.pinned[i] = true;
	assert_int_equal(direct(w, GFP_HIGHUSER_MOVABLE, 9, COMPACT_PRIO_SYNC_LIGHT),
			 COMPACT_PARTIAL_SKIPPED);
	assert_int_equal(z->compact.order_failed, 9);
	assert_int_equal(z->compact.defer_shift, 1);
	assert_int_equal(direct(w, GFP_HIGHUSER_MOVABLE, 9, COMPACT_PRIO_SYNC_LIGHT), COMPACT_DEFERRED);
	assert_int_equal(direct(w, GFP_HIGHUSER_MOVABLE, 9, COMPACT_PRIO_SYNC_FULL),
			 COMPACT_COMPLETE); /* whatever was before */
	assert_int_equal(z->compact.defer_shift, 2);
	world_verify(w);
	owned_end(w);
}

/* A client that is killed does not wait for the end. */
static bool impatient(struct client *c)
{
	(void)c;
	return true;
}

static void test_interrupted(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = fragment(w, 2, 0);
	struct client client = { .interrupted = impatient };
	struct client *before = client_set(&client);
	assert_int_equal(node_compact(w, 0), -EINTR);
	client_set(before);
	assert_true(owned.moves > 0 && owned.moves < 4096);
	assert_int_equal(zone_free(z), z->managed / 2);
	world_verify(w);
	owned_end(w);
}

/* Seeded: pages come, go, are pinned and compacted in whatever way; every page stays itself, every frame is accounted for. */
static void random_step(struct world *w, struct rng *r)
{
	struct zone *z = world_zone(w, (unsigned)rng_below(r, 2), NORMAL);
	struct compact_control cc;
	switch (rng_below(r, 8)) {
	case 0:
	case 1:
	case 2:
		for (unsigned i = (unsigned)rng_below(r, 3000); i && owned.nr < OWNED_MOST; i--) {
			struct page *page = zone_take(w->c, z, 0, MIGRATE_MOVABLE, 0);
			if (!page)
				break;
			bool anon = rng_below(r, 2);
			owned.pinned[owned.nr] = !rng_below(r, 50);
			owned_adopt(w, page, anon ? OWNER_TASK_ANON : OWNER_TASK_FILE,
				    anon ? LRU_ACTIVE_ANON : LRU_INACTIVE_FILE);
		}
		break;
	case 3:
	case 4:
		for (unsigned i = 0; i < owned.nr; i++)
			if (owned.at[i] && !rng_below(r, 3))
				owned_drop(w, i);
		break;
	case 5: {
		unsigned order = (unsigned)rng_below(r, MM_ORDERS);
		struct page *page = zone_take(w->c, z, order, (enum migratetype)rng_below(r, 3), 0);
		if (page && w->nr_held < 100)
			world_hold(w, page);
		else if (page)
			page_give(w->c, page, order);
		break;
	}
	case 6:
		assert_int_equal(node_compact(w, z->node->id), 0);
		break;
	default:
		pass_init(&cc, w, z, 1 + (int)rng_below(r, MM_ORDER_MAX),
			  (enum compact_mode)rng_below(r, 3));
		cc.direct = rng_below(r, 2);
		cc.whole_zone = cc.ignore_skip_hint = cc.ignore_block_suitable = !rng_below(r, 3);
		cc.gfp = rng_below(r, 2) ? GFP_KERNEL : GFP_HIGHUSER_MOVABLE;
		compact_zone(&cc);
		if (!rng_below(r, 4))
			compact_reset_skip(z->node);
	}
}

static void test_random(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct world *w = world_owned();
		struct rng r;
		rng_init(&r, seed);
		for (unsigned step = 0; step < 60; step++) {
			random_step(w, &r);
			world_verify(w);
		}
		for (unsigned i = 0; i < owned.nr; i++)
			if (owned.at[i])
				assert_int_equal(owned.at[i]->private, ~(uint64_t)i);
		owned_end(w);
	}
}

/* The Nth block that the free scanner wants is not to be had: the pass ends early, and everything is where it belongs. */
static void test_faults(void **state)
{
	(void)state;
	struct world *w = world_owned();
	struct zone *z = fragment(w, 2, 0);
	uint64_t free_pages = zone_free(z);
	for (uint64_t nth = 1; nth < 4000; nth = nth * 3 + 1) {
		fault_arm(FAULT_BUDDY_TAKE, nth);
		assert_int_equal(node_compact(w, 0), 0);
		fault_arm(FAULT_BUDDY_TAKE, 0);
		assert_int_equal(zone_free(z), free_pages);
		world_verify(w);
	}
	assert_int_equal(node_compact(w, 0), 0);
	assert_true(zone_top_blocks(z) >= 7);
	owned_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_node),       cmocka_unit_test(test_whole_blocks_stay),
		cmocka_unit_test(test_left_alone), cmocka_unit_test(test_knob_and_marks),
		cmocka_unit_test(test_request),    cmocka_unit_test(test_async_types),
		cmocka_unit_test(test_skip_bits),  cmocka_unit_test(test_marks_are_kept),
		cmocka_unit_test(test_direct),     cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_random),     cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
