/* SPDX-License-Identifier: MIT */
#include "support/policy_fixture.h"

#include "support/captured.h"

struct pool {
	struct world *w;
	struct hugetlb h;
};

static void pool_on(struct pool *p, struct world *w)
{
	p->w = w;
	cpu_leave(w->c);
	assert_int_equal(hugetlb_init(&p->h, &w->m, w->m.pageblock_order), 0);
}

static void pool_end(struct pool *p)
{
	assert_int_equal(hugetlb_resize(&p->w->p, &p->h, 0, -1), 0);
	assert_int_equal(p->h.nr, 0);
	hugetlb_fini(&p->h);
	cpu_enter(p->w->c);
	world_end(p->w);
}

/* T3: two nodes of 4 GiB, nearly equal. */
static void pool_t3(struct pool *p)
{
	struct machine_spec s;
	captured_spec(captured_machine("T3"), &s);
	pool_on(p, world_begin(&s, true));
}

static uint64_t resize(struct pool *p, uint64_t count, int nid)
{
	return hugetlb_resize(&p->w->p, &p->h, count, nid);
}

static void assert_nodes(const struct pool *p, uint64_t n0, uint64_t n1)
{
	assert_int_equal(p->h.node[0].nr, n0);
	assert_int_equal(p->h.node[1].nr, n1);
	assert_int_equal(p->h.nr, n0 + n1);
}

static void test_round_robin(void **state)
{
	(void)state;
	struct pool p;
	pool_t3(&p);
	uint64_t before = zone_free(world_zone(p.w, 0, 2)) + zone_free(world_zone(p.w, 1, 2));
	assert_int_equal(resize(&p, 64, -1), 64);
	assert_nodes(&p, 32, 32);
	assert_int_equal(p.h.nr_free, 64);
	assert_int_equal(p.h.max, 64);
	cpu_enter(p.w->c);
	uint64_t listed = 0;
	for (unsigned cpu = 0; cpu < p.w->m.nr_cpu_ids; cpu++)
		for (unsigned n = 0; n < 2; n++)
			listed += (unsigned)p.w->m.cpu[cpu].zone[world_zone(p.w, n, 2)->id].pcp.count;
	uint64_t after = zone_free(world_zone(p.w, 0, 2)) + zone_free(world_zone(p.w, 1, 2));
	assert_int_equal(before - after - listed, 64 * 512);
	cpu_leave(p.w->c);
	assert_int_equal(resize(&p, 65, -1), 65);
	assert_nodes(&p, 33, 32);
	assert_int_equal(resize(&p, 512, -1), 512);
	assert_nodes(&p, 256, 256);
	assert_int_equal(resize(&p, 10, -1), 10);
	assert_nodes(&p, 5, 5);
	assert_int_equal(resize(&p, 7, -1), 7);
	assert_int_equal(world_event(p.w, HTLB_BUDDY_PGALLOC), 512);
	assert_int_equal(world_event(p.w, HTLB_BUDDY_PGALLOC_FAIL), 0);
	pool_end(&p);
}

/* Steps of scenario d: per-node counts, and how the global ones go on from there. */
static void test_captured_node_counts(void **state)
{
	(void)state;
	struct pool p;
	pool_t3(&p);
	assert_int_equal(resize(&p, 10, 0), 10);
	assert_int_equal(resize(&p, 15, 1), 25);
	assert_nodes(&p, 10, 15);
	assert_int_equal(resize(&p, 3, 0), 18);
	assert_nodes(&p, 3, 15);
	assert_int_equal(resize(&p, 21, -1), 21);
	assert_nodes(&p, 4, 17);
	assert_int_equal(resize(&p, 4, -1), 4);
	assert_nodes(&p, 0, 4);
	pool_end(&p);
}

/* An impossible number gives what is there, here as far as the min marks allow. */
static void test_partial_success(void **state)
{
	(void)state;
	struct pool p;
	pool_on(&p, world_two_nodes(true));
	uint64_t got = resize(&p, 1000000, -1);
	assert_in_range(got, 56, 62); /* of 64 blocks */
	assert_int_equal(p.h.max, got);
	assert_true(world_event(p.w, HTLB_BUDDY_PGALLOC_FAIL) >= 2);
	for (unsigned n = 0; n < 2; n++) {
		const struct zone *z = world_zone(p.w, n, 2);
		assert_in_range(zone_free(z), z->watermark[WMARK_MIN], z->watermark[WMARK_MIN] + 1024);
	}
	assert_int_equal(resize(&p, UINT64_MAX, 0), got);
	assert_int_equal(resize(&p, 0, -1), 0);
	assert_nodes(&p, 0, 0);
	pool_end(&p);
}

/* Single pages all over the zone leave no free block: the pool gets nothing. */
static void test_fragmented(void **state)
{
	(void)state;
	struct pool p;
	struct world *w = world_two_nodes(true);
	struct zone *z = world_zone(w, 0, 2);
	zone_leave_free(w, z, 0);
	for (unsigned i = 0; i < w->nr_held; i++) { /* top blocks: their second half but one page goes back */
		struct page *head = w->held[i];
		for (unsigned order = 0; order < MM_ORDER_MAX; order++) {
			struct page *part = head + (1u << order);
			part->zone = head->zone;
			part->lru = LRU_NONE;
			part->state = PAGE_USED;
			part->order = (uint8_t)order;
			page_give(w->c, part, order);
		}
		head->order = head->index = 0;
	}
	cpu_drain(w->c);
	pool_on(&p, w);
	assert_int_equal(zone_free(z), 16 * 1023);
	assert_int_equal(zone_free_blocks(z, 9), 16);
	assert_int_equal(resize(&p, 20, 0), 16); /* one block of each top block */
	assert_nodes(&p, 16, 0);
	pool_end(&p);
}

