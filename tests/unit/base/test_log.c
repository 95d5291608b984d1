/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char said[8192];
static int stderr_kept;

/* Between these two, standard error goes to a pipe or a terminal of our own. */
static void capture(int fd)
{
	stderr_kept = dup(STDERR_FILENO);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
}

static const char *captured(int fd)
{
	assert_int_equal(dup2(stderr_kept, STDERR_FILENO), STDERR_FILENO);
	close(stderr_kept);
	ssize_t n = read(fd, said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = '\0';
	close(fd);
	return said;
}

static int capture_pipe(void)
{
	int fd[2];
	assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
	capture(fd[1]);
	return fd[0];
}

static void test_journal_priorities(void **state)
{
	(void)state;
	log_open(false, true);
	int fd = capture_pipe();
	log_err("node %d: %s", 1, "no memory");
	log_warning("w");
	log_notice("n");
	log_info("i");
	log_debug("d");
	assert_string_equal(captured(fd), "<3>ummfs: node 1: no memory\n<4>ummfs: w\n<5>ummfs: n\n"
					  "<6>ummfs: i\n<7>ummfs: d\n");
}

static void test_debug_is_asked_for(void **state)
{
	(void)state;
	log_open(false, false);
	int fd = capture_pipe();
	log_debug("hidden");
	log_info("shown");
	assert_string_equal(captured(fd), "<6>ummfs: shown\n");
}

static void test_one_message_one_line(void **state)
{
	(void)state;
	log_open(false, false);
	int fd = capture_pipe();
	log_err("file \"%s\"", "a\n<3>ummfs: forged\r");
	assert_string_equal(captured(fd), "<3>ummfs: file \"a <3>ummfs: forged \"\n");
}

static void test_long_message_is_cut(void **state)
{
	(void)state;
	char name[5000];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	int fd = capture_pipe();
	log_err("%s", name);
	const char *line = captured(fd);
	assert_in_range(strlen(line), 1000, 4000);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void test_terminal_gets_plain_text(void **state)
{
	(void)state;
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) || unlockpt(master)) {
		printf("SKIPPED: test_terminal_gets_plain_text: no pseudo-terminal here\n");
		skip();
	}
	int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(terminal >= 0);
	int keep = dup(terminal); /* a terminal nobody has open loses its text */
	capture(terminal);
	log_err("plain");
	assert_string_equal(captured(master), "ummfs: plain\r\n");
	close(keep);
}

static void test_syslog_leaves_stderr_alone(void **state)
{
	(void)state;
	int fd = capture_pipe();
	log_open(true, false);
	log_debug("not at all");
	assert_string_equal(captured(fd), "");
	log_open(false, false);
}

static void test_why_keeps_the_first(void **state)
{
	(void)state;
	struct why w = { .text = "" };
	assert_int_equal(why_set(&w, -EINVAL, "line %d: %s", 3, "bad"), -EINVAL);
	assert_string_equal(w.text, "line 3: bad");
	assert_int_equal(why_set(&w, -ENOMEM, "later"), -ENOMEM);
	assert_string_equal(w.text, "line 3: bad");
}

static void test_why_is_bounded(void **state)
{
	(void)state;
	struct why w = { .text = "" };
	why_set(&w, -1, "%*s", 5000, "x");
	assert_int_equal(strlen(w.text), sizeof(w.text) - 1);
}

static void test_why_is_one_line(void **state)
{
	(void)state;
	struct why w = { .text = "" };
	why_set(&w, -EINVAL, "no file %s", "a\nb\t\x1b[31m\x7f\xc3\xa4");
	assert_string_equal(w.text, "no file a?b??[31m?\xc3\xa4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal_priorities),
		cmocka_unit_test(test_debug_is_asked_for),
		cmocka_unit_test(test_one_message_one_line),
		cmocka_unit_test(test_long_message_is_cut),
		cmocka_unit_test(test_terminal_gets_plain_text),
		cmocka_unit_test(test_syslog_leaves_stderr_alone),
		cmocka_unit_test(test_why_keeps_the_first),
		cmocka_unit_test(test_why_is_bounded),
		cmocka_unit_test(test_why_is_one_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
