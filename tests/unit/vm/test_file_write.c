/* SPDX-License-Identifier: MIT */
#include "support/file_fixture.h"

#include "vm/file_tree.h"

#define MIB (1ul << 20)

static void assert_bytes(struct file_inode *i, uint64_t offset, const void *expected, size_t len)
{
	struct file_read r;
	assert_int_equal(file_read_begin(i, offset, len, &r), 0);
	size_t done = 0;
	for (unsigned v = 0; v < r.nr_iov; v++) {
		assert_memory_equal(r.iov[v].iov_base, (const char *)expected + done, r.iov[v].iov_len);
		done += r.iov[v].iov_len;
	}
	file_read_end(&r);
	assert_int_equal(done, len);
}

static void assert_source(struct file_fixture *x, const char *name, uint64_t offset,
			  const void *expected, size_t len)
{
	char *got = malloc(len);
	int fd = open(source_path(x, name), O_RDONLY);
	assert_int_equal(pread(fd, got, len, (off_t)offset), len);
	assert_memory_equal(got, expected, len);
	close(fd);
	free(got);
}

static char *pattern(size_t len, unsigned seed)
{
	char *p = malloc(len);
	for (size_t n = 0; n < len; n++)
		p[n] = (char)((n * 7 + (n >> 12) + seed) | 1);
	return p;
}

static void test_what_is_written_is_read(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	char *text = pattern(MIB + 5000, 1);
	assert_int_equal(file_write(i, text, MIB + 5000, 0), MIB + 5000);
	assert_int_equal(stat_of(i).st_size, MIB + 5000);
	assert_bytes(i, 0, text, MIB);
	assert_bytes(i, MIB, text + MIB, 5000);
	assert_bytes(i, 4090, text + 4090, 20);
	assert_int_equal(i->map.nr_pages, 258);
	assert_int_equal(i->map.nr_dirty, 258);
	assert_int_equal(node_sum(x->vm, NR_FILE_PAGES), 258);
	assert_int_equal(node_sum(x->vm, NR_FILE_DIRTY), 258);
	assert_int_equal(node_sum(x->vm, NR_INACTIVE_FILE), 258 - node_sum(x->vm, NR_ACTIVE_FILE));
	assert_int_equal(node_sum(x->vm, NR_DIRTIED), 258);
	assert_verified(x->vm);
	assert_int_equal(writeback_inode(i), 0);
	assert_int_equal(node_sum(x->vm, NR_FILE_DIRTY) + node_sum(x->vm, NR_WRITEBACK), 0);
	assert_int_equal(node_sum(x->vm, NR_WRITTEN), 258);
	assert_source(x, "a", 0, text, MIB + 5000);
	free(text);
	close_file(i);
}

static struct file_store_ops dropping_store;
static ssize_t (*source_reads)(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset);

/* Reclaim takes what it can while the store reads. */
static ssize_t dropping_read(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset)
{
	filemap_invalidate(i);
	return source_reads(i, iov, nr, offset);
}

/* The first page is there, the last one has to be read: the first one stays meanwhile. */
static void test_edge_stays(void **state)
{
	struct file_fixture *x = *state;
	const size_t size = 250 * PAGE_SIZE, len = 200 * PAGE_SIZE;
	struct file_inode *i = create(x->root, "edge");
	char *text = pattern(size, 5), *more = pattern(len, 6);
	const struct file_store_ops *store = x->files->store;
	struct file_read r;
	assert_int_equal(file_write(i, text, size, 0), size);
	assert_int_equal(writeback_inode(i), 0);
	filemap_invalidate(i);
	assert_int_equal(file_read_begin(i, 0, 100, &r), 0);
	file_read_end(&r);
	assert_in_range(i->map.nr_pages, 1, 200);
	dropping_store = *store;
	source_reads = store->read;
	dropping_store.read = dropping_read;
	x->files->store = &dropping_store;
	assert_int_equal(file_write(i, more, len, 100), len);
	x->files->store = store;
	memcpy(text + 100, more, len);
	assert_bytes(i, 0, text, size);
	assert_int_equal(writeback_inode(i), 0);
	assert_source(x, "edge", 0, text, size);
	free(text);
	free(more);
	close_file(i);
}

/* Parts of pages that are in the source only, are nowhere, and are there. */
static void test_parts_of_pages(void **state)
{
	struct file_fixture *x = *state;
	char *text = pattern(5 * PAGE_SIZE, 2);
	text[5 * PAGE_SIZE - 1] = 0;
	source_write_file(x, "a", text);
	size_t len = strlen(text);
	struct file_inode *i = lookup(x->root, "a");
	assert_int_equal(file_open(i, O_RDWR), 0);
	memset(text + 100, 'x', 2 * PAGE_SIZE);
	assert_int_equal(file_write(i, text + 100, 2 * PAGE_SIZE, 100), 2 * PAGE_SIZE);
	assert_bytes(i, 0, text, len);
	assert_int_equal(i->map.nr_dirty, 3);
	text[7] = 'y';
	assert_int_equal(file_write(i, text + 7, 1, 7), 1); /* there, and dirty already */
	assert_int_equal(node_sum(x->vm, NR_DIRTIED), 3);
	assert_bytes(i, 0, text, len);
	assert_int_equal(file_write(i, "end", 3, 20 * PAGE_SIZE + 50), 3); /* behind a hole */
	static const char zeros[15 * PAGE_SIZE];
	assert_bytes(i, 5 * PAGE_SIZE, zeros, 15 * PAGE_SIZE);
	assert_bytes(i, 20 * PAGE_SIZE, zeros, 50);
	assert_bytes(i, 20 * PAGE_SIZE + 50, "end", 3);
	assert_int_equal(writeback_inode(i), 0);
	assert_source(x, "a", 0, text, len);
	assert_source(x, "a", 20 * PAGE_SIZE + 50, "end", 3);
	free(text);
	close_file(i);
}