static struct page *get(struct pool *p, unsigned cpu)
{
	return hugetlb_alloc(&p->w->p, &p->h, &p->w->m.cpu[cpu], NULL, false);
}

static void put(struct pool *p, struct page *page)
{
	hugetlb_free(&p->w->p, &p->h, page);
}

static unsigned nid_of(const struct pool *p, const struct page *page)
{
	return page_zone(&p->w->m, page)->node->id;
}

static void test_local_node_first(void **state)
{
	(void)state;
	struct pool p;
	struct page *page[9];
	pool_t3(&p);
	resize(&p, 8, -1);
	for (unsigned i = 0; i < 8; i++) {
		page[i] = get(&p, 4); /* a CPU of node 1 */
		assert_int_equal(nid_of(&p, page[i]), i < 4);
		assert_int_equal(page[i]->order, 9);
	}
	assert_null(get(&p, 4));
	assert_int_equal(p.h.nr_free, 0);
	for (unsigned i = 0; i < 8; i++)
		put(&p, page[i]);
	assert_int_equal(p.h.nr_free, 8);
	pool_end(&p);
}

/* Reserved pages are for those who reserved them. */
static void test_reserved(void **state)
{
	(void)state;
	struct pool p;
	pool_t3(&p);
	resize(&p, 4, -1);
	p.h.nr_reserved = 3;
	struct page *page = get(&p, 0);
	assert_non_null(page);
	assert_null(get(&p, 0));
	assert_int_equal(resize(&p, 0, -1), 0); /* what is in use or reserved cannot be freed: it turns surplus */
	assert_int_equal(p.h.nr, 4);
	assert_int_equal(p.h.nr_surplus, 4);
	p.h.nr_reserved = 0;
	put(&p, page);
	assert_int_equal(p.h.nr, 3);
	/* surplus that nobody uses goes when the pool is sized again */
	assert_int_equal(resize(&p, 3, -1), 3);
	assert_int_equal(p.h.nr_surplus, 0);
	pool_end(&p);
}

/*
 * Scenario d: overcommit 6, 8 in the pool, 13 in use of which 5 are surplus,
 * the next two do not fit; lowered to 2 the surplus is 11; released, 2 remain.
 */
static void test_surplus(void **state)
{
	(void)state;
	struct pool p;
	struct page *page[14];
	pool_t3(&p);
	p.h.nr_overcommit = 6;
	assert_int_equal(resize(&p, 8, -1), 8);
	for (unsigned i = 0; i < 13; i++)
		assert_non_null(page[i] = get(&p, 0));
	assert_int_equal(p.h.nr, 13);
	assert_int_equal(p.h.nr_surplus, 5);
	assert_int_equal(p.h.nr_free, 0);
	assert_non_null(page[13] = get(&p, 0));
	assert_null(get(&p, 0)); /* six are the limit */
	put(&p, page[13]);
	assert_int_equal(p.h.nr_surplus, 5);
	assert_int_equal(resize(&p, 2, -1), 2);
	assert_int_equal(p.h.nr, 13);
	assert_int_equal(p.h.nr_surplus, 11); /* more than overcommit allows */
	for (unsigned i = 0; i < 13; i++)
		put(&p, page[i]);
	assert_int_equal(p.h.nr, 2);
	assert_int_equal(p.h.nr_free, 2);
	assert_int_equal(p.h.nr_surplus, 0);
	pool_end(&p);
}

/* Growing first makes surplus pages persistent. */
static void test_growing_adopts_surplus(void **state)
{
	(void)state;
	struct pool p;
	struct page *page[4];
	pool_t3(&p);
	p.h.nr_overcommit = 4;
	for (unsigned i = 0; i < 4; i++)
		assert_non_null(page[i] = get(&p, i * 2)); /* two on each node */
	assert_int_equal(p.h.max, 0);
	uint64_t allocated = world_event(p.w, HTLB_BUDDY_PGALLOC);
	assert_int_equal(resize(&p, 3, -1), 3);
	assert_int_equal(world_event(p.w, HTLB_BUDDY_PGALLOC), allocated);
	assert_int_equal(p.h.nr_surplus, 1);
	for (unsigned i = 0; i < 4; i++)
		put(&p, page[i]);
	assert_int_equal(p.h.nr, 3);
	pool_end(&p);
}

static void test_large_pageblocks(void **state)
{
	(void)state;
	struct pool p;
	struct machine_spec s;
	captured_spec(captured_machine("T7a"), &s);
	pool_on(&p, world_begin(&s, true));
	assert_int_equal(p.h.order, 10);
	assert_int_equal(resize(&p, 5, -1), 5);
	struct page *page = get(&p, 0);
	assert_int_equal(page->order, 10);
	assert_string_equal(page_zone(&p.w->m, page)->name, "HighMem");
	put(&p, page);
	pool_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_robin),
		cmocka_unit_test(test_captured_node_counts),
		cmocka_unit_test(test_partial_success),
		cmocka_unit_test(test_fragmented),
		cmocka_unit_test(test_local_node_first),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_surplus),
		cmocka_unit_test(test_growing_adopts_surplus),
		cmocka_unit_test(test_large_pageblocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
