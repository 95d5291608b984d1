/* SPDX-License-Identifier: MIT */
#include "support/vm_fixture.h"

static uint64_t tables(struct task *t)
{
	struct task_usage u;
	task_usage(t, &u);
	return u.table_pages;
}

#define assert_tables(f, t, nr)                                                                    \
	do {                                                                                       \
		assert_int_equal(tables(t), nr);                                                   \
		assert_int_equal(node_sum(&(f)->vm, NR_PAGETABLE), nr);                            \
	} while (0)

static void test_one_for_512_pages(void **state)
{
	static const struct {
		const char *write;
		unsigned tables;
	} steps[] = {
		{ "4k", 1 },    { "2M", 1 }, { "+4k", 2 },   { "4M", 2 },    { "256M", 128 },
		{ "-4k", 128 }, { "2M", 1 }, { "8196k", 5 }, { "8192k", 4 }, { "0", 0 },
	};
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct free_state before = free_state(&f->vm);

	assert_tables(f, t, 0);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		assert_write(t, "anon", steps[i].write);
		assert_tables(f, t, steps[i].tables);
	}
	assert_free_state(&f->vm, &before);
	assert_verified(&f->vm);
	end_task(f, t);
}

static void test_256m_takes_its_tables_too(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	int64_t before = free_pages_all(&f->vm);

	assert_write(t, "anon", "256M");
	assert_int_equal(before - free_pages_all(&f->vm), 65536 + 128);
	assert_int_equal(f->vm.overcommit.committed_pages, 65536); /* tables are not promised */
	end_task(f, t);
	assert_int_equal(free_pages_all(&f->vm), before);
	assert_int_equal(node_sum(&f->vm, NR_PAGETABLE), 0);
	assert_verified(&f->vm);
}

static void test_on_the_tasks_node_and_unmovable(void **state)
{
	struct fixture *f = *state;
	struct machine *m = &f->vm.machine;
	struct task *t = make_task(f, "a");

	assert_write(t, "cpu", "2");
	assert_write(t, "anon", "16M");
	assert_int_equal(node_stat_sum(&m->node[0], NR_PAGETABLE), 0);
	assert_int_equal(node_stat_sum(&m->node[1], NR_PAGETABLE), 8);
	for (uint64_t i = 0; i < t->anon_tables.nr; i++) {
		const struct page *page = pfn_page(m, t->anon_tables.pfn[i]);
		assert_int_equal(page_node(m, page)->id, 1);
		assert_int_equal(page->owner, owner_handle(OWNER_TASK_PAGETABLE, t->id));
		assert_int_equal(page->lru, LRU_NONE);
		assert_int_equal(m->pageblock[t->anon_tables.pfn[i] >> m->pageblock_order] ^ MIGRATE_MOVABLE,
				 MIGRATE_UNMOVABLE);
	}
	assert_write(t, "cpu", "0"); /* whoever frees them, they leave their node's count */
	assert_write(t, "anon", "0");
	assert_int_equal(node_stat_sum(&m->node[1], NR_PAGETABLE), 0);
	end_task(f, t);
}

static void test_one_for_a_gib_of_huge_pages(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct free_state before = free_state(&f->vm);

	f->vm.hugetlb->nr_overcommit = 200;
	assert_write(t, "hugetlb", "2M 1");
	assert_tables(f, t, 1);
	assert_write(t, "hugetlb", "2M 200");
	assert_tables(f, t, 1);
	assert_write(t, "anon", "2M");
	assert_tables(f, t, 2);
	assert_write(t, "hugetlb", "2M 0");
	assert_tables(f, t, 1);
	assert_write(t, "anon", "0");
	assert_free_state(&f->vm, &before);
	end_task(f, t);

	assert_int_equal(hugetlb_tables_for(f->vm.hugetlb, 512), 1);
	assert_int_equal(hugetlb_tables_for(f->vm.hugetlb, 513), 2);
	assert_int_equal(hugetlb_tables_for(f->vm.hugetlb, 0), 0);
}

