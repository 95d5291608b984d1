/* SPDX-License-Identifier: MIT */
#include "support/golden.h"
#include "view/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void fill(struct golden *g, const uint64_t blocks[MM_ORDERS])
{
	memset(g->snap.zone[0].free_blocks, 0, sizeof(g->snap.zone[0].free_blocks));
	for (unsigned order = 0; order < MM_ORDERS; order++) {
		g->snap.zone[0].free_blocks[order][MIGRATE_UNMOVABLE] = blocks[order] / 2;
		g->snap.zone[0].free_blocks[order][MIGRATE_MOVABLE] = blocks[order] - blocks[order] / 2;
	}
}

static void expect_first_line(struct golden *g, golden_render *render, const char *want)
{
	struct text t;
	text_init(&t, 0);
	render(&t, &g->snap, 0);
	assert_memory_equal(text_cstr(&t), want, strlen(want));
	text_fini(&t);
}

/*
 * 100 free pages, all single: an order-1 request fails by fragmentation.
 * index = 1 - (1 + 100 / 2^order) / 100, in thousandths, cut off at each division:
 * order 1: 1000 - (1000 + 50000) / 100 = 490; order 10: 1000 - (1000 + 97) / 100 = 990.
 */
static void test_single_pages(void **state)
{
	(void)state;
	struct golden g;
	golden_open(&g, "captures/6.1.0-50-amd64-T1");
	fill(&g, (const uint64_t[MM_ORDERS]){ 100 });
	expect_first_line(&g, view_extfrag_index,
			  "Node 0, zone      DMA -1.000  0.490  0.740  0.865  0.928  0.959  0.975  0.983  0.987  0.989  0.990 \n");
	expect_first_line(&g, view_unusable_index,
			  "Node 0, zone      DMA 0.000 1.000 1.000 1.000 1.000 1.000 1.000 1.000 1.000 1.000 1.000 \n");
	golden_close(&g);
}

/* No block at all: not fragmentation; and all of nothing is unusable. */
static void test_full(void **state)
{
	(void)state;
	struct golden g;
	golden_open(&g, "captures/6.1.0-50-amd64-T1");
	fill(&g, (const uint64_t[MM_ORDERS]){ 0 });
	expect_first_line(&g, view_extfrag_index,
			  "Node 0, zone      DMA  0.000  0.000  0.000  0.000  0.000  0.000  0.000  0.000  0.000  0.000  0.000 \n");
	expect_first_line(&g, view_unusable_index,
			  "Node 0, zone      DMA 1.000 1.000 1.000 1.000 1.000 1.000 1.000 1.000 1.000 1.000 1.000 \n");
	golden_close(&g);
}

/* 8 single pages, 1 block of 8, 1 of 1024: what is below an order cannot serve it. */
static void test_mixed(void **state)
{
	(void)state;
	struct golden g;
	golden_open(&g, "captures/6.1.0-50-amd64-T1");
	fill(&g, (const uint64_t[MM_ORDERS]){ [0] = 8, [3] = 1, [10] = 1 });
	expect_first_line(&g, view_unusable_index,
			  "Node 0, zone      DMA 0.000 0.007 0.007 0.007 0.015 0.015 0.015 0.015 0.015 0.015 0.015 \n");
	golden_close(&g);
}

/* One block, half of what is asked for: 6.1 prints the rest of a negative number with its sign. */
static void test_lone_block(void **state)
{
	(void)state;
	struct golden g;
	golden_open(&g, "captures/6.1.0-50-amd64-T1");
	fill(&g, (const uint64_t[MM_ORDERS]){ [9] = 1 });
	expect_first_line(&g, view_extfrag_index,
			  "Node 0, zone      DMA -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000  0.-500 \n");
	golden_close(&g);
}

/* A line for each populated zone, as buddyinfo has. */
static void test_zones(void **state)
{
	(void)state;
	struct golden g;
	struct text t;
	unsigned lines = 0;
	golden_open(&g, "captures/6.1.0-50-amd64-T10");
	text_init(&t, 0);
	view_extfrag_index(&t, &g.snap, 0);
	for (const char *at = text_cstr(&t); (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 2);
	text_fini(&t);
	golden_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_pages), cmocka_unit_test(test_full),
		cmocka_unit_test(test_mixed),        cmocka_unit_test(test_lone_block),
		cmocka_unit_test(test_zones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
