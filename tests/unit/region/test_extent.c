/* SPDX-License-Identifier: MIT */
#include "base/fault.h"
#include "region/extent.h"
#include "support/fake_host.h"

#include <errno.h>
#include <numa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HUGE (2ul << 20)
#define HUGE_FRAMES 512ul

static void check_extent(const struct extent_list *l, size_t i, uint64_t start, uint64_t end, int node)
{
	assert_true(i < l->nr);
	assert_int_equal(l->extent[i].start, start);
	assert_int_equal(l->extent[i].end, end);
	assert_int_equal(l->extent[i].node, node);
}

/* A PC's first ranges share a huge page; ranges come in any order. */
static void test_rounded_out_once(void **state)
{
	(void)state;
	static const struct region_range range[] = {
		{ 4 * HUGE_FRAMES + 1, 5 * HUGE_FRAMES - 1, -1 },
		{ 0x100, HUGE_FRAMES + 1, -1 },
		{ 1, 0x9f, -1 },
		{ 5 * HUGE_FRAMES, 6 * HUGE_FRAMES, -1 },
		{ 4 * HUGE_FRAMES, 4 * HUGE_FRAMES + 1, -1 },
	};
	struct extent_list l;

	assert_int_equal(extents_create(&l, range, ARRAY_LEN(range), HUGE), 0);
	assert_int_equal(l.nr, 2);
	check_extent(&l, 0, 0, 2 * HUGE, -1);
	check_extent(&l, 1, 4 * HUGE, 6 * HUGE, -1);
	assert_int_equal(l.bytes, 4 * HUGE);
	extents_destroy(&l);

	assert_int_equal(extents_create(&l, range, ARRAY_LEN(range), 4096), 0);
	check_extent(&l, 0, 4096, 0x9f000, -1);
	check_extent(&l, 1, 0x100000, HUGE + 4096, -1);
	assert_int_equal(l.extent[l.nr - 1].end, 6 * HUGE);
	extents_destroy(&l);
}

static void test_nodes_and_needs(void **state)
{
	(void)state;
	static const struct region_range range[] = {
		{ 0, 1000, 1 }, /* 2 pages; shares its second one with the next */
		{ 1000, 2048, 0 }, /* 2 more */
		{ 2048, 2560, 0 }, { 4096, 5120, -1 }, { 8192, 8704, 1 },
	};
	struct extent_list l;
	struct pool_need need[8];

	if (numa_available() < 0) {
		print_message("SKIPPED: extents on nodes: this host's kernel has no NUMA\n");
		skip();
	}
	fake_file("/sys/devices/system/node/has_memory", "0-1\n");
	assert_int_equal(extents_create(&l, range, ARRAY_LEN(range), HUGE), 0);
	assert_int_equal(l.nr, 4);
	check_extent(&l, 0, 0, 2 * HUGE, 1);
	check_extent(&l, 1, 2 * HUGE, 5 * HUGE, 0);
	check_extent(&l, 2, 8 * HUGE, 10 * HUGE, -1);
	check_extent(&l, 3, 16 * HUGE, 17 * HUGE, 1);
	assert_int_equal(extents_needs(&l, HUGE, need, ARRAY_LEN(need)), 3);
	assert_int_equal(need[0].pool.node, 1);
	assert_int_equal(need[0].pages, 3);
	assert_int_equal(need[1].pool.node, 0);
	assert_int_equal(need[1].pages, 3);
	assert_int_equal(need[2].pool.node, HOST_NODE_ANY);
	assert_int_equal(need[2].pages, 8);
	assert_int_equal(need[2].pool.huge_page_bytes, HUGE);
	/* no room for a node: it is only in the sum */
	assert_int_equal(extents_needs(&l, HUGE, need, 2), 2);
	assert_int_equal(need[0].pages, 3);
	assert_int_equal(need[1].pages, 8);
	extents_destroy(&l);

	/* a host with one node plays them all */
	fake_file("/sys/devices/system/node/has_memory", "0\n");
	assert_int_equal(extents_create(&l, range, ARRAY_LEN(range), HUGE), 0);
	assert_int_equal(l.nr, 3);
	check_extent(&l, 0, 0, 5 * HUGE, -1);
	assert_int_equal(extents_needs(&l, HUGE, need, ARRAY_LEN(need)), 1);
	extents_destroy(&l);
}

static void test_no_memory(void **state)
{
	(void)state;
	static const struct region_range range = { 0, 1, -1 };
	struct extent_list l;

	fault_arm(FAULT_HOST_MALLOC, 1);
	assert_int_equal(extents_create(&l, &range, 1, HUGE), -ENOMEM);
	assert_true(fault_fired(FAULT_HOST_MALLOC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounded_out_once),
		cmocka_unit_test_setup_teardown(test_nodes_and_needs, fake_host_setup, fake_host_teardown),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
