/* SPDX-License-Identifier: MIT */
#include "fs/loop.h"

#include "support/ops_fixture.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static struct fake_kernel *start(struct fs_fixture *f, unsigned workers, unsigned spin_us)
{
	return fake_kernel_start(&f->fs, &(struct loop_options){ .workers = workers, .spin_us = spin_us });
}

static void ask_statfs(struct fake_kernel *k, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		assert_int_equal(fake_kernel_ask(k, FUSE_STATFS, 1, NULL, 0, NULL, 0), 0);
}

static void test_answers(void **state)
{
	static const struct loop_options option[] = { { .workers = 1 },
						      { .workers = 2, .spin_us = 20 },
						      { .workers = 8 },
						      { .spin_us = 5 },
						      { .workers = 99, .spin_us = 1 } };

	for (size_t i = 0; i < ARRAY_LEN(option); i++) {
		struct fake_kernel *k = start(*state, option[i].workers, option[i].spin_us);
		ask_statfs(k, 300);
		fake_kernel_stop(k);
	}
}

static void test_many_at_once(void **state)
{
	struct fake_kernel *k = start(*state, 2, 20);
	unsigned waiting = 0;

	for (unsigned round = 0; round < 200; round++) {
		for (; waiting < 40; waiting++)
			fake_kernel_send(k, FUSE_STATFS, 1, NULL, 0, NULL, 0);
		for (; waiting > 10; waiting--) {
			int error;
			fake_kernel_receive(k, &error);
			assert_int_equal(error, 0);
		}
	}
	for (int error; waiting; waiting--)
		fake_kernel_receive(k, &error);
	fake_kernel_stop(k);
}

