/* SPDX-License-Identifier: MIT */
#include "support/knob_fixture.h"

#include "base/caller.h"
#include "mm/watermark.h"

#include <errno.h>

#define VM "proc/sys/vm/"
#define POOL "sys/kernel/mm/hugepages/hugepages-2048kB/"
#define NODE_POOL(n) "sys/devices/system/node/node" #n "/hugepages/hugepages-2048kB/"

static uint64_t event_sum(struct machine *m, enum vm_event e)
{
	uint64_t sum = 0;
	MASK_FOR_EACH(id, &m->cpus_online)
		sum += m->cpu[id].event[e];
	return sum;
}

static uint64_t file_pages(struct machine *m)
{
	int64_t sum = 0;
	for (unsigned n = 0; n < m->nr_nodes; n++)
		sum += node_stat_sum(&m->node[n], NR_FILE_PAGES);
	return (uint64_t)sum;
}

static void task_attr_set(struct task *t, const char *attr, const char *line)
{
	assert_int_equal(task_echo(t, attr, line), strlen(line));
}

/* Marks are the facts' formula of the number written, exactly, from the first write on. */
static void check_marks(struct machine *m, uint64_t min_free_kbytes, uint64_t factor)
{
	uint64_t lowmem = 0;
	FOR_EACH_POPULATED_ZONE(z, m)
		lowmem += z->managed;
	FOR_EACH_POPULATED_ZONE(z, m) {
		uint64_t min = min_free_kbytes / 4 * z->managed / lowmem;
		uint64_t gap = MAX(min / 4, z->managed * factor / 10000);
		assert_int_equal(z->watermark[WMARK_MIN], min);
		assert_int_equal(z->watermark[WMARK_LOW], min + gap);
		assert_int_equal(z->watermark[WMARK_HIGH], min + 2 * gap);
	}
}

static void test_min_free_kbytes(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	assert_int_equal(vm->machine.tune.user_min_free_kbytes, -1);
	assert_int_equal(knob_echo(vm, VM "min_free_kbytes", "abc\n"), -EINVAL);
	assert_int_equal(vm->machine.tune.user_min_free_kbytes, -1);

	static const unsigned kbytes[] = { 1024, 65536, 262144, 128, 0, 67584 };
	for (unsigned i = 0; i < ARRAY_LEN(kbytes); i++) {
		char line[16];
		snprintf(line, sizeof(line), "%u\n", kbytes[i]);
		assert_int_equal(knob_echo(vm, VM "min_free_kbytes", line), strlen(line));
		assert_string_equal(knob_cat(vm, VM "min_free_kbytes"), line);
		assert_int_equal(vm->machine.tune.user_min_free_kbytes, kbytes[i]);
		check_marks(&vm->machine, kbytes[i], 10);
	}
	vm_release(vm);
}

static void test_watermark_scale_factor(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	assert_int_equal(knob_echo(vm, VM "min_free_kbytes", "8192\n"), 5);
	assert_int_equal(knob_echo(vm, VM "watermark_scale_factor", "1000\n"), 5);
	check_marks(&vm->machine, 8192, 1000);
	assert_int_equal(vm->machine.tune.user_min_free_kbytes, 8192);
	vm_release(vm);
}

