/* SPDX-License-Identifier: MIT */
/* Free blocks by type: the sum is always buddyinfo's. */
#include "base/rng.h"
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct capture *empty(void)
{
	struct state_dir d;
	state_dir_make(&d, NULL);
	struct capture *c = state_capture(&d);
	state_dir_remove(&d);
	return c;
}

static uint64_t sum(const uint64_t types[MIGRATE_TYPES])
{
	uint64_t s = 0;
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		s += types[mt];
	return s;
}

static void test_files_agree(void **state)
{
	(void)state;
	struct capture *c = empty();
	struct cap_zone z = { .has_buddy = true, .has_types = true };
	uint64_t out[MM_ORDERS][MIGRATE_TYPES];
	z.buddy[4] = 7;
	z.types[4][MIGRATE_UNMOVABLE] = 3;
	z.types[4][MIGRATE_HIGHATOMIC] = 4;
	cap_zone_split(c, &z, out);
	assert_memory_equal(out, z.types, sizeof(out));
	assert_int_equal(c->nr_notes, 0);
	import_free(c);
}

static void test_files_disagree(void **state)
{
	(void)state;
	struct capture *c = empty();
	struct cap_zone z = { .has_buddy = true, .has_types = true };
	uint64_t out[MM_ORDERS][MIGRATE_TYPES];
	z.buddy[0] = 10; /* more than the types: Movable */
	z.types[0][MIGRATE_UNMOVABLE] = 4;
	z.buddy[1] = 5; /* fewer: each keeps its share */
	z.types[1][MIGRATE_UNMOVABLE] = 7;
	z.types[1][MIGRATE_RECLAIMABLE] = 3;
	cap_zone_split(c, &z, out);
	assert_int_equal(out[0][MIGRATE_UNMOVABLE], 4);
	assert_int_equal(out[0][MIGRATE_MOVABLE], 6);
	assert_int_equal(out[1][MIGRATE_UNMOVABLE], 4);
	assert_int_equal(out[1][MIGRATE_RECLAIMABLE], 1);
	assert_true(state_noted(c, NOTE_CORRECTED, "free blocks by type"));
	import_free(c);
}

/* ">100000" hides how many there are: buddyinfo says it, and that is no contradiction. */
static void test_capped(void **state)
{
	(void)state;
	struct capture *c = empty();
	struct cap_zone z = { .has_buddy = true, .has_types = true };
	uint64_t out[MM_ORDERS][MIGRATE_TYPES];
	z.buddy[0] = 250007;
	z.types[0][MIGRATE_MOVABLE] = 7;
	z.types[0][MIGRATE_RECLAIMABLE] = 100000;
	z.capped[MIGRATE_RECLAIMABLE] = 1;
	z.buddy[10] = 333333;
	z.types[10][MIGRATE_MOVABLE] = 100000;
	z.types[10][MIGRATE_UNMOVABLE] = 100000;
	z.capped[MIGRATE_MOVABLE] = z.capped[MIGRATE_UNMOVABLE] = 1u << 10;
	cap_zone_split(c, &z, out);
	assert_int_equal(out[0][MIGRATE_MOVABLE], 7);
	assert_int_equal(out[0][MIGRATE_RECLAIMABLE], 250000);
	assert_int_equal(out[10][MIGRATE_MOVABLE], 233333);
	assert_int_equal(out[10][MIGRATE_UNMOVABLE], 100000);
	assert_int_equal(c->nr_notes, 0);
	import_free(c);
}

static void test_less_than_that(void **state)
{
	(void)state;
	struct capture *c = empty();
	struct cap_zone z = { .has_buddy = true };
	uint64_t out[MM_ORDERS][MIGRATE_TYPES];
	z.buddy[3] = 9;
	cap_zone_split(c, &z, out); /* no pagetypeinfo: all Movable */
	assert_int_equal(out[3][MIGRATE_MOVABLE], 9);

	z = (struct cap_zone){ .free = 5 * 1024 + 512 + 3 };
	cap_zone_split(c, &z, out); /* no buddyinfo either: the largest blocks that make up the free pages */
	assert_int_equal(out[10][MIGRATE_MOVABLE], 5);
	assert_int_equal(out[9][MIGRATE_MOVABLE], 1);
	assert_int_equal(out[1][MIGRATE_MOVABLE], 1);
	assert_int_equal(out[0][MIGRATE_MOVABLE], 1);
	import_free(c);
}

