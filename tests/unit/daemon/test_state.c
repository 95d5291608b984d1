/* SPDX-License-Identifier: MIT */
#include "daemon/state.h"

#include "support/vm_fixture.h"

static void test_lines(void **state)
{
	struct fixture *f = *state;
	struct text text;
	char want[256];

	text_init(&text, 0);
	state_print(&text, &f->vm);
	const char *said = text_cstr(&text);
	snprintf(want, sizeof(want),
		 "machine: MemTotal %llu kB, MemFree %llu kB, HugePages_Total 0, HugePages_Free 0, Committed_AS 0 kB\n",
		 (unsigned long long)f->vm.machine.managed_pages * 4,
		 (unsigned long long)f->vm.machine.managed_pages * 4);
	assert_memory_equal(said, want, strlen(want));
	assert_non_null(strstr(said, "\nnode 0: MemTotal "));
	assert_non_null(strstr(said, "\nnode 1: MemTotal "));
	assert_non_null(strstr(said, "\nmemory: sparse, 0 of at most 614400 kB in use\n"));
	text_fini(&text);
}

static void test_what_tasks_hold(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	struct text text;

	text_init(&text, 0);
	assert_int_equal(write_attr(t, "anon", "64M"), 3);
	machine_stat_fold(&f->vm.machine);
	state_print(&text, &f->vm);
	const char *said = text_cstr(&text);
	assert_non_null(strstr(said, "Committed_AS 65536 kB"));
	assert_non_null(strstr(said, "anon 65536 kB"));
	text_fini(&text);
	end_task(f, t);
}

static void test_log(void **state)
{
	struct fixture *f = *state;

	state_log(&f->vm); /* to standard error; one line for each, which log_line sees to */
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_lines), TEST(test_what_tasks_hold), TEST(test_log) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
