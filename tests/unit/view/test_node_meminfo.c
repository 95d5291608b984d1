/* SPDX-License-Identifier: MIT */
#include "support/golden.h"
#include "view/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/*
 * The files of a capture are some milliseconds apart. While those of T9's node
 * 2 were read 31 pages went, of node 1 of 6.12's T3 14 came back; no other file
 * has the numbers of their meminfo.
 */
static void check(const char *name, bool from_vmstat)
{
	struct golden g;
	char path[128];
	golden_open(&g, name);
	for (unsigned nid = 0; nid < g.machine.nr_nodes; nid++) {
		if ((nid == 2 && strstr(name, "-T9")) ||
		    (nid == 1 && strstr(name, "6.12.107+deb13-amd64-T3")))
			continue;
		assert_true(!from_vmstat || golden_fill_node(&g, nid));
		assert_true(golden_fill_node_hugetlb(&g, nid));
		snprintf(path, sizeof(path), "sys/devices/system/node/node%u/meminfo", nid);
		golden_compare(&g, path, view_node_meminfo, nid);
	}
	golden_close(&g);
}

static void test_every_capture(void **state)
{
	(void)state;
	for (unsigned i = 0; i < golden_nr_captures; i++)
		if (strstr(golden_captures[i], "amd64"))
			check(golden_captures[i], true);
}

static void test_huge_pages(void **state)
{
	(void)state;
	check("steps/6.1.0-50-amd64-T3-d-oc6-nr8", false);
}

/* Before 4.0 a node's total is what is present. T1 of 6.1, as such a kernel would have said it. */
static void test_total_of_old_kernels(void **state)
{
	(void)state;
	struct golden g;
	struct text t;
	golden_open(&g, "captures/6.1.0-50-amd64-T1");
	machine_set_version(&g.machine, &kernel_versions[KERNEL_3_10]);
	text_init(&t, 0);
	view_node_meminfo(&t, &g.snap, 0);
	assert_int_equal(strncmp(text_cstr(&t), "Node 0 MemTotal:        1048032 kB\n", 35), 0);
	assert_null(strstr(text_cstr(&t), "SwapCached:"));
	text_fini(&t);
	golden_close(&g);
}

/* Numbers wider than their columns move what follows. */
static void test_large_node(void **state)
{
	(void)state;
	struct golden g;
	struct text t;
	golden_open(&g, "captures/6.1.0-50-amd64-T1");
	FOR_EACH_POPULATED_ZONE(z, &g.machine)
		g.snap.zone[z->id].managed = 1ull << 32;
	g.snap.node[0].hugetlb_nr = 1234567;
	g.snap.node[0].hugetlb_surplus = 7;
	text_init(&t, 0);
	view_node_meminfo(&t, &g.snap, 0);
	assert_non_null(strstr(text_cstr(&t), "Node 0 MemTotal:       34359738368 kB\n"));
	assert_non_null(strstr(text_cstr(&t), "Node 0 HugePages_Total: 1234567\n"));
	assert_non_null(strstr(text_cstr(&t), "Node 0 HugePages_Surp:      7\n"));
	text_fini(&t);
	golden_close(&g);
}

/* With high memory compiled in there are four more lines. */
static void test_high_lines(void **state)
{
	(void)state;
	struct golden g;
	struct text t;
	golden_open(&g, "captures/6.1.0-50-686-T7a");
	text_init(&t, 0);
	view_node_meminfo(&t, &g.snap, 0);
	assert_non_null(strstr(text_cstr(&t), "Node 0 Mlocked:            6132 kB\n"
					      "Node 0 HighTotal:       1199984 kB\n"
					      "Node 0 HighFree:        1186120 kB\n"
					      "Node 0 LowTotal:         860032 kB\n"
					      "Node 0 LowFree:          842348 kB\n"
					      "Node 0 Dirty:                 0 kB\n"));
	text_fini(&t);
	golden_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_capture),        cmocka_unit_test(test_huge_pages),
		cmocka_unit_test(test_total_of_old_kernels), cmocka_unit_test(test_large_node),
		cmocka_unit_test(test_high_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
