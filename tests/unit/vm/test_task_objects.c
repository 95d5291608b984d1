/* SPDX-License-Identifier: MIT */
/* What slab and kmalloc share: lines, batches, interruption, and the end of a task. */
#include "support/vm_fixture.h"
#include "support/vm_slab_fixture.h"

#include "base/client.h"
#include "base/rng.h"
#include "vm/hold.h"

#include <pthread.h>
#include <unistd.h>

static const struct {
	const char *attr, *small, *large, *was;
} requests[] = {
	{ "slab", "kmalloc-8 10", "kmalloc-8 12000000", "kmalloc-8 10\n" },
	{ "kmalloc", "8 10", "8 12000000", "8 10\n" },
	{ "kmalloc", "16k 10", "16k 30000", "16384 10\n" }, /* over before anybody asks */
};
#define NR_LONG_REQUESTS 2

/* ---- A client that does not want to wait ---- */

static bool at_once(struct client *c)
{
	(void)c;
	return true;
}

struct answered {
	struct client client;
	unsigned nr;
	ssize_t result;
};

static void note(struct client *c, ssize_t result)
{
	struct answered *a = (struct answered *)c;
	a->nr++;
	a->result = result;
}

static ssize_t write_impatiently(struct task *t, const char *name, const char *what)
{
	struct answered a = { .client = { .interrupted = at_once, .answer = note, .refused = -EINTR } };
	struct client *before = client_set(&a.client);
	ssize_t n = write_attr(t, name, what);
	client_set(before);
	assert_in_range(a.nr, 0, 1);
	return a.nr ? a.result : n;
}

static void test_refused_and_undone(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < NR_LONG_REQUESTS; i++) {
		struct task *t = make_task(f, "a");
		assert_write(t, requests[i].attr, requests[i].small);
		shrink_all(f);
		struct free_state before = free_state(&f->vm);
		assert_int_equal(write_impatiently(t, requests[i].attr, requests[i].large), -EINTR);
		assert_attr(t, requests[i].attr, requests[i].was);
		assert_attr(t, "events", "alloc_fail 0\noom_kill 0\n"); /* memory was not refused */
		shrink_all(f);
		assert_free_state(&f->vm, &before);
		assert_verified(&f->vm);
		end_task(f, t);
	}
}

static void test_giving_goes_on(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	for (unsigned i = 0; i < ARRAY_LEN(requests); i++) {
		struct task *t = make_task(f, "a");
		assert_write(t, requests[i].attr, requests[i].large);
		char less[64];
		snprintf(less, sizeof(less), "%.*s 5\n", (int)strcspn(requests[i].large, " "),
			 requests[i].large);
		assert_int_equal(write_impatiently(t, requests[i].attr, less), strlen(less));
		assert_int_equal(t->objects[0].nr, 5);
		end_task(f, t);
		shrink_all(f);
		assert_free_state(&f->vm, &before);
	}
}

/* ---- Somebody else gets in between ---- */

struct writer {
	struct task *task;
	ssize_t n;
	bool done; /* atomic */
};

static void *write_main(void *arg)
{
	struct writer *w = arg;
	w->n = write_attr(w->task, "slab", "kmalloc-8 20000000");
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void wait_until_it_takes(struct task *t)
{
	while (!*read_attr(t, "slab"))
		usleep(100);
}

static void test_the_machine_is_held_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct writer w = { .task = make_task(f, "a") };
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, write_main, &w), 0);
	wait_until_it_takes(w.task);
	for (unsigned i = 0; i < 20 && !__atomic_load_n(&w.done, __ATOMIC_ACQUIRE); i++) {
		vm_hold(&f->vm);
		const struct task_objects *line = w.task->objects;
		for (uint64_t o = 0; o < line->nr; o += 1 + line->nr / 100) /* all of them are there */
			assert_non_null(object_slab(line->cache, line->object[o]));
		vm_release_machine(&f->vm);
		vm_release_tasks(&f->vm);
	}
	pthread_join(thread, NULL);
	assert_int_equal(w.n, 18);
	assert_verified(&f->vm);
	end_task(f, w.task);
}

static void test_removed_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct writer w = { .task = make_task(f, "a") };
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, write_main, &w), 0);
	wait_until_it_takes(w.task);
	assert_int_equal(task_remove(&f->vm, "a"), 0);
	pthread_join(thread, NULL);
	assert_true(w.n == -ENODEV || w.n == 18);
	assert_int_equal(w.task->nr_objects, 0);
	task_put(w.task);
	shrink_all(f);
	assert_free_state(&f->vm, &before);
	assert_verified(&f->vm);
}

/* ---- The rest ---- */

static void test_a_shutdown_with_objects(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "slab", "TCP 100\n");
	assert_write(t, "kmalloc", "5000 7\n100k 2\n");
	task_put(t);
}

static void test_every_object_once(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct kmem_cache *s = cache_of(f, "kmalloc-16");
	assert_write(t, "slab", "kmalloc-16 20000\nkmalloc-16 -7777\nkmalloc-16 +500\n");
	const struct task_objects *line = task_objects_find(t, s, 0, GFP_KERNEL);
	assert_int_equal(line->nr, 12723);
	for (uint64_t i = 0; i < line->nr; i++) /* no two are the same */
		*(uint64_t *)line->object[i] = i;
	for (uint64_t i = 0; i < line->nr; i++) {
		assert_int_equal(*(uint64_t *)line->object[i], i);
		const struct page *slab = object_slab(s, line->object[i]);
		assert_non_null(slab);
		assert_ptr_equal(slab_object(s, slab, slab_index(s, slab, line->object[i])),
				 line->object[i]);
	}
	end_task(f, t);
}

static void test_room_is_given_back(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "kmalloc", "8 1000000\n");
	assert_int_equal(t->objects[0].cap, 1000000);
	assert_write(t, "kmalloc", "8 300000\n");
	assert_int_equal(t->objects[0].cap, 1000000);
	assert_write(t, "kmalloc", "8 10\n");
	assert_int_equal(t->objects[0].cap, 10);
	assert_int_equal(usage_of(f, "kmalloc-8").active, 10);
	end_task(f, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_refused_and_undone),
		TEST(test_giving_goes_on),
		TEST(test_the_machine_is_held_meanwhile),
		TEST(test_removed_meanwhile),
		TEST(test_a_shutdown_with_objects),
		TEST(test_every_object_once),
		TEST(test_room_is_given_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
