/* SPDX-License-Identifier: MIT */
#include "mm/hugetlb.h"

#include "base/fault.h"
#include "mm/pcp.h"
#include "support/small_machine.h"

#include <errno.h>

struct pool {
	struct machine m;
	struct hugetlb h;
};

static void boot(struct pool *p)
{
	static const struct zone_shape shape[] = { { 0, 2, 4096, 16384, 0 }, { 1, 2, 16384, 32768, 0 } };
	small_machine(&p->m, 2, 1, shape, 2);
	assert_int_equal(hugetlb_init(&p->h, &p->m, p->m.pageblock_order), 0);
	assert_int_equal(p->h.order, 9);
}

static void end(struct pool *p)
{
	hugetlb_fini(&p->h);
	end_machine(&p->m);
}

static struct page *fresh(struct pool *p, unsigned node)
{
	cpu_enter(&p->m.cpu[0]);
	struct page *page = zone_take(&p->m.cpu[0], machine_zone(&p->m, node, 2), 9, MIGRATE_MOVABLE, 0);
	cpu_leave(&p->m.cpu[0]);
	assert_non_null(page);
	return page;
}

static void give(struct pool *p, struct page *page)
{
	assert_non_null(page);
	cpu_enter(&p->m.cpu[0]);
	page_give(&p->m.cpu[0], page, 9);
	cpu_leave(&p->m.cpu[0]);
}

static struct page *add(struct pool *p, unsigned node, bool surplus, bool is_free)
{
	struct page *page = fresh(p, node);
	lock_take(&p->h.lock);
	hugetlb_add(&p->h, page, surplus, is_free);
	lock_drop(&p->h.lock);
	return page;
}

static void assert_node(const struct pool *p, unsigned node, uint64_t nr, uint64_t nr_free, uint64_t surplus)
{
	assert_int_equal(p->h.node[node].nr, nr);
	assert_int_equal(p->h.node[node].nr_free, nr_free);
	assert_int_equal(p->h.node[node].nr_surplus, surplus);
}

static void assert_total(const struct pool *p, uint64_t nr, uint64_t nr_free, uint64_t surplus)
{
	assert_int_equal(p->h.nr, nr);
	assert_int_equal(p->h.nr_free, nr_free);
	assert_int_equal(p->h.nr_surplus, surplus);
}

static void test_counts_by_node(void **state)
{
	(void)state;
	struct pool p;
	boot(&p);
	struct page *a = add(&p, 0, false, true), *b = add(&p, 1, false, true),
		    *c = add(&p, 1, true, false);
	lock_take(&p.h.lock);
	assert_total(&p, 3, 2, 1);
	assert_node(&p, 0, 1, 1, 0);
	assert_node(&p, 1, 2, 1, 1);

	assert_ptr_equal(hugetlb_take_free(&p.h, 1), b);
	assert_null(hugetlb_take_free(&p.h, 1));
	assert_total(&p, 3, 1, 1);
	assert_ptr_equal(hugetlb_remove_free(&p.h, 0, false), a);
	assert_null(hugetlb_remove_free(&p.h, 0, false));
	assert_total(&p, 2, 0, 1);
	assert_node(&p, 0, 0, 0, 0);

	/* whichever page of the node comes back first goes for the surplus */
	assert_true(hugetlb_put(&p.h, b));
	assert_total(&p, 1, 0, 0);
	assert_false(hugetlb_put(&p.h, c));
	assert_total(&p, 1, 1, 0);
	assert_null(hugetlb_remove_free(&p.h, 1, true)); /* nothing surplus there */
	assert_ptr_equal(hugetlb_remove_free(&p.h, 1, false), c);
	lock_drop(&p.h.lock);
	give(&p, a);
	give(&p, b);
	give(&p, c);
	end(&p);
}

static void test_remove_surplus(void **state)
{
	(void)state;
	struct pool p;
	boot(&p);
	struct page *a = add(&p, 0, true, true);
	lock_take(&p.h.lock);
	assert_ptr_equal(hugetlb_remove_free(&p.h, 0, true), a);
	assert_total(&p, 0, 0, 0);
	lock_drop(&p.h.lock);
	give(&p, a);
	end(&p);
}

