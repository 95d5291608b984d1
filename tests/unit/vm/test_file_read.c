/* SPDX-License-Identifier: MIT */
#include "support/file_fixture.h"

#include "vm/file_tree.h"
#include "vm/filemap_private.h"

#define MIB (1ul << 20)

static void source_fill(struct file_fixture *x, const char *name, const char *bytes, size_t len)
{
	int fd = open(source_path(x, name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_int_equal(pwrite(fd, bytes, len, 0), len);
	close(fd);
}

static char *pattern(size_t len)
{
	char *p = malloc(len);
	for (size_t n = 0; n < len; n++)
		p[n] = (char)((n * 13 + (n >> 12)) | 1);
	return p;
}

/* A file of the source, open. */
static struct file_inode *given(struct file_fixture *x, const char *name, const char *bytes, size_t len)
{
	source_fill(x, name, bytes, len);
	struct file_inode *i = lookup(x->root, name);
	assert_int_equal(file_open(i, O_RDONLY), 0);
	return i;
}

/* Returns bytes read, which are those of `expected`. */
static size_t read_at(struct file_inode *i, uint64_t offset, size_t len, const char *expected)
{
	struct file_read r;
	size_t done = 0;
	assert_int_equal(file_read_begin(i, offset, len, &r), 0);
	for (unsigned v = 0; v < r.nr_iov; v++) {
		assert_memory_equal(r.iov[v].iov_base, expected + offset + done, r.iov[v].iov_len);
		done += r.iov[v].iov_len;
	}
	file_read_end(&r);
	return done;
}

static uint64_t event_sum(struct vm *vm, enum vm_event e)
{
	uint64_t sum = 0;
	for (unsigned c = 0; c < vm->machine.nr_cpu_ids; c++)
		sum += vm->machine.cpu[c].event[e];
	return sum;
}

static void test_reads_what_the_source_has(void **state)
{
	struct file_fixture *x = *state;
	size_t len = 2 * MIB + 12345;
	char *bytes = pattern(len);
	struct file_inode *i = given(x, "a", bytes, len);
	for (uint64_t at = 0; at < len; at += 100000)
		assert_int_equal(read_at(i, at, 100000, bytes), MIN(100000, len - at));
	assert_int_equal(i->map.nr_pages, DIV_ROUND_UP(len, PAGE_SIZE));
	assert_int_equal(event_sum(x->vm, PGPGIN), DIV_ROUND_UP(len, PAGE_SIZE) * 4);
	assert_int_equal(read_at(i, 0, MIB, bytes), MIB);
	assert_int_equal(read_at(i, len, 10, bytes), 0);
	assert_int_equal(read_at(i, len - 1, 10, bytes), 1);
	assert_int_equal(read_at(i, 5, 8 * MIB, bytes), MIB); /* one request's worth */
	assert_int_equal(event_sum(x->vm, PGPGIN), DIV_ROUND_UP(len, PAGE_SIZE) * 4); /* nothing twice */
	assert_verified(x->vm);
	free(bytes);
	close_file(i);
}

/* Reading in a row brings windows, reading here and there single pages. */
static void test_reads_ahead(void **state)
{
	struct file_fixture *x = *state;
	char *bytes = pattern(4 * MIB);
	struct file_inode *i = given(x, "a", bytes, 4 * MIB);
	read_at(i, 0, 1, bytes);
	assert_int_equal(i->map.nr_pages, 4);
	read_at(i, PAGE_SIZE, 1, bytes); /* the mark */
	assert_int_equal(i->map.nr_pages, 4 + 8);
	read_at(i, 2 * PAGE_SIZE, 1, bytes);
	assert_int_equal(i->map.nr_pages, 4 + 8);
	read_at(i, 4 * PAGE_SIZE, 1, bytes);
	assert_int_equal(i->map.nr_pages, 4 + 8 + 16);
	read_at(i, 700 * PAGE_SIZE, 1, bytes);
	assert_int_equal(i->map.nr_pages, 4 + 8 + 16 + 1);
	free(bytes);
	close_file(i);
}

static void test_use_makes_active(void **state)
{
	struct file_fixture *x = *state;
	char *bytes = pattern(PAGE_SIZE);
	struct file_inode *i = given(x, "a", bytes, PAGE_SIZE);
	read_at(i, 0, 10, bytes);
	assert_int_equal(node_sum(x->vm, NR_INACTIVE_FILE), 1);
	read_at(i, 10, 10, bytes); /* more of the page that was read last is no second use */
	assert_int_equal(node_sum(x->vm, NR_ACTIVE_FILE), 0);
	i->readahead.prev = 1ull << 40;
	read_at(i, 10, 10, bytes);
	assert_int_equal(node_sum(x->vm, NR_ACTIVE_FILE), 1);
	free(bytes);
	close_file(i);
}

static void test_pinned_pages_stay(void **state)
{
	struct file_fixture *x = *state;
	char *bytes = pattern(16 * PAGE_SIZE);
	struct file_inode *i = given(x, "a", bytes, 16 * PAGE_SIZE);
	struct file_read r;
	read_at(i, 0, 16 * PAGE_SIZE, bytes);
	assert_int_equal(file_read_begin(i, 2 * PAGE_SIZE, 3 * PAGE_SIZE, &r), 0);
	assert_int_equal(reclaim_drop_pagecache(&x->vm->policy), 13);
	assert_int_equal(files_drop_pagecache(x->files), 0);
	assert_int_equal(i->map.nr_pages, 3);
	file_read_end(&r);
	assert_int_equal(files_drop_pagecache(x->files), 3);
	assert_int_equal(i->map.nr_nodes, 0);
	assert_int_equal(read_at(i, 0, 16 * PAGE_SIZE, bytes), 16 * PAGE_SIZE);
	free(bytes);
	close_file(i);
}

static void test_time_of_access_is_relative(void **state)
{
	struct file_fixture *x = *state;
	char *bytes = pattern(100);
	struct file_inode *i = given(x, "a", bytes, 100);
	i->attr.mtime = i->attr.ctime = (struct timespec){ 1000, 0 };
	i->attr.atime = (struct timespec){ 1000, 0 };
	read_at(i, 0, 1, bytes);
	assert_true(i->attr.atime.tv_sec > 1000000);
	i->attr.atime.tv_sec -= 3600;
	time_t was = i->attr.atime.tv_sec;
	read_at(i, 0, 1, bytes);
	assert_int_equal(i->attr.atime.tv_sec, was);
	i->attr.atime.tv_sec -= 24 * 3600;
	read_at(i, 0, 1, bytes);
	assert_true(i->attr.atime.tv_sec > was);
	free(bytes);
	close_file(i);
}

/* Every allocation that fails: an error, or fewer bytes, or no readahead; then it can be read. */
static void sweep(struct file_fixture *x, struct file_inode *i, const char *bytes, enum fault_site site)
{
	bool fired = true;
	for (unsigned n = 1; fired; n++) {
		struct file_read r;
		assert_int_equal(filemap_invalidate(i), i->map.nr_pages);
		i->readahead = (struct file_readahead){ 0 };
		fault_arm(site, n);
		int error = file_read_begin(i, 3, 40 * PAGE_SIZE, &r);
		fired = fault_fired(site);
		fault_arm(site, 0);
		assert_true(!error || error == -ENOMEM);
		if (!error) {
			assert_true(r.nr_iov > 0);
			file_read_end(&r);
		}
		assert_verified(x->vm);
		assert_int_equal(read_at(i, 0, 60 * PAGE_SIZE, bytes), 60 * PAGE_SIZE);
	}
}

static void test_faults(void **state)
{
	struct file_fixture *x = *state;
	char *bytes = pattern(70 * PAGE_SIZE);
	struct file_inode *i = given(x, "a", bytes, 70 * PAGE_SIZE);
	sweep(x, i, bytes, FAULT_BUDDY_TAKE);
	sweep(x, i, bytes, FAULT_REGION_CHARGE);
	sweep(x, i, bytes, FAULT_HOST_MALLOC);
	free(bytes);
	close_file(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_reads_what_the_source_has),  FILE_TEST(test_reads_ahead),
		FILE_TEST(test_use_makes_active),           FILE_TEST(test_pinned_pages_stay),
		FILE_TEST(test_time_of_access_is_relative), FILE_TEST(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
