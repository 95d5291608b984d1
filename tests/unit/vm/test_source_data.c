/* SPDX-License-Identifier: MIT */
/* Bytes of files, their descriptors (source_use.c), and what the host refuses. */
#include "support/source_fixture.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/xattr.h>

static ssize_t put(struct file_inode *i, const char *text, uint64_t offset)
{
	struct iovec iov = { .iov_base = (char *)text, .iov_len = strlen(text) };
	return i->files->store->write(i, &iov, 1, offset);
}

static const char *get(struct file_inode *i, uint64_t offset)
{
	static char buf[64];
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) - 1 };
	ssize_t n = i->files->store->read(i, &iov, 1, offset);
	buf[n < 0 ? 0 : n] = '\0';
	return n < 0 ? strerror((int)-n) : buf;
}

static int fd_of(const struct file_inode *i)
{
	const struct source_node *n = i->store;
	return n ? n->fd : -1;
}

static void test_bytes_go_through(void **state)
{
	struct over *o = *state;
	struct file_inode *f = tree_mkfile(o->root, "f");
	char a[3], b[5], c[100] = "";
	struct iovec iov[3] = { { a, 3 }, { b, 5 }, { c, 100 } };
	assert_int_equal(o->store->open(f, true), 0);
	assert_int_equal(put(f, "0123456789", 0), 10);
	assert_int_equal(put(f, "xy", 4), 2);
	assert_int_equal(o->store->read(f, iov, 3, 0), 10); /* short at the end */
	assert_memory_equal(a, "012", 3);
	assert_memory_equal(b, "3xy67", 5);
	assert_memory_equal(c, "89", 3);
	assert_int_equal(o->store->read(f, iov, 3, 10), 0);
	struct iovec out[3] = { { memcpy(a, "ab", 2), 2 }, { b, 0 }, { memcpy(c, "cde", 3), 3 } };
	assert_int_equal(o->store->write(f, out, 3, 20), 5);
	assert_string_equal(get(f, 20), "abcde");
	assert_int_equal(o->store->truncate(f, 22), 0);
	assert_string_equal(get(f, 20), "ab");
	o->store->release(f);
	assert_int_equal(fd_of(f), -1);
}

