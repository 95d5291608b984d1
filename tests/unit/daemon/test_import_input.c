/* SPDX-License-Identifier: MIT */
/* Where a state is found: here, one directory down, in a log, on standard input; and what is no state. */
#include "support/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void name_of(const struct state_dir *d, const char *path, char out[128])
{
	snprintf(out, 128, "%.63s/%.60s", d->path, path);
}

static void test_directory_below(void **state)
{
	(void)state;
	struct state_dir d;
	struct input *in = NULL;
	struct why why = { "" };
	char want[128], *text;
	size_t len;
	state_dir_make(&d, NULL);
	state_dir_write(&d, "host/proc/zoneinfo", "zones");
	state_dir_write(&d, "other/file", "x");
	assert_int_equal(input_open(&in, d.path, &why), 0);
	name_of(&d, "host", want);
	assert_string_equal(input_name(in), want);
	assert_int_equal(input_read(in, "proc/zoneinfo", &text, &len, &why), 0);
	assert_string_equal(text, "zones");
	free(text);
	assert_int_equal(input_read(in, "proc/none", &text, &len, &why), -ENOENT);
	assert_null(input_damage(in));
	assert_false(input_is_log(in));
	input_close(in);

	state_dir_write(&d, "other/proc/zoneinfo", "zones");
	assert_int_equal(input_open(&in, d.path, &why), -EINVAL);
	assert_non_null(strstr(why.text, "two machines"));
	state_dir_write(&d, "proc/zoneinfo", "zones");
	assert_int_equal(input_open(&in, d.path, &why), 0);
	assert_string_equal(input_name(in), d.path);
	input_close(in);
	state_dir_remove(&d);
}

static void read_fails(const struct state_dir *d, int error, const char *words)
{
	struct input *in = NULL;
	struct why why = { "" };
	char *text;
	size_t len;
	assert_int_equal(input_open(&in, d->path, &why), 0);
	assert_int_equal(input_read(in, "proc/zoneinfo", &text, &len, &why), error);
	assert_non_null(strstr(why.text, words));
	input_close(in);
}

static void test_files_that_are_none(void **state)
{
	(void)state;
	struct state_dir d;
	char name[128];
	state_dir_make(&d, NULL);
	state_dir_write(&d, "proc/zoneinfo", "");
	name_of(&d, "proc/zoneinfo", name);
	assert_int_equal(truncate(name, (off_t)1 << 40), 0);
	read_fails(&d, -EFBIG, "File too large");
	unlink(name);
	assert_int_equal(mkfifo(name, 0600), 0);
	read_fails(&d, -EINVAL, "not a regular file");
	unlink(name);
	assert_int_equal(symlink("/dev/zero", name), 0);
	read_fails(&d, -EINVAL, "not a regular file");
	unlink(name);
	assert_int_equal(symlink("zoneinfo", name), 0);
	read_fails(&d, -ENOENT, "");
	state_dir_remove(&d);
}

static void open_fails(const char *name, int error, const char *words)
{
	struct input *in = NULL;
	struct why why = { "" };
	assert_int_equal(input_open(&in, name, &why), error);
	if (!strstr(why.text, words))
		fail_msg("%s", why.text);
}

static void test_logs(void **state)
{
	(void)state;
	struct state_dir d;
	struct input *in = NULL;
	struct why why = { "" };
	char name[128], *text;
	size_t len;
	state_dir_make(&d, NULL);
	state_dir_write(&d, "log", "Mem-Info:\nmore\n");
	name_of(&d, "log", name);
	assert_int_equal(input_open(&in, name, &why), 0);
	assert_true(input_is_log(in));
	assert_int_equal(input_read(in, INPUT_LOG, &text, &len, &why), 0);
	assert_int_equal(len, 15);
	assert_string_equal(text, "Mem-Info:\nmore\n");
	free(text);
	assert_int_equal(input_read(in, "proc/zoneinfo", &text, &len, &why), -ENOENT);
	input_close(in);
	state_dir_write(&d, "log", "just some text\n");
	open_fails(name, -EINVAL, "neither a tar file that can be read nor a log");
	state_dir_write(&d, "log", "");
	open_fails(name, -EINVAL, "log");
	open_fails("/dev/zero", -ENOTDIR, "neither a directory nor a tar");
	open_fails("/nonexistent", -ENOENT, "No such file");
	state_dir_remove(&d);
}

static void test_standard_input(void **state)
{
	(void)state;
	struct input *in = NULL;
	struct why why = { "" };
	int fd[2], before = dup(STDIN_FILENO);
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], "a\nMem-Info:\n", 12), 12);
	close(fd[1]);
	dup2(fd[0], STDIN_FILENO);
	close(fd[0]);
	int error = input_open(&in, "-", &why);
	dup2(before, STDIN_FILENO);
	close(before);
	assert_int_equal(error, 0);
	assert_true(input_is_log(in));
	assert_string_equal(input_name(in), "standard input");
	input_close(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directory_below),
		cmocka_unit_test(test_files_that_are_none),
		cmocka_unit_test(test_logs),
		cmocka_unit_test(test_standard_input),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
