/* SPDX-License-Identifier: MIT */
/*
 * Spans, present pages and Movable as captured kernels have them (given the
 * memory maps that those machines had, rounded to 4 MiB where firmware took a
 * few pages off the top), and the rules for what is reserved.
 */
#include "support/config_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { DMA, DMA32, NORMAL, MOVABLE };
enum { DMA_32BIT, NORMAL_32BIT, HIGHMEM_32BIT, MOVABLE_32BIT };

static void check_zone(const struct config *c, unsigned node, unsigned type, uint64_t start,
		       uint64_t spanned, uint64_t present)
{
	const struct zone_spec *z = &c->spec.node[node].zone[type];
	uint64_t sum = 0;

	assert_int_equal(z->start_pfn, start);
	assert_int_equal(z->spanned, spanned);
	assert_int_equal(z->present, present);
	for (unsigned i = 0; i < z->nr_ranges; i++) {
		assert_true(z->range[i].start < z->range[i].end);
		assert_true(z->range[i].start >= (i ? z->range[i - 1].end : start));
		assert_true(z->range[i].end <= start + spanned);
		sum += z->range[i].end - z->range[i].start;
	}
	assert_int_equal(sum, present);
	assert_true(z->managed <= z->present);
}

/* 6.1, two nodes of 4 GiB with the PC's hole below 4 GiB. */
static void test_spans_with_pci_hole(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[node 0]\nmemory=0-3G,4G-5G\ncpus=0-3\n[node 1]\nmemory=5G-9G\ncpus=4-7\n");
	check_zone(&c, 0, DMA, 1, 4095, 3998);
	check_zone(&c, 0, DMA32, 4096, 1044480, 782336); /* up to 4 GiB, for Normal follows */
	check_zone(&c, 0, NORMAL, 1048576, 262144, 262144);
	check_zone(&c, 1, DMA32, 0, 0, 0);
	check_zone(&c, 1, NORMAL, 1310720, 1048576, 1048576);
	config_fini(&c);

	/* the hole at the end of the node: the span ends with the memory */
	config_text_good(&c, "[node 0]\nmemory=0-3G\ncpus=0\n");
	check_zone(&c, 0, DMA32, 4096, 782336, 782336);
	config_fini(&c);
}

/* 6.1, three nodes of 1, 3 and 2 GiB: node 1 has DMA32 with a hole, and Normal. */
static void test_spans_of_three_nodes(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[node 0]\nmemory=0-1G\ncpus=0\n[node 1]\nmemory=1G-3G,4G-5G\ncpus=1\n"
			     "[node 2]\nmemory=5G-7G\ncpus=2\n");
	check_zone(&c, 0, DMA32, 4096, 258048, 258048);
	check_zone(&c, 1, DMA, 0, 0, 0);
	check_zone(&c, 1, DMA32, 262144, 786432, 524288);
	check_zone(&c, 1, NORMAL, 1048576, 262144, 262144);
	check_zone(&c, 2, NORMAL, 1310720, 524288, 524288);
	config_fini(&c);
}

/* A span that only holds a hole: spanned, and no memory. */
static void test_span_without_memory(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[node 0]\nmemory=0-16M,4G-5G\ncpus=0\n");
	check_zone(&c, 0, DMA, 1, 4095, 3998);
	check_zone(&c, 0, DMA32, 4096, 1044480, 0);
	assert_int_equal(c.spec.node[0].zone[DMA32].managed, 0);
	check_zone(&c, 0, NORMAL, 1048576, 262144, 262144);
	config_fini(&c);
}

/* 6.1 with 32 bits and 2 GiB, whose Normal ended at frame 224254 (here: 876M). */
static void test_spans_32bit(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[machine]\nbits=32\nnormal_limit=876M\npageblock_order=10\n[node 0]\nmemory=2G\ncpus=0-1\n");
	check_zone(&c, 0, DMA_32BIT, 1, 4095, 3998);
	check_zone(&c, 0, NORMAL_32BIT, 4096, 220160, 220160);
	check_zone(&c, 0, HIGHMEM_32BIT, 224256, 300032, 300032);
	assert_int_equal(c.spec.node[0].zone[HIGHMEM_32BIT].managed, 300032);
	check_zone(&c, 0, MOVABLE_32BIT, 0, 0, 0);
	config_fini(&c);
}

