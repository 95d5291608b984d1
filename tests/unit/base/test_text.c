/* SPDX-License-Identifier: MIT */
#include "base/fault.h"
#include "base/rng.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The numbers on both sides of every power of 10 and of 2, and the ends. */
static unsigned edge_numbers(uint64_t out[static 256])
{
	unsigned n = 0;
	out[n++] = 0;
	for (uint64_t p = 1;; p *= 10) {
		out[n++] = p - 1;
		out[n++] = p;
		out[n++] = p + 1;
		if (p > UINT64_MAX / 10)
			break;
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		out[n++] = 1ull << bit;
		out[n++] = (1ull << bit) - 1;
	}
	out[n++] = UINT64_MAX;
	return n;
}

static void check_number(struct text *t, uint64_t v, unsigned width)
{
	char want[128];
	text_reset(t);
	text_u64(t, v);
	snprintf(want, sizeof(want), "%" PRIu64, v);
	assert_string_equal(text_cstr(t), want);

	text_reset(t);
	text_u64_right(t, v, width);
	snprintf(want, sizeof(want), "%*" PRIu64, (int)width, v);
	assert_string_equal(text_cstr(t), want);

	text_reset(t);
	text_i64(t, (int64_t)v);
	snprintf(want, sizeof(want), "%" PRId64, (int64_t)v);
	assert_string_equal(text_cstr(t), want);
}

static void test_numbers_are_printfs(void **state)
{
	(void)state;
	uint64_t edges[256];
	unsigned n = edge_numbers(edges);
	struct text t;
	struct rng r;

	text_init(&t, 0);
	for (unsigned i = 0; i < n; i++)
		for (unsigned width = 0; width < 25; width++)
			check_number(&t, edges[i], width);
	rng_init(&r, 1);
	for (unsigned i = 0; i < 100000; i++)
		check_number(&t, rng_next(&r) >> rng_below(&r, 64), (unsigned)rng_below(&r, 30));
	text_fini(&t);
}

static void test_strings(void **state)
{
	(void)state;
	struct text t;
	text_init(&t, 0);
	assert_string_equal(text_cstr(&t), "");
	text_str(&t, "Node ");
	text_char(&t, '0');
	text_str(&t, "");
	text_bytes(&t, ", zone", 6);
	text_bytes(&t, NULL, 0);
	text_str_right(&t, "DMA", 9);
	text_char(&t, '|');
	text_str_left(&t, "free", 6);
	text_char(&t, '|');
	text_str_right(&t, "longer", 3);
	text_str_left(&t, "longer", 3);
	text_str_left(&t, "", 0);
	text_str_right(&t, "", 2);
	assert_string_equal(text_cstr(&t), "Node 0, zone      DMA|free  |longerlonger  ");
	assert_int_equal(t.len, strlen(text_cstr(&t)));
	assert_int_equal(text_error(&t), 0);
	text_fini(&t);
	assert_string_equal(text_cstr(&t), "");
}

static void test_nothing_allocates_nothing(void **state)
{
	(void)state;
	struct text t;
	text_init(&t, 0);
	text_str(&t, "");
	text_str_left(&t, "", 0);
	text_printf(&t, "%s", "");
	assert_null(t.buf);
	assert_int_equal(text_error(&t), 0);
	text_fini(&t);
}

static void test_printf_grows(void **state)
{
	(void)state;
	struct text t;
	char *wide = malloc(10001);
	memset(wide, 'x', 10000);
	wide[10000] = '\0';

	text_init(&t, 0);
	text_printf(&t, "%s=%d", "a", 1);
	assert_string_equal(text_cstr(&t), "a=1");
	text_printf(&t, "%s%d", wide, 7);
	assert_int_equal(t.len, 3 + 10001);
	assert_memory_equal(t.buf + 3, wide, 10000);
	assert_int_equal(t.buf[10003], '7');
	/* Exactly what is free, and one more. */
	for (size_t extra = 0; extra < 2; extra++) {
		text_char(&t, '.');
		size_t room = t.cap - t.len;
		size_t len = t.len + room + extra;
		text_printf(&t, "%*s", (int)(room + extra), "!");
		assert_int_equal(t.len, len);
		assert_int_equal(t.buf[t.len - 1], '!');
		assert_int_equal(strlen(text_cstr(&t)), len);
	}
	text_fini(&t);
	free(wide);
}

static void test_limit_is_exact_and_sticky(void **state)
{
	(void)state;
	struct text t;
	text_init(&t, 10);
	text_str(&t, "12345");
	text_u64(&t, 67890);
	assert_int_equal(text_error(&t), 0);
	assert_string_equal(text_cstr(&t), "1234567890");
	text_char(&t, 'x');
	assert_int_equal(text_error(&t), -EFBIG);
	assert_string_equal(text_cstr(&t), "");
	text_str(&t, "");
	assert_int_equal(text_error(&t), -EFBIG);

	text_reset(&t);
	assert_int_equal(text_error(&t), 0);
	text_str(&t, "ok");
	assert_string_equal(text_cstr(&t), "ok");
	text_u64(&t, 123456789);
	assert_int_equal(text_error(&t), -EFBIG);
	/* What would fit does not come back in after what did not. */
	text_char(&t, 'y');
	text_printf(&t, "%d", 1);
	assert_int_equal(t.len, 2);

	text_reset(&t);
	text_u64_right(&t, 1, UINT32_MAX);
	assert_int_equal(text_error(&t), -EFBIG);
	text_reset(&t);
	text_printf(&t, "%s", "12345678901");
	assert_int_equal(text_error(&t), -EFBIG);
	text_fini(&t);
}

static void test_large(void **state)
{
	(void)state;
	struct text t;
	text_init(&t, 0);
	for (unsigned i = 0; i < 1000000; i++)
		text_u64_right(&t, i, 8);
	assert_int_equal(text_error(&t), 0);
	assert_int_equal(t.len, 8000000);
	assert_memory_equal(t.buf + 8 * 123456, "  123456", 8);
	text_fini(&t);
}

static void append_much(struct text *t)
{
	for (unsigned i = 0; i < 5000; i++) {
		text_u64(t, i);
		text_str_left(t, "x", 4);
		text_printf(t, " %u\n", i);
	}
}

static void test_faults(void **state)
{
	(void)state;
	struct text t;
	unsigned nth = 0;
	bool failed;
	do {
		text_init(&t, 0);
		fault_arm(FAULT_HOST_MALLOC, ++nth);
		append_much(&t);
		failed = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		assert_int_equal(text_error(&t), failed ? -ENOMEM : 0);
		if (failed)
			assert_string_equal(text_cstr(&t), "");
		/* It works again once reset. */
		text_reset(&t);
		append_much(&t);
		assert_int_equal(text_error(&t), 0);
		text_fini(&t);
	} while (failed);
	assert_true(nth > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_are_printfs),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_nothing_allocates_nothing),
		cmocka_unit_test(test_printf_grows),
		cmocka_unit_test(test_limit_is_exact_and_sticky),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
