/* SPDX-License-Identifier: MIT */
/* Descriptors of directories: few, opened again by names, and never those of something else. */
#include "support/source_fixture.h"

#include <pthread.h>

static void test_few_descriptors_for_many_directories(void **state)
{
	struct over *o = *state;
	struct file_inode *dir[40][50];
	char name[16];
	o->source->max_dirs = 4;
	unsigned before = descriptors();
	for (unsigned a = 0; a < 40; a++) {
		for (unsigned b = 0; b < 50; b++) {
			snprintf(name, sizeof(name), "d%u", b ? b : a);
			dir[a][b] = tree_mkdir(b ? dir[a][b / 2] : o->root, name);
		}
	}
	for (unsigned turn = 0; turn < 2000; turn++) {
		struct file_inode *d = dir[turn * 7 % 40][turn * 13 % 50];
		assert_int_equal(lookup_error(d, "no"), -ENOENT);
		assert_true(o->source->nr_dirs <= 4);
	}
	assert_true(descriptors() <= before + 4);
	assert_int_equal(o->tree.nr_deleted, 0);
}

static void test_deep_ones_are_opened_from_the_top(void **state)
{
	struct over *o = *state;
	struct file_inode *d = o->root;
	o->source->max_dirs = 1;
	for (unsigned k = 0; k < 600; k++)
		d = tree_mkdir(d, "a-rather-long-name");
	tree_mkfile(d, "f");
	dirs_closed(o);
	looked_up(d, "f");
	assert_int_equal(o->source->nr_dirs, 1);
}

static void test_the_last_used_ones_stay_open(void **state)
{
	struct over *o = *state;
	struct file_inode *a = tree_mkdir(o->root, "a"), *b = tree_mkdir(o->root, "b"),
			  *c = tree_mkdir(o->root, "c");
	o->source->max_dirs = 2;
	lookup_error(a, "x");
	lookup_error(b, "x");
	lookup_error(a, "x");
	lookup_error(c, "x");
	assert_true(((struct source_node *)a->store)->fd >= 0);
	assert_int_equal(((struct source_node *)b->store)->fd, -1);
	assert_true(((struct source_node *)c->store)->fd >= 0);
}

static void test_one_that_is_in_use_stays_open(void **state)
{
	struct over *o = *state;
	struct file_inode *a = tree_mkdir(o->root, "a"), *b = tree_mkdir(o->root, "b");
	struct source_use u;
	o->source->max_dirs = 1;
	assert_int_equal(source_dir_get(a, &u), 0);
	lookup_error(b, "x");
	source_dirs_shrink(o->source, 0);
	assert_true(fcntl(u.fd, F_GETFD) >= 0);
	assert_int_equal(((struct source_node *)a->store)->fd, u.fd);
	source_use_end(o->source, &u);
	dirs_closed(o);
}

static void test_replaced_by_a_link_to_the_outside(void **state)
{
	struct over *o = *state;
	struct file_inode *d = tree_mkdir(o->root, "d");
	assert_int_equal(mkdir(outside_of(o, "elsewhere"), 0755), 0);
	put_file(outside_of(o, "elsewhere/secret"), "secret");
	assert_int_equal(rmdir(path_of(o, "d")), 0);
	assert_int_equal(symlink("../elsewhere", path_of(o, "d")), 0);
	dirs_closed(o);
	assert_int_equal(lookup_error(d, "secret"), -ESTALE);
	assert_int_equal(o->tree.nr_deleted, 1); /* that name was wrong */
	assert_true(S_ISLNK(looked_up(o->root, "d")->attr.mode));
	struct file_attr attr;
	const struct file_who who = { .uid = geteuid() };
	assert_int_equal(o->store->mknod(d, "new", S_IFREG | 0600, 0, &who, &attr), -ESTALE);
	assert_int_not_equal(access(outside_of(o, "elsewhere/new"), F_OK), 0);
}

static void test_replaced_by_another_directory(void **state)
{
	struct over *o = *state;
	struct file_inode *d = tree_mkdir(o->root, "d");
	tree_mkfile(d, "f");
	assert_int_equal(rename(path_of(o, "d"), path_of(o, "was-d")), 0);
	assert_int_equal(mkdir(path_of(o, "d"), 0755), 0);
	looked_up(d, "f"); /* we have the old one still */
	dirs_closed(o);
	assert_int_equal(lookup_error(d, "f"), -ESTALE);
	struct file_inode *again = looked_up(o->root, "was-d");
	assert_ptr_equal(again, d); /* and find it by its new name */
	looked_up(d, "f");
	assert_ptr_not_equal(looked_up(o->root, "d"), d);
}

