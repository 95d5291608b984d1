/* SPDX-License-Identifier: MIT */
#include "support/vm_fixture.h"
#include "vm/hold.h"

#include <pthread.h>
#include <unistd.h>

struct client {
	struct fixture *f;
	struct task *task;
	bool stop;
};

static void *client_main(void *arg)
{
	struct client *c = arg;
	struct task *t;
	while (!READ_RELAXED(&c->stop)) {
		assert_int_equal(task_create(&c->f->vm, "client", 0, 0, &t), 0);
		WRITE_RELAXED(&c->task, t);
		task_attr_write(t, attr("anon"), "3M", 2);
		task_attr_write(t, attr("file"), "2M", 2);
		task_attr_write(t, attr("file"), "-1M", 3);
		assert_int_equal(task_remove(&c->f->vm, "client"), 0);
		task_put(t);
	}
	return NULL;
}

/* What a held machine says twice is the same, and it adds up: no change is half done. */
static void test_nothing_moves(void **state)
{
	struct client c = { .f = *state };
	struct vm *vm = &c.f->vm;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, client_main, &c), 0);
	for (unsigned i = 0; i < 60; i++) {
		vm_hold(vm);
		uint64_t held = 0, again = 0;
		for (unsigned round = 0; round < 2; round++) {
			uint64_t *sum = round ? &again : &held;
			for (unsigned id = 1; id < vm->tasks.nr_slots; id++) {
				struct task *t = vm->tasks.slot[id];
				if (!t)
					continue;
				assert_false(t->dead);
				*sum += t->anon.nr + t->file.nr + t->anon_tables.nr;
			}
			if (!round)
				usleep(500);
		}
		assert_int_equal(held, again);
		assert_int_equal(node_sum(vm, NR_FILE_PAGES) + node_sum(vm, NR_ANON_MAPPED) +
					 node_sum(vm, NR_PAGETABLE),
				 held);
		vm_release_machine(vm);
		vm_release_tasks(vm);
	}
	WRITE_RELAXED(&c.stop, true);
	pthread_join(thread, NULL);
	assert_verified(vm);
}

static void test_tasks_stay_held(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "t");
	assert_write(t, "anon", "1M");
	vm_hold(&f->vm);
	vm_release_machine(&f->vm);
	assert_int_not_equal(pthread_rwlock_tryrdlock(&f->vm.tasks.gate), 0); /* nobody can change a task */
	assert_attr(t, "anon", "1048576\n"); /* and everybody can look */
	vm_release_tasks(&f->vm);
	assert_write(t, "anon", "2M");
	end_task(f, t);
}

static void test_leaves_no_trace(void **state)
{
	struct fixture *f = *state;
	struct cpu *c = &f->vm.machine.cpu[1];
	c->used = false;
	vm_hold(&f->vm);
	vm_release_machine(&f->vm);
	vm_release_tasks(&f->vm);
	assert_false(c->used);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_nothing_moves), TEST(test_tasks_stay_held),
					    TEST(test_leaves_no_trace) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
