/* SPDX-License-Identifier: MIT */
/* Knobs of a loaded machine: getting in, forms that no other knob has, and what transparent_hugepage/enabled does. */
#include "support/knob_fixture.h"

#include <errno.h>

#define VM "proc/sys/vm/"
#define THP "sys/kernel/mm/transparent_hugepage/"

static bool shown(struct vm *vm, const char *path)
{
	unsigned arg;
	return knob_at(vm, path, &arg) != NULL;
}

static void test_only_what_was_loaded(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	assert_false(shown(vm, VM "memfd_noexec"));
	assert_true(knob_load_at(vm, VM "memfd_noexec", "1"));
	assert_true(shown(vm, VM "memfd_noexec"));
	assert_false(shown(vm, VM "max_map_count"));
	assert_string_equal(knob_cat(vm, VM "memfd_noexec"), "1\n");
	assert_int_equal(knob_echo(vm, VM "memfd_noexec", "2\n"), 2);
	assert_int_equal(knob_echo(vm, VM "memfd_noexec", "3\n"), -EINVAL);
	assert_string_equal(knob_cat(vm, VM "memfd_noexec"), "2\n");
	/* no configuration can set it, and none could name it before */
	assert_null(knob_find("memfd_noexec"));
	vm_release(vm);
}

static void test_no_value_of_it(void **state)
{
	(void)state;
	static const char *const bad[] = { "3", "-1", "many", "", "\n" };
	struct vm *vm = vm_6g();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(knob_load_at(vm, VM "memfd_noexec", bad[i]));
	assert_false(knob_load_at(vm, THP "enabled", "always madvise never"));
	assert_false(knob_load_at(vm, THP "enabled", "[sometimes]"));
	assert_false(shown(vm, VM "memfd_noexec"));
	assert_false(shown(vm, THP "enabled"));
	vm_release(vm);
}

static void test_bits_of_the_machine(void **state)
{
	(void)state;
	struct vm *vm = vm_32bit();
	assert_true(knob_load_at(vm, VM "mmap_rnd_bits", "8"));
	assert_int_equal(knob_echo(vm, VM "mmap_rnd_bits", "16\n"), 3);
	assert_int_equal(knob_echo(vm, VM "mmap_rnd_bits", "28\n"), -EINVAL);
	assert_true(knob_load_at(vm, VM "mmap_min_addr", "65536"));
	assert_int_equal(knob_echo(vm, VM "mmap_min_addr", "4294967296\n"), -EINVAL);
	assert_int_equal(knob_echo(vm, VM "dirty_bytes", "4294967295\n"), 11);
	vm_release(vm);
}

/* 5.10 takes a negative unsigned long and forgets it. */
static void test_negative_ulong(void **state)
{
	(void)state;
	struct vm *vm = vm_6g_of(KERNEL_5_10);
	assert_true(knob_load_at(vm, VM "mmap_min_addr", "65536"));
	assert_int_equal(knob_echo(vm, VM "mmap_min_addr", "-1\n"), 3);
	assert_string_equal(knob_cat(vm, VM "mmap_min_addr"), "65536\n");
	vm_release(vm);
}

static void test_bool(void **state)
{
	(void)state;
	struct vm *old = vm_6g(), *new = vm_6g_of(KERNEL_6_12);
	assert_true(knob_load_at(old, VM "hugetlb_optimize_vmemmap", "0"));
	assert_true(knob_load_at(new, VM "hugetlb_optimize_vmemmap", "0"));
	assert_int_equal(knob_echo(old, VM "hugetlb_optimize_vmemmap", "4294967296\n"), 11);
	assert_string_equal(knob_cat(old, VM "hugetlb_optimize_vmemmap"), "1\n");
	assert_int_equal(knob_echo(new, VM "hugetlb_optimize_vmemmap", "4294967296\n"), -EINVAL);
	assert_int_equal(knob_echo(new, VM "hugetlb_optimize_vmemmap", "-7\n"), 3);
	assert_string_equal(knob_cat(new, VM "hugetlb_optimize_vmemmap"), "1\n");
	vm_release(old);
	vm_release(new);
}

