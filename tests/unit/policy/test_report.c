/* SPDX-License-Identifier: MIT */
#include "policy/report.h"

#include "base/caller.h"
#include "support/report_fixture.h"

/* ---- Failed allocations ---- */

static const struct zone_shape two_nodes[] = { { 0, 1, 0x1000, 0x1400, 0 }, { 1, 1, 0x2000, 0x2400, 0 } };

static void fail_to_take(struct fixture *f, gfp_t gfp, unsigned order)
{
	struct cpu *c = &f->m.cpu[1];

	cpu_enter(c);
	while (alloc_pages(&f->p, c, -1, gfp, order))
		;
	cpu_leave(c);
}

static void test_failure(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(2, 1, two_nodes, 2);
	struct caller before = caller_set((struct caller){ .pid = 42, .name = "worker" });

	fail_to_take(f, GFP_KERNEL | __GFP_COMP, 4);
	caller_set(before);
	assert_string_equal(first_said(f, 0), "worker: page allocation failure: order:4, mode:0x40cc0(GFP_KERNEL|__GFP_COMP), "
					      "nodemask=(null),cpuset=/,mems_allowed=0-1");
	assert_string_equal(first_said(f, 1), "CPU: 1 PID: 42 Comm: worker Not tainted 6.1.0-ummfs #1");
	assert_string_equal(first_said(f, 2), "Mem-Info:");
	assert_non_null(strstr(said(f, 0), "\nNode 1 DMA32: "));
	assert_non_null(strstr(said(f, 0), "\nNode 1 hugepages_total=0 "));
	assert_non_null(strstr(said(f, 0), "\n2048 pages RAM\n"));
	fixture_end(f);
}

static void test_rate(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(2, 1, two_nodes, 2);

	fail_to_take(f, GFP_KERNEL, 4);
	uint64_t one = ring_next(&f->log);
	for (unsigned i = 0; i < 12; i++)
		fail_to_take(f, GFP_KERNEL, 4);
	assert_int_equal(ring_next(&f->log), one);
	clock_advance(&f->m.clock, 10000000001);
	fail_to_take(f, GFP_KERNEL, 4);
	assert_string_equal(first_said(f, one), "warn_alloc: 12 callbacks suppressed");
	assert_non_null(strstr(first_said(f, one + 1),
			       ": page allocation failure: order:4, mode:0xcc0(GFP_KERNEL), "));
	assert_int_equal(ring_next(&f->log), 2 * one + 1);
	fixture_end(f);
}

static void test_silent(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(2, 1, two_nodes, 2);

	fail_to_take(f, GFP_KERNEL | __GFP_NOWARN, 4);
	f->p.report.log = NULL;
	fail_to_take(f, GFP_KERNEL, 4);
	f->p.report.log = &f->log;
	assert_int_equal(ring_next(&f->log), 0);
	fail_to_take(f, GFP_KERNEL, 4); /* none of them counted */
	assert_non_null(strstr(first_said(f, 0), "page allocation failure"));
	fixture_end(f);
}

/* Nobody wonders when the machine has no such zone; but as in the kernel it counts as said. */
static void test_no_dma_memory(void **state)
{
	(void)state;
	struct fixture *f = fixture_of(2, 1, two_nodes, 2);

	report_alloc_failure(&f->p, &f->m.cpu[0], NULL, GFP_KERNEL | __GFP_DMA, 0);
	fail_to_take(f, GFP_KERNEL, 4);
	assert_int_equal(ring_next(&f->log), 0);
	clock_advance(&f->m.clock, 10000000001);
	fail_to_take(f, GFP_KERNEL, 4);
	assert_string_equal(first_said(f, 0), "warn_alloc: 1 callbacks suppressed");
	assert_non_null(strstr(first_said(f, 1), "page allocation failure"));
	fixture_end(f);
}

/* First lines as 5.10 and 6.12 have them in published reports. */
static void first_lines(enum kernel kernel, gfp_t gfp, const char *mode, const char *cpu_line)
{
	struct fixture *f = fixture_of(2, 1, two_nodes, 2);
	struct caller before = caller_set((struct caller){ .pid = 42, .name = "worker", .uid = 1000 });

	machine_set_version(&f->m, &kernel_versions[kernel]);
	fail_to_take(f, gfp, 4);
	caller_set(before);
	if (mode) {
		assert_non_null(strstr(first_said(f, 0), mode));
		assert_string_equal(first_said(f, 1), cpu_line);
	} else {
		assert_int_equal(ring_next(&f->log), 0);
	}
	fixture_end(f);
}

static void test_kernels(void **state)
{
	(void)state;
	static const char cpu_5_10[] = "CPU: 1 PID: 42 Comm: worker Not tainted 5.10.0-ummfs #1";
	static const char cpu_6_1[] = "CPU: 1 PID: 42 Comm: worker Not tainted 6.1.0-ummfs #1";
	static const char cpu_6_12[] = "CPU: 1 UID: 1000 PID: 42 Comm: worker Not tainted 6.12.0-ummfs #1";

	first_lines(KERNEL_5_10, GFP_ATOMIC, " order:4, mode:0xa20(GFP_ATOMIC), nodemask=(null),", cpu_5_10);
	first_lines(KERNEL_6_1, GFP_ATOMIC, " order:4, mode:0xa20(GFP_ATOMIC), nodemask=(null),", cpu_6_1);
	first_lines(KERNEL_6_12, GFP_ATOMIC, " order:4, mode:0x820(GFP_ATOMIC), nodemask=(null),", cpu_6_12);
	first_lines(KERNEL_5_10, GFP_NOWAIT, " mode:0x800(GFP_NOWAIT), ", cpu_5_10);
	first_lines(KERNEL_6_1, GFP_NOWAIT, " mode:0x800(GFP_NOWAIT), ", cpu_6_1);
	first_lines(KERNEL_6_12, GFP_NOWAIT, NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failure), cmocka_unit_test(test_rate),
		cmocka_unit_test(test_silent),  cmocka_unit_test(test_no_dma_memory),
		cmocka_unit_test(test_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
