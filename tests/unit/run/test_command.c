/* SPDX-License-Identifier: MIT */
#include "run/command.h"

#include "support/fake_machine.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char *machine;

static int setup(void **state)
{
	(void)state;
	machine = fake_machine_make();
	fake_machine_file(machine, "proc/meminfo", "machine\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_machine_remove(machine);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* ummfs-run's part in a process of its own; *pid for those who want to send it a signal. */
static pid_t start(const char *const *command)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		sigset_t before;
		signals_hold(&before);
		_exit(command_run(machine, false, (char **)command, &before));
	}
	return pid;
}

static int end(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define RUN(...) end(start((const char *const[]){ __VA_ARGS__, NULL }))
#define SH(text) RUN("sh", "-c", text)

static void test_status(void **state)
{
	(void)state;
	if (!host_has_namespaces())
		return;
	assert_int_equal(RUN("true"), 0);
	assert_int_equal(SH("exit 7"), 7);
	assert_int_equal(SH("kill -TERM $$"), 128 + SIGTERM);
	assert_int_equal(SH("kill -KILL $$"), 128 + SIGKILL);
	assert_int_equal(RUN("/nonexistent/command"), STATUS_NOT_FOUND);
	assert_int_equal(RUN("no-such-command-anywhere"), STATUS_NOT_FOUND);
	assert_int_equal(RUN("/tmp"), STATUS_NOT_EXECUTABLE);
}

static void test_sees_the_machine(void **state)
{
	char command[256];

	(void)state;
	if (!host_has_namespaces())
		return;
	assert_int_equal(SH("test \"$(cat /proc/meminfo)\" = machine"), 0);
	snprintf(command, sizeof(command), "test \"$UMMFS_MOUNTPOINT\" = %s", machine);
	assert_int_equal(SH(command), 0);
}

static void test_no_machine_is_our_failure(void **state)
{
	(void)state;
	if (!host_has_namespaces())
		return;
	fake_machine_remove(machine);
	machine = fake_machine_make();
	assert_int_equal(RUN("true"), STATUS_FAILED);
}

/* What was not blocked before is not blocked in the command. */
static void test_mask_is_put_back(void **state)
{
	(void)state;
	if (host_has_namespaces())
		assert_int_equal(SH("grep -q 'SigBlk:.*0000000000000000' /proc/self/status"), 0);
}

static void wait_for(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", machine, name);
	for (int i = 0; i < 500 && access(path, F_OK); i++)
		usleep(10000);
	assert_int_equal(access(path, F_OK), 0);
}

static void test_signals_are_passed_on(void **state)
{
	static const int sig[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

	(void)state;
	if (!host_has_namespaces())
		return;
	for (size_t i = 0; i < ARRAY_LEN(sig); i++) {
		char command[256], name[16];
		snprintf(name, sizeof(name), "ready%zu", i);
		snprintf(command, sizeof(command),
			 "trap 'exit %d' TERM INT HUP USR1; : >%s/%s; sleep 10 & wait; kill %%1",
			 (int)i + 20, machine, name);
		pid_t pid = start((const char *const[]){ "sh", "-c", command, NULL });
		wait_for(name);
		kill(pid, sig[i]);
		assert_int_equal(end(pid), (int)i + 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_status),
		TEST(test_sees_the_machine),
		TEST(test_no_machine_is_our_failure),
		TEST(test_mask_is_put_back),
		TEST(test_signals_are_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
