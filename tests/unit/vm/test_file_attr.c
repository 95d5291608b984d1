/* SPDX-License-Identifier: MIT */
/* Attributes that are kept follow what others do in the source. */

#include "support/file_fixture.h"
#include "vm/writeback_private.h"

static void test_refresh_follows(void **state)
{
	struct file_fixture *x = *state;
	source_write_file(x, "a", "one");
	struct file_inode *a = lookup(x->root, "a");
	assert_int_equal(stat_of(a).st_size, 3);
	source_write_file(x, "a", "three");
	assert_int_equal(chmod(source_path(x, "a"), 0600), 0);
	assert_int_equal(stat_of(a).st_size, 3); /* not asked */
	assert_int_equal(file_open(a, O_RDONLY), 0);
	assert_int_equal(stat_of(a).st_size, 5);
	assert_int_equal(stat_of(a).st_mode, S_IFREG | 0600);
	close_file(a);
}

static void test_dirty_wins(void **state)
{
	struct file_fixture *x = *state;
	source_write_file(x, "a", "one");
	struct file_inode *a = lookup(x->root, "a");
	assert_int_equal(file_open(a, O_RDWR), 0);
	assert_int_equal(file_write(a, "mine", 4, 0), 4);
	struct stat told = stat_of(a);
	source_write_file(x, "a", "another");
	file_put(lookup(x->root, "a"));
	assert_int_equal(stat_of(a).st_size, 4);
	assert_int_equal(stat_of(a).st_mtim.tv_nsec, told.st_mtim.tv_nsec);
	close_file(a);
}

/* A file that is written back only in part has changed in the source by our own hand: its pages stay. */
static void test_our_own_writing_is_no_change(void **state)
{
	static char bytes[4 * FILE_IO_PAGES * PAGE_SIZE];
	struct file_fixture *x = *state;
	struct written_batch b = { .from = 0 };
	source_write_file(x, "a", "one");
	struct file_inode *a = lookup(x->root, "a");
	assert_int_equal(file_open(a, O_RDWR), 0);
	assert_int_equal(file_write(a, bytes, sizeof(bytes), 0), sizeof(bytes));
	writeback_batch(a, &b, false);
	assert_int_equal(b.nr, FILE_IO_PAGES);
	assert_int_equal(a->map.nr_dirty, 3 * FILE_IO_PAGES);
	assert_int_equal(file_open(a, O_RDONLY), 0);
	assert_int_equal(a->map.nr_pages, 4 * FILE_IO_PAGES);
	assert_int_equal(stat_of(a).st_size, sizeof(bytes));
	assert_int_equal(writeback_inode(a), 0);
	file_put(lookup(x->root, "a"));
	assert_int_equal(a->map.nr_pages, 4 * FILE_IO_PAGES);
	file_release(a, O_RDONLY);
	close_file(a);
}

/* An answer of before we wrote, in the same tick of the store's clock. */
static void test_old_answer_is_no_change(void **state)
{
	struct file_fixture *x = *state;
	struct file_attr old, now;
	struct file_inode *a = create(x->root, "a");
	assert_int_equal(file_write(a, "one", 3, 0), 3);
	assert_int_equal(writeback_inode(a), 0);
	assert_int_equal(x->files->store->getattr(a, &old), 0);
	assert_true(old.turn);
	assert_int_equal(file_write(a, "three", 5, 0), 5);
	assert_int_equal(writeback_inode(a), 0);
	old.ctime = a->store_ctime;
	file_inode_refresh(a, &old);
	assert_int_equal(stat_of(a).st_size, 5);
	assert_int_equal(a->store_size, 5);
	assert_int_equal(a->map.nr_pages, 1);
	assert_int_equal(x->files->store->getattr(a, &now), 0);
	assert_true(now.turn > old.turn);
	now.size = 4; /* somebody else's */
	file_inode_refresh(a, &now);
	assert_int_equal(stat_of(a).st_size, 4);
	assert_int_equal(a->map.nr_pages, 0);
	file_inode_stored(a);
	assert_int_equal(a->store_size, 5);
	close_file(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_refresh_follows),
		FILE_TEST(test_dirty_wins),
		FILE_TEST(test_our_own_writing_is_no_change),
		FILE_TEST(test_old_answer_is_no_change),
	};
	return cmocka_run_group_tests_name("vm/file_attr", tests, NULL, NULL);
}
