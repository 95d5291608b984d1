/* SPDX-License-Identifier: MIT */
/* Requests to compact: what is taken, and that zones are looked at for it; what comes of that, test_compact.c says. */
#include "policy/compact.h"
#include "support/knob_fixture.h"

#include <errno.h>

#define VM "proc/sys/vm/"
#define NODE "sys/devices/system/node/node0/compact"

static uint64_t scanned(const struct vm *vm)
{
	uint64_t sum = 0;
	MASK_FOR_EACH(cpu, &vm->machine.cpus_online)
		sum += READ_RELAXED(&vm->machine.cpu[cpu].event[COMPACTMIGRATE_SCANNED]);
	return sum;
}

/* 6.12 stores the number, then looks at it; a write past the start looks at the one before. */
static void test_compact_memory(void **state)
{
	(void)state;
	struct vm *vm = vm_6g_of(KERNEL_6_12);
	unsigned arg;
	const struct knob *k = knob_at(vm, VM "compact_memory", &arg);
	assert_int_equal(knob_write_past(k, vm, 2), -EINVAL);
	assert_int_equal(scanned(vm), 0);
	assert_int_equal(knob_echo(vm, VM "compact_memory", "1\n"), 2);
	uint64_t once = scanned(vm);
	assert_true(once > 0);
	assert_int_equal(knob_write_past(k, vm, 2), 2);
	uint64_t twice = scanned(vm);
	assert_true(twice > once);
	assert_int_equal(knob_echo(vm, VM "compact_memory", "2\n"), -EINVAL);
	assert_int_equal(knob_write_past(k, vm, 2), -EINVAL);
	assert_int_equal(scanned(vm), twice);
	vm_release(vm);

	vm = vm_6g();
	assert_int_equal(knob_echo(vm, VM "compact_memory", "any words\n"), 10);
	assert_true(scanned(vm) > 0);
	assert_true(knob_at(vm, VM "compact_memory", &arg)->stream);
	vm_release(vm);
}

/* Any text to a node's file, of which sysfs sees a page at most. */
static void test_node(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	unsigned arg;
	char many[5000];
	memset(many, 'x', sizeof(many));
	const struct knob *k = knob_at(vm, NODE, &arg);
	assert_non_null(k);
	assert_int_equal(k->mode, 0200);
	assert_int_equal(arg, 0);
	assert_int_equal(knob_echo(vm, NODE, "whatever"), 8);
	uint64_t once = scanned(vm);
	assert_true(once > 0);
	assert_int_equal(knob_write(k, vm, arg, many, sizeof(many)), 4096);
	assert_true(scanned(vm) > once);
	vm_release(vm);
}

static void test_values(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	assert_string_equal(knob_cat(vm, VM "extfrag_threshold"), "500\n");
	assert_string_equal(knob_cat(vm, VM "compaction_proactiveness"), "20\n");
	assert_string_equal(knob_cat(vm, VM "compact_unevictable_allowed"), "1\n");
	assert_int_equal(knob_echo(vm, VM "extfrag_threshold", "1000\n"), 5);
	assert_int_equal(knob_echo(vm, VM "compaction_proactiveness", "100\n"), 4);
	assert_int_equal(knob_echo(vm, VM "compact_unevictable_allowed", "0\n"), 2);
	assert_int_equal(vm->policy.compact.extfrag_threshold, 1000);
	assert_int_equal(vm->policy.compact.proactiveness, 100);
	assert_int_equal(vm->policy.compact.unevictable_allowed, 0);
	assert_non_null(knob_find("compaction_proactiveness")); /* a configuration can set it, */
	assert_null(knob_find("compact_memory")); /* and has nothing to compact */
	vm_release(vm);
}

/* Two of them are younger than the oldest kernel. */
static void test_kernels(void **state)
{
	(void)state;
	for (unsigned kernel = 0; kernel < KERNELS; kernel++) {
		struct vm *vm = vm_6g_of((enum kernel)kernel);
		bool young = kernel >= KERNEL_5_10;
		unsigned arg;
		assert_non_null(knob_at(vm, VM "compact_memory", &arg));
		assert_non_null(knob_at(vm, VM "extfrag_threshold", &arg));
		assert_int_equal(knob_at(vm, VM "compact_unevictable_allowed", &arg) != NULL, young);
		assert_int_equal(knob_at(vm, VM "compaction_proactiveness", &arg) != NULL, young);
		vm_release(vm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_compact_memory),
					    cmocka_unit_test(test_node), cmocka_unit_test(test_values),
					    cmocka_unit_test(test_kernels) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
