/* SPDX-License-Identifier: MIT */
/* The rows against what 6.1 has: name, mode, value after boot, range. */
#include "support/knob_fixture.h"

#include <errno.h>

#define HUGE "sys/kernel/mm/hugepages/hugepages-2048kB/"
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
	{ "proc/sys/vm/nr_overcommit_hugepages", 0644, "0\n", { "0", "18446744073709551615" }, { "-0" } },
	{ "proc/sys/vm/numa_stat", 0644, "1\n", { "0", "1" }, { "2", "-1" } },
	{ "proc/sys/vm/overcommit_kbytes", 0644, "0\n", { "0", "18446744073709551615" }, { "-0" } },
	{ "proc/sys/vm/overcommit_memory", 0644, "0\n", { "0", "2" }, { "-1", "3" } },
	{ "proc/sys/vm/overcommit_ratio", 0644, "50\n", { "-2147483648", "2147483647" }, { "-2147483649", "2147483648" } },
	{ "proc/sys/vm/percpu_pagelist_high_fraction", 0644, "0\n", { "0", "8", "2147483647" }, { "1", "7", "-1" } },
	{ "proc/sys/vm/stat_interval", 0644, "1\n", { "0", "8589934", "-8589934" }, { "8589935", "-8589935" } },
	{ "proc/sys/vm/stat_refresh", 0600, "", { "0", "abc" }, { NULL } },
	{ "proc/sys/vm/user_reserve_kbytes", 0644, "131072\n", { "0", "18446744073709551615" }, { "-1" } },
	{ "proc/sys/vm/watermark_scale_factor", 0644, "10\n", { "1", "3000" }, { "0", "3001" } },
	{ HUGE "nr_hugepages", 0644, "0\n", { "0", "+3", "18446744073709551615" }, { "-0", "0x1" } },
	{ HUGE "nr_overcommit_hugepages", 0644, "0\n", { "0", "18446744073709551615" }, { "-0", " 1" } },
	{ HUGE "free_hugepages", 0444, "0\n", { NULL }, { NULL } },
	{ HUGE "resv_hugepages", 0444, "0\n", { NULL }, { NULL } },
	{ HUGE "surplus_hugepages", 0444, "0\n", { NULL }, { NULL } },
	{ NODE_HUGE "nr_hugepages", 0644, "0\n", { "0", "18446744073709551615" }, { "-0" } },
	{ NODE_HUGE "free_hugepages", 0444, "0\n", { NULL }, { NULL } },
	{ NODE_HUGE "surplus_hugepages", 0444, "0\n", { NULL }, { NULL } },
	{ "sys/kernel/debug/ummfs/clock", 0600, "0\n", { "+5", "+1s" }, { "-1" } },
};

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
	struct vm *vm = vm_6g();
	char path[256];

	unsigned shown = 0;
	for (unsigned i = 0; i < nr_knobs; i++) {
		if (!kernels_have(knob_table[i].kernels, vm->machine.version))
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
	struct vm *vm = vm_6g();
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
	struct vm *vm = vm_6g();
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
