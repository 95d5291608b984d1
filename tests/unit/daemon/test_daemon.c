/* SPDX-License-Identifier: MIT */
#include "daemon/daemon.h"

#include "base/defs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The program as a user runs it, in a process of its own, with what it says on both streams. */

static char said[8192];

static char *scratch(void)
{
	static char name[32];

	strcpy(name, "/tmp/ummfs-said-XXXXXX");
	return name;
}

static pid_t start(const char *const *argv, int fd)
{
	int argc = 0;

	fflush(NULL);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	char *own[16] = { NULL }; /* as main has them: to write to */
	for (; argv[argc]; argc++)
		own[argc] = strdup(argv[argc]);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	int status = daemon_run(argc, own);
	fflush(stdout);
	_exit(status);
}

static int run(const char *const *argv)
{
	char *name = scratch();
	int fd = mkostemp(name, O_CLOEXEC), status;

	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(waitpid(start(argv, fd), &status, 0) > 0, 1);
	ssize_t n = pread(fd, said, sizeof(said) - 1, 0);
	said[MAX(n, 0)] = '\0';
	close(fd);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define RUN(...) run((const char *const[]){ "ummfs", ##__VA_ARGS__, NULL })

static void says(const char *words)
{
	if (!strstr(said, words))
		fail_msg("'%s' does not say '%s'", said, words);
}

static void one_line(void)
{
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	assert_memory_equal(said, "ummfs: ", 7);
}

static void test_help_and_version(void **state)
{
	(void)state;
	assert_int_equal(RUN("-h"), 0);
	says("usage: ummfs [SOURCE] MOUNTPOINT");
	assert_int_equal(RUN("-V"), 0);
	says("ummfs ");
	says("libfuse 3");
}

static void test_status(void **state)
{
	(void)state;
	assert_int_equal(RUN(), 2);
	one_line();
	assert_int_equal(RUN("--frob"), 2);
	one_line();
	assert_int_equal(RUN("-o", "frob", "/mnt"), 2);
	one_line();
	assert_int_equal(RUN("-c", "/nonexistent", "/mnt"), 1);
	one_line();
	assert_int_equal(RUN("/tmp/no-such-mount-point"), 1);
	one_line();
	says("does not exist");
}

static void test_check(void **state)
{
	(void)state;
	assert_int_equal(RUN("--check", "-c", "/dev/null/x"), 1);
	one_line();
	const char *root = getenv("SRCDIR");
	char path[4096];
	snprintf(path, sizeof(path), "%s/conf/xeon-2s.conf", root ? root : ".");
	assert_int_equal(RUN("--check", "-c", path), 0);
	says("2 nodes, 32 CPUs");
	says("node 1: CPUs 8-15,24-31, distances 21 10;");
	snprintf(path, sizeof(path), "%s/tests/oracle/captures/6.1.0-50-amd64-T3", root ? root : ".");
	assert_int_equal(RUN("--check", "--from", path), 0);
	says("2 nodes");
	says("8 CPUs");
}

/* A failure after the fork still reaches whoever waits, as one line and status 1. */
static void test_failure_in_the_background(void **state)
{
	char dir[] = "/tmp/ummfs-daemon-XXXXXX", conf[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(conf, sizeof(conf), "%s.conf", dir);
	int fd = open(conf, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "[machine]\nwheels=4\n", 19), 19);
	close(fd);
	assert_int_equal(RUN("-c", conf, dir), 1);
	one_line();
	says(".conf:2");
	unlink(conf);
	assert_int_equal(rmdir(dir), 0);
}

static bool can_mount(void)
{
	bool can = !access("/dev/fuse", R_OK | W_OK) &&
		   (!geteuid() || !access("/usr/bin/fusermount3", X_OK));

	if (!can)
		print_message("SKIPPED: this host cannot mount FUSE file systems\n");
	return can;
}

static bool says_within(int fd, const char *words)
{
	for (int i = 0; i < 1000; i++) {
		ssize_t n = pread(fd, said, sizeof(said) - 1, 0);
		said[MAX(n, 0)] = '\0';
		if (strstr(said, words))
			return true;
		usleep(10000);
	}
	return false;
}

/* -f: log on standard error; each signal does what the manual says. */
static void test_foreground_and_signals(void **state)
{
	char dir[] = "/tmp/ummfs-daemon-XXXXXX", path[64], *name = scratch();
	int fd = mkostemp(name, O_CLOEXEC), status;
	struct stat above, at;

	(void)state;
	if (!can_mount())
		return;
	assert_true(fd >= 0);
	unlink(name);
	assert_non_null(mkdtemp(dir));
	pid_t pid = start((const char *const[]){ "ummfs", "-f", "-o", "backing=sparse", dir, NULL }, fd);
	if (!says_within(fd, "mounted on "))
		fail_msg("%s", said);
	snprintf(path, sizeof(path), "%s/proc/meminfo", dir);
	assert_int_equal(access(path, R_OK), 0);
	kill(pid, SIGUSR1);
	assert_true(says_within(fd, "state: machine: MemTotal "));
	kill(pid, SIGHUP);
	assert_true(says_within(fd, "SIGHUP: [vm] read again"));
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(stat("/tmp", &above), 0);
	assert_int_equal(stat(dir, &at), 0);
	assert_int_equal(above.st_dev, at.st_dev); /* nothing is mounted there any more */
	assert_int_equal(rmdir(dir), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_help_and_version),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_failure_in_the_background),
		cmocka_unit_test(test_foreground_and_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
