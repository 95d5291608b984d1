/* SPDX-License-Identifier: MIT */
#include "support/policy_fixture.h"

#define DMA 0
#define DMA32 1
#define NORMAL 2
#define MOVABLE 3

static void test_zone_of_a_request(void **state)
{
	(void)state;
	static const struct {
		gfp_t gfp;
		unsigned zone;
	} want[] = {
		{ GFP_KERNEL, NORMAL },
		{ GFP_KERNEL | __GFP_DMA, DMA },
		{ GFP_KERNEL | __GFP_DMA32, DMA32 },
		{ GFP_HIGHUSER, NORMAL },
		{ GFP_HIGHUSER_MOVABLE, MOVABLE },
		{ GFP_KERNEL | __GFP_RECLAIMABLE, NORMAL },
		{ GFP_ATOMIC, NORMAL },
	};
	struct world *w = world_one_node(true);
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		for (unsigned order = 0; order <= MM_ORDER_MAX; order++)
			assert_ptr_equal(served_from(w, -1, want[i].gfp, order),
					 world_zone(w, 0, want[i].zone));
	world_end(w);
}

static void test_impossible_requests(void **state)
{
	(void)state;
	struct world *w = world_one_node(true);
	assert_null(alloc(w, GFP_KERNEL, MM_ORDER_MAX + 1));
	assert_null(alloc(w, GFP_KERNEL | __GFP_DMA | __GFP_DMA32, 0));
	assert_null(alloc(w, GFP_KERNEL | __GFP_DMA | __GFP_HIGHMEM, 3));
	world_end(w);
}

static void test_types(void **state)
{
	(void)state;
	struct world *w = world_one_node(true);
	static const gfp_t gfp[] = { GFP_KERNEL, GFP_KERNEL | __GFP_MOVABLE, GFP_KERNEL | __GFP_RECLAIMABLE };
	for (unsigned mt = 0; mt < 3; mt++)
		for (unsigned order = 0; order < 5; order += 2) {
			struct page *page = alloc(w, gfp[mt], order);
			assert_int_equal(pageblock_type(&w->m, page_pfn(&w->m, page)), mt);
			free_pages(w->c, page, order);
		}
	world_end(w);
}

/* A zone is left at its low mark, then the next lower one is tried, then all again down to min. */
static void test_zones_in_turn(void **state)
{
	(void)state;
	struct world *w = world_one_node(false);
	struct zone *z[3];
	for (unsigned t = 0; t < 3; t++)
		z[t] = world_zone(w, 0, t);
	while (served_from(w, -1, GFP_KERNEL, 0) == z[NORMAL])
		world_hold(w, alloc(w, GFP_KERNEL, 0));
	assert_int_equal(zone_free(z[NORMAL]), z[NORMAL]->watermark[WMARK_LOW]);
	while (served_from(w, -1, GFP_KERNEL, 0) == z[DMA32])
		world_hold(w, alloc(w, GFP_KERNEL, 0));
	assert_int_equal(zone_free(z[DMA32]),
			 z[DMA32]->watermark[WMARK_LOW] + z[DMA32]->lowmem_reserve[NORMAL]);
	exhaust(w, GFP_KERNEL);
	for (unsigned t = 0; t < 3; t++)
		assert_int_equal(zone_free(z[t]),
				 z[t]->watermark[WMARK_MIN] + z[t]->lowmem_reserve[NORMAL]);
	world_end(w);
}

/* What higher requests may not touch of a low zone, its own ones get. */
static void test_lowmem_reserve(void **state)
{
	(void)state;
	struct world *w = world_one_node(false);
	struct zone *dma = world_zone(w, 0, DMA);
	uint64_t movable = dma->lowmem_reserve[MOVABLE], normal = dma->lowmem_reserve[NORMAL];
	uint64_t dma32 = dma->lowmem_reserve[DMA32], min = dma->watermark[WMARK_MIN];
	assert_int_equal(dma32, 28672 / 256);
	assert_int_equal(normal, (28672 + 32768) / 256);
	assert_int_equal(movable, (28672 + 32768 + 8192) / 256);
	exhaust(w, GFP_HIGHUSER_MOVABLE);
	assert_int_equal(zone_free(dma), min + movable);
	assert_int_equal(exhaust(w, GFP_KERNEL | __GFP_DMA32) > 0, true);
	assert_int_equal(zone_free(dma), min + dma32);
	assert_int_equal(exhaust(w, GFP_KERNEL | __GFP_DMA), dma32);
	assert_int_equal(zone_free(dma), min);
	world_end(w);
}

