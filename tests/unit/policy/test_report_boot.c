/* SPDX-License-Identifier: MIT */
/* Against the lines that kernels logged on machines of the same shape. */

#include "base/text.h"
#include "policy/policy.h"
#include "support/small_machine.h"

static const char *boot_lines(struct machine *m)
{
	static char copy[16384];
	struct policy p;
	struct hugetlb pool;
	struct ring log;
	struct ring_record record;
	struct text t;

	text_init_over(&t, copy, sizeof(copy));
	clock_init(&m->clock, true);
	assert_int_equal(policy_init(&p, m, true), 0);
	assert_int_equal(hugetlb_init(&pool, m, m->pageblock_order), 0);
	assert_int_equal(ring_init(&log, &m->clock, RING_BYTES), 0);
	p.report.log = &log;
	p.report.hugetlb = &pool;
	p.report.nr_hugetlb = 1;
	report_boot(&p);
	for (uint64_t seq = 0; ring_read(&log, seq, &record); seq++) {
		assert_int_equal(record.priority, 6);
		text_bytes(&t, record.text, record.len);
		text_char(&t, '\n');
	}
	copy[t.len] = '\0';
	ring_fini(&log);
	hugetlb_fini(&pool);
	policy_fini(&p);
	machine_shutdown(m);
	return copy;
}

static void test_one_node(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 0, 1, 0x9f, 0 },
						   { 0, 0, 0x100, 0x1000, 158 },
						   { 0, 1, 0x1000, 0x3ffda, 15979 } };
	struct machine m;

	small_machine(&m, 1, 2, shape, ARRAY_LEN(shape));
	assert_string_equal(boot_lines(&m),
			    "Zone ranges:\n"
			    "  DMA      [mem 0x0000000000001000-0x0000000000ffffff]\n"
			    "  DMA32    [mem 0x0000000001000000-0x000000003ffd9fff]\n"
			    "  Normal   empty\n"
			    "  Device   empty\n"
			    "Movable zone start for each node\n"
			    "Early memory node ranges\n"
			    "  node   0: [mem 0x0000000000001000-0x000000000009efff]\n"
			    "  node   0: [mem 0x0000000000100000-0x000000003ffd9fff]\n"
			    "Initmem setup node 0 [mem 0x0000000000001000-0x000000003ffd9fff]\n"
			    "Fallback order for Node 0: 0 \n"
			    "Built 1 zonelists, mobility grouping on.  Total pages: 245871\n"
			    "Policy zone: DMA32\n"
			    "Memory: 983484K/1048032K available (0K kernel code, 0K rwdata, 0K rodata, 0K init, "
			    "0K bss, 64548K reserved, 0K cma-reserved)\n"
			    "HugeTLB: registered 2.00 MiB page size, pre-allocated 0 pages\n"
			    "HugeTLB: 28 KiB vmemmap can be freed for a 2.00 MiB page\n");
}

static void test_two_nodes(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 1, 0x1000, 0xbffda, 0 },
						   { 0, 2, 0x100000, 0x140000, 0 },
						   { 1, 2, 0x140000, 0x240000, 0 } };
	struct machine m;

	small_machine(&m, 2, 4, shape, ARRAY_LEN(shape));
	const char *lines = boot_lines(&m);
	assert_non_null(strstr(lines, "  Normal   [mem 0x0000000100000000-0x000000023fffffff]\n"));
	assert_non_null(strstr(lines, "Early memory node ranges\n"
				      "  node   0: [mem 0x0000000001000000-0x00000000bffd9fff]\n"
				      "  node   0: [mem 0x0000000100000000-0x000000013fffffff]\n"
				      "  node   1: [mem 0x0000000140000000-0x000000023fffffff]\n"
				      "Initmem setup node 0 [mem 0x0000000001000000-0x000000013fffffff]\n"
				      "Initmem setup node 1 [mem 0x0000000140000000-0x000000023fffffff]\n"
				      "Fallback order for Node 0: 0 1 \n"
				      "Fallback order for Node 1: 1 0 \n"
				      "Built 2 zonelists, mobility grouping on.  Total pages: "));
	assert_non_null(strstr(lines, "Policy zone: Normal\n"));
}

/* As captured on two nodes of 4 GiB; the numbers differ by what is reserved there. */
static void test_kernels(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 1, 0x1000, 0xbffda, 100 },
						   { 1, 2, 0x140000, 0x240000, 0 } };
	static const struct {
		enum kernel kernel;
		bool fallback;
		unsigned long total;
		const char *pool;
	} want[] = {
		{ KERNEL_5_10, false, 0x1befda - 100,
		  "HugeTLB registered 2.00 MiB page size, pre-allocated 0 pages\n" },
		{ KERNEL_6_1, true, 0x1befda - 100,
		  "HugeTLB: registered 2.00 MiB page size, pre-allocated 0 pages\n"
		  "HugeTLB: 28 KiB vmemmap can be freed for a 2.00 MiB page\n" },
		{ KERNEL_6_12, true, 0x1befda,
		  "HugeTLB: registered 2.00 MiB page size, pre-allocated 0 pages\n"
		  "HugeTLB: 28 KiB vmemmap can be freed for a 2.00 MiB page\n" },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		struct machine m;
		char built[96];
		small_machine(&m, 2, 4, shape, ARRAY_LEN(shape));
		machine_set_version(&m, &kernel_versions[want[i].kernel]);
		const char *lines = boot_lines(&m);
		snprintf(built, sizeof(built),
			 "Built 2 zonelists, mobility grouping on.  Total pages: %lu\n", want[i].total);
		assert_non_null(strstr(lines, built));
		assert_non_null(strstr(lines, want[i].pool));
		assert_int_equal(!strstr(lines, "vmemmap"), want[i].kernel == KERNEL_5_10);
		assert_int_equal(!!strstr(lines, "\nFallback order for Node 0: 0 1 \n"), want[i].fallback);
	}
}

static void test_movable_and_memoryless(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 1, 0x1000, 0x80000, 0 },
						   { 0, 3, 0x80000, 0xc0000, 0 } };
	struct machine m;

	small_machine(&m, 2, 1, shape, ARRAY_LEN(shape));
	const char *lines = boot_lines(&m);
	assert_non_null(strstr(lines, "Movable zone start for each node\n  Node 0: 0x0000000080000000\n"));
	assert_non_null(strstr(lines, "  node   0: [mem 0x0000000001000000-0x00000000bfffffff]\nInitmem"));
	assert_non_null(strstr(lines, "Initmem setup node 1 as memoryless\n"));
	assert_non_null(strstr(lines, "Policy zone: DMA32\n"));
	assert_null(strstr(lines, "  Movable  "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_node),
		cmocka_unit_test(test_two_nodes),
		cmocka_unit_test(test_kernels),
		cmocka_unit_test(test_movable_and_memoryless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
