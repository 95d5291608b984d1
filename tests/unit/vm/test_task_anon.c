/* SPDX-License-Identifier: MIT */
#include "support/vm_fixture.h"

#include <pthread.h>

static void test_256m_comes_and_goes(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct task *t = make_task(f, "a");

	assert_write(t, "anon", "256M\n");
	assert_attr(t, "anon", "268435456\n");
	assert_int_equal(node_sum(&f->vm, NR_ANON_MAPPED), NODE_PAGES);
	assert_int_equal(node_sum(&f->vm, NR_INACTIVE_ANON), NODE_PAGES);
	assert_int_equal(node_sum(&f->vm, NR_ACTIVE_ANON), 0);
	assert_int_equal(f->vm.overcommit.committed_pages, NODE_PAGES);
	assert_verified(&f->vm);

	end_task(f, t);
	assert_free_state(&f->vm, &before);
	assert_int_equal(node_sum(&f->vm, NR_ANON_MAPPED), 0);
	assert_int_equal(node_sum(&f->vm, NR_INACTIVE_ANON), 0);
	assert_int_equal(f->vm.overcommit.committed_pages, 0);
	assert_verified(&f->vm);
}

static void test_sets_adds_and_takes(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_attr(t, "anon", "0\n");
	assert_write(t, "anon", "1M");
	assert_write(t, "anon", "+8k\n");
	assert_attr(t, "anon", "1056768\n");
	assert_write(t, "anon", "-4096\n+1\n");
	assert_attr(t, "anon", "1056768\n");
	assert_write_fails(t, "anon", "-2M", EINVAL);
	assert_attr(t, "anon", "1056768\n");
	assert_write(t, "anon", "0");
	assert_attr(t, "anon", "0\n");
	end_task(f, t);
}

static void test_first_touch_on_the_tasks_node(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "cpu", "2");
	assert_write(t, "anon", "16M");
	for (uint64_t i = 0; i < t->anon.nr; i++)
		assert_int_equal(page_node(&f->vm.machine, pfn_page(&f->vm.machine, t->anon.pfn[i]))->id, 1);
	assert_write(t, "cpu", "0");
	assert_write(t, "anon", "+16M");
	for (uint64_t i = 16 * MIB_PAGES; i < t->anon.nr; i++)
		assert_int_equal(page_node(&f->vm.machine, pfn_page(&f->vm.machine, t->anon.pfn[i]))->id, 0);
	end_task(f, t);
}

static void test_shrinks_from_the_end(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "anon", "1M");
	pfn_t first = t->anon.pfn[0], middle = t->anon.pfn[127];
	assert_write(t, "anon", "512k");
	assert_int_equal(t->anon.nr, 128);
	assert_int_equal(t->anon.pfn[0], first);
	assert_int_equal(t->anon.pfn[127], middle);
	end_task(f, t);
}

static void test_faults_are_counted(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "anon", "1M");
	assert_int_equal(f->vm.machine.cpu[0].event[PGFAULT], 256);
	end_task(f, t);
}

static void test_too_much_is_given_back(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	t->oom_score_adj = OOM_SCORE_ADJ_MIN; /* else it would lose all it has */
	assert_write(t, "anon", "100M");
	struct free_state before = free_state(&f->vm);

	assert_write_fails(t, "anon", "511M", ENOMEM); /* passes overcommit, does not fit */
	assert_attr(t, "anon", "104857600\n");
	assert_free_state(&f->vm, &before);
	assert_int_equal(f->vm.overcommit.committed_pages, 100 * MIB_PAGES);
	assert_write_fails(t, "anon", "+1T", ENOMEM); /* cannot pass */
	assert_write_fails(t, "anon", "16777215T", ENOMEM);
	assert_attr(t, "events", "alloc_fail 3\noom_kill 0\n");
	assert_verified(&f->vm);
	end_task(f, t);
}

static void test_overcommit_never(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	f->vm.overcommit.memory = 2;
	assert_write_fails(t, "anon", "300M", ENOMEM); /* past half of memory */
	assert_write(t, "anon", "100M");
	assert_int_equal(f->vm.overcommit.committed_pages, 100 * MIB_PAGES);
	end_task(f, t);
}

static void test_fault_sweeps(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "anon", "100k");
	assert_in_range(sweep_write(f, t, FAULT_HOST_MALLOC, "anon", "4M", "100k"), 2, 10);
	assert_write(t, "anon", "100k");
	sweep_write(f, t, FAULT_BUDDY_TAKE, "anon", "4M", "100k");
	end_task(f, t);
}

struct client {
	struct task *task;
	pthread_t thread;
	const char *failure;
};

static void *client_main(void *arg)
{
	struct client *c = arg;
	for (unsigned i = 0; i < 200; i++) {
		ssize_t ret = write_attr(c->task, "anon", "+300k\n");
		if (ret != 6)
			c->failure = "increase failed";
		ret = write_attr(c->task, "anon", "-300k\n");
		if (ret != 6)
			c->failure = "decrease failed";
	}
	return NULL;
}

static void test_two_clients_of_one_task(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct free_state before = free_state(&f->vm);
	struct client client[2] = { { .task = t }, { .task = t } };
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&client[i].thread, NULL, client_main, &client[i]), 0);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(client[i].thread, NULL);
		assert_null(client[i].failure);
	}
	assert_attr(t, "anon", "0\n");
	assert_free_state(&f->vm, &before);
	assert_verified(&f->vm);
	end_task(f, t);
}

static void *writer_main(void *arg)
{
	struct client *c = arg;
	for (;;) {
		ssize_t ret = write_attr(c->task, "anon", "+64M");
		if (ret == -ENODEV)
			return NULL;
		if (ret != 4 && ret != -ENOMEM)
			c->failure = "neither done nor ENOMEM nor gone";
	}
}

static void test_rmdir_while_another_writes(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	for (unsigned round = 0; round < 5; round++) {
		struct client c = { .task = make_task(f, "a") };
		assert_int_equal(pthread_create(&c.thread, NULL, writer_main, &c), 0);
		while (!page_index_nr(&c.task->anon))
			;
		assert_int_equal(task_remove(&f->vm, "a"), 0);
		assert_null(task_find(&f->vm, "a"));
		pthread_join(c.thread, NULL);
		assert_null(c.failure);
		task_put(c.task);
		assert_free_state(&f->vm, &before);
		assert_int_equal(f->vm.overcommit.committed_pages, 0);
	}
	assert_verified(&f->vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_256m_comes_and_goes),
		TEST(test_sets_adds_and_takes),
		TEST(test_first_touch_on_the_tasks_node),
		TEST(test_shrinks_from_the_end),
		TEST(test_faults_are_counted),
		TEST(test_too_much_is_given_back),
		TEST(test_overcommit_never),
		TEST(test_fault_sweeps),
		TEST(test_two_clients_of_one_task),
		TEST(test_rmdir_while_another_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
