/* SPDX-License-Identifier: MIT */
/* Removing a folder's content: all of it, and nothing else. */
#include "support/source_fixture.h"

static int folder_open(const struct over *o)
{
	int fd = open(o->dir, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	return fd;
}

static void assert_empty(const struct over *o)
{
	unsigned nr = 0;
	DIR *d = opendir(o->dir);
	while (readdir(d))
		nr++;
	closedir(d);
	assert_int_equal(nr, 2);
}

static void test_everything_goes(void **state)
{
	struct over *o = *state;
	char name[64];
	int fd = folder_open(o);
	for (unsigned k = 0; k < 60; k++) {
		snprintf(name, sizeof(name), "d%u", k % 7);
		mkdirat(fd, name, 0700);
		snprintf(name, sizeof(name), "d%u/e%u", k % 7, k % 11);
		mkdirat(fd, name, 0700);
		snprintf(name, sizeof(name), "d%u/e%u/f%u", k % 7, k % 11, k);
		put_file(path_of(o, name), "x");
	}
	put_file(path_of(o, "removed-0"), "a name that moved directories get");
	assert_int_equal(mkfifo(path_of(o, "pipe"), 0600), 0);
	assert_int_equal(source_tree_remove(fd), 0);
	close(fd);
	assert_empty(o);
}

static void test_links_are_not_followed(void **state)
{
	struct over *o = *state;
	assert_int_equal(mkdir(outside_of(o, "kept"), 0755), 0);
	put_file(outside_of(o, "kept/f"), "x");
	assert_int_equal(mkdir(path_of(o, "d"), 0700), 0);
	assert_int_equal(symlink("../kept", path_of(o, "link")), 0);
	assert_int_equal(symlink("../../kept", path_of(o, "d/link")), 0);
	int fd = folder_open(o);
	assert_int_equal(source_tree_remove(fd), 0);
	close(fd);
	assert_empty(o);
	assert_int_equal(access(outside_of(o, "kept/f"), F_OK), 0);
}

static void test_deeper_than_descriptors_reach(void **state)
{
	struct over *o = *state;
	int top = folder_open(o), at = dup(top);
	for (unsigned k = 0; k < 3000; k++) {
		assert_int_equal(mkdirat(at, "deep", 0700), 0);
		int below = openat(at, "deep", O_RDONLY | O_DIRECTORY);
		close(at);
		at = below;
	}
	assert_int_equal(mkdirat(at, "a", 0700), 0);
	close(at);
	assert_int_equal(source_tree_remove(top), 0);
	close(top);
	assert_empty(o);
}

static void nobody_removes(struct over *o)
{
	int fd = open(o->dir, O_RDONLY | O_DIRECTORY);
	CHECK(!mkdirat(fd, "shut", 0700) && !mkdirat(fd, "shut/d", 0700) && !mkdirat(fd, "shut/d/e", 0700));
	CHECK(!fchmodat(fd, "shut/d", 0, 0) && !fchmodat(fd, "shut", 0, 0));
	CHECK(source_tree_remove(fd) == 0);
}

static void test_directories_that_were_shut(void **state)
{
	struct over *o = *state;
	assert_int_equal(chmod(o->dir, 0777), 0);
	as_nobody(o, nobody_removes);
	assert_empty(o);
}

static void nobody_fails(struct over *o)
{
	int fd = open(o->dir, O_RDONLY | O_DIRECTORY);
	CHECK(source_tree_remove(fd) == -EACCES);
}

static void test_what_cannot_be_removed(void **state)
{
	struct over *o = *state;
	put_file(path_of(o, "f"), "x");
	assert_int_equal(mkdir(path_of(o, "d"), 0755), 0);
	put_file(path_of(o, "d/f"), "x");
	as_nobody(o, nobody_fails);
	assert_int_equal(access(path_of(o, "d/f"), F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER(test_everything_goes),
		OVER(test_links_are_not_followed),
		OVER(test_deeper_than_descriptors_reach),
		OVER(test_directories_that_were_shut),
		OVER(test_what_cannot_be_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
