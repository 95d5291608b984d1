/* SPDX-License-Identifier: MIT */
/* The store in memory, beyond what every store does (test_source.c). */
#include "support/ram_fixture.h"

#include <linux/falloc.h>
#include <sys/statvfs.h>

static struct file_attr attr_of(struct file_inode *i)
{
	struct file_attr a;
	assert_int_equal(i->files->store->getattr(i, &a), 0);
	return a;
}

static void test_the_root(void **state)
{
	struct ram *r = *state;
	struct file_attr a;
	assert_true(r->store->in_memory);
	assert_int_equal(attr_of(r->root).mode, S_IFDIR | 01777);
	assert_int_equal(attr_of(r->root).nlink, 2);
	assert_int_equal(attr_of(r->root).size, 40);
	tree_mkdir(r->root, "d");
	assert_int_equal(r->store->root(&r->tree.files, &a), 0);
	assert_int_equal(a.size, 60); /* as it is now */
}

static void test_times_of_a_new_file(void **state)
{
	struct ram *r = *state;
	struct timespec before, after;
	clock_gettime(CLOCK_REALTIME_COARSE, &before);
	struct file_attr a = attr_of(tree_mkfile(r->root, "f"));
	clock_gettime(CLOCK_REALTIME, &after);
	assert_true(a.mtime.tv_sec >= before.tv_sec && a.mtime.tv_sec <= after.tv_sec);
	assert_memory_equal(&a.mtime, &a.ctime, sizeof(a.mtime));
	assert_memory_equal(&a.mtime, &a.atime, sizeof(a.mtime));
}

static void test_numbers_are_never_used_again(void **state)
{
	struct ram *r = *state;
	uint64_t last = r->root->attr.ino;
	for (unsigned k = 0; k < 10; k++) {
		struct file_inode *f = tree_mkfile(r->root, "f");
		assert_true(f->attr.ino > last);
		assert_int_equal(f->attr.dev, r->root->attr.dev);
		last = f->attr.ino;
		assert_int_equal(tree_unlink(r->root, "f", false), 0);
		tree_forget(&r->tree, f);
	}
}

static void test_sizes_of_directories(void **state)
{
	struct ram *r = *state;
	struct file_inode *a = tree_mkdir(r->root, "a"), *b = tree_mkdir(r->root, "b");
	struct file_inode *f = tree_mkfile(a, "f");
	tree_mkfile(b, "g");
	assert_int_equal(attr_of(a).size, 60);
	assert_int_equal(tree_link(f, a, "h"), 0);
	assert_int_equal(attr_of(a).size, 80);
	assert_int_equal(tree_rename(a, "f", b, "g", RENAME_EXCHANGE), 0);
	assert_int_equal(attr_of(a).size, 80);
	assert_int_equal(tree_rename(a, "f", b, "g", 0), 0);
	assert_int_equal(attr_of(a).size, 60);
	assert_int_equal(attr_of(b).size, 60);
	assert_int_equal(tree_rename(a, "h", b, "h", 0), 0);
	assert_int_equal(attr_of(a).size, 40);
	assert_int_equal(attr_of(b).size, 80);
	assert_int_equal(tree_unlink(r->root, "a", true), 0);
	assert_int_equal(attr_of(r->root).size, 60);
}

static void test_space(void **state)
{
	struct ram *r = *state;
	struct files *f = &r->tree.files;
	struct statvfs st;
	assert_int_equal(r->store->charge(f, 501), -ENOSPC);
	assert_int_equal(r->store->charge(f, 500), 0);
	assert_int_equal(r->store->charge(f, 1), -ENOSPC);
	r->store->uncharge(f, 100);
	assert_int_equal(r->store->statfs(f, &st), 0);
	assert_int_equal(st.f_blocks, 500);
	assert_int_equal(st.f_bfree, 100);
	assert_int_equal(st.f_files, 500);
	assert_int_equal(st.f_ffree, 499);
	struct file_inode *i = tree_mkfile(r->root, "f");
	assert_int_equal(r->store->fallocate(i, 0, 0, 101 * 4096), -ENOSPC);
	assert_int_equal(r->store->fallocate(i, FALLOC_FL_KEEP_SIZE, 0, 100 * 4096), 0);
	assert_int_equal(r->store->fallocate(i, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1 << 30), 0);
	assert_int_equal(r->store->fallocate(i, FALLOC_FL_ZERO_RANGE, 0, 4096), -EOPNOTSUPP);
	r->store->uncharge(f, 400);
}

