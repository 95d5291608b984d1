/* SPDX-License-Identifier: MIT */
#include "support/file_fixture.h"
#include "vm/source.h"

#include "vm/filemap_private.h"

static struct file_inode *written(struct file_fixture *x, const char *name, unsigned pages)
{
	struct file_inode *i = create(x->root, name);
	char *bytes = malloc((size_t)pages * PAGE_SIZE);
	memset(bytes, 'a', (size_t)pages * PAGE_SIZE);
	assert_int_equal(file_write(i, bytes, (size_t)pages * PAGE_SIZE, 0), pages * PAGE_SIZE);
	free(bytes);
	return i;
}

static int byte_at(struct file_inode *i, uint64_t offset)
{
	struct file_read r;
	assert_int_equal(file_read_begin(i, offset, 1, &r), 0);
	int c = r.nr_iov ? *(char *)r.iov[0].iov_base : -1;
	file_read_end(&r);
	return c;
}

static void test_shorter(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = written(x, "a", 200);
	int64_t before = free_pages_all(x->vm);
	assert_int_equal(file_truncate(i, 100 * PAGE_SIZE + 10), 0);
	assert_int_equal(stat_of(i).st_size, 100 * PAGE_SIZE + 10);
	assert_int_equal(i->map.nr_pages, 101);
	assert_int_equal(i->map.nr_dirty, 101);
	assert_int_equal(node_sum(x->vm, NR_FILE_DIRTY), 101);
	assert_true(free_pages_all(x->vm) >= before + 99);
	assert_int_equal(byte_at(i, 100 * PAGE_SIZE + 9), 'a');
	assert_int_equal(byte_at(i, 100 * PAGE_SIZE + 10), -1);
	assert_int_equal(file_truncate(i, 300 * PAGE_SIZE), 0);
	assert_int_equal(byte_at(i, 100 * PAGE_SIZE + 10), 0);
	assert_int_equal(byte_at(i, 250 * PAGE_SIZE), 0);
	assert_int_equal(file_truncate(i, 0), 0);
	assert_int_equal(i->map.nr_pages + i->map.nr_dirty + i->map.nr_nodes, 0);
	assert_int_equal(node_sum(x->vm, NR_FILE_PAGES) + node_sum(x->vm, NR_FILE_DIRTY), 0);
	assert_verified(x->vm);
	close_file(i);
}

/* Pages wholly inside go, of the others the bytes. */
static void test_a_hole(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = written(x, "a", 10);
	assert_int_equal(file_truncate(i, 10 * PAGE_SIZE), 0);
	pthread_rwlock_wrlock(&i->io);
	filemap_remove(i, 2 * PAGE_SIZE + 100, 4 * PAGE_SIZE);
	filemap_remove(i, 8 * PAGE_SIZE + 5, 10);
	pthread_rwlock_unlock(&i->io);
	assert_int_equal(i->map.nr_pages, 7);
	assert_int_equal(byte_at(i, 2 * PAGE_SIZE + 99), 'a');
	assert_int_equal(byte_at(i, 2 * PAGE_SIZE + 100), 0);
	assert_int_equal(byte_at(i, 6 * PAGE_SIZE + 99), 0);
	assert_int_equal(byte_at(i, 6 * PAGE_SIZE + 100), 'a');
	assert_int_equal(byte_at(i, 8 * PAGE_SIZE + 4), 'a');
	assert_int_equal(byte_at(i, 8 * PAGE_SIZE + 5), 0);
	assert_int_equal(byte_at(i, 8 * PAGE_SIZE + 14), 0);
	assert_int_equal(byte_at(i, 8 * PAGE_SIZE + 15), 'a');
	close_file(i);
}

static void test_dropping_leaves_what_is_dirty(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *a = written(x, "a", 100), *b = written(x, "b", 500);
	assert_int_equal(files_drop_pagecache(x->files), 0);
	assert_int_equal(writeback_inode(b), 0);
	assert_int_equal(files_drop_pagecache(x->files), 500);
	assert_int_equal(b->map.nr_pages + b->map.nr_nodes, 0);
	assert_int_equal(a->map.nr_pages, 100);
	assert_int_equal(node_sum(x->vm, NR_FILE_PAGES), 100);
	assert_int_equal(byte_at(b, 499 * PAGE_SIZE), 'a');
	assert_int_equal(filemap_invalidate(b), b->map.nr_pages);
	assert_verified(x->vm);
	close_file(a);
	close_file(b);
}

static void test_in_memory_nothing_is_dropped(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = written(x, "a", 100);
	assert_int_equal(files_drop_pagecache(x->files), 0);
	assert_int_equal(byte_at(i, 99 * PAGE_SIZE), 'a');
	assert_int_equal(file_truncate(i, PAGE_SIZE / 2), 0);
	assert_int_equal(node_sum(x->vm, NR_SHMEM), 1);
	assert_int_equal(file_truncate(i, PAGE_SIZE), 0);
	assert_int_equal(byte_at(i, PAGE_SIZE / 2), 0);
	close_file(i);
}

/* Cut short and closed: nothing of it is to be written, so the store may close it, and its times are ours. */
static void test_closed_after_it_was_cut(void **state)
{
	struct file_fixture *x = *state;
	struct source *source = x->files->store_ctx;
	struct stat st;
	struct file_inode *i = create(x->root, "cut");
	assert_int_equal(file_write(i, "dirty", 5, 0), 5);
	assert_int_equal(file_truncate(i, 0), 0);
	assert_int_equal(source->nr_data, 1);
	file_release(i, O_RDWR);
	assert_int_equal(source->nr_data, 0);
	assert_int_equal(file_open(i, O_WRONLY | O_TRUNC), 0);
	file_release(i, O_WRONLY);
	assert_int_equal(source->nr_data, 0);
	assert_int_equal(stat(source_path(x, "cut"), &st), 0);
	assert_int_equal(stat_of(i).st_mtim.tv_sec, st.st_mtim.tv_sec);
	assert_int_equal(stat_of(i).st_mtim.tv_nsec, st.st_mtim.tv_nsec);
	file_put(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_shorter),
		FILE_TEST(test_closed_after_it_was_cut),
		FILE_TEST(test_a_hole),
		FILE_TEST(test_dropping_leaves_what_is_dirty),
		FILE_TEST_MEMORY(test_in_memory_nothing_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
