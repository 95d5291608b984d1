/* SPDX-License-Identifier: MIT */
/* Names: found, listed in order, moved, and what they keep. */

#include "support/file_fixture.h"

#include <limits.h>

static struct file_inode *known(struct file_inode *dir, const char *name)
{
	struct file_inode *i = file_name_find(dir, name);
	if (i)
		file_put(i);
	return i;
}

static void test_add_and_find(void **state)
{
	struct file_fixture *x = *state;
	make_file(x->root, "a");
	struct file_inode *a = lookup(x->root, "a");
	uint64_t names = x->files->nr_names;
	assert_ptr_equal(known(x->root, "a"), a);
	assert_null(known(x->root, "b"));
	assert_int_equal(file_name_add(x->root, "a", a), 0); /* again */
	assert_int_equal(x->files->nr_names, names);
	file_name_del(x->root, "a");
	file_name_del(x->root, "a");
	assert_null(known(x->root, "a"));
	assert_int_equal(x->files->nr_names, names - 1);
	file_put(a);
}

static void test_leads_elsewhere_now(void **state)
{
	struct file_fixture *x = *state;
	make_file(x->root, "a");
	make_file(x->root, "b");
	struct file_inode *b = lookup(x->root, "b");
	assert_int_equal(file_name_add(x->root, "a", b), 0);
	assert_ptr_equal(known(x->root, "a"), b);
	file_put(b);
}

static void test_long_name(void **state)
{
	struct file_fixture *x = *state;
	char name[NAME_MAX + 2];
	memset(name, 'n', sizeof(name));
	name[NAME_MAX + 1] = '\0';
	struct file_inode *i;
	assert_int_equal(file_create(x->root, name, 0644, O_RDWR | O_CREAT, &fixture_who, &i), -ENAMETOOLONG);
	assert_int_equal(lookup_error(x->root, name), -ENAMETOOLONG);
	name[NAME_MAX] = '\0';
	make_file(x->root, name);
	assert_non_null(known(x->root, name));
	assert_int_equal(file_rename(x->root, name, x->root, "short", 0), 0);
	assert_null(known(x->root, name));
	assert_non_null(known(x->root, "short"));
	assert_int_equal(file_rename(x->root, "short", x->root, name, 0), 0);
	assert_non_null(known(x->root, name));
}

static void test_any_name(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *d = make_dir(x->root, "d"), *dir;
	char name[NAME_MAX + 1];
	make_file(d, "a");
	struct file_inode *a = lookup(d, "a");
	assert_int_equal(file_name_any(a, &dir, name), 0);
	assert_ptr_equal(dir, d);
	assert_string_equal(name, "a");
	file_put(dir);
	file_name_del(d, "a");
	assert_int_equal(file_name_any(a, &dir, name), -ESTALE);
	file_put(a);
	file_put(d);
}

static void name_move(struct file_inode *dir, const char *name, struct file_inode *to, const char *to_name)
{
	file_name_put_moved(dir, name, file_name_alloc(dir->files, to_name), to);
}

static void test_move_and_swap(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *d = make_dir(x->root, "d");
	make_file(x->root, "a");
	make_file(d, "b");
	struct file_inode *a = lookup(x->root, "a"), *b = lookup(d, "b");
	file_name_swap(x->root, "a", d, "b");
	assert_ptr_equal(known(x->root, "a"), b);
	assert_ptr_equal(known(d, "b"), a);
	file_name_swap(x->root, "a", d, "b");
	name_move(x->root, "a", d, "b");
	assert_null(known(x->root, "a"));
	assert_ptr_equal(known(d, "b"), a);
	assert_null(b->names);
	name_move(d, "b", d, "b");
	assert_ptr_equal(known(d, "b"), a);
	name_move(d, "none", d, "b"); /* what was there is not known any more */
	assert_ptr_equal(known(d, "none"), NULL);
	file_put(a);
	file_put(b);
	file_put(d);
}

static void test_order_of_children(void **state)
{
	struct file_fixture *x = *state;
	char name[16];
	for (unsigned n = 0; n < 3000; n++) {
		snprintf(name, sizeof(name), "f%u", n);
		make_file(x->root, name);
	}
	for (unsigned n = 0; n < 3000; n += 2) {
		snprintf(name, sizeof(name), "f%u", n);
		assert_int_equal(file_unlink(x->root, name), 0);
	}
	make_file(x->root, "last");
	unsigned nr = 0;
	uint32_t order = 0;
	const struct file_name *last = NULL;
	for (const struct file_name *n = x->root->children; n; n = n->child, nr++) {
		assert_true(n->order > order);
		order = n->order;
		last = n;
	}
	assert_int_equal(nr, 1501);
	assert_int_equal(x->root->nr_children, nr);
	assert_string_equal(last->name, "last");
}

/* A directory stays while names in it are known. */
static void test_names_keep_directory(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *d = make_dir(x->root, "d");
	make_file(d, "a");
	uint64_t ino = file_ino(d);
	file_put(d);
	file_name_del(x->root, "d");
	d = file_get(x->files, ino);
	assert_non_null(d);
	file_put(d);
	file_name_del(d, "a");
	shrink_names(x);
	assert_null(file_get(x->files, ino));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_add_and_find),
		FILE_TEST(test_leads_elsewhere_now),
		FILE_TEST(test_long_name),
		FILE_TEST_MEMORY(test_long_name),
		FILE_TEST(test_any_name),
		FILE_TEST(test_move_and_swap),
		FILE_TEST(test_order_of_children),
		FILE_TEST_MEMORY(test_order_of_children),
		FILE_TEST(test_names_keep_directory),
	};
	return cmocka_run_group_tests_name("vm/file_name", tests, NULL, NULL);
}