static void test_inodes_run_out(void **state)
{
	struct ram *r = *state;
	char name[16];
	int error = 0;
	unsigned nr = 0;
	for (; !error && nr < 1000; nr++) {
		snprintf(name, sizeof(name), "n%u", nr);
		tree_make(r->root, name, S_IFREG | 0600, &error);
	}
	assert_int_equal(error, -ENOSPC);
	assert_int_equal(nr, 500);
}

static void test_nothing_is_behind_the_pages(void **state)
{
	struct ram *r = *state;
	struct file_inode *f = tree_mkfile(r->root, "f");
	char c = 'x';
	struct iovec iov = { &c, 1 };
	assert_int_equal(r->store->open(f, true), 0);
	assert_int_equal(r->store->read(f, &iov, 1, 0), 0);
	assert_int_equal(r->store->write(f, &iov, 1, 0), -EIO);
	assert_int_equal(r->store->truncate(f, 100), 0);
	f->attr.size = 100;
	f->map.nr_pages = 1;
	assert_int_equal(attr_of(f).blocks, 8);
	assert_int_equal(r->store->seek(f, 99, SEEK_DATA), 99);
	assert_int_equal(r->store->seek(f, 5, SEEK_HOLE), 100);
	assert_int_equal(r->store->seek(f, 100, SEEK_HOLE), -ENXIO);
	assert_int_equal(r->store->seek(f, 0, SEEK_SET), -EINVAL);
	r->store->release(f);
}

static void test_directories_that_are_gone(void **state)
{
	struct ram *r = *state;
	struct file_inode *d = tree_mkdir(r->root, "d");
	int error;
	d->attr.nlink = 0; /* as the tree leaves it */
	tree_make(d, "f", S_IFREG | 0600, &error);
	assert_int_equal(error, -ENOENT);
	tree_mkfile(r->root, "g");
	assert_int_equal(tree_rename(r->root, "g", d, "g", 0), -ENOENT);
}

static void test_nothing_below_itself(void **state)
{
	struct ram *r = *state;
	struct file_inode *a = tree_mkdir(r->root, "a"), *b = tree_mkdir(a, "b"), *c = tree_mkdir(b, "c");
	assert_int_equal(tree_rename(r->root, "a", c, "a", 0), -EINVAL);
	assert_int_equal(tree_rename(r->root, "a", b, "c", RENAME_EXCHANGE), -EINVAL);
	assert_int_equal(tree_rename(b, "c", r->root, "a", RENAME_EXCHANGE), -EINVAL);
	assert_int_equal(tree_rename(b, "c", r->root, "a", 0), -ENOTEMPTY);
	assert_int_equal(tree_rename(b, "c", r->root, "c", 0), 0);
	assert_int_equal(tree_rename(r->root, "a", c, "a", 0), 0);
}

static void test_two_names_of_one_file(void **state)
{
	struct ram *r = *state;
	struct file_inode *f = tree_mkfile(r->root, "f");
	int error;
	assert_int_equal(tree_link(f, r->root, "g"), 0);
	uint64_t size = attr_of(r->root).size;
	assert_int_equal(tree_rename(r->root, "f", r->root, "g", 0), 0);
	assert_int_equal(attr_of(r->root).size, size);
	assert_ptr_equal(tree_lookup(r->root, "f", &error), f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RAM(test_the_root),
		RAM(test_times_of_a_new_file),
		RAM(test_numbers_are_never_used_again),
		RAM(test_sizes_of_directories),
		RAM(test_space),
		RAM(test_inodes_run_out),
		RAM(test_nothing_is_behind_the_pages),
		RAM(test_directories_that_are_gone),
		RAM(test_nothing_below_itself),
		RAM(test_two_names_of_one_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
