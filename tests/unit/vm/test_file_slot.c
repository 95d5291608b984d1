/* SPDX-License-Identifier: MIT */
/* Finding inodes by number and by identity. */

#include "support/file_fixture.h"

static void test_numbers(void **state)
{
	struct file_fixture *x = *state;
	make_file(x->root, "a");
	struct file_inode *a = lookup(x->root, "a");
	uint64_t ino = file_ino(a);

	assert_true(ino_is_file(ino));
	assert_ptr_equal(file_by_owner(x->files, a->id), a);
	struct file_inode *again = file_get(x->files, ino);
	assert_ptr_equal(again, a);
	file_put(again);
	assert_null(file_get(x->files, ino + (1ull << FILE_ID_BITS))); /* of a later generation */
	assert_null(file_get(x->files, ino + 1));
	assert_null(file_by_owner(x->files, 5000));
	file_put(a);
}

static void test_number_comes_back(void **state)
{
	struct file_fixture *x = *state;
	make_file(x->root, "a");
	struct file_inode *a = lookup(x->root, "a");
	uint32_t id = a->id, nr = x->files->nr_inodes;
	uint64_t ino = file_ino(a);
	file_put(a);

	assert_int_equal(file_unlink(x->root, "a"), 0);
	assert_int_equal(x->files->nr_inodes, nr - 1);
	assert_null(file_get(x->files, ino));
	make_file(x->root, "b");
	struct file_inode *b = lookup(x->root, "b");
	assert_int_equal(b->id, id);
	assert_int_not_equal(file_ino(b), ino);
	file_put(b);
}

static void test_many(void **state)
{
	struct file_fixture *x = *state;
	enum { NR = 5000 };
	struct file_attr attr = { .dev = 77, .mode = S_IFREG | 0644, .nlink = 1 };
	struct file_inode **i = calloc(NR, sizeof(*i));
	for (unsigned n = 0; n < NR; n++) {
		attr.ino = n + 1;
		i[n] = file_inode_obtain(x->files, &attr);
		assert_non_null(i[n]);
	}
	for (unsigned n = 0; n < NR; n++) {
		struct file_inode *found = file_inode_find(x->files, 77, n + 1);
		assert_ptr_equal(found, i[n]);
		file_put(found);
		file_put(i[n]);
	}
	free(i);
	assert_int_equal(x->files->nr_inodes, NR + 1);
	shrink_names(x);
	assert_int_equal(x->files->nr_inodes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_numbers),
		FILE_TEST_MEMORY(test_numbers),
		FILE_TEST(test_number_comes_back),
		FILE_TEST_MEMORY(test_number_comes_back),
		FILE_TEST(test_many),
	};
	return cmocka_run_group_tests_name("vm/file_slot", tests, NULL, NULL);
}
