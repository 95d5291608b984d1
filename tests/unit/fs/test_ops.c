/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include "support/ops_fixture.h"

static void test_lookup(void **state)
{
	struct ops_fixture *f = *state;
	struct fuse_entry_out e;

	assert_int_equal(ask_walk(f->k, "proc/zoneinfo", &e), 0);
	assert_int_equal(e.attr.mode, S_IFREG | 0444);
	assert_int_equal(e.attr.uid, 1000);
	assert_true(e.entry_valid > 3600 && e.attr_valid > 3600);
	assert_int_equal(e.generation, 0);
	assert_int_equal(ask_walk(f->k, "proc/none", &e), -ENOENT);
	assert_int_equal(ask_lookup(f->k, 4711000, "x", &e), -ESTALE);
}

/* What comes and goes is not believed for long, and the size of memory never. */
static void test_validity_of_tasks(void **state)
{
	struct ops_fixture *f = *state;
	struct fuse_entry_out e;

	fs_task(f->fs, "a");
	assert_int_equal(ask_walk(f->k, "tasks/a", &e), 0);
	assert_int_equal(e.entry_valid, 1);
	assert_int_equal(e.attr_valid, 1);
	assert_int_equal(ask_walk(f->k, "tasks/a/mem", &e), 0);
	assert_int_equal(e.entry_valid, 1);
	assert_int_equal(e.attr_valid, 0);
}

static int getattr(struct ops_fixture *f, uint64_t node, struct fuse_attr_out *out)
{
	struct fuse_getattr_in in = { 0 };
	int err = fake_kernel_ask(f->k, FUSE_GETATTR, node, &in, sizeof(in), NULL, 0);

	if (!err)
		memcpy(out, f->k->reply, sizeof(*out));
	return err;
}

static int setattr(struct ops_fixture *f, uint64_t node, struct fuse_setattr_in in,
		   struct fuse_attr_out *out)
{
	int err = fake_kernel_ask(f->k, FUSE_SETATTR, node, &in, sizeof(in), NULL, 0);

	if (!err)
		memcpy(out, f->k->reply, sizeof(*out));
	return err;
}

static void test_attributes(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t zoneinfo = node_of(f, "proc/zoneinfo"), knob = node_of(f, "proc/sys/vm/min_free_kbytes");
	struct fuse_attr_out a;

	assert_int_equal(getattr(f, zoneinfo, &a), 0);
	assert_int_equal(a.attr.size, 0);
	assert_int_equal(getattr(f, 4711000, &a), -ESTALE);
	assert_int_equal(setattr(f, zoneinfo,
				 (struct fuse_setattr_in){ .valid = FATTR_MODE, .mode = 0400 }, &a),
			 0);
	assert_int_equal(a.attr.mode, S_IFREG | 0400);
	assert_int_equal(
		setattr(f, zoneinfo, (struct fuse_setattr_in){ .valid = FATTR_UID, .uid = 9 }, &a), 0);
	assert_int_equal(a.attr.uid, 9);
	assert_int_equal(a.attr.gid, 1001);
	assert_int_equal(
		setattr(f, knob, (struct fuse_setattr_in){ .valid = FATTR_MODE, .mode = 0400 }, &a), -EPERM);
	assert_int_equal(
		setattr(f, knob, (struct fuse_setattr_in){ .valid = FATTR_SIZE, .size = 10 }, &a), 0);
	assert_int_equal(a.attr.size, 0);
	assert_int_equal(setattr(f, knob, (struct fuse_setattr_in){ .valid = FATTR_MTIME }, &a), 0);
	assert_int_equal(setattr(f, 4711000, (struct fuse_setattr_in){ .valid = FATTR_MTIME }, &a), -ESTALE);
}

