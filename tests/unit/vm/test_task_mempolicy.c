/* SPDX-License-Identifier: MIT */
/* Where a task's memory lies, and how it follows. */
#include "support/record_fixture.h"

#include "base/clock.h"

static uint64_t on_node(struct task *t, const struct page_index *ix, unsigned nid)
{
	uint64_t nr = 0;
	for (uint64_t i = 0; i < ix->nr; i++)
		nr += page_node(&t->vm->machine, pfn_page(&t->vm->machine, ix->pfn[i]))->id == nid;
	return nr;
}

static uint64_t events_of(struct vm *vm, enum vm_event event)
{
	uint64_t sum = 0;
	MASK_FOR_EACH(cpu, &vm->machine.cpus_online)
		sum += READ_RELAXED(&vm->machine.cpu[cpu].event[event]);
	return sum;
}

static void test_words(void **state)
{
	struct fixture *f = *state;
	static const char *const words[][2] = {
		{ "bind:1\n", "bind:1\n" },
		{ "interleave:0-1", "interleave:0-1\n" },
		{ "preferred:1", "preferred:1\n" },
		{ "prefer:0", "preferred:0\n" },
		{ " local \t\n", "local\n" },
		{ "bind:0,7", "bind:0\n" },
		{ "default\n", "default\n" },
		{ "bind:0 move", "bind:0\n" },
		{ "bind:0\ninterleave:1", "interleave:1\n" },
		{ "default\tmove\n", "default\n" },
	};
	static const char *const bad[] = { "bind",       "bind:2",        "bind: 0", "move",
					   "bind:0 now", "bind:0 move 1", "1",       "local:0" };
	struct task *t = make_task(f, "a");
	assert_attr(t, "mempolicy", "default\n");
	for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
		assert_write(t, "mempolicy", words[i][0]);
		assert_attr(t, "mempolicy", words[i][1]);
	}
	assert_write(t, "mempolicy", "bind:1");
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		assert_write_fails(t, "mempolicy", bad[i], EINVAL);
	assert_attr(t, "mempolicy", "bind:1\n");
	end_task(f, t);
}

static void test_what_follows_it(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_int_equal(hugetlb_resize(&f->vm.policy, f->vm.hugetlb, 8, -1), 8);
	assert_write(t, "mempolicy", "bind:1");
	assert_write(t, "anon", "4M");
	assert_write(t, "file", "2M");
	assert_write(t, "pages", "2 GFP_KERNEL 30\n0 GFP_KERNEL 7\n");
	assert_write(t, "hugetlb", "2M 3");
	assert_int_equal(on_node(t, &t->anon, 1), 1024);
	assert_int_equal(on_node(t, &t->file, 1), 512);
	assert_int_equal(on_node(t, &t->pages[0].blocks, 1), 30);
	assert_int_equal(on_node(t, &t->pages[1].blocks, 1), 7);
	assert_int_equal(on_node(t, &t->hugetlb[0], 1), 3);
	assert_int_equal(on_node(t, &t->anon_tables, 0), 2); /* the kernel's, near its CPU */
	assert_write(t, "mempolicy", "default");
	assert_write(t, "anon", "+1M");
	assert_int_equal(on_node(t, &t->anon, 1), 1024);
	assert_int_equal(on_node(t, &t->anon, 0), 256);
	end_task(f, t);
	hugetlb_resize(&f->vm.policy, f->vm.hugetlb, 0, -1);
	assert_verified(&f->vm);
}

/* By the page of the mapping, so that it is the same again after a cut. */
static void test_interleave(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "mempolicy", "interleave:0-1");
	assert_write(t, "anon", "4M");
	assert_write(t, "anon", "4092k");
	assert_write(t, "anon", "8M");
	for (uint64_t i = 0; i < t->anon.nr; i++)
		assert_int_equal(page_node(&f->vm.machine, pfn_page(&f->vm.machine, t->anon.pfn[i]))->id,
				 i % 2);
	assert_write(t, "file", "4M");
	assert_int_equal(on_node(t, &t->file, 0), 512);
	end_task(f, t);
	assert_verified(&f->vm);
}

static void fill(struct task *t, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i += 3) {
		uint64_t bytes[2] = { i, ~i };
		assert_int_equal(task_mem_write(t, (char *)bytes, sizeof(bytes), (i << PAGE_SHIFT) + 100),
				 sizeof(bytes));
	}
}

static void assert_filled(struct task *t, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t bytes[3];
		assert_int_equal(task_mem_read(t, (char *)bytes, sizeof(bytes), (i << PAGE_SHIFT) + 100),
				 sizeof(bytes));
		assert_int_equal(bytes[0], i % 3 ? 0 : i);
		assert_int_equal(bytes[1], i % 3 ? 0 : ~i);
		assert_int_equal(bytes[2], 0);
	}
}

