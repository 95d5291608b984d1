/* SPDX-License-Identifier: MIT */
#include "fs/files.h"

#include "fs/notify.h"
#include "support/files_fixture.h"
#include "vm/filemap.h"

static int write_as(struct ops_fixture *f, uint64_t node, uint64_t fh, uint64_t offset,
		    uint32_t flags, const char *text)
{
	struct fuse_write_in in = { .fh = fh, .offset = offset, .size = (uint32_t)strlen(text), .flags = flags };
	struct fuse_write_out out;
	int err = fake_kernel_ask(f->k, FUSE_WRITE, node, &in, sizeof(in), text, in.size);

	memcpy(&out, f->k->reply, sizeof(out));
	return err ? err : (int)out.size;
}

static void assert_reads(struct ops_fixture *f, uint64_t node, uint64_t fh, uint64_t offset, const char *want)
{
	assert_int_equal(ask_read(f->k, node, fh, offset, 65536), strlen(want));
	assert_memory_equal(f->k->reply, want, strlen(want));
}

static void test_read_and_write(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t fh, node = file_made(f, "a", 0644, O_RDWR, &fh);

	assert_reads(f, node, fh, 0, "");
	assert_int_equal(write_as(f, node, fh, 0, O_RDWR, "hello, pages"), 12);
	assert_reads(f, node, fh, 0, "hello, pages");
	assert_reads(f, node, fh, 7, "pages");
	assert_reads(f, node, fh, 4096, "");
	assert_int_equal(write_as(f, node, fh, 10000, O_RDWR, "far"), 3);
	assert_int_equal(ask_read(f->k, node, fh, 0, 65536), 10003);
	assert_int_equal(f->k->reply[5000], 0);
	assert_memory_equal(f->k->reply + 10000, "far", 3);
	ask_release(f->k, node, fh);
}

/* Bytes come out of the machine's page frames, and there is one page of them. */
static void test_content_is_in_frames(void **state)
{
	struct ops_fixture *f = *state;
	struct vm *vm = &f->fs->machine->vm;
	uint64_t fh, node = file_made(f, "a", 0644, O_RDWR, &fh);
	int64_t before = node_sum(vm, NR_FILE_PAGES);

	assert_int_equal(write_as(f, node, fh, 0, O_RDWR, "needle in a frame"), 17);
	assert_int_equal(node_sum(vm, NR_FILE_PAGES), before + 1);
	files_enter(&vm->files);
	struct file_inode *i = file_get(&vm->files, node);
	struct file_read r;
	assert_non_null(i);
	assert_int_equal(file_read_begin(i, 0, 100, &r), 0);
	assert_int_equal(r.nr_iov, 1);
	assert_memory_equal(r.iov[0].iov_base, "needle in a frame", 17);
	file_read_end(&r);
	file_put(i);
	files_leave(&vm->files);
	ask_release(f->k, node, fh);
}

/* Where the host believes the end to be does not count. */
static void test_append(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t fh, node = file_made(f, "a", 0644, O_WRONLY | O_APPEND, &fh);

	assert_int_equal(write_as(f, node, fh, 0, O_WRONLY | O_APPEND, "one "), 4);
	assert_int_equal(write_as(f, node, fh, 0, O_WRONLY | O_APPEND, "two "), 4);
	assert_int_equal(write_as(f, node, fh, 500, O_WRONLY | O_APPEND, "three"), 5);
	assert_reads(f, node, fh, 0, "one two three");
	ask_release(f->k, node, fh);
}

static void test_truncating_open(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t fh, again, node = file_made(f, "a", 0644, O_RDWR, &fh);

	assert_int_equal(write_as(f, node, fh, 0, O_RDWR, "gone soon"), 9);
	assert_int_equal(ask_open(f->k, node, O_WRONLY | O_TRUNC, &again), 0);
	assert_reads(f, node, fh, 0, "");
	ask_release(f->k, node, again);
	ask_release(f->k, node, fh);
	assert_int_equal(ask_open(f->k, node + 4096, O_RDONLY, &fh), -ESTALE);
}

static void test_writing_takes_privileges(void **state)
{
	struct ops_fixture *f = *state;
	uint64_t fh, node = file_made(f, "a", 0644, O_RDWR, &fh);
	struct fuse_setattr_in bits = { .valid = FATTR_MODE, .mode = 04755 };
	struct fuse_entry_out e;

	assert_int_equal(fake_kernel_ask(f->k, FUSE_SETATTR, node, &bits, sizeof(bits), NULL, 0), 0);
	f->k->uid = 0;
	assert_int_equal(write_as(f, node, fh, 0, O_RDWR, "x"), 1);
	assert_int_equal(ask_walk(f->k, "files/a", &e), 0);
	assert_int_equal(e.attr.mode, S_IFREG | 04755);
	f->k->uid = 1234;
	assert_int_equal(write_as(f, node, fh, 0, O_RDWR, "y"), 1);
	assert_int_equal(ask_walk(f->k, "files/a", &e), 0);
	assert_int_equal(e.attr.mode, S_IFREG | 0755);
	ask_release(f->k, node, fh);
}

static void test_sync_and_seek(void **state)
{
	struct ops_fixture *f = *state;
	struct vm *vm = &f->fs->machine->vm;
	uint64_t fh, node = file_made(f, "a", 0644, O_RDWR, &fh);
	struct fuse_fsync_in sync = { .fh = fh };
	struct fuse_lseek_in seek = { .fh = fh, .offset = 100, .whence = SEEK_DATA };
	struct fuse_fallocate_in fallocate = { .fh = fh, .length = 8192 };

	assert_int_equal(write_as(f, node, fh, 0, O_RDWR, "x"), 1);
	assert_int_equal(node_sum(vm, NR_FILE_DIRTY), 1);
	assert_int_equal(fake_kernel_ask(f->k, FUSE_FSYNC, node, &sync, sizeof(sync), NULL, 0), 0);
	assert_int_equal(node_sum(vm, NR_FILE_DIRTY), 0);
	assert_int_equal(write_as(f, node, fh, 0, O_RDWR | O_DSYNC, "y"), 1);
	assert_int_equal(node_sum(vm, NR_FILE_DIRTY), 0);
	assert_int_equal(fake_kernel_ask(f->k, FUSE_LSEEK, node, &seek, sizeof(seek), NULL, 0), -ENXIO);
	assert_int_equal(
		fake_kernel_ask(f->k, FUSE_FALLOCATE, node, &fallocate, sizeof(fallocate), NULL, 0), 0);
	assert_int_equal(ask_read(f->k, node, fh, 0, 65536), 8192);
	ask_release(f->k, node, fh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPS_TEST(test_read_and_write),
		OPS_TEST(test_content_is_in_frames),
		OPS_TEST(test_append),
		OPS_TEST(test_truncating_open),
		OPS_TEST(test_writing_takes_privileges),
		OPS_TEST(test_sync_and_seek),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