static void test_read_and_write(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t node = node_of(f, "proc/sys/vm/watermark_scale_factor"), fh;

	assert_int_equal(ask_open(f->k, node, O_RDWR, &fh), 0);
	assert_int_equal(ask_read(f->k, node, fh, 0, 100), 3);
	assert_memory_equal(f->k->reply, "10\n", 3);
	assert_int_equal(ask_read(f->k, node, fh, 3, 100), 0);
	assert_int_equal(ask_write(f->k, node, fh, 0, "100\n"), 4);
	assert_int_equal(ask_write(f->k, node, fh, 0, "x"), -EINVAL);
	assert_int_equal(ask_read(f->k, node, fh, 0, 100), 4);
	assert_memory_equal(f->k->reply, "100\n", 4);
	assert_int_equal(ask_release(f->k, node, fh), 0);

	node = node_of(f, "proc/zoneinfo");
	assert_int_equal(ask_open(f->k, node, O_RDWR, &fh), 0);
	assert_true(ask_read(f->k, node, fh, 0, 65536) > 1000);
	assert_int_equal(ask_write(f->k, node, fh, 0, "x"), -EIO);
	assert_int_equal(ask_release(f->k, node, fh), 0);
}

static void test_open_refuses(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t fh;

	assert_int_equal(ask_open(f->k, node_of(f, "proc/sys/vm/drop_caches"), O_RDONLY, &fh), -EACCES);
	assert_int_equal(ask_open(f->k, node_of(f, "sys/devices/system/node/online"), O_WRONLY, &fh),
			 -EACCES);
	assert_int_equal(ask_open(f->k, 4711000, O_RDONLY, &fh), -ESTALE);
}

static void test_gone_while_open(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t fh;

	fs_task(f->fs, "a");
	uint64_t node = node_of(f, "tasks/a/anon");
	assert_int_equal(ask_open(f->k, node, O_RDWR, &fh), 0);
	assert_int_equal(task_remove(&f->fs->machine->vm, "a"), 0);
	assert_int_equal(ask_read(f->k, node, fh, 0, 100), -ENODEV);
	assert_int_equal(ask_write(f->k, node, fh, 0, "1M"), -ENODEV);
	assert_int_equal(ask_release(f->k, node, fh), 0);
	assert_int_equal(ask_open(f->k, node, O_RDWR, &fh), -ESTALE);
}

static void test_links(void **state)
{
	struct ops_fixture *f = *state;

	assert_int_equal(fake_kernel_ask(f->k, FUSE_READLINK, node_of(f, "dev/mem"), NULL, 0, NULL, 0), 0);
	assert_int_equal(f->k->reply_len, strlen("/proc/1/fd/3"));
	assert_memory_equal(f->k->reply, "/proc/1/fd/3", f->k->reply_len);
	assert_int_equal(fake_kernel_ask(f->k, FUSE_READLINK, node_of(f, "proc"), NULL, 0, NULL, 0),
			 -EINVAL);
	fs_task(f->fs, "a");
	assert_int_equal(fake_kernel_ask(f->k, FUSE_READLINK, node_of(f, "tasks/a"), NULL, 0, NULL, 0),
			 -EINVAL);
}

static void test_statfs_and_fsync(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t node = node_of(f, "proc/sys/vm/min_free_kbytes"), fh;
	struct fuse_statfs_out out;

	assert_int_equal(fake_kernel_ask(f->k, FUSE_STATFS, 1, NULL, 0, NULL, 0), 0);
	memcpy(&out, f->k->reply, sizeof(out));
	assert_int_equal(out.st.bsize, 4096);
	assert_int_equal(out.st.blocks, f->fs->machine->vm.machine.managed_pages);

	assert_int_equal(ask_open(f->k, node, O_RDWR, &fh), 0);
	struct fuse_fsync_in in = { .fh = fh };
	assert_int_equal(fake_kernel_ask(f->k, FUSE_FSYNC, node, &in, sizeof(in), NULL, 0), 0);
	assert_int_equal(ask_release(f->k, node, fh), 0);
}

static void test_forget_needs_nothing(void **state)
{
	struct ops_fixture *f = *state;
	struct fuse_forget_in in = { .nlookup = 3 };
	struct fuse_attr_out a;
	uint64_t node = node_of(f, "proc/zoneinfo");

	fake_kernel_send(f->k, FUSE_FORGET, node, &in, sizeof(in), NULL, 0);
	assert_int_equal(getattr(f, node, &a), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPS_TEST(test_lookup),
		OPS_TEST(test_validity_of_tasks),
		OPS_TEST(test_attributes),
		OPS_TEST(test_read_and_write),
		OPS_TEST(test_open_refuses),
		OPS_TEST(test_gone_while_open),
		OPS_TEST(test_links),
		OPS_TEST(test_statfs_and_fsync),
		OPS_TEST(test_forget_needs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
