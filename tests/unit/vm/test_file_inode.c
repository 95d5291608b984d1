/* SPDX-License-Identifier: MIT */
/* Inodes: identity, and who keeps them. */

#include "support/file_fixture.h"

static void test_hard_links_share(void **state)
{
	struct file_fixture *x = *state;
	make_file(x->root, "a");
	struct file_inode *a = lookup(x->root, "a");
	char to[128];
	strcpy(to, source_path(x, "a2"));
	assert_int_equal(link(source_path(x, "a"), to), 0);
	struct file_inode *b = lookup(x->root, "a2");
	assert_ptr_equal(a, b);
	assert_int_equal(stat_of(b).st_nlink, 2);
	file_put(a);
	file_put(b);
}

static void test_host_keeps_unlinked(void **state)
{
	struct file_fixture *x = *state;
	make_file(x->root, "a");
	struct file_inode *a = lookup(x->root, "a");
	uint64_t ino = file_ino(a);
	file_known(a);
	file_known(a);
	file_put(a);
	assert_int_equal(file_unlink(x->root, "a"), 0);

	a = file_get(x->files, ino);
	assert_non_null(a);
	assert_int_equal(stat_of(a).st_nlink, 0);
	file_put(a);
	file_forget(x->files, ino, 1);
	a = file_get(x->files, ino);
	assert_non_null(a);
	file_put(a);
	file_forget(x->files, ino, 1);
	assert_null(file_get(x->files, ino));
	file_forget(x->files, ino, 1); /* nobody's */
}

static void test_open_keeps_unlinked(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *a = create(x->root, "a");
	char byte = 'x';
	assert_int_equal(file_write(a, &byte, 1, 0), 1);
	assert_int_equal(file_unlink(x->root, "a"), 0);
	assert_int_equal(lookup_error(x->root, "a"), -ENOENT);
	assert_int_equal(file_open(a, O_RDWR), 0);
	file_release(a, O_RDWR);
	assert_int_equal(file_write(a, &byte, 1, 1), 1);
	assert_int_equal(stat_of(a).st_size, 2);

	uint64_t ino = file_ino(a);
	assert_int_equal(node_sum(x->vm, NR_FILE_DIRTY), 1);
	close_file(a);
	assert_null(file_get(x->files, ino));
	assert_int_equal(node_sum(x->vm, NR_FILE_DIRTY), 0);
	assert_int_equal(node_sum(x->vm, NR_FILE_PAGES), 0);
}

/* The store uses the number of a removed file again at once. */
static void test_number_of_store_used_again(void **state)
{
	struct file_fixture *x = *state;
	make_file(x->root, "a");
	struct file_inode *a = lookup(x->root, "a");
	const struct file_attr attr = a->attr;
	file_known(a);
	assert_int_equal(file_unlink(x->root, "a"), 0);
	struct file_inode *b = file_inode_obtain(x->files, &attr);
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	file_put(b);
	uint64_t ino = file_ino(a);
	file_put(a);
	file_forget(x->files, ino, 1);
}

static void test_other_type_is_another(void **state)
{
	struct file_fixture *x = *state;
	make_file(x->root, "a");
	struct file_inode *a = lookup(x->root, "a");
	struct file_attr attr = a->attr;
	attr.mode = S_IFIFO | 0600;
	struct file_inode *b = file_inode_obtain(x->files, &attr);
	assert_ptr_not_equal(a, b);
	file_put(a);
	file_put(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_hard_links_share),           FILE_TEST(test_host_keeps_unlinked),
		FILE_TEST_MEMORY(test_host_keeps_unlinked), FILE_TEST(test_open_keeps_unlinked),
		FILE_TEST(test_number_of_store_used_again), FILE_TEST(test_other_type_is_another),
	};
	return cmocka_run_group_tests_name("vm/file_inode", tests, NULL, NULL);
}