static void test_limits(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[machine]\ndma_limit=32M\ndma32_limit=1G\n[node 0]\nmemory=2G\ncpus=0\n");
	check_zone(&c, 0, DMA, 1, 8191, 8094);
	check_zone(&c, 0, DMA32, 8192, 253952, 253952);
	check_zone(&c, 0, NORMAL, 262144, 262144, 262144);
	config_fini(&c);
	config_text_good(&c, "[machine]\ndma_limit=0\ndma32_limit=0\n[node 0]\nmemory=2G\ncpus=0\n");
	check_zone(&c, 0, DMA, 0, 0, 0);
	check_zone(&c, 0, DMA32, 0, 0, 0);
	check_zone(&c, 0, NORMAL, 1, 524287, 524190);
	config_fini(&c);

	config_text_bad("[machine]\ndma_limit=8G\n[node 0]\nmemory=2G\ncpus=0\n",
			"FILE:2: dma_limit is past dma32_limit");
	config_text_bad("[machine]\ndma32_limit=8M\n[node 0]\nmemory=2G\ncpus=0\n",
			"FILE:2: dma_limit is past dma32_limit");
	config_text_bad("[machine]\nbits=32\nnormal_limit=8M\n[node 0]\nmemory=2G\ncpus=0\n",
			"FILE:3: dma_limit is past normal_limit");
	config_text_bad("[machine]\nbits=32\ndma32_limit=4G\n[node 0]\nmemory=2G\ncpus=0\n",
			"FILE:3: dma32_limit: only a machine with bits = 64 has zone DMA32");
	config_text_bad("[machine]\nnormal_limit=896M\n[node 0]\nmemory=2G\ncpus=0\n",
			"FILE:2: normal_limit: only with bits = 32 zone Normal has an end");
	config_text_bad("[machine]\npageblock_order=10\n[node 0]\nmemory=2G\ncpus=0\n",
			"FILE:2: pageblock_order = 10: only with bits = 32");
}

/* 6.1, 4 GiB with movablecore=1G: all of what would be Normal. */
static void test_movable_as_captured(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[machine]\nmovable=1G\n[node 0]\nmemory=0-3G,4G-5G\ncpus=0\n");
	check_zone(&c, 0, DMA32, 4096, 1044480, 782336);
	check_zone(&c, 0, NORMAL, 0, 0, 0);
	check_zone(&c, 0, MOVABLE, 1048576, 262144, 262144);
	config_fini(&c);
}

static void test_movable_is_spread(void **state)
{
	(void)state;
	struct config c;

	/* two equal nodes: the same from each */
	config_text_good(&c, "[machine]\nmovable=256M\n[node 0]\nmemory=512M\ncpus=0\n[node 1]\nmemory=512M\ncpus=1\n");
	check_zone(&c, 0, DMA32, 4096, 95232, 95232); /* half of what stays, rounded up to 4 MiB */
	check_zone(&c, 0, MOVABLE, 99328, 31744, 31744);
	check_zone(&c, 1, DMA32, 131072, 98304, 98304);
	check_zone(&c, 1, MOVABLE, 229376, 32768, 32768);
	config_fini(&c);

	/* a small node keeps all of its own; what it could not hold stays unmovable on the large one */
	config_text_good(&c, "[machine]\nmovable=1G\n[node 0]\nmemory=4G\ncpus=0\n[node 1]\nmemory=512M\ncpus=1\n"
			     "[node 2]\nmemory=4G\ncpus=2\n");
	check_zone(&c, 1, NORMAL, 1048576, 131072, 131072);
	check_zone(&c, 1, MOVABLE, 0, 0, 0);
	check_zone(&c, 0, MOVABLE, 0, 0, 0); /* below the highest zone nothing is movable */
	assert_int_equal(c.spec.node[2].zone[MOVABLE].present, 262144);
	config_fini(&c);

	/* more than the highest zone has: all of that zone */
	config_text_good(&c, "[machine]\nmovable=4G\n[node 0]\nmemory=5G\ncpus=0\n");
	check_zone(&c, 0, MOVABLE, 1048576, 262144, 262144);
	check_zone(&c, 0, NORMAL, 0, 0, 0);
	config_fini(&c);
	config_text_bad("[machine]\nmovable=4G\n[node 0]\nmemory=1G\ncpus=0\n",
			"FILE:2: movable: more than the machine's 1023 MiB of memory");
}