/* How deep each kind of request may dig below the min mark of the only zone. */
static void test_depth(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(false);
	struct zone *z = world_zone(w, 0, NORMAL);
	world_marks(w, 4096);
	uint64_t min = z->watermark[WMARK_MIN];
	assert_int_equal(min, 512);
	static const struct {
		gfp_t gfp;
		unsigned left; /* of 512 */
	} want[] = {
		{ GFP_NOWAIT, 512 },
		{ GFP_KERNEL, 512 },
		{ GFP_KERNEL | __GFP_HIGH, 256 },
		{ GFP_KERNEL | __GFP_NOFAIL, 384 },
		{ __GFP_ATOMIC, 384 },
		{ GFP_ATOMIC, 192 },
		{ GFP_ATOMIC | __GFP_NOMEMALLOC, 256 },
		{ GFP_KERNEL | __GFP_MEMALLOC | __GFP_NOMEMALLOC, 512 },
		{ GFP_KERNEL | __GFP_MEMALLOC, 0 },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		zone_leave_free(w, z, min + 100);
		exhaust(w, want[i].gfp | __GFP_THISNODE);
		assert_int_equal(zone_free(z), want[i].left);
		world_release_held(w);
		world_sharpen(w);
	}
	world_end(w);
}

/* The boost counts in every mark, save for single pages of who cannot wait, at the min mark. */
static void test_boost_counts(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(false);
	struct zone *z = world_zone(w, 0, NORMAL);
	world_marks(w, 4096);
	lock_take(&z->lock);
	z->watermark_boost = 1000;
	zone_update_plenty(z);
	lock_drop(&z->lock);
	exhaust(w, GFP_NOWAIT | __GFP_THISNODE);
	assert_int_equal(zone_free(z), 1512);
	world_hold(w, alloc(w, GFP_ATOMIC | __GFP_THISNODE, 0));
	assert_null(alloc(w, GFP_NOWAIT | __GFP_THISNODE, 0));
	exhaust(w, GFP_ATOMIC | __GFP_THISNODE);
	assert_int_equal(zone_free(z), 192);
	lock_take(&z->lock);
	z->watermark_boost = 0;
	zone_update_plenty(z);
	lock_drop(&z->lock);
	world_end(w);
}

static bool ok(const struct zone *z, unsigned order, unsigned flags)
{
	return zone_watermark_ok(z, order, 1000, z->type, flags);
}

static void test_watermark_rules(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	static const struct {
		unsigned flags, least;
	} want[] = { { 0, 1000 }, { ALLOC_HIGH, 500 }, { ALLOC_HARDER, 750 }, { ALLOC_HIGH | ALLOC_HARDER, 375 } };
	int64_t real = z->stat[NR_FREE_PAGES];
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		unsigned flags = want[i].flags;
		z->stat[NR_FREE_PAGES] = want[i].least;
		assert_false(ok(z, 0, flags));
		z->stat[NR_FREE_PAGES] = want[i].least + 1;
		assert_true(ok(z, 0, flags));
		assert_false(ok(z, 3, flags)); /* a block of 8 takes 7 pages more */
		z->stat[NR_FREE_PAGES] = want[i].least + 8;
		assert_true(ok(z, 3, flags));
		z->nr_reserved_highatomic = 64; /* only for who may dig into it */
		assert_int_equal(ok(z, 0, flags), !!(flags & ALLOC_HARDER));
		z->nr_reserved_highatomic = 0;
		z->lowmem_reserve[z->type] = 64;
		assert_false(ok(z, 0, flags));
		z->lowmem_reserve[z->type] = 0;
		z->stat[NR_FREE_PAGES] = -5;
		assert_false(ok(z, 0, flags));
	}
	z->stat[NR_FREE_PAGES] = real;
	world_end(w);
}

