/* SPDX-License-Identifier: MIT */
#include "mm/mark.h"
#include "policy/compact_control.h"
#include "policy/kswapd.h"

#include "support/policy_fixture.h"

#include <time.h>

#define NORMAL 2
#define OWN_MOST 20000
#define ORDER 9

/* Pages that move, told apart by their index. */
static struct {
	struct page *at[OWN_MOST];
	unsigned nr;
	bool spares; /* every other one may go */
} own;

static enum page_fate own_move(void *ctx, struct cpu *c, struct page *page, struct page *to)
{
	(void)ctx;
	(void)c;
	assert_ptr_equal(own.at[page->index], page);
	to->owner = page->owner;
	to->index = page->index;
	own.at[page->index] = to;
	return PAGE_GOES;
}

/* What goes leaves holes between what stays: reclaim alone brings no block together. */
static enum page_fate own_release(void *ctx, struct cpu *c, struct page *page, bool dropping)
{
	uint64_t index = page->index;
	enum page_fate fate =
		own.spares && index % 4 == 1 ? PAGE_BUSY : owner_release(ctx, c, page, dropping);
	if (fate == PAGE_GOES)
		own.at[index] = NULL;
	return fate;
}

static const struct owner_ops own_ops = { .release = own_release, .move = own_move };

static void own_add(struct world *w, struct zone *z)
{
	struct page *page = zone_take(w->c, z, 0, MIGRATE_MOVABLE, 0);
	assert_non_null(page);
	page->owner = owner_handle(OWNER_TASK_FILE, 7);
	page->index = own.nr;
	world_page_join(w, page, LRU_INACTIVE_FILE);
	own.at[own.nr++] = page;
}

static void own_give(struct world *w, unsigned index)
{
	world_page_leave(w, own.at[index]);
	own.at[index] = NULL;
}

static void own_give_all(struct world *w)
{
	for (unsigned i = 0; i < own.nr; i++)
		if (own.at[i])
			own_give(w, i);
	own.nr = 0;
}

/* One node of 64 MiB, full of pages of which every other one has gone: half of it is free, in single pages. */
static struct world *world_fragmented(bool inline_reclaim)
{
	const struct zone_shape shape = { 0, NORMAL, 16384, 32768, 0 };
	struct machine_spec s;
	small_spec(&s, 1, 2);
	small_spec_zones(&s, &shape, 1);
	struct world *w = world_begin(&s, inline_reclaim);
	struct zone *z = world_zone(w, 0, NORMAL);
	memset(&own, 0, sizeof(own));
	w->p.owner[OWNER_TASK_FILE] = &own_ops;
	world_marks(w, 1024);
	while (zone_free(z) > 64)
		own_add(w, z);
	for (unsigned i = 0; i < own.nr; i += 2)
		own_give(w, i);
	assert_int_equal(zone_free_blocks(z, ORDER) + zone_free_blocks(z, MM_ORDER_MAX), 0);
	return w;
}

static void leave(struct world *w, void (*call)(struct policy *p))
{
	cpu_leave(w->c);
	call(&w->p);
	cpu_enter(w->c);
}

/* ---- The score: 6.1's formula, by hand ---- */

static void test_score(void **state)
{
	(void)state;
	struct world *w = world_one_node(true);
	assert_int_equal(fragmentation_score_node(&w->m.node[0]), 0);
	/* DMA is 4095 of 73727 pages present. In small blocks: frames 1 to 511, and as many again with a page out of 1024: 24 % */
	struct zone *dma = world_zone(w, 0, 0), *dma32 = world_zone(w, 0, 1);
	assert_int_equal(dma->present, 4095);
	world_hold(w, zone_take(w->c, dma, 0, MIGRATE_MOVABLE, 0));
	assert_int_equal(fragmentation_score_node(&w->m.node[0]), 4095 * 24 / 73728);
	/* All free memory of DMA32, 28672 of 73727 present, is one page: 28672 * 100 / 73728 */
	zone_leave_free(w, dma32, 1);
	assert_int_equal(fragmentation_score_node(&w->m.node[0]), 38 + 1);
	world_end(w);
}

/* ---- Asked for an order ---- */

