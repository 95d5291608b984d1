/* SPDX-License-Identifier: MIT */
#include "daemon/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char base[64];

static int setup(void **state)
{
	(void)state;
	strcpy(base, "/tmp/ummfs-point-XXXXXX");
	return mkdtemp(base) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(base);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void test_lines(void **state)
{
	struct mount_line m;

	(void)state;
	assert_int_equal(
		mount_line_parse("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw", &m), 0);
	assert_string_equal(m.path, "/mnt2");
	assert_string_equal(m.type, "ext3");
	/* no optional fields; blanks, a newline and a backslash in the name */
	assert_int_equal(
		mount_line_parse("1 2 0:3 / /a\\040b\\012c\\134d rw - fuse.ummfs x\\040y rw", &m), 0);
	assert_string_equal(m.path, "/a b\nc\\d");
	assert_string_equal(m.type, "fuse.ummfs");
	assert_int_equal(mount_line_parse("1 2 0:3 / /a\\04 rw - proc proc rw", &m), 0);
	assert_string_equal(m.path, "/a\\04"); /* no escape: too short */
	assert_int_equal(mount_line_parse("", &m), -EINVAL);
	assert_int_equal(mount_line_parse("1 2 0:3 / /a rw", &m), -EINVAL);
	assert_int_equal(mount_line_parse(" - ", &m), -EINVAL);
}

static void test_topmost_is_found(void **state)
{
	static const char text[] = "1 0 0:1 / / rw - ext4 /dev/vda rw\n"
				   "2 1 0:2 / /mnt rw - tmpfs tmpfs rw\n"
				   "nonsense\n"
				   "3 2 0:3 / /mnt rw shared:1 - fuse.ummfs ummfs rw\n"
				   "4 1 0:4 / /mnt/x rw - proc proc rw";
	struct mount_line m;

	(void)state;
	assert_int_equal(mount_find(text, "/mnt", &m), 0);
	assert_string_equal(m.type, "fuse.ummfs");
	assert_int_equal(mount_find(text, "/mnt/x", &m), 0);
	assert_string_equal(m.type, "proc");
	assert_int_equal(mount_find(text, "/mn", &m), -ENOENT);
	assert_int_equal(mount_find("", "/", &m), -ENOENT);
}

static void refused(const char *path, const char *words)
{
	struct why why = { "" };

	assert_null(mountpoint_prepare(path, &why));
	if (!strstr(why.text, words))
		fail_msg("'%s' does not say '%s'", why.text, words);
	assert_null(strchr(why.text, '\n'));
}

static void test_good_one(void **state)
{
	char dir[PATH_MAX], dotted[128];
	struct why why = { "" };

	(void)state;
	snprintf(dotted, sizeof(dotted), "%s/../%s/", base, strrchr(base, '/') + 1);
	char *path = mountpoint_prepare(dotted, &why);
	assert_string_equal(why.text, "");
	assert_non_null(realpath(base, dir));
	assert_string_equal(path, dir);
	free(path);
}

static void test_missing(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/none", base);
	refused(path, "does not exist: make it with mkdir -p");
	refused("", "does not exist");
}

static void test_file_in_the_way(void **state)
{
	char path[128], below[160];

	(void)state;
	snprintf(path, sizeof(path), "%s/file", base);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	refused(path, "is not a directory");
	snprintf(below, sizeof(below), "%s/x", path);
	refused(below, "Not a directory");
	refused(base, "is not empty");
	assert_int_equal(unlink(path), 0);
}

/* As somebody else; in a process of its own when that needs root to become somebody else. */
static void test_not_ours_to_write(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		struct why why = { "" };
		if (!geteuid() && (chmod(base, 0755) || setgid(65534) || setuid(65534)))
			_exit(2);
		if (geteuid() != 65534 && chmod(base, 0500))
			_exit(3);
		char *path = mountpoint_prepare(base, &why);
		_exit(path || !strstr(why.text, "you must own it"));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(chmod(base, 0700), 0);
}

static void test_detach_of_what_is_no_mount(void **state)
{
	(void)state;
	assert_int_not_equal(mountpoint_detach(base), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lines),
		TEST(test_topmost_is_found),
		TEST(test_good_one),
		TEST(test_missing),
		TEST(test_file_in_the_way),
		TEST(test_not_ours_to_write),
		TEST(test_detach_of_what_is_no_mount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
