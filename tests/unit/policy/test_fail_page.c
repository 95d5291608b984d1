/* SPDX-License-Identifier: MIT */
#include "policy/fail_page.h"

#include "mm/verify.h"
#include "support/policy_fixture.h"

static struct world *w;
static struct ring log_;

static int setup(void **state)
{
	(void)state;
	w = world_one_node(true);
	assert_int_equal(ring_init(&log_, &w->m.clock, RING_BYTES), 0);
	fail_page_init(&w->p.fail_page, 5, &log_);
	w->p.fail_page.attr.times = -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fail_page_fini(&w->p.fail_page);
	world_end(w);
	ring_fini(&log_);
	return 0;
}

static void update(void)
{
	cpu_leave(w->c);
	fail_page_update(&w->p);
	cpu_enter(w->c);
}

static bool fails(gfp_t gfp, unsigned order)
{
	struct page *page = alloc_pages(&w->p, w->c, -1, gfp, order);
	if (page)
		free_pages(w->c, page, order);
	return !page;
}

static void test_never_at_first(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_false(fails(GFP_ATOMIC, i % 4));
	assert_int_equal(ring_next(&log_), 0);
}

static void test_which_fail(void **state)
{
	struct fail_page *f = &w->p.fail_page;
	(void)state;
	f->attr.probability = 100;
	update();
	assert_true(fails(GFP_ATOMIC, 1));
	assert_false(fails(GFP_ATOMIC, 0)); /* below min-order */
	assert_false(fails(GFP_KERNEL, 1)); /* may wait */
	assert_false(fails(__GFP_HIGHMEM | __GFP_HIGH, 1));
	assert_false(fails(GFP_ATOMIC | __GFP_NOFAIL, 1));
	f->ignore_wait = false;
	assert_true(fails(GFP_KERNEL, 1));
	assert_false(fails(GFP_HIGHUSER, 1));
	f->ignore_highmem = false;
	assert_true(fails(GFP_HIGHUSER, 1));
	f->min_order = 2;
	update();
	assert_false(fails(GFP_ATOMIC, 1));
	assert_true(fails(GFP_ATOMIC, 2));
	assert_false(fails(GFP_KERNEL | __GFP_NOFAIL, 2));
}

/* Single pages ask only while they may fail. */
static void test_single_pages(void **state)
{
	struct fail_page *f = &w->p.fail_page;
	(void)state;
	f->min_order = 0;
	f->attr.probability = 100;
	update();
	assert_true(w->m.watched);
	cpu_leave(w->c);
	assert_int_equal(mm_verify(&w->m, NULL), 0);
	cpu_enter(w->c);
	assert_true(fails(GFP_ATOMIC, 0));
	assert_false(fails(GFP_KERNEL, 0));
	f->attr.probability = 0;
	update();
	assert_false(w->m.watched);
	assert_false(fails(GFP_ATOMIC, 0));
}

/* It is told as what it is, not as memory that ran out. */
static void test_what_is_said(void **state)
{
	struct ring_record r;
	(void)state;
	w->p.report.log = &log_;
	w->p.fail_page.attr.probability = 100;
	assert_true(fails(GFP_ATOMIC, 3));
	assert_true(fails(GFP_ATOMIC | __GFP_NOWARN, 3));
	assert_int_equal(ring_next(&log_), 1);
	assert_true(ring_read(&log_, 0, &r));
	assert_memory_equal(
		r.text, "FAULT_INJECTION: forcing a failure.\nname fail_page_alloc, interval 1,", 69);
}

static void test_a_share(void **state)
{
	unsigned failures = 0;
	(void)state;
	w->p.fail_page.attr.probability = 30;
	w->p.fail_page.attr.verbose = 0;
	for (unsigned i = 0; i < 2000; i++)
		failures += fails(GFP_ATOMIC, 1);
	assert_in_range(failures, 500, 700);
}

#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(test_never_at_first), ONE(test_which_fail), ONE(test_single_pages),
		ONE(test_what_is_said),   ONE(test_a_share),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