static void test_sums_always_hold(void **state)
{
	(void)state;
	struct rng r;
	struct capture *c = empty();
	rng_init(&r, 7);
	for (unsigned i = 0; i < 3000; i++) {
		struct cap_zone z = { .has_buddy = true, .has_types = true };
		uint64_t out[MM_ORDERS][MIGRATE_TYPES];
		for (unsigned order = 0; order < MM_ORDERS; order++) {
			z.buddy[order] = rng_below(&r, 1 + rng_below(&r, 3000000));
			for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
				z.types[order][mt] = rng_below(&r, 1 + rng_below(&r, 1000000));
			z.capped[rng_below(&r, MIGRATE_TYPES)] |= (uint16_t)(rng_below(&r, 2) << order);
		}
		cap_zone_split(c, &z, out);
		for (unsigned order = 0; order < MM_ORDERS; order++)
			assert_int_equal(sum(out[order]), z.buddy[order]);
	}
	import_free(c);
}

/* Pages of a zone that are in use and on no list. */
static uint64_t kernel_of(const struct cap_zone *z)
{
	uint64_t pages = z->managed - z->free;
	for (unsigned l = 0; l < LRU_LISTS; l++)
		pages -= z->stat[NR_ZONE_INACTIVE_ANON + l];
	for (unsigned i = 0; i < z->nr_pagesets; i++)
		pages -= (uint64_t)z->pageset[i].count;
	return pages;
}

static void test_pageblocks(void **state)
{
	(void)state;
	struct state_dir d;
	uint64_t blocks[MIGRATE_TYPES];
	state_dir_make(&d, "6.1.0-50-amd64-T12");
	struct capture *c = state_read(&d);
	cap_zone_blocks(c, cap_zone_find(c, 0, ZONE_DMA32), blocks);
	assert_int_equal(blocks[MIGRATE_UNMOVABLE], 21);
	assert_int_equal(blocks[MIGRATE_MOVABLE], 0); /* whatever remains */
	assert_int_equal(blocks[MIGRATE_RECLAIMABLE], 2);
	import_free(c);

	/* Not printed: reclaimable slabs of the node, and what is in use, on no list and none of those. */
	state_dir_drop(&d, "proc/pagetypeinfo");
	c = state_read(&d);
	struct cap_zone *z = cap_zone_find(c, 2, ZONE_NORMAL);
	cap_zone_blocks(c, z, blocks);
	assert_int_equal(blocks[MIGRATE_UNMOVABLE], DIV_ROUND_UP(kernel_of(z) - 2120, 512));
	assert_int_equal(blocks[MIGRATE_RECLAIMABLE], DIV_ROUND_UP(2120, 512));

	/* Lists not printed either: slab pages, page tables and stacks, by what each zone has in use. */
	z->has_stat = 0;
	cap_zone_blocks(c, z, blocks);
	assert_int_equal(blocks[MIGRATE_UNMOVABLE], DIV_ROUND_UP(578 + 3 + 340 / 4, 512));
	import_free(c);
	state_dir_remove(&d);
}

/* Blocks that somebody was isolating are Movable here, so that every free page counts. */
static void test_isolated(void **state)
{
	(void)state;
	struct capture *c = empty();
	struct cap_zone z = { .has_buddy = true, .has_types = true, .has_blocks = true };
	uint64_t out[MM_ORDERS][MIGRATE_TYPES], blocks[MIGRATE_TYPES];
	z.buddy[10] = z.types[10][MIGRATE_ISOLATE] = 7;
	z.buddy[3] = 5;
	z.types[3][MIGRATE_ISOLATE] = 2;
	z.types[3][MIGRATE_UNMOVABLE] = 3;
	z.blocks[MIGRATE_ISOLATE] = 15;
	z.blocks[MIGRATE_UNMOVABLE] = 4;
	cap_zone_split(c, &z, out);
	cap_zone_blocks(c, &z, blocks);
	assert_int_equal(out[10][MIGRATE_MOVABLE], 7);
	assert_int_equal(out[10][MIGRATE_ISOLATE], 0);
	assert_int_equal(out[3][MIGRATE_MOVABLE], 2);
	assert_int_equal(out[3][MIGRATE_UNMOVABLE], 3);
	assert_int_equal(blocks[MIGRATE_ISOLATE], 0);
	assert_int_equal(blocks[MIGRATE_UNMOVABLE], 4);
	assert_true(state_noted(c, NOTE_CORRECTED, "isolated blocks"));
	import_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_agree),      cmocka_unit_test(test_files_disagree),
		cmocka_unit_test(test_capped),           cmocka_unit_test(test_less_than_that),
		cmocka_unit_test(test_sums_always_hold), cmocka_unit_test(test_pageblocks),
		cmocka_unit_test(test_isolated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
