/* SPDX-License-Identifier: MIT */
#include "fs/notify.h"

#include "fs/inode.h"
#include "fs/inode_cache.h"
#include "support/ops_fixture.h"

#include <time.h>

/* The next notification: whose attributes are dropped, and nothing of its content. */
static uint64_t notice(struct ops_fixture *f)
{
	struct fuse_notify_inval_inode_out out;
	int code;

	assert_int_equal(fake_kernel_receive(f->k, &code), 0);
	assert_int_equal(code, FUSE_NOTIFY_INVAL_INODE);
	memcpy(&out, f->k->reply, sizeof(out));
	assert_true(out.off < 0);
	return out.ino;
}

static void test_both_directories_are_told(void **state)
{
	struct ops_fixture *f = *state;
	struct task *t = fs_task(f->fs, "some task");
	struct notifier n;

	assert_int_equal(notifier_start(&n, f->k->session), 0);
	notifier_task_gone(&n, t);
	assert_int_equal(notice(f), task_dir_ino(t));
	assert_int_equal(notice(f), pid_dir_ino(t));
	notifier_stop(&n);
}

static void test_caches(void **state)
{
	struct ops_fixture *f = *state;
	struct cache_id id;
	struct notifier n;

	assert_int_equal(cache_id_find(f->fs->fs.vm, "TCP", &id), 0);
	assert_int_equal(notifier_start(&n, f->k->session), 0);
	notifier_cache_gone(&n, id.id, id.generation);
	assert_int_equal(notice(f), cache_dir_ino(id));
	notifier_stop(&n);
}

static void test_many_in_order(void **state)
{
	struct ops_fixture *f = *state;
	struct notifier n;

	assert_int_equal(notifier_start(&n, f->k->session), 0);
	for (uint32_t i = 0; i < 100; i++)
		notifier_cache_gone(&n, 1000, i);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(notice(f), cache_dir_ino((struct cache_id){ 1000, i }));
	notifier_stop(&n);
}

static void test_stop(void **state)
{
	struct ops_fixture *f = *state;
	struct notifier n;

	assert_int_equal(notifier_start(&n, f->k->session), 0);
	notifier_stop(&n);
	notifier_stop(&n); /* once is enough, twice is allowed */
	notifier_task_gone(&n, fs_task(f->fs, "late"));
	assert_false(fake_kernel_answered(f->k, 20));
}

static void test_no_memory_drops_the_notice(void **state)
{
	struct ops_fixture *f = *state;
	struct task *t = fs_task(f->fs, "t");
	struct notifier n;

	assert_int_equal(notifier_start(&n, f->k->session), 0);
	fault_arm(FAULT_HOST_MALLOC, 1);
	notifier_task_gone(&n, t);
	fault_arm(FAULT_HOST_MALLOC, 0);
	assert_int_equal(notice(f), pid_dir_ino(t));
	notifier_stop(&n);
}

static void expect_entry(struct ops_fixture *f, uint64_t dir, const char *name)
{
	struct fuse_notify_inval_entry_out out;
	int code;

	assert_int_equal(fake_kernel_receive(f->k, &code), 0);
	assert_int_equal(code, FUSE_NOTIFY_INVAL_ENTRY);
	memcpy(&out, f->k->reply, sizeof(out));
	assert_int_equal(out.parent, dir);
	assert_int_equal(out.namelen, strlen(name));
	assert_string_equal(f->k->reply + sizeof(out), name);
}

static void test_names_are_asked_back(void **state)
{
	struct ops_fixture *f = *state;
	struct notifier n;

	assert_int_equal(notifier_start(&n, f->k->session), 0);
	notifier_ask(&n, 77, "a");
	expect_entry(f, 77, "a");
	notifier_ask(&n, 78, "a longer name");
	expect_entry(f, 78, "a longer name");
	assert_true(notifier_ask_wait(&n, 1000)); /* nothing is open */
	assert_int_equal(n.bytes, 0);
	assert_int_equal(n.told, 2);
	notifier_stop(&n);
}

/* The names are told but never come back: waiting ends long before its time. */
static void test_waiting_gives_up(void **state)
{
	struct ops_fixture *f = *state;
	struct files files = { .nr_asked = 3 };
	struct notifier n;
	struct timespec begin, end;

	assert_int_equal(notifier_start(&n, f->k->session), 0);
	n.files = &files;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_false(notifier_ask_wait(&n, 10000));
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - begin.tv_sec < 3);
	files.nr_asked = 0;
	assert_true(notifier_ask_wait(&n, 10000));
	notifier_stop(&n);
}

/* What nobody takes does not fill memory. */
static void test_queue_is_bounded(void **state)
{
	struct ops_fixture *f = *state;
	struct notifier n;
	char name[256];

	memset(name, 'x', 255);
	name[255] = '\0';
	assert_int_equal(notifier_start(&n, f->k->session), 0);
	pthread_mutex_lock(&n.mutex); /* as full as if so much were queued */
	n.bytes += NOTIFY_BYTES_MAX;
	pthread_mutex_unlock(&n.mutex);
	notifier_ask(&n, 5, name);
	assert_int_equal(n.bytes, NOTIFY_BYTES_MAX);
	notifier_cache_gone(&n, 1000, 1); /* others do not suffer */
	assert_int_equal(notice(f), cache_dir_ino((struct cache_id){ 1000, 1 }));
	notifier_stop(&n);
}

static void test_changed_inode(void **state)
{
	struct ops_fixture *f = *state;
	struct notifier n;

	notifier_inode_changed(NULL, 5);
	assert_int_equal(notifier_start(&n, f->k->session), 0);
	notifier_inode_changed(&n, 4711);
	assert_int_equal(notice(f), 4711);
	notifier_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPS_TEST(test_both_directories_are_told),
		OPS_TEST(test_caches),
		OPS_TEST(test_many_in_order),
		OPS_TEST(test_stop),
		OPS_TEST(test_no_memory_drops_the_notice),
		OPS_TEST(test_names_are_asked_back),
		OPS_TEST(test_waiting_gives_up),
		OPS_TEST(test_queue_is_bounded),
		OPS_TEST(test_changed_inode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
