/* SPDX-License-Identifier: MIT */
/* Where memory lies, who owns which CPU, how far apart nodes are. */
#include "support/config_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_sizes_follow_each_other(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[node 2]\nmemory=8M\n[node 0]\nmemory=16M\ncpus=0\n[node 1]\nmemory=12M\n");
	assert_string_equal(zone_numbers(&c, 0, 0), "1 4095 3998 3840");
	assert_string_equal(zone_numbers(&c, 1, 1), "4096 3072 3072 3024");
	assert_string_equal(zone_numbers(&c, 2, 1), "7168 2048 2048 2016");
	config_fini(&c);

	/* ranges stand where they say; the sizes beside them still start at 0 */
	config_text_good(&c, "[node 0]\nmemory=1G-2G\ncpus=0\n[node 1]\nmemory=64M\n[node 2]\nmemory=64M\n");
	assert_int_equal(c.spec.node[1].zone[0].start_pfn, 1);
	assert_int_equal(c.spec.node[2].zone[1].start_pfn, 16384);
	assert_int_equal(c.spec.node[0].zone[1].start_pfn, 262144);
	config_fini(&c);
}

static void test_ranges(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[node 0]\nmemory=64M-96M,32M-64M,128M-192M\ncpus=0\n");
	const struct zone_spec *z = &c.spec.node[0].zone[1];
	assert_int_equal(z->nr_ranges, 2);
	assert_int_equal(z->range[0].start, 8192);
	assert_int_equal(z->range[0].end, 24576);
	assert_int_equal(z->range[1].start, 32768);
	assert_string_equal(zone_numbers(&c, 0, 0), "0 0 0 0"); /* no memory at 0: no PC, no DMA */
	assert_string_equal(zone_numbers(&c, 0, 1), "8192 40960 32768 32256");
	config_fini(&c);
}

static void test_pc_hole(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[node 0]\nmemory=64M\ncpus=0\n");
	const struct zone_spec *z = &c.spec.node[0].zone[0];
	assert_int_equal(z->nr_ranges, 2);
	assert_int_equal(z->range[0].start, 1);
	assert_int_equal(z->range[0].end, 0x9f);
	assert_int_equal(z->range[1].start, 0x100);
	assert_int_equal(z->range[1].end, 4096);
	config_fini(&c);
}

static void test_bad_memory(void **state)
{
	(void)state;

	config_text_bad("[node 0]\nmemory=0-64M,60M-128M\ncpus=0\n",
			"FILE:2: memory: two ranges of this node overlap at address 60 MiB");
	config_text_bad("[node 0]\nmemory=0-64M\ncpus=0\n[node 1]\nmemory=128M-256M\n[node 2]\nmemory=32M-36M\n",
			"FILE:7: memory overlaps that of node 0 (line 2) at address 32 MiB");
	config_text_bad("[node 0]\nmemory=64M\ncpus=0\n[node 1]\nmemory=4M-8M\n",
			"FILE:5: memory overlaps that of node 0 (line 2) at address 4 MiB");
	config_text_bad("[node 0]\ncpus=0\n", "FILE: no node has memory: give [node 0] memory = 512M");
	config_text_bad("[node 0]\ncpus=0\nmemory=0\n",
			"FILE: no node has memory: give [node 0] memory = 512M");
	config_text_bad("[node 0]\nmemory=16T\ncpus=0\n",
			"FILE:2: memory reaches to 16777216 MiB: frame 4294967294 is the last that ummfs can number (16T less 4M)");
	config_text_bad("[node 0]\nmemory=8T\ncpus=0\n\n[node 1]\nmemory=8T\n",
			"FILE:6: memory reaches to 16777216 MiB: frame 4294967294 is the last that ummfs can number (16T less 4M)");
	config_text_bad("[node 0]\nmemory=16777212T\ncpus=0\n[node 1]\nmemory=16777212T\n",
			"FILE:2: memory reaches to 17592181850112 MiB: frame 4294967294 is the last that ummfs can number (16T less 4M)");
	config_text_bad("[machine]\nbits=32\n[node 0]\nmemory=68G\ncpus=0\n",
			"FILE:4: memory reaches to 69632 MiB: a 32-bit machine with PAE ends at 64G");
	config_text_bad("[machine]\nbits=32\npageblock_order=10\n[node 0]\nmemory=3G-5G\ncpus=0\n",
			"FILE:5: memory reaches to 5120 MiB: a 32-bit machine without PAE (pageblock_order = 10) ends at 4G");
}

static void test_largest(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[node 0]\nmemory=16777212M\ncpus=0\n");
	const struct zone_spec *z = &c.spec.node[0].zone[2];
	assert_int_equal(z->start_pfn + z->spanned, 0xfffffc00);
	config_fini(&c);
	config_text_good(&c, "[machine]\nbits=32\n[node 0]\nmemory=64G\ncpus=0\n");
	config_fini(&c);
	config_text_good(&c, "[node 255]\ncpus=8191\n[node 0]\nmemory=64M\ncpus=0\n");
	assert_int_equal(c.spec.nr_nodes, 256);
	assert_int_equal(c.spec.nr_cpu_ids, 8192);
	config_fini(&c);
}

