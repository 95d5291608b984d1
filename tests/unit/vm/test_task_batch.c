/* SPDX-License-Identifier: MIT */
#include "mm/lru.h"
#include "support/vm_fixture.h"

static struct page *take(struct fixture *f, struct cpu *c, int nid)
{
	cpu_enter(c);
	struct page *page = alloc_pages(&f->vm.policy, c, nid, GFP_HIGHUSER_MOVABLE, 0);
	cpu_leave(c);
	assert_non_null(page);
	return page;
}

static void test_pages_of_two_nodes(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct task *t = make_task(f, "a");
	struct cpu *c = task_cpu(t);
	struct page *page[6];
	const struct page_use use = { &t->anon, owner_handle(OWNER_TASK_ANON, t->id),
				      LRU_INACTIVE_ANON, NR_ANON_MAPPED };

	for (unsigned i = 0; i < 6; i++)
		page[i] = take(f, c, i == 1 || i == 2 || i == 5);
	assert_int_equal(page_index_reserve(&t->anon, 6), 0);
	cpu_enter(c);
	pages_attach(t, c, &use, page, 6);
	cpu_leave(c);

	for (unsigned n = 0; n < 2; n++) {
		struct node *node = &f->vm.machine.node[n];
		assert_int_equal(node->lru.size[LRU_INACTIVE_ANON], 3);
		assert_int_equal(node_stat_sum(node, NR_ANON_MAPPED), 3);
	}
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(page[i]->index, i);
		assert_int_equal(owner_kind(page[i]->owner), OWNER_TASK_ANON);
		assert_int_equal(owner_id(page[i]->owner), t->id);
	}
	assert_verified(&f->vm);

	for (unsigned i = 6; i; i--)
		page_index_pop(&f->vm.machine, &t->anon);
	cpu_enter(c);
	pages_detach(t, c, NR_ANON_MAPPED, page, 6);
	cpu_leave(c);
	assert_int_equal(node_sum(&f->vm, NR_ANON_MAPPED), 0);
	assert_free_state(&f->vm, &before);
	assert_verified(&f->vm);
	end_task(f, t);
}

static void test_newest_is_warmest(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "file", "512k");
	struct page *cold = lru_tail(&f->vm.machine.node[0], LRU_INACTIVE_FILE);
	assert_int_equal(page_pfn(&f->vm.machine, cold), t->file.pfn[0]);
	end_task(f, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pages_of_two_nodes),
		TEST(test_newest_is_warmest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
