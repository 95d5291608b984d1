/* SPDX-License-Identifier: MIT */
/* Names: one component that stays in its directory, and what others do to it meanwhile. */
#include "support/source_fixture.h"

static const struct file_who *self(void)
{
	static struct file_who who;
	who = (struct file_who){ .uid = geteuid(), .gid = getegid() };
	return &who;
}

static void test_names_that_lead_out(void **state)
{
	struct over *o = *state;
	static const char *const name[] = { "", ".", "..", "/", "a/b", "../secret", "/etc/passwd" };
	struct file_attr attr;
	void *open;
	put_file(outside_of(o, "secret"), "secret");
	tree_mkdir(o->root, "a");
	tree_mkfile(o->root, "f");
	for (unsigned k = 0; k < ARRAY_LEN(name); k++) {
		assert_int_equal(o->store->lookup(o->root, name[k], &attr), -EINVAL);
		assert_int_equal(o->store->create(o->root, name[k], 0600, 0, self(), &attr, &open), -EINVAL);
		assert_int_equal(o->store->mknod(o->root, name[k], S_IFREG, 0, self(), &attr), -EINVAL);
		assert_int_equal(o->store->symlink(o->root, name[k], "x", self(), &attr), -EINVAL);
		assert_int_equal(o->store->unlink(o->root, name[k], false), -EINVAL);
		assert_int_equal(o->store->rename(o->root, "f", o->root, name[k], 0), -EINVAL);
		assert_int_equal(o->store->rename(o->root, name[k], o->root, "g", 0), -EINVAL);
		assert_int_equal(o->store->link(looked_up(o->root, "f"), o->root, name[k], &attr), -EINVAL);
	}
	assert_int_equal(access(outside_of(o, "secret"), F_OK), 0);
}

static void test_creating_over_a_link(void **state)
{
	struct over *o = *state;
	struct file_attr attr;
	void *open;
	assert_int_equal(symlink("../secret", path_of(o, "f")), 0);
	assert_int_equal(o->store->create(o->root, "f", 0600, 0, self(), &attr, &open), -ESTALE);
	assert_int_equal(o->store->create(o->root, "f", 0600, O_EXCL, self(), &attr, &open), -EEXIST);
	assert_int_not_equal(access(outside_of(o, "secret"), F_OK), 0);
	assert_int_equal(mkfifo(path_of(o, "pipe"), 0600), 0);
	assert_int_equal(o->store->create(o->root, "pipe", 0600, 0, self(), &attr, &open), -ESTALE);
	assert_null(open);
}

static void test_creating_what_came_meanwhile(void **state)
{
	struct over *o = *state;
	struct file_attr attr;
	void *open;
	put_file(path_of(o, "f"), "text");
	assert_int_equal(o->store->create(o->root, "f", 0600, 0, self(), &attr, &open), 0);
	assert_int_equal(attr.size, 4);
	struct file_inode *f = tree_inode(&o->tree, &attr);
	f->store = open;
	assert_int_equal(o->store->create(o->root, "f", 0600, O_TRUNC, self(), &attr, &open), 0);
	assert_int_equal(attr.size, 0);
	assert_int_equal(attr.ino, f->attr.ino);
	struct file_inode unknown = { .files = &o->tree.files, .store = open }; /* the tree has it already, and forgets the second one */
	o->store->forget(&unknown);
	assert_int_equal(o->source->nr_data, 1);
}

static void test_links_are_to_the_file_and_not_its_name(void **state)
{
	struct over *o = *state;
	struct file_inode *f = tree_mkfile(o->root, "f");
	put_file(path_of(o, "other"), "other");
	assert_int_equal(rename(path_of(o, "other"), path_of(o, "f")), 0);
	assert_int_equal(tree_link(f, o->root, "g"), -ESTALE);
	assert_int_not_equal(access(path_of(o, "g"), F_OK), 0);
	struct file_inode *d = tree_mkdir(o->root, "d");
	assert_int_equal(tree_link(d, o->root, "g"), -EPERM);
}

static void test_hard_links_are_one_file(void **state)
{
	struct over *o = *state;
	struct file_inode *f = tree_mkfile(o->root, "f");
	struct file_attr attr;
	assert_int_equal(tree_link(f, o->root, "g"), 0);
	assert_int_equal(o->store->getattr(f, &attr), 0);
	assert_int_equal(attr.nlink, 2);
	assert_int_equal(rename(path_of(o, "f"), path_of(o, "h")), 0);
	assert_int_equal(unlink(path_of(o, "g")), 0);
	assert_int_equal(o->store->getattr(f, &attr), -ESTALE); /* h has not been seen yet */
	assert_ptr_equal(looked_up(o->root, "h"), f);
	assert_int_equal(o->store->getattr(f, &attr), 0);
	assert_int_equal(attr.nlink, 1);
}

static void test_removed_behind_our_back(void **state)
{
	struct over *o = *state;
	struct file_inode *d = tree_mkdir(o->root, "d");
	tree_mkfile(d, "f");
	assert_int_equal(unlink(path_of(o, "d/f")), 0);
	assert_int_equal(tree_unlink(d, "f", false), -ENOENT);
	assert_int_equal(rmdir(path_of(o, "d")), 0);
	assert_int_equal(tree_unlink(o->root, "d", true), -ENOENT);
	assert_int_equal(lookup_error(d, "f"), -ENOENT); /* its descriptor is left */
}

static void nobody_changes(struct over *o)
{
	struct file_attr attr;
	void *open;
	CHECK(o->store->mknod(o->root, "x", S_IFREG, 0, self(), &attr) == -EACCES);
	CHECK(o->store->create(o->root, "x", 0600, 0, self(), &attr, &open) == -EACCES);
	CHECK(o->store->unlink(o->root, "f", false) == -EACCES);
	CHECK(o->store->rename(o->root, "f", o->root, "g", 0) == -EACCES);
}

static void test_without_rights(void **state)
{
	struct over *o = *state;
	tree_mkfile(o->root, "f");
	as_nobody(o, nobody_changes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER(test_names_that_lead_out),
		OVER(test_creating_over_a_link),
		OVER(test_creating_what_came_meanwhile),
		OVER(test_links_are_to_the_file_and_not_its_name),
		OVER(test_hard_links_are_one_file),
		OVER(test_removed_behind_our_back),
		OVER(test_without_rights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
