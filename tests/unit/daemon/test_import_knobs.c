/* SPDX-License-Identifier: MIT */
/* proc/sys/vm, or what sysctl -a printed of it. */
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_directory(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	state_dir_write(&d, "sos_commands/kernel/sysctl_-a", "vm.min_free_kbytes = 5\n");
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_knobs(c, &why), 0);
	assert_string_equal(cap_knob_value(c, "min_free_kbytes"), "90112");
	assert_string_equal(cap_knob_value(c, "lowmem_reserve_ratio"), "256\t256\t32\t0\t0");
	assert_null(cap_knob_value(c, "none"));
	assert_null(cap_knob_value(c, "stat_refresh")); /* reading it is a command */
	assert_int_equal(c->nr_notes, 0);
	import_free(c);
	state_dir_remove(&d);
}

static void test_sysctl_output(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	state_dir_make(&d, NULL);
	state_dir_write(&d, "sos_commands/kernel/sysctl_-a",
			"kernel.pid_max = 4194304\nvm.min_free_kbytes = 67584\nvm.lowmem_reserve_ratio = 256\t256\t32\nsysctl: odd line\n");
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_knobs(c, &why), 0);
	assert_int_equal(c->nr_knobs, 2);
	assert_string_equal(cap_knob_value(c, "min_free_kbytes"), "67584");
	assert_string_equal(cap_knob_value(c, "lowmem_reserve_ratio"), "256\t256\t32");
	assert_true(state_noted(c, NOTE_MISSING, "proc/sys/vm"));
	import_free(c);
	state_dir_remove(&d);
}

static void test_missing(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	state_dir_make(&d, NULL);
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_knobs(c, &why), 0);
	assert_int_equal(c->nr_knobs, 0);
	assert_true(state_noted(c, NOTE_MISSING, "proc/sys/vm"));
	import_free(c);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_sysctl_output),
		cmocka_unit_test(test_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
