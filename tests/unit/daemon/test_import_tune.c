/* SPDX-License-Identifier: MIT */
/* Knobs are set without effects; what was printed stands until one is written. */
#include "knob/knob.h"
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CAPTURE "6.1.0-50-amd64-T3"

static struct zone *zone_of(struct state_vm *s, unsigned node, enum zone_kind kind)
{
	const struct cap_zone z = { .node = node, .kind = kind };
	return import_zone(&s->vm, &z);
}

static void test_knobs(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	state_dir_write(&d, "proc/sys/vm/overcommit_memory", "2\n");
	state_dir_write(&d, "proc/sys/vm/overcommit_ratio", "-7\n");
	state_dir_write(&d, "proc/sys/vm/admin_reserve_kbytes", "12345\n");
	state_dir_write(&d, "proc/sys/vm/lowmem_reserve_ratio", "200\t100\t0\t0\t0\n");
	state_dir_write(&d, "proc/sys/vm/stat_interval", "3\n");
	state_dir_write(&d, "proc/sys/vm/nr_overcommit_hugepages", "11\n");
	state_dir_write(&d, "proc/sys/vm/watermark_scale_factor", "50\n");
	struct state_vm *s = state_boot(&d);
	assert_int_equal(s->vm.overcommit.memory, 2);
	assert_int_equal(s->vm.overcommit.ratio, -7);
	assert_int_equal(s->vm.overcommit.admin_reserve_kbytes, 12345);
	assert_int_equal(s->vm.overcommit.user_reserve_kbytes, 131072);
	assert_int_equal(s->vm.machine.tune.lowmem_reserve_ratio[0], 200);
	assert_int_equal(s->vm.machine.tune.lowmem_reserve_ratio[2], 0);
	assert_int_equal(s->vm.stat_interval, 3);
	assert_int_equal(s->vm.hugetlb->nr_overcommit, 11);
	assert_int_equal(s->vm.machine.tune.watermark_scale_factor, 50);
	assert_int_equal(s->vm.machine.tune.min_free_kbytes, 90112);
	assert_int_equal(s->vm.machine.tune.user_min_free_kbytes, -1);
	/* the marks are still those that zoneinfo shows */
	const struct zone *z = zone_of(s, 1, ZONE_NORMAL);
	const struct cap_zone *from = cap_zone_find(s->capture, 1, ZONE_NORMAL);
	assert_int_equal(z->watermark[WMARK_LOW], from->low);
	assert_int_equal(z->lowmem_reserve[3], from->protection[3]);
	state_end(s);
	state_dir_remove(&d);
}

static void test_bad_values_stay_default(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	state_dir_write(&d, "proc/sys/vm/overcommit_memory", "3\n");
	state_dir_write(&d, "proc/sys/vm/stat_interval", "often\n");
	state_dir_write(&d, "proc/sys/vm/lowmem_reserve_ratio", "200 x\n");
	struct state_vm *s = state_boot(&d);
	assert_int_equal(s->vm.overcommit.memory, 0);
	assert_int_equal(s->vm.stat_interval, 1);
	assert_int_equal(s->vm.machine.tune.lowmem_reserve_ratio[0], 200);
	assert_int_equal(s->vm.machine.tune.lowmem_reserve_ratio[1], 256);
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "overcommit_memory"));
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "stat_interval"));
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "lowmem_reserve_ratio"));
	state_end(s);
	state_dir_remove(&d);
}

/* After the same value is written the marks are the formula's. */
static void test_formula_has_its_turn(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	state_dir_edit(&d, "proc/zoneinfo", "        min      ", "        min      9");
	struct state_vm *s = state_boot(&d);
	struct zone *z = zone_of(s, 0, ZONE_DMA);
	uint64_t odd = z->watermark[WMARK_MIN];
	assert_true(odd > 900);
	const char text[] = "90112\n";
	assert_int_equal(knob_write(knob_find("min_free_kbytes"), &s->vm, 0, text, sizeof(text) - 1), 6);
	assert_int_equal(z->watermark[WMARK_MIN], 90112 / 4 * z->managed / s->vm.machine.managed_pages);
	state_end(s);
	state_dir_remove(&d);
}

static void test_written_by_the_user(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	state_dir_write(&d, "proc/sys/vm/min_free_kbytes", "262144\n");
	struct state_vm *s = state_boot(&d);
	assert_int_equal(s->vm.machine.tune.user_min_free_kbytes, 262144);
	state_end(s);
	state_dir_remove(&d);
}

