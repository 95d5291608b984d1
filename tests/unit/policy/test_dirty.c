/* SPDX-License-Identifier: MIT */
/* How much may be dirty. What real kernels printed is compared in tests/unit/view/test_dirty.c. */
#include "policy/dirty.h"

#include "support/small_machine.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_dirtyable(void **state)
{
	struct dirty_memory d = { 0 };
	(void)state;
	dirty_memory_add(
		&d, &(struct dirty_zone){
			    .free = 500, .file = 30, .high_mark = 20, .boost = 5, .reserve = 60, .managed = 1000 });
	assert_int_equal(d.reserve, 80); /* the boost is not kept back */
	assert_int_equal(dirtyable_pages(&d, 500, 30, false), 500 - 80 + 30 + 1);
	assert_int_equal(dirtyable_pages(&d, 50, 30, false), 31); /* never below 0 */
	dirty_memory_add(
		&d, &(struct dirty_zone){
			    .free = 100, .file = 7, .high_mark = 20, .boost = 5, .managed = 10, .high = true });
	assert_int_equal(d.reserve, 90); /* no more than a zone has */
	assert_int_equal(dirtyable_pages(&d, 600, 37, true), 600 - 90 + 37 + 1);
	assert_int_equal(dirtyable_pages(&d, 600, 37, false), 600 - 90 + 37 + 1 - (100 - 25 + 7));
	assert_int_equal(dirtyable_pages(&d, 90, 0, false), 1);
}

static void test_thresholds(void **state)
{
	(void)state;
	struct dirty_thresholds t = dirty_thresholds(&dirty_defaults, 10000);
	assert_int_equal(t.pages, 819 * 10000 / 4096); /* 20 % of 4096 is 819 */
	assert_int_equal(t.background_pages, 409 * 10000 / 4096);

	struct dirty_limits l = dirty_defaults;
	l.background_ratio = 30; /* no more than half of the other one */
	t = dirty_thresholds(&l, 10000);
	assert_int_equal(t.background_pages, t.pages / 2);
	l.bytes = 8192;
	l.background_bytes = 1;
	t = dirty_thresholds(&l, 10000);
	assert_int_equal(t.pages, 2);
	assert_int_equal(t.background_pages, 1);
	l.background_bytes = 4097;
	assert_int_equal(dirty_thresholds(&l, 10000).background_pages, 1);
	l = (struct dirty_limits){ 0 };
	assert_int_equal(dirty_thresholds(&l, 10000).pages, 0);
}

/* The counters of a machine: all is free, and the reserve is kept back. */
static void test_machine(void **state)
{
	struct machine m;
	struct dirty_limits l = { .ratio = 100, .background_ratio = 50 };
	uint64_t free = 0;
	(void)state;
	one_zone_machine(&m, 0, 65536);
	FOR_EACH_POPULATED_ZONE(z, &m)
		free += zone_stat_read(z, NR_FREE_PAGES);
	struct dirty_thresholds t = machine_dirty_thresholds(&m, &l);
	assert_true(t.pages < free);
	assert_true(t.pages > free * 9 / 10);
	assert_true(t.background_pages <= t.pages / 2);
	end_machine(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dirtyable),
		cmocka_unit_test(test_thresholds),
		cmocka_unit_test(test_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