/* zoneinfo's protection lines of a 6.1 machine with these zones, for the default list and after writing others. */
static void test_lowmem_reserve_ratio(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	struct zone *const *zone = vm->machine.node[0].zone;
	uint64_t dma32 = zone[1]->managed, normal = zone[2]->managed;

	assert_int_equal(zone[0]->lowmem_reserve[1], dma32 / 256);
	assert_int_equal(zone[0]->lowmem_reserve[2], (dma32 + normal) / 256);
	assert_int_equal(zone[0]->lowmem_reserve[4], (dma32 + normal) / 256);
	assert_int_equal(zone[1]->lowmem_reserve[2], normal / 256);
	assert_int_equal(knob_echo(vm, VM "lowmem_reserve_ratio", "-5 1\n"), 5);
	assert_string_equal(knob_cat(vm, VM "lowmem_reserve_ratio"), "0\t1\t32\t0\t0\n");
	assert_int_equal(zone[0]->lowmem_reserve[2], 0);
	assert_int_equal(zone[1]->lowmem_reserve[1], 0);
	assert_int_equal(zone[1]->lowmem_reserve[2], normal);
	assert_int_equal(knob_echo(vm, VM "lowmem_reserve_ratio", "256 256 32 0 0\n"), 15);
	assert_int_equal(zone[1]->lowmem_reserve[2], normal / 256);
	vm_release(vm);

	vm = vm_32bit();
	assert_string_equal(knob_cat(vm, VM "lowmem_reserve_ratio"), "256\t32\t0\t0\n");
	assert_int_equal(knob_echo(vm, VM "lowmem_reserve_ratio", "1 2 3 4 5\n"), 8);
	assert_string_equal(knob_cat(vm, VM "lowmem_reserve_ratio"), "1\t2\t3\t4\n");
	vm_release(vm);
}

static void test_high_fraction(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	struct zone *normal = vm->machine.node[0].zone[2];
	int before = normal->pageset_high;

	assert_int_equal(knob_echo(vm, VM "percpu_pagelist_high_fraction", "7\n"), -EINVAL);
	assert_string_equal(knob_cat(vm, VM "percpu_pagelist_high_fraction"), "0\n");
	assert_int_equal(normal->pageset_high, before);
	assert_int_equal(knob_echo(vm, VM "percpu_pagelist_high_fraction", "8\n"), 2);
	assert_int_equal(normal->pageset_high, normal->managed / 8 / 4);
	assert_int_equal(vm->machine.cpu[3].zone[normal->id].pcp.high, normal->managed / 8 / 4);
	assert_int_equal(knob_echo(vm, VM "percpu_pagelist_high_fraction", "0\n"), 2);
	assert_int_equal(normal->pageset_high, before);
	vm_release(vm);
}

static uint64_t numa_hits(struct machine *m)
{
	uint64_t sum = 0;
	FOR_EACH_POPULATED_ZONE(z, m) {
		sum += z->numa_base[NUMA_HIT];
		MASK_FOR_EACH(id, &m->cpus_online)
			sum += m->cpu[id].zone[z->id].numa[NUMA_HIT];
	}
	return sum;
}

static void take_and_free_page(struct vm *vm)
{
	struct cpu *c = &vm->machine.cpu[0];
	cpu_enter(c);
	struct page *page = alloc_pages(&vm->policy, c, -1, GFP_KERNEL, 0);
	assert_non_null(page);
	free_pages(c, page, 0);
	cpu_leave(c);
}

static void test_numa_stat(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes();
	take_and_free_page(vm);
	assert_int_equal(numa_hits(&vm->machine), 1);
	assert_int_equal(knob_echo(vm, VM "numa_stat", "1\n"), 2);
	assert_int_equal(numa_hits(&vm->machine), 1);
	assert_int_equal(knob_echo(vm, VM "numa_stat", "0\n"), 2);
	assert_int_equal(numa_hits(&vm->machine), 0);
	take_and_free_page(vm);
	assert_int_equal(numa_hits(&vm->machine), 0);
	assert_int_equal(knob_echo(vm, VM "numa_stat", "1\n"), 2);
	take_and_free_page(vm);
	assert_int_equal(numa_hits(&vm->machine), 1);
	vm_release(vm);
}

/* The line that one write left in the machine's log; "" for none. */
static const char *logged(struct vm *vm, const char *path, const char *text)
{
	static char line[RING_TEXT_MAX + 1];
	struct ring_record record = { .len = 0 };
	uint64_t next = ring_next(&vm->log);
	assert_int_equal(knob_echo(vm, path, text), strlen(text));
	if (ring_read(&vm->log, next, &record))
		assert_int_equal(record.priority, 6);
	assert_int_equal(ring_next(&vm->log), next + (record.len != 0));
	memcpy(line, record.text, record.len);
	line[record.len] = '\0';
	return line;
}

