/* SPDX-License-Identifier: MIT */
/*
 * Places for free blocks. The property test ages a small buddy system by
 * chance, takes nothing but its counts, and requires of the layout all that a
 * buddy system could not break: every block present, aligned and alone, no two
 * free buddies, every count met.
 */
#include "daemon/import_layout.h"

#include "base/rng.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FRAMES 32768u

/* What the sink saw. */
struct seen {
	uint8_t owner[FRAMES]; /* 0: in use, else 1 + order of the free block, 64: huge */
	uint8_t head[FRAMES]; /* 1 + order at the first frame */
	uint8_t type[FRAMES]; /* 1 + type of a pageblock, at the frame looked at */
	uint64_t count[MM_ORDERS][MIGRATE_TYPES];
	uint64_t huge, blocks[MIGRATE_TYPES], virgin_end;
	const struct layout_zone *z;
	int fail_at; /* this call fails; 0: none */
};

static bool present(const struct layout_zone *z, uint64_t pfn)
{
	for (unsigned i = 0; i < z->nr_ranges; i++)
		if (pfn >= z->range[i].start && pfn < z->range[i].end)
			return true;
	return false;
}

static void claim(struct seen *s, uint64_t pfn, unsigned order, uint8_t owner)
{
	assert_int_equal(pfn & ((1u << order) - 1), 0);
	for (uint64_t i = pfn; i < pfn + (1u << order); i++) {
		assert_true(i < FRAMES && present(s->z, i));
		assert_int_equal(s->owner[i], 0);
		s->owner[i] = owner;
	}
}

static int see_free(void *ctx, uint64_t pfn, unsigned order, enum migratetype mt)
{
	struct seen *s = ctx;
	if (s->fail_at && !--s->fail_at)
		return -EIO;
	claim(s, pfn, order, (uint8_t)(1 + order));
	s->head[pfn] = (uint8_t)(1 + order);
	s->count[order][mt]++;
	return 0;
}

static int see_virgin(void *ctx, uint64_t start, uint64_t end)
{
	struct seen *s = ctx;
	assert_true(start < end && start >= s->virgin_end);
	s->virgin_end = end;
	int error = 0;
	for (; start < end && !error; start += MM_TOP_PAGES)
		error = see_free(s, start, MM_ORDER_MAX, MIGRATE_MOVABLE);
	return error;
}

static int see_huge(void *ctx, uint64_t pfn)
{
	struct seen *s = ctx;
	claim(s, pfn, s->z->huge_order, 64);
	s->huge++;
	return 0;
}

static int see_pageblock(void *ctx, uint64_t pfn, enum migratetype mt)
{
	struct seen *s = ctx;
	uint64_t size = 1u << s->z->pageblock_order;
	assert_int_not_equal(mt, MIGRATE_MOVABLE);
	assert_true(present(s->z, pfn));
	assert_int_equal((pfn - s->z->start_pfn) % size, 0);
	assert_int_equal(s->type[pfn], 0);
	s->type[pfn] = (uint8_t)(1 + mt);
	s->blocks[mt]++;
	return 0;
}

static struct layout_sink sink_of(struct seen *s)
{
	return (struct layout_sink){ s, see_free, see_virgin, see_huge, see_pageblock };
}

static void no_free_buddies(const struct seen *s)
{
	for (uint64_t pfn = 0; pfn < FRAMES; pfn++) {
		unsigned order = s->head[pfn] - 1u;
		if (s->head[pfn] && order < MM_ORDER_MAX && s->head[pfn ^ (1u << order)] == s->head[pfn])
			fail_msg("%lu and its buddy of order %u are both free", pfn, order);
	}
}

/* Whoever is left can be given out, each frame once. */
static void rest_is_disjoint(struct layout *l, struct seen *s)
{
	uint64_t pfn, left = 0, taken = 0;
	for (uint64_t i = 0; i < FRAMES; i++)
		left += present(s->z, i) && !s->owner[i];
	while (layout_take(l, &pfn)) {
		claim(s, pfn, 0, 65);
		taken++;
	}
	assert_int_equal(taken, left);
	assert_int_equal(l->taken, taken);
}

static void place_and_check(struct layout_zone *z, uint64_t nr_huge)
{
	struct seen *s = calloc(1, sizeof(*s));
	struct layout *l = calloc(1, sizeof(*l));
	assert_non_null(s);
	assert_non_null(l);
	s->z = z;
	const struct layout_sink sink = sink_of(s);
	assert_int_equal(layout_place(l, z, &sink), 0);
	assert_memory_equal(s->count, z->free, sizeof(z->free));
	assert_int_equal(s->huge, nr_huge);
	assert_int_equal(l->huge_left, z->nr_huge - nr_huge);
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		if (mt != MIGRATE_MOVABLE)
			assert_int_equal(s->blocks[mt] + l->blocks_left[mt], z->blocks[mt]);
	no_free_buddies(s);
	rest_is_disjoint(l, s);
	layout_fini(l);
	free(l);
	free(s);
}

/* ---- A buddy system to take counts from ---- */

struct model {
	uint8_t head[FRAMES]; /* 1 + order of a free block, 100 + order of one in use */
	struct rng rng;
};

