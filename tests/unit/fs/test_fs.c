/* SPDX-License-Identifier: MIT */
#include "fs/fs.h"

#include "support/fs_fixture.h"

static void test_snapshots_are_used_again(void **state)
{
	struct fs_fixture *f = *state;
	struct snapshot *a = fs_snapshot_take(&f->fs, SNAP_ZONES);

	assert_non_null(a);
	assert_int_equal(a->zone[1].managed, f->machine->vm.machine.zone[1].managed);
	fs_snapshot_give(&f->fs, a);
	assert_ptr_equal(fs_snapshot_take(&f->fs, 0), a);
	struct snapshot *b = fs_snapshot_take(&f->fs, 0);
	assert_ptr_not_equal(a, b);
	fs_snapshot_give(&f->fs, a);
	fs_snapshot_give(&f->fs, b);
}

static void test_only_so_many_are_kept(void **state)
{
	struct fs_fixture *f = *state;
	struct snapshot *s[FS_SPARE_SNAPSHOTS + 3];

	for (size_t i = 0; i < ARRAY_LEN(s); i++)
		assert_non_null(s[i] = fs_snapshot_take(&f->fs, 0));
	for (size_t i = 0; i < ARRAY_LEN(s); i++)
		fs_snapshot_give(&f->fs, s[i]);
	assert_int_equal(f->fs.nr_snapshots, FS_SPARE_SNAPSHOTS);
}

static void test_no_memory(void **state)
{
	struct fs_fixture *f = *state;

	for (unsigned n = 1; n <= 4; n++) {
		fault_arm(FAULT_HOST_MALLOC, n);
		struct snapshot *s = fs_snapshot_take(&f->fs, SNAP_ALL);
		bool fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		assert_true(fired == !s);
		if (s)
			fs_snapshot_give(&f->fs, s);
		fs_spares_free(&f->fs);
	}
}

static void test_statvfs(void **state)
{
	struct fs_fixture *f = *state;
	struct statvfs before, after;
	struct task *t = fs_task(f, "a");

	fs_statvfs(&f->fs, &before);
	assert_int_equal(before.f_bsize, 4096);
	assert_int_equal(before.f_blocks, f->machine->vm.machine.managed_pages);
	assert_int_equal(before.f_bfree, before.f_blocks);
	assert_int_equal(before.f_namemax, 255);
	for (unsigned i = 0; i < nr_task_attrs; i++)
		if (!strcmp(task_attr_table[i].name, "anon"))
			assert_int_equal(task_attr_write(t, &task_attr_table[i], "64M", 3), 3);
	fs_statvfs(&f->fs, &after);
	assert_int_equal(after.f_blocks, before.f_blocks);
	assert_true(before.f_bfree - after.f_bfree >= 64 * MIB_PAGES);
	assert_true(before.f_bfree - after.f_bfree < 65 * MIB_PAGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FS_TEST(test_snapshots_are_used_again),
		FS_TEST(test_only_so_many_are_kept),
		FS_TEST(test_no_memory),
		FS_TEST(test_statvfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
