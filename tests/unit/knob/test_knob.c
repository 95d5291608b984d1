/* SPDX-License-Identifier: MIT */
#include "support/knob_fixture.h"

#include <errno.h>
#include <pthread.h>

#define ROUNDS 60

static void test_find(void **state)
{
	(void)state;
	const struct knob *k = knob_find("min_free_kbytes");
	assert_non_null(k);
	assert_string_equal(k->path, "proc/sys/vm/min_free_kbytes");
	assert_null(knob_find("min_free_kbyte"));
	assert_null(knob_find(""));
	assert_null(knob_find("proc/sys/vm/min_free_kbytes"));
	/* these do something and have no value, so a configuration cannot set them */
	assert_null(knob_find("drop_caches"));
	assert_null(knob_find("stat_refresh"));
	/* of the same name below sys, but a configuration means the sysctl */
	assert_string_equal(knob_find("nr_hugepages")->path, "proc/sys/vm/nr_hugepages");
	assert_null(knob_find("free_hugepages"));
}

static void test_path(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes(), *small = vm_32bit();
	unsigned arg;
	char buf[128];

	assert_non_null(knob_at(vm, "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", &arg));
	assert_non_null(knob_at(small, "sys/kernel/mm/hugepages/hugepages-4096kB/nr_hugepages", &arg));
	assert_null(knob_at(small, "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", &arg));
	const char *path = "sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages";
	const struct knob *k = knob_at(vm, path, &arg);
	assert_non_null(k);
	assert_int_equal(arg, 1);

	int len = (int)strlen(path);
	assert_int_equal(knob_path(k, &vm->machine, 1, buf, sizeof(buf)), len);
	assert_int_equal(knob_path(k, &vm->machine, 1, buf, (size_t)len + 1), len);
	assert_string_equal(buf, path);
	assert_int_equal(knob_path(k, &vm->machine, 1, buf, (size_t)len), -ENAMETOOLONG);
	assert_int_equal(knob_path(k, &vm->machine, 255, buf, strlen(k->path) + 64), len + 2);
	vm_release(vm);
	vm_release(small);
}

static void test_shown(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes(), *small = vm_32bit();
	unsigned arg;

	assert_non_null(knob_at(vm, "proc/sys/vm/numa_stat", &arg));
	assert_null(knob_at(small, "proc/sys/vm/numa_stat", &arg));
	assert_null(knob_at(small, "sys/devices/system/node/node0/hugepages/hugepages-4096kB/nr_hugepages",
			    &arg));
	assert_int_equal(knob_set(knob_find("numa_stat"), small, 0, "0"), -ENOENT);
	assert_non_null(knob_at(vm, "sys/kernel/debug/ummfs/clock", &arg));
	vm->machine.clock.manual = false;
	assert_null(knob_at(vm, "sys/kernel/debug/ummfs/clock", &arg));
	vm->machine.clock.manual = true;
	vm_release(vm);
	vm_release(small);
}