static void test_zonelist_order(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	assert_true(knob_load_at(vm, VM "numa_zonelist_order", "Node"));
	assert_int_equal(knob_echo(vm, VM "numa_zonelist_order", "default\n"), 8);
	assert_int_equal(knob_echo(vm, VM "numa_zonelist_order", "Zone\n"), -EINVAL);
	assert_string_equal(knob_cat(vm, VM "numa_zonelist_order"), "Node\n");
	vm_release(vm);
}

static void test_choice(void **state)
{
	(void)state;
	static const char nul[] = "never\0always";
	struct vm *vm = vm_6g();
	unsigned arg;
	assert_true(knob_load_at(vm, THP "defrag", "always defer [defer+madvise] madvise never\n"));
	const struct knob *k = knob_at(vm, THP "defrag", &arg);
	assert_string_equal(knob_cat(vm, k->path), "always defer [defer+madvise] madvise never\n");
	assert_int_equal(knob_echo(vm, k->path, "defer"), 5);
	assert_int_equal(knob_echo(vm, k->path, "defer\n\n"), -EINVAL);
	assert_int_equal(knob_echo(vm, k->path, " defer\n"), -EINVAL);
	assert_string_equal(knob_cat(vm, k->path), "always [defer] defer+madvise madvise never\n");
	assert_int_equal(knob_write(k, vm, 0, nul, sizeof(nul) - 1), sizeof(nul) - 1);
	assert_string_equal(knob_cat(vm, k->path), "always defer defer+madvise madvise [never]\n");
	/* a record may hold any number */
	vm->machine.loaded.value[k->loaded] = -1;
	assert_string_equal(knob_cat(vm, k->path), "always defer defer+madvise madvise never\n");
	vm_release(vm);
}

static int32_t min_free(struct vm *vm)
{
	return vm->machine.tune.min_free_kbytes;
}

/* The machine of the captured tables: 9769 kB without transparent huge pages, 67584 with. */
static void test_thp(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	int32_t before = min_free(vm);
	assert_true(knob_load_at(vm, THP "enabled", "[always] madvise never"));
	assert_int_equal(min_free(vm), before); /* loading is not writing */
	assert_int_equal(knob_echo(vm, THP "enabled", "always\n"), 7);
	int32_t with = min_free(vm);
	assert_int_equal(with, 67584);
	assert_int_equal(knob_echo(vm, THP "enabled", "never\n"), 6);
	int32_t without = min_free(vm);
	assert_in_range(without, 9000, 10500);
	assert_int_equal(knob_echo(vm, THP "enabled", "madvise\n"), 8);
	assert_int_equal(min_free(vm), with);
	/* a user's value is raised, and is not lowered */
	assert_int_equal(knob_echo(vm, VM "min_free_kbytes", "20000\n"), 6);
	assert_int_equal(knob_echo(vm, THP "enabled", "never\n"), 6);
	assert_int_equal(min_free(vm), 20000);
	assert_int_equal(knob_echo(vm, THP "enabled", "always\n"), 7);
	assert_int_equal(min_free(vm), with);
	assert_int_equal(mm_verify(&vm->machine, NULL), 0);
	vm_release(vm);
}

/* No slot belongs to two files; one of a knob that acts by now belongs to none. */
static void test_slots(void **state)
{
	(void)state;
	const char *path[LOADED_MAX] = { NULL };
	assert_true((unsigned)LOADED_SLOTS <= LOADED_MAX);
	for (unsigned i = 0; i < nr_knobs; i++) {
		const struct knob *k = &knob_table[i];
		assert_true(k->loaded < LOADED_SLOTS);
		if (k->loaded && path[k->loaded])
			assert_string_equal(path[k->loaded], k->path);
		path[k->loaded] = k->path;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_was_loaded),
		cmocka_unit_test(test_no_value_of_it),
		cmocka_unit_test(test_bits_of_the_machine),
		cmocka_unit_test(test_negative_ulong),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_zonelist_order),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_thp),
		cmocka_unit_test(test_slots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
