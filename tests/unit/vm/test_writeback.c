/* SPDX-License-Identifier: MIT */
/* When dirty pages are written, and which: limits, age, turns, reclaim, sync, the end. */
#include "support/writeback_fixture.h"

#include "base/client.h"
#include "vm/file_orphan.h"

#include <unistd.h>

/* Limits in pages: more than so many make a writer write, more than so many start the background. */
static void limits(struct files_fixture *x, uint64_t pages, uint64_t background)
{
	WRITE_RELAXED(&x->vm->dirty.bytes, pages * PAGE_SIZE);
	WRITE_RELAXED(&x->vm->dirty.background_bytes, background * PAGE_SIZE);
}

/* Past the background limit the oldest are written until it is met; below it nothing is. */
static void test_background(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	struct file_inode *i[3];
	files_enter(x->files);
	limits(x, 4096, 640);
	for (unsigned n = 0; n < 3; n++) {
		i[n] = file_of(x, n + 1);
		fill(i[n], 0, 256 * PAGE_SIZE, 'a' + (int)n);
		assert_int_equal(x->store.writes, n == 2);
	}
	assert_stored(x, 1, 0, 256 * PAGE_SIZE, 'a');
	assert_int_equal(x->store.file[2].size, 0);
	assert_int_equal(dirty_pages_now(x), 512);
	assert_int_equal(x->files->writeback->nr_listed, 2);
	for (unsigned n = 0; n < 3; n++)
		file_put(i[n]);
	files_leave(x->files);
	files_end(x);
}

/* Age counts from when the first page became dirty; turns come with the machine's time. */
static void test_expiry(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	struct writeback *w = x->files->writeback;
	files_enter(x->files);
	struct file_inode *i = file_of(x, 1), *young = file_of(x, 2);
	clock_advance(&x->vm->machine.clock, 1000000000);
	fill(i, 0, 1, 'x');
	files_leave(x->files);
	for (unsigned second = 1; second <= 40; second++) {
		clock_advance(&x->vm->machine.clock, 1000000000);
		writeback_tick(x->files);
		if (second == 30) {
			files_enter(x->files);
			fill(young, 0, 1, 'y');
			files_leave(x->files);
		}
		if (second < 30)
			assert_int_equal(x->store.writes, 0);
	}
	assert_int_equal(x->store.writes, 1);
	assert_stored(x, 1, 0, 1, 'x');
	assert_int_equal(w->nr_listed, 1);
	/* no turns, no writing */
	x->vm->dirty.writeback_centisecs = 0;
	for (unsigned second = 0; second < 100; second++) {
		clock_advance(&x->vm->machine.clock, 1000000000);
		writeback_tick(x->files);
	}
	assert_int_equal(x->store.writes, 1);
	x->vm->dirty.writeback_centisecs = 100;
	writeback_tick(x->files);
	assert_int_equal(x->store.writes, 2);
	files_enter(x->files);
	file_put(i);
	file_put(young);
	files_leave(x->files);
	files_end(x);
}

static void test_writer_past_the_limit(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	files_enter(x->files);
	limits(x, 300, 0);
	x->vm->dirty.background_ratio = 10;
	struct file_inode *i = file_of(x, 1);
	for (unsigned n = 0; n < 20; n++) {
		fill(i, n * 100 * PAGE_SIZE, 100 * PAGE_SIZE, 'w');
		assert_true(dirty_pages_now(x) <= 300);
	}
	file_put(i);
	files_leave(x->files);
	files_end(x);
}