/* Only a change is worth a line. */
static void test_numa_stat_log(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes();
	assert_string_equal(logged(vm, VM "numa_stat", "1\n"), "");
	assert_string_equal(logged(vm, VM "numa_stat", "0\n"),
			    "disable numa statistics, and clear numa counters");
	assert_string_equal(logged(vm, VM "numa_stat", "0\n"), "");
	assert_string_equal(logged(vm, VM "numa_stat", "1\n"), "enable numa statistics");
	uint64_t next = ring_next(&vm->log);
	assert_int_equal(knob_echo(vm, VM "numa_stat", "2\n"), -EINVAL);
	assert_int_equal(ring_next(&vm->log), next);
	vm_release(vm);
}

static void mlock_one(struct vm *vm)
{
	struct cpu *c = &vm->machine.cpu[1];
	cpu_enter(c);
	zone_stat_add(c, vm->machine.node[0].zone[1], NR_MLOCK, 1);
	cpu_leave(c);
}

/* Writing anything folds the per-CPU differences, and so does reading. */
static void test_stat_refresh(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	struct zone *z = vm->machine.node[0].zone[1];
	mlock_one(vm);
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 0);
	assert_int_equal(knob_echo(vm, VM "stat_refresh", "whatever"), 8);
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 1);
	mlock_one(vm);
	assert_string_equal(knob_cat(vm, VM "stat_refresh"), "");
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 2);
	vm_release(vm);
}

static void test_clock(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	const char *clock = "sys/kernel/debug/ummfs/clock";
	static const struct {
		const char *text, *after;
		int error;
	} step[] = {
		{ "+1\n", "1\n", 0 },
		{ "+999\n", "1000\n", 0 },
		{ "+1us", "2000\n", 0 },
		{ "5ms\n", "5000000\n", 0 },
		{ "4999999", "5000000\n", -EINVAL },
		{ "", "5000000\n", 0 },
		{ "+0x10", "5000000\n", -EINVAL },
		{ "+", "5000000\n", -EINVAL },
		{ "-1", "5000000\n", -EINVAL },
		{ "+1 s", "5000000\n", -EINVAL },
		{ "+1h", "5000000\n", -EINVAL },
		{ "ms", "5000000\n", -EINVAL },
		{ "+18446744073709551616", "5000000\n", -EINVAL },
		{ "+18446744073709551615", "5000000\n", -ERANGE },
		{ "+18446744074s", "5000000\n", -ERANGE },
		{ "+1s\n", "1005000000\n", 0 },
	};
	for (unsigned i = 0; i < ARRAY_LEN(step); i++) {
		ssize_t n = knob_echo(vm, clock, step[i].text);
		ssize_t wanted = step[i].error ? step[i].error : (ssize_t)strlen(step[i].text);
		if (n != wanted || strcmp(knob_cat(vm, clock), step[i].after))
			fail_msg("\"%s\" gives %zd, clock %s", step[i].text, n, knob_cat(vm, clock));
	}
	vm_release(vm);
}

/* stat_interval is when counters fold by themselves. */
static void test_stat_interval(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	struct zone *z = vm->machine.node[0].zone[1];
	const char *clock = "sys/kernel/debug/ummfs/clock";

	mlock_one(vm);
	assert_int_equal(knob_echo(vm, clock, "+900ms"), 6);
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 0);
	assert_int_equal(knob_echo(vm, VM "stat_interval", "10\n"), 3); /* from the tick after the one that is due on */
	assert_int_equal(knob_echo(vm, clock, "+100ms"), 6);
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 1);
	mlock_one(vm);
	assert_int_equal(knob_echo(vm, clock, "+9s"), 3);
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 1);
	assert_int_equal(knob_echo(vm, clock, "+1s"), 3);
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 2);

	assert_int_equal(knob_echo(vm, VM "stat_interval", "-1\n"), 3);
	assert_string_equal(knob_cat(vm, VM "stat_interval"), "-1\n");
	assert_int_equal(knob_echo(vm, clock, "+1s"), 3); /* comes back */
	vm_release(vm);
}

