/* SPDX-License-Identifier: MIT */
#include "support/golden.h"
#include "view/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NODES "sys/devices/system/node/"

static void check_node(struct golden *g, unsigned nid, const char *file, golden_render *render)
{
	char path[128];
	snprintf(path, sizeof(path), NODES "node%u/%s", nid, file);
	golden_compare(g, path, render, nid);
}

static void check(const char *name)
{
	struct golden g;
	golden_open(&g, name);
	golden_compare(&g, NODES "online", view_nodes_online, 0);
	golden_compare(&g, NODES "possible", view_nodes_possible, 0);
	golden_compare(&g, NODES "has_cpu", view_nodes_has_cpu, 0);
	golden_compare(&g, NODES "has_memory", view_nodes_has_memory, 0);
	golden_compare(&g, NODES "has_normal_memory", view_nodes_has_normal_memory, 0);
	golden_compare(&g, NODES "has_generic_initiator", view_nodes_has_generic_initiator, 0);
	for (unsigned nid = 0; nid < g.machine.nr_nodes; nid++) {
		assert_true(golden_fill_node(&g, nid));
		check_node(&g, nid, "cpulist", view_node_cpulist);
		check_node(&g, nid, "cpumap", view_node_cpumap);
		check_node(&g, nid, "distance", view_node_distance);
		check_node(&g, nid, "vmstat", view_node_vmstat);
		assert_true(golden_fill_numastat(&g, nid));
		check_node(&g, nid, "numastat", view_node_numastat);
	}
	golden_close(&g);
}

static void test_every_capture(void **state)
{
	(void)state;
	for (unsigned i = 0; i < golden_nr_captures; i++)
		if (strstr(golden_captures[i], "amd64"))
			check(golden_captures[i]);
}

static const char *rendered(struct golden *g, struct text *t, golden_render *render)
{
	text_init(t, 0);
	render(t, &g->snap, 0);
	return text_cstr(t);
}

#define assert_view(g, render, expected)                                                           \
	do {                                                                                       \
		struct text t_;                                                                    \
		assert_string_equal(rendered(g, &t_, render), expected);                           \
		text_fini(&t_);                                                                    \
	} while (0)

/* A number without a node is possible, not online; distances skip it. */
static void test_hole_in_numbers(void **state)
{
	(void)state;
	struct golden g;
	golden_open(&g, "captures/6.1.0-50-amd64-T12");
	g.machine.node[1].online = false;
	assert_view(&g, view_nodes_online, "0,2\n");
	assert_view(&g, view_nodes_possible, "0-2\n");
	assert_view(&g, view_nodes_has_memory, "0,2\n");
	assert_view(&g, view_node_distance, "10 40\n");
	golden_close(&g);
}

/* Only movable memory: not "normal", but memory. */
static void test_movable_node(void **state)
{
	(void)state;
	struct golden g;
	golden_open(&g, "captures/6.1.0-50-amd64-T5");
	struct node *n = &g.machine.node[1];
	n->zone[3]->present = n->zone[1]->present;
	n->zone[1]->present = n->zone[2]->present = 0;
	assert_view(&g, view_nodes_has_memory, "0-1\n");
	assert_view(&g, view_nodes_has_normal_memory, "0\n");
	golden_close(&g);
}

/* Only high memory, on 32 bits. */
static void test_high_memory(void **state)
{
	(void)state;
	struct golden g;
	golden_open(&g, "captures/6.1.0-50-686-T7a");
	assert_view(&g, view_nodes_has_high_memory, "0\n");
	g.machine.node[0].zone[0]->present = g.machine.node[0].zone[1]->present = 0;
	assert_view(&g, view_nodes_has_normal_memory, "\n");
	assert_view(&g, view_nodes_has_high_memory, "0\n");
	golden_close(&g);
}

static void test_offline_cpus(void **state)
{
	(void)state;
	struct golden g;
	golden_open(&g, "captures/6.1.0-50-amd64-T5");
	mask_clear(&g.machine.cpus_online);
	mask_set(&g.machine.cpus_online, 2);
	assert_view(&g, view_node_cpulist, "2\n");
	assert_view(&g, view_node_cpumap, "4\n");
	assert_view(&g, view_nodes_has_cpu, "0\n");
	golden_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_capture), cmocka_unit_test(test_hole_in_numbers),
		cmocka_unit_test(test_movable_node),  cmocka_unit_test(test_high_memory),
		cmocka_unit_test(test_offline_cpus),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
