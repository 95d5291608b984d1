/* SPDX-License-Identifier: MIT */
/* Places for free blocks, case by case; tests/property/daemon_layout.c has states that come by chance. */
#include "base/rng.h"
#include "support/layout_fixture.h"

static const struct pfn_range dma_range[] = { { 1, 0x9f }, { 0x100, 0x1000 } };

static struct layout_zone dma_zone(void)
{
	return (struct layout_zone){ .start_pfn = 1,
				     .end_pfn = 0x1000,
				     .range = dma_range,
				     .nr_ranges = 2,
				     .pageblock_order = 9,
				     .huge_order = 9 };
}

/* The DMA zone of every captured machine: one block of orders 8 and 9 and three of 10 have one place each. */
static void test_dma_zone(void **state)
{
	(void)state;
	struct layout_zone z = dma_zone();
	z.free[8][MIGRATE_UNMOVABLE] = z.free[9][MIGRATE_MOVABLE] = 1;
	z.free[10][MIGRATE_MOVABLE] = 3;
	z.blocks[MIGRATE_UNMOVABLE] = 1;

	struct seen *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->z = &z;
	const struct layout_sink sink = sink_of(s);
	struct layout l;
	assert_int_equal(layout_place(&l, &z, &sink), 0);
	assert_int_equal(s->head[0x100], 9);
	assert_int_equal(s->head[0x200], 10);
	assert_int_equal(s->head[0x400], 11);
	assert_int_equal(s->type[1], 1 + MIGRATE_UNMOVABLE);
	assert_int_equal(s->virgin_end, 0x1000);
	layout_fini(&l);
	free(s);
}

/* A block that two zones share has one type for both: it keeps Movable. */
static void test_shared_block_is_left_alone(void **state)
{
	(void)state;
	for (unsigned shared = 0; shared < 2; shared++) {
		const struct pfn_range range = { 700, 2000 };
		struct layout_zone z = { .start_pfn = 700,
					 .end_pfn = 2000,
					 .range = &range,
					 .nr_ranges = 1,
					 .first_shared = shared,
					 .pageblock_order = 9,
					 .huge_order = 9,
					 .blocks = { [MIGRATE_UNMOVABLE] = 1 } };
		struct seen *s = calloc(1, sizeof(*s));
		assert_non_null(s);
		s->z = &z;
		const struct layout_sink sink = sink_of(s);
		struct layout l;
		assert_int_equal(layout_place(&l, &z, &sink), 0);
		assert_int_equal(s->type[700], shared ? 0 : 1 + MIGRATE_UNMOVABLE);
		assert_int_equal(s->type[700 + 512], shared ? 1 + MIGRATE_UNMOVABLE : 0);
		layout_fini(&l);
		free(s);
	}
}

/* When all memory is free, types go below free blocks; what then has no place is told. */
static void test_types_of_free_memory(void **state)
{
	(void)state;
	const struct pfn_range range = { 1024, 1024 + 4096 };
	struct layout_zone z = { .start_pfn = 1024,
				 .end_pfn = 1024 + 4096,
				 .range = &range,
				 .nr_ranges = 1,
				 .pageblock_order = 9,
				 .huge_order = 9,
				 .blocks = { [MIGRATE_UNMOVABLE] = 3, [MIGRATE_RECLAIMABLE] = 9 } };
	z.free[10][MIGRATE_MOVABLE] = 3;
	z.free[10][MIGRATE_UNMOVABLE] = 1;
	struct seen *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->z = &z;
	const struct layout_sink sink = sink_of(s);
	struct layout l;
	assert_int_equal(layout_place(&l, &z, &sink), 0);
	assert_int_equal(s->blocks[MIGRATE_UNMOVABLE], 3);
	assert_int_equal(s->blocks[MIGRATE_RECLAIMABLE], 5);
	assert_int_equal(l.blocks_left[MIGRATE_RECLAIMABLE], 4);
	assert_int_equal(s->type[1024], 1 + MIGRATE_UNMOVABLE);
	layout_fini(&l);
	free(s);
}

/* Small blocks lie in pageblocks of their type while those have room. */
static void test_small_blocks_keep_to_their_type(void **state)
{
	(void)state;
	const struct pfn_range range = { 4096, 4096 + 8192 };
	struct layout_zone z = { .start_pfn = 4096,
				 .end_pfn = 4096 + 8192,
				 .range = &range,
				 .nr_ranges = 1,
				 .pageblock_order = 9,
				 .huge_order = 9,
				 .blocks = { [MIGRATE_UNMOVABLE] = 2, [MIGRATE_RECLAIMABLE] = 1 } };
	z.free[3][MIGRATE_UNMOVABLE] = 10;
	z.free[8][MIGRATE_RECLAIMABLE] = 2; /* one pageblock has room for one: two buddies would merge */
	struct seen *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->z = &z;
	const struct layout_sink sink = sink_of(s);
	struct layout l;
	assert_int_equal(layout_place(&l, &z, &sink), 0);
	for (uint64_t pfn = 4096; pfn < 4096 + 8192; pfn++)
		if (s->head[pfn] == 4)
			assert_int_equal(s->type[ALIGN_DOWN(pfn, 512ul)], 1 + MIGRATE_UNMOVABLE);
	assert_int_equal(s->head[4096 + 1024 + 256], 9); /* the third pageblock, the Reclaimable one */
	layout_fini(&l);
	free(s);
}

