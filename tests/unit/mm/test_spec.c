/* SPDX-License-Identifier: MIT */
#include "base/fault.h"
#include "mm/spec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_kinds(void **state)
{
	(void)state;
	static const enum zone_kind want64[] = { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_MOVABLE,
						 ZONE_DEVICE };
	static const enum zone_kind want32[] = { ZONE_DMA, ZONE_NORMAL, ZONE_HIGHMEM, ZONE_MOVABLE };
	enum zone_kind kind[MM_ZONE_TYPES_MAX];

	assert_int_equal(zone_kinds(64, kind), 5);
	assert_memory_equal(kind, want64, sizeof(want64));
	assert_int_equal(zone_kinds(32, kind), 4);
	assert_memory_equal(kind, want32, sizeof(want32));
}

static void test_empty_machine(void **state)
{
	(void)state;
	struct machine_spec s;
	machine_spec_init(&s);
	assert_int_equal(s.bits, 64);
	assert_int_equal(s.pageblock_order, 9);
	assert_true(s.numa);
	assert_false(s.imported);
	assert_int_equal(s.nr_nodes, 0);
	assert_true(mask_empty(&s.cpus_online));
	machine_spec_fini(&s);
	machine_spec_fini(&s); /* twice is fine */
}

static void test_nodes(void **state)
{
	(void)state;
	struct machine_spec s;
	machine_spec_init(&s);
	assert_int_equal(machine_spec_set_nodes(&s, MM_NODES_MAX), 0);
	assert_int_equal(s.nr_nodes, MM_NODES_MAX);
	for (unsigned n = 0; n < s.nr_nodes; n++) {
		assert_false(s.node[n].online);
		assert_int_equal(s.node[n].host_node, -1);
		assert_int_equal(s.node[n].zone[4].present, 0);
		assert_true(mask_empty(&s.node[n].cpus));
	}
	machine_spec_fini(&s);
	assert_int_equal(s.nr_nodes, 0);
	assert_null(s.node);
}

static void test_ranges(void **state)
{
	(void)state;
	struct machine_spec s;
	machine_spec_init(&s);
	assert_int_equal(machine_spec_set_nodes(&s, 1), 0);
	struct zone_spec *z = &s.node[0].zone[1];
	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(zone_spec_add_range(z, i * 10, i * 10 + 3), 0);
		assert_int_equal(z->nr_ranges, i + 1);
		assert_int_equal(z->present, (i + 1) * 3);
	}
	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(z->range[i].start, i * 10);
		assert_int_equal(z->range[i].end, i * 10 + 3);
	}
	machine_spec_fini(&s);
}

/* Every allocation fails once; what was there stays as it was. */
static void test_no_memory(void **state)
{
	(void)state;
	struct machine_spec s;
	machine_spec_init(&s);
	fault_arm(FAULT_HOST_MALLOC, 1);
	assert_int_equal(machine_spec_set_nodes(&s, 2), -ENOMEM);
	assert_int_equal(s.nr_nodes, 0);
	assert_int_equal(machine_spec_set_nodes(&s, 2), 0);

	struct zone_spec *z = &s.node[1].zone[0];
	unsigned failures = 0;
	for (uint64_t i = 0; i < 100; i++) {
		fault_arm(FAULT_HOST_MALLOC, 1);
		if (zone_spec_add_range(z, i, i + 1)) {
			failures++;
			assert_int_equal(z->nr_ranges, i);
			assert_int_equal(z->present, i);
			assert_int_equal(zone_spec_add_range(z, i, i + 1), 0);
		}
	}
	fault_arm(FAULT_HOST_MALLOC, 0);
	assert_int_equal(failures, 8); /* at 0, 1, 2, 4 … 64 ranges */
	assert_int_equal(z->present, 100);
	machine_spec_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),     cmocka_unit_test(test_empty_machine),
		cmocka_unit_test(test_nodes),     cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