/* The last page as it is kept is zero past the end, also when the file grows over it. */
static void test_growing_shows_zeros(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	assert_int_equal(file_write(i, "0123456789", 10, 0), 10);
	assert_int_equal(file_truncate(i, 4), 0);
	assert_int_equal(file_write(i, "e", 1, 8), 1);
	assert_bytes(i, 0, "0123\0\0\0\0e", 9);
	assert_int_equal(writeback_inode(i), 0);
	assert_source(x, "a", 0, "0123\0\0\0\0e", 9);
	close_file(i);
}

static void test_too_far(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	assert_int_equal(file_write(i, "a", 1, 1ull << 44), -EFBIG);
	assert_int_equal(file_write(i, "ab", 2, (1ull << 44) - 1), 1);
	assert_int_equal(file_truncate(i, (1ull << 44) + 1), -EFBIG);
	assert_int_equal(file_write(i, "", 0, 0), 0);
	assert_int_equal(file_truncate(i, 0), 0);
	close_file(i);
}

static void test_in_memory_is_shmem(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	char *text = pattern(10 * PAGE_SIZE, 3);
	assert_int_equal(file_write(i, text, 10 * PAGE_SIZE, PAGE_SIZE), 10 * PAGE_SIZE);
	assert_int_equal(node_sum(x->vm, NR_SHMEM), 10);
	assert_int_equal(node_sum(x->vm, NR_FILE_PAGES), 10);
	assert_int_equal(node_sum(x->vm, NR_INACTIVE_ANON) + node_sum(x->vm, NR_ACTIVE_ANON), 10);
	assert_int_equal(node_sum(x->vm, NR_FILE_DIRTY), 0);
	static const char zeros[PAGE_SIZE];
	assert_bytes(i, 0, zeros, PAGE_SIZE);
	assert_int_equal(node_sum(x->vm, NR_SHMEM), 10); /* a hole has no page */
	assert_bytes(i, PAGE_SIZE, text, 10 * PAGE_SIZE);
	assert_int_equal(reclaim_drop_pagecache(&x->vm->policy), 0);
	assert_bytes(i, PAGE_SIZE, text, 10 * PAGE_SIZE);
	assert_int_equal(file_truncate(i, PAGE_SIZE), 0);
	assert_int_equal(node_sum(x->vm, NR_SHMEM), 0);
	free(text);
	close_file(i);
}

/* Half of the machine is what a store in memory takes. */
static void test_in_memory_is_full(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	char *text = pattern(MIB, 4);
	uint64_t done = 0;
	ssize_t n;
	while ((n = file_write(i, text, MIB, done)) > 0)
		done += (uint64_t)n;
	assert_int_equal(n, -ENOSPC);
	assert_in_range(done >> PAGE_SHIFT, x->vm->total_pages / 2 - 2, x->vm->total_pages / 2);
	assert_bytes(i, done - PAGE_SIZE, text + (done - PAGE_SIZE) % MIB, PAGE_SIZE);
	assert_int_equal(file_truncate(i, 0), 0);
	assert_int_equal(file_write(i, text, MIB, 0), MIB);
	free(text);
	close_file(i);
}

/* Of every allocation that fails: an error and nothing, or a part, and what was said is there. */
static void sweep(struct file_fixture *x, enum fault_site site)
{
	char *text = pattern(40 * PAGE_SIZE, 5), name[16];
	for (unsigned n = 1;; n++) {
		snprintf(name, sizeof(name), "f%u", n);
		struct file_inode *i = create(x->root, name);
		fault_arm(site, n);
		ssize_t done = file_write(i, text + 5, 39 * PAGE_SIZE, 5);
		bool fired = fault_fired(site);
		fault_arm(site, 0);
		assert_true(done > 0 || done == -ENOMEM);
		assert_false(i->writing);
		assert_verified(x->vm);
		if (done > 0)
			assert_bytes(i, 5, text + 5, (size_t)done);
		assert_int_equal(i->map.nr_pages, node_sum(x->vm, NR_FILE_PAGES));
		assert_int_equal(file_truncate(i, 0), 0);
		assert_int_equal(i->map.nr_nodes, 0);
		assert_int_equal(file_unlink(x->root, name), 0);
		close_file(i);
		if (!fired)
			break;
	}
	free(text);
}

static void test_faults(void **state)
{
	struct file_fixture *x = *state;
	sweep(x, FAULT_BUDDY_TAKE);
	sweep(x, FAULT_REGION_CHARGE);
	sweep(x, FAULT_HOST_MALLOC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_what_is_written_is_read),
		FILE_TEST(test_parts_of_pages),
		FILE_TEST(test_edge_stays),
		FILE_TEST(test_growing_shows_zeros),
		FILE_TEST(test_too_far),
		FILE_TEST_MEMORY(test_in_memory_is_shmem),
		FILE_TEST_MEMORY(test_in_memory_is_full),
		FILE_TEST(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