/* A store that takes nothing makes nobody wait, is not bothered all the time, and what is dirty stays. */
static void test_store_refuses(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	files_enter(x->files);
	limits(x, 100, 50);
	x->store.write_error = -EIO;
	struct file_inode *i = file_of(x, 1);
	for (unsigned n = 0; n < 2; n++)
		fill(i, n * 64 * PAGE_SIZE, 64 * PAGE_SIZE, 'i');
	assert_int_equal(dirty_pages_now(x), 2 * 64);
	assert_in_range(x->store.writes, 1, 3);
	assert_int_equal(writeback_throttle(x->files, 64), 0);
	assert_false(writeback_wait(x->files, 10)); /* nothing to wait for */
	struct ring_record r;
	assert_true(ring_read(&x->vm->log, ring_next(&x->vm->log) - 1, &r));
	assert_non_null(strstr(r.text, "takes no data: Input/output error"));
	x->store.write_error = 0;
	clock_advance(&x->vm->machine.clock, 2000000000);
	fill(i, 0, 64 * PAGE_SIZE, 'j');
	assert_true(dirty_pages_now(x) <= 100);
	assert_int_equal(writeback_inode(i), -EIO);
	assert_int_equal(writeback_inode(i), 0);
	assert_stored(x, 1, 0, 64 * PAGE_SIZE, 'j');
	file_put(i);
	files_leave(x->files);
	files_end(x);
}

/* What cannot leave does not fill memory: past the limit the writer gets the store's answer. */
static void test_full_store(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	char bytes[100];
	memset(bytes, 'f', sizeof(bytes));
	files_enter(x->files);
	limits(x, 100, 50);
	struct file_inode *i = file_of(x, 1), *other = file_of(x, 2);
	x->store.write_error = -ENOSPC;
	fill(i, 0, 128 * PAGE_SIZE, 'i');
	assert_true(writeback_is_stuck(x->files->writeback));
	uint64_t dirty = dirty_pages_now(x);
	assert_int_equal(file_write(i, bytes, sizeof(bytes), 0), -ENOSPC);
	assert_int_equal(file_write(other, bytes, sizeof(bytes), 7), -ENOSPC);
	assert_int_equal(dirty_pages_now(x), dirty);
	assert_int_equal(other->attr.size, 0);
	assert_int_equal(x->store.file[2].size, 0); /* nothing of it is left behind */
	/* What the store has room for goes on. */
	x->store.write_error = 0;
	assert_int_equal(file_write(other, bytes, sizeof(bytes), 7), sizeof(bytes));
	assert_stored(x, 2, 7, sizeof(bytes), 'f');
	assert_int_equal(other->store_size, 7 + sizeof(bytes));
	assert_int_equal(other->attr.size, 7 + sizeof(bytes));
	assert_int_equal(files_sync(x->files, false), 0);
	assert_false(writeback_is_stuck(x->files->writeback));
	assert_stored(x, 1, 0, 128 * PAGE_SIZE, 'i');
	uint64_t writes = x->store.writes;
	fill(other, 0, 10, 'g'); /* through the cache again */
	assert_int_equal(x->store.writes, writes);
	file_put(i);
	file_put(other);
	files_leave(x->files);
	files_end(x);
}

static bool gone(struct client *c)
{
	(void)c;
	return true;
}

static void test_client_goes(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	struct client c = { .interrupted = gone };
	files_enter(x->files);
	struct file_inode *i = file_of(x, 1);
	fill(i, 0, 200 * PAGE_SIZE, 'c');
	limits(x, 100, 99);
	x->files->writeback->at_work = true; /* no background meanwhile */
	struct client *before = client_set(&c);
	int error = 0;
	for (unsigned n = 0; n < 100 && !error; n++) {
		error = writeback_throttle(x->files, 32);
		usleep(1000);
	}
	client_set(before);
	x->files->writeback->at_work = false;
	assert_true(error == -EINTR || !x->files->writeback->nr_listed);
	file_put(i);
	files_leave(x->files);
	files_end(x);
}

