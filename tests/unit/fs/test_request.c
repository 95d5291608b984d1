/* SPDX-License-Identifier: MIT */
#include "fs/request.h"

#include "support/ops_fixture.h"

#include <signal.h>
#include <time.h>

static const char *status(uint64_t thread, uint64_t process, uint64_t blocked)
{
	static char text[256];

	snprintf(text, sizeof(text),
		 "Name:\tcat\nSigQ:\t0/1\nSigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t0\n",
		 (unsigned long long)thread, (unsigned long long)process, (unsigned long long)blocked);
	return text;
}

#define BIT(sig) (1ull << ((sig)-1))

static void test_signals(void **state)
{
	(void)state;
	assert_int_equal(signals_waiting(status(0, 0, 0)), 0);
	assert_int_equal(signals_waiting(status(BIT(SIGKILL), 0, 0)), 1);
	assert_int_equal(signals_waiting(status(0, BIT(SIGTERM), 0)), 1);
	assert_int_equal(signals_waiting(status(0, BIT(SIGTERM), BIT(SIGTERM))), 0);
	assert_int_equal(signals_waiting(status(BIT(SIGCHLD), BIT(SIGWINCH) | BIT(SIGURG), 0)), 0);
	assert_int_equal(signals_waiting(status(BIT(SIGCHLD), BIT(SIGINT), 0)), 1);
	assert_int_equal(signals_waiting("Name:\tcat\n"), -1);
	assert_int_equal(signals_waiting("\nSigPnd:\tx\nShdPnd:\t0\nSigBlk:\t0\n"), -1);
	assert_int_equal(signals_waiting(""), -1);
}

/* The fake kernel's requests come from no process, so its word is what counts. */
static void interrupt(struct fake_kernel *k, uint64_t unique)
{
	struct fuse_interrupt_in in = { .unique = unique };

	fake_kernel_send(k, FUSE_INTERRUPT, 0, &in, sizeof(in), NULL, 0);
}

static uint64_t write_send(struct fake_kernel *k, uint64_t node, uint64_t fh, const char *text)
{
	struct fuse_write_in in = { .fh = fh, .size = (uint32_t)strlen(text) };

	return fake_kernel_send(k, FUSE_WRITE, node, &in, sizeof(in), text, in.size);
}

/* A change that waits for another one of the same task, and does not have to. */
static void test_write_is_interrupted(void **state)
{
	struct ops_fixture *f = *state;
	struct task *t = fs_task(f->fs, "a");
	uint64_t node = node_of(f, "tasks/a/cpu"), fh;
	int error;

	assert_int_equal(ask_open(f->k, node, O_WRONLY, &fh), 0);
	lock_take(&t->lock);
	uint64_t sent = write_send(f->k, node, fh, "1\n");
	assert_false(fake_kernel_answered(f->k, 50));
	interrupt(f->k, sent);
	assert_int_equal(fake_kernel_receive(f->k, &error), sent);
	assert_int_equal(error, -EINTR);
	lock_drop(&t->lock);
	assert_int_equal(ask_write(f->k, node, fh, 0, "1\n"), 2);
	ask_release(f->k, node, fh);
}

/* So does a read of its memory, and others are answered meanwhile. */
static void test_read_of_mem_is_interrupted(void **state)
{
	struct ops_fixture *f = *state;
	struct task *t = fs_task(f->fs, "a");
	uint64_t node = node_of(f, "tasks/a/mem"), fh;
	int error;

	assert_int_equal(ask_open(f->k, node, O_RDONLY, &fh), 0);
	lock_take(&t->lock);
	struct fuse_read_in in = { .fh = fh, .size = 4096 };
	uint64_t sent = fake_kernel_send(f->k, FUSE_READ, node, &in, sizeof(in), NULL, 0);
	uint64_t other = fake_kernel_send(f->k, FUSE_STATFS, 1, NULL, 0, NULL, 0);
	assert_int_equal(fake_kernel_receive(f->k, &error), other);
	interrupt(f->k, sent);
	assert_int_equal(fake_kernel_receive(f->k, &error), sent);
	assert_int_equal(error, -EINTR);
	lock_drop(&t->lock);
	ask_release(f->k, node, fh);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* rmdir is done when the name has gone; the memory follows. */
static void test_rmdir_is_interrupted(void **state)
{
	struct ops_fixture *f = *state;
	struct task *t = fs_task(f->fs, "a");
	struct fuse_entry_out e;
	int error;

	lock_take(&t->lock);
	uint64_t sent = fake_kernel_send(f->k, FUSE_RMDIR, node_of(f, "tasks"), "a", 2, NULL, 0);
	assert_false(fake_kernel_answered(f->k, 50));
	interrupt(f->k, sent);
	double begin = seconds();
	assert_int_equal(fake_kernel_receive(f->k, &error), sent);
	assert_int_equal(error, 0);
	assert_true(seconds() - begin < 1);
	assert_int_equal(ask_walk(f->k, "tasks/a", &e), -ENOENT);
	lock_drop(&t->lock);
}

/* The loop ends although somebody waits for something that does not come. */
static void test_the_end_interrupts(void **state)
{
	struct ops_fixture *f = *state;
	struct task *t = fs_task(f->fs, "a");
	uint64_t node = node_of(f, "tasks/a/cpu"), fh;

	assert_int_equal(ask_open(f->k, node, O_WRONLY, &fh), 0);
	lock_take(&t->lock);
	write_send(f->k, node, fh, "1\n");
	assert_false(fake_kernel_answered(f->k, 50));
	double begin = seconds();
	loop_stop(f->k->loop);
	f->k->loop = NULL;
	assert_true(seconds() - begin < 1);
	lock_drop(&t->lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals),
		OPS_TEST(test_write_is_interrupted),
		OPS_TEST(test_read_of_mem_is_interrupted),
		OPS_TEST(test_rmdir_is_interrupted),
		OPS_TEST(test_the_end_interrupts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