static void test_overcommit_twins(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	uint64_t half = vm_commit_limit_pages(vm);

	assert_int_equal(knob_echo(vm, VM "overcommit_kbytes", "8192\n"), 5);
	assert_string_equal(knob_cat(vm, VM "overcommit_ratio"), "0\n");
	assert_int_equal(vm_commit_limit_pages(vm), 2048);
	assert_int_equal(knob_echo(vm, VM "overcommit_ratio", "x\n"), -EINVAL);
	assert_string_equal(knob_cat(vm, VM "overcommit_kbytes"), "8192\n");
	assert_int_equal(knob_echo(vm, VM "overcommit_ratio", "50\n"), 3);
	assert_string_equal(knob_cat(vm, VM "overcommit_kbytes"), "0\n");
	assert_int_equal(vm_commit_limit_pages(vm), half);
	vm_release(vm);
}

static void test_dirty_twins(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	assert_string_equal(knob_cat(vm, VM "dirty_ratio"), "20\n");
	assert_int_equal(knob_echo(vm, VM "dirty_bytes", "1048576\n"), 8);
	assert_string_equal(knob_cat(vm, VM "dirty_ratio"), "0\n");
	assert_int_equal(knob_echo(vm, VM "dirty_ratio", "0\n"), 2); /* no change: nothing follows */
	assert_string_equal(knob_cat(vm, VM "dirty_bytes"), "1048576\n");
	assert_int_equal(knob_echo(vm, VM "dirty_ratio", "20\n"), 3);
	assert_string_equal(knob_cat(vm, VM "dirty_bytes"), "0\n");
	assert_int_equal(knob_echo(vm, VM "dirty_background_bytes", "9223372036854775807\n"), -ERANGE);
	assert_string_equal(knob_cat(vm, VM "dirty_background_ratio"), "10\n");
	assert_int_equal(knob_echo(vm, VM "dirty_background_bytes", "1\n"), 2);
	assert_string_equal(knob_cat(vm, VM "dirty_background_ratio"), "0\n");
	assert_int_equal(knob_echo(vm, VM "dirty_background_ratio", "5\n"), 2);
	assert_string_equal(knob_cat(vm, VM "dirty_background_bytes"), "0\n");
	vm_release(vm);
}

struct wake {
	unsigned nr;
};
static void wake_note(void *ctx)
{
	((struct wake *)ctx)->nr++;
}

/* A changed interval begins at once, but one of 0, which ends the turns. */
static void test_dirty_writeback(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	struct wake wake = { 0 };
	struct page_writer was = vm->policy.writer;
	vm->policy.writer = (struct page_writer){ .wake = wake_note, .ctx = &wake };
	assert_int_equal(knob_echo(vm, VM "dirty_writeback_centisecs", "500\n"), 4);
	assert_int_equal(wake.nr, 0);
	assert_int_equal(knob_echo(vm, VM "dirty_writeback_centisecs", "0\n"), 2);
	assert_int_equal(wake.nr, 0);
	assert_int_equal(knob_echo(vm, VM "dirty_writeback_centisecs", "-1\n"), 3);
	assert_int_equal(wake.nr, 1);
	assert_int_equal(knob_echo(vm, VM "dirty_writeback_centisecs", "x\n"), -EINVAL);
	assert_int_equal(wake.nr, 1);
	vm->policy.writer = was;
	vm_release(vm);
}

