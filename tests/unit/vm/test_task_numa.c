/* SPDX-License-Identifier: MIT */
/* Where the pages of a mapping are said to lie. */
#include "support/vm_fixture.h"

#include "mm/lru.h"

static void test_nothing(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct task_numa map;
	assert_write(t, "file", "1M");
	for (unsigned kind = 0; kind < AREA_KINDS; kind++)
		assert_false(task_numa_read(t, (enum area_kind)kind, &map));
	end_task(f, t);
}

static void test_anon(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a"), *b = make_task(f, "b");
	struct task_numa map, other;
	assert_write(t, "anon", "40M"); /* more than is looked at in one go */
	assert_write(t, "mempolicy", "bind:1");
	assert_write(t, "anon", "+3M");
	assert_write(b, "anon", "4k");
	assert_true(task_numa_read(t, AREA_ANON, &map));
	assert_int_equal(map.page_kb, 4);
	assert_int_equal(map.pages, 43 * MIB_PAGES);
	assert_int_equal(map.active, 0);
	assert_int_equal(map.node[0], 40 * MIB_PAGES);
	assert_int_equal(map.node[1], 3 * MIB_PAGES);
	assert_true(task_numa_read(b, AREA_ANON, &other));
	assert_int_equal(other.start, map.start);
	end_task(f, t);
	end_task(f, b);
}

static void test_active(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct task_numa map;
	assert_write(t, "anon", "16k");
	struct cpu *c = task_cpu(t);
	struct page *page = pfn_page(&f->vm.machine, t->anon.pfn[2]);
	struct node *n = page_node(&f->vm.machine, page);
	cpu_enter(c);
	lock_take(&n->lru.lock);
	lru_del(c, page);
	lru_add(c, page, LRU_ACTIVE_ANON);
	lock_drop(&n->lru.lock);
	cpu_leave(c);
	assert_true(task_numa_read(t, AREA_ANON, &map));
	assert_int_equal(map.active, 1);
	assert_int_equal(map.pages, 4);
	end_task(f, t);
}

static void test_huge(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct task_numa map, anon;
	assert_int_equal(hugetlb_resize(&f->vm.policy, f->vm.hugetlb, 8, -1), 8);
	assert_write(t, "hugetlb", "2M 5");
	assert_write(t, "anon", "4k");
	assert_true(task_numa_read(t, AREA_HUGETLB, &map));
	assert_int_equal(map.page_kb, 2048);
	assert_int_equal(map.pages, 5);
	assert_int_equal(map.node[0], 4); /* its own node's first */
	assert_int_equal(map.node[1], 1);
	assert_true(task_numa_read(t, AREA_ANON, &anon));
	assert_true(anon.start < map.start);
	end_task(f, t);
	hugetlb_resize(&f->vm.policy, f->vm.hugetlb, 0, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_nothing), TEST(test_anon), TEST(test_active),
					    TEST(test_huge) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
