/* SPDX-License-Identifier: MIT */
#include "support/vm_fixture.h"

#include <pthread.h>

static int64_t file_pages(struct vm *vm)
{
	return node_sum(vm, NR_FILE_PAGES);
}

static void test_is_clean_page_cache(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct task *t = make_task(f, "a");

	assert_write(t, "file", "100M\n");
	assert_attr(t, "file", "104857600\n");
	assert_int_equal(file_pages(&f->vm), 25600);
	assert_int_equal(node_sum(&f->vm, NR_INACTIVE_FILE), 25600);
	assert_int_equal(node_sum(&f->vm, NR_ACTIVE_FILE), 0);
	assert_int_equal(f->vm.overcommit.committed_pages, 0);
	assert_verified(&f->vm);

	end_task(f, t);
	assert_int_equal(file_pages(&f->vm), 0);
	assert_int_equal(node_sum(&f->vm, NR_INACTIVE_FILE), 0);
	assert_free_state(&f->vm, &before);
	assert_verified(&f->vm);
}

static void test_drop_caches_takes_it(void **state)
{
	struct fixture *f = *state;
	struct task *a = make_task(f, "a"), *b = make_task(f, "b");
	struct free_state before = free_state(&f->vm);
	assert_write(a, "file", "20M");
	assert_write(b, "cpu", "3");
	assert_write(b, "file", "30M");
	assert_int_equal(reclaim_drop_pagecache(&f->vm.policy), 50 * MIB_PAGES);
	assert_attr(a, "file", "0\n");
	assert_attr(b, "file", "0\n");
	assert_int_equal(file_pages(&f->vm), 0);
	assert_free_state(&f->vm, &before);
	assert_verified(&f->vm);
	assert_write(a, "file", "+4M"); /* and it can be read again */
	assert_attr(a, "file", "4194304\n");
	end_task(f, a);
	end_task(f, b);
}

static void test_decrease_is_a_random_choice(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "file", "16M");
	pfn_t *had = malloc(4096 * sizeof(*had));
	memcpy(had, t->file.pfn, 4096 * sizeof(*had));

	assert_write(t, "file", "-8M");
	assert_attr(t, "file", "8388608\n");
	unsigned early = 0, runs = 0;
	bool gone_before = false;
	for (unsigned i = 0; i < 4096; i++) {
		bool gone = !page_index_has(&f->vm.machine, &t->file, pfn_page(&f->vm.machine, had[i]));
		early += gone && i < 2048;
		runs += gone != gone_before;
		gone_before = gone;
	}
	assert_in_range(early, 900, 1150); /* half of those that went */
	assert_in_range(runs, 1800, 2300); /* holes everywhere */
	free(had);
	end_task(f, t);
}

static void test_same_seed_same_choice(void **state)
{
	pfn_t left[2][256];
	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		struct fixture *f = fixture_boot();
		struct task *t = make_task(f, "a");
		assert_write(t, "file", "2M");
		assert_write(t, "file", "1M");
		memcpy(left[round], t->file.pfn, sizeof(left[round]));
		end_task(f, t);
		fixture_end(f);
	}
	assert_memory_equal(left[0], left[1], sizeof(left[0]));
}

static void test_anon_pushes_it_out(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "file", "400M");
	assert_write(t, "anon", "300M");
	assert_attr(t, "anon", "314572800\n");
	assert_in_range(page_index_nr(&t->file), 150 * MIB_PAGES, 212 * MIB_PAGES);
	assert_int_equal(page_index_nr(&t->file), file_pages(&f->vm));
	assert_attr(t, "events", "alloc_fail 0\noom_kill 0\n");
	assert_verified(&f->vm);
	end_task(f, t);
	assert_verified(&f->vm);
}

static void test_reading_more_than_fits(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "anon", "300M");
	assert_write(t, "file", "400M"); /* passes through */
	assert_in_range(page_index_nr(&t->file), 150 * MIB_PAGES, 212 * MIB_PAGES);
	assert_write_fails(t, "file", "1G", ENOMEM); /* more than the machine */
	assert_write_fails(t, "file", "-400M", EINVAL);
	assert_verified(&f->vm);
	end_task(f, t);
}

static void test_failure_takes_back_only_its_own(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "file", "1M");
	pfn_t had[256];
	memcpy(had, t->file.pfn, sizeof(had));
	f->vm.policy.owner[OWNER_TASK_FILE] = NULL; /* nothing can be reclaimed */
	assert_write_fails(t, "file", "511M", ENOMEM);
	f->vm.policy.owner[OWNER_TASK_FILE] = &task_file_ops;
	assert_int_equal(t->file.nr, 256);
	for (unsigned i = 0; i < 256; i++)
		assert_true(page_index_has(&f->vm.machine, &t->file, pfn_page(&f->vm.machine, had[i])));
	assert_attr(t, "events", "alloc_fail 1\noom_kill 0\n");
	assert_verified(&f->vm);
	end_task(f, t);
}

