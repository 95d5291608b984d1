/* SPDX-License-Identifier: MIT */
#include "support/move_fixture.h"
#include "vm/content_move.h"

static struct page *frame_take(struct fixture *f)
{
	struct cpu *c = &f->vm.machine.cpu[0];
	cpu_enter(c);
	struct page *page = alloc_page(&f->vm.policy, c, GFP_HIGHUSER_MOVABLE);
	cpu_leave(c);
	assert_non_null(page);
	return page;
}

static char *bytes_of(struct fixture *f, const struct page *page)
{
	return region_frame(&f->region, page_pfn(&f->vm.machine, page));
}

/* With bytes, or without any. */
static struct page *frame_with(struct fixture *f, int byte)
{
	struct page *page = frame_take(f);
	if (!byte)
		return page;
	assert_int_equal(region_charge(&f->region, 1), 0);
	memset(bytes_of(f, page), byte, PAGE_SIZE);
	page->flags |= PG_CONTENT;
	return page;
}

static void assert_filled(struct fixture *f, const struct page *page, int byte)
{
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		assert_int_equal(bytes_of(f, page)[i], byte);
}

static void test_bytes_follow_and_stay(void **state)
{
	struct fixture *f = *state;
	struct page *page = frame_with(f, 'a'), *to = frame_with(f, 0);
	content_move(&f->vm, page, to);
	assert_filled(f, to, 'a');
	assert_true(page->flags & to->flags & PG_CONTENT);
	assert_int_equal(f->region.used_pages, 2);
	assert_true(f->vm.content_stays);
}

static void test_old_bytes_are_overwritten(void **state)
{
	struct fixture *f = *state;
	struct page *page = frame_with(f, 'a'), *to = frame_with(f, 'z');
	f->vm.content_stays = true; /* as it is where a free frame has any */
	content_move(&f->vm, page, to);
	assert_filled(f, to, 'a');
	assert_int_equal(f->region.used_pages, 2);
}

static void test_nothing_stays_nothing(void **state)
{
	struct fixture *f = *state;
	struct page *page = frame_with(f, 0), *to = frame_with(f, 0), *old = frame_with(f, 'z');
	content_move(&f->vm, page, to);
	assert_false(f->vm.content_stays);
	assert_int_equal(f->region.used_pages, 1);
	f->vm.content_stays = true;
	content_move(&f->vm, page, old);
	assert_false((page->flags | old->flags) & PG_CONTENT);
	assert_filled(f, old, 0);
	assert_int_equal(f->region.used_pages, 0);
}

static void test_at_the_limit_the_charge_moves(void **state)
{
	struct fixture *f = *state;
	struct page *page = frame_with(f, 'a'), *to = frame_with(f, 0);
	f->region.limit_pages = 1;
	content_move(&f->vm, page, to);
	assert_filled(f, to, 'a');
	assert_filled(f, page, 0);
	assert_true(to->flags & PG_CONTENT);
	assert_false(page->flags & PG_CONTENT);
	assert_int_equal(f->region.used_pages, 1);
	assert_false(f->vm.content_stays);
}

static void test_a_failing_charge_does_no_harm(void **state)
{
	struct fixture *f = *state;
	struct page *page = frame_with(f, 'a'), *to = frame_with(f, 0);
	fault_arm(FAULT_REGION_CHARGE, 1);
	content_move(&f->vm, page, to);
	assert_true(fault_fired(FAULT_REGION_CHARGE));
	fault_arm(FAULT_REGION_CHARGE, 0);
	assert_filled(f, to, 'a');
	assert_int_equal(f->region.used_pages, 1);
}

static void test_host_that_keeps_everything(void **state)
{
	struct fixture *f = *state;
	struct page *page = frame_with(f, 'a'), *to = frame_with(f, 0), *third = frame_with(f, 0);
	enum backing was = f->region.backing;
	f->region.backing = BACKING_HUGETLB;
	content_move(&f->vm, page, to);
	assert_filled(f, to, 'a');
	assert_true(page->flags & to->flags & PG_CONTENT);
	content_move(&f->vm, third, page); /* no bytes of somebody else */
	assert_filled(f, page, 0);
	assert_false(page->flags & PG_CONTENT);
	f->region.backing = was;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bytes_follow_and_stay),         TEST(test_old_bytes_are_overwritten),
		TEST(test_nothing_stays_nothing),         TEST(test_at_the_limit_the_charge_moves),
		TEST(test_a_failing_charge_does_no_harm), TEST(test_host_that_keeps_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
