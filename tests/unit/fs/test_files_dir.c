/* SPDX-License-Identifier: MIT */
#include "fs/files.h"

#include "support/files_fixture.h"

static uint64_t ask_opendir(struct ops_fixture *f, uint64_t node)
{
	struct fuse_open_in in = { 0 };
	struct fuse_open_out out;

	assert_int_equal(fake_kernel_ask(f->k, FUSE_OPENDIR, node, &in, sizeof(in), NULL, 0), 0);
	memcpy(&out, f->k->reply, sizeof(out));
	return out.fh;
}

/* One READDIR; names but for the dots are appended to list. Returns the position after the last one, 0 at the end. */
static uint64_t ask_readdir(struct ops_fixture *f, uint64_t node, uint64_t fh, uint64_t offset,
			    uint32_t size, char *list)
{
	struct fuse_read_in in = { .fh = fh, .offset = offset, .size = size };
	uint64_t next = 0;

	assert_int_equal(fake_kernel_ask(f->k, FUSE_READDIR, node, &in, sizeof(in), NULL, 0), 0);
	assert_true(f->k->reply_len <= size);
	for (size_t at = 0; at < f->k->reply_len;) {
		const struct fuse_dirent *d = (const void *)(f->k->reply + at);
		if (d->name[0] != '.')
			sprintf(list + strlen(list), "%.*s ", (int)d->namelen, d->name);
		next = d->off;
		at += FUSE_DIRENT_SIZE(d);
	}
	return next;
}

static void test_listing(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t dir = node_of(f, "files"), fh;
	struct fuse_entry_out e;
	char list[1024] = "", name[16];

	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "n%02u", i);
		assert_int_equal(ask_mkdir(f, dir, name, 0755, &e), 0);
	}
	fh = ask_opendir(f, dir);
	for (uint64_t at = 0, next; (next = ask_readdir(f, dir, fh, at, 100, list)); at = next)
		;
	assert_int_equal(strlen(list), 20 * 4);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "n%02u ", i);
		assert_non_null(strstr(list, name));
	}
	struct fuse_release_in in = { .fh = fh };
	assert_int_equal(fake_kernel_ask(f->k, FUSE_RELEASEDIR, dir, &in, sizeof(in), NULL, 0), 0);
	assert_null(f->fs->fs.open_dir);
	(void)ask_opendir(f, dir); /* left open on purpose: the end of the mount closes it */
}

static void test_group_is_handed_on(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t dir = node_of(f, "files"), fh;
	struct fuse_entry_out e, d;
	struct fuse_setattr_in in = { .valid = FATTR_MODE | FATTR_GID, .mode = 02777, .gid = 777 };

	if (geteuid()) {
		print_message("SKIPPED: only root gives files away\n");
		return;
	}
	assert_int_equal(ask_mkdir(f, dir, "shared", 0755, &d), 0);
	assert_int_equal(fake_kernel_ask(f->k, FUSE_SETATTR, d.nodeid, &in, sizeof(in), NULL, 0), 0);
	f->k->uid = 4242;
	f->k->gid = 4343;
	assert_int_equal(ask_create(f, d.nodeid, "file", 0640, O_RDWR, &e, &fh), 0);
	assert_int_equal(e.attr.uid, 4242);
	assert_int_equal(e.attr.gid, 777);
	assert_int_equal(e.attr.mode, S_IFREG | 0640);
	assert_int_equal(ask_mkdir(f, d.nodeid, "dir", 0750, &e), 0);
	assert_int_equal(e.attr.gid, 777);
	assert_int_equal(e.attr.mode, S_IFDIR | 02750);
	assert_int_equal(ask_mkdir(f, dir, "mine", 0750, &e), 0);
	assert_int_equal(e.attr.gid, 4343);
}

static int ask_rename(struct ops_fixture *f, uint64_t dir, const char *name, uint64_t to, const char *to_name)
{
	struct fuse_rename_in in = { .newdir = to };
	char names[64];
	int n = snprintf(names, sizeof(names), "%s%c%s", name, 0, to_name);

	return fake_kernel_ask(f->k, FUSE_RENAME, dir, &in, sizeof(in), names, (size_t)n + 1);
}

static int ask_link(struct ops_fixture *f, uint64_t from, uint64_t dir, const char *name)
{
	struct fuse_link_in in = { .oldnodeid = from };

	return fake_kernel_ask(f->k, FUSE_LINK, dir, &in, sizeof(in), name, strlen(name) + 1);
}

static void test_names(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t dir = node_of(f, "files"), fh, a = file_made(f, "a", 0644, O_RDWR, &fh);
	struct fuse_entry_out e;

	ask_release(f->k, a, fh);
	assert_int_equal(ask_link(f, a, dir, "b"), 0);
	memcpy(&e, f->k->reply, sizeof(e));
	assert_int_equal(e.nodeid, a);
	assert_int_equal(e.attr.nlink, 2);
	assert_int_equal(ask_link(f, a, dir, "b"), -EEXIST);
	assert_int_equal(ask_rename(f, dir, "a", dir, "c"), 0);
	assert_int_equal(ask_walk(f->k, "files/a", &e), -ENOENT);
	assert_int_equal(node_of(f, "files/c"), a);
	assert_int_equal(fake_kernel_ask(f->k, FUSE_SYMLINK, dir, "s", 2, "target", 7), 0);
	assert_int_equal(fake_kernel_ask(f->k, FUSE_READLINK, node_of(f, "files/s"), NULL, 0, NULL, 0), 0);
	assert_memory_equal(f->k->reply, "target", 6);
	assert_int_equal(ask_mkdir(f, dir, "d", 0755, &e), 0);
	assert_int_equal(ask_name(f, FUSE_UNLINK, dir, "d"), -EISDIR);
	assert_int_equal(ask_name(f, FUSE_RMDIR, dir, "b"), -ENOTDIR);
	assert_int_equal(ask_name(f, FUSE_RMDIR, dir, "d"), 0);
	assert_int_equal(ask_name(f, FUSE_UNLINK, dir, "b"), 0);
	assert_int_equal(ask_name(f, FUSE_UNLINK, dir, "b"), -ENOENT);
}

/* The rest of the mount is another file system. */
static void test_border(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t dir = node_of(f, "files"), fh, a = file_made(f, "a", 0644, O_RDWR, &fh);

	assert_int_equal(ask_rename(f, dir, "a", node_of(f, "tasks"), "a"), -EXDEV);
	assert_int_equal(ask_rename(f, FUSE_ROOT_ID, "README", dir, "r"), -EXDEV);
	assert_int_equal(ask_link(f, a, node_of(f, "proc"), "a"), -EXDEV);
	assert_int_equal(ask_link(f, node_of(f, "README"), dir, "r"), -EXDEV);
	assert_int_equal(ask_name(f, FUSE_RMDIR, FUSE_ROOT_ID, "files"), -EPERM);
	ask_release(f->k, a, fh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPS_TEST(test_listing),
		OPS_TEST(test_group_is_handed_on),
		OPS_TEST(test_names),
		OPS_TEST(test_border),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