static void model_free(struct model *m, uint64_t pfn, unsigned order)
{
	for (; order < MM_ORDER_MAX && m->head[pfn ^ (1u << order)] == 1 + order; order++) {
		m->head[pfn ^ (1u << order)] = 0;
		m->head[pfn] = 0;
		pfn &= ~(1ull << order);
	}
	m->head[pfn] = (uint8_t)(1 + order);
}

/* Split any free block that is large enough, at a random one of those found. */
static bool model_take(struct model *m, unsigned order)
{
	uint64_t start = rng_below(&m->rng, FRAMES);
	for (uint64_t i = 0; i < FRAMES; i++) {
		uint64_t pfn = (start + i) % FRAMES;
		unsigned found = m->head[pfn] - 1u;
		if (!m->head[pfn] || m->head[pfn] >= 100 || found < order)
			continue;
		for (; found > order; found--)
			m->head[pfn + (1u << (found - 1))] = (uint8_t)found;
		m->head[pfn] = (uint8_t)(100 + order);
		return true;
	}
	return false;
}

static void model_drop(struct model *m)
{
	uint64_t start = rng_below(&m->rng, FRAMES);
	for (uint64_t i = 0; i < FRAMES; i++) {
		uint64_t pfn = (start + i) % FRAMES;
		if (m->head[pfn] >= 100) {
			model_free(m, pfn, m->head[pfn] - 100u);
			return;
		}
	}
}

static void model_age(struct model *m, const struct layout_zone *z)
{
	uint64_t churn = rng_below(&m->rng, 600), fill = rng_below(&m->rng, 11);
	for (unsigned i = 0; i < z->nr_ranges; i++)
		for (uint64_t pfn = z->range[i].start; pfn < z->range[i].end; pfn++)
			model_free(m, pfn, 0);
	for (uint64_t i = 0; i < churn; i++) {
		if (rng_below(&m->rng, 10) < fill)
			model_take(m, (unsigned)rng_below(&m->rng, 1 + rng_below(&m->rng, MM_ORDERS)));
		else
			model_drop(m);
	}
}

static enum migratetype random_type(struct rng *r)
{
	static const enum migratetype types[] = { MIGRATE_MOVABLE,     MIGRATE_MOVABLE,
						  MIGRATE_MOVABLE,     MIGRATE_UNMOVABLE,
						  MIGRATE_RECLAIMABLE, MIGRATE_HIGHATOMIC };
	return types[rng_below(r, ARRAY_LEN(types))];
}

static void model_count(struct model *m, struct layout_zone *z, uint64_t *whole)
{
	*whole = 0;
	for (uint64_t pfn = 0; pfn < FRAMES; pfn++) {
		if (m->head[pfn] && m->head[pfn] < 100)
			z->free[m->head[pfn] - 1][random_type(&m->rng)]++;
		if (m->head[pfn] >= 100u + z->huge_order)
			*whole += 1u << (m->head[pfn] - 100u - z->huge_order);
	}
}

/* Ragged memory with a hole or two, aligned to nothing in particular. */
static unsigned random_ranges(struct rng *r, struct pfn_range range[3])
{
	uint64_t at = 1 + rng_below(r, 3000);
	unsigned nr = 1 + (unsigned)rng_below(r, 3);
	for (unsigned i = 0; i < nr; i++) {
		range[i].start = at;
		range[i].end = at + 1 + rng_below(r, FRAMES / 4);
		at = range[i].end + 1 + rng_below(r, 700);
	}
	return nr;
}

static void check_seed(uint64_t seed)
{
	struct pfn_range range[3];
	struct model *m = calloc(1, sizeof(*m));
	assert_non_null(m);
	rng_init(&m->rng, seed);
	struct layout_zone z = { .range = range, .nr_ranges = random_ranges(&m->rng, range) };
	z.pageblock_order = z.huge_order = rng_below(&m->rng, 4) ? 9 : 10;
	z.start_pfn = range[0].start;
	z.end_pfn = range[z.nr_ranges - 1].end;
	z.window_pages = rng_below(&m->rng, 2) ? 0 : 2048;
	uint64_t whole;
	model_age(m, &z);
	model_count(m, &z, &whole);
	z.nr_huge = whole ? rng_below(&m->rng, whole + 1) : 0;
	z.blocks[MIGRATE_UNMOVABLE] = rng_below(&m->rng, 8);
	z.blocks[MIGRATE_RECLAIMABLE] = rng_below(&m->rng, 4);
	z.blocks[MIGRATE_HIGHATOMIC] = rng_below(&m->rng, 2);

	bool changed;
	assert_int_equal(layout_fit(&z, &changed), 0);
	assert_false(changed);
	place_and_check(&z, z.nr_huge);
	free(m);
}

static void test_any_aged_state_fits(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		print_message(seed % 100 ? "" : "seed %lu\n", seed);
		check_seed(seed);
	}
}

/* ---- Single cases ---- */

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
		cmocka_unit_test(test_any_aged_state_fits),
		cmocka_unit_test(test_dma_zone),
		cmocka_unit_test(test_shared_block_is_left_alone),
		cmocka_unit_test(test_types_of_free_memory),
		cmocka_unit_test(test_small_blocks_keep_to_their_type),
		cmocka_unit_test(test_sink_errors_come_back),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_errors_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
