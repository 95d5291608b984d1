/* SPDX-License-Identifier: MIT */
/* Opening: what has changed in the source is noticed. Directories. */

#include "support/file_fixture.h"

#include <sys/resource.h>

static void read_all(struct file_inode *i, char *to, size_t size)
{
	static struct file_read r;
	size_t at = 0;
	assert_int_equal(file_open(i, O_RDONLY), 0);
	assert_int_equal(file_read_begin(i, 0, size - 1, &r), 0);
	for (unsigned n = 0; n < r.nr_iov; n++) {
		memcpy(to + at, r.iov[n].iov_base, r.iov[n].iov_len);
		at += r.iov[n].iov_len;
	}
	to[at] = '\0';
	file_read_end(&r);
	file_release(i, O_RDONLY);
}

static void test_foreign_content(void **state)
{
	struct file_fixture *x = *state;
	char text[64];
	source_write_file(x, "a", "before");
	struct file_inode *i = lookup(x->root, "a");
	read_all(i, text, sizeof(text));
	assert_string_equal(text, "before");
	usleep(20000); /* a tick of the host's file system */
	source_write_file(x, "a", "after!");
	read_all(i, text, sizeof(text));
	assert_string_equal(text, "after!");
	file_put(i);
}

/* The times are put back by whoever changed it: ctime tells. */
static void test_foreign_content_in_disguise(void **state)
{
	struct file_fixture *x = *state;
	struct stat st;
	char text[64];
	source_write_file(x, "a", "before");
	assert_int_equal(stat(source_path(x, "a"), &st), 0);
	struct file_inode *i = lookup(x->root, "a");
	read_all(i, text, sizeof(text));
	usleep(20000);
	source_write_file(x, "a", "after!");
	assert_int_equal(utimensat(AT_FDCWD, source_path(x, "a"),
				   (struct timespec[]){ st.st_atim, st.st_mtim }, 0),
			 0);
	read_all(i, text, sizeof(text));
	assert_string_equal(text, "after!");
	file_put(i);
}

static void test_replaced(void **state)
{
	struct file_fixture *x = *state;
	char from[128], text[64];
	source_write_file(x, "a", "old");
	struct file_inode *i = lookup(x->root, "a"), *j;
	read_all(i, text, sizeof(text));
	source_write_file(x, "b", "new");
	strcpy(from, source_path(x, "b"));
	assert_int_equal(rename(from, source_path(x, "a")), 0);
	assert_int_equal(file_open(i, O_RDONLY), -ESTALE);
	assert_int_equal(i->opens, 0);
	j = lookup(x->root, "a");
	assert_ptr_not_equal(i, j);
	read_all(j, text, sizeof(text));
	assert_string_equal(text, "new");
	file_put(i);
	file_put(j);
}

static void test_removed(void **state)
{
	struct file_fixture *x = *state;
	source_write_file(x, "a", "text");
	struct file_inode *i = lookup(x->root, "a");
	assert_int_equal(unlink(source_path(x, "a")), 0);
	assert_int_equal(file_open(i, O_RDONLY), -ESTALE);
	file_put(i);
}

/* One of two names is wrong, the other leads there. */
static void test_other_name(void **state)
{
	struct file_fixture *x = *state;
	source_write_file(x, "a", "text");
	struct file_inode *i = lookup(x->root, "a");
	assert_int_equal(file_link(i, x->root, "b"), 0);
	assert_int_equal(unlink(source_path(x, "b")), 0);
	assert_int_equal(file_open(i, O_RDONLY), 0);
	assert_int_equal(lookup_error(x->root, "b"), -ENOENT);
	close_file(i);
}

static void test_truncating_open(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	assert_int_equal(file_write(i, "text", 4, 0), 4);
	assert_int_equal(file_open(i, O_WRONLY | O_TRUNC), 0);
	assert_int_equal(stat_of(i).st_size, 0);
	file_release(i, O_WRONLY);
	close_file(i);
}

/* Not closed in the store while it has dirty pages, and closed when they are written. */
static void test_closed_when_clean(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *i = create(x->root, "a");
	assert_int_equal(file_write(i, "text", 4, 0), 4);
	file_release(i, O_RDWR);
	assert_int_equal(i->opens, 0);
	assert_int_equal(file_fsync(i, false), 0);
	struct stat st;
	assert_int_equal(stat(source_path(x, "a"), &st), 0);
	assert_int_equal(st.st_size, 4);
	file_put(i);
}

static void test_more_files_than_descriptors(void **state)
{
	struct file_fixture *x = *state;
	char name[16];
	for (unsigned n = 0; n < 3000; n++) {
		snprintf(name, sizeof(name), "f%u", n);
		struct file_inode *i = create(x->root, name);
		assert_int_equal(file_write(i, "x", 1, 0), 1);
		close_file(i);
	}
	assert_int_equal(files_sync(x->files, false), 0);
	struct stat st;
	assert_int_equal(stat(source_path(x, "f2999"), &st), 0);
	assert_int_equal(st.st_size, 1);
}

static unsigned entries(struct file_dir *d, uint64_t *at, unsigned max)
{
	struct file_dirent e;
	unsigned nr = 0;
	while (nr < max && file_readdir(d, *at, &e) == 1) {
		*at = e.next;
		nr++;
	}
	return nr;
}

static void test_readdir(void **state)
{
	struct file_fixture *x = *state;
	struct file_inode *dir = make_dir(x->root, "d");
	struct file_dir *d;
	uint64_t at = 0, middle;
	char name[16];
	for (unsigned n = 0; n < 300; n++) {
		snprintf(name, sizeof(name), "f%u", n);
		make_file(dir, name);
	}
	assert_int_equal(file_opendir(dir, &d), 0);
	assert_int_equal(dir->opens, 1);
	assert_int_equal(entries(d, &at, 100), 100);
	middle = at;
	assert_int_equal(entries(d, &at, 1000), 202);
	at = middle; /* sought back */
	assert_int_equal(entries(d, &at, 1000), 202);
	at = 0;
	assert_int_equal(entries(d, &at, 1000), 302);
	file_closedir(d);
	assert_int_equal(dir->opens, 0);
	file_put(dir);
}

#define BOTH(t) FILE_TEST(t), FILE_TEST_MEMORY(t)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_foreign_content),
		FILE_TEST(test_foreign_content_in_disguise),
		FILE_TEST(test_replaced),
		FILE_TEST(test_removed),
		FILE_TEST(test_other_name),
		BOTH(test_truncating_open),
		FILE_TEST(test_closed_when_clean),
		FILE_TEST(test_more_files_than_descriptors),
		BOTH(test_readdir),
	};
	return cmocka_run_group_tests_name("vm/file_open", tests, NULL, NULL);
}
