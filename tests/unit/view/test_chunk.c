/* SPDX-License-Identifier: MIT */
#include "view/chunk.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void check_number(uint64_t v, unsigned width)
{
	struct chunk c;
	struct text t;
	char want[128];
	text_init(&t, 0);
	chunk_init(&c, &t);
	chunk_u64(&c, v);
	chunk_char(&c, '|');
	chunk_u64_right(&c, v, width);
	chunk_char(&c, '|');
	chunk_i64(&c, (int64_t)v);
	chunk_flush(&c);
	snprintf(want, sizeof(want), "%" PRIu64 "|%*" PRIu64 "|%" PRId64, v, (int)width, v, (int64_t)v);
	assert_string_equal(text_cstr(&t), want);
	text_fini(&t);
}

/* On both sides of every power of 10 and of 2. */
static void test_numbers_are_printfs(void **state)
{
	(void)state;
	for (unsigned width = 1; width < 24; width += 5) {
		check_number(UINT64_MAX, width);
		for (unsigned bit = 0; bit < 64; bit++)
			for (int d = -1; d <= 1; d++)
				check_number((1ull << bit) + (uint64_t)d, width);
		for (uint64_t p = 1;; p *= 10) {
			for (int d = -1; d <= 1; d++)
				check_number(p + (uint64_t)d, width);
			if (p > UINT64_MAX / 10)
				break;
		}
	}
}

static void test_strings(void **state)
{
	(void)state;
	struct chunk c;
	struct text t;
	text_init(&t, 0);
	chunk_init(&c, &t);
	chunk_str_right(&c, "abc", 5);
	chunk_str_right(&c, "abcdef", 5);
	chunk_str_left(&c, "x", 3);
	chunk_str_left(&c, "wxyz", 3);
	chunk_lit(&c, "!");
	chunk_zone_head(&c, 12, "DMA32");
	chunk_line(&c, " n ", 42);
	chunk_flush(&c);
	assert_string_equal(text_cstr(&t), "  abcabcdefx  wxyz!Node 12, zone    DMA32 n 42\n");
	text_fini(&t);
}

/* Pieces of every length across the ends of many chunks. */
static void test_longer_than_a_chunk(void **state)
{
	(void)state;
	enum { BYTES = 200000 };
	static char want[BYTES + CHUNK_PIECE];
	struct chunk c;
	struct text t;
	size_t n = 0;
	text_init(&t, 0);
	chunk_init(&c, &t);
	while (n < BYTES) {
		size_t piece = n % (CHUNK_PIECE + 1);
		for (size_t i = 0; i < piece; i++)
			want[n + i] = (char)('a' + (n + i) % 26);
		chunk_bytes(&c, want + n, piece);
		n += piece;
		want[n] = '\n';
		chunk_char(&c, want[n++]);
	}
	chunk_flush(&c);
	assert_int_equal(t.len, n);
	assert_memory_equal(text_cstr(&t), want, n);
	text_fini(&t);
}

/* A text that is full stays so, and says so once, at the end. */
static void test_error_is_sticky(void **state)
{
	(void)state;
	struct chunk c;
	struct text t;
	text_init(&t, 5000);
	chunk_init(&c, &t);
	for (unsigned i = 0; i < 10000; i++)
		chunk_line(&c, "line ", i);
	chunk_flush(&c);
	assert_int_equal(text_error(&t), -EFBIG);
	text_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_are_printfs),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_longer_than_a_chunk),
		cmocka_unit_test(test_error_is_sticky),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
