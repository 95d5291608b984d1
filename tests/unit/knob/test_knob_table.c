/* SPDX-License-Identifier: MIT */
/* The rows against what 6.1 has: name, mode, value after boot, range. */
#include "support/knob_fixture.h"

#include <errno.h>

#define HUGE "sys/kernel/mm/hugepages/hugepages-2048kB/"
#define DEBUG "sys/kernel/debug/"
#define NODE_HUGE "sys/devices/system/node/node0/hugepages/hugepages-2048kB/"

struct expected {
	const char *path;
	unsigned mode;
	const char *value; /* after boot; NULL: not looked at */
	const char *good[4], *bad[4]; /* at the ends of the range, and just past them */
};

static const struct expected table[] = {
	{ "proc/sys/vm/admin_reserve_kbytes", 0644, "8192\n", { "0", "18446744073709551615" }, { "-1", "18446744073709551616" } },
	{ "proc/sys/vm/drop_caches", 0200, NULL, { "1", "4" }, { "0", "5" } },
	{ "proc/sys/vm/lowmem_reserve_ratio", 0644, "256\t256\t32\t0\t0\n", { "abc" }, { NULL } },
	{ "proc/sys/vm/min_free_kbytes", 0644, NULL, { "0", "1048576" }, { "-1", "2147483648" } },
	{ "proc/sys/vm/nr_hugepages", 0644, "0\n", { "0", "18446744073709551615" }, { "-0" } },
	{ "proc/sys/vm/nr_hugepages_mempolicy", 0644, "0\n", { "0", "18446744073709551615" }, { "-0" } },
	{ "proc/sys/vm/nr_overcommit_hugepages", 0644, "0\n", { "0", "18446744073709551615" }, { "-0" } },
	{ "proc/sys/vm/numa_stat", 0644, "1\n", { "0", "1" }, { "2", "-1" } },
	{ "proc/sys/vm/overcommit_kbytes", 0644, "0\n", { "0", "18446744073709551615" }, { "-0" } },
	{ "proc/sys/vm/overcommit_memory", 0644, "0\n", { "0", "2" }, { "-1", "3" } },
	{ "proc/sys/vm/overcommit_ratio", 0644, "50\n", { "-2147483648", "2147483647" }, { "-2147483649", "2147483648" } },
	{ "proc/sys/vm/percpu_pagelist_high_fraction", 0644, "0\n", { "0", "8", "2147483647" }, { "1", "7", "-1" } },
	{ "proc/sys/vm/stat_interval", 0644, "1\n", { "0", "8589934", "-8589934" }, { "8589935", "-8589935" } },
	{ "proc/sys/vm/stat_refresh", 0600, "", { "0", "abc" }, { NULL } },
	{ "proc/sys/vm/user_reserve_kbytes", 0644, "131072\n", { "0", "18446744073709551615" }, { "-1" } },
	{ "proc/sys/vm/watermark_boost_factor", 0644, "15000\n", { "0", "2147483647" }, { "-1" } },
	{ "proc/sys/vm/watermark_scale_factor", 0644, "10\n", { "1", "3000" }, { "0", "3001" } },
	{ HUGE "nr_hugepages", 0644, "0\n", { "0", "+3", "18446744073709551615" }, { "-0", "0x1" } },
	{ HUGE "nr_hugepages_mempolicy", 0644, "0\n", { "0", "+3", "18446744073709551615" }, { "-0", "0x1" } },
	{ HUGE "nr_overcommit_hugepages", 0644, "0\n", { "0", "18446744073709551615" }, { "-0", " 1" } },
	{ HUGE "free_hugepages", 0444, "0\n", { NULL }, { NULL } },
	{ HUGE "resv_hugepages", 0444, "0\n", { NULL }, { NULL } },
	{ HUGE "surplus_hugepages", 0444, "0\n", { NULL }, { NULL } },
	{ NODE_HUGE "nr_hugepages", 0644, "0\n", { "0", "18446744073709551615" }, { "-0" } },
	{ NODE_HUGE "free_hugepages", 0444, "0\n", { NULL }, { NULL } },
	{ NODE_HUGE "surplus_hugepages", 0444, "0\n", { NULL }, { NULL } },
	{ DEBUG "failslab/probability", 0600, "0\n", { "100", "0x0" }, { "-1", "x" } },
	{ DEBUG "failslab/interval", 0600, "1\n", { "7", "1\n" }, { "-1", " 1" } },
	{ DEBUG "failslab/times", 0600, "1\n", { "-1", "9223372036854775807", "1" }, { "9223372036854775808", "1 2" } },
	{ DEBUG "failslab/space", 0600, "0\n", { "4096", "0" }, { "1k" } },
	{ DEBUG "failslab/verbose", 0600, "2\n", { "0", "010" }, { "08" } },
	{ DEBUG "failslab/verbose_ratelimit_interval_ms", 0600, "0\n", { "4294967296", "0" }, { "-1" } },
	{ DEBUG "failslab/verbose_ratelimit_burst", 0600, "10\n", { "0", "10" }, { "18446744073709551616" } },
	{ DEBUG "failslab/ignore-gfp-wait", 0600, "Y\n", { "N", "maybe", "1" }, { NULL } },
	{ DEBUG "failslab/cache-filter", 0600, "N\n", { "y", "off" }, { NULL } },
	{ DEBUG "fail_page_alloc/probability", 0600, "0\n", { "100", "0x0" }, { "-1", "x" } },
	{ DEBUG "fail_page_alloc/interval", 0600, "1\n", { "7", "1\n" }, { "-1", " 1" } },
	{ DEBUG "fail_page_alloc/times",
	  0600,
	  "1\n",
	  { "-1", "9223372036854775807", "1" },
	  { "9223372036854775808", "1 2" } },
	{ DEBUG "fail_page_alloc/space", 0600, "0\n", { "4096", "0" }, { "1k" } },
	{ DEBUG "fail_page_alloc/verbose", 0600, "2\n", { "0", "010" }, { "08" } },
	{ DEBUG "fail_page_alloc/verbose_ratelimit_interval_ms", 0600, "0\n", { "4294967296", "0" }, { "-1" } },
	{ DEBUG "fail_page_alloc/verbose_ratelimit_burst", 0600, "10\n", { "0", "10" }, { "18446744073709551616" } },
	{ DEBUG "fail_page_alloc/ignore-gfp-wait", 0600, "Y\n", { "N", "maybe", "1" }, { NULL } },
	{ DEBUG "fail_page_alloc/ignore-gfp-highmem", 0600, "Y\n", { "n", "on" }, { NULL } },
	{ DEBUG "fail_page_alloc/min-order", 0600, "1\n", { "0", "+1" }, { "-1" } },
	{ "sys/kernel/slab/new_cache",
	  0200,
	  NULL,
	  { "mine 100", "other 8 align=64 flags=account" },
	  { "mine", "mine 0", "mine 100 x" } },
	{ "sys/kernel/slab/delete_cache", 0200, NULL, { "mine", "other" }, { "a b" } },
	{ "sys/kernel/debug/ummfs/clock", 0600, "0\n", { "+5", "+1s" }, { "-1" } },
	{ "proc/sys/vm/compact_unevictable_allowed", 0644, "1\n", { "0", "1" }, { "2", "-1" } },
	{ "proc/sys/vm/compaction_proactiveness", 0644, "20\n", { "0", "100" }, { "-1", "101" } },
	{ "proc/sys/vm/extfrag_threshold", 0644, "500\n", { "0", "1000" }, { "-1", "1001" } },
	{ "proc/sys/vm/compact_memory", 0200, NULL, { "1", "abc" }, { NULL } },
	{ "sys/devices/system/node/node0/compact", 0200, NULL, { "1", "abc" }, { NULL } },
	/* of an imported machine */
	{ "proc/sys/vm/block_dump", 0644, "0\n", { "0", "2147483647" }, { "-1" } },
	{ "proc/sys/vm/dirty_background_bytes",
	  0644,
	  "0\n",
	  { "1", "17592186040320" },
	  { "0", "17592186040321", "9223372036854775807" } },
	{ "proc/sys/vm/dirty_background_ratio", 0644, "10\n", { "0", "100" }, { "-1", "101" } },
	{ "proc/sys/vm/dirty_bytes", 0644, "0\n", { "8192", "18446744073709551615" }, { "8191", "17592186040321" } },
	{ "proc/sys/vm/dirty_expire_centisecs", 0644, "3000\n", { "0", "2147483647" }, { "-1" } },
	{ "proc/sys/vm/dirty_ratio", 0644, "20\n", { "0", "100" }, { "-1", "101" } },
	{ "proc/sys/vm/dirty_writeback_centisecs", 0644, "500\n", { "-2147483648", "2147483647" }, { "2147483648" } },
	{ "proc/sys/vm/dirtytime_expire_seconds", 0644, "43200\n", { "0", "2147483647" }, { "-1" } },
	{ "proc/sys/vm/enable_soft_offline", 0644, "1\n", { "0", "1" }, { "2" } },
	{ "proc/sys/vm/highmem_is_dirtyable", 0644, "0\n", { "0", "1" }, { "2" } },
	{ "proc/sys/vm/hugetlb_optimize_vmemmap",
	  0644,
	  "0\n",
	  { "-3", "0", "18446744073709551615" },
	  { "x", "18446744073709551616" } },
	{ "proc/sys/vm/hugetlb_shm_group", 0644, "0\n", { "-2147483648", "2147483647" }, { "2147483648" } },
	{ "proc/sys/vm/laptop_mode", 0644, "0\n", { "-8589934", "8589934" }, { "8589935" } },
	{ "proc/sys/vm/legacy_va_layout", 0644, "0\n", { "0", "2147483647" }, { "-1" } },
	{ "proc/sys/vm/max_map_count", 0644, "65530\n", { "0", "2147483647" }, { "-1" } },
	{ "proc/sys/vm/memfd_noexec", 0644, "0\n", { "0", "2" }, { "3" } },
	{ "proc/sys/vm/memory_failure_early_kill", 0644, "0\n", { "0", "1" }, { "2" } },
	{ "proc/sys/vm/memory_failure_recovery", 0644, "1\n", { "0", "1" }, { "2" } },
	{ "proc/sys/vm/min_slab_ratio", 0644, "5\n", { "0", "100" }, { "101" } },
	{ "proc/sys/vm/min_unmapped_ratio", 0644, "1\n", { "0", "100" }, { "101" } },
	{ "proc/sys/vm/mmap_min_addr", 0644, "65536\n", { "0", "18446744073709551615" }, { "-1" } },
	{ "proc/sys/vm/mmap_rnd_bits", 0600, "28\n", { "28", "32" }, { "27", "33" } },
	{ "proc/sys/vm/mmap_rnd_compat_bits", 0600, "8\n", { "8", "16" }, { "7", "17" } },
	{ "proc/sys/vm/numa_zonelist_order", 0644, "Node\n", { "node", "D" }, { "Zone" } },
	{ "proc/sys/vm/oom_dump_tasks", 0644, "1\n", { "-2147483648", "2147483647" }, { "2147483648" } },
	{ "proc/sys/vm/oom_kill_allocating_task", 0644, "0\n", { "-2147483648", "2147483647" }, { "2147483648" } },
	{ "proc/sys/vm/page-cluster", 0644, "3\n", { "0", "31" }, { "-1", "32" } },
	{ "proc/sys/vm/page_lock_unfairness", 0644, "5\n", { "0", "2147483647" }, { "-1" } },
	{ "proc/sys/vm/panic_on_oom", 0644, "0\n", { "0", "2" }, { "-1", "3" } },
	{ "proc/sys/vm/swappiness", 0644, "60\n", { "0", "200" }, { "-1", "201" } },
	{ "proc/sys/vm/unprivileged_userfaultfd", 0644, "0\n", { "0", "1" }, { "2" } },
	{ "proc/sys/vm/vdso_enabled", 0644, "1\n", { "-1", "2147483647" }, { "2147483648" } },
	{ "proc/sys/vm/vfs_cache_pressure", 0644, "100\n", { "0", "2147483647" }, { "-1" } },
	{ "proc/sys/vm/zone_reclaim_mode", 0644, "0\n", { "0", "2147483647" }, { "-1" } },
	{ "sys/kernel/mm/transparent_hugepage/defrag",
	  0644,
	  "always defer defer+madvise [madvise] never\n",
	  { "defer+madvise", "never" },
	  { "defer+", "\n" } },
	{ "sys/kernel/mm/transparent_hugepage/enabled",
	  0644,
	  "[always] madvise never\n",
	  { "madvise", "never", "always" },
	  { "Always", "neve" } },
};

