/* SPDX-License-Identifier: MIT */
/* Places by lot: as many as were asked for, each once, ascending, with any odds. */
#include "daemon/import_scatter.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Walk all places; how many are chosen. */
static uint64_t pick_count(struct pick *p, uint64_t total, unsigned *pieces)
{
	uint64_t chosen = 0;
	*pieces = 0;
	for (uint64_t at = 0; at < total;) {
		uint64_t gap = pick_gap(p), length = pick_length(p);
		if (gap == UINT64_MAX)
			break;
		assert_true(gap ? !length : length);
		*pieces += length > 0;
		chosen += length;
		at += gap + length;
		assert_true(at <= total);
		pick_pass(p, gap + length);
	}
	return chosen;
}

static void test_rows(void **state)
{
	(void)state;
	struct pick p;
	unsigned pieces;
	pick_row(&p, 10, 3, false);
	assert_int_equal(pick_gap(&p), 0);
	assert_int_equal(pick_length(&p), 3);
	pick_row(&p, 10, 3, true);
	assert_int_equal(pick_gap(&p), 7);
	assert_int_equal(pick_count(&p, 10, &pieces), 3);
	assert_int_equal(pick_gap(&p), UINT64_MAX);
	pick_row(&p, 10, 0, true);
	assert_int_equal(pick_gap(&p), UINT64_MAX);
	assert_int_equal(pick_length(&p), 0);
}

static void test_pieces(void **state)
{
	(void)state;
	struct rng rng;
	unsigned pieces, most = 0;
	for (uint64_t seed = 0; seed < 500; seed++) {
		rng_init(&rng, seed);
		uint64_t total = rng_below(&rng, 200), n = rng_below(&rng, total + 1);
		struct pick p;
		pick_pieces(&p, &rng, total, n);
		assert_int_equal(pick_count(&p, total, &pieces), n);
		assert_true(pieces <= PICK_PIECES);
		most = MAX(most, pieces);
	}
	assert_true(most > PICK_PIECES / 2);
}

/* A pick that is left in the middle of a piece goes on there. */
static void test_pass_in_steps(void **state)
{
	(void)state;
	struct pick p;
	pick_row(&p, 10, 4, true);
	pick_pass(&p, 5);
	assert_int_equal(pick_gap(&p), 1);
	pick_pass(&p, 3);
	assert_int_equal(pick_gap(&p), 0);
	assert_int_equal(pick_length(&p), 2);
}

static void test_scatter_is_distinct(void **state)
{
	(void)state;
	struct rng rng;
	for (uint64_t seed = 0; seed < 500; seed++) {
		rng_init(&rng, seed);
		uint64_t total = 1 + rng_below(&rng, 3000),
			 n = rng_below(&rng, 4) ? rng_below(&rng, total + 1) : total;
		struct scatter s;
		scatter_make(&s, &rng, total, n, (unsigned)rng_below(&rng, 600),
			     (unsigned)rng_below(&rng, 5));
		uint64_t before = 0;
		for (uint64_t i = 0; i < n; i++) {
			uint64_t at = scatter_next(&s);
			assert_true(at < total);
			assert_true(!i || at > before);
			before = at;
		}
	}
}

/* Of 64 regions, the fullest eight: an eighth when all are alike, most of it when they are not. */
static uint64_t fullest_eight(unsigned unevenness)
{
	struct rng rng;
	struct scatter s;
	uint64_t in[64] = { 0 }, sum = 0;
	rng_init(&rng, 7);
	scatter_make(&s, &rng, 64 * 512, 2048, 64, unevenness);
	for (unsigned i = 0; i < 2048; i++)
		in[scatter_next(&s) / 512]++;
	for (unsigned i = 0; i < 8; i++) {
		unsigned most = 0;
		for (unsigned r = 0; r < 64; r++)
			most = in[r] > in[most] ? r : most;
		sum += in[most];
		in[most] = 0;
	}
	return sum;
}

static void test_unevenness(void **state)
{
	(void)state;
	assert_int_equal(fullest_eight(0), 256);
	assert_in_range(fullest_eight(1), 350, 1000);
	assert_in_range(fullest_eight(4), 1000, 2048);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),          cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_pass_in_steps), cmocka_unit_test(test_scatter_is_distinct),
		cmocka_unit_test(test_unevenness),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