/* Enough pages are not enough for a block: one of the order must be there, of a type that counts. */
static void test_watermark_needs_a_block(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct zone *z = world_zone(w, 0, NORMAL);
	struct page *page = zone_take(w->c, z, 4, MIGRATE_MOVABLE, 0);
	world_hold(w, page);
	zone_leave_free(w, z, 1024 - 16);
	assert_true(zone_watermark_ok(z, 9, 100, NORMAL, 0));
	assert_false(zone_watermark_ok(z, 10, -10000, NORMAL, 0));
	lock_take(&z->lock);
	pageblock_set_type(z, page_pfn(&w->m, page) ^ 512, MIGRATE_HIGHATOMIC);
	pageblock_move_free(z, page_pfn(&w->m, page) ^ 512, MIGRATE_HIGHATOMIC);
	assert_false(zone_watermark_ok(z, 9, 100, NORMAL, ALLOC_HIGH));
	assert_true(zone_watermark_ok(z, 9, 100, NORMAL, ALLOC_HARDER));
	pageblock_set_type(z, page_pfn(&w->m, page) ^ 512, MIGRATE_MOVABLE);
	pageblock_move_free(z, page_pfn(&w->m, page) ^ 512, MIGRATE_MOVABLE);
	lock_drop(&z->lock);
	world_end(w);
}

static void test_nodes(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(false);
	struct zone *z0 = world_zone(w, 0, NORMAL), *z1 = world_zone(w, 1, NORMAL);
	assert_ptr_equal(served_from(w, -1, GFP_KERNEL, 0), z0);
	assert_ptr_equal(served_from(w, 1, GFP_KERNEL, 0), z1);
	assert_ptr_equal(served_from(w, 1, GFP_KERNEL, 4), z1);
	assert_ptr_equal(served_from(w, 0, GFP_KERNEL | __GFP_THISNODE, 0), z0);
	zone_leave_free(w, z0, z0->watermark[WMARK_LOW]);
	assert_ptr_equal(served_from(w, -1, GFP_KERNEL, 0), z1); /* the other node's low comes before one's own min */
	assert_ptr_equal(served_from(w, -1, GFP_KERNEL | __GFP_THISNODE, 0), z0);
	exhaust(w, GFP_KERNEL | __GFP_THISNODE);
	assert_null(alloc(w, GFP_KERNEL | __GFP_THISNODE, 0));
	assert_null(alloc_pages(&w->p, w->c, 0, GFP_KERNEL | __GFP_THISNODE, 0));
	assert_ptr_equal(served_from(w, 0, GFP_KERNEL, 0), z1);
	world_end(w);
}

static uint64_t numa(const struct zone *z, enum numa_stat s)
{
	return z->machine->cpu[0].zone[z->id].numa[s];
}

static void assert_numa(const struct zone *z, uint64_t hit, uint64_t miss, uint64_t foreign,
			uint64_t local, uint64_t other)
{
	assert_int_equal(numa(z, NUMA_HIT), hit);
	assert_int_equal(numa(z, NUMA_MISS), miss);
	assert_int_equal(numa(z, NUMA_FOREIGN), foreign);
	assert_int_equal(numa(z, NUMA_LOCAL), local);
	assert_int_equal(numa(z, NUMA_OTHER), other);
}

