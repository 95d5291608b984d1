/* SPDX-License-Identifier: MIT */
/* Making, linking, removing, renaming: what is known follows the store. */

#include "support/file_fixture.h"

#define O_NEW (O_RDWR | O_CREAT | O_EXCL)

static int create_error(struct file_inode *dir, const char *name, int flags)
{
	struct file_inode *i = NULL;
	int error = file_create(dir, name, 0644, flags, &fixture_who, &i);
	if (!error)
		close_file(i);
	return error;
}

static void test_create(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	assert_int_equal(i->opens, 1);
	assert_int_equal(stat_of(i).st_mode, S_IFREG | 0644);
	assert_int_equal(create_error(x->root, "a", O_NEW), -EEXIST);
	assert_int_equal(create_error(x->root, "a", O_RDWR | O_CREAT), 0);
	assert_int_equal(i->opens, 1);
	close_file(i);
}

/* Of a file that is there O_TRUNC takes what is in it, dirty or not. */
static void test_create_truncates(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	assert_int_equal(file_write(i, "text", 4, 0), 4);
	assert_int_equal(create_error(x->root, "a", O_RDWR | O_CREAT | O_TRUNC), 0);
	assert_int_equal(stat_of(i).st_size, 0);
	assert_int_equal(i->map.nr_pages, 0);
	close_file(i);
}

static void test_types(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i;
	assert_int_equal(file_mknod(x->root, "fifo", S_IFIFO | 0600, 0, &fixture_who, &i), 0);
	assert_int_equal(stat_of(i).st_mode, S_IFIFO | 0600);
	file_put(i);
	assert_int_equal(file_mknod(x->root, "file", S_IFREG | 0600, 0, &fixture_who, &i), 0);
	assert_int_equal(stat_of(i).st_mode, S_IFREG | 0600);
	file_put(i);
	assert_int_equal(file_mkdir(x->root, "dir", 0711, &fixture_who, &i), 0);
	assert_int_equal(stat_of(i).st_mode, S_IFDIR | 0711);
	file_put(i);
	assert_int_equal(file_mkdir(x->root, "dir", 0711, &fixture_who, &i), -EEXIST);
}

static void test_links_are_counted(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a"), *d = make_dir(x->root, "d");
	assert_int_equal(file_link(i, d, "b"), 0);
	assert_int_equal(stat_of(i).st_nlink, 2);
	assert_int_equal(file_link(i, d, "b"), -EEXIST);
	assert_int_equal(file_link(d, d, "c"), -EPERM);
	assert_int_equal(file_unlink(x->root, "a"), 0);
	assert_int_equal(stat_of(i).st_nlink, 1);
	assert_int_equal(file_unlink(d, "b"), 0);
	assert_int_equal(stat_of(i).st_nlink, 0);
	close_file(i);
	file_put(d);
}

static void test_directories_are_counted(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *d = make_dir(x->root, "d"), *e = make_dir(x->root, "e");
	file_put(make_dir(d, "sub"));
	assert_int_equal(stat_of(d).st_nlink, 3);
	assert_int_equal(file_rename(d, "sub", e, "sub", 0), 0);
	assert_int_equal(stat_of(d).st_nlink, 2);
	assert_int_equal(stat_of(e).st_nlink, 3);
	assert_int_equal(file_rename(x->root, "d", e, "sub", RENAME_EXCHANGE), 0);
	assert_int_equal(stat_of(e).st_nlink, 3);
	assert_int_equal(file_rmdir(x->root, "d"), 0); /* it was sub */
	assert_int_equal(file_rmdir(e, "sub"), 0);
	assert_int_equal(stat_of(e).st_nlink, 2);
	assert_int_equal(stat_of(x->root).st_nlink, 3);
	file_put(d);
	file_put(e);
}

static void test_remove_errors(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *d = make_dir(x->root, "d");
	make_file(d, "a");
	assert_int_equal(file_unlink(x->root, "none"), -ENOENT);
	assert_int_equal(file_unlink(x->root, "d"), -EISDIR);
	assert_int_equal(file_rmdir(x->root, "d"), -ENOTEMPTY);
	assert_int_equal(file_rmdir(d, "a"), -ENOTDIR);
	assert_int_equal(file_unlink(d, "a"), 0);
	assert_int_equal(file_rmdir(x->root, "d"), 0);
	assert_int_equal(create_error(d, "b", O_NEW), -ENOENT); /* it is gone */
	file_put(d);
}

/* A name that is not known any more is removed, and so is what it led to. */
static void test_unlink_of_unknown_name(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	uint64_t ino = file_ino(i);
	file_name_del(x->root, "a");
	assert_int_equal(file_unlink(x->root, "a"), 0);
	assert_int_equal(stat_of(i).st_nlink, 0);
	close_file(i);
	assert_null(file_get(x->files, ino));
}

static void test_rename(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *d = make_dir(x->root, "d"), *a = create(x->root, "a"), *b = create(d, "b");
	assert_int_equal(file_rename(x->root, "none", d, "b", 0), -ENOENT);
	assert_int_equal(file_rename(x->root, "a", d, "b", RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(file_rename(x->root, "a", x->root, "d", 0), -EISDIR);
	assert_int_equal(file_rename(x->root, "d", x->root, "a", 0), -ENOTDIR);
	assert_int_equal(file_rename(x->root, "d", d, "e", 0), -EINVAL);
	assert_int_equal(file_rename(x->root, "a", d, "b", 1u << 2), -EINVAL);
	assert_int_equal(file_rename(x->root, "a", d, "b", RENAME_EXCHANGE), 0);
	struct file_inode *i = lookup(x->root, "a");
	assert_ptr_equal(i, b);
	file_put(i);
	assert_int_equal(file_rename(x->root, "a", d, "b", 0), 0);
	assert_int_equal(lookup_error(x->root, "a"), -ENOENT);
	assert_int_equal(stat_of(a).st_nlink, 0);
	assert_int_equal(stat_of(b).st_nlink, 1);
	close_file(a);
	close_file(b);
	file_put(d);
}

/* Two names of one file: renaming one to the other does nothing. */
static void test_rename_to_itself(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	assert_int_equal(file_link(i, x->root, "b"), 0);
	assert_int_equal(file_rename(x->root, "a", x->root, "b", 0), 0);
	assert_int_equal(lookup_error(x->root, "a"), 0);
	assert_int_equal(lookup_error(x->root, "b"), 0);
	assert_int_equal(stat_of(i).st_nlink, 2);
	close_file(i);
}

static void test_source_follows(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *d = make_dir(x->root, "d");
	make_file(d, "a");
	assert_true(source_has(x, "d/a"));
	assert_int_equal(file_rename(d, "a", x->root, "b", 0), 0);
	assert_false(source_has(x, "d/a"));
	assert_true(source_has(x, "b"));
	assert_int_equal(file_unlink(x->root, "b"), 0);
	assert_false(source_has(x, "b"));
	file_put(d);
}

#define BOTH(t) FILE_TEST(t), FILE_TEST_MEMORY(t)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_create),
		BOTH(test_create_truncates),
		BOTH(test_types),
		BOTH(test_links_are_counted),
		FILE_TEST_MEMORY(test_directories_are_counted),
		BOTH(test_remove_errors),
		FILE_TEST(test_unlink_of_unknown_name),
		BOTH(test_rename),
		BOTH(test_rename_to_itself),
		FILE_TEST(test_source_follows),
	};
	return cmocka_run_group_tests_name("vm/file_ops_dir", tests, NULL, NULL);
}
