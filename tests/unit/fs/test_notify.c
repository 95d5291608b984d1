/* SPDX-License-Identifier: MIT */
#include "fs/notify.h"

#include "support/ops_fixture.h"

/* The next notification: directory and name. */
static uint64_t notice(struct ops_fixture *f, char *name, size_t size)
{
	struct fuse_notify_inval_entry_out out;
	int code;

	assert_int_equal(fake_kernel_receive(f->k, &code), 0);
	assert_int_equal(code, FUSE_NOTIFY_INVAL_ENTRY);
	memcpy(&out, f->k->reply, sizeof(out));
	snprintf(name, size, "%s", f->k->reply + sizeof(out));
	assert_int_equal(strlen(name), out.namelen);
	return out.parent;
}

static void test_both_names_are_told(void **state)
{
	struct ops_fixture *f = *state;
	struct notifier n;
	char name[300];

	assert_int_equal(notifier_start(&n, &f->fs->fs, f->k->session), 0);
	notifier_task_gone(&n, 1, 4711, "some task");
	assert_int_equal(notice(f, name, sizeof(name)), f->fs->fs.tree.tasks->ino);
	assert_string_equal(name, "some task");
	assert_int_equal(notice(f, name, sizeof(name)), f->fs->fs.tree.proc->ino);
	assert_string_equal(name, "4711");
	notifier_stop(&n);
}

static void test_many_in_order(void **state)
{
	struct ops_fixture *f = *state;
	struct notifier n;
	char name[300], want[16];

	assert_int_equal(notifier_start(&n, &f->fs->fs, f->k->session), 0);
	for (int i = 0; i < 100; i++)
		notifier_task_gone(&n, 1, 1000 + i, "t");
	for (int i = 0; i < 100; i++) {
		notice(f, name, sizeof(name));
		assert_string_equal(name, "t");
		notice(f, name, sizeof(name));
		snprintf(want, sizeof(want), "%d", 1000 + i);
		assert_string_equal(name, want);
	}
	notifier_stop(&n);
}

static void test_stop(void **state)
{
	struct ops_fixture *f = *state;
	struct notifier n;

	assert_int_equal(notifier_start(&n, &f->fs->fs, f->k->session), 0);
	notifier_stop(&n);
	notifier_stop(&n); /* once is enough, twice is allowed */
	notifier_task_gone(&n, 1, 4711, "late");
	assert_false(fake_kernel_answered(f->k, 20));
}

static void test_no_memory_drops_the_notice(void **state)
{
	struct ops_fixture *f = *state;
	struct notifier n;
	char name[300];

	assert_int_equal(notifier_start(&n, &f->fs->fs, f->k->session), 0);
	fault_arm(FAULT_HOST_MALLOC, 1);
	notifier_task_gone(&n, 1, 4711, "t");
	fault_arm(FAULT_HOST_MALLOC, 0);
	assert_int_equal(notice(f, name, sizeof(name)), f->fs->fs.tree.proc->ino);
	notifier_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPS_TEST(test_both_names_are_told),
		OPS_TEST(test_many_in_order),
		OPS_TEST(test_stop),
		OPS_TEST(test_no_memory_drops_the_notice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