static void test_works_when_woken(void **state)
{
	(void)state;
	struct world *w = world_fragmented(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	kcompactd_wake(&w->p, w->c, z->node, 0, NORMAL); /* single pages need none */
	assert_int_equal(world_event(w, KCOMPACTD_WAKE), 0);
	kcompactd_wake(&w->p, w->c, z->node, ORDER, NORMAL);
	assert_int_equal(world_event(w, KCOMPACTD_WAKE), 1);
	assert_true(zone_free_blocks(z, ORDER) + zone_free_blocks(z, MM_ORDER_MAX) > 0);
	assert_true(world_event(w, KCOMPACTD_MIGRATE_SCANNED) > 0);
	assert_int_equal(world_event(w, KCOMPACTD_MIGRATE_SCANNED), world_event(w, COMPACTMIGRATE_SCANNED));
	assert_int_equal(world_event(w, KCOMPACTD_FREE_SCANNED), world_event(w, COMPACTFREE_SCANNED));
	assert_int_equal(world_event(w, COMPACTSTALL), 0);
	assert_int_equal(w->p.kcompactd[0].order, 0);
	assert_int_equal(w->p.kcompactd[0].highest_type, w->m.nr_zone_types - 1);
	assert_int_equal(z->compact.order_failed, ORDER + 1);
	kcompactd_wake(&w->p, w->c, z->node, ORDER, NORMAL); /* there is a block: nothing to do */
	assert_int_equal(world_event(w, KCOMPACTD_WAKE), 1);
	own_give_all(w);
	world_end(w);
}

/* Nothing moves: each time in vain puts off twice as many. */
static void test_defers(void **state)
{
	(void)state;
	struct world *w = world_fragmented(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	w->p.owner[OWNER_TASK_FILE] = &file_owner;
	z->compact.order_failed = MM_ORDERS;
	kcompactd_wake(&w->p, w->c, z->node, ORDER, NORMAL);
	assert_int_equal(world_event(w, KCOMPACTD_WAKE), 1);
	assert_int_equal(z->compact.order_failed, ORDER);
	assert_int_equal(z->compact.defer_shift, 1);
	uint64_t scanned = world_event(w, KCOMPACTD_MIGRATE_SCANNED);
	kcompactd_wake(&w->p, w->c, z->node, ORDER, NORMAL);
	assert_int_equal(world_event(w, KCOMPACTD_WAKE), 2);
	assert_int_equal(world_event(w, KCOMPACTD_MIGRATE_SCANNED), scanned);
	kcompactd_wake(&w->p, w->c, z->node, ORDER, NORMAL);
	assert_int_equal(z->compact.defer_shift, 2);
	w->p.owner[OWNER_TASK_FILE] = &own_ops;
	own_give_all(w);
	world_end(w);
}

/* A request that cannot wait: kswapd has nothing to do, and kcompactd has. */
static void test_atomic_request_wakes(void **state)
{
	(void)state;
	struct world *w = world_fragmented(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	for (unsigned i = 0; i < 16; i++)
		z->node->kswapd_failures++;
	struct page *page = alloc(w, GFP_NOWAIT | __GFP_NOWARN, ORDER); /* the work is done where it is asked for */
	assert_non_null(page);
	page_give(w->c, page, ORDER);
	assert_int_equal(world_event(w, PAGEOUTRUN), 0);
	assert_int_equal(world_event(w, KCOMPACTD_WAKE), 1);
	own_give_all(w);
	world_end(w);
}

/* kswapd makes room for an order, then it is kcompactd's turn. */
static void test_kswapd_hands_over(void **state)
{
	(void)state;
	struct world *w = world_fragmented(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	w->refuse = true; /* nothing can be reclaimed: it gives up, and nobody goes on */
	assert_true(kswapd_wake(&w->p, w->c, z->node, ORDER, NORMAL));
	assert_int_equal(world_event(w, PAGEOUTRUN), 1);
	assert_int_equal(world_event(w, KCOMPACTD_WAKE), 0);
	assert_int_equal(z->node->kswapd_failures, 1);
	w->refuse = false;
	own.spares = true;
	assert_true(kswapd_wake(&w->p, w->c, z->node, ORDER, NORMAL));
	assert_int_equal(world_event(w, PAGEOUTRUN), 2);
	assert_true(w->released >= compact_gap(ORDER));
	assert_int_equal(world_event(w, KCOMPACTD_WAKE), 1);
	assert_true(zone_free_blocks(z, ORDER) + zone_free_blocks(z, MM_ORDER_MAX) > 0);
	own_give_all(w);
	world_end(w);
}

/* ---- Before anybody asks ---- */

static void test_looks(void **state)
{
	(void)state;
	struct world *w = world_fragmented(true);
	struct node *n = &w->m.node[0];
	assert_int_equal(fragmentation_score_node(n), 99);
	w->p.compact.proactiveness = 0;
	leave(w, kcompactd_tick);
	assert_int_equal(world_event(w, COMPACTMIGRATE_SCANNED), 0);
	w->p.compact.proactiveness = 20; /* from 90 on, down to 80 */
	leave(w, kcompactd_tick);
	assert_in_range(fragmentation_score_node(n), 60, 80);
	assert_int_equal(world_event(w, KCOMPACTD_MIGRATE_SCANNED), world_event(w, COMPACTMIGRATE_SCANNED));
	assert_int_equal(world_event(w, KCOMPACTD_WAKE), 0);
	uint64_t scanned = world_event(w, COMPACTMIGRATE_SCANNED);
	leave(w, kcompactd_tick);
	assert_int_equal(world_event(w, COMPACTMIGRATE_SCANNED), scanned);
	w->p.compact.proactiveness = 100; /* from 15 on, down to 5 */
	leave(w, kcompactd_look_now);
	assert_in_range(fragmentation_score_node(n), 0, 15);
	own_give_all(w);
	world_end(w);
}

/* In vain: the next 63 looks are left out, but for one that is asked for. */
static void test_looks_put_off(void **state)
{
	(void)state;
	struct world *w = world_fragmented(true);
	w->p.owner[OWNER_TASK_FILE] = &file_owner;
	leave(w, kcompactd_tick);
	uint64_t scanned = world_event(w, COMPACTMIGRATE_SCANNED);
	for (unsigned i = 0; i < 63; i++)
		leave(w, kcompactd_tick);
	assert_int_equal(world_event(w, COMPACTMIGRATE_SCANNED), scanned);
	leave(w, kcompactd_tick);
	assert_int_equal(w->p.kcompactd[0].proactive_defer, 63);
	leave(w, kcompactd_tick);
	assert_int_equal(w->p.kcompactd[0].proactive_defer, 62);
	leave(w, kcompactd_look_now);
	assert_int_equal(w->p.kcompactd[0].proactive_defer, 63);
	w->p.owner[OWNER_TASK_FILE] = &own_ops;
	own_give_all(w);
	world_end(w);
}

/* ---- The thread ---- */

static bool comes_true(struct world *w, bool (*what)(struct world *w))
{
	const struct timespec moment = { .tv_nsec = 10000000 };
	bool is = false;
	for (unsigned i = 0; i < 500 && !is; i++) {
		cpu_leave(w->c);
		nanosleep(&moment, NULL);
		cpu_enter(w->c);
		is = what(w);
	}
	return is;
}

static bool has_block(struct world *w)
{
	const struct zone *z = world_zone(w, 0, NORMAL);
	return world_event(w, KCOMPACTD_WAKE) &&
	       zone_free_blocks(z, ORDER) + zone_free_blocks(z, MM_ORDER_MAX);
}

static bool is_tidy(struct world *w)
{
	return fragmentation_score_node(&w->m.node[0]) <= 80;
}

static void test_thread(void **state)
{
	(void)state;
	struct world *w = world_fragmented(false);
	w->p.compact.proactiveness = 0;
	assert_int_equal(policy_start(&w->p), 0);
	kcompactd_wake(&w->p, w->c, &w->m.node[0], ORDER, NORMAL);
	assert_true(comes_true(w, has_block));
	w->p.compact.proactiveness = 20;
	leave(w, kcompactd_look_now);
	assert_true(comes_true(w, is_tidy));
	own_give_all(w);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_score),
		cmocka_unit_test(test_works_when_woken),
		cmocka_unit_test(test_defers),
		cmocka_unit_test(test_atomic_request_wakes),
		cmocka_unit_test(test_kswapd_hands_over),
		cmocka_unit_test(test_looks),
		cmocka_unit_test(test_looks_put_off),
		cmocka_unit_test(test_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
