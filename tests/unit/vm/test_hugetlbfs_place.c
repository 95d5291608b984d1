/* SPDX-License-Identifier: MIT */
#include "base/caller.h"
#include "support/vm_fixture.h"
#include "vm/hugetlbfs_private.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define HUGE (2ul << 20)

/* Four pages on each of two nodes, and a task of this process. */
static int setup(void **state)
{
	char line[32];
	struct fixture *f = fixture_boot();
	*state = f;
	assert_int_equal(hugetlb_resize(&f->vm.policy, f->vm.hugetlb, 8, -1), 8);
	snprintf(line, sizeof(line), "%d", (int)getpid());
	struct task *t = make_task(f, "a");
	assert_write(t, "procs", line);
	task_put(t);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char line[32];
	struct task *t = task_find(&f->vm, "a");
	snprintf(line, sizeof(line), "-%d", (int)getpid());
	assert_write(t, "procs", line);
	task_put(t);
	assert_int_equal(task_remove(&f->vm, "a"), 0);
	fixture_end(f);
	return 0;
}

static void policy_is(struct fixture *f, const char *word)
{
	struct task *t = task_find(&f->vm, "a");
	assert_write(t, "mempolicy", word);
	task_put(t);
}

static struct huge_inode *file_begin(struct fixture *f, const char *name)
{
	const struct huge_making m = { .mode = S_IFREG | 0600 };
	struct huge_inode *root, *i;
	hugetlbfs_enter(&f->vm.hugetlbfs);
	assert_int_equal(huge_root(&f->vm.hugetlbfs, 0, &root), 0);
	assert_int_equal(huge_make(root, name, &m, &i), 0);
	huge_put(root);
	return i;
}

static void file_end(struct fixture *f, struct huge_inode *i)
{
	assert_int_equal(huge_truncate(i, 0), 0);
	huge_put(i);
	hugetlbfs_leave(&f->vm.hugetlbfs);
}

static unsigned node_of(struct huge_inode *i, unsigned slot)
{
	const struct machine *m = &i->fs->vm->machine;
	return page_node(m, pfn_page(m, i->slot[slot].pfn))->id;
}

/* Two operations: turns go on where the first left off. */
static void test_interleave(void **state)
{
	struct fixture *f = *state;
	policy_is(f, "interleave:0-1");
	struct huge_inode *i = file_begin(f, "x");
	assert_int_equal(huge_fallocate(i, 0, 0, 3 * HUGE), 0);
	assert_int_equal(huge_write(i, "x", 1, 3 * HUGE), 1);
	for (unsigned k = 0; k < 4; k++)
		assert_int_equal(node_of(i, k), k % 2);
	file_end(f, i);
}

static void test_bind(void **state)
{
	struct fixture *f = *state;
	policy_is(f, "bind:1");
	struct huge_inode *i = file_begin(f, "x");
	assert_int_equal(huge_truncate(i, 5 * HUGE), -ENOSPC); /* there are four */
	assert_int_equal(f->vm.hugetlb->nr_reserved, 0);
	assert_int_equal(huge_truncate(i, 2 * HUGE), 0);
	assert_int_equal(huge_fallocate(i, 0, 0, 5 * HUGE), -ENOSPC); /* four are taken by then, none of node 0 */
	assert_int_equal(i->nr_pages, 4);
	for (unsigned k = 0; k < 4; k++)
		assert_int_equal(node_of(i, k), 1);
	file_end(f, i);
}

static void test_preferred(void **state)
{
	struct fixture *f = *state;
	policy_is(f, "preferred:1");
	struct huge_inode *i = file_begin(f, "x");
	assert_int_equal(huge_fallocate(i, 0, 0, 5 * HUGE), 0);
	for (unsigned k = 0; k < 5; k++)
		assert_int_equal(node_of(i, k), k < 4);
	file_end(f, i);
}

/* Who is of no task: near the CPU. */
static void test_nobody(void **state)
{
	struct fixture *f = *state;
	struct huge_place place = { .vm = &f->vm };
	policy_is(f, "bind:1");
	struct caller before = caller_set((struct caller){ .pid = 1, .name = "init" });
	assert_null(huge_place_policy(&place));
	huge_place_end(&place);
	caller_set(before);
	place = (struct huge_place){ .vm = &f->vm };
	assert_int_equal(huge_place_policy(&place)->mode, MPOL_BIND);
	huge_place_end(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_interleave, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_preferred, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