static void test_one_way(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes();
	struct text t;
	unsigned arg;

	text_init(&t, 0);
	assert_int_equal(knob_read(knob_at(vm, "proc/sys/vm/drop_caches", &arg), vm, 0, &t), -EACCES);
	assert_int_equal(t.len, 0);
	text_fini(&t);
	assert_int_equal(knob_echo(vm, "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "1\n"),
			 -EACCES);
	assert_int_equal(knob_echo(vm, "sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", ""),
			 -EACCES);
	vm_release(vm);
}

/* A write of no bytes is taken by every knob, and moves nothing. */
static void test_empty(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes();
	char path[256], before[4096];

	assert_int_equal(knob_echo(vm, "proc/sys/vm/overcommit_kbytes", "4096\n"), 5);
	for (unsigned i = 0; i < nr_knobs; i++) {
		const struct knob *k = &knob_table[i];
		if (!k->store || !knob_shown(k, &vm->machine, 0))
			continue;
		assert_true(knob_path(k, &vm->machine, 0, path, sizeof(path)) > 0);
		snprintf(before, sizeof(before), "%s", k->show ? knob_cat(vm, path) : "");
		assert_int_equal(knob_write(k, vm, 0, "", 0), 0);
		if (k->show)
			assert_string_equal(knob_cat(vm, path), before);
	}
	vm_release(vm);
}

static void test_read_without_memory(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes();
	struct text t;

	text_init(&t, 3); /* the text is longer than that */
	assert_int_equal(knob_write(knob_find("overcommit_kbytes"), vm, 0, "12345", 5), 5);
	assert_int_equal(knob_read(knob_find("overcommit_kbytes"), vm, 0, &t), -EFBIG);
	text_fini(&t);
	vm_release(vm);
}

/* What the mount shrugs off is an error in a configuration, and then nothing is stored. */
static void test_set(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes();
	const struct knob *scale = knob_find("watermark_scale_factor"),
			  *ratio = knob_find("lowmem_reserve_ratio");
	const struct knob *kbytes = knob_find("overcommit_kbytes");
	static const char *const bad_scale[] = { "",    " ", "20 30", "20x",
						 "abc", "0", "3001",  "20,30" };
	static const char *const bad_ratio[] = { "",    "abc",         "1 x", "1 2 3 4 5 6",
						 "1,2", "1 2147483648" };
	static const char *const bad_kbytes[] = { "-1", "1 2", "18446744073709551616", "4M" };

	for (unsigned i = 0; i < ARRAY_LEN(bad_scale); i++)
		assert_int_equal(knob_set(scale, vm, 0, bad_scale[i]), -EINVAL);
	for (unsigned i = 0; i < ARRAY_LEN(bad_ratio); i++)
		assert_int_equal(knob_set(ratio, vm, 0, bad_ratio[i]), -EINVAL);
	for (unsigned i = 0; i < ARRAY_LEN(bad_kbytes); i++)
		assert_int_equal(knob_set(kbytes, vm, 0, bad_kbytes[i]), -EINVAL);
	assert_string_equal(knob_cat(vm, "proc/sys/vm/watermark_scale_factor"), "10\n");
	assert_string_equal(knob_cat(vm, "proc/sys/vm/lowmem_reserve_ratio"), "256\t256\t32\t0\t0\n");
	assert_string_equal(knob_cat(vm, "proc/sys/vm/overcommit_kbytes"), "0\n");

	assert_int_equal(knob_set(scale, vm, 0, " 20 "), 0);
	assert_int_equal(knob_set(ratio, vm, 0, "1\t2  3"), 0);
	assert_int_equal(knob_set(kbytes, vm, 0, "0x1000"), 0);
	assert_string_equal(knob_cat(vm, "proc/sys/vm/watermark_scale_factor"), "20\n");
	assert_string_equal(knob_cat(vm, "proc/sys/vm/lowmem_reserve_ratio"), "1\t2\t3\t0\t0\n");
	assert_string_equal(knob_cat(vm, "proc/sys/vm/overcommit_kbytes"), "4096\n");
	vm_release(vm);
}

/* unsigned long is as wide as the emulated machine's, not as ours. */
static void test_word_size(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes(), *small = vm_32bit();
	static const char *const ulongs[] = { "admin_reserve_kbytes", "nr_hugepages",
					      "nr_overcommit_hugepages", "overcommit_kbytes",
					      "user_reserve_kbytes" };
	const char *pool = "sys/kernel/mm/hugepages/hugepages-4096kB/nr_overcommit_hugepages";

	for (unsigned i = 0; i < ARRAY_LEN(ulongs); i++) {
		const struct knob *k = knob_find(ulongs[i]);
		assert_int_equal(knob_write(k, small, 0, "4294967295", 10), 10);
		assert_int_equal(knob_write(k, small, 0, "4294967296", 10), -EINVAL);
		assert_int_equal(knob_write(k, vm, 0, "4294967296", 10), 10);
	}
	assert_int_equal(knob_echo(small, pool, "4294967295"), 10);
	assert_int_equal(knob_echo(small, pool, "4294967296"), -ERANGE);
	vm_release(vm);
	vm_release(small);
}

/* ---- Many at once: writers, readers and those who use what the knobs set ---- */

static void *write_all(void *arg)
{
	static const char *const line[][2] = {
		{ "min_free_kbytes", "16384\n" },
		{ "nr_hugepages", "20\n" },
		{ "watermark_scale_factor", "100\n" },
		{ "percpu_pagelist_high_fraction", "8\n" },
		{ "numa_stat", "0\n" },
		{ "lowmem_reserve_ratio", "1 2 3\n" },
		{ "drop_caches", "1\n" },
		{ "overcommit_kbytes", "99999\n" },
		{ "stat_refresh", "1\n" },
		{ "min_free_kbytes", "1024\n" },
		{ "nr_hugepages", "0\n" },
		{ "watermark_scale_factor", "10\n" },
		{ "percpu_pagelist_high_fraction", "0\n" },
		{ "numa_stat", "1\n" },
		{ "lowmem_reserve_ratio", "256 256 32\n" },
		{ "overcommit_ratio", "50\n" },
	};
	char path[128];
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < ARRAY_LEN(line); i++) {
			snprintf(path, sizeof(path), "proc/sys/vm/%s", line[i][0]);
			if (knob_echo(arg, path, line[i][1]) != (ssize_t)strlen(line[i][1]))
				return arg;
		}
	return NULL;
}