static void test_a_descriptor_is_kept_and_upgraded(void **state)
{
	struct over *o = *state;
	struct file_inode *f = tree_mkfile(o->root, "f");
	put_file(path_of(o, "f"), "text");
	assert_int_equal(o->store->open(f, false), 0);
	int fd = fd_of(f);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(put(f, "x", 0), 1); /* as truncate(2) of a file that is open for reading */
	assert_int_equal(o->store->open(f, true), 0);
	assert_int_equal(fd_of(f), fd);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(o->store->open(f, false), 0);
	assert_int_equal(put(f, "n", 0), 1);
	assert_string_equal(get(f, 0), "next");
	assert_int_equal(o->source->nr_data, 1);
	o->store->release(f);
	o->store->release(f);
	assert_int_equal(o->source->nr_data, 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_string_equal(get(f, 0), "next"); /* opened for this call */
	assert_int_equal(fd_of(f), -1);
}

static void test_release_waits_for_who_works_with_it(void **state)
{
	struct over *o = *state;
	struct file_inode *f = tree_mkfile(o->root, "f");
	struct source_use u;
	assert_int_equal(o->store->open(f, true), 0);
	assert_true(source_use_node(f, &u));
	o->store->release(f);
	assert_true(fcntl(u.fd, F_GETFD) >= 0);
	assert_int_equal(o->store->open(f, false), 0); /* and it is open again */
	source_use_end(o->source, &u);
	assert_true(fd_of(f) >= 0);
	assert_true(source_use_node(f, &u));
	o->store->release(f);
	source_use_end(o->source, &u);
	assert_int_equal(fd_of(f), -1);
	assert_int_equal(o->source->nr_data, 0);
}

static void replace_and_open(struct over *o, const char *name)
{
	struct file_inode *f = tree_mkfile(o->root, name);
	put_file(path_of(o, "other"), "other");
	put_file(outside_of(o, "secret"), "secret");
	assert_int_equal(unlink(path_of(o, name)), 0);
	if (!strcmp(name, "link"))
		assert_int_equal(symlink("../secret", path_of(o, name)), 0);
	else if (!strcmp(name, "pipe"))
		assert_int_equal(mkfifo(path_of(o, name), 0600), 0);
	else if (!strcmp(name, "file"))
		assert_int_equal(rename(path_of(o, "other"), path_of(o, name)), 0);
	assert_int_equal(o->store->open(f, true), -ESTALE);
	assert_int_equal(o->store->open(f, false), -ESTALE);
	assert_int_equal(fd_of(f), -1);
	assert_string_equal(get(f, 0), strerror(ESTALE));
	struct file_attr attr;
	assert_int_equal(o->store->getattr(f, &attr), -ESTALE);
}

static void test_another_thing_by_that_name(void **state)
{
	struct over *o = *state;
	replace_and_open(o, "link");
	replace_and_open(o, "pipe");
	replace_and_open(o, "file");
	replace_and_open(o, "gone");
}

static void test_without_a_name(void **state)
{
	struct over *o = *state;
	struct file_inode *f = tree_mkfile(o->root, "f");
	struct stat st = { .st_mode = 0600 };
	struct file_attr attr;
	assert_int_equal(o->store->open(f, false), 0);
	assert_int_equal(tree_unlink(o->root, "f", false), 0);
	assert_int_equal(o->store->open(f, true), 0);
	assert_int_equal(put(f, "still here", 0), 10);
	assert_string_equal(get(f, 6), "here");
	assert_int_equal(o->store->getattr(f, &attr), 0);
	assert_int_equal(attr.nlink, 0);
	assert_int_equal(attr.size, 10);
	assert_int_equal(o->store->setattr(f, &st, FILE_SET_MODE | FILE_SET_MTIME_NOW, &attr), 0);
	assert_int_equal(attr.mode, S_IFREG | 0600);
	assert_int_equal(o->store->fsync(f, false), 0);
	assert_int_equal(tree_link(f, o->root, "g"), -ENOENT);
	o->store->release(f);
	assert_int_equal(o->store->getattr(f, &attr), -ESTALE);
	assert_string_equal(get(f, 0), strerror(ESTALE));
}

static void test_the_budget(void **state)
{
	struct over *o = *state;
	struct file_inode *a = tree_mkfile(o->root, "a"), *b = tree_mkfile(o->root, "b"),
			  *c = tree_mkfile(o->root, "c");
	const struct file_who who = { .uid = geteuid(), .gid = getegid() };
	struct file_attr attr;
	void *open;
	o->source->max_data = 2;
	assert_int_equal(o->store->open(a, true), 0);
	assert_int_equal(o->store->open(b, true), 0);
	assert_int_equal(o->store->open(c, true), -EMFILE);
	assert_int_equal(o->store->create(o->root, "d", 0600, O_EXCL, &who, &attr, &open), -EMFILE);
	assert_int_equal(lookup_error(o->root, "d"), -ENOENT);
	assert_int_equal(o->store->open(a, false), 0); /* open already */
	o->store->release(a);
	assert_int_equal(o->store->open(c, true), 0);
}

static void test_directories_make_room(void **state)
{
	struct over *o = *state;
	char name[16];
	struct rlimit was, few;
	for (unsigned k = 0; k < 100; k++) {
		snprintf(name, sizeof(name), "d%u", k);
		lookup_error(tree_mkdir(o->root, name), "x");
	}
	struct file_inode *f = tree_mkfile(looked_up(o->root, "d0"), "f");
	assert_int_equal(o->source->nr_dirs, 100);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = was;
	few.rlim_cur = 60; /* all of them are in use */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	int error = o->store->open(f, true);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(error, 0);
	assert_true(o->source->nr_dirs <= 1);
}

static void test_holes_and_space(void **state)
{
	struct over *o = *state;
	struct file_inode *f = tree_mkfile(o->root, "f");
	struct stat st;
	assert_int_equal(o->store->open(f, true), 0);
	int error = o->store->fallocate(f, 0, 0, 1 << 20);
	if (error == -EOPNOTSUPP)
		skip();
	assert_int_equal(error, 0);
	assert_int_equal(stat(path_of(o, "f"), &st), 0);
	assert_int_equal(st.st_size, 1 << 20);
	assert_int_equal(o->store->truncate(f, 0), 0);
	assert_int_equal(o->store->truncate(f, 1 << 20), 0);
	assert_int_equal(put(f, "x", 1 << 19), 1);
	int fd = open(path_of(o, "f"), O_RDONLY);
	assert_int_equal(o->store->seek(f, 0, SEEK_DATA), lseek(fd, 0, SEEK_DATA));
	assert_int_equal(o->store->seek(f, 1 << 19, SEEK_HOLE), lseek(fd, 1 << 19, SEEK_HOLE));
	assert_int_equal(o->store->seek(f, 2 << 20, SEEK_DATA), -ENXIO);
	close(fd);
	assert_int_equal(o->store->fallocate(f, 0, 0, 0), -EINVAL);
}

static void test_syncing(void **state)
{
	struct over *o = *state;
	struct file_inode *d = tree_mkdir(o->root, "d"), *f = tree_mkfile(d, "f"),
			  *s = tree_symlink(d, "s", "f");
	assert_int_equal(o->store->fsync(o->root, false), 0);
	assert_int_equal(o->store->fsync(d, true), 0);
	assert_int_equal(o->store->fsync(f, false), 0);
	assert_int_equal(o->store->fsync(s, false), -EINVAL);
	assert_int_equal(o->store->sync(&o->tree.files), 0);
}

static void nobody_opens(struct over *o)
{
	struct file_inode *readable = looked_up(o->root, "readable"),
			  *writable = looked_up(o->root, "writable");
	CHECK(o->store->open(readable, true) == -EACCES);
	CHECK(o->store->open(readable, false) == 0);
	CHECK(o->store->open(readable, true) == -EACCES); /* nor does it become so */
	CHECK(!strcmp(get(readable, 0), "text"));
	CHECK(o->store->open(writable, false) == -EACCES);
	CHECK(o->store->open(writable, true) == 0);
	CHECK(put(writable, "new", 0) == 3);
	CHECK(o->store->open(writable, false) == -EACCES);
	CHECK(o->tree.nr_deleted == 0);
}

static void test_without_rights(void **state)
{
	struct over *o = *state;
	put_file(path_of(o, "readable"), "text");
	put_file(path_of(o, "writable"), "text");
	assert_int_equal(chmod(path_of(o, "readable"), 0644), 0);
	assert_int_equal(chmod(path_of(o, "writable"), 0622), 0);
	as_nobody(o, nobody_opens);
}

static void test_a_full_source(void **state)
{
	struct over *o = *state;
	static char mib[1 << 20];
	struct iovec iov = { mib, sizeof(mib) };
	struct file_inode *d = tree_mkdir(o->root, "d");
	if (mount("tmpfs", path_of(o, "d"), "tmpfs", 0, "size=64k"))
		skip();
	dirs_closed(o);
	assert_int_equal(lookup_error(d, "f"), -ESTALE); /* another file system now */
	d = looked_up(o->root, "d");
	struct file_inode *f = tree_mkfile(d, "f");
	assert_true(READ_RELAXED(&o->source->other_devs));
	int opened = o->store->open(f, true);
	ssize_t n = o->store->write(f, &iov, 1, 0);
	int synced = o->store->sync(&o->tree.files);
	o->store->release(f);
	dirs_closed(o);
	assert_int_equal(umount(path_of(o, "d")), 0);
	assert_int_equal(opened, 0);
	assert_int_equal(n, -ENOSPC);
	assert_int_equal(synced, 0);
}

static void test_files_of_limited_size(void **state)
{
	struct over *o = *state;
	struct file_inode *f = tree_mkfile(o->root, "f");
	struct rlimit was, small;
	assert_int_equal(o->store->open(f, true), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = was;
	small.rlim_cur = 8;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	ssize_t n = put(f, "0123456789", 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(n, -EFBIG); /* and no signal has ended us */
}

static void test_descriptors_come_back(void **state)
{
	struct over *o = *state;
	unsigned before = descriptors();
	struct file_inode *d = tree_mkdir(o->root, "d");
	char value[8];
	for (unsigned k = 0; k < 50; k++) {
		struct file_inode *f = tree_mkfile(d, "f");
		assert_int_equal(o->store->open(f, k & 1), 0);
		assert_int_equal(tree_unlink(d, "f", false), 0);
		o->store->getxattr(f, "user.x", value, sizeof(value));
		tree_forget(&o->tree, f);
		o->store->fsync(d, false);
	}
	tree_forget(&o->tree, d);
	assert_int_equal(descriptors(), before);
	assert_int_equal(o->source->nr_data, 0);
	assert_int_equal(o->source->nr_dirs, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER(test_bytes_go_through),
		OVER(test_a_descriptor_is_kept_and_upgraded),
		OVER(test_release_waits_for_who_works_with_it),
		OVER(test_another_thing_by_that_name),
		OVER(test_without_a_name),
		OVER(test_the_budget),
		OVER(test_directories_make_room),
		OVER(test_holes_and_space),
		OVER(test_syncing),
		OVER(test_without_rights),
		OVER(test_a_full_source),
		OVER(test_files_of_limited_size),
		OVER(test_descriptors_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
