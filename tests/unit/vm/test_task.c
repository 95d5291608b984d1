/* SPDX-License-Identifier: MIT */
#include "support/vm_fixture.h"

#include <pthread.h>

static void test_create_and_find(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a b\n\xff"), *found;
	assert_int_equal(t->uid, 1000);
	assert_int_not_equal(t->id, 0);
	assert_int_equal(t->pid, 2);
	assert_ptr_equal(found = task_find(&f->vm, "a b\n\xff"), t);
	task_put(found);
	assert_ptr_equal(found = task_find_pid(&f->vm, t->pid), t);
	task_put(found);
	assert_ptr_equal(found = task_get(&f->vm, t->id), t);
	task_put(found);
	assert_null(task_find(&f->vm, "a"));
	assert_null(task_find_pid(&f->vm, 1));
	assert_null(task_get(&f->vm, 0));
	assert_null(task_get(&f->vm, t->id + 1));
	assert_null(task_get(&f->vm, UINT32_MAX));
	end_task(f, t);
}

static void test_bad_names(void **state)
{
	struct fixture *f = *state;
	struct task *t;
	char name[TASK_NAME_MAX + 2];
	assert_int_equal(task_create(&f->vm, "", 0, 0, &t), -EINVAL);
	assert_int_equal(task_create(&f->vm, ".", 0, 0, &t), -EINVAL);
	assert_int_equal(task_create(&f->vm, "..", 0, 0, &t), -EINVAL);
	assert_int_equal(task_create(&f->vm, "a/b", 0, 0, &t), -EINVAL);
	memset(name, 'n', sizeof(name));
	name[TASK_NAME_MAX + 1] = '\0';
	assert_int_equal(task_create(&f->vm, name, 0, 0, &t), -ENAMETOOLONG);
	name[TASK_NAME_MAX] = '\0';
	t = make_task(f, name);
	assert_int_equal(task_create(&f->vm, name, 0, 0, &t), -EEXIST);
	assert_int_equal(task_remove(&f->vm, name), 0);
	assert_int_equal(task_remove(&f->vm, name), -ENOENT);
	task_put(t);
	assert_int_equal(f->vm.tasks.nr, 0);
}

static void test_numbers(void **state)
{
	struct fixture *f = *state;
	struct task *a = make_task(f, "a"), *b = make_task(f, "b");
	uint32_t id = a->id, generation = a->generation;
	assert_int_equal(b->pid, a->pid + 1);
	end_task(f, a);
	a = make_task(f, "a");
	assert_int_equal(a->id, id); /* ids come back, */
	assert_int_not_equal(a->generation, generation); /* told apart by generation; */
	assert_int_equal(a->pid, b->pid + 1); /* pids go on */
	f->vm.tasks.next_pid = 4194303;
	struct task *c = make_task(f, "c"), *d = make_task(f, "d");
	assert_int_equal(c->pid, 4194303);
	assert_int_equal(d->pid, 2); /* around, to the first that is free */
	f->vm.tasks.next_pid = b->pid;
	struct task *e = make_task(f, "e");
	assert_int_equal(e->pid, a->pid + 1);
	task_put(a);
	task_put(b);
	task_put(c);
	task_put(d);
	task_put(e);
}

static void test_walk(void **state)
{
	struct fixture *f = *state;
	char name[20];
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		task_put(make_task(f, name));
	}
	for (unsigned i = 0; i < 100; i += 3) {
		snprintf(name, sizeof(name), "t%u", i);
		assert_int_equal(task_remove(&f->vm, name), 0);
	}
	unsigned seen = 0;
	uint32_t last = 0;
	for (struct task *t; (t = task_next(&f->vm, last)); seen++) {
		assert_true(t->id > last);
		last = t->id;
		task_put(t);
	}
	assert_int_equal(seen, 66);
	assert_int_equal(f->vm.tasks.nr, 66);
	assert_null(task_next(&f->vm, UINT32_MAX));
}

static void test_table_full(void **state)
{
	struct fixture *f = *state;
	char name[20];
	struct task *t;
	for (unsigned i = 0; i < TASKS_MAX; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		task_put(make_task(f, name));
	}
	assert_int_equal(task_create(&f->vm, "one more", 0, 0, &t), -ENOSPC);
	assert_int_equal(task_remove(&f->vm, "t777"), 0);
	t = make_task(f, "one more");
	assert_int_equal(t->id, 778);
	task_put(t);
}

static void test_a_reference_outlives_the_task(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct text out;
	assert_write(t, "anon", "1M");
	assert_int_equal(task_remove(&f->vm, "a"), 0);
	assert_null(task_get(&f->vm, t->id));
	assert_write_fails(t, "anon", "1M", ENODEV);
	assert_write_fails(t, "anon", "", ENODEV);
	text_init(&out, 0);
	assert_int_equal(task_attr_read(t, attr("anon"), &out), -ENODEV);
	text_fini(&out);
	assert_int_equal(task_mem_bytes(t), 0);
	struct task *again = make_task(f, "a"); /* the name is free while the old one is referenced */
	assert_ptr_not_equal(again, t);
	end_task(f, again);
	task_put(t);
}

static void test_change_counts(void **state)
{
	struct fixture *f = *state;
	uint64_t before = f->vm.tasks.change;
	struct task *t = make_task(f, "a");
	assert_int_equal(f->vm.tasks.change, before + 1);
	end_task(f, t);
	assert_int_equal(f->vm.tasks.change, before + 2);
}

static void test_host_memory_fails(void **state)
{
	struct fixture *f = *state;
	struct task *t;
	fault_arm(FAULT_HOST_MALLOC, 1);
	assert_int_equal(task_create(&f->vm, "a", 0, 0, &t), -ENOMEM);
	assert_int_equal(f->vm.tasks.nr, 0);
	end_task(f, make_task(f, "a"));
}

static void test_holding_at_shutdown(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "anon", "10M");
	assert_write(t, "file", "10M");
	assert_write(t, "pages", "3 GFP_KERNEL 10");
	task_put(t); /* teardown must leave nothing: the address sanitizer looks */
}

static void *maker_main(void *arg)
{
	struct fixture *f = arg;
	for (unsigned i = 0; i < 300; i++) {
		struct task *t;
		if (!task_create(&f->vm, i % 2 ? "x" : "y", 0, 0, &t)) {
			write_attr(t, "anon", "64k");
			write_attr(t, "file", "64k");
			task_put(t);
		}
		(void)!task_remove(&f->vm, i % 3 ? "x" : "y");
	}
	return NULL;
}

static void test_many_come_and_go_at_once(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	pthread_t thread[4];
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, maker_main, f), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	(void)!task_remove(&f->vm, "x");
	(void)!task_remove(&f->vm, "y");
	assert_int_equal(f->vm.tasks.nr, 0);
	assert_null(task_next(&f->vm, 0));
	assert_free_state(&f->vm, &before);
	assert_verified(&f->vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create_and_find),
		TEST(test_bad_names),
		TEST(test_numbers),
		TEST(test_walk),
		TEST(test_table_full),
		TEST(test_a_reference_outlives_the_task),
		TEST(test_change_counts),
		TEST(test_host_memory_fails),
		TEST(test_holding_at_shutdown),
		TEST(test_many_come_and_go_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
