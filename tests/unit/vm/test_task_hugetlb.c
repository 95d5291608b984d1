/* SPDX-License-Identifier: MIT */
#include "support/vm_fixture.h"

static void test_takes_from_the_pool(void **state)
{
	struct fixture *f = *state;
	struct hugetlb *h = f->vm.hugetlb;
	struct task *t = make_task(f, "a");
	assert_int_equal(hugetlb_resize(&f->vm.policy, h, 20, -1), 20);
	assert_attr(t, "hugetlb", "");
	assert_write(t, "hugetlb", "2M 8\n");
	assert_attr(t, "hugetlb", "2M 8\n");
	assert_int_equal(h->nr_free, 12);
	assert_int_equal(h->node[0].nr_free, 2); /* the task's node first */
	assert_write(t, "hugetlb", "2048K +10");
	assert_attr(t, "hugetlb", "2M 18\n");
	assert_write(t, "hugetlb", "2M -3");
	assert_int_equal(h->nr_free, 5);
	assert_write_fails(t, "hugetlb", "2M +6", ENOMEM);
	assert_attr(t, "hugetlb", "2M 15\n");
	assert_int_equal(h->nr_free, 5);
	struct task_usage u;
	task_usage(t, &u);
	assert_int_equal(u.hugetlb_pages, 15 * 512);
	assert_verified(&f->vm);

	end_task(f, t);
	assert_int_equal(h->nr_free, 20);
	hugetlb_resize(&f->vm.policy, h, 0, -1);
	assert_verified(&f->vm);
}

static void test_surplus(void **state)
{
	struct fixture *f = *state;
	struct hugetlb *h = f->vm.hugetlb;
	struct free_state before = free_state(&f->vm);
	struct task *t = make_task(f, "a");
	assert_write_fails(t, "hugetlb", "2M 1", ENOMEM);
	h->nr_overcommit = 4;
	assert_write_fails(t, "hugetlb", "2M 5", ENOMEM);
	assert_int_equal(h->nr, 0);
	assert_write(t, "hugetlb", "2M 4");
	assert_int_equal(h->nr_surplus, 4);
	assert_verified(&f->vm);
	assert_write(t, "hugetlb", "2M 0");
	assert_int_equal(h->nr, 0);
	assert_attr(t, "hugetlb", "");
	assert_free_state(&f->vm, &before);
	end_task(f, t);
}

/* Mapped is promised; touching takes what was promised; what was never touched goes first. */
static void test_mapped_and_touched(void **state)
{
	struct fixture *f = *state;
	struct hugetlb *h = f->vm.hugetlb;
	struct task *t = make_task(f, "a");
	struct task_usage u;
	assert_int_equal(hugetlb_resize(&f->vm.policy, h, 8, -1), 8);
	assert_write(t, "hugetlb", "2M 4 0");
	assert_attr(t, "hugetlb", "2M 4 0\n");
	assert_int_equal(h->nr_free, 8);
	assert_int_equal(h->nr_reserved, 4);
	assert_write(t, "hugetlb", "2048kB 4 2");
	assert_int_equal(h->nr_free, 6);
	assert_int_equal(h->nr_reserved, 2);
	task_usage(t, &u);
	assert_int_equal(u.hugetlb_pages, 2 * 512);
	assert_int_equal(u.hugetlb_mapped_pages, 4 * 512);
	assert_write_fails(t, "hugetlb", "2M 4 1", EINVAL); /* the mapping would stay */
	assert_write_fails(t, "hugetlb", "2M 9 2", ENOMEM);
	assert_attr(t, "hugetlb", "2M 4 2\n");
	assert_int_equal(h->nr_reserved, 2);
	assert_write(t, "hugetlb", "2M -1");
	assert_attr(t, "hugetlb", "2M 3 2\n");
	assert_write(t, "hugetlb", "2M 3");
	assert_attr(t, "hugetlb", "2M 3\n");
	assert_write(t, "hugetlb", "2M 5 4");
	assert_write(t, "hugetlb", "2M 1");
	assert_attr(t, "hugetlb", "2M 1\n");
	assert_int_equal(h->nr_free, 7);
	assert_int_equal(h->nr_reserved, 0);
	assert_write(t, "hugetlb", "2M 6 1");
	end_task(f, t);
	assert_int_equal(h->nr_free, 8);
	assert_int_equal(h->nr_reserved, 0);
	hugetlb_resize(&f->vm.policy, h, 0, -1);
	assert_verified(&f->vm);
}

static void test_bad_lines(void **state)
{
	static const char *const bad[] = { "2",        "2M",    "2M x",  "1G 1", "4M 1", "2M 1 2",
					   "2M 1 1 1", "2M -1", "2M 1M", "x 1",  "2 1" };
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_write_fails(t, "hugetlb", bad[i], EINVAL);
	assert_write_fails(t, "hugetlb", "2M 18446744073709551615", ENOMEM);
	end_task(f, t);
}

static void test_fault_sweeps(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	f->vm.hugetlb->nr_overcommit = 100;
	sweep_write(f, t, FAULT_HOST_MALLOC, "hugetlb", "2M 20", "2M 0");
	assert_write(t, "hugetlb", "2M 0");
	sweep_write(f, t, FAULT_BUDDY_TAKE, "hugetlb", "2M 20", "2M 0");
	end_task(f, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_takes_from_the_pool), TEST(test_surplus),
		TEST(test_mapped_and_touched),  TEST(test_bad_lines),
		TEST(test_fault_sweeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
