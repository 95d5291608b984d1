/* SPDX-License-Identifier: MIT */
#include "fs/hugepages.h"

#include "support/ops_fixture.h"

static uint64_t top(struct ops_fixture *f)
{
	return node_of(f, "dev/hugepages");
}

static int named(struct ops_fixture *f, uint32_t opcode, uint64_t dir, const void *in,
		 size_t in_len, const char *name)
{
	return fake_kernel_ask(f->k, opcode, dir, in, in_len, name, strlen(name) + 1);
}

static int make_dir(struct ops_fixture *f, uint64_t dir, const char *name)
{
	const struct fuse_mkdir_in in = { .mode = 0755 };

	return named(f, FUSE_MKDIR, dir, &in, sizeof(in), name);
}

static int make_node(struct ops_fixture *f, uint64_t dir, const char *name)
{
	const struct fuse_mknod_in in = { .mode = S_IFREG | 0644 };

	return named(f, FUSE_MKNOD, dir, &in, sizeof(in), name);
}

static void test_names(void **state)
{
	struct ops_fixture *f = *state;

	assert_int_equal(make_dir(f, top(f), "d"), 0);
	assert_int_equal(make_dir(f, top(f), "d"), -EEXIST);
	uint64_t d = node_of(f, "dev/hugepages/d");
	assert_int_equal(make_node(f, d, "a"), 0);
	assert_int_equal(named(f, FUSE_RMDIR, top(f), NULL, 0, "d"), -ENOTEMPTY);
	assert_int_equal(named(f, FUSE_UNLINK, top(f), NULL, 0, "d"), -EISDIR);
	const struct fuse_link_in link = { .oldnodeid = node_of(f, "dev/hugepages/d/a") };
	assert_int_equal(named(f, FUSE_LINK, top(f), &link, sizeof(link), "b"), 0);
	assert_int_equal(((struct fuse_entry_out *)f->k->reply)->attr.nlink, 2);
	assert_int_equal(named(f, FUSE_LINK, node_of(f, "dev"), &link, sizeof(link), "b"), -EXDEV);
	assert_int_equal(named(f, FUSE_UNLINK, d, NULL, 0, "a"), 0);
	assert_int_equal(named(f, FUSE_RMDIR, top(f), NULL, 0, "d"), 0);
	assert_int_equal(make_node(f, d, "a"), -ENOENT); /* the directory is only known by its number */
}

static void test_symlink(void **state)
{
	struct ops_fixture *f = *state;
	static const char words[] = "l\0d/x";

	assert_int_equal(fake_kernel_ask(f->k, FUSE_SYMLINK, top(f), words, sizeof(words), NULL, 0), 0);
	assert_int_equal(
		fake_kernel_ask(f->k, FUSE_READLINK, node_of(f, "dev/hugepages/l"), NULL, 0, NULL, 0), 0);
	assert_int_equal(f->k->reply_len, 3);
	assert_memory_equal(f->k->reply, "d/x", 3);
}

static int list(struct ops_fixture *f, uint64_t offset, uint32_t size)
{
	const struct fuse_read_in in = { .offset = offset, .size = size };

	return fake_kernel_ask(f->k, FUSE_READDIR, top(f), &in, sizeof(in), NULL, 0);
}

static void test_listing(void **state)
{
	struct ops_fixture *f = *state;
	char name[16];
	unsigned nr = 0;
	uint64_t at = 0;

	for (unsigned k = 0; k < 150; k++) {
		snprintf(name, sizeof(name), "n%03u", k);
		assert_int_equal(make_node(f, top(f), name), 0);
	}
	for (;;) {
		assert_int_equal(list(f, at, 512), 0);
		if (!f->k->reply_len)
			break;
		for (size_t off = 0; off < f->k->reply_len; nr++) {
			const struct fuse_dirent *e = (const void *)(f->k->reply + off);
			at = e->off;
			off += FUSE_DIRENT_SIZE(e);
		}
	}
	assert_int_equal(nr, 152);
}

static void test_rename_to_elsewhere(void **state)
{
	struct ops_fixture *f = *state;
	static const char words[] = "a\0b";
	const struct fuse_rename_in in = { .newdir = node_of(f, "dev") };

	assert_int_equal(make_node(f, top(f), "a"), 0);
	assert_int_equal(fake_kernel_ask(f->k, FUSE_RENAME, top(f), &in, sizeof(in), words, sizeof(words)),
			 -EXDEV);
	const struct fuse_rename_in here = { .newdir = top(f) };
	assert_int_equal(
		fake_kernel_ask(f->k, FUSE_RENAME, top(f), &here, sizeof(here), words, sizeof(words)), 0);
	(void)node_of(f, "dev/hugepages/b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPS_TEST(test_names),
		OPS_TEST(test_symlink),
		OPS_TEST(test_listing),
		OPS_TEST(test_rename_to_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
