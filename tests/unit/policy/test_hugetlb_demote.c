/* SPDX-License-Identifier: MIT */
#include "policy/hugetlb_resize.h"

#include "support/captured.h"
#include "support/policy_fixture.h"

#include <errno.h>

#define PARTS 512u /* pages of 2 MiB in one of 1 GiB */

struct pools {
	struct world *w;
	struct hugetlb large, small;
};

/* T8b, all of it free: two nodes of 64 GiB. */
static void pools_begin(struct pools *p, uint64_t nr)
{
	struct machine_spec s;
	captured_spec(captured_machine("T8b"), &s);
	p->w = world_begin(&s, true);
	cpu_leave(p->w->c);
	assert_int_equal(hugetlb_init(&p->large, &p->w->m, GIGANTIC_ORDER), 0);
	assert_int_equal(hugetlb_init(&p->small, &p->w->m, p->w->m.pageblock_order), 0);
	assert_int_equal(hugetlb_resize(&p->w->p, &p->large, nr, -1), nr);
}

static void pools_end(struct pools *p)
{
	assert_int_equal(hugetlb_resize(&p->w->p, &p->large, 0, -1), 0);
	assert_int_equal(hugetlb_resize(&p->w->p, &p->small, 0, -1), 0);
	assert_int_equal(p->large.nr + p->small.nr, 0);
	hugetlb_fini(&p->large);
	hugetlb_fini(&p->small);
	cpu_enter(p->w->c);
	world_end(p->w);
}

static int demote(struct pools *p, int nid)
{
	return hugetlb_demote(&p->w->p, &p->large, &p->small, nid);
}

static void assert_pool(const struct hugetlb *h, uint64_t n0, uint64_t n1)
{
	assert_int_equal(h->node[0].nr, n0);
	assert_int_equal(h->node[1].nr, n1);
	assert_int_equal(h->nr, n0 + n1);
	assert_int_equal(h->nr_free, n0 + n1);
	assert_int_equal(h->max, n0 + n1);
}

static void test_parts(void **state)
{
	(void)state;
	struct pools p;
	pools_begin(&p, 4);
	const struct zone *z = world_zone(p.w, 1, 2);
	uint64_t before = zone_free(z);
	pfn_t start = p.large.node[1].free.head;
	assert_int_equal(demote(&p, 1), 1);
	assert_pool(&p.large, 2, 1);
	assert_pool(&p.small, 0, PARTS);
	assert_int_equal(zone_free(z), before);
	for (unsigned i = 0; i < PARTS; i++) {
		const struct page *page = pfn_page(&p.w->m, start + i * 512);
		assert_int_equal(page->state, PAGE_USED);
		assert_int_equal(page->order, 9);
		assert_int_equal(page->zone, z->id);
		assert_int_equal(page->owner, owner_handle(OWNER_HUGETLB_POOL, 0));
	}
	assert_int_equal(demote(&p, -1), 1); /* in turn */
	assert_int_equal(demote(&p, -1), 1);
	assert_pool(&p.large, 1, 0);
	assert_pool(&p.small, PARTS, 2 * PARTS);
	assert_int_equal(demote(&p, -1), 1);
	assert_int_equal(demote(&p, -1), 0);
	assert_int_equal(demote(&p, 0), 0);
	pools_end(&p);
}

/* Promised pages stay, wherever they lie. */
static void test_promised(void **state)
{
	(void)state;
	struct pools p;
	pools_begin(&p, 3); /* two on node 0 */
	assert_int_equal(hugetlb_reserve(&p.w->p, &p.large, &p.w->m.cpu[0], 2, NULL), 0);
	assert_int_equal(demote(&p, 0), 0); /* as many as are promised */
	assert_int_equal(demote(&p, 1), 1);
	assert_int_equal(demote(&p, 1), -EBUSY);
	assert_int_equal(demote(&p, -1), 0);
	hugetlb_unreserve(&p.w->p, &p.large, 1);
	assert_int_equal(demote(&p, 0), 1);
	assert_pool(&p.large, 1, 0);
	assert_pool(&p.small, PARTS, PARTS);
	hugetlb_unreserve(&p.w->p, &p.large, 1);
	pools_end(&p);
}

/* Surplus pages in use become persistent first; so many of the new ones go. */
static void test_surplus(void **state)
{
	(void)state;
	struct pools p;
	pools_begin(&p, 1);
	p.small.nr_overcommit = 2;
	struct page *used[2];
	for (unsigned i = 0; i < 2; i++) {
		used[i] = hugetlb_alloc(&p.w->p, &p.small, &p.w->m.cpu[0], NULL, false);
		assert_non_null(used[i]);
	}
	assert_int_equal(p.small.node[0].nr_surplus, 2);
	assert_int_equal(demote(&p, 0), 1);
	assert_int_equal(p.small.nr_surplus, 0);
	assert_int_equal(p.small.nr, PARTS);
	assert_int_equal(p.small.nr_free, PARTS - 2);
	for (unsigned i = 0; i < 2; i++)
		hugetlb_free(&p.w->p, &p.small, used[i]);
	assert_pool(&p.small, PARTS, 0);
	pools_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_promised),
		cmocka_unit_test(test_surplus),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
