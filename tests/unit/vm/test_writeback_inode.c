/* SPDX-License-Identifier: MIT */
/* One file's way to the store: batches, times, errors that one fsync tells. */
#include "support/writeback_fixture.h"

static void test_all_of_it(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	files_enter(x->files);
	struct file_inode *i = file_of(x, 1);
	fill(i, 100, 3 * PAGE_SIZE, 'a');
	assert_int_equal(dirty_pages_now(x), 4);
	assert_int_equal(x->files->writeback->nr_listed, 1);
	assert_int_equal(writeback_inode(i), 0);
	assert_int_equal(x->store.file[1].size, 100 + 3 * PAGE_SIZE);
	assert_stored(x, 1, 0, 100, 0);
	assert_stored(x, 1, 100, 3 * PAGE_SIZE, 'a');
	assert_int_equal(x->store.writes, 1);
	assert_int_equal(dirty_pages_now(x), 0);
	assert_int_equal(node_sum(x->vm, NR_WRITEBACK), 0);
	assert_int_equal(node_sum(x->vm, NR_WRITTEN), 4);
	assert_int_equal(x->files->writeback->nr_listed, 0);
	assert_int_equal(writeback_inode(i), 0);
	assert_int_equal(x->store.writes, 1);
	file_put(i);
	files_leave(x->files);
	files_end(x);
}

/* Runs are as long as there are neighbours, but for the bound of a batch. */
static void test_batches(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	files_enter(x->files);
	struct file_inode *i = file_of(x, 1);
	fill(i, 0, 3ul << 20, 'b');
	fill(i, (4ul << 20) + 5, 1, 'c');
	assert_int_equal(writeback_inode(i), 0);
	assert_int_equal(x->store.largest, 1ul << 20);
	assert_true(x->store.writes >= 4);
	assert_stored(x, 1, 0, 3ul << 20, 'b');
	assert_stored(x, 1, 3ul << 20, (1ul << 20) + 5, 0);
	assert_stored(x, 1, (4ul << 20) + 5, 1, 'c');
	file_put(i);
	files_leave(x->files);
	files_end(x);
}

/* Writing moves the store's time; afterwards it is the one that clients were told. */
static void test_times(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	files_enter(x->files);
	struct file_inode *i = file_of(x, 2);
	fill(i, 0, 10, 't');
	struct timespec told = i->attr.mtime;
	assert_true(i->times_changed);
	assert_int_equal(writeback_inode(i), 0);
	assert_int_equal(x->store.setattrs, 1);
	assert_false(i->times_changed);
	assert_memory_equal(&x->store.file[2].mtime, &told, sizeof(told));
	assert_memory_equal(&i->attr.mtime, &told, sizeof(told));
	assert_memory_equal(&i->store_mtime, &told, sizeof(told));
	assert_int_equal(i->store_ctime.tv_sec, x->store.file[2].ctime.tv_sec);
	/* and it does not look like somebody else's change */
	struct file_attr a;
	stored_attr(i, 2, &a);
	uint64_t changes = i->changes;
	file_inode_refresh(i, &a);
	assert_int_equal(i->changes, changes);
	/* a store that lets us not set it: its own is told */
	x->store.setattr_error = -EPERM;
	fill(i, 0, 10, 'u');
	assert_int_equal(writeback_inode(i), 0);
	assert_false(i->times_changed);
	assert_memory_equal(&i->attr.mtime, &x->store.file[2].mtime, sizeof(told));
	file_put(i);
	files_leave(x->files);
	files_end(x);
}

static void test_errors(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	files_enter(x->files);
	struct file_inode *i = file_of(x, 1);
	uint64_t pages = 0;
	fill(i, 0, 5 * PAGE_SIZE, 'e');
	x->store.write_error = -ENOSPC;
	assert_int_equal(writeback_inode(i), -ENOSPC);
	assert_int_equal(writeback_inode(i), -ENOSPC); /* it is tried again */
	assert_int_equal(dirty_pages_now(x), 5);
	assert_int_equal(x->files->writeback->nr_listed, 1);
	assert_int_equal(inode_write(i, 0, false, NULL, &pages), -ENOSPC); /* nobody was told */
	assert_int_equal(pages, 0);
	x->store.write_error = 0;
	assert_int_equal(writeback_inode(i), -ENOSPC); /* once, though all is there now */
	assert_stored(x, 1, 0, 5 * PAGE_SIZE, 'e');
	assert_int_equal(writeback_inode(i), 0);
	assert_int_equal(dirty_pages_now(x), 0);
	x->store.shorter = true;
	fill(i, 0, PAGE_SIZE, 'f');
	assert_int_equal(writeback_inode(i), -EIO);
	assert_int_equal(dirty_pages_now(x), 1);
	x->store.shorter = false;
	assert_int_equal(writeback_inode(i), 0);
	assert_stored(x, 1, 0, PAGE_SIZE, 'f');
	file_put(i);
	files_leave(x->files);
	files_end(x);
}

static void *writer_main(void *arg)
{
	fill(arg, 7, 1, 'z');
	return NULL;
}

static void write_meanwhile(struct file_inode *i)
{
	struct fake_store *s = i->files->store_ctx;
	pthread_t writer;
	s->on_write = NULL;
	assert_int_equal(pthread_create(&writer, NULL, writer_main, i), 0);
	pthread_join(writer, NULL);
}

/* What is written while its page is on its way makes it dirty again, and the new bytes follow. */
static void test_redirtied(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	files_enter(x->files);
	struct file_inode *i = file_of(x, 1);
	uint64_t pages = 0;
	fill(i, 0, PAGE_SIZE, 'r');
	x->store.on_write = write_meanwhile;
	assert_int_equal(inode_write(i, 0, false, NULL, &pages), 0);
	assert_int_equal(pages, 1);
	assert_int_equal(dirty_pages_now(x), 1);
	assert_true(i->times_changed);
	assert_int_equal(x->files->writeback->nr_listed, 1);
	assert_int_equal(writeback_inode(i), 0);
	assert_stored(x, 1, 7, 1, 'z');
	assert_false(i->times_changed);
	file_put(i);
	files_leave(x->files);
	files_end(x);
}

/* From a page in the middle it goes once around. */
static void test_around(void **state)
{
	(void)state;
	struct files_fixture *x = files_begin();
	files_enter(x->files);
	struct file_inode *i = file_of(x, 1);
	uint64_t pages = 0;
	for (unsigned n = 0; n < 8; n += 2)
		fill(i, n * PAGE_SIZE, PAGE_SIZE, 'o');
	assert_int_equal(inode_write(i, 3, false, NULL, &pages), 0);
	assert_int_equal(pages, 4);
	assert_int_equal(dirty_pages_now(x), 0);
	fill(i, 0, 1, 'p');
	assert_int_equal(inode_write(i, 99, false, NULL, &pages), 0); /* the file has become shorter */
	assert_int_equal(pages, 5);
	/* whoever must not wait leaves a file that somebody is at */
	fill(i, 0, 1, 'q');
	pthread_rwlock_wrlock(&i->io);
	assert_int_equal(inode_write(i, 0, true, NULL, &pages), 0);
	assert_int_equal(pages, 5);
	pthread_rwlock_unlock(&i->io);
	assert_int_equal(dirty_pages_now(x), 1);
	file_put(i);
	files_leave(x->files);
	files_end(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_it), cmocka_unit_test(test_batches),
		cmocka_unit_test(test_times),     cmocka_unit_test(test_errors),
		cmocka_unit_test(test_redirtied), cmocka_unit_test(test_around),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
