/* SPDX-License-Identifier: MIT */
#include "policy/hugetlb_resize.h"

#include "support/policy_fixture.h"

#include <errno.h>

struct pool {
	struct world *w;
	struct hugetlb h;
};

static void pool_begin(struct pool *p, uint64_t nr, uint64_t overcommit)
{
	p->w = world_two_nodes(true);
	cpu_leave(p->w->c);
	assert_int_equal(hugetlb_init(&p->h, &p->w->m, p->w->m.pageblock_order), 0);
	assert_int_equal(hugetlb_resize(&p->w->p, &p->h, nr, -1), nr);
	p->h.nr_overcommit = overcommit;
}

static void pool_end(struct pool *p)
{
	assert_int_equal(hugetlb_resize(&p->w->p, &p->h, 0, -1), 0);
	assert_int_equal(p->h.nr, 0);
	hugetlb_fini(&p->h);
	cpu_enter(p->w->c);
	world_end(p->w);
}

static void assert_pool(const struct pool *p, uint64_t nr, uint64_t nr_free, uint64_t reserved,
			uint64_t surplus)
{
	assert_int_equal(p->h.nr, nr);
	assert_int_equal(p->h.nr_free, nr_free);
	assert_int_equal(p->h.nr_reserved, reserved);
	assert_int_equal(p->h.nr_surplus, surplus);
}

static int reserve(struct pool *p, uint64_t nr)
{
	return hugetlb_reserve(&p->w->p, &p->h, &p->w->m.cpu[0], nr, NULL);
}

static struct page *get(struct pool *p, bool reserved)
{
	return hugetlb_alloc(&p->w->p, &p->h, &p->w->m.cpu[0], NULL, reserved);
}

static void put(struct pool *p, struct page *page)
{
	hugetlb_free(&p->w->p, &p->h, page);
}

static void test_promises(void **state)
{
	(void)state;
	struct pool p;
	pool_begin(&p, 4, 0);
	assert_int_equal(reserve(&p, 3), 0);
	assert_pool(&p, 4, 4, 3, 0);
	assert_int_equal(reserve(&p, 2), -ENOMEM);
	assert_pool(&p, 4, 4, 3, 0);
	struct page *other = get(&p, false);
	assert_non_null(other);
	assert_null(get(&p, false)); /* the rest is promised */
	struct page *mine = get(&p, true);
	assert_non_null(mine);
	assert_pool(&p, 4, 2, 2, 0);
	hugetlb_restore(&p.h, mine);
	assert_pool(&p, 4, 3, 3, 0);
	hugetlb_unreserve(&p.w->p, &p.h, 3);
	assert_pool(&p, 4, 3, 0, 0);
	put(&p, other);
	assert_int_equal(reserve(&p, UINT64_MAX), -ENOMEM);
	pool_end(&p);
}

/* As captured: beyond the pool surplus at once, all or nothing; it goes with the promise. */
static void test_surplus(void **state)
{
	(void)state;
	struct pool p;
	pool_begin(&p, 2, 3);
	uint64_t taken = world_event(p.w, HTLB_BUDDY_PGALLOC);
	assert_int_equal(reserve(&p, 4), 0);
	assert_pool(&p, 4, 4, 4, 2);
	assert_int_equal(world_event(p.w, HTLB_BUDDY_PGALLOC), taken + 2);
	assert_int_equal(reserve(&p, 2), -ENOMEM); /* the first of the two was taken, and went back */
	assert_int_equal(world_event(p.w, HTLB_BUDDY_PGALLOC), taken + 3);
	assert_pool(&p, 4, 4, 4, 2);
	struct page *page = get(&p, true);
	hugetlb_unreserve(&p.w->p, &p.h, 3);
	assert_int_equal(p.h.nr_reserved, 0);
	put(&p, page);
	assert_pool(&p, 2, 2, 0, 0);
	pool_end(&p);
}

/* Of 1 GiB there is no surplus, whatever the limit says. */
static void test_gigantic(void **state)
{
	(void)state;
	struct pool p;
	pool_begin(&p, 0, 0);
	struct hugetlb h;
	assert_int_equal(hugetlb_init(&h, &p.w->m, GIGANTIC_ORDER), 0);
	h.nr_overcommit = 5;
	assert_true(hugetlb_gigantic(&h));
	assert_int_equal(hugetlb_reserve(&p.w->p, &h, &p.w->m.cpu[0], 1, NULL), -ENOMEM);
	assert_null(hugetlb_alloc(&p.w->p, &h, &p.w->m.cpu[0], NULL, false));
	assert_int_equal(hugetlb_gfp(&h), GFP_HIGHUSER);
	hugetlb_fini(&h);
	pool_end(&p);
}

/* Bound to a node, no more are promised than lie free there, whoever else waits for them. */
static void test_bound(void **state)
{
	(void)state;
	struct pool p;
	struct nodemask one = { { 1 << 1 } };
	struct mempolicy pol;
	pool_begin(&p, 5, 1); /* three on node 0 */
	struct policy *policy = &p.w->p;
	struct cpu *c = &p.w->m.cpu[0];
	assert_int_equal(mempolicy_make(&pol, &policy->numa, MPOL_BIND, &one), 0);
	assert_int_equal(hugetlb_reserve(policy, &p.h, c, 3, &pol), -ENOMEM);
	assert_pool(&p, 5, 5, 0, 0);
	assert_int_equal(reserve(&p, 3), 0);
	assert_int_equal(hugetlb_reserve(policy, &p.h, c, 2, &pol), 0);
	assert_pool(&p, 5, 5, 5, 0);
	assert_int_equal(hugetlb_reserve(policy, &p.h, c, 3, &pol), -ENOMEM); /* no surplus for it */
	assert_int_equal(reserve(&p, 1), 0);
	assert_pool(&p, 6, 6, 6, 1);
	hugetlb_unreserve(policy, &p.h, 6);
	assert_pool(&p, 5, 5, 0, 0);
	assert_int_equal(mempolicy_make(&pol, &policy->numa, MPOL_PREFERRED, &one), 0);
	assert_int_equal(hugetlb_reserve(policy, &p.h, c, 4, &pol), 0);
	hugetlb_unreserve(policy, &p.h, 4);
	pool_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_promises),
		cmocka_unit_test(test_surplus),
		cmocka_unit_test(test_gigantic),
		cmocka_unit_test(test_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
