/* SPDX-License-Identifier: MIT */
/* Long changes: a client that is killed during one, and whoever wants to hold the machine meanwhile. */
#include "support/vm_fixture.h"

#include "base/client.h"
#include "vm/hold.h"
#include "vm/record.h"

#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#define NEVER UINT_MAX

struct impatient {
	struct client client;
	unsigned patience; /* questions before it is interrupted */
	unsigned answers;
	ssize_t result;
};

static bool patience_ends(struct client *c)
{
	struct impatient *i = (struct impatient *)c;
	return i->patience == 0 || (i->patience != NEVER && --i->patience == 0);
}

static void note(struct client *c, ssize_t result)
{
	struct impatient *i = (struct impatient *)c;
	i->answers++;
	i->result = result;
}

static ssize_t write_as(struct impatient *i, struct task *t, const char *name, const char *what)
{
	i->client = (struct client){ .interrupted = patience_ends, .answer = note, .refused = -EINTR };
	i->answers = 0;
	struct client *before = client_set(&i->client);
	ssize_t n = write_attr(t, name, what);
	client_set(before);
	return i->answers ? i->result : n;
}

static const struct {
	const char *attr, *small, *large, *was;
} requests[] = {
	{ "anon", "1M", "400M", "1048576\n" },
	{ "file", "1M", "400M", "1048576\n" },
	{ "pages", "0 GFP_KERNEL 10", "0 GFP_KERNEL 100000", "0 GFP_KERNEL 10\n" },
};

static void test_refused_and_undone(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < ARRAY_LEN(requests); i++) {
		struct task *t = make_task(f, "a");
		assert_write(t, requests[i].attr, requests[i].small);
		struct free_state before = free_state(&f->vm);
		int64_t committed = f->vm.overcommit.committed_pages;
		struct impatient c = { .patience = 0 };
		ssize_t n = write_as(&c, t, requests[i].attr, requests[i].large);
		assert_int_equal(c.answers, 1);
		assert_int_equal(n, -EINTR);
		assert_attr(t, requests[i].attr, requests[i].was);
		assert_free_state(&f->vm, &before);
		assert_int_equal(f->vm.overcommit.committed_pages, committed);
		assert_attr(t, "events", "alloc_fail 0\noom_kill 0\n"); /* memory was not refused */
		assert_verified(&f->vm);
		end_task(f, t);
	}
}

static void test_lines_before_count(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct impatient c = { .patience = 0 };
	assert_write(t, "anon", "1M\n"); /* so that the first line has nothing to do */
	assert_int_equal(write_as(&c, t, "anon", "1M\n400M\n2M\n"), 3);
	assert_attr(t, "anon", "1048576\n");
	end_task(f, t);
}

/* What is given back is given back; the client does not have to watch. */
static void test_giving_goes_on(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct task *t = make_task(f, "a");
	struct impatient c = { .patience = NEVER };
	assert_int_equal(write_as(&c, t, "anon", "400M\n"), 5);
	assert_int_equal(c.answers, 0);
	c.patience = 0;
	assert_int_equal(write_as(&c, t, "anon", "0\n1M\n"), 2);
	assert_int_equal(c.answers, 1);
	assert_attr(t, "anon", "0\n");
	end_task(f, t);
	assert_free_state(&f->vm, &before);
	assert_int_equal(f->vm.overcommit.committed_pages, 0);
}

struct other {
	struct fixture *f;
	struct task *task;
	ssize_t n;
	struct impatient client;
};

static void *large_main(void *arg)
{
	struct other *o = arg;
	o->n = write_attr(o->task, "anon", "400M");
	return NULL;
}

static void *waiting_main(void *arg)
{
	struct other *o = arg;
	o->n = write_as(&o->client, o->task, "cpu", "1");
	return NULL;
}

/* Somebody else is changing the task, for longer than the client likes. */
static void test_waiting_is_interrupted(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct other o = { .f = f, .task = t, .client = { .patience = 1 } };
	pthread_t thread;

	lock_take(&t->lock);
	assert_int_equal(pthread_create(&thread, NULL, waiting_main, &o), 0);
	pthread_join(thread, NULL); /* the lock is still held */
	assert_int_equal(o.n, -EINTR);
	lock_drop(&t->lock);

	vm_hold(&f->vm);
	vm_release_machine(&f->vm); /* the bytes of tasks are being copied */
	o.client.patience = 1;
	assert_int_equal(pthread_create(&thread, NULL, waiting_main, &o), 0);
	pthread_join(thread, NULL);
	assert_int_equal(o.n, -EINTR);
	vm_release_tasks(&f->vm);
	assert_attr(t, "cpu", "0\n");
	assert_write(t, "cpu", "1");
	end_task(f, t);
}

static int64_t pages_of_all(struct vm *vm)
{
	int64_t sum = 0;
	for (unsigned id = 1; id < vm->tasks.nr_slots; id++)
		if (vm->tasks.slot[id])
			sum += (int64_t)vm->tasks.slot[id]->anon.nr;
	return sum;
}

/* The machine is held in the middle of a change, and what is promised then is what is there. */
static void test_held_half_way(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct other o = { .f = f, .task = t };
	pthread_t thread;
	unsigned half_way = 0;

	for (unsigned i = 0; i < 20 && !half_way; i++) {
		assert_int_equal(pthread_create(&thread, NULL, large_main, &o), 0);
		while (!page_index_nr(&t->anon))
			sched_yield();
		for (bool done = false; !done;) {
			vm_hold(&f->vm);
			int64_t pages = pages_of_all(&f->vm);
			assert_int_equal(f->vm.overcommit.committed_pages, pages);
			assert_int_equal(node_sum(&f->vm, NR_ANON_MAPPED), pages);
			done = (uint64_t)pages == 400 * MIB_PAGES;
			half_way += !done;
			vm_release_machine(&f->vm);
			vm_release_tasks(&f->vm);
		}
		pthread_join(thread, NULL);
		assert_int_equal(o.n, 4);
		assert_write(t, "anon", "0");
	}
	assert_true(half_way);
	end_task(f, t);
	assert_verified(&f->vm);
}

/* rmdir during a change: the change ends, and all of it is free. */
static void test_removed_half_way(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	for (unsigned i = 0; i < 5; i++) {
		struct task *t = make_task(f, "a");
		struct other o = { .f = f, .task = t };
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, large_main, &o), 0);
		while (!page_index_nr(&t->anon))
			sched_yield();
		assert_int_equal(task_remove(&f->vm, "a"), 0);
		pthread_join(thread, NULL);
		assert_true(o.n == -ENODEV || o.n == 4);
		task_put(t);
	}
	assert_free_state(&f->vm, &before);
	assert_verified(&f->vm);
}

/* Undoing after ENOMEM: the client that is killed meanwhile is told why. */
static void test_killed_while_undoing(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct impatient c = { .patience = 1500 }; /* 512 MiB have 2048 batches, and not all of them can be had */
	assert_write(t, "pages", "0 GFP_KERNEL 50000");
	assert_int_equal(write_as(&c, t, "anon", "500M"), -ENOMEM);
	assert_int_equal(c.answers, 1);
	assert_attr(t, "anon", "0\n");
	end_task(f, t);
	assert_verified(&f->vm);
}

int main(void)
{
	progress_slice_ns = 0;
	const struct CMUnitTest tests[] = {
		TEST(test_refused_and_undone),   TEST(test_lines_before_count),
		TEST(test_giving_goes_on),       TEST(test_waiting_is_interrupted),
		TEST(test_held_half_way),        TEST(test_removed_half_way),
		TEST(test_killed_while_undoing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