static void test_node_numbers(void **state)
{
	(void)state;
	struct config c;

	config_text_bad("[machine]\nbits=64\n", "FILE: no [node N] section: a machine has at least [node 0]");
	config_text_bad("", "FILE: no [node N] section: a machine has at least [node 0]");
	config_text_bad("[node 1]\nmemory=64M\ncpus=0\n",
			"FILE:1: there is no [node 0], which every machine has: number the nodes from 0");
	config_text_bad("[node 0]\nmemory=64M\ncpus=0\n[node 1]\n",
			"FILE:4: node 1 has neither memory nor CPUs: give it one or leave it out");
	config_text_bad("[node 0]\nmemory=64M\ncpus=0\n[node 1]\nmemory=64M\n[machine]\nbits=32\n",
			"FILE:4: [node 1]: a machine with bits = 32 has node 0 only");

	/* a gap is fine: node 1 is simply not there */
	config_text_good(&c, "[node 0]\nmemory=64M\ncpus=0\ndistance=10 30\n[node 2]\nmemory=64M\n");
	assert_int_equal(c.spec.nr_nodes, 3);
	assert_true(c.spec.node[0].online && !c.spec.node[1].online && c.spec.node[2].online);
	assert_int_equal(c.spec.node[0].distance[1], 0);
	assert_int_equal(c.spec.node[0].distance[2], 30);
	assert_int_equal(c.spec.node[2].distance[0], 30);
	config_fini(&c);
}

static void test_cpus(void **state)
{
	(void)state;
	struct config c;

	/* CPUs without memory, memory without CPUs */
	config_text_good(&c, "[node 0]\ncpus=0-1\n[node 1]\nmemory=64M\n");
	assert_true(c.spec.node[0].online && c.spec.node[1].online);
	assert_string_equal(zone_numbers(&c, 1, 0), "1 4095 3998 3840");
	config_fini(&c);

	config_text_bad("[node 0]\nmemory=64M\ncpus=0-3\n[node 1]\ncpus=2,8\n",
			"FILE:5: cpus: CPU 2 is on node 0 already (line 3)");
	config_text_bad("[node 0]\nmemory=64M\n", "FILE: no node has a CPU: give [node 0] cpus = 0-1");
	config_text_bad("[node 0]\nmemory=64M\ncpus=\n[node 1]\nmemory=64M\n",
			"FILE: no node has a CPU: give [node 0] cpus = 0-1");
	config_text_bad("[node 0]\nmemory=64M\ncpus=1-3\n",
			"FILE: no node has CPU 0, which a machine starts on");
	config_text_bad("[machine]\npossible_cpus=0-3\n[node 0]\nmemory=64M\ncpus=0,4\n",
			"FILE:2: possible_cpus: CPU 4 is on a node and has to be possible");
}

static void check_distances(const char *lines, const uint8_t want[9])
{
	struct config c;
	config_text_good(&c, lines);
	for (unsigned n = 0; n < 3; n++)
		assert_memory_equal(c.spec.node[n].distance, want + 3 * n, 3);
	config_fini(&c);
}

static void test_distances(void **state)
{
	(void)state;
	check_distances("[node 0]\nmemory=64M\ncpus=0\n[node 1]\nmemory=64M\n[node 2]\nmemory=64M\n",
			(const uint8_t[]){ 10, 20, 20, 20, 10, 20, 20, 20, 10 });
	/* one line is enough: the way back is as long */
	check_distances("[node 0]\nmemory=64M\ncpus=0\n[node 1]\nmemory=64M\ndistance=15 10 255\n[node 2]\nmemory=64M\n",
			(const uint8_t[]){ 10, 15, 20, 15, 10, 255, 20, 255, 10 });

	config_text_bad(
		"[node 0]\nmemory=64M\ncpus=0\ndistance=10 21\n[node 1]\nmemory=64M\ndistance=20 10\n",
		"FILE:7: distance: 20 from node 1 to node 0 and 21 back (line 4): must be the same");
	config_text_bad("[node 0]\nmemory=64M\ncpus=0\ndistance=10 21 21\n[node 1]\nmemory=64M\n",
			"FILE:4: distance: 3 numbers for a machine of 2 nodes");
	config_text_bad("[node 0]\nmemory=64M\ncpus=0\ndistance=10\n[node 1]\nmemory=64M\n",
			"FILE:4: distance: 1 numbers for a machine of 2 nodes");
	config_text_bad("[node 0]\nmemory=64M\ncpus=0\ndistance=20 10\n[node 1]\nmemory=64M\n",
			"FILE:4: distance: 20 from node 0 to node 0: must be 10 to itself and 11 to 255 to others");
	config_text_bad("[node 0]\nmemory=64M\ncpus=0\ndistance=10 10\n[node 1]\nmemory=64M\n",
			"FILE:4: distance: 10 from node 0 to node 1: must be 10 to itself and 11 to 255 to others");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes_follow_each_other),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_pc_hole),
		cmocka_unit_test(test_bad_memory),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_node_numbers),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_distances),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
