/* SPDX-License-Identifier: MIT */
/*
 * Places for free blocks: a small buddy system is aged by chance, nothing but
 * its counts is taken, and of the layout is required all that a buddy system
 * could not break: every block present, aligned and alone, no two free buddies,
 * every count met.
 */
#include "base/rng.h"
#include "support/layout_fixture.h"

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
	assert_int_equal(layout_shuffle(l), 0);
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
	z.rng = &m->rng; /* and by lot */
	z.nr_movable = rng_below(&m->rng, FRAMES);
	z.nr_fixed = rng_below(&m->rng, FRAMES);
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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_any_aged_state_fits) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