static void test_fault_sweeps(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "file", "100k");
	sweep_write(f, t, FAULT_HOST_MALLOC, "file", "4M", "100k");
	f->vm.policy.owner[OWNER_TASK_FILE] = NULL; /* a retry must not find our own pages */
	sweep_write(f, t, FAULT_BUDDY_TAKE, "file", "4M", "100k");
	f->vm.policy.owner[OWNER_TASK_FILE] = &task_file_ops;
	end_task(f, t);
}

static void test_adopted_pages(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct task *t = make_task(f, "imported");
	struct cpu *c = task_cpu(t);
	for (unsigned i = 0; i < 1000; i++) {
		cpu_enter(c);
		struct page *page = alloc_pages(&f->vm.policy, c, -1, GFP_HIGHUSER_MOVABLE, 0);
		cpu_leave(c);
		assert_non_null(page);
		assert_int_equal(task_adopt(t, OWNER_TASK_FILE, &page, 1,
					    i % 4 ? LRU_INACTIVE_FILE : LRU_ACTIVE_FILE, 0),
				 0);
	}
	assert_attr(t, "file", "4096000\n");
	assert_int_equal(node_sum(&f->vm, NR_ACTIVE_FILE), 250);
	assert_int_equal(node_sum(&f->vm, NR_INACTIVE_FILE), 750);
	assert_int_equal(file_pages(&f->vm), 1000);
	assert_int_equal(reclaim_drop_pagecache(&f->vm.policy), 1000);
	assert_free_state(&f->vm, &before);
	end_task(f, t);
}

struct client {
	struct fixture *fixture;
	struct task *task;
	pthread_t thread;
	bool *stop;
	unsigned failures;
};

static void *reader_main(void *arg)
{
	struct client *c = arg;
	for (unsigned i = 0; i < 100; i++) {
		c->failures += write_attr(c->task, "file", "8M\n") != 3;
		c->failures += write_attr(c->task, "file", "1M\n") != 3;
	}
	return NULL;
}

static void *dropper_main(void *arg)
{
	struct client *c = arg;
	while (!READ_RELAXED(c->stop))
		reclaim_drop_pagecache(&c->fixture->vm.policy);
	return NULL;
}

static void test_reclaim_races_with_writes(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	bool stop = false;
	struct client reader[2], dropper = { .fixture = f, .stop = &stop };
	for (unsigned i = 0; i < 2; i++) {
		reader[i] = (struct client){ .task = make_task(f, i ? "a" : "b") };
		assert_write(reader[i].task, "cpu", i ? "1" : "2");
	}
	assert_int_equal(pthread_create(&dropper.thread, NULL, dropper_main, &dropper), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&reader[i].thread, NULL, reader_main, &reader[i]), 0);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(reader[i].thread, NULL);
		assert_int_equal(reader[i].failures, 0);
		end_task(f, reader[i].task);
	}
	WRITE_RELAXED(&stop, true);
	pthread_join(dropper.thread, NULL);
	assert_free_state(&f->vm, &before);
	assert_int_equal(file_pages(&f->vm), 0);
	assert_verified(&f->vm);
}

static void *presser_main(void *arg)
{
	struct client *c = arg;
	for (unsigned i = 0; i < 4; i++) {
		c->failures += write_attr(c->task, "file", "220M\n") != 5;
		c->failures += write_attr(c->task, "anon", "180M\n") != 5;
		c->failures += write_attr(c->task, "anon", "1M\n") != 3;
	}
	return NULL;
}

static void test_kswapd_races_with_writes(void **state)
{
	struct fixture *f = fixture_boot_with(
		&(struct region_config){ .backing = BACKING_SPARSE, .limit_bytes = 1 << 20 }, false);
	struct client presser[2];
	(void)state;
	assert_int_equal(vm_start(&f->vm), 0);
	int64_t before = free_pages_all(&f->vm);
	for (unsigned i = 0; i < 2; i++) {
		presser[i] = (struct client){ .task = make_task(f, i ? "a" : "b") };
		assert_write(presser[i].task, "cpu", i ? "1" : "2");
		assert_int_equal(pthread_create(&presser[i].thread, NULL, presser_main, &presser[i]), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(presser[i].thread, NULL);
		assert_int_equal(presser[i].failures, 0);
	}
	assert_verified(&f->vm);
	uint64_t held = page_index_nr(&presser[0].task->file) + page_index_nr(&presser[1].task->file);
	assert_in_range(held, 1, 110000);
	end_task(f, presser[0].task);
	end_task(f, presser[1].task);
	assert_int_equal(free_pages_all(&f->vm), before);
	assert_int_equal(file_pages(&f->vm), 0);
	assert_verified(&f->vm);
	fixture_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_is_clean_page_cache),
		TEST(test_drop_caches_takes_it),
		TEST(test_decrease_is_a_random_choice),
		cmocka_unit_test(test_same_seed_same_choice),
		TEST(test_anon_pushes_it_out),
		TEST(test_reading_more_than_fits),
		TEST(test_failure_takes_back_only_its_own),
		TEST(test_fault_sweeps),
		TEST(test_adopted_pages),
		TEST(test_reclaim_races_with_writes),
		cmocka_unit_test(test_kswapd_races_with_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
