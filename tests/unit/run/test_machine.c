/* SPDX-License-Identifier: MIT */
#include "run/machine.h"

#include "support/fake_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A script stands in for ummfs: it is found in PATH, for there is none beside the test. */
static char *place;
static char path_before[4096];

static int setup(void **state)
{
	char path[5000];

	(void)state;
	place = fake_machine_make();
	snprintf(path_before, sizeof(path_before), "%s", getenv("PATH"));
	snprintf(path, sizeof(path), "%s/bin:%s", place, path_before);
	setenv("PATH", path, 1);
	setenv("XDG_RUNTIME_DIR", place, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	setenv("PATH", path_before, 1);
	unsetenv("XDG_RUNTIME_DIR");
	fake_machine_remove(place);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void ummfs_is(const char *script)
{
	char text[512];

	snprintf(text, sizeof(text), "#!/bin/sh\necho \"$@\" >%s/args\n%s\n", place, script);
	fake_machine_file(place, "bin/ummfs", text);
}

static void test_words_for_ummfs(void **state)
{
	struct run_args a = { .config = "f.conf", .option = { "a,b", "c" }, .nr_options = 2 };
	struct machine_mount m;
	struct why why = { "" };
	char got[256], want[5000];

	(void)state;
	ummfs_is("exit 0");
	assert_int_equal(machine_mount(&m, &a, &why), 0);
	assert_true(m.mounted);
	assert_int_equal(access(m.dir, R_OK | W_OK | X_OK), 0);
	assert_memory_equal(m.dir, place, strlen(place)); /* in XDG_RUNTIME_DIR */
	struct stat st;
	assert_int_equal(stat(m.dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	snprintf(want, sizeof(want), "%s -c f.conf -o a,b -o c -o lifeline=", m.dir);
	fake_machine_read(place, "args", got, sizeof(got));
	assert_memory_equal(got, want, strlen(want));
	assert_true(atoi(got + strlen(want)) > 2);
	machine_unmount(&m);
	assert_int_not_equal(access(m.dir, F_OK), 0);
}

static void test_state(void **state)
{
	struct run_args a = { .from = "/some where" };
	struct machine_mount m;
	struct why why = { "" };
	char got[256];

	(void)state;
	ummfs_is("exit 0");
	assert_int_equal(machine_mount(&m, &a, &why), 0);
	assert_non_null(strstr(fake_machine_read(place, "args", got, sizeof(got)),
			       " --from /some where -o lifeline="));
	machine_unmount(&m);
}

/* ummfs has said what is wrong; nothing is added to it and nothing stays behind. */
static void test_ummfs_fails(void **state)
{
	struct run_args a = { .nr_options = 0 };
	struct machine_mount m;
	struct why why = { "" };

	(void)state;
	ummfs_is("exit 1");
	assert_int_not_equal(machine_mount(&m, &a, &why), 0);
	assert_string_equal(why.text, "");
	assert_false(m.mounted);
	machine_unmount(&m);
	assert_int_not_equal(access(m.dir, F_OK), 0);
}

static void test_no_ummfs(void **state)
{
	struct run_args a = { .nr_options = 0 };
	struct machine_mount m;
	struct why why = { "" };

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	assert_int_not_equal(machine_mount(&m, &a, &why), 0);
	assert_non_null(strstr(why.text, "cannot start ummfs"));
	machine_unmount(&m);
	assert_int_not_equal(access(m.dir, F_OK), 0);
}

/* A daemon that lives on holds the pipe; its end is waited for. */
static void test_end_is_waited_for(void **state)
{
	struct run_args a = { .nr_options = 0 };
	struct machine_mount m;
	struct why why = { "" };
	char got[16], path[256];

	(void)state;
	snprintf(path, sizeof(path), "(sleep 0.3; echo ended >%s/end) >/dev/null 2>&1 &", place);
	ummfs_is(path);
	assert_int_equal(machine_mount(&m, &a, &why), 0);
	assert_string_equal(fake_machine_read(place, "end", got, sizeof(got)), "");
	machine_unmount(&m);
	assert_string_equal(fake_machine_read(place, "end", got, sizeof(got)), "ended\n");
}

static void test_directory_elsewhere(void **state)
{
	struct run_args a = { .nr_options = 0 };
	struct machine_mount m;
	struct why why = { "" };

	(void)state;
	ummfs_is("exit 0");
	setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
	assert_int_equal(machine_mount(&m, &a, &why), 0);
	assert_memory_equal(m.dir, "/tmp/ummfs-run.", 15);
	machine_unmount(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_words_for_ummfs),   TEST(test_state),
		TEST(test_ummfs_fails),       TEST(test_no_ummfs),
		TEST(test_end_is_waited_for), TEST(test_directory_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
