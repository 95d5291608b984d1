/* SPDX-License-Identifier: MIT */
#include "support/golden.h"
#include "view/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A node clamps each zone, the machine clamps the sum. */
static void test_negative_parts(void **state)
{
	(void)state;
	struct golden g;
	golden_open(&g, "captures/6.1.0-50-amd64-T3");
	for (unsigned i = 0; i < 8; i++)
		g.snap.zone[i].stat[NR_BOUNCE] = 0;
	g.snap.zone[0].stat[NR_BOUNCE] = -4;
	g.snap.zone[1].stat[NR_BOUNCE] = 10;
	assert_int_equal(snap_node_zone_sum(&g.snap, 0, NR_BOUNCE), 10);
	assert_int_equal(snap_zone_sum(&g.snap, NR_BOUNCE), 6);
	g.snap.node[0].stat[NR_DIRTIED] = -4;
	g.snap.node[1].stat[NR_DIRTIED] = 3;
	assert_int_equal(snap_node_sum(&g.snap, NR_DIRTIED), 0);
	golden_close(&g);
}

/* The kernel's own sums of its own parts: MemTotal, and the nodes'. */
static void test_managed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < golden_nr_captures; i++) {
		struct golden g;
		uint64_t sum = 0;
		golden_open(&g, golden_captures[i]);
		for (unsigned nid = 0; nid < g.machine.nr_nodes; nid++)
			sum += snap_node_managed(&g.snap, nid);
		char *meminfo = golden_read(&g, "proc/meminfo");
		assert_int_equal(PAGES_TO_KB(sum), strtoul(strstr(meminfo, "MemTotal:") + 9, NULL, 10));
		free(meminfo);
		golden_close(&g);
	}
}

static void test_high_zones(void **state)
{
	(void)state;
	struct machine m = { .bits = 32 };
	struct zone z = { .machine = &m, .kind = ZONE_HIGHMEM };
	assert_true(zone_is_high(&z));
	z.kind = ZONE_MOVABLE;
	assert_true(zone_is_high(&z));
	z.kind = ZONE_NORMAL;
	assert_false(zone_is_high(&z));
	m.bits = 64;
	z.kind = ZONE_MOVABLE;
	assert_false(zone_is_high(&z));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_negative_parts),
		cmocka_unit_test(test_managed),
		cmocka_unit_test(test_high_zones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
