/* SPDX-License-Identifier: MIT */
/* The shape of a machine, read and derived. */
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NODE "sys/devices/system/node/"

static struct capture *spec_of(const struct state_dir *d, struct machine_spec *s)
{
	struct why why = { "" };
	struct capture *c = state_read(d);
	if (import_spec(c, s, &why))
		fail_msg("%s", why.text);
	return c;
}

static void spec_done(struct state_dir *d, struct capture *c, struct machine_spec *s)
{
	machine_spec_fini(s);
	import_free(c);
	state_dir_remove(d);
}

static void test_two_nodes(void **state)
{
	(void)state;
	struct state_dir d;
	struct machine_spec s;
	state_dir_make(&d, "6.1.0-50-amd64-T5");
	struct capture *c = spec_of(&d, &s);
	assert_int_equal(s.bits, 64);
	assert_int_equal(s.pageblock_order, 9);
	assert_true(s.numa && s.imported && s.thp);
	assert_int_equal(s.nr_nodes, 2);
	assert_int_equal(s.nr_cpu_ids, 4);
	assert_int_equal(mask_count(&s.cpus_possible), 4);
	assert_int_equal(mask_count(&s.node[0].cpus), 4);
	assert_true(mask_empty(&s.node[1].cpus));
	assert_int_equal(s.node[0].distance[1], 17);
	assert_int_equal(s.node[1].distance[0], 28);
	assert_int_equal(s.node[1].zone[1].nr_ranges, 1);
	assert_int_equal(s.node[1].zone[1].present, 262106);
	assert_int_equal(s.node[1].zone[1].nr_blocks, 512);
	assert_int_equal(s.node[1].host_node, -1);
	assert_int_equal(c->nr_notes, 0);
	spec_done(&d, c, &s);
}

static void test_node_without_memory(void **state)
{
	(void)state;
	struct state_dir d;
	struct machine_spec s;
	state_dir_make(&d, "6.1.0-50-amd64-T10");
	struct capture *c = spec_of(&d, &s);
	assert_true(s.node[1].online);
	assert_int_equal(mask_count(&s.node[1].cpus), 2);
	for (unsigned t = 0; t < MM_ZONE_TYPES_MAX; t++)
		assert_int_equal(s.node[1].zone[t].present, 0);
	spec_done(&d, c, &s);
}

static void test_32_bit(void **state)
{
	(void)state;
	struct state_dir d;
	struct machine_spec s;
	state_dir_make(&d, "6.1.0-50-686-T7a");
	struct capture *c = spec_of(&d, &s);
	assert_int_equal(s.bits, 32);
	assert_int_equal(s.pageblock_order, 10);
	assert_false(s.numa);
	assert_int_equal(s.nr_nodes, 1);
	assert_int_equal(s.node[0].zone[2].start_pfn, 224254);
	assert_int_equal(s.node[0].zone[2].nr_blocks, 293);
	assert_int_equal(mask_count(&s.node[0].cpus), 2);
	assert_false(state_noted(c, NOTE_GUESSED, "CPUs of nodes")); /* one node: nothing to guess */
	spec_done(&d, c, &s);
}

/* Without node directories: CPUs spread over nodes with memory, distances 10 and 20. */
static void test_no_node_directories(void **state)
{
	(void)state;
	struct state_dir d;
	struct machine_spec s;
	state_dir_make(&d, "6.1.0-50-amd64-T12");
	state_dir_drop(&d, NODE);
	struct capture *c = spec_of(&d, &s);
	assert_int_equal(s.nr_nodes, 3);
	for (unsigned n = 0; n < 3; n++) {
		assert_true(s.node[n].online);
		assert_int_equal(mask_next(&s.node[n].cpus, 0), n);
		assert_int_equal(mask_count(&s.node[n].cpus), 1);
		for (unsigned to = 0; to < 3; to++)
			assert_int_equal(s.node[n].distance[to], to == n ? 10 : 20);
	}
	assert_true(state_noted(c, NOTE_GUESSED, "CPUs of nodes"));
	assert_true(state_noted(c, NOTE_GUESSED, "distances"));
	spec_done(&d, c, &s);
}

/* The width of cpumap tells how many CPUs the kernel can number, within four. */
static void test_width_of_cpumap(void **state)
{
	(void)state;
	static const struct {
		const char *cpumap, *possible;
		unsigned nr_cpu_ids;
	} cases[] = {
		{ "f", NULL, 4 },
		{ "0f", NULL, 8 },
		{ "00000000,0000000f", NULL, 64 },
		{ "00,0000000f", "0-37", 38 },
		{ "f", "0-127", 4 }, /* they contradict: the mask is what must be printed again */
		{ NULL, "0-127", 128 },
	};
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct state_dir d;
		struct machine_spec s;
		state_dir_make(&d, "6.1.0-50-amd64-T2");
		state_dir_drop(&d, NODE "node0/cpumap");
		if (cases[i].cpumap)
			state_dir_write(&d, NODE "node0/cpumap", cases[i].cpumap);
		if (cases[i].possible)
			state_dir_write(&d, "sys/devices/system/cpu/possible", cases[i].possible);
		struct capture *c = spec_of(&d, &s);
		assert_int_equal(s.nr_cpu_ids, cases[i].nr_cpu_ids);
		spec_done(&d, c, &s);
	}
}

