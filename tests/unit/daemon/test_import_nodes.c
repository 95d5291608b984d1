/* SPDX-License-Identifier: MIT */
/* Node and CPU directories. */
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NODE "sys/devices/system/node/"

static void test_real_one(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	state_dir_make(&d, "6.1.0-50-amd64-T10");
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_nodes(c, &why), 0);
	assert_int_equal(c->nr_nodes, 2);
	assert_true(c->nodes_online.known && c->nodes_possible.known);
	assert_int_equal(mask_count(&c->nodes_online.set), 2);
	assert_true(c->node[1].has_cpulist);
	assert_true(mask_has(&c->node[1].cpus, 2) && mask_has(&c->node[1].cpus, 3));
	assert_int_equal(mask_count(&c->node[1].cpus), 2);
	assert_int_equal(c->node[1].cpumap_digits, 1);
	assert_int_equal(c->node[1].nr_distance, 2);
	assert_int_equal(c->node[1].distance[0], 20);
	assert_true(c->node[0].huge.seen);
	import_free(c);
	state_dir_remove(&d);
}

/* Memory blocks as a live machine links them; their order in the directory says nothing. */
static void test_memory_blocks(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	state_dir_make(&d, NULL);
	state_dir_write(&d, "sys/devices/system/memory/block_size_bytes", "8000000\n");
	static const char *const files[] = { "memory9", "memory10", "memory0", "memory3", "memory_x" };
	for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
		char path[128];
		snprintf(path, sizeof(path), NODE "node1/%s", files[i]);
		state_dir_write(&d, path, "");
	}
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_nodes(c, &why), 0);
	const struct pfn_ranges *r = &c->node[1].blocks;
	assert_int_equal(r->nr, 3);
	assert_int_equal(r->r[0].end, 32768);
	assert_int_equal(r->r[1].start, 3 * 32768);
	assert_int_equal(r->r[2].start, 9 * 32768);
	assert_int_equal(r->r[2].end, 11 * 32768);
	import_free(c);
	state_dir_remove(&d);
}

static void test_huge_pages(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	state_dir_make(&d, NULL);
	state_dir_write(&d, NODE "node0/hugepages/hugepages-2048kB/nr_hugepages", "7\n");
	state_dir_write(&d, NODE "node0/hugepages/hugepages-2048kB/free_hugepages", "5\n");
	state_dir_write(&d, NODE "node0/hugepages/hugepages-2048kB/surplus_hugepages", "1\n");
	state_dir_write(&d, NODE "node0/hugepages/hugepages-1048576kB/nr_hugepages", "2\n");
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_nodes(c, &why), 0);
	assert_true(c->node[0].huge.seen);
	assert_int_equal(c->node[0].huge.nr, 7);
	assert_int_equal(c->node[0].huge.free, 5);
	assert_int_equal(c->node[0].huge.surplus, 1);
	assert_int_equal(c->nr_notes, 0);
	import_free(c);

	state_dir_write(&d, NODE "node0/hugepages/hugepages-2048kB/free_hugepages", "8\n");
	c = state_capture(&d);
	assert_int_equal(cap_read_nodes(c, &why), 0);
	assert_int_equal(c->node[0].huge.free, 7);
	assert_true(state_noted(c, NOTE_CORRECTED, "huge pages"));
	import_free(c);
	state_dir_remove(&d);
}

static void test_cpus(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	state_dir_make(&d, NULL);
	state_dir_write(&d, "sys/devices/system/cpu/online", "0-1,4\n");
	state_dir_write(&d, "sys/devices/system/cpu/possible", "0-127\n");
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_cpus(c, &why), 0);
	assert_int_equal(mask_count(&c->cpus_online.set), 3);
	assert_int_equal(mask_count(&c->cpus_possible.set), 128);
	assert_false(c->cpus_present.known);
	import_free(c);
	state_dir_remove(&d);
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const bad[][3] = {
		{ NODE "online", "0-\n", "node/online:1: \"0-\" is not a list of numbers" },
		{ NODE "node0/cpulist", "a\n", "node0/cpulist:1: \"a\" is not a list" },
		{ NODE "node0/cpumap", "0x3\n", "node0/cpumap:1: \"0x3\" is not a CPU mask" },
		{ NODE "node0/distance", "10 300\n", "node0/distance:1: \"300\" is not a distance" },
		{ NODE "node256/cpulist", "0\n", "node256: the highest node number is 255" },
	};
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		struct state_dir d;
		struct why why = { "" };
		state_dir_make(&d, NULL);
		state_dir_write(&d, bad[i][0], bad[i][1]);
		struct capture *c = state_capture(&d);
		assert_int_equal(cap_read_nodes(c, &why), -EINVAL);
		if (!strstr(why.text, bad[i][2]))
			fail_msg("\"%s\" does not contain \"%s\"", why.text, bad[i][2]);
		import_free(c);
		state_dir_remove(&d);
	}
}

static void test_missing(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	state_dir_make(&d, "6.1.0-50-686-T7a");
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_nodes(c, &why), 0);
	assert_int_equal(cap_read_cpus(c, &why), 0);
	assert_true(state_noted(c, NOTE_MISSING, "sys/devices/system/node"));
	assert_int_equal(c->nr_nodes, 0);
	import_free(c);
	state_dir_remove(&d);
}

/* An empty file is one that whoever made the state could not read. */
static void test_empty_files(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	state_dir_make(&d, "6.1.0-50-amd64-T10");
	state_dir_write(&d, NODE "node0/hugepages/hugepages-2048kB/nr_hugepages", "\n");
	state_dir_write(&d, NODE "node1/hugepages/hugepages-2048kB/free_hugepages", "");
	state_dir_write(&d, NODE "node0/distance", "");
	state_dir_write(&d, NODE "node0/cpulist", "");
	state_dir_write(&d, NODE "node1/cpulist", "\n"); /* no CPU: that is an answer */
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_nodes(c, &why), 0);
	assert_false(c->node[0].huge.seen || c->node[1].huge.seen);
	assert_true(state_noted(c, NOTE_CORRECTED, "huge pages"));
	assert_int_equal(c->node[0].nr_distance, 0);
	assert_false(c->node[0].has_cpulist);
	assert_true(c->node[1].has_cpulist);
	import_free(c);

	c = state_read(&d);
	assert_true(state_noted(c, NOTE_CORRECTED, "free_hugepages"));
	assert_true(state_noted(c, NOTE_CORRECTED, "distance"));
	assert_true(state_noted(c, NOTE_CORRECTED, "cpulist"));
	assert_int_equal(import_strict(c, &why), -EINVAL);
	import_free(c);
	state_end(state_boot(&d));
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_one),    cmocka_unit_test(test_memory_blocks),
		cmocka_unit_test(test_huge_pages),  cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_missing),
		cmocka_unit_test(test_empty_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