/* The machine was loaded with all that it can be loaded with. */
static struct vm *vm_6g_loaded(void)
{
	struct vm *vm = vm_6g();
	for (unsigned i = 0; i < ARRAY_LEN(table); i++)
		knob_load_at(vm, table[i].path, table[i].value); /* false: it is in every tree */
	return vm;
}

static const struct expected *expected_at(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (!strcmp(table[i].path, path))
			return &table[i];
	return NULL;
}

/* Every row is expected, and everything expected is a row, once. */
static void test_complete(void **state)
{
	(void)state;
	struct vm *vm = vm_6g_loaded();
	char path[256];

	unsigned shown = 0;
	for (unsigned i = 0; i < nr_knobs; i++) {
		if (!knob_fits(&knob_table[i], &vm->machine, 0))
			continue;
		shown++;
		assert_true(knob_path(&knob_table[i], &vm->machine, 0, path, sizeof(path)) > 0);
		const struct expected *e = expected_at(path);
		if (!e || e->mode != knob_table[i].mode)
			fail_msg("%s: unexpected, or mode %o", path, knob_table[i].mode);
	}
	assert_int_equal(shown, ARRAY_LEN(table));
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		unsigned arg;
		assert_non_null(knob_at(vm, table[i].path, &arg));
	}
	vm_release(vm);
}

