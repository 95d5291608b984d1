/* SPDX-License-Identifier: MIT */
/* Pages that a task gets from an import: counted, held, given back. */
#include "mm/mark.h"
#include "policy/reclaim.h"

#include "support/vm_fixture.h"

#define NR 40u

static void pages_take(struct fixture *f, struct page **page, unsigned nr)
{
	struct cpu *c = &f->vm.machine.cpu[0];
	cpu_enter(c);
	for (unsigned i = 0; i < nr; i++) {
		page[i] = alloc_pages(&f->vm.policy, c, -1, GFP_HIGHUSER_MOVABLE, 0);
		assert_non_null(page[i]);
	}
	cpu_leave(c);
}

static struct task *make(struct fixture *f)
{
	struct task *t;
	assert_int_equal(task_create(&f->vm, "imported", 0, 0, &t), 0);
	return t;
}

static void adopt(struct fixture *f, struct task *t, enum owner_kind kind, enum lru_list lru, unsigned marks)
{
	struct page *page[NR];
	pages_take(f, page, NR);
	assert_int_equal(task_adopt(t, kind, page, NR, lru, marks), 0);
	assert_int_equal(owner_kind(page[0]->owner), kind);
	assert_int_equal(page[NR - 1]->lru, lru);
}

static void all_gone(struct fixture *f, struct task *t, const struct free_state *before)
{
	task_put(t);
	assert_int_equal(task_remove(&f->vm, "imported"), 0);
	struct free_state after = free_state(&f->vm);
	assert_memory_equal(&after, before, sizeof(after));
	for (unsigned s = 0; s < NR_NODE_STATS; s++)
		assert_int_equal(node_sum(&f->vm, (enum node_stat)s), 0);
	assert_verified(&f->vm);
}

static void test_each_kind(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct task *t = make(f);
	adopt(f, t, OWNER_TASK_FILE, LRU_INACTIVE_FILE, MARK_DIRTY);
	adopt(f, t, OWNER_TASK_FILE, LRU_UNEVICTABLE, MARK_MLOCKED);
	adopt(f, t, OWNER_TASK_SHMEM, LRU_ACTIVE_ANON, MARK_SHMEM | MARK_MAPPED);
	adopt(f, t, OWNER_TASK_ANON, LRU_INACTIVE_ANON, 0);
	assert_int_equal(node_sum(&f->vm, NR_FILE_PAGES), 3 * NR);
	assert_int_equal(node_sum(&f->vm, NR_SHMEM), NR);
	assert_int_equal(node_sum(&f->vm, NR_FILE_MAPPED), NR);
	assert_int_equal(node_sum(&f->vm, NR_FILE_DIRTY), NR);
	assert_int_equal(node_sum(&f->vm, NR_ANON_MAPPED), NR);
	assert_int_equal(node_sum(&f->vm, NR_UNEVICTABLE), NR);
	assert_int_equal(page_index_nr(&t->anon), NR);
	assert_int_equal(page_index_nr(&t->file), 2 * NR);
	assert_int_equal(page_index_nr(&t->shmem), NR);
	assert_verified(&f->vm);
	all_gone(f, t, &before);
}

/* drop_caches takes neither what is dirty nor what is mapped; reclaim unmaps. */
static void test_what_stays(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct task *t = make(f);
	struct cpu *c = &f->vm.machine.cpu[0];
	adopt(f, t, OWNER_TASK_FILE, LRU_INACTIVE_FILE, MARK_DIRTY);
	adopt(f, t, OWNER_TASK_FILE, LRU_INACTIVE_FILE, MARK_WRITEBACK);
	adopt(f, t, OWNER_TASK_FILE, LRU_ACTIVE_FILE, MARK_MAPPED);
	adopt(f, t, OWNER_TASK_FILE, LRU_ACTIVE_FILE, MARK_BUFFER);
	adopt(f, t, OWNER_TASK_SHMEM, LRU_INACTIVE_ANON, MARK_SHMEM);
	assert_int_equal(f->vm.machine.nr_buffer_pages, NR);
	assert_int_equal(reclaim_drop_pagecache(&f->vm.policy), NR);
	assert_int_equal(f->vm.machine.nr_buffer_pages, 0);
	assert_int_equal(node_sum(&f->vm, NR_FILE_MAPPED), NR);

	cpu_enter(c); /* its list is behind one of pages that all stay */
	struct reclaim r = { .policy = &f->vm.policy,
			     .cpu = c,
			     .type_mask = ~0u,
			     .wanted = 1000,
			     .may_unmap = true,
			     .force_deactivate = true };
	for (unsigned i = 0; i < 2 * NR; i++)
		reclaim_shrink_node(&r, &f->vm.machine.node[0]);
	assert_int_equal(r.freed, NR);
	cpu_leave(c);
	assert_int_equal(node_sum(&f->vm, NR_FILE_MAPPED), 0);
	assert_int_equal(page_index_nr(&t->file), 2 * NR);
	assert_verified(&f->vm);
	all_gone(f, t, &before);
}

static void test_page_tables(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct task *t = make(f);
	struct page *page[2];
	pages_take(f, page, 2);
	adopt(f, t, OWNER_TASK_ANON, LRU_INACTIVE_ANON, 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(task_adopt_table(t, page[i]), 0);
	assert_int_equal(node_sum(&f->vm, NR_PAGETABLE), 2);
	assert_int_equal(page_index_nr(&t->anon_tables), 2);
	all_gone(f, t, &before);
}

static void test_no_host_memory(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct task *t = make(f);
	struct page *page[1];
	pages_take(f, page, 1);
	fault_arm(FAULT_HOST_MALLOC, 1);
	assert_int_equal(task_adopt(t, OWNER_TASK_SHMEM, page, 1, LRU_ACTIVE_ANON, MARK_SHMEM), -ENOMEM);
	fault_arm(FAULT_HOST_MALLOC, 0);
	assert_int_equal(page_index_nr(&t->shmem), 0);
	assert_int_equal(node_sum(&f->vm, NR_SHMEM), 0);
	assert_int_equal(task_adopt(t, OWNER_TASK_SHMEM, page, 1, LRU_ACTIVE_ANON, MARK_SHMEM), 0);
	all_gone(f, t, &before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_kind),
		TEST(test_what_stays),
		TEST(test_page_tables),
		TEST(test_no_host_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
