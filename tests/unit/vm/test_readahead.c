/* SPDX-License-Identifier: MIT */
/*
 * Windows of 6.1's ondemand_readahead, worked out by hand from its rules: most
 * 32 pages, the first window 4 times the request up to 1 page and twice up to
 * 8, then doubled; the mark where the window minus its asynchronous part ends.
 */
#include "vm/readahead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NO_MARK UINT64_MAX
#define LONG_FILE 1000000u

struct cached {
	uint64_t before, after;
};

static uint64_t cached_before(void *ctx, uint64_t index, uint64_t most)
{
	const struct cached *c = ctx;
	return MIN(MIN(c->before, most), index);
}

static uint64_t cached_after(void *ctx, uint64_t index, uint64_t most)
{
	const struct cached *c = ctx;
	(void)index;
	return MIN(c->after, most);
}

static struct readahead_plan plan(struct file_readahead *ra, uint64_t index, uint64_t req,
				  bool marked, uint64_t end, struct cached c)
{
	const struct readahead_cached cached = { cached_before, cached_after, &c };
	return readahead_next(ra, index, req, marked, end, &cached);
}

#define assert_plan(got, s, n, m)                                                                  \
	do {                                                                                       \
		struct readahead_plan got_ = (got);                                                \
		assert_int_equal(got_.size, n);                                                    \
		if (got_.size)                                                                     \
			assert_int_equal(got_.start, s);                                           \
		assert_int_equal(got_.mark, m);                                                    \
	} while (0)

static const struct cached none = { 0, 0 };

/* cat of a long file with 4 KiB reads: 4, 8, 16, 32, 32 pages. */
static void test_single_pages_in_a_row(void **state)
{
	struct file_readahead ra = { 0 };
	(void)state;
	assert_plan(plan(&ra, 0, 1, false, LONG_FILE, none), 0, 4, 1);
	assert_plan(plan(&ra, 1, 1, true, LONG_FILE, none), 4, 8, 4);
	assert_plan(plan(&ra, 4, 1, true, LONG_FILE, none), 12, 16, 12);
	assert_plan(plan(&ra, 12, 1, true, LONG_FILE, none), 28, 32, 28);
	assert_plan(plan(&ra, 28, 1, true, LONG_FILE, none), 60, 32, 60);
	assert_plan(plan(&ra, 60, 1, true, LONG_FILE, none), 92, 32, 92);
}

/* 128 KiB reads: the first window is all that may be, so the next is joined to it, which leaves half of it. */
static void test_requests_as_large_as_the_window(void **state)
{
	struct file_readahead ra = { 0 };
	(void)state;
	assert_plan(plan(&ra, 0, 32, false, LONG_FILE, none), 0, 32, 16);
	assert_plan(plan(&ra, 16, 16, true, LONG_FILE, none), 32, 32, 32);
	assert_plan(plan(&ra, 32, 32, true, LONG_FILE, none), 64, 32, 64);
}

/* A request of 1 MiB is what the disk takes at once. */
static void test_large_requests(void **state)
{
	struct file_readahead ra = { 0 };
	(void)state;
	assert_plan(plan(&ra, 0, 256, false, LONG_FILE, none), 0, 256, 128);
	assert_plan(plan(&ra, 128, 128, true, LONG_FILE, none), 256, 128, 256);
	ra = (struct file_readahead){ 0 };
	assert_plan(plan(&ra, 0, 400, false, LONG_FILE, none), 0, 320, 160);
}

static void test_a_lone_read_is_as_it_is(void **state)
{
	struct file_readahead ra = { .start = 10, .size = 4, .async_size = 3, .prev = 11 << 12 };
	(void)state;
	assert_plan(plan(&ra, 5000, 2, false, LONG_FILE, none), 5000, 2, NO_MARK);
	assert_int_equal(ra.start, 10); /* the stream is still there */
	assert_int_equal(ra.size, 4);
	ra = (struct file_readahead){ 0 };
	assert_plan(plan(&ra, 1, 1, false, LONG_FILE, none), 1, 1, NO_MARK); /* before the first read nothing is in a row */
}

static void test_where_the_last_read_ended(void **state)
{
	struct file_readahead ra = { .prev = 701ull << 12 };
	(void)state;
	assert_plan(plan(&ra, 701, 1, false, LONG_FILE, none), 701, 4, 702);
	ra = (struct file_readahead){ .prev = (700ull << 12) + 5 };
	assert_plan(plan(&ra, 701, 2, false, LONG_FILE, none), 701, 4, 703);
}

static void test_traces_of_another_stream(void **state)
{
	struct file_readahead ra = { .prev = 1 };
	(void)state;
	assert_plan(plan(&ra, 500, 1, false, LONG_FILE, (struct cached){ 1, 0 }), 500, 1, NO_MARK);
	assert_plan(plan(&ra, 500, 1, false, LONG_FILE, (struct cached){ 6, 0 }), 500, 7, 506);
	assert_plan(plan(&ra, 500, 1, false, LONG_FILE, (struct cached){ 32, 0 }), 500, 32, 531);
	/* cached from the start on: counts twice */
	assert_plan(plan(&ra, 10, 1, false, LONG_FILE, (struct cached){ 10, 0 }), 10, 21, 30);
}

static void test_a_mark_without_a_window(void **state)
{
	struct file_readahead ra = { 0 };
	(void)state;
	/* 3 pages follow the marked one: the window begins behind them, of 4 + 1 pages doubled */
	assert_plan(plan(&ra, 100, 1, true, LONG_FILE, (struct cached){ 0, 3 }), 104, 10, 104);
	/* no end in sight */
	ra = (struct file_readahead){ 0 };
	assert_plan(plan(&ra, 100, 1, true, LONG_FILE, (struct cached){ 0, 1000 }), 0, 0, NO_MARK);
	/* 1 + 1 pages are few: four times as many only below a 16th of the most */
	ra = (struct file_readahead){ 0 };
	assert_plan(plan(&ra, 100, 1, true, LONG_FILE, none), 101, 4, 101);
}

static void test_nothing_past_the_end(void **state)
{
	struct file_readahead ra = { 0 };
	(void)state;
	assert_plan(plan(&ra, 0, 1, false, 3, none), 0, 3, 0); /* 4 pages, 3 of them ahead: the first one has the mark */
	ra = (struct file_readahead){ 0 };
	assert_plan(plan(&ra, 0, 1, false, 2, none), 0, 2, NO_MARK);
	ra = (struct file_readahead){ .start = 28, .size = 32, .async_size = 32 };
	assert_plan(plan(&ra, 28, 1, true, 60, none), 0, 0, NO_MARK);
	ra = (struct file_readahead){ .start = 28, .size = 32, .async_size = 32 };
	assert_plan(plan(&ra, 28, 1, true, 65, none), 60, 5, NO_MARK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_pages_in_a_row),
		cmocka_unit_test(test_requests_as_large_as_the_window),
		cmocka_unit_test(test_large_requests),
		cmocka_unit_test(test_a_lone_read_is_as_it_is),
		cmocka_unit_test(test_where_the_last_read_ended),
		cmocka_unit_test(test_traces_of_another_stream),
		cmocka_unit_test(test_a_mark_without_a_window),
		cmocka_unit_test(test_nothing_past_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
