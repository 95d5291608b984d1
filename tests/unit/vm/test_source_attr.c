/* SPDX-License-Identifier: MIT */
/* Attributes reach what the inode stands for: without following links, without a descriptor, without a name. */
#include "support/source_fixture.h"

#include <sys/xattr.h>

static void test_those_of_a_link_are_its_own(void **state)
{
	struct over *o = *state;
	put_file(outside_of(o, "secret"), "secret");
	assert_int_equal(chmod(outside_of(o, "secret"), 0600), 0);
	struct file_inode *s = tree_symlink(o->root, "s", "../secret");
	struct stat st = { .st_mtim = { 77, 0 }, .st_uid = 1234 }, outside;
	struct file_attr attr;
	assert_int_equal(o->store->setattr(s, &st, FILE_SET_MTIME, &attr), 0);
	assert_int_equal(attr.mtime.tv_sec, 77);
	if (!geteuid())
		assert_int_equal(o->store->setattr(s, &st, FILE_SET_UID, &attr), 0);
	assert_int_equal(stat(outside_of(o, "secret"), &outside), 0);
	assert_int_equal(outside.st_uid, geteuid());
	assert_int_not_equal(outside.st_mtim.tv_sec, 77);
	if (!geteuid() && !o->store->setxattr(s, "trusted.x", "1", 1, 0)) {
		assert_int_equal(lgetxattr(path_of(o, "s"), "trusted.x", NULL, 0), 1);
		assert_int_equal(getxattr(outside_of(o, "secret"), "trusted.x", NULL, 0), -1);
	}
}

static void test_replaced_by_a_link(void **state)
{
	struct over *o = *state;
	struct file_inode *f = tree_mkfile(o->root, "f");
	struct stat st = { .st_mode = 0777 }, outside;
	struct file_attr attr;
	put_file(outside_of(o, "secret"), "secret");
	assert_int_equal(chmod(outside_of(o, "secret"), 0600), 0);
	assert_int_equal(unlink(path_of(o, "f")), 0);
	assert_int_equal(symlink("../secret", path_of(o, "f")), 0);
	assert_int_equal(o->store->setattr(f, &st, FILE_SET_MODE, &attr), -ESTALE);
	assert_int_equal(o->store->setxattr(f, "user.x", "1", 1, 0), -ESTALE);
	assert_int_equal(o->store->getattr(f, &attr), -ESTALE);
	assert_int_equal(stat(outside_of(o, "secret"), &outside), 0);
	assert_int_equal(outside.st_mode & 0777, 0600);
}

static void test_of_an_open_file_without_a_name(void **state)
{
	struct over *o = *state;
	struct file_inode *f = tree_mkfile(o->root, "f");
	struct file_attr attr;
	struct stat st = { .st_mode = 0640, .st_atim = { 11, 0 } };
	char buf[8];
	assert_int_equal(o->store->open(f, false), 0);
	assert_int_equal(tree_unlink(o->root, "f", false), 0);
	assert_int_equal(o->store->setattr(f, &st, FILE_SET_MODE | FILE_SET_ATIME, &attr), 0);
	assert_int_equal(attr.mode, S_IFREG | 0640);
	assert_int_equal(attr.atime.tv_sec, 11);
	if (!geteuid() && !o->store->setxattr(f, "trusted.x", "12", 2, 0))
		assert_int_equal(o->store->getxattr(f, "trusted.x", buf, sizeof(buf)), 2);
}

static void test_as_the_host_sees_them(void **state)
{
	struct over *o = *state;
	struct file_inode *d = tree_mkdir(o->root, "d"), *f = tree_mkfile(d, "f");
	struct stat st;
	struct file_attr a;
	put_file(path_of(o, "d/f"), "0123456789");
	for (unsigned k = 0; k < 3; k++) {
		assert_int_equal(lstat(path_of(o, k == 0 ? "d/f" : k == 1 ? "d" : "."), &st), 0);
		assert_int_equal(o->store->getattr(k == 0 ? f : k == 1 ? d : o->root, &a), 0);
		assert_int_equal(a.dev, st.st_dev);
		assert_int_equal(a.ino, st.st_ino);
		assert_int_equal(a.mode, st.st_mode);
		assert_int_equal(a.nlink, st.st_nlink);
		assert_int_equal(a.size, st.st_size);
		assert_int_equal(a.blocks, st.st_blocks);
		assert_memory_equal(&a.mtime, &st.st_mtim, sizeof(a.mtime));
		assert_memory_equal(&a.ctime, &st.st_ctim, sizeof(a.ctime));
	}
}

static void nobody_sets(struct over *o)
{
	struct file_attr attr;
	struct stat st = { .st_mode = 0777, .st_uid = 1 };
	struct file_inode *f = looked_up(o->root, "f");
	CHECK(o->store->setattr(f, &st, FILE_SET_MODE, &attr) == -EPERM);
	CHECK(o->store->setattr(f, &st, FILE_SET_UID, &attr) == -EPERM);
	CHECK(o->store->setattr(f, &st, FILE_SET_MTIME, &attr) == -EPERM);
	CHECK(o->store->getattr(f, &attr) == 0);
}

static void test_without_rights(void **state)
{
	struct over *o = *state;
	tree_mkfile(o->root, "f");
	as_nobody(o, nobody_sets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER(test_those_of_a_link_are_its_own),
		OVER(test_replaced_by_a_link),
		OVER(test_of_an_open_file_without_a_name),
		OVER(test_as_the_host_sees_them),
		OVER(test_without_rights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