/* possible and online name nodes that nothing else speaks of; CPUs contradict each other. */
static void test_contradictions(void **state)
{
	(void)state;
	struct state_dir d;
	struct machine_spec s;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	state_dir_write(&d, NODE "possible", "0-3\n");
	state_dir_write(&d, NODE "node1/cpulist", "3-9\n");
	state_dir_write(&d, NODE "node1/distance", "21\n");
	state_dir_write(&d, "sys/devices/system/cpu/online", "0-8\n");
	struct capture *c = spec_of(&d, &s);
	assert_int_equal(s.nr_nodes, 4);
	assert_false(s.node[3].online);
	assert_int_equal(mask_count(&s.cpus_online), 8);
	assert_int_equal(mask_count(&s.node[1].cpus), 4);
	assert_true(mask_has(&s.node[0].cpus, 3));
	assert_int_equal(s.node[0].distance[1], 21);
	assert_int_equal(s.node[1].distance[0], 20);
	assert_true(state_noted(c, NOTE_CORRECTED, "online CPUs"));
	assert_true(state_noted(c, NOTE_CORRECTED, "cpulist"));
	assert_true(state_noted(c, NOTE_GUESSED, "distances"));
	spec_done(&d, c, &s);
}

static void test_what_zoneinfo_lacks(void **state)
{
	(void)state;
	struct state_dir d;
	struct machine_spec s;
	state_dir_make(&d, NULL);
	state_dir_write(
		&d, "proc/zoneinfo",
		"Node 0, zone DMA\n  pages free 10\n  spanned 4095\n  present 4095\n  managed 4000\n"
		"Node 0, zone DMA32\n  pages free 10\n  spanned 100000\n  present 100000\n  managed 90000\n"
		"Node 0, zone Normal\n  pages free 10\n  spanned 100000\n  present 100000\n  managed 90000\n");
	struct capture *c = spec_of(&d, &s);
	assert_int_equal(s.node[0].zone[0].start_pfn, 1);
	assert_int_equal(s.node[0].zone[1].start_pfn, 4096);
	assert_int_equal(s.node[0].zone[2].start_pfn, 0x100000);
	assert_int_equal(s.node[0].zone[2].nr_blocks, 0); /* counted by rule */
	assert_int_equal(mask_count(&s.cpus_online), 1);
	assert_true(s.thp);
	assert_false(s.numa);
	assert_true(state_noted(c, NOTE_GUESSED, "start_pfn"));
	assert_true(state_noted(c, NOTE_GUESSED, "CPUs"));
	assert_true(state_noted(c, NOTE_GUESSED, "transparent huge pages"));
	spec_done(&d, c, &s);
}

static void test_blocks_that_do_not_fit(void **state)
{
	(void)state;
	struct state_dir d;
	struct machine_spec s;
	state_dir_make(&d, "6.1.0-50-amd64-T1");
	state_dir_edit(&d, "proc/pagetypeinfo", "Node 0, zone      DMA            1            7 ",
		       "Node 0, zone      DMA            1           17 ");
	struct capture *c = spec_of(&d, &s);
	assert_int_equal(s.node[0].zone[0].nr_blocks, 0);
	assert_true(state_noted(c, NOTE_CORRECTED, "number of blocks"));
	spec_done(&d, c, &s);
}

static void refused(const char *from, const char *to, const char *words)
{
	struct state_dir d;
	struct machine_spec s;
	struct why why = { "" };
	state_dir_make(&d, "6.1.0-50-amd64-T5");
	state_dir_edit(&d, "proc/zoneinfo", from, to);
	struct capture *c = state_read(&d);
	assert_int_equal(import_spec(c, &s, &why), -EINVAL);
	if (!strstr(why.text, words))
		fail_msg("\"%s\" does not contain \"%s\"", why.text, words);
	spec_done(&d, c, &s);
}

static void test_refused(void **state)
{
	(void)state;
	refused("start_pfn:           4096", "start_pfn:           4090",
		"the zone's memory lies inside another zone's");
	refused("start_pfn:           1048576", "start_pfn:           5000", "proc/zoneinfo:");
	refused("start_pfn:           1\n", "start_pfn:           0\n", "starts at frame 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_nodes),
		cmocka_unit_test(test_node_without_memory),
		cmocka_unit_test(test_32_bit),
		cmocka_unit_test(test_no_node_directories),
		cmocka_unit_test(test_width_of_cpumap),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_what_zoneinfo_lacks),
		cmocka_unit_test(test_blocks_that_do_not_fit),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