/* What the mode promises the row can do, and no more. */
static void test_modes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nr_knobs; i++) {
		const struct knob *k = &knob_table[i];
		assert_int_equal(!!(k->mode & 0400), !!k->show);
		assert_int_equal(!!(k->mode & 0200), !!k->store);
		assert_int_equal(k->style, !strncmp(k->path, "sys/", 4) ? KNOB_SYSFS : KNOB_SYSCTL);
		assert_int_equal(k->scope, strstr(k->path, "%u") ? KNOB_NODE : KNOB_ONCE);
	}
}

static void test_values(void **state)
{
	(void)state;
	struct vm *vm = vm_6g_loaded();
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].value)
			assert_string_equal(knob_cat(vm, table[i].path), table[i].value);
	vm_release(vm);
}

static void check_write(struct vm *vm, const char *path, const char *text, bool good)
{
	ssize_t n = knob_echo(vm, path, text);
	if (good ? n != (ssize_t)strlen(text) : n >= 0)
		fail_msg("%s: \"%s\" gives %zd", path, text, n);
}

static void test_ranges(void **state)
{
	(void)state;
	struct vm *vm = vm_6g_loaded();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct expected *e = &table[i];
		for (unsigned j = 0; j < ARRAY_LEN(e->good) && e->good[j]; j++)
			check_write(vm, e->path, e->good[j], true);
		for (unsigned j = 0; j < ARRAY_LEN(e->bad) && e->bad[j]; j++)
			check_write(vm, e->path, e->bad[j], false);
	}
	assert_int_equal(mm_verify(&vm->machine, NULL), 0);
	vm_release(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_ranges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
