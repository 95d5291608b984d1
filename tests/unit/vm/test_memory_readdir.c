/* SPDX-License-Identifier: MIT */
/* Reading a directory in memory: more entries than one handful, from any position, while names go. */
#include "support/ram_fixture.h"

#define NAMES 300u

struct reader {
	struct file_inode *dir;
	void *handle;
	const struct file_store_ops *store;
};

static struct reader reader_open(struct file_inode *dir)
{
	struct reader r = { .dir = dir, .store = dir->files->store };
	assert_int_equal(r.store->opendir(dir, &r.handle), 0);
	return r;
}

static void reader_close(struct reader *r)
{
	r->store->closedir(r->dir, r->handle);
}

static void fill_dir(struct file_inode *dir)
{
	char name[16];
	for (unsigned n = 0; n < NAMES; n++) {
		snprintf(name, sizeof(name), "n%u", n);
		tree_mkfile(dir, name);
	}
}

/* The name at a position, or "" at the end. */
static const char *name_at(struct reader *r, uint64_t *at)
{
	struct file_dirent e;
	int got = r->store->readdir(r->dir, r->handle, *at, &e);
	assert_true(got == 0 || got == 1);
	if (!got)
		return "";
	assert_true(e.next > *at);
	*at = e.next;
	return e.name;
}

static void assert_name(struct reader *r, uint64_t *at, unsigned number)
{
	char name[16];
	snprintf(name, sizeof(name), "n%u", number);
	assert_string_equal(name_at(r, at), name);
}

static void test_in_the_order_they_came(void **state)
{
	struct ram *r = *state;
	struct file_inode *d = tree_mkdir(r->root, "d");
	fill_dir(d);
	struct reader rd = reader_open(d);
	for (unsigned pass = 0; pass < 2; pass++) {
		uint64_t at = 0;
		assert_string_equal(name_at(&rd, &at), ".");
		assert_string_equal(name_at(&rd, &at), "..");
		for (unsigned n = 0; n < NAMES; n++)
			assert_name(&rd, &at, n);
		assert_string_equal(name_at(&rd, &at), "");
		assert_string_equal(name_at(&rd, &at), ""); /* and stays there */
	}
	reader_close(&rd);
}

static void test_any_position_leads_back(void **state)
{
	struct ram *r = *state;
	struct file_inode *d = tree_mkdir(r->root, "d");
	uint64_t position[NAMES], at = 0;
	fill_dir(d);
	struct reader rd = reader_open(d);
	name_at(&rd, &at);
	name_at(&rd, &at);
	for (unsigned n = 0; n < NAMES; n++) {
		position[n] = at;
		assert_name(&rd, &at, n);
	}
	for (unsigned k = 0; k < NAMES; k++) {
		unsigned n = k * 131 % NAMES;
		at = position[n];
		assert_name(&rd, &at, n);
		if (n + 1 < NAMES)
			assert_name(&rd, &at, n + 1);
	}
	reader_close(&rd);
}

/* What is removed behind the handful that was copied is not told; what is added comes at the end. */
static void test_names_go_and_come_meanwhile(void **state)
{
	struct ram *r = *state;
	struct file_inode *d = tree_mkdir(r->root, "d");
	uint64_t at = 0;
	fill_dir(d);
	struct reader rd = reader_open(d);
	name_at(&rd, &at);
	name_at(&rd, &at);
	assert_name(&rd, &at, 0);
	for (unsigned n = 200; n < NAMES - 1; n++) {
		char name[16];
		snprintf(name, sizeof(name), "n%u", n);
		assert_int_equal(tree_unlink(d, name, false), 0);
	}
	tree_mkfile(d, "late");
	for (unsigned n = 1; n < 200; n++)
		assert_name(&rd, &at, n);
	assert_name(&rd, &at, NAMES - 1);
	assert_string_equal(name_at(&rd, &at), "late");
	assert_string_equal(name_at(&rd, &at), "");
	reader_close(&rd);
}

static void test_the_two_first(void **state)
{
	struct ram *r = *state;
	struct file_inode *d = tree_mkdir(r->root, "d"), *below = tree_mkdir(d, "below");
	struct reader rd = reader_open(below);
	struct file_dirent e;
	assert_int_equal(rd.store->readdir(below, rd.handle, 0, &e), 1);
	assert_int_equal(e.ino, below->attr.ino);
	assert_int_equal(e.type, S_IFDIR);
	assert_int_equal(rd.store->readdir(below, rd.handle, 1, &e), 1);
	assert_int_equal(e.ino, d->attr.ino);
	reader_close(&rd);
	rd = reader_open(r->root);
	assert_int_equal(rd.store->readdir(r->root, rd.handle, 1, &e), 1);
	assert_int_equal(e.ino, r->root->attr.ino); /* nothing is above it */
	reader_close(&rd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RAM(test_in_the_order_they_came),
		RAM(test_any_position_leads_back),
		RAM(test_names_go_and_come_meanwhile),
		RAM(test_the_two_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