/* While one thread waits for a lock, others answer. */
static void test_slow_requests_do_not_stop_the_others(void **state)
{
	struct fs_fixture *f = *state;
	struct fake_kernel *k = start(f, 2, 0);
	struct fuse_entry_out e;
	uint64_t fh[4], sent[4];
	int error;

	assert_int_equal(ask_walk(k, "proc/sys/vm/watermark_scale_factor", &e), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(ask_open(k, e.nodeid, O_WRONLY, &fh[i]), 0);
	lock_take(&f->machine->vm.knob_lock);
	for (int i = 0; i < 4; i++) {
		struct fuse_write_in in = { .fh = fh[i], .size = 3 };
		sent[i] = fake_kernel_send(k, FUSE_WRITE, e.nodeid, &in, sizeof(in), "20\n", 3);
		uint64_t other = fake_kernel_send(k, FUSE_STATFS, 1, NULL, 0, NULL, 0);
		assert_int_equal(fake_kernel_receive(k, &error), other);
	}
	lock_drop(&f->machine->vm.knob_lock);
	for (int i = 0; i < 4; i++) {
		uint64_t got = fake_kernel_receive(k, &error);
		assert_true(got >= sent[0] && got <= sent[3]);
		assert_int_equal(error, 0);
	}
	ask_statfs(k, 100);
	for (int i = 0; i < 4; i++)
		ask_release(k, e.nodeid, fh[i]);
	fake_kernel_stop(k);
}

/* With one worker nothing else is answered meanwhile: -s means one thread. */
static void test_single_stays_single(void **state)
{
	struct fs_fixture *f = *state;
	struct fake_kernel *k = start(f, 1, 0);
	struct fuse_entry_out e;
	uint64_t fh;
	int error;

	assert_int_equal(ask_walk(k, "proc/sys/vm/watermark_scale_factor", &e), 0);
	assert_int_equal(ask_open(k, e.nodeid, O_WRONLY, &fh), 0);
	lock_take(&f->machine->vm.knob_lock);
	struct fuse_write_in in = { .fh = fh, .size = 3 };
	uint64_t slow = fake_kernel_send(k, FUSE_WRITE, e.nodeid, &in, sizeof(in), "20\n", 3);
	uint64_t other = fake_kernel_send(k, FUSE_STATFS, 1, NULL, 0, NULL, 0);
	assert_false(fake_kernel_answered(k, 50));
	lock_drop(&f->machine->vm.knob_lock);
	assert_int_equal(fake_kernel_receive(k, &error), slow);
	assert_int_equal(fake_kernel_receive(k, &error), other);
	ask_release(k, e.nodeid, fh);
	fake_kernel_stop(k);
}

/* A handle is closed as soon as its reply is there, perhaps before the thread that sent it is done with it. */
static void test_close_right_after_the_reply(void **state)
{
	struct fake_kernel *k = start(*state, 2, 0);
	struct fuse_entry_out knob;
	struct fuse_open_in open_in = { .flags = O_RDONLY | O_DIRECTORY };
	struct fuse_open_out dir;
	uint64_t knob_fh, fh;
	int error;

	assert_int_equal(ask_walk(k, "proc/sys/vm/watermark_scale_factor", &knob), 0);
	assert_int_equal(ask_open(k, knob.nodeid, O_RDWR, &knob_fh), 0);
	for (int i = 0; i < 500; i++) {
		struct fuse_write_in write_in = { .fh = knob_fh, .size = 3 };
		assert_int_equal(fake_kernel_ask(k, FUSE_OPENDIR, 1, &open_in, sizeof(open_in), NULL, 0), 0);
		memcpy(&dir, k->reply, sizeof(dir));
		assert_int_equal(ask_open(k, knob.nodeid, O_RDONLY, &fh), 0);
		/* writes keep a second thread receiving */
		uint64_t sent = fake_kernel_send(k, FUSE_WRITE, knob.nodeid, &write_in,
						 sizeof(write_in), "20\n", 3);
		struct fuse_read_in read_in = { .fh = dir.fh, .size = 4096 };
		struct fuse_release_in release_in = { .fh = dir.fh };
		uint64_t read = fake_kernel_send(k, FUSE_READDIR, 1, &read_in, sizeof(read_in), NULL, 0);
		uint64_t first = fake_kernel_receive(k, &error);
		if (first != read)
			assert_int_equal(fake_kernel_receive(k, &error), read);
		uint64_t closed = fake_kernel_send(k, FUSE_RELEASEDIR, 1, &release_in,
						   sizeof(release_in), NULL, 0);
		for (unsigned left = first == read ? 2 : 1; left; left--) {
			uint64_t got = fake_kernel_receive(k, &error);
			assert_true(got == closed || got == sent);
		}
		assert_int_equal(ask_read(k, knob.nodeid, fh, 0, 100), 3);
		assert_int_equal(ask_release(k, knob.nodeid, fh), 0);
	}
	ask_release(k, knob.nodeid, knob_fh);
	fake_kernel_stop(k);
}

static void test_idle_costs_nothing(void **state)
{
	struct fake_kernel *k = start(*state, 2, 20);
	const struct timespec while_idle = { .tv_nsec = 200000000 };

	ask_statfs(k, 100);
	uint64_t before = cpu_ns();
	nanosleep(&while_idle, NULL);
	assert_true(cpu_ns() - before < 10000000);
	fake_kernel_stop(k);
}

static void test_end_of_the_mount(void **state)
{
	struct fake_kernel *k = start(*state, 2, 0);
	struct pollfd p = { .fd = loop_end_fd(k->loop), .events = POLLIN };

	assert_int_equal(poll(&p, 1, 0), 0);
	shutdown(k->fd, SHUT_RDWR);
	assert_int_equal(poll(&p, 1, 5000), 1);
	fake_kernel_stop(k);
}

/* Stopping takes threads out of read, whatever they are at. */
static void test_stop_at_any_moment(void **state)
{
	for (unsigned i = 0; i < 50; i++) {
		struct fake_kernel *k = start(*state, 2, i % 30);
		for (unsigned n = 0; n < i % 7; n++)
			fake_kernel_send(k, FUSE_STATFS, 1, NULL, 0, NULL, 0);
		fake_kernel_stop(k);
	}
}

/* The same while the last of several slow requests comes to its end. */
static void test_stop_at_the_end_of_a_write(void **state)
{
	struct fuse_entry_out e;
	uint64_t fh;
	int error;

	for (unsigned i = 0; i < 200; i++) {
		struct fake_kernel *k = start(*state, 2, 0);
		assert_int_equal(ask_walk(k, "proc/sys/vm/watermark_scale_factor", &e), 0);
		assert_int_equal(ask_open(k, e.nodeid, O_WRONLY, &fh), 0);
		struct fuse_write_in in = { .fh = fh, .size = 3 };
		fake_kernel_send(k, FUSE_WRITE, e.nodeid, &in, sizeof(in), "20\n", 3);
		fake_kernel_receive(k, &error); /* it is answered, and perhaps not quite done */
		loop_stop(k->loop);
		k->loop = NULL;
		handle_close(&((struct fs_fixture *)*state)->fs, (struct handle *)(uintptr_t)fh);
		fake_kernel_stop(k);
	}
}

/* After a panic: the way to the log, the log, and what needs no answer; else EIO. */
static void test_refusal(void **state)
{
	struct fs_fixture *f = *state;
	const struct loop_options o = { .workers = 2, .refuses = fs_refuses, .refuses_ctx = &f->fs };
	struct fake_kernel *k = fake_kernel_start(&f->fs, &o);
	const uint64_t kmsg = f->fs.kmsg.ino, dev = tree_find(&f->fs.tree, "dev")->ino;

	ask_statfs(k, 1);
	assert_int_equal(fake_kernel_ask(k, FUSE_LOOKUP, 1, NULL, 0, "proc", 5), 0);
	WRITE_RELAXED(&f->fs.vm->panicked, true);
	assert_int_equal(fake_kernel_ask(k, FUSE_STATFS, 1, NULL, 0, NULL, 0), -EIO);
	assert_int_equal(fake_kernel_ask(k, FUSE_LOOKUP, 1, NULL, 0, "proc", 5), -EIO);
	assert_int_equal(fake_kernel_ask(k, FUSE_LOOKUP, dev, NULL, 0, "mem", 4), -EIO);
	assert_int_equal(fake_kernel_ask(k, FUSE_LOOKUP, 1, NULL, 0, "dev", 4), 0);
	assert_int_equal(fake_kernel_ask(k, FUSE_LOOKUP, dev, NULL, 0, "kmsg", 5), 0);
	assert_true(fs_refuses(&f->fs, FUSE_OPENDIR, dev, NULL));
	assert_false(fs_refuses(&f->fs, FUSE_READ, kmsg, NULL));
	assert_false(fs_refuses(&f->fs, FUSE_FORGET, 1, NULL));
	assert_false(fs_refuses(&f->fs, FUSE_RELEASE, 1, NULL));
	WRITE_RELAXED(&f->fs.vm->panicked, false);
	ask_statfs(k, 1);
	fake_kernel_stop(k);
}

static void test_defaults(void **state)
{
	struct loop_options o = loop_defaults();

	(void)state;
	assert_int_equal(o.workers, 2);
	assert_true(o.spin_us <= 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FS_TEST(test_answers),
		FS_TEST(test_many_at_once),
		FS_TEST(test_slow_requests_do_not_stop_the_others),
		FS_TEST(test_single_stays_single),
		FS_TEST(test_close_right_after_the_reply),
		FS_TEST(test_idle_costs_nothing),
		FS_TEST(test_end_of_the_mount),
		FS_TEST(test_stop_at_any_moment),
		FS_TEST(test_stop_at_the_end_of_a_write),
		FS_TEST(test_refusal),
		cmocka_unit_test(test_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
