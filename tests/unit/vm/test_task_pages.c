/* SPDX-License-Identifier: MIT */
#include "support/vm_fixture.h"

static void test_lines(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct task *t = make_task(f, "a");
	assert_attr(t, "pages", "");
	assert_write(t, "pages", "3 GFP_KERNEL 100\n0 GFP_ATOMIC 7\n10 GFP_HIGHUSER_MOVABLE 2\n");
	assert_attr(t, "pages", "3 GFP_KERNEL 100\n0 GFP_ATOMIC 7\n10 GFP_HIGHUSER_MOVABLE 2\n");
	assert_int_equal(task_pages_total(t), 800 + 7 + 2048);
	assert_verified(&f->vm);

	assert_write(t, "pages", "3 GFP_KERNEL +5\n0 GFP_ATOMIC -2");
	assert_attr(t, "pages", "3 GFP_KERNEL 105\n0 GFP_ATOMIC 5\n10 GFP_HIGHUSER_MOVABLE 2\n");
	assert_write(t, "pages", "0 GFP_ATOMIC 0");
	assert_attr(t, "pages", "3 GFP_KERNEL 105\n10 GFP_HIGHUSER_MOVABLE 2\n");
	assert_verified(&f->vm);

	struct task_usage u;
	task_usage(t, &u);
	assert_int_equal(u.block_pages, 840 + 2048);
	end_task(f, t);
	assert_free_state(&f->vm, &before);
	assert_verified(&f->vm);
}

static void test_flags_in_any_spelling_are_one_key(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "pages", "1 GFP_KERNEL 3");
	assert_write(t, "pages", "1 __GFP_RECLAIM|__GFP_IO|__GFP_FS +2");
	assert_attr(t, "pages", "1 GFP_KERNEL 5\n");
	assert_write(t, "pages", "1 GFP_KERNEL|__GFP_ZERO 1");
	assert_attr(t, "pages", "1 GFP_KERNEL 5\n1 GFP_KERNEL|__GFP_ZERO 1\n");
	end_task(f, t);
}

static void test_bad_lines(void **state)
{
	static const char *const bad[] = {
		"3",
		"3 GFP_KERNEL",
		"3 GFP_KERNEL x",
		"3 GFP_KERNEL 1 2",
		"11 GFP_KERNEL 1",
		"-1 GFP_KERNEL 1",
		"x GFP_KERNEL 1",
		"3 GFP_NONSENSE 1",
		"3 gfp_kernel 1",
		"3 GFP_KERNEL| 1",
		"3 GFP_KERNEL -1",
		"3 GFP_KERNEL 18446744073709551616",
		"3 GFP_KERNEL 1M",
		"GFP_KERNEL 3 1",
	};
	assert_bad_lines(*state, "pages", bad, ARRAY_LEN(bad));
}

static void test_what_does_not_fit_is_given_back(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "pages", "2 GFP_KERNEL 10");
	struct free_state before = free_state(&f->vm);
	assert_write_fails(t, "pages", "0 GFP_KERNEL 131000", ENOMEM);
	assert_write_fails(t, "pages", "2 GFP_KERNEL +32700", ENOMEM);
	assert_write_fails(t, "pages", "2 GFP_KERNEL 18446744073709551615", ENOMEM);
	assert_attr(t, "pages", "2 GFP_KERNEL 10\n");
	assert_attr(t, "events", "alloc_fail 3\noom_kill 0\n");
	assert_free_state(&f->vm, &before);
	assert_verified(&f->vm);
	end_task(f, t);
}

static void test_lines_before_the_failing_one_stay(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_int_equal(
		write_attr(t, "pages", "0 GFP_KERNEL 1\n1 GFP_KERNEL 1\nnonsense\n2 GFP_KERNEL 1\n"), 30);
	assert_attr(t, "pages", "0 GFP_KERNEL 1\n1 GFP_KERNEL 1\n");
	end_task(f, t);
}

static void test_decrease_leaves_holes(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "pages", "0 GFP_KERNEL 4096");
	uint64_t small = 0;
	assert_write(t, "pages", "0 GFP_KERNEL 2048");
	machine_drain(&f->vm.machine);
	FOR_EACH_POPULATED_ZONE(z, &f->vm.machine)
		small += z->area[0].nr_free[MIGRATE_UNMOVABLE];
	assert_in_range(small, 400, 1000); /* pages whose buddy stays in use: a quarter of all, give or take */
	assert_verified(&f->vm);
	end_task(f, t);
}

static void test_too_many_keys(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	for (unsigned key = 0; key < TASK_KEYS_MAX; key++) {
		gfp_t gfp = GFP_KERNEL | (key % 256) << 23; /* bits without a meaning */
		assert_int_equal(task_lock(t), 0);
		int error = task_pages_set(t, key / 256, gfp, 1);
		task_unlock(t);
		assert_int_equal(error, 0);
	}
	assert_write_fails(t, "pages", "5 GFP_KERNEL 1", ENOSPC);
	assert_write(t, "pages", "1 GFP_KERNEL +1");
	assert_int_equal(t->nr_pages, TASK_KEYS_MAX);
	end_task(f, t);
	assert_verified(&f->vm);
}

static void test_fault_sweeps(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_in_range(sweep_write(f, t, FAULT_HOST_MALLOC, "pages", "1 GFP_KERNEL 500", "1 GFP_KERNEL 0"),
			3, 10);
	assert_write(t, "pages", "1 GFP_KERNEL 0");
	sweep_write(f, t, FAULT_BUDDY_TAKE, "pages", "1 GFP_KERNEL 500", "1 GFP_KERNEL 0");
	assert_write(t, "pages", "1 GFP_KERNEL 9");
	sweep_write(f, t, FAULT_BUDDY_TAKE, "pages", "9 GFP_HIGHUSER_MOVABLE 50", "9 GFP_HIGHUSER_MOVABLE 0");
	end_task(f, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lines),
		TEST(test_flags_in_any_spelling_are_one_key),
		TEST(test_bad_lines),
		TEST(test_what_does_not_fit_is_given_back),
		TEST(test_lines_before_the_failing_one_stay),
		TEST(test_decrease_leaves_holes),
		TEST(test_too_many_keys),
		TEST(test_fault_sweeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