static void test_move(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct task *t = make_task(f, "a");
	assert_write(t, "anon", "12M");
	assert_write(t, "file", "3M");
	fill(t, 12 * MIB_PAGES);
	assert_write(t, "mempolicy", "bind:1");
	assert_int_equal(on_node(t, &t->anon, 0), 12 * MIB_PAGES);
	assert_write(t, "mempolicy", "bind:1 move");
	assert_int_equal(on_node(t, &t->anon, 1), 12 * MIB_PAGES);
	assert_int_equal(on_node(t, &t->file, 1), 3 * MIB_PAGES);
	assert_int_equal(events_of(&f->vm, PGMIGRATE_SUCCESS), 15 * MIB_PAGES);
	assert_int_equal(node_stat_sum(&f->vm.machine.node[1], NR_ANON_MAPPED), 12 * MIB_PAGES);
	assert_int_equal(node_stat_sum(&f->vm.machine.node[1], NR_FILE_PAGES), 3 * MIB_PAGES);
	assert_int_equal(node_stat_sum(&f->vm.machine.node[0], NR_ANON_MAPPED), 0);
	assert_filled(t, 12 * MIB_PAGES);
	assert_verified(&f->vm);
	assert_write(t, "mempolicy", "interleave:0-1 move"); /* they lie on its nodes */
	assert_int_equal(events_of(&f->vm, PGMIGRATE_SUCCESS), 15 * MIB_PAGES);
	assert_write(t, "mempolicy", "local move");
	assert_int_equal(on_node(t, &t->anon, 0), 12 * MIB_PAGES);
	assert_int_equal(events_of(&f->vm, PGMIGRATE_SUCCESS), 30 * MIB_PAGES);
	assert_int_equal(events_of(&f->vm, PGMIGRATE_FAIL), 0);
	assert_filled(t, 12 * MIB_PAGES);
	end_task(f, t);
	assert_verified(&f->vm);
	assert_free_state(&f->vm, &before);
}

/* There is room for some of them. */
static void test_move_as_far_as_there_is_room(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a"), *other = make_task(f, "b");
	assert_write(other, "cpu", "2");
	assert_write(other, "anon", "200M");
	assert_write(t, "anon", "150M");
	fill(t, 1000);
	assert_int_equal(on_node(t, &t->anon, 0), 150 * MIB_PAGES);
	assert_write(t, "mempolicy", "bind:1 move");
	uint64_t moved = on_node(t, &t->anon, 1);
	assert_in_range(moved, 45 * MIB_PAGES, 56 * MIB_PAGES);
	assert_int_equal(events_of(&f->vm, PGMIGRATE_SUCCESS), moved);
	assert_int_equal(events_of(&f->vm, PGMIGRATE_FAIL), 1);
	assert_int_equal(events_of(&f->vm, OOM_KILL), 0);
	assert_attr(t, "events", "alloc_fail 0\noom_kill 0\n");
	assert_filled(t, 1000);
	assert_verified(&f->vm);
	end_task(f, t);
	end_task(f, other);
	assert_verified(&f->vm);
}

static void test_comes_back(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "mempolicy", "interleave:0-1");
	assert_write(t, "pages", "0 GFP_KERNEL 3");
	struct reborn *r = reborn_alike(&f->vm);
	struct task *again = task_find(&r->vm, "a");
	assert_non_null(again);
	assert_attr(again, "mempolicy", "interleave:0-1\n");
	assert_write(again, "pages", "0 GFP_KERNEL 4"); /* node 0 was the last one */
	assert_int_equal(on_node(again, &again->pages[0].blocks, 1), 2);
	task_put(again);
	reborn_end(r);
	end_task(f, t);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	static const struct record_edit edit[] = {
		{ "task", "mempolicy.mode=2", "mempolicy.mode=5", "mempolicy.mode" },
		{ "task", "mempolicy.nodes.w=2", "mempolicy.nodes.w=6", "names nodes without memory" },
		{ "task", "mempolicy.mode=2", "mempolicy.mode=0", "names nodes without memory" },
	};
	assert_write(t, "mempolicy", "bind:1");
	assert_edits_refused(&f->vm, edit, ARRAY_LEN(edit));
	end_task(f, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_words),
		TEST(test_what_follows_it),
		TEST(test_interleave),
		TEST(test_move),
		TEST(test_move_as_far_as_there_is_room),
		TEST(test_comes_back),
		TEST(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