/* Without proc/sys/vm the knobs follow from the marks. */
static void test_knobs_from_marks(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	state_dir_drop(&d, "proc/sys");
	struct state_vm *s = state_boot(&d);
	assert_int_equal(s->vm.machine.tune.watermark_scale_factor, 10);
	assert_int_equal(s->vm.machine.tune.min_free_kbytes,
			 machine_default_min_free_kbytes(&s->vm.machine));
	assert_false(state_noted(s->capture, NOTE_GUESSED, "min_free_kbytes"));
	assert_true(s->vm.overcommit.admin_reserve_kbytes == 8192);
	state_end(s);
	state_dir_remove(&d);

	state_dir_make(&d, "6.1.0-50-amd64-T1");
	state_dir_drop(&d, "proc/sys");
	/* as if min_free_kbytes were 400000 and watermark_scale_factor 1000 */
	state_dir_edit(&d, "proc/zoneinfo", "        managed  3840",
		       "        min      1561\n        low      1951\n        high     2341\n        managed  3840");
	state_dir_edit(&d, "proc/zoneinfo", "        managed  242031",
		       "        min      98439\n        low      123048\n        high     147657\n        managed  242031");
	s = state_boot(&d);
	assert_int_equal(s->vm.machine.tune.min_free_kbytes, 400000);
	assert_int_equal(s->vm.machine.tune.user_min_free_kbytes, 400000);
	assert_int_equal(s->vm.machine.tune.watermark_scale_factor, 10); /* a quarter of the share explains the gap */
	assert_true(state_noted(s->capture, NOTE_GUESSED, "min_free_kbytes"));
	state_end(s);

	state_dir_edit(&d, "proc/zoneinfo", "        low      123048", "        low      147145");
	s = state_boot(&d);
	assert_int_equal(s->vm.machine.tune.watermark_scale_factor, 2013);
	assert_true(state_noted(s->capture, NOTE_GUESSED, "watermark_scale_factor"));
	state_end(s);
	state_dir_remove(&d);
}

/* boost is part of the printed marks. */
static void test_boost(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	state_dir_edit(&d, "proc/zoneinfo", "        boost    0\n        min      ",
		       "        boost    7\n        min      1");
	struct state_vm *s = state_boot(&d);
	const struct zone *z = zone_of(s, 0, ZONE_DMA);
	const struct cap_zone *from = cap_zone_find(s->capture, 0, ZONE_DMA);
	assert_int_equal(z->watermark_boost, 7);
	assert_int_equal(z->watermark[WMARK_MIN], from->min - 7);
	assert_int_equal(z->watermark[WMARK_HIGH], from->high - 7);
	state_end(s);
	state_dir_remove(&d);
}

/* A kernel without the DMA zone prints one number less; they belong to the zones that it lists. */
static void test_protection_of_fewer_zones(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, NULL);
	state_dir_write(&d, "proc/zoneinfo",
			"Node 0, zone    DMA32\n  pages free     0\n"
			"        spanned  100000\n        present  100000\n        managed  90000\n"
			"        protection: (0, 111, 222)\n  start_pfn:           4096\n"
			"Node 0, zone   Normal\n  pages free     0\n"
			"        spanned  100000\n        present  100000\n        managed  90000\n"
			"        protection: (0, 0, 333)\n  start_pfn:           1048576\n"
			"Node 0, zone  Movable\n  pages free     0\n        spanned  0\n        present  0\n        managed  0\n"
			"        protection: (0, 0, 0)\n");
	struct state_vm *s = state_boot(&d);
	const struct zone *z = zone_of(s, 0, ZONE_DMA32);
	assert_int_equal(z->lowmem_reserve[1], 0);
	assert_int_equal(z->lowmem_reserve[2], 111);
	assert_int_equal(z->lowmem_reserve[3], 222);
	assert_int_equal(zone_of(s, 0, ZONE_NORMAL)->lowmem_reserve[3], 333);
	state_end(s);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_knobs),
		cmocka_unit_test(test_bad_values_stay_default),
		cmocka_unit_test(test_formula_has_its_turn),
		cmocka_unit_test(test_written_by_the_user),
		cmocka_unit_test(test_knobs_from_marks),
		cmocka_unit_test(test_boost),
		cmocka_unit_test(test_protection_of_fewer_zones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