static void test_nr_hugepages(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes();

	assert_int_equal(knob_echo(vm, VM "nr_hugepages", "64\n"), 3);
	assert_string_equal(knob_cat(vm, VM "nr_hugepages"), "64\n");
	assert_string_equal(knob_cat(vm, POOL "free_hugepages"), "64\n");
	assert_string_equal(knob_cat(vm, NODE_POOL(0) "nr_hugepages"), "32\n");
	assert_string_equal(knob_cat(vm, NODE_POOL(1) "nr_hugepages"), "32\n");

	assert_int_equal(knob_echo(vm, NODE_POOL(1) "nr_hugepages", "3\n"), 2);
	assert_string_equal(knob_cat(vm, NODE_POOL(0) "nr_hugepages"), "32\n");
	assert_string_equal(knob_cat(vm, NODE_POOL(1) "nr_hugepages"), "3\n");
	assert_string_equal(knob_cat(vm, NODE_POOL(1) "free_hugepages"), "3\n");
	assert_string_equal(knob_cat(vm, VM "nr_hugepages"), "35\n");

	/* impossible: as many as there are, and no error */
	assert_int_equal(knob_echo(vm, VM "nr_hugepages", "1000000\n"), 8);
	uint64_t got = strtoull(knob_cat(vm, POOL "nr_hugepages"), NULL, 10);
	assert_in_range(got, 64, 256);
	assert_int_equal(strtoull(knob_cat(vm, VM "nr_hugepages"), NULL, 10), got);
	assert_int_equal(mm_verify(&vm->machine, NULL), 0);

	assert_int_equal(knob_echo(vm, POOL "nr_hugepages", "0\n"), 2);
	assert_string_equal(knob_cat(vm, VM "nr_hugepages"), "0\n");
	assert_int_equal(mm_verify(&vm->machine, NULL), 0);
	vm_release(vm);
}

/* Pages in use that are no longer wanted are surplus: the sysctl leaves them out, the files under sys count them. */
static void test_surplus(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes();
	struct task *t;

	assert_int_equal(knob_echo(vm, VM "nr_hugepages", "4\n"), 2);
	assert_int_equal(task_create(vm, "a", 0, 0, &t), 0);
	task_attr_set(t, "hugetlb", "2M 3\n");
	assert_int_equal(knob_echo(vm, VM "nr_hugepages", "1\n"), 2);
	assert_string_equal(knob_cat(vm, VM "nr_hugepages"), "1\n");
	assert_string_equal(knob_cat(vm, POOL "nr_hugepages"), "3\n");
	assert_string_equal(knob_cat(vm, POOL "surplus_hugepages"), "2\n");
	assert_string_equal(knob_cat(vm, POOL "free_hugepages"), "0\n");

	assert_int_equal(knob_echo(vm, VM "nr_overcommit_hugepages", "2\n"), 2);
	assert_string_equal(knob_cat(vm, POOL "nr_overcommit_hugepages"), "2\n");
	task_put(t);
	assert_int_equal(task_remove(vm, "a"), 0);
	assert_string_equal(knob_cat(vm, POOL "nr_hugepages"), "1\n");
	assert_string_equal(knob_cat(vm, POOL "surplus_hugepages"), "0\n");
	assert_int_equal(mm_verify(&vm->machine, NULL), 0);
	vm_release(vm);
}