static void *read_all(void *arg)
{
	struct vm *vm = arg;
	struct text t;
	text_init(&t, 0);
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < nr_knobs; i++) {
			if (!knob_table[i].show || !knob_shown(&knob_table[i], &vm->machine, 0))
				continue;
			text_reset(&t);
			if (knob_read(&knob_table[i], vm, round % 2 & knob_table[i].scope, &t))
				return arg;
		}
	text_fini(&t);
	return NULL;
}

static void *take_pages(void *arg)
{
	struct vm *vm = arg;
	struct cpu *c = &vm->machine.cpu[1];
	struct page *page[64];
	for (unsigned round = 0; round < ROUNDS * 16; round++) {
		cpu_enter(c);
		for (unsigned i = 0; i < ARRAY_LEN(page); i++)
			page[i] = alloc_pages(&vm->policy, c, -1, GFP_USER, 0);
		for (unsigned i = 0; i < ARRAY_LEN(page); i++)
			if (page[i])
				free_pages(c, page[i], 0);
		cpu_leave(c);
	}
	return NULL;
}

static void *fill_cache(void *arg)
{
	struct task *t = task_find(arg, "cache");
	if (!t)
		return arg;
	for (unsigned round = 0; round < ROUNDS; round++)
		if (task_echo(t, "file", "20M\n") != 4)
			return arg;
	task_put(t);
	return NULL;
}

static void test_threads(void **state)
{
	(void)state;
	static void *(*const work[])(void *) = { write_all, write_all, read_all, take_pages, fill_cache };
	pthread_t thread[ARRAY_LEN(work)];
	struct vm *vm = vm_two_nodes_mode(false);
	struct task *t;

	log_open(true, false); /* not a line for each drop_caches */
	assert_int_equal(task_create(vm, "cache", 0, 0, &t), 0);
	assert_int_equal(vm_start(vm), 0);
	for (unsigned i = 0; i < ARRAY_LEN(work); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, work[i], vm), 0);
	for (unsigned i = 0; i < ARRAY_LEN(work); i++) {
		void *failed;
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(mm_verify(&vm->machine, NULL), 0);
	task_put(t);
	vm_release(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),    cmocka_unit_test(test_path),
		cmocka_unit_test(test_shown),   cmocka_unit_test(test_one_way),
		cmocka_unit_test(test_empty),   cmocka_unit_test(test_read_without_memory),
		cmocka_unit_test(test_set),     cmocka_unit_test(test_word_size),
		cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
