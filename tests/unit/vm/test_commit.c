/* SPDX-License-Identifier: MIT */
#include "support/vm_fixture.h"

#define TOTAL (2 * NODE_PAGES - 49) /* frame 0 and the reserved ones are not managed */

static void test_defaults(void **state)
{
	struct fixture *f = *state;
	struct overcommit *o = &f->vm.overcommit;
	assert_int_equal(f->vm.total_pages, TOTAL);
	assert_int_equal(o->memory, 0);
	assert_int_equal(o->ratio, 50);
	assert_int_equal(o->kbytes, 0);
	assert_int_equal(o->admin_reserve_kbytes, 8192);
	assert_int_equal(o->user_reserve_kbytes, TOTAL * 4 / 32);
	assert_int_equal(o->committed_pages, 0);
}

static void test_limit(void **state)
{
	struct fixture *f = *state;
	struct overcommit *o = &f->vm.overcommit;
	assert_int_equal(vm_commit_limit_pages(&f->vm), TOTAL / 2);
	o->ratio = 80;
	assert_int_equal(vm_commit_limit_pages(&f->vm), TOTAL * 80 / 100);
	hugetlb_resize(&f->vm.policy, f->vm.hugetlb, 10, -1);
	assert_int_equal(vm_commit_limit_pages(&f->vm), (TOTAL - 5120) * 80 / 100);
	o->kbytes = 4003;
	assert_int_equal(vm_commit_limit_pages(&f->vm), 1000);
	hugetlb_resize(&f->vm.policy, f->vm.hugetlb, 0, -1);
}

static void test_guess(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(vm_commit(&f->vm, NULL, TOTAL), 0);
	assert_int_equal(vm_commit(&f->vm, NULL, TOTAL), 0); /* one request at a time is looked at */
	assert_int_equal(vm_commit(&f->vm, NULL, TOTAL + 1), -ENOMEM);
	assert_int_equal(f->vm.overcommit.committed_pages, 2 * TOTAL);
	vm_uncommit(&f->vm, 2 * TOTAL);
	assert_int_equal(f->vm.overcommit.committed_pages, 0);
}

static void test_always(void **state)
{
	struct fixture *f = *state;
	f->vm.overcommit.memory = 1;
	assert_int_equal(vm_commit(&f->vm, NULL, 100 * TOTAL), 0);
	vm_uncommit(&f->vm, 100 * TOTAL);
}

/* The most that is granted in mode 2, found by trying. */
static uint64_t most(struct vm *vm, const struct task *t)
{
	uint64_t granted = 0, step = 1ull << 20;
	for (; step; step /= 2)
		if (!vm_commit(vm, t, granted + step)) {
			vm_uncommit(vm, granted + step);
			granted += step;
		}
	return granted;
}

static void test_never(void **state)
{
	struct fixture *f = *state;
	struct overcommit *o = &f->vm.overcommit;
	struct task *user = make_task(f, "user"), *root;
	assert_int_equal(task_create(&f->vm, "root", 0, 0, &root), 0);
	o->memory = 2;
	uint64_t limit = vm_commit_limit_pages(&f->vm);
	assert_int_equal(most(&f->vm, NULL), limit - 1);
	assert_int_equal(most(&f->vm, root), limit - 1);
	assert_int_equal(most(&f->vm, user), limit - 1 - 8192 / 4);

	assert_write(root, "anon", "64M"); /* a thirty-second of it is kept back for its owner */
	assert_int_equal(most(&f->vm, root), limit - 1 - 16384 - 512);
	o->user_reserve_kbytes = 40;
	assert_int_equal(most(&f->vm, root), limit - 1 - 16384 - 10);
	o->admin_reserve_kbytes = 0;
	assert_int_equal(most(&f->vm, user), limit - 1 - 16384);
	o->admin_reserve_kbytes = UINT64_MAX;
	assert_int_equal(most(&f->vm, user), 0);
	o->ratio = 0;
	assert_int_equal(vm_commit(&f->vm, NULL, 1), -ENOMEM);
	end_task(f, user);
	end_task(f, root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults), TEST(test_limit), TEST(test_guess),
		TEST(test_always),   TEST(test_never),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
