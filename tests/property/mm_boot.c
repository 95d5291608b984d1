/* SPDX-License-Identifier: MIT */
/*
 * Large machines start at once and cost what is used of them: nothing is
 * written per page, pageblock or block.
 */

#include "base/log.h"
#include "mm/pcp.h"
#include "support/random_machine.h"
#include "support/small_machine.h"

#include <time.h>
#include <unistd.h>

#define GIB_PAGES (1ull << 18)
#define TRIES 5

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static uint64_t resident_bytes(void)
{
	unsigned long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
	fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A PC of that many nodes: low memory on the first, 1 GiB of hole below 4 GiB, the rest in one run of nodes. */
static void large_spec(struct machine_spec *s, unsigned nr_nodes, unsigned cpus, uint64_t gib)
{
	uint64_t end = MIN(gib * GIB_PAGES, (uint64_t)MM_HIGHEST_PFN + 1), each = gib * GIB_PAGES / nr_nodes;
	small_spec(s, nr_nodes, cpus);
	static const struct zone_shape low[] = { { 0, 0, 1, 4096, 100 },
						 { 0, 1, 4096, 3 * GIB_PAGES, 1000 } };
	small_spec_zones(s, low, 2);
	for (unsigned n = 0; n < nr_nodes; n++) {
		struct zone_shape shape = { n, 2, n * each, MIN((n + 1) * each, end), 12 * 1024 };
		if (!n)
			shape.start = 4 * GIB_PAGES;
		small_spec_zones(s, &shape, 1);
	}
}

struct cost {
	double ms;
	uint64_t bytes;
};

/* The best of several: another program may be busy. */
static struct cost boot_cost(unsigned nr_nodes, unsigned cpus, uint64_t gib)
{
	struct cost best = { 1e9, UINT64_MAX };
	for (unsigned i = 0; i < TRIES; i++) {
		static struct machine m;
		struct machine_spec s;
		struct why why;
		large_spec(&s, nr_nodes, cpus, gib);
		uint64_t before = resident_bytes();
		double start = now_ms();
		assert_int_equal(machine_boot(&m, &s, &why), 0);
		best.ms = MIN(best.ms, now_ms() - start);
		best.bytes = MIN(best.bytes, resident_bytes() - before);
		machine_shutdown(&m);
		machine_spec_fini(&s);
	}
	print_message("%lu GiB, %u nodes, %u CPUs each: %.2f ms, %lu KiB\n", (unsigned long)gib,
		      nr_nodes, cpus, best.ms, (unsigned long)best.bytes >> 10);
	return best;
}

static bool sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	print_message("SKIPPED: a sanitizer's time and memory say nothing about ours\n");
	return true;
#else
	return false;
#endif
}

static void test_1_tib(void **state)
{
	(void)state;
	if (!sanitized())
		assert_true(boot_cost(2, 32, 1024).ms <= 3);
}

static void test_16_tib(void **state)
{
	(void)state;
	if (sanitized())
		return;
	struct cost c = boot_cost(8, 64, 16384);
	assert_true(c.ms < 1000);
	assert_true(c.bytes < 64ull << 20);
}

/* The smallest free block of the last zone is the last frame that there can be. */
static void test_last_frame(void **state)
{
	(void)state;
	static struct machine m;
	struct machine_spec s;
	large_spec(&s, 8, 1, 16384);
	small_boot(&m, &s);
	struct zone *z = machine_zone(&m, 7, 2);
	struct cpu *c = &m.cpu[7];
	assert_int_equal(z->start_pfn + z->spanned, MM_HIGHEST_PFN + 1ull);
	cpu_enter(c);
	struct page *page = zone_take(c, z, 0, MIGRATE_MOVABLE, 0);
	assert_int_equal(page_pfn(&m, page), MM_HIGHEST_PFN);
	page_give(c, page, 0);
	page = zone_take(c, z, MM_ORDER_MAX, MIGRATE_MOVABLE, 0);
	assert_int_equal(page_pfn(&m, page), z->start_pfn + 12 * 1024); /* past the reserved ones */
	page_give(c, page, MM_ORDER_MAX);
	cpu_drain(c);
	cpu_leave(c);
	end_machine(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_1_tib),
		cmocka_unit_test(test_16_tib),
		cmocka_unit_test(test_last_frame),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
