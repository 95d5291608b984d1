/* SPDX-License-Identifier: MIT */
/* Which knobs an imported machine has follows from the files of its state. */
#include "support/knob_fixture.h"
#include "support/state_dir.h"

#define CAPTURE "6.1.0-50-amd64-T3"
#define VM "proc/sys/vm/"

static bool shown(struct state_vm *s, const char *path)
{
	unsigned arg;
	return knob_at(&s->vm, path, &arg) != NULL;
}

static void test_files(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	state_dir_write(&d, VM "swappiness", "7\n");
	state_dir_drop(&d, VM "max_map_count");
	struct state_vm *s = state_boot(&d);
	assert_string_equal(knob_cat(&s->vm, VM "swappiness"), "7\n");
	assert_false(shown(s, VM "max_map_count"));
	assert_true(shown(s, VM "compact_memory")); /* no archive has it */
	assert_string_equal(knob_cat(&s->vm, "sys/kernel/mm/transparent_hugepage/enabled"),
			    "[always] madvise never\n");
	assert_int_equal(s->vm.machine.tune.min_free_kbytes, 90112);
	state_end(s);
	state_dir_remove(&d);
}

static void test_bad_value(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	state_dir_write(&d, VM "page_lock_unfairness", "lots\n");
	state_dir_write(&d, VM "extfrag_threshold", "lots\n");
	state_dir_write(&d, VM "compaction_proactiveness", "7\n");
	struct state_vm *s = state_boot(&d);
	assert_false(shown(s, VM "page_lock_unfairness"));
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "page_lock_unfairness"));
	/* what every machine has keeps its default */
	assert_string_equal(knob_cat(&s->vm, VM "extfrag_threshold"), "500\n");
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "extfrag_threshold"));
	assert_string_equal(knob_cat(&s->vm, VM "compaction_proactiveness"), "7\n");
	state_end(s);
	state_dir_remove(&d);
}

/* sysctl -a of a support archive says the same as the files. */
static void test_sysctl(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	state_dir_drop(&d, "proc/sys");
	state_dir_write(&d, "sos_commands/kernel/sysctl_-a",
			"kernel.pid_max = 4194304\nvm.swappiness = 30\nvm.max_map_count = 262144\n");
	struct state_vm *s = state_boot(&d);
	assert_string_equal(knob_cat(&s->vm, VM "swappiness"), "30\n");
	assert_string_equal(knob_cat(&s->vm, VM "max_map_count"), "262144\n");
	assert_false(shown(s, VM "laptop_mode"));
	state_end(s);
	state_dir_remove(&d);
}

static void test_none(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	state_dir_drop(&d, "proc/sys");
	state_dir_drop(&d, "sys/kernel/mm/transparent_hugepage");
	struct state_vm *s = state_boot(&d);
	assert_int_equal(s->vm.machine.loaded.present, 0);
	state_end(s);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_bad_value),
		cmocka_unit_test(test_sysctl),
		cmocka_unit_test(test_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