static void test_sync(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	struct file_inode *i[STORE_FILES];
	files_enter(x->files);
	for (unsigned n = 0; n < STORE_FILES; n++) {
		i[n] = file_of(x, n + 1);
		fill(i[n], 0, 5, '0' + (int)n);
	}
	assert_int_equal(files_sync(x->files, false), 0);
	assert_int_equal(x->store.syncs, 0);
	for (unsigned n = 0; n < STORE_FILES; n++)
		assert_stored(x, n + 1, 0, 5, '0' + (int)n);
	assert_int_equal(dirty_pages_now(x), 0);
	assert_int_equal(files_sync(x->files, true), 0);
	assert_int_equal(x->store.syncs, 1);
	/* every file is tried, the first error is the answer, and none is tried twice */
	uint64_t writes = x->store.writes;
	x->store.write_error = -EDQUOT;
	for (unsigned n = 0; n < STORE_FILES; n++)
		fill(i[n], 0, 5, 'n');
	assert_int_equal(files_sync(x->files, false), -EDQUOT);
	assert_int_equal(x->store.writes, writes + STORE_FILES);
	x->store.write_error = 0;
	for (unsigned n = 0; n < STORE_FILES; n++)
		file_put(i[n]);
	files_leave(x->files);
	files_end(x);
}

static void test_reclaim_asks(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	files_enter(x->files);
	assert_false(writeback_wait(x->files, 10));
	struct file_inode *i = file_of(x, 1);
	fill(i, 0, 5, 'r');
	writeback_wait(x->files, 10);
	assert_stored(x, 1, 0, 5, 'r');
	fill(i, 0, 5, 's');
	writeback_wake(x->files); /* only says so */
	assert_int_equal(x->store.writes, 1);
	files_leave(x->files);
	writeback_tick(x->files);
	assert_stored(x, 1, 0, 5, 's');
	files_enter(x->files);
	file_put(i);
	files_leave(x->files);
	files_end(x);
}

/* What is dirty at the end is written. */
static void test_end(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	files_enter(x->files);
	struct file_inode *i = file_of(x, 1);
	fill(i, 0, 5, 'e');
	file_put(i);
	files_leave(x->files);
	writeback_stop(x->files);
	writeback_fini(x->files);
	assert_stored(x, 1, 0, 5, 'e');
	files_end(x);
}

/* With the flusher: what is dirty is written without anybody waiting for it. */
static void test_flusher(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin_as(false);
	x->vm->dirty.writeback_centisecs = 1;
	x->vm->dirty.expire_centisecs = 5;
	struct file_inode *i[STORE_FILES];
	files_enter(x->files);
	for (unsigned n = 0; n < STORE_FILES; n++)
		i[n] = file_of(x, n + 1);
	files_leave(x->files);
	assert_int_equal(writeback_start(x->files), 0);
	for (unsigned round = 0; round < 20; round++) {
		files_enter(x->files);
		fill(i[round % STORE_FILES], round * PAGE_SIZE, PAGE_SIZE, 'f');
		files_leave(x->files);
		usleep(3000);
	}
	for (unsigned n = 0; n < 1000 && READ_RELAXED(&x->files->writeback->nr_listed); n++)
		usleep(5000);
	assert_int_equal(READ_RELAXED(&x->files->writeback->nr_listed), 0);
	limits(x, 200, 100);
	WRITE_RELAXED(&x->vm->dirty.writeback_centisecs, 0);
	writeback_wake(x->files);
	for (unsigned round = 0; round < 40; round++) {
		files_enter(x->files);
		fill(i[round % STORE_FILES], 0, 64 * PAGE_SIZE, (int)round);
		files_leave(x->files);
		if (round % 8 == 7)
			writeback_wait(x->files, 1000);
	}
	writeback_stop(x->files);
	files_enter(x->files);
	for (unsigned n = 0; n < STORE_FILES; n++)
		file_put(i[n]);
	files_leave(x->files);
	assert_true(dirty_pages_now(x) <= 264);
	writeback_fini(x->files);
	for (unsigned n = 0; n < STORE_FILES; n++)
		assert_stored(x, 1 + n, 0, 64 * PAGE_SIZE, (int)(32 + n));
	files_end(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_background),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_writer_past_the_limit),
		cmocka_unit_test(test_store_refuses),
		cmocka_unit_test(test_full_store),
		cmocka_unit_test(test_client_goes),
		cmocka_unit_test(test_sync),
		cmocka_unit_test(test_reclaim_asks),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_flusher),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