static void test_movable_32bit(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[machine]\nbits=32\nmovable=512M\n[node 0]\nmemory=2G\ncpus=0\n");
	check_zone(&c, 0, HIGHMEM_32BIT, 229376, 163840, 163840);
	check_zone(&c, 0, MOVABLE_32BIT, 393216, 131072, 131072);
	config_fini(&c);
}

static uint64_t managed(const struct config *c, unsigned node, unsigned type)
{
	return c->spec.node[node].zone[type].managed;
}

static void test_reserved_auto(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[machine]\nreserved=auto\n[node 0]\nmemory=0-3G,4G-5G\ncpus=0\n");
	assert_int_equal(managed(&c, 0, DMA), 3840);
	assert_int_equal(managed(&c, 0, DMA32), 782336 - 782336 / 64);
	assert_int_equal(managed(&c, 0, NORMAL), 262144 - 4096);
	config_fini(&c);
	/* a DMA zone that is no PC's */
	config_text_good(&c, "[node 0]\nmemory=4M-1G\ncpus=0\n");
	assert_int_equal(managed(&c, 0, DMA), 3072 - 48);
	config_fini(&c);
	config_text_bad("[machine]\nbits=32\nnormal_limit=20M\n[node 0]\nmemory=4G\ncpus=0\n",
			"FILE:3: zone Normal is too small for the 8191 pages that the kernel keeps: raise its limit");
}

static void test_reserved_given(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[machine]\nreserved=0\n[node 0]\nmemory=1G\ncpus=0\n");
	assert_int_equal(managed(&c, 0, DMA), 3998);
	assert_int_equal(managed(&c, 0, DMA32), 258048);
	config_fini(&c);

	config_text_good(&c, "[machine]\nreserved=40000K\n[node 0]\nmemory=6G\ncpus=0\n[node 1]\nmemory=2G\n");
	uint64_t kept = 0;
	for (unsigned n = 0; n < 2; n++)
		for (unsigned type = 0; type < 4; type++)
			kept += c.spec.node[n].zone[type].present - managed(&c, n, type);
	assert_int_equal(kept, 10000);
	assert_in_range(c.spec.node[1].zone[NORMAL].present - managed(&c, 1, NORMAL), 2499, 2501);
	config_fini(&c);

	/* nearly all of it: no zone goes below nothing */
	config_text_good(&c, "[machine]\nreserved=1048180K\n[node 0]\nmemory=1G\ncpus=0\n");
	assert_int_equal(managed(&c, 0, DMA) + managed(&c, 0, DMA32), 1);
	config_fini(&c);
	config_text_good(&c, "[machine]\nbits=32\nreserved=100M\n[node 0]\nmemory=2G\ncpus=0\n");
	assert_int_equal(managed(&c, 0, HIGHMEM_32BIT), 294912);
	config_fini(&c);
	config_text_bad("[machine]\nreserved=1G\n[node 0]\nmemory=1G\ncpus=0\n",
			"FILE:2: reserved: leaves nothing of the 1023 MiB that the kernel can use");
}

static void test_thp_default(void **state)
{
	(void)state;
	struct config c;

	config_text_good(&c, "[node 0]\nmemory=512M\ncpus=0\n"); /* less than 512 MiB managed */
	assert_false(c.spec.thp);
	config_fini(&c);
	config_text_good(&c, "[node 0]\nmemory=524M\ncpus=0\n");
	assert_true(c.spec.thp);
	config_fini(&c);
	config_text_good(&c, "[machine]\nthp=never\n[node 0]\nmemory=8G\ncpus=0\n");
	assert_false(c.spec.thp);
	config_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spans_with_pci_hole),
		cmocka_unit_test(test_spans_of_three_nodes),
		cmocka_unit_test(test_span_without_memory),
		cmocka_unit_test(test_spans_32bit),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_movable_as_captured),
		cmocka_unit_test(test_movable_is_spread),
		cmocka_unit_test(test_movable_32bit),
		cmocka_unit_test(test_reserved_auto),
		cmocka_unit_test(test_reserved_given),
		cmocka_unit_test(test_thp_default),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