static void test_numa_counts(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(true);
	struct zone *z0 = world_zone(w, 0, NORMAL), *z1 = world_zone(w, 1, NORMAL);
	served_from(w, -1, GFP_KERNEL, 0);
	served_from(w, -1, GFP_KERNEL, 5);
	assert_numa(z0, 2, 0, 0, 2, 0);
	served_from(w, 1, GFP_KERNEL, 0);
	assert_numa(z1, 1, 0, 0, 0, 1); /* wanted there, but not the CPU's own node */
	zone_leave_free(w, z0, 100);
	served_from(w, -1, GFP_KERNEL, 0);
	assert_numa(z0, 2, 0, 1, 2, 0);
	assert_numa(z1, 1, 1, 0, 0, 2);
	w->m.tune.numa_stat = 0;
	served_from(w, -1, GFP_KERNEL, 0);
	served_from(w, 1, GFP_KERNEL, 0);
	assert_numa(z1, 1, 1, 0, 0, 2);
	world_end(w);
}

/* Pages on the CPU's own list are quick to have, and no less subject to the marks. */
static void test_own_list(void **state)
{
	(void)state;
	struct world *w = world_two_nodes(false);
	struct zone *z = world_zone(w, 0, NORMAL);
	struct pcp *pcp = &w->c->zone[z->id].pcp;
	struct page *page[4];
	zone_leave_free(w, z, z->watermark[WMARK_LOW] + 5);
	for (unsigned i = 0; i < 4; i++)
		page[i] = zone_take(w->c, z, 0, MIGRATE_UNMOVABLE, 0);
	pcp->high = 100;
	for (unsigned i = 0; i < 4; i++)
		page_give(w->c, page[i], 0);
	assert_int_equal(pcp->count, 4);
	assert_int_equal(zone_free(z), z->watermark[WMARK_LOW] + 1);
	uint64_t allocated = world_event(w, PGALLOC_FIRST + ZONE_NORMAL);
	struct page *got = alloc(w, GFP_NOWAIT, 0);
	assert_ptr_equal(got, page[3]);
	world_hold(w, got);
	assert_int_equal(pcp->count, 3);
	assert_numa(z, 1, 0, 0, 1, 0);
	assert_int_equal(world_event(w, PGALLOC_FIRST + ZONE_NORMAL), allocated + 1);
	zone_stat_add(w->c, z, NR_FREE_PAGES, -1);
	assert_ptr_equal(served_from(w, -1, GFP_NOWAIT, 0), world_zone(w, 1, NORMAL)); /* at low: elsewhere first */
	assert_int_equal(pcp->count, 3);
	zone_stat_add(w->c, z, NR_FREE_PAGES, (int)(z->watermark[WMARK_MIN] - z->watermark[WMARK_LOW]));
	assert_null(alloc(w, GFP_NOWAIT | __GFP_THISNODE, 0)); /* at min: not at all */
	zone_stat_add(w->c, z, NR_FREE_PAGES, (int)(z->watermark[WMARK_LOW] - z->watermark[WMARK_MIN]) + 1);
	w->m.tune.numa_stat = 0;
	world_hold(w, alloc(w, GFP_NOWAIT, 0));
	assert_int_equal(pcp->count, 2);
	assert_numa(z, 1, 0, 1, 1, 0);
	pcp->high = 0;
	world_end(w);
}

/* A node without memory falls back, and has nothing of its own. */
static void test_node_without_memory(void **state)
{
	(void)state;
	static const struct zone_shape shape = { 1, 2, 16384, 32768, 0 };
	struct machine_spec s;
	small_spec(&s, 2, 1);
	small_spec_zones(&s, &shape, 1);
	struct world *w = world_begin(&s, true);
	struct zone *z = world_zone(w, 1, NORMAL);
	assert_ptr_equal(served_from(w, -1, GFP_KERNEL, 0), z);
	assert_numa(z, 1, 0, 0, 0, 1);
	assert_null(alloc(w, GFP_KERNEL | __GFP_THISNODE, 0));
	assert_null(alloc(w, GFP_KERNEL | __GFP_DMA, 0));
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zone_of_a_request),
		cmocka_unit_test(test_impossible_requests),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_zones_in_turn),
		cmocka_unit_test(test_lowmem_reserve),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_boost_counts),
		cmocka_unit_test(test_watermark_rules),
		cmocka_unit_test(test_watermark_needs_a_block),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_numa_counts),
		cmocka_unit_test(test_own_list),
		cmocka_unit_test(test_node_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
