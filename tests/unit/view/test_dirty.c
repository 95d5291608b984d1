/* SPDX-License-Identifier: MIT */
/* Thresholds of writeback, against those that real kernels printed. */
#include "support/golden.h"
#include "view/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t printed(const char *vmstat, const char *name)
{
	const char *line = strstr(vmstat, name);
	assert_non_null(line);
	return strtoull(line + strlen(name), NULL, 10);
}

static const struct dirty_limits usual = { .ratio = 20, .background_ratio = 10 };

/* Machines with and without high memory, with nothing and with much in the page cache. */
static void test_captures(void **state)
{
	(void)state;
	for (unsigned i = 0; i < golden_nr_captures; i++) {
		struct golden g;
		golden_open(&g, golden_captures[i]);
		char *vmstat = golden_read(&g, "proc/vmstat");
		g.snap.dirty = usual;
		struct dirty_thresholds t = snap_dirty_thresholds(&g.snap);
		assert_int_equal(t.pages, printed(vmstat, "nr_dirty_threshold "));
		assert_int_equal(t.background_pages, printed(vmstat, "nr_dirty_background_threshold "));
		free(vmstat);
		golden_close(&g);
	}
}

static void test_limits(void **state)
{
	(void)state;
	struct golden g;
	golden_open(&g, "captures/6.1.0-50-686-pae-T7b");
	g.snap.dirty = usual;
	struct dirty_thresholds t = snap_dirty_thresholds(&g.snap);

	g.snap.dirty.bytes = 65537; /* rounded up to pages; the other one is no more than half of it */
	assert_int_equal(snap_dirty_thresholds(&g.snap).pages, 17);
	assert_int_equal(snap_dirty_thresholds(&g.snap).background_pages, 8);
	g.snap.dirty.background_bytes = 3 * 4096;
	assert_int_equal(snap_dirty_thresholds(&g.snap).background_pages, 3);
	g.snap.dirty = usual;
	g.snap.dirty.highmem = 1;
	assert_true(snap_dirty_thresholds(&g.snap).pages > 2 * t.pages);
	g.snap.dirty.ratio = 0;
	assert_int_equal(snap_dirty_thresholds(&g.snap).pages, 0);
	golden_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captures),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