/* ---- By lot ---- */

#define AGED_FREE 2000u

/* Eight pageblocks that cannot move, AGED_FREE single pages that are free, all of Movable memory; where each is by frame. */
static struct seen *aged_place(struct layout_zone *z, const struct pfn_range *range,
			       struct layout *l, struct rng *rng, uint64_t seed, uint64_t nr_movable)
{
	struct seen *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	rng_init(rng, seed);
	*z = (struct layout_zone){ .start_pfn = range->start,
				   .end_pfn = range->end,
				   .range = range,
				   .nr_ranges = 1,
				   .pageblock_order = 9,
				   .huge_order = 9,
				   .rng = rng,
				   .nr_movable = nr_movable,
				   .blocks = { [MIGRATE_UNMOVABLE] = 8 } };
	z->free[0][MIGRATE_MOVABLE] = AGED_FREE;
	z->free[MM_ORDER_MAX][MIGRATE_MOVABLE] = 4;
	s->z = z;
	const struct layout_sink sink = sink_of(s);
	assert_int_equal(layout_place(l, z, &sink), 0);
	assert_int_equal(s->blocks[MIGRATE_UNMOVABLE], 8);
	return s;
}

static const struct pfn_range aged_range = { 4096, 4096 + 16 * 1024 };

static void aged_drop(struct layout *l, struct seen *s)
{
	layout_fini(l);
	free(s);
}

/* The same seed, the same places; another seed, others. */
static void test_seeds(void **state)
{
	(void)state;
	struct layout_zone z;
	struct layout l;
	struct rng rng;
	struct seen *first = aged_place(&z, &aged_range, &l, &rng, 1, 8000);
	layout_fini(&l);
	struct seen *again = aged_place(&z, &aged_range, &l, &rng, 1, 8000);
	layout_fini(&l);
	struct seen *other = aged_place(&z, &aged_range, &l, &rng, 2, 8000);
	layout_fini(&l);
	assert_memory_equal(first->owner, again->owner, sizeof(first->owner));
	assert_memory_equal(first->type, again->type, sizeof(first->type));
	assert_memory_not_equal(first->owner, other->owner, sizeof(first->owner));
	free(first);
	free(again);
	free(other);
}

/* All that is in use in Movable pageblocks can move: none of them is held, and pages that move are given out there first. */
static void test_movable_memory_moves(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct layout_zone z;
		struct layout l;
		struct rng rng;
		uint64_t pfn, movable = (16 - 4 - 4) * 1024 - AGED_FREE;
		struct seen *s = aged_place(&z, &aged_range, &l, &rng, seed, movable);
		for (uint64_t i = 0; i < l.runs.nr; i++)
			assert_int_not_equal(l.runs.r[i].area, LAYOUT_HELD);
		assert_int_equal(layout_shuffle(&l), 0);
		for (uint64_t i = 0; i < movable; i++) {
			assert_true(layout_take(&l, &pfn));
			assert_int_equal(s->type[ALIGN_DOWN(pfn, 512ul)], 0);
		}
		assert_true(layout_take(&l, &pfn));
		assert_int_equal(s->type[ALIGN_DOWN(pfn, 512ul)], 1 + MIGRATE_UNMOVABLE);
		aged_drop(&l, s);
	}
}

/* More is in use than can move: between half and all of it fills whole pageblocks, and free pages keep out of them. */
static void test_the_rest_is_held(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct layout_zone z;
		struct layout l;
		struct rng rng;
		uint64_t held = 0, cannot = 3072, movable = (16 - 4 - 4) * 1024 - AGED_FREE - cannot;
		struct seen *s = aged_place(&z, &aged_range, &l, &rng, seed, movable);
		for (uint64_t i = 0; i < l.runs.nr; i++) {
			const struct layout_run *run = &l.runs.r[i];
			if (run->area != LAYOUT_HELD)
				continue;
			assert_int_equal(run->start % 512, 0);
			assert_int_equal(run->end % 512, 0);
			held += run->end - run->start;
		}
		assert_in_range(held, cannot / 2, cannot);
		aged_drop(&l, s);
	}
}

