/* SPDX-License-Identifier: MIT */
#include "run/binds.h"

#include "support/fake_machine.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct two {
	char *machine, *host;
};

static int setup(void **state)
{
	struct two *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->machine = fake_machine_make();
	t->host = fake_machine_make();
	fake_machine_file(t->host, "proc/meminfo", "host");
	fake_machine_file(t->host, "proc/vmstat", "host");
	fake_machine_file(t->host, "proc/sys/vm/a", "host");
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct two *t = *state;

	fake_machine_remove(t->machine);
	fake_machine_remove(t->host);
	free(t);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* In a process of its own, with a namespace of its own: 0, or the number of the first check that fails. */
static int inside_with(const struct two *t, bool all_proc,
		       int (*check)(const struct two *t, int err, const struct why *why))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		struct why why = { "" };
		if (namespace_enter(&why)) {
			print_error("%s\n", why.text);
			_exit(99);
		}
		int err = binds_make(t->machine, t->host, all_proc, &why);
		_exit(check(t, err, &why));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int inside(const struct two *t, int (*check)(const struct two *t, int err, const struct why *why))
{
	return inside_with(t, false, check);
}

static bool reads(const char *dir, const char *path, const char *want)
{
	char buf[64];

	return !strcmp(fake_machine_read(dir, path, buf, sizeof(buf)), want);
}

static int sees_the_machine(const struct two *t, int err, const struct why *why)
{
	if (err || why->text[0])
		return 1;
	if (!reads(t->host, "proc/meminfo", "machine"))
		return 2;
	if (!reads(t->host, "proc/sys/vm/b", "machine") || !reads(t->host, "proc/sys/vm/a", ""))
		return 3;
	return reads(t->host, "proc/vmstat", "host") ? 0 : 4; /* the machine has none */
}

static void test_what_both_have(void **state)
{
	struct two *t = *state;

	if (!host_has_namespaces())
		return;
	fake_machine_file(t->machine, "proc/meminfo", "machine");
	fake_machine_file(t->machine, "proc/sys/vm/b", "machine");
	fake_machine_file(t->machine, "proc/zoneinfo", "machine"); /* the host has none */
	assert_int_equal(inside(t, sees_the_machine), 0);
	assert_true(reads(t->host, "proc/meminfo", "host")); /* nobody else sees it */
}

static int proc_is_the_machines(const struct two *t, int err, const struct why *why)
{
	if (err || why->text[0])
		return 1;
	if (!reads(t->host, "proc/meminfo", "machine") || !reads(t->host, "proc/7/status", "a task"))
		return 2;
	return reads(t->host, "proc/vmstat", "") ? 0 : 3; /* of the host nothing is left */
}

static int processes_are_the_hosts(const struct two *t, int err, const struct why *why)
{
	if (err || why->text[0])
		return 1;
	return reads(t->host, "proc/7/status", "") && reads(t->host, "proc/8/status", "a process") ? 0 : 2;
}

static void test_all_of_proc(void **state)
{
	struct two *t = *state;

	if (!host_has_namespaces())
		return;
	fake_machine_file(t->machine, "proc/meminfo", "machine");
	fake_machine_file(t->machine, "proc/7/status", "a task");
	fake_machine_file(t->host, "proc/8/status", "a process");
	assert_int_equal(inside_with(t, true, proc_is_the_machines), 0);
	assert_int_equal(inside(t, processes_are_the_hosts), 0);
}

static int file_over_directory_is_left(const struct two *t, int err, const struct why *why)
{
	(void)why;
	if (err)
		return 1;
	return reads(t->host, "proc/sys/vm/a", "host") && reads(t->host, "proc/meminfo", "machine") ? 0 : 2;
}

static void test_kinds_must_agree(void **state)
{
	struct two *t = *state;

	if (!host_has_namespaces())
		return;
	fake_machine_file(t->machine, "proc/meminfo", "machine");
	fake_machine_file(t->machine, "proc/sys/vm", "a file");
	assert_int_equal(inside(t, file_over_directory_is_left), 0);
}

static int nothing_to_bind(const struct two *t, int err, const struct why *why)
{
	(void)t;
	return err == -ENOENT && strstr(why->text, "is no mounted machine") ? 0 : 1;
}

static void test_no_machine(void **state)
{
	if (host_has_namespaces())
		assert_int_equal(inside(*state, nothing_to_bind), 0);
}

/* An ordinary user becomes root of a namespace; root stays what it was. */
static int is_root(const struct two *t, int err, const struct why *why)
{
	(void)t;
	(void)err;
	(void)why;
	return geteuid() || getegid();
}

static void test_is_root_inside(void **state)
{
	if (host_has_namespaces())
		assert_int_equal(inside(*state, is_root), 0);
}

static void test_path_too_long(void **state)
{
	char path[5000];
	struct why why = { "" };

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(binds_make(path, "", false, &why), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_both_have), TEST(test_all_of_proc),    TEST(test_kinds_must_agree),
		TEST(test_no_machine),     TEST(test_is_root_inside), TEST(test_path_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
