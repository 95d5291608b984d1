/* SPDX-License-Identifier: MIT */
#include "fs/hugepages.h"

#include "support/ops_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#define HUGE (2ul << 20)

static int setup(void **state)
{
	int ret = ops_setup(state);
	struct ops_fixture *f = *state;
	struct vm *vm = f->fs->fs.vm;

	assert_int_equal(hugetlb_resize(&vm->policy, vm->hugetlb, 4, -1), 4);
	return ret;
}

static uint64_t create(struct ops_fixture *f, const char *name)
{
	const struct fuse_create_in in = { .flags = O_RDWR, .mode = S_IFREG | 0644 };
	char data[sizeof(in) + 64];
	size_t len = strlen(name) + 1;

	memcpy(data, &in, sizeof(in));
	memcpy(data + sizeof(in), name, len);
	assert_int_equal(fake_kernel_ask(f->k, FUSE_CREATE, node_of(f, "dev/hugepages"), data,
					 sizeof(in) + len, NULL, 0),
			 0);
	uint64_t node = ((struct fuse_entry_out *)f->k->reply)->nodeid;
	assert_true(ino_is_huge(node));
	return node;
}

static int resize(struct ops_fixture *f, uint64_t node, uint64_t size)
{
	const struct fuse_setattr_in in = { .valid = FATTR_SIZE, .size = size };

	return fake_kernel_ask(f->k, FUSE_SETATTR, node, &in, sizeof(in), NULL, 0);
}

static void test_root(void **state)
{
	struct ops_fixture *f = *state;
	struct fuse_entry_out e;

	assert_int_equal(ask_walk(f->k, "dev/hugepages", &e), 0);
	assert_true(ino_is_huge(e.nodeid));
	assert_int_equal(e.attr.mode, S_IFDIR | 0755);
	assert_int_equal(ask_lookup(f->k, e.nodeid, "nobody", &e), -ENOENT);
	assert_int_equal(ask_lookup(f->k, 4ull << 60 | 77, "nobody", &e), -ESTALE);
}

static void test_content(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t node = create(f, "a");
	const struct hugetlb *pool = f->fs->fs.vm->hugetlb;

	assert_int_equal(resize(f, node, 4096), -EINVAL);
	assert_int_equal(resize(f, node, 5 * HUGE), -ENOSPC);
	assert_int_equal(resize(f, node, 2 * HUGE), 0);
	assert_int_equal(pool->nr_reserved, 2);
	assert_int_equal(ask_write(f->k, node, 0, HUGE - 2, "hello"), 5);
	assert_int_equal(ask_read(f->k, node, 0, HUGE - 3, 8), 8);
	assert_memory_equal(f->k->reply, "\0hello\0\0", 8);
	assert_int_equal(ask_read(f->k, node, 0, 2 * HUGE, 8), 0);
	assert_int_equal(pool->nr_free, 2);
	assert_int_equal(ask_release(f->k, node, 0), 0);
}

static int ask_xattr(struct ops_fixture *f, uint64_t node, const char *name, uint32_t size)
{
	const struct fuse_getxattr_in in = { .size = size };

	return fake_kernel_ask(f->k, FUSE_GETXATTR, node, &in, sizeof(in), name, strlen(name) + 1);
}

static void test_frames(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t node = create(f, "a");

	assert_int_equal(resize(f, node, 2 * HUGE), 0);
	assert_int_equal(ask_write(f->k, node, 0, HUGE, "x"), 1);
	assert_int_equal(ask_xattr(f, node, HUGE_XATTR_PFN, 100), 0);
	assert_memory_equal(f->k->reply, "- ", 2);
	f->k->reply[f->k->reply_len] = 0;
	assert_int_equal(strtoul(f->k->reply + 2, NULL, 10) % 512, 0);
	assert_int_equal(ask_xattr(f, node, HUGE_XATTR_PFN, 2), -ERANGE);
	assert_int_equal(ask_xattr(f, node, "user.other", 100), -EOPNOTSUPP);
	assert_int_equal(ask_xattr(f, node_of(f, "dev/hugepages"), HUGE_XATTR_PFN, 100), -ENODATA);
}

static void test_statfs(void **state)
{
	struct ops_fixture *f = *state;

	assert_int_equal(
		fake_kernel_ask(f->k, FUSE_STATFS, node_of(f, "dev/hugepages"), NULL, 0, NULL, 0), 0);
	const struct fuse_statfs_out *s = (const void *)f->k->reply;
	assert_int_equal(s->st.bsize, HUGE);
	assert_int_equal(s->st.blocks, 4);
	assert_int_equal(s->st.bfree, 4);
}

/* After the last forget an unlinked file's pages are the pool's. */
static void test_forget(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t node = create(f, "a");
	const struct fuse_forget_in in = { .nlookup = 1 };

	assert_int_equal(ask_write(f->k, node, 0, 0, "x"), 1);
	assert_int_equal(ask_release(f->k, node, 0), 0);
	assert_int_equal(
		fake_kernel_ask(f->k, FUSE_UNLINK, node_of(f, "dev/hugepages"), "a", 2, NULL, 0), 0);
	assert_int_equal(f->fs->fs.vm->hugetlb->nr_free, 3);
	fake_kernel_send(f->k, FUSE_FORGET, node, &in, sizeof(in), NULL, 0);
	for (unsigned k = 0; k < 1000 && READ_RELAXED(&f->fs->fs.vm->hugetlb->nr_free) != 4; k++)
		usleep(1000);
	assert_int_equal(f->fs->fs.vm->hugetlb->nr_free, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(t) cmocka_unit_test_setup_teardown(t, setup, ops_teardown)
		T(test_root), T(test_content), T(test_frames), T(test_statfs), T(test_forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