static void test_sink_errors_come_back(void **state)
{
	(void)state;
	for (int fail_at = 1; fail_at <= 5; fail_at++) {
		struct layout_zone z = dma_zone();
		z.free[8][MIGRATE_MOVABLE] = z.free[9][MIGRATE_MOVABLE] = 1;
		z.free[10][MIGRATE_MOVABLE] = 3;
		struct seen *s = calloc(1, sizeof(*s));
		assert_non_null(s);
		s->z = &z;
		s->fail_at = fail_at;
		const struct layout_sink sink = sink_of(s);
		struct layout l;
		assert_int_equal(layout_place(&l, &z, &sink), -EIO);
		layout_fini(&l);
		free(s);
	}
}

struct cutting {
	struct seen *s;
	unsigned order;
	uint64_t last, nr;
};

static int see_cut(void *ctx, uint64_t pfn)
{
	struct cutting *c = ctx;
	assert_true(!c->nr || pfn > c->last);
	claim(c->s, pfn, c->order, 100);
	c->last = pfn;
	c->nr++;
	return c->s->fail_at && !--c->s->fail_at ? -EIO : 0;
}

/* Four free blocks of order 5 lie in 2048 frames in use, the first pageblock of which is Unmovable. */
static struct layout *cut_begin(struct seen *s, struct layout_zone *z)
{
	static const struct pfn_range range = { 512, 2560 };
	struct layout *l = calloc(1, sizeof(*l));
	assert_non_null(l);
	*z = (struct layout_zone){ .start_pfn = 512,
				   .end_pfn = 2560,
				   .range = &range,
				   .nr_ranges = 1,
				   .pageblock_order = 9,
				   .huge_order = 9,
				   .blocks = { [MIGRATE_UNMOVABLE] = 1 } };
	z->free[5][MIGRATE_MOVABLE] = 4;
	s->z = z;
	const struct layout_sink sink = sink_of(s);
	assert_int_equal(layout_place(l, z, &sink), 0);
	l->sink = NULL;
	return l;
}

/* Blocks are cut until there are none, lowest first; single frames are what is left, and all together is the zone. */
static void test_cut(void **state)
{
	(void)state;
	struct layout_zone z;
	struct seen *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	struct layout *l = cut_begin(s, &z);
	struct cutting c = { .s = s, .order = 3 };
	assert_int_equal(layout_cut(l, 3, MIGRATE_UNMOVABLE, 5, see_cut, &c), 0);
	assert_int_equal(c.nr, 5);
	assert_int_equal(c.last, 512 + 4 * 8);
	assert_int_equal(layout_cut(l, 3, MIGRATE_RECLAIMABLE, 5, see_cut, &c), 0);
	assert_int_equal(layout_cut(l, 3, MIGRATE_UNMOVABLE, 0, see_cut, &c), 0);
	assert_int_equal(c.nr, 5);

	c = (struct cutting){ .s = s, .order = 9 };
	assert_int_equal(layout_cut(l, 9, MIGRATE_MOVABLE, 9, see_cut, &c), 0);
	assert_true(c.nr < 3); /* free blocks stand in the others */
	c = (struct cutting){ .s = s, .order = 6 };
	assert_int_equal(layout_cut(l, 6, MIGRATE_MOVABLE, 1000, see_cut, &c), 0);
	assert_true(c.nr > 8);
	c = (struct cutting){ .s = s, .order = 6 };
	assert_int_equal(layout_cut(l, 6, MIGRATE_UNMOVABLE, 1000, see_cut, &c), 0);
	assert_true(c.nr && c.nr < 8); /* what was cut before left odd ends */
	c = (struct cutting){ .s = s, .order = 6 };
	assert_int_equal(layout_cut(l, 6, MIGRATE_MOVABLE, 1000, see_cut, &c), 0);
	assert_int_equal(c.nr, 0);

	for (uint64_t pfn; layout_take(l, &pfn);)
		claim(s, pfn, 0, 101);
	for (uint64_t pfn = 512; pfn < 2560; pfn++)
		assert_int_not_equal(s->owner[pfn], 0);
	layout_fini(l);
	free(l);
	free(s);
}

static void test_cut_errors_come_back(void **state)
{
	(void)state;
	struct layout_zone z;
	struct seen *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	struct layout *l = cut_begin(s, &z);
	struct cutting c = { .s = s, .order = 2 };
	s->fail_at = 3;
	assert_int_equal(layout_cut(l, 2, MIGRATE_MOVABLE, 9, see_cut, &c), -EIO);
	assert_int_equal(c.nr, 3);
	layout_fini(l);
	free(l);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dma_zone),
		cmocka_unit_test(test_shared_block_is_left_alone),
		cmocka_unit_test(test_types_of_free_memory),
		cmocka_unit_test(test_small_blocks_keep_to_their_type),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_movable_memory_moves),
		cmocka_unit_test(test_the_rest_is_held),
		cmocka_unit_test(test_sink_errors_come_back),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_errors_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
