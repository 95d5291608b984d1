/* SPDX-License-Identifier: MIT */
#include "base/ring.h"

#include "base/fault.h"
#include "base/rng.h"
#include "base/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SMALL 4096u

struct fixture {
	struct clock clock;
	struct ring ring;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	clock_init(&f->clock, true);
	assert_int_equal(ring_init(&f->ring, &f->clock, SMALL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ring_fini(&f->ring);
	free(f);
	return 0;
}

static const char *printed(const struct ring_record *record)
{
	static char copy[5000];
	struct text t;

	text_init_over(&t, copy, sizeof(copy));
	ring_record_print(&t, record);
	assert_int_equal(text_error(&t), 0);
	copy[t.len] = '\0';
	return copy;
}

static const char *record_text(struct ring *r, uint64_t seq)
{
	static char copy[RING_TEXT_MAX + 1];
	struct ring_record record;

	if (!ring_read(r, seq, &record) || record.seq != seq)
		return NULL;
	memcpy(copy, record.text, record.len);
	copy[record.len] = '\0';
	return copy;
}

static void test_format(void **state)
{
	struct fixture *f = *state;
	struct ring_record record;

	assert_false(ring_read(&f->ring, 0, &record));
	clock_advance(&f->clock, 8904180999);
	ring_printf(&f->ring, 6, "%s (%d): drop_caches: %d", "umm", 261, 1);
	assert_true(ring_read(&f->ring, 0, &record));
	assert_string_equal(printed(&record), "6,0,8904180,-;umm (261): drop_caches: 1\n");
	ring_add(&f->ring, 14, "a\nb\\\x7f\xc3\0z", 8);
	assert_true(ring_read(&f->ring, 1, &record));
	assert_string_equal(printed(&record), "14,1,8904180,-;a\\x0ab\\x5c\\x7f\\xc3\\x00z\n");
	ring_add(&f->ring, 4, "", 0);
	assert_true(ring_read(&f->ring, 2, &record));
	assert_string_equal(printed(&record), "4,2,8904180,-;\n");
	assert_false(ring_read(&f->ring, 3, &record));
	assert_int_equal(ring_first(&f->ring), 0);
	assert_int_equal(ring_next(&f->ring), 3);
}

static void test_too_long_is_cut(void **state)
{
	struct fixture *f = *state;
	struct ring_record record;
	char text[2 * RING_TEXT_MAX];

	memset(text, 'x', sizeof(text));
	ring_add(&f->ring, 4, text, sizeof(text));
	ring_printf(&f->ring, 4, "%.*s", (int)sizeof(text), text);
	for (uint64_t seq = 0; seq < 2; seq++) {
		assert_true(ring_read(&f->ring, seq, &record));
		assert_int_equal(record.len, RING_TEXT_MAX);
		assert_memory_equal(record.text, text, RING_TEXT_MAX);
	}
}

/* Small records run out of slots, large ones of bytes; the oldest go. */
static void test_oldest_go(void **state)
{
	struct fixture *f = *state;
	struct ring_record record;
	char text[RING_TEXT_MAX];

	for (unsigned i = 0; i < 1000; i++)
		ring_printf(&f->ring, 6, "%u", i);
	assert_int_equal(ring_next(&f->ring), 1000);
	assert_int_equal(ring_first(&f->ring), 1000 - SMALL / RING_RECORD_BYTES);
	assert_true(ring_read(&f->ring, 0, &record));
	assert_int_equal(record.seq, ring_first(&f->ring));
	assert_string_equal(record_text(&f->ring, 999), "999");

	memset(text, 'y', sizeof(text));
	for (unsigned i = 0; i < 10; i++)
		ring_add(&f->ring, 6, text, sizeof(text));
	assert_int_equal(ring_next(&f->ring) - ring_first(&f->ring), SMALL / RING_TEXT_MAX);
}

/* Against a plain array of what was added. */
static void test_random(void **state)
{
	enum { NR = 20000 };
	struct fixture *f = *state;
	static uint16_t len[NR];
	static char text[RING_TEXT_MAX + 256];
	struct rng rng;
	struct ring_record record;

	rng_init(&rng, 42);
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	for (unsigned i = 0; i < NR; i++) {
		len[i] = (uint16_t)rng_below(&rng, rng_below(&rng, 4) ? 40 : RING_TEXT_MAX + 1);
		ring_add(&f->ring, 6, text + i % 256, len[i]);
		uint64_t first = ring_first(&f->ring), seq = first + rng_below(&rng, i + 1 - first),
			 kept = 0;
		assert_true(ring_read(&f->ring, seq, &record));
		assert_int_equal(record.seq, seq);
		assert_int_equal(record.len, len[seq]);
		assert_memory_equal(record.text, text + seq % 256, record.len);
		for (uint64_t s = first; s <= i; s++)
			kept += len[s];
		assert_true(kept <= SMALL);
		if (first) /* no record went without need */
			assert_true(kept + len[first - 1] > SMALL ||
				    i + 1 - first == SMALL / RING_RECORD_BYTES);
	}
}

static void count(void *ctx)
{
	++*(unsigned *)ctx;
}

static void test_told(void **state)
{
	struct fixture *f = *state;
	unsigned told = 0;

	ring_on_added(&f->ring, count, &told);
	ring_printf(&f->ring, 6, "a");
	ring_printf(&f->ring, 6, "b");
	assert_int_equal(told, 2);
	ring_on_added(&f->ring, NULL, NULL);
	ring_printf(&f->ring, 6, "c");
	assert_int_equal(told, 2);
}

static void test_no_memory(void **state)
{
	struct fixture *f = *state;
	struct ring r;

	for (unsigned n = 1; n <= 2; n++) {
		fault_arm(FAULT_HOST_MALLOC, n);
		assert_int_equal(ring_init(&r, &f->clock, SMALL), -ENOMEM);
		fault_arm(FAULT_HOST_MALLOC, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_format),    TEST(test_too_long_is_cut),
		TEST(test_oldest_go), TEST(test_random),
		TEST(test_told),      TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
