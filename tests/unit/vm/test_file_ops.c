/* SPDX-License-Identifier: MIT */
/* Attributes, space, extended attributes, and a shortage of memory. */

#include "base/fault.h"
#include "support/file_fixture.h"

#include <linux/falloc.h>
#include <sys/xattr.h>

static void set_mode(struct file_inode *i, mode_t mode)
{
	const struct stat st = { .st_mode = mode };
	assert_int_equal(file_setattr(i, &st, FILE_SET_MODE), 0);
}

static void test_lookup_errors(void **state)
{
	struct file_fixture *x = *state;
	assert_int_equal(lookup_error(x->root, "none"), -ENOENT);
	make_file(x->root, "a");
	assert_int_equal(lookup_error(x->root, "a"), 0);
	if (*x->dir) {
		assert_int_equal(unlink(source_path(x, "a")), 0);
		assert_int_equal(lookup_error(x->root, "a"), -ENOENT);
		assert_int_equal(x->files->nr_names, 0); /* what was known is forgotten */
	}
}

static void test_setattr(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	set_mode(i, 0604);
	assert_int_equal(stat_of(i).st_mode, S_IFREG | 0604);
	struct stat st = { .st_size = 10000, .st_mtim = { 1000, 5 }, .st_atim = { 2000, 6 } };
	assert_int_equal(file_setattr(i, &st, FILE_SET_SIZE | FILE_SET_MTIME | FILE_SET_ATIME), 0);
	st = stat_of(i);
	assert_int_equal(st.st_size, 10000);
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	assert_int_equal(st.st_atim.tv_nsec, 6);
	assert_int_equal(file_setattr(i, &st, FILE_SET_MTIME_NOW), 0);
	assert_true(stat_of(i).st_mtim.tv_sec != 1000);
	close_file(i);
}

/* What was told stays, although writing back moves the source's times. */
static void test_times_stay(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	assert_int_equal(file_write(i, "text", 4, 0), 4);
	const struct stat set = { .st_mtim = { 5000, 7 } };
	assert_int_equal(file_setattr(i, &set, FILE_SET_MTIME), 0);
	struct stat before = stat_of(i), after;
	assert_int_equal(file_fsync(i, false), 0);
	after = stat_of(i);
	assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof(before.st_mtim));
	assert_memory_equal(&before.st_ctim, &after.st_ctim, sizeof(before.st_ctim));
	assert_int_equal(file_open(i, O_RDONLY), 0); /* which does not take it for a foreign change */
	assert_int_equal(i->map.nr_pages, 1);
	file_release(i, O_RDONLY);
	struct stat st;
	assert_int_equal(stat(source_path(x, "a"), &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 5000);
	assert_int_equal(st.st_size, 4);
	close_file(i);
}

/* Changes of ours that move ctime only leave what is cached alone. */
static void test_own_changes_keep_pages(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	assert_int_equal(file_write(i, "text", 4, 0), 4);
	assert_int_equal(file_fsync(i, false), 0);
	set_mode(i, 0600);
	assert_int_equal(file_rename(x->root, "a", x->root, "b", 0), 0);
	assert_int_equal(file_link(i, x->root, "c"), 0);
	assert_int_equal(file_open(i, O_RDONLY), 0);
	file_release(i, O_RDONLY);
	assert_int_equal(i->map.nr_pages, 1);
	assert_int_equal(stat_of(i).st_nlink, 2);
	assert_int_equal(file_unlink(x->root, "b"), 0);
	assert_int_equal(stat_of(i).st_nlink, 1);
	file_put(lookup(x->root, "c"));
	assert_int_equal(i->map.nr_pages, 1);
	close_file(i);
}

static void test_fallocate(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	char bytes[8192];
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(file_write(i, bytes, sizeof(bytes), 0), sizeof(bytes));
	assert_int_equal(file_fallocate(i, 0, 0, 20000), 0);
	assert_int_equal(stat_of(i).st_size, 20000);
	assert_int_equal(file_fallocate(i, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 5000), 0);
	struct file_read *r = calloc(1, sizeof(*r));
	assert_int_equal(file_read_begin(i, 0, 4096, r), 0);
	const char *got = r->iov[0].iov_base;
	assert_int_equal(got[99], 'x');
	assert_int_equal(got[100], 0);
	file_read_end(r);
	assert_int_equal(file_read_begin(i, 4096, 4096, r), 0);
	got = r->iov[0].iov_base;
	assert_int_equal(got[1003], 0);
	assert_int_equal(got[1004], 'x');
	file_read_end(r);
	free(r);
	assert_int_equal(file_fallocate(i, 0x40, 0, 1), -EOPNOTSUPP);
	assert_int_equal(file_fallocate(i, 0, 0, 0), -EINVAL);
	assert_int_equal(file_fallocate(i, 0, INT64_MAX, 2), -EFBIG);
	close_file(i);
}

