/* SPDX-License-Identifier: MIT */
#include "daemon/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char file[64];

static int setup(void **state)
{
	(void)state;
	snprintf(file, sizeof(file), "/tmp/ummfs-keeper.XXXXXX");
	int fd = mkstemp(file);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(file);
	return 0;
}

static bool broken(void)
{
	char byte = 0;
	int fd = open(file, O_RDONLY);
	ssize_t n = read(fd, &byte, 1);

	close(fd);
	return n == 1 && byte == '1';
}

static bool broken_within(unsigned ms)
{
	for (unsigned i = 0; i < ms / 10 && !broken(); i++)
		usleep(10000);
	return broken();
}

static void *stuck(void *arg)
{
	(void)arg;
	sleep(30);
	return NULL;
}

/* A process whose first thread is gone and whose second one stays, as one that waits in the kernel does. */
static void half_dead(int ready_fd)
{
	struct keeper k;
	pthread_t thread;

	if (keeper_start_with(&k, "/nowhere", file) || pthread_create(&thread, NULL, stuck, NULL) ||
	    write(ready_fd, &k.pid, sizeof(k.pid)) != sizeof(k.pid))
		_exit(1);
	pthread_exit(NULL);
}

static pid_t process(void (*run)(int ready_fd), pid_t *keeper)
{
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		run(fd[1]);
	assert_int_equal(read(fd[0], keeper, sizeof(*keeper)), sizeof(*keeper));
	close(fd[0]);
	close(fd[1]);
	return pid;
}

static void test_connection_is_broken(void **state)
{
	(void)state;
	pid_t keeper, pid = process(half_dead, &keeper);

	assert_true(broken_within(5000));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void all_dead(int ready_fd)
{
	struct keeper k;

	if (keeper_start_with(&k, "/nowhere", file) ||
	    write(ready_fd, &k.pid, sizeof(k.pid)) != sizeof(k.pid))
		_exit(1);
	pause();
	_exit(0);
}

/* Signals of a service manager mean nothing, and who ends whole needs no help. */
static void test_whole_end(void **state)
{
	(void)state;
	pid_t keeper, pid = process(all_dead, &keeper);

	assert_int_equal(kill(keeper, SIGTERM), 0);
	assert_false(broken_within(1300));
	assert_int_equal(kill(keeper, 0), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(broken_within(1300));
}

static void test_stop(void **state)
{
	(void)state;
	struct keeper k = { 0 };

	keeper_stop(&k);
	assert_int_equal(keeper_start_with(&k, "/nowhere", file), 0);
	pid_t pid = k.pid;
	assert_true(pid > 0);
	keeper_stop(&k);
	assert_int_equal(k.pid, 0);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(keeper_start(&k, "/nowhere/at/all"), -ENOENT);
	assert_int_equal(k.pid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_connection_is_broken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whole_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
