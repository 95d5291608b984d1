/* SPDX-License-Identifier: MIT */
/* pagetypeinfo: sections, columns of other kernels, capped counts. */
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CAPTURE "6.1.0-50-amd64-T1"
#define ORDER "Page block order: 9\nPages per block:  512\n\n"
#define FREE                                                                                       \
	"Free pages count per migrate type at order       0      1      2      3      4      5      6      7      8      9     10 \n"
#define BLOCKS                                                                                     \
	"\nNumber of blocks type     Unmovable      Movable  Reclaimable   HighAtomic      Isolate \n"

static const struct state_file pagetypeinfo = { CAPTURE, "proc/pagetypeinfo", cap_read_pagetypeinfo };

static void test_real_one(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	struct capture *c = state_file_read(&d, &pagetypeinfo, NULL, 0, "");
	assert_int_equal(cap_read_buddyinfo(c, &why), 0);
	assert_int_equal(c->pageblock_order, 9);
	for (unsigned i = 0; i < c->nr_zones; i++) {
		const struct cap_zone *z = &c->zone[i];
		if (!cap_zone_populated(z))
			continue;
		assert_true(z->has_types && z->has_blocks);
		for (unsigned order = 0; order < MM_ORDERS; order++) {
			uint64_t sum = 0;
			for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
				sum += z->types[order][mt];
			assert_int_equal(sum, z->buddy[order]);
		}
	}
	assert_int_equal(cap_zone_find(c, 0, ZONE_DMA)->blocks[MIGRATE_UNMOVABLE], 1);
	state_file_done(&d, c);
}

static void test_block_order_of_32_bit(void **state)
{
	(void)state;
	struct state_dir d;
	struct capture *c = state_file_read(&d, &pagetypeinfo,
					    "Page block order: 10\nPages per block:  1024\n", 0, "");
	assert_int_equal(c->pageblock_order, 10);
	state_file_done(&d, c);
}

static void test_capped_counts(void **state)
{
	(void)state;
	struct state_dir d;
	struct capture *c = state_file_read(
		&d, &pagetypeinfo,
		ORDER FREE "Node    0, zone    DMA32, type Movable >100000 1 0 0 0 0 0 0 0 0 >100000 \n",
		0, "");
	const struct cap_zone *z = cap_zone_find(c, 0, ZONE_DMA32);
	assert_int_equal(z->types[0][MIGRATE_MOVABLE], 100000);
	assert_int_equal(z->capped[MIGRATE_MOVABLE], 1u << 0 | 1u << 10);
	assert_int_equal(z->capped[MIGRATE_UNMOVABLE], 0);
	state_file_done(&d, c);
}

/* Types that this kernel does not have, and a section that it does not print. */
static void test_columns_of_other_kernels(void **state)
{
	(void)state;
	struct state_dir d;
	struct capture *c = state_file_read(
		&d, &pagetypeinfo,
		ORDER FREE
		"Node    0, zone    DMA32, type          CMA      3      0      0 \n"
		"Node    0, zone    DMA32, type      Movable      4      0      0 \n"
		"\nNumber of blocks type     Unmovable      Movable  Reclaimable   HighAtomic          CMA      Isolate \n"
		"Node 0, zone    DMA32            1           20            3            0            5            0 \n"
		"\nNumber of mixed blocks    Unmovable      Movable\n"
		"Node 0, zone    DMA32            9            9 \n",
		0, "");
	const struct cap_zone *z = cap_zone_find(c, 0, ZONE_DMA32);
	assert_int_equal(z->types[0][MIGRATE_MOVABLE], 7);
	assert_int_equal(z->blocks[MIGRATE_UNMOVABLE], 1);
	assert_int_equal(z->blocks[MIGRATE_MOVABLE], 25);
	assert_int_equal(z->blocks[MIGRATE_RECLAIMABLE], 3);
	assert_true(state_noted(c, NOTE_CORRECTED, "migrate types"));
	state_file_done(&d, c);
}

static void test_missing(void **state)
{
	(void)state;
	state_file_missing(&pagetypeinfo);
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words;
	} bad[] = {
		{ "Page block order: none\n", "pagetypeinfo:1: \"none\" is not a page block order" },
		{ "Page block order: 0\n", ":1: \"0\"" },
		{ ORDER FREE "Node 7, zone DMA, type Movable 1\n", ":5: node 7 has no zone DMA in zoneinfo" },
		{ ORDER FREE "Node 0, zone DMA Movable 1\n", ":5: expected \"type NAME\"" },
		{ ORDER FREE "Node 0, zone DMA, type Movable x\n", ":5: \"x\" behind" },
		{ ORDER FREE "Node 0, zone DMA, type Movable >\n", ":5: \"\" behind" },
		{ ORDER BLOCKS "Node 0, zone DMA 1 2 3 4 5 6\n",
		  ":6: the number of blocks of column 6 does not fit" },
		{ ORDER BLOCKS "Node 0, zone DMA 1 y\n", ":6: \"y\" behind" },
	};
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		state_file_refused(&pagetypeinfo, bad[i].text, bad[i].words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_one),
		cmocka_unit_test(test_block_order_of_32_bit),
		cmocka_unit_test(test_capped_counts),
		cmocka_unit_test(test_columns_of_other_kernels),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