/* From the nodes of a set in turn, whichever has one; of the surplus ones only where there are some. */
static void test_remove_in_turn(void **state)
{
	(void)state;
	struct pool p;
	const struct nodemask both = { { 3 } }, second = { { 2 } };
	struct page *page[4];
	boot(&p);
	page[0] = add(&p, 0, false, true);
	page[1] = add(&p, 0, false, true);
	page[2] = add(&p, 1, false, true);
	page[3] = add(&p, 1, true, true);
	lock_take(&p.h.lock);
	struct page *out[4];
	out[0] = hugetlb_remove_in_turn(&p.h, &both, true); /* node 0 has none */
	assert_int_equal(page_node(&p.m, out[0])->id, 1);
	assert_node(&p, 1, 1, 1, 0);
	assert_null(hugetlb_remove_in_turn(&p.h, &both, true));
	out[1] = hugetlb_remove_in_turn(&p.h, &second, false);
	assert_null(hugetlb_remove_in_turn(&p.h, &second, false));
	assert_node(&p, 1, 0, 0, 0);
	out[2] = hugetlb_remove_in_turn(&p.h, &both, false);
	out[3] = hugetlb_remove_in_turn(&p.h, &both, false);
	assert_null(hugetlb_remove_in_turn(&p.h, &both, false));
	assert_total(&p, 0, 0, 0);
	lock_drop(&p.h.lock);
	assert_true(out[0] != out[1] && out[2] != out[3]);
	for (unsigned i = 0; i < 4; i++)
		give(&p, page[i]);
	end(&p);
}

/* Nodes 0 and 1, or one of them. */
static bool adjust(struct pool *p, int delta, int nid)
{
	struct nodemask nodes = { { nid < 0 ? 3 : 1ull << nid } };
	return hugetlb_adjust_surplus(&p->h, delta, &nodes);
}

/* Marks move in turn over the nodes that can take them, or on one node only. */
static void test_adjust_surplus(void **state)
{
	(void)state;
	struct pool p;
	struct page *page[3];
	boot(&p);
	page[0] = add(&p, 0, false, false);
	page[1] = add(&p, 0, false, false);
	page[2] = add(&p, 1, false, false);
	lock_take(&p.h.lock);
	assert_true(adjust(&p, 1, -1));
	assert_node(&p, 0, 2, 0, 1);
	assert_true(adjust(&p, 1, -1));
	assert_node(&p, 1, 1, 0, 1);
	assert_false(adjust(&p, 1, 1)); /* all of node 1 is surplus */
	assert_true(adjust(&p, 1, 0));
	assert_false(adjust(&p, 1, -1));
	assert_total(&p, 3, 0, 3);
	assert_true(adjust(&p, -1, 1));
	assert_false(adjust(&p, -1, 1));
	assert_true(adjust(&p, -1, -1));
	assert_true(adjust(&p, -1, -1));
	assert_false(adjust(&p, -1, -1));
	assert_total(&p, 3, 0, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_false(hugetlb_put(&p.h, page[i]));
	for (unsigned node = 0; node < 2; node++)
		for (struct page *f; (f = hugetlb_remove_free(&p.h, node, false));) {
			lock_drop(&p.h.lock);
			give(&p, f);
			lock_take(&p.h.lock);
		}
	assert_total(&p, 0, 0, 0);
	lock_drop(&p.h.lock);
	end(&p);
}

static void test_no_host_memory(void **state)
{
	(void)state;
	struct pool p;
	boot(&p);
	hugetlb_fini(&p.h);
	hugetlb_fini(&p.h); /* twice is harmless */
	fault_arm(FAULT_HOST_MALLOC, 1);
	assert_int_equal(hugetlb_init(&p.h, &p.m, p.m.pageblock_order), -ENOMEM);
	fault_arm(FAULT_HOST_MALLOC, 0);
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_by_node), cmocka_unit_test(test_remove_surplus),
		cmocka_unit_test(test_remove_in_turn), cmocka_unit_test(test_adjust_surplus),
		cmocka_unit_test(test_no_host_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
