/* SPDX-License-Identifier: MIT */
#include "fs/files.h"

#include "support/files_fixture.h"

static void test_root_has_two_faces(void **state)
{
	struct ops_fixture *f = *state;
	struct fuse_entry_out e;

	assert_int_equal(ask_lookup(f->k, FUSE_ROOT_ID, "files", &e), 0);
	assert_true(ino_is_file(e.nodeid));
	assert_true(S_ISDIR(e.attr.mode));
	assert_int_equal(e.entry_valid, 1);
	assert_true(e.attr.ino > f->fs->fs.tree.nr_entries); /* not the number of another directory */
	/* what was asked of the entry before there was a root is asked again */
	struct fuse_open_in in = { 0 };
	assert_int_equal(fake_kernel_ask(f->k, FUSE_OPENDIR, f->fs->fs.tree.files->ino, &in,
					 sizeof(in), NULL, 0),
			 -ESTALE);
}

static void test_without_a_source(void **state)
{
	struct ops_fixture *f = *state;
	struct fuse_entry_out e, below;
	struct fuse_open_in in = { 0 };
	uint64_t ino = f->fs->fs.tree.files->ino;

	assert_int_equal(setenv("TMPDIR", "/nowhere/at/all", 1), 0);
	assert_int_equal(ask_lookup(f->k, FUSE_ROOT_ID, "files", &e), 0);
	assert_int_equal(e.nodeid, ino);
	assert_true(S_ISDIR(e.attr.mode));
	assert_int_equal(e.entry_valid, 0);
	assert_int_equal(fake_kernel_ask(f->k, FUSE_OPENDIR, ino, &in, sizeof(in), NULL, 0), -ENOENT);
	assert_int_equal(ask_lookup(f->k, ino, "x", &below), -ENOENT);
	unsetenv("TMPDIR");
	assert_int_equal(ask_lookup(f->k, FUSE_ROOT_ID, "files", &e), 0);
	assert_true(ino_is_file(e.nodeid));
}

static int set_attr(struct ops_fixture *f, uint64_t node, struct fuse_setattr_in in, struct fuse_attr *out)
{
	struct fuse_attr_out reply;
	int err = fake_kernel_ask(f->k, FUSE_SETATTR, node, &in, sizeof(in), NULL, 0);

	memcpy(&reply, f->k->reply, sizeof(reply));
	*out = reply.attr;
	return err;
}

static void test_attributes(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t fh, node = file_made(f, "a", 0644, O_RDWR, &fh);
	struct fuse_attr a;

	assert_int_equal(
		set_attr(f, node, (struct fuse_setattr_in){ .valid = FATTR_MODE, .mode = 0600 }, &a), 0);
	assert_int_equal(a.mode, S_IFREG | 0600);
	assert_int_equal(
		set_attr(f, node, (struct fuse_setattr_in){ .valid = FATTR_SIZE, .size = 123456 }, &a), 0);
	assert_int_equal(a.size, 123456);
	assert_int_equal(set_attr(f, node,
				  (struct fuse_setattr_in){ .valid = FATTR_MTIME | FATTR_ATIME,
							    .mtime = 1000000000,
							    .mtimensec = 7,
							    .atime = 5 },
				  &a),
			 0);
	assert_int_equal(a.mtime, 1000000000);
	assert_int_equal(a.mtimensec, 7);
	assert_int_equal(a.atime, 5);
	ask_release(f->k, node, fh);
	assert_int_equal(set_attr(f, node + 1000, (struct fuse_setattr_in){ .valid = FATTR_MODE }, &a),
			 -ESTALE);
}

/* A change of owner or, by others than root, of size takes privileges away. */
static void test_privileges(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t fh, node = file_made(f, "a", 0644, O_RDWR, &fh);
	struct fuse_setattr_in bits = { .valid = FATTR_MODE, .mode = 06755 };
	struct fuse_setattr_in size = { .valid = FATTR_SIZE, .size = 10 };
	struct fuse_setattr_in owner = { .valid = FATTR_GID, .gid = getgid() };
	struct fuse_attr a;

	assert_int_equal(set_attr(f, node, bits, &a), 0);
	f->k->uid = 0;
	assert_int_equal(set_attr(f, node, size, &a), 0);
	assert_int_equal(a.mode, S_IFREG | 06755);
	f->k->uid = 1234;
	assert_int_equal(set_attr(f, node, size, &a), 0);
	assert_int_equal(a.mode, S_IFREG | 0755);
	assert_int_equal(set_attr(f, node, bits, &a), 0);
	f->k->uid = 0;
	assert_int_equal(set_attr(f, node, owner, &a), 0);
	assert_int_equal(a.mode, S_IFREG | 0755);
	ask_release(f->k, node, fh);
	assert_int_equal(mode_without_privileges(S_IFREG | 06745), S_IFREG | 02745); /* a mark for locking */
}

static int ask_getxattr(struct ops_fixture *f, uint64_t node, const char *name, uint32_t size)
{
	struct fuse_getxattr_in in = { .size = size };

	return fake_kernel_ask(f->k, FUSE_GETXATTR, node, &in, sizeof(in), name, strlen(name) + 1);
}

static void test_xattrs(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t fh, node = file_made(f, "a", 0644, O_RDWR, &fh);

	assert_int_equal(ask_getxattr(f, node, "system.posix_acl_access", 0), -EOPNOTSUPP);
	assert_int_equal(ask_getxattr(f, node_of(f, "proc/meminfo"), "user.a", 0), -EOPNOTSUPP);
	int err = ask_getxattr(f, node, "user.a", 100);
	assert_true(err == -ENODATA || err == -EOPNOTSUPP); /* not every folder has them */
	ask_release(f->k, node, fh);
}

static void test_forget(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t fh, node = file_made(f, "a", 0644, O_RDWR, &fh);
	struct fuse_forget_in in = { .nlookup = 1 };
	struct fuse_entry_out e;

	ask_release(f->k, node, fh);
	fake_kernel_send(f->k, FUSE_FORGET, node, &in, sizeof(in), NULL, 0);
	assert_int_equal(ask_walk(f->k, "files/a", &e), 0); /* its name is known still, so it is the same one */
	assert_int_equal(e.nodeid, node);
}

static void test_statfs(void **state)
{
	struct ops_fixture *f = *state;
	struct fuse_statfs_out own, theirs;

	assert_int_equal(fake_kernel_ask(f->k, FUSE_STATFS, FUSE_ROOT_ID, NULL, 0, NULL, 0), 0);
	memcpy(&own, f->k->reply, sizeof(own));
	assert_int_equal(fake_kernel_ask(f->k, FUSE_STATFS, node_of(f, "files"), NULL, 0, NULL, 0), 0);
	memcpy(&theirs, f->k->reply, sizeof(theirs));
	assert_true(theirs.st.blocks > 0 && theirs.st.namelen >= 255);
	assert_int_equal(own.st.namelen, TASK_NAME_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPS_TEST(test_root_has_two_faces),
		OPS_TEST(test_without_a_source),
		OPS_TEST(test_attributes),
		OPS_TEST(test_privileges),
		OPS_TEST(test_xattrs),
		OPS_TEST(test_forget),
		OPS_TEST(test_statfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