/* Larger tables, and huge pages are entries of the directory. */
static void test_without_pae(void **state)
{
	struct fixture *f = *state;
	f->vm.machine.pageblock_order = f->vm.hugetlb->order = 10;
	assert_int_equal(anon_tables_for(&f->vm, 1024), 1);
	assert_int_equal(anon_tables_for(&f->vm, 1025), 2);
	assert_int_equal(hugetlb_tables_for(f->vm.hugetlb, 100), 0);
}

/* An imported task's memory is sparse: it has more tables, and keeps them while it has memory. */
static void test_spare_tables(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	t->oom_score_adj = OOM_SCORE_ADJ_MIN; /* else it would lose all it has */
	assert_write(t, "anon", "8M");
	assert_int_equal(page_index_reserve(&t->anon_tables, 10), 0);
	assert_int_equal(task_tables_grow(t, &t->anon_tables, 10), 0);
	assert_write(t, "anon", "4M");
	assert_tables(f, t, 8);
	assert_write(t, "anon", "+2M"); /* there is room in what it has */
	assert_tables(f, t, 8);
	struct free_state before = free_state(&f->vm);
	assert_write_fails(t, "anon", "511M", ENOMEM);
	assert_tables(f, t, 8);
	assert_free_state(&f->vm, &before);
	assert_write(t, "anon", "0");
	assert_tables(f, t, 0);
	end_task(f, t);
}

static void test_tables_without_memory(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct task *t = make_task(f, "a");
	assert_int_equal(page_index_reserve(&t->anon_tables, 3), 0);
	assert_int_equal(task_tables_grow(t, &t->anon_tables, 3), 0);
	end_task(f, t);
	assert_free_state(&f->vm, &before);
	assert_int_equal(node_sum(&f->vm, NR_PAGETABLE), 0);
}

/* A huge page that cannot be had takes its table with it again. */
static void test_empty_pool_leaves_no_table(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct free_state before = free_state(&f->vm);
	assert_write_fails(t, "hugetlb", "2M 1", ENOMEM);
	assert_tables(f, t, 0);
	assert_free_state(&f->vm, &before);
	end_task(f, t);
}

/* Memory runs out exactly at a table: the line is rolled back with its tables. */
static void test_full_machine(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	t->oom_score_adj = OOM_SCORE_ADJ_MIN; /* else it would lose all it has */
	assert_write(t, "anon", "100M");
	struct free_state before = free_state(&f->vm);
	assert_write_fails(t, "anon", "511M", ENOMEM);
	assert_tables(f, t, 50);
	assert_free_state(&f->vm, &before);
	assert_verified(&f->vm);
	end_task(f, t);
	assert_int_equal(node_sum(&f->vm, NR_PAGETABLE), 0);
}

static void sweep_tables(struct fixture *f, struct task *t, enum fault_site site, const char *name,
			 const char *what, const char *undo)
{
	uint64_t before = tables(t);
	sweep_write(f, t, site, name, what, undo);
	assert_write(t, name, undo);
	assert_tables(f, t, before);
}

static void test_fault_sweeps(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	f->vm.hugetlb->nr_overcommit = 100;
	assert_write(t, "anon", "2M");
	sweep_tables(f, t, FAULT_BUDDY_TAKE, "anon", "9M", "2M");
	sweep_tables(f, t, FAULT_HOST_MALLOC, "anon", "9M", "2M");
	sweep_tables(f, t, FAULT_BUDDY_TAKE, "hugetlb", "2M 5", "2M 0");
	sweep_tables(f, t, FAULT_HOST_MALLOC, "hugetlb", "2M 5", "2M 0");
	end_task(f, t);
	assert_int_equal(node_sum(&f->vm, NR_PAGETABLE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_for_512_pages),
		TEST(test_256m_takes_its_tables_too),
		TEST(test_on_the_tasks_node_and_unmovable),
		TEST(test_one_for_a_gib_of_huge_pages),
		TEST(test_without_pae),
		TEST(test_spare_tables),
		TEST(test_tables_without_memory),
		TEST(test_empty_pool_leaves_no_table),
		TEST(test_full_machine),
		TEST(test_fault_sweeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
