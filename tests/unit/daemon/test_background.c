/* SPDX-License-Identifier: MIT */
#include "daemon/background.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The process that a user starts: it becomes the parent in background_enter; `then` is what the other one does. */
static int status_of(void (*then)(struct background *b))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		struct background b = { -1 };
		if (background_enter(&b))
			_exit(99);
		then(&b);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void becomes_ready(struct background *b)
{
	background_ready(b);
	background_ready(b); /* once is enough, twice is allowed */
}

static void fails(struct background *b)
{
	(void)b;
	_exit(1);
}

static void fails_with_2(struct background *b)
{
	(void)b;
	_exit(2);
}

static void is_killed(struct background *b)
{
	(void)b;
	raise(SIGKILL);
}

static void ends_without_a_word(struct background *b)
{
	(void)b;
}

static void test_status(void **state)
{
	(void)state;
	assert_int_equal(status_of(becomes_ready), 0);
	assert_int_equal(status_of(fails), 1);
	assert_int_equal(status_of(fails_with_2), 2);
	assert_int_equal(status_of(is_killed), 1);
	assert_int_equal(status_of(ends_without_a_word), 1);
}

static int said[2];

static void says_where_it_is(struct background *b)
{
	char buf[256] = "";
	pid_t before = getsid(0);

	background_ready(b);
	if (before != getpid())
		dprintf(said[1], "no session of its own");
	if (readlink("/proc/self/fd/2", buf, sizeof(buf) - 1) < 0 || strcmp(buf, "/dev/null"))
		dprintf(said[1], "standard error is %s", buf);
	if (!getcwd(buf, sizeof(buf)) || strcmp(buf, "/"))
		dprintf(said[1], "directory is %s", buf);
	dprintf(said[1], ".");
}

static void test_leaves_its_surroundings(void **state)
{
	char buf[256] = "";

	(void)state;
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	assert_int_equal(status_of(says_where_it_is), 0);
	close(said[1]);
	for (size_t n = 0; n < sizeof(buf) - 1;) {
		ssize_t got = read(said[0], buf + n, sizeof(buf) - 1 - n);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	assert_string_equal(buf, ".");
	close(said[0]);
}

/* ---- Service manager ---- */

static void notified(const char *name, socklen_t name_len, const char *env)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char buf[64] = "";
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, name, name_len);
	assert_int_equal(bind(fd, (struct sockaddr *)&at,
			      (socklen_t)offsetof(struct sockaddr_un, sun_path) + name_len),
			 0);
	setenv("NOTIFY_SOCKET", env, 1);
	service_notify("READY=1\nMAINPID=7");
	assert_int_equal(recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT), 17);
	assert_string_equal(buf, "READY=1\nMAINPID=7");
	close(fd);
	unsetenv("NOTIFY_SOCKET");
}

static void test_notify(void **state)
{
	char path[64], abstract[64], env[64];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/ummfs-notify-%d", (int)getpid());
	notified(path, (socklen_t)strlen(path) + 1, path);
	unlink(path);
	snprintf(env, sizeof(env), "@ummfs-notify-%d", (int)getpid());
	snprintf(abstract, sizeof(abstract), "%cummfs-notify-%d", 0, (int)getpid());
	notified(abstract, (socklen_t)strlen(env), env);
}

static void test_nobody_to_notify(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	service_notify("READY=1");
	setenv("NOTIFY_SOCKET", "", 1);
	service_notify("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	service_notify("READY=1");
	setenv("NOTIFY_SOCKET", "/tmp/ummfs-no-such-socket", 1);
	service_notify("READY=1");
	unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_leaves_its_surroundings),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_nobody_to_notify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
