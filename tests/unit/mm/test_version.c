/* SPDX-License-Identifier: MIT */
/* The rows of kernels: found by name and release, and what a machine of each prints and keeps. */
#include "mm/version.h"

#include "support/small_machine.h"

static void test_rows(void **state)
{
	(void)state;
	for (unsigned k = 0; k < KERNELS; k++) {
		const struct kernel_version *v = &kernel_versions[k];
		assert_int_equal(v->kernel, k);
		assert_non_null(v->name);
		assert_non_null(v->pageset);
		assert_ptr_equal(kernel_version_find(v->name), v->captured ? v : NULL);
	}
	assert_null(kernel_version_find("6.2"));
	assert_null(kernel_version_find(""));
}

static void test_releases(void **state)
{
	(void)state;
	static const struct {
		unsigned major, minor;
		enum kernel kernel;
	} want[] = {
		{ 2, 6, KERNEL_3_10 }, { 3, 10, KERNEL_3_10 }, { 3, 19, KERNEL_3_10 },
		{ 4, 0, KERNEL_5_10 }, { 5, 10, KERNEL_5_10 }, { 5, 13, KERNEL_5_10 },
		{ 5, 14, KERNEL_6_1 }, { 6, 1, KERNEL_6_1 },   { 6, 6, KERNEL_6_1 },
		{ 6, 7, KERNEL_6_12 }, { 6, 12, KERNEL_6_12 }, { 7, 0, KERNEL_6_12 },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(kernel_version_of(want[i].major, want[i].minor)->kernel, want[i].kernel);
}

static void test_sets(void **state)
{
	(void)state;
	static const struct {
		uint32_t set;
		bool has[KERNELS];
	} want[] = {
		{ 0, { true, true, true, true } },
		{ UNTIL_5_10, { true, true, false, false } },
		{ SINCE_6_1, { false, false, true, true } },
		{ SINCE_6_12, { false, false, false, true } },
		{ ONLY_6_1, { false, false, true, false } },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		for (unsigned k = 0; k < KERNELS; k++)
			assert_int_equal(kernels_have(want[i].set, &kernel_versions[k]), want[i].has[k]);
}

/* A node with memory in all that a list may ask about. */
static void boot(struct machine *m, enum kernel kernel)
{
	static const struct zone_shape shape = { 0, 2, 32768, 32768 + 65536, 0 };
	struct machine_spec s;
	small_spec(&s, 1, 2);
	small_spec_zones(&s, &shape, 1);
	s.kernel = kernel;
	small_boot(m, &s);
}

static bool node_listed(const struct machine *m, enum node_stat item)
{
	for (unsigned i = 0; i < m->shown.nr_node; i++)
		if (m->shown.node[i] == item)
			return true;
	return false;
}

static bool zone_listed(const struct machine *m, enum zone_stat item)
{
	for (unsigned i = 0; i < m->shown.nr_zone; i++)
		if (m->shown.zone[i] == item)
			return true;
	return false;
}

/* How many lines of each kind the captures of these kernels have. */
static void test_shown(void **state)
{
	(void)state;
	static const struct {
		enum kernel kernel;
		unsigned zone, node, event;
	} want[] = { { KERNEL_5_10, 12, 37, 96 }, { KERNEL_6_1, 11, 43, 110 }, { KERNEL_6_12, 12, 47, 115 } };
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		struct machine m;
		boot(&m, want[i].kernel);
		assert_int_equal(m.shown.nr_zone, want[i].zone);
		assert_int_equal(m.shown.nr_numa, NR_NUMA_STATS);
		assert_int_equal(m.shown.nr_node, want[i].node);
		assert_int_equal(m.shown.nr_event, want[i].event);
		assert_int_not_equal(zone_listed(&m, NR_ZONE_PAGETABLE), node_listed(&m, NR_PAGETABLE));
		for (unsigned k = 1; k < m.shown.nr_event; k++)
			assert_true(m.shown.event[k - 1] < m.shown.event[k]);
		end_machine(&m);
	}
}

static void test_without_numa(void **state)
{
	(void)state;
	struct machine m;
	boot(&m, KERNEL_6_1);
	m.numa = false;
	machine_set_version(&m, m.version);
	assert_int_equal(m.shown.nr_numa, 0);
	assert_false(node_listed(&m, PGPROMOTE_SUCCESS));
	assert_false(node_listed(&m, PGPROMOTE_CANDIDATE));
	assert_true(node_listed(&m, NR_SWAPCACHE));
	m.numa = true;
	end_machine(&m);
}

/* Sections of 128 MiB, counted once where two zones share one. */
static void test_memmap(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 0, 1, 4096, 0 },
						   { 0, 1, 4096, 0xbffda, 0 },
						   { 0, 2, 0x100000, 0x1c0000, 0 } };
	struct machine m;
	small_machine(&m, 1, 1, shape, 3);
	assert_int_equal(m.memmap_pages, 24576); /* 6.12's T2 */
	end_machine(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),         cmocka_unit_test(test_releases),
		cmocka_unit_test(test_sets),         cmocka_unit_test(test_shown),
		cmocka_unit_test(test_without_numa), cmocka_unit_test(test_memmap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