static void test_another_name_leads_there(void **state)
{
	struct over *o = *state;
	struct file_inode *a = tree_mkdir(o->root, "a"), *b = tree_mkdir(a, "b");
	tree_mkfile(b, "f");
	assert_int_equal(rename(path_of(o, "a/b"), path_of(o, "b")), 0);
	assert_ptr_equal(looked_up(o->root, "b"), b);
	assert_int_equal(rename(path_of(o, "b"), path_of(o, "c")), 0);
	assert_ptr_equal(looked_up(o->root, "c"), b);
	assert_int_equal(rename(path_of(o, "c"), path_of(o, "a/b")), 0);
	dirs_closed(o);
	looked_up(b, "f"); /* two of three names were wrong */
	assert_int_equal(o->tree.nr_deleted, 2);
}

static void test_names_that_lead_in_a_circle(void **state)
{
	struct over *o = *state;
	struct file_inode *a = tree_mkdir(o->root, "a"), *b = tree_mkdir(a, "b");
	assert_int_equal(rename(path_of(o, "a/b"), path_of(o, "b")), 0);
	assert_int_equal(rename(path_of(o, "a"), path_of(o, "b/a")), 0);
	assert_int_equal(file_name_add(b, "a", a), 0); /* as a look through an old descriptor finds it */
	file_name_del(o->root, "a");
	dirs_closed(o);
	assert_int_equal(lookup_error(a, "x"), -ESTALE);
	assert_ptr_equal(looked_up(o->root, "b"), b);
	assert_ptr_equal(looked_up(b, "a"), a);
	assert_int_equal(lookup_error(a, "x"), -ENOENT);
}

static void test_the_source_is_removed(void **state)
{
	struct over *o = *state;
	struct file_inode *d = tree_mkdir(o->root, "d");
	struct file_attr attr;
	const struct file_who who = { .uid = geteuid() };
	dir_remove(o->dir);
	assert_int_equal(lookup_error(o->root, "d"), -ENOENT);
	assert_int_equal(o->store->mknod(o->root, "x", S_IFREG | 0600, 0, &who, &attr), -ENOENT);
	dirs_closed(o);
	assert_int_equal(lookup_error(d, "x"), -ESTALE);
	assert_int_equal(mkdir(o->dir, 0755), 0); /* another one by that path is not ours */
	assert_int_equal(lookup_error(o->root, "d"), -ENOENT);
	assert_int_equal(o->store->getattr(o->root, &attr), 0);
	assert_int_equal(attr.nlink, 0);
}

static void nobody_looks(struct over *o)
{
	struct file_inode *shut = looked_up(o->root, "shut"), *seen = looked_up(o->root, "seen");
	void *dir;
	CHECK(lookup_error(shut, "f") == -EACCES);
	CHECK(o->store->opendir(shut, &dir) == -EACCES);
	CHECK(lookup_error(seen, "f") == 0); /* it can be searched, not read */
	CHECK(o->store->opendir(seen, &dir) == -EACCES);
	CHECK(o->tree.nr_deleted == 0);
}

static void test_without_rights(void **state)
{
	struct over *o = *state;
	tree_mkfile(tree_mkdir(o->root, "shut"), "f");
	tree_mkfile(tree_mkdir(o->root, "seen"), "f");
	assert_int_equal(chmod(path_of(o, "shut"), 0), 0);
	assert_int_equal(chmod(path_of(o, "seen"), 0711), 0);
	as_nobody(o, nobody_looks);
}

static void *walker(void *arg)
{
	struct over *o = arg;
	struct file_attr attr;
	for (unsigned turn = 0; turn < 2000; turn++)
		for (struct file_inode *i = o->tree.inodes; i; i = i->hash_next)
			if (S_ISDIR(i->attr.mode) && o->store->lookup(i, "no", &attr) != -ENOENT)
				return o;
	return NULL;
}

static void test_many_at_once(void **state)
{
	struct over *o = *state;
	struct file_inode *d = o->root;
	pthread_t thread[4];
	void *failed;
	for (unsigned k = 0; k < 6; k++)
		d = tree_mkdir(d, "d");
	o->source->max_dirs = 2;
	for (unsigned k = 0; k < 4; k++)
		assert_int_equal(pthread_create(&thread[k], NULL, walker, o), 0);
	for (unsigned k = 0; k < 4; k++) {
		assert_int_equal(pthread_join(thread[k], &failed), 0);
		assert_null(failed);
	}
	assert_true(o->source->nr_dirs <= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER(test_few_descriptors_for_many_directories),
		OVER(test_deep_ones_are_opened_from_the_top),
		OVER(test_the_last_used_ones_stay_open),
		OVER(test_one_that_is_in_use_stays_open),
		OVER(test_replaced_by_a_link_to_the_outside),
		OVER(test_replaced_by_another_directory),
		OVER(test_another_name_leads_there),
		OVER(test_names_that_lead_in_a_circle),
		OVER(test_the_source_is_removed),
		OVER(test_without_rights),
		OVER(test_many_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