/* The hole takes all that is dirty, past what the source has by then. */
static void test_a_hole_keeps_the_size(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	struct file_attr attr;
	assert_int_equal(file_write(i, "text", 4, 50000), 4);
	assert_int_equal(file_fallocate(i, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 40960, 20480), 0);
	assert_int_equal(stat_of(i).st_size, 50004);
	assert_int_equal(file_fsync(i, false), 0);
	assert_int_equal(i->files->store->getattr(i, &attr), 0);
	assert_int_equal(attr.size, 50004);
	close_file(i);
}

static void test_seek(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	assert_int_equal(file_write(i, "text", 4, 0), 4);
	assert_int_equal(file_seek(i, 0, SEEK_DATA), 0);
	assert_int_equal(file_seek(i, 0, SEEK_HOLE), 4);
	assert_int_equal(file_seek(i, 4, SEEK_DATA), -ENXIO);
	close_file(i);
}

static void test_xattr(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	char value[16], list[64];
	int error = file_setxattr(i, "user.colour", "red", 3, XATTR_CREATE);
	if (error == -EOPNOTSUPP) { /* the host's temporary folder has none */
		close_file(i);
		skip();
	}
	assert_int_equal(error, 0);
	assert_int_equal(file_setxattr(i, "user.colour", "red", 3, XATTR_CREATE), -EEXIST);
	assert_int_equal(file_getxattr(i, "user.colour", NULL, 0), 3);
	assert_int_equal(file_getxattr(i, "user.colour", value, sizeof(value)), 3);
	assert_memory_equal(value, "red", 3);
	assert_true(file_listxattr(i, list, sizeof(list)) >= 12);
	assert_int_equal(file_removexattr(i, "user.colour"), 0);
	assert_int_equal(file_getxattr(i, "user.colour", value, sizeof(value)), -ENODATA);
	close_file(i);
}

static void test_readlink(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i;
	char target[32];
	assert_int_equal(file_symlink(x->root, "l", "to/there", &fixture_who, &i), 0);
	assert_int_equal(file_readlink(i, target, sizeof(target)), 8);
	assert_memory_equal(target, "to/there", 8);
	assert_int_equal(stat_of(i).st_size, 8);
	file_put(i);
}

/* With all of memory gone names are found and removed from the reserve; when that is used up nothing new is made. */
static void test_without_memory(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *made[64];
	unsigned nr = 0;
	int error = 0;
	make_file(x->root, "a");
	source_write_file(x, "later", "text");
	struct task *t = make_task(x->f, "eater");
	while (write_attr(t, "pages", "0 GFP_KERNEL +4096") > 0)
		;
	while (write_attr(t, "pages", "0 GFP_KERNEL +16") > 0)
		;
	while (write_attr(t, "pages", "0 GFP_ATOMIC +1") > 0)
		;
	assert_int_equal(lookup_error(x->root, "later"), 0);
	assert_int_equal(file_unlink(x->root, "later"), 0);
	while (!error && nr < 64) {
		char name[8];
		snprintf(name, sizeof(name), "m%u", nr);
		error = file_mkdir(x->root, name, 0755, &fixture_who, &made[nr]);
		assert_int_equal(source_has(x, name), !error);
		nr += !error;
	}
	assert_int_equal(error, -ENOMEM);
	assert_true(nr >= 4);
	assert_int_equal(file_unlink(x->root, "a"), 0); /* known or not */
	assert_false(source_has(x, "a"));
	while (nr--)
		file_put(made[nr]);
	end_task(x->f, t);
}

/* Host memory fails at its nth use: nothing is left half done. */
static void test_failing_host_memory(void **state)
{
	struct file_fixture *x = *state;
	const char *name = "a-name-that-does-not-fit-into-the-object-of-a-name-so-that-it-needs-host-memory";
	bool fired = true;
	for (unsigned n = 1; fired; n++) {
		struct file_inode *i = NULL;
		fault_arm(FAULT_HOST_MALLOC, n);
		int error = file_create(x->root, name, 0644, O_RDWR | O_CREAT | O_EXCL, &fixture_who, &i);
		fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		if (error) {
			assert_true(fired);
			assert_int_equal(error, -ENOMEM);
			error = file_unlink(x->root, name); /* when it failed after the source had made it */
			assert_true(!error || error == -ENOENT);
			continue;
		}
		close_file(i);
		assert_int_equal(file_unlink(x->root, name), 0);
	}
	assert_int_equal(x->files->nr_names, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_lookup_errors),
		FILE_TEST_MEMORY(test_lookup_errors),
		FILE_TEST(test_setattr),
		FILE_TEST_MEMORY(test_setattr),
		FILE_TEST(test_times_stay),
		FILE_TEST(test_own_changes_keep_pages),
		FILE_TEST(test_fallocate),
		FILE_TEST_MEMORY(test_fallocate),
		FILE_TEST(test_a_hole_keeps_the_size),
		FILE_TEST(test_seek),
		FILE_TEST_MEMORY(test_seek),
		FILE_TEST(test_xattr),
		FILE_TEST_MEMORY(test_xattr),
		FILE_TEST(test_readlink),
		FILE_TEST_MEMORY(test_readlink),
		FILE_TEST(test_without_memory),
		FILE_TEST(test_failing_host_memory),
	};
	return cmocka_run_group_tests_name("vm/file_ops", tests, NULL, NULL);
}
