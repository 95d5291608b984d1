/* SPDX-License-Identifier: MIT */
/* Files belong to who made them, and this thread is itself again afterwards. */
#include "support/source_fixture.h"

#include <sys/fsuid.h>
#include <sys/sysmacros.h>

static const struct file_who other = { .uid = 1234, .gid = 567 };

static struct stat made(struct over *o, const char *name, mode_t mode, const struct file_who *who, int expected)
{
	struct file_attr attr;
	struct stat st = { 0 };
	assert_int_equal(o->store->mknod(o->root, name, mode, 0, who, &attr), expected);
	if (!expected) {
		assert_int_equal(lstat(path_of(o, name), &st), 0);
		assert_int_equal(st.st_uid, attr.uid);
		assert_int_equal(st.st_gid, attr.gid);
	}
	return st;
}

static void test_the_owner_is_who_made_it(void **state)
{
	struct over *o = *state;
	if (geteuid())
		skip();
	struct stat st = made(o, "d", S_IFDIR | 0751, &other, 0); /* root's 0755 folder: the host has checked */
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 567);
	assert_int_equal(st.st_mode, S_IFDIR | 0751);
	st = made(o, "f", S_IFREG | 04755, &other, 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_mode, S_IFREG | 04755);
	assert_int_equal((uid_t)setfsuid((uid_t)-1), 0);
	assert_int_equal((gid_t)setfsgid((gid_t)-1), getegid());
	st = made(o, "ours", S_IFREG | 0600, &(struct file_who){ 0, 0 }, 0);
	assert_int_equal(st.st_uid, 0);
	st = made(o, "group", S_IFREG | 0600, &(struct file_who){ 0, 567 }, 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_gid, 567);
}

static void test_an_open_file(void **state)
{
	struct over *o = *state;
	struct file_attr attr;
	void *open;
	if (geteuid())
		skip();
	assert_int_equal(o->store->create(o->root, "f", 0400, O_EXCL, &other, &attr, &open), 0);
	assert_int_equal(attr.uid, 1234);
	assert_int_equal(attr.mode, S_IFREG | 0400);
	struct file_inode *f = tree_inode(&o->tree, &attr);
	f->store = open;
	assert_int_equal(o->source->nr_data, 1);
	assert_int_equal(o->store->write(f, &(struct iovec){ (char[]){ "x" }, 1 }, 1, 0), 1);
}

static void test_devices_are_for_root(void **state)
{
	struct over *o = *state;
	struct file_attr attr;
	if (geteuid())
		skip();
	assert_int_equal(o->store->mknod(o->root, "null", S_IFCHR | 0600, makedev(1, 3), &other, &attr),
			 -EPERM);
	assert_int_equal(lookup_error(o->root, "null"), -ENOENT);
	struct source_who was;
	assert_int_equal(source_who_begin(o->source, &other, &was), 0);
	assert_int_not_equal(mknod(path_of(o, "other"), S_IFCHR | 0600, makedev(1, 3)), 0);
	source_who_end(&was);
}

static void nobody_makes(struct over *o)
{
	struct file_attr attr;
	CHECK(!o->store->mknod(o->root, "f", S_IFREG | 0600, 0, &other, &attr));
	CHECK(attr.uid == 65534); /* only root can give files away */
	CHECK(!o->source->as_others);
}

static void test_a_daemon_that_is_not_root(void **state)
{
	struct over *o = *state;
	assert_int_equal(chmod(o->dir, 0777), 0);
	as_nobody(o, nobody_makes);
}

static void test_users_that_do_not_exist(void **state)
{
	struct over *o = *state;
	if (geteuid())
		skip();
	made(o, "f", S_IFREG | 0600, &(struct file_who){ .uid = (uid_t)-1, .gid = 5 }, -EPERM);
	assert_int_equal((gid_t)setfsgid((gid_t)-1), getegid());
	assert_int_equal(lookup_error(o->root, "f"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER(test_the_owner_is_who_made_it), OVER(test_an_open_file),
		OVER(test_devices_are_for_root),     OVER(test_a_daemon_that_is_not_root),
		OVER(test_users_that_do_not_exist),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