static void test_drop_caches(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	struct machine *m = &vm->machine;
	struct task *t;

	assert_int_equal(task_create(vm, "a", 0, 0, &t), 0);
	task_attr_set(t, "file", "40M\n");
	assert_int_equal(file_pages(m), 10240);
	assert_int_equal(knob_echo(vm, VM "drop_caches", "2\n"), 2);
	assert_int_equal(file_pages(m), 10240);
	assert_int_equal(knob_echo(vm, VM "drop_caches", "8\n"), -EINVAL);
	assert_int_equal(file_pages(m), 10240);
	assert_int_equal(knob_echo(vm, VM "drop_caches", "1\n"), 2);
	assert_int_equal(file_pages(m), 0);
	assert_int_equal(event_sum(m, DROP_PAGECACHE), 1);
	assert_int_equal(event_sum(m, DROP_SLAB), 1);

	task_attr_set(t, "file", "40M\n");
	assert_int_equal(knob_echo(vm, VM "drop_caches", "4\n"), 2); /* drops nothing */
	assert_int_equal(file_pages(m), 10240);
	assert_int_equal(knob_echo(vm, VM "drop_caches", "3\n"), 2);
	assert_int_equal(file_pages(m), 0);
	assert_int_equal(event_sum(m, DROP_PAGECACHE), 2);
	assert_int_equal(event_sum(m, DROP_SLAB), 2);
	assert_int_equal(mm_verify(m, NULL), 0);
	task_put(t);
	vm_release(vm);
}

static void test_drop_caches_quiet(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	struct caller before = caller_set((struct caller){ .pid = 261, .name = "sh" });
	assert_string_equal(logged(vm, VM "drop_caches", "1\n"), "sh (261): drop_caches: 1");
	assert_string_equal(logged(vm, VM "drop_caches", "1\n"), "sh (261): drop_caches: 1");
	assert_string_equal(logged(vm, VM "drop_caches", "4\n"), "sh (261): drop_caches: 4"); /* the last one */
	assert_string_equal(logged(vm, VM "drop_caches", "1\n"), "");
	assert_string_equal(logged(vm, VM "drop_caches", "3\n"), "");
	vm_release(vm);

	vm = vm_6g(); /* another machine has its own word */
	assert_string_equal(logged(vm, VM "drop_caches", "3\n"), "sh (261): drop_caches: 3");
	caller_set(before);
	vm_release(vm);
}

/* Raising the marks over what is free makes kswapd take page cache until free stands above high. */
static void test_min_free_reclaims(void **state)
{
	(void)state;
	struct vm *vm = vm_two_nodes();
	struct machine *m = &vm->machine;
	struct zone *z = m->node[0].zone[1];
	struct task *t;

	assert_int_equal(knob_echo(vm, VM "min_free_kbytes", "1024\n"), 5);
	assert_int_equal(task_create(vm, "a", 0, 0, &t), 0);
	task_attr_set(t, "file", "230M\n");
	uint64_t before = (uint64_t)zone_stat_sum(z, NR_FREE_PAGES);
	assert_int_equal(event_sum(m, PGSTEAL_KSWAPD), 0);
	assert_int_equal(knob_echo(vm, VM "min_free_kbytes", "65536\n"), 6);
	uint64_t after = (uint64_t)zone_stat_sum(z, NR_FREE_PAGES);
	assert_true(before < z->watermark[WMARK_LOW]);
	assert_true(after >= z->watermark[WMARK_HIGH]);
	assert_int_equal(event_sum(m, PGSTEAL_KSWAPD), 230 * 256 - file_pages(m));
	assert_int_equal(mm_verify(m, NULL), 0);
	task_put(t);
	vm_release(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_min_free_kbytes),
		cmocka_unit_test(test_watermark_scale_factor),
		cmocka_unit_test(test_lowmem_reserve_ratio),
		cmocka_unit_test(test_high_fraction),
		cmocka_unit_test(test_numa_stat),
		cmocka_unit_test(test_numa_stat_log),
		cmocka_unit_test(test_stat_refresh),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_stat_interval),
		cmocka_unit_test(test_overcommit_twins),
		cmocka_unit_test(test_dirty_twins),
		cmocka_unit_test(test_dirty_writeback),
		cmocka_unit_test(test_nr_hugepages),
		cmocka_unit_test(test_surplus),
		cmocka_unit_test(test_drop_caches),
		cmocka_unit_test(test_drop_caches_quiet),
		cmocka_unit_test(test_min_free_reclaims),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
