/* SPDX-License-Identifier: MIT */
#include "fs/kmsg.h"

#include "support/ops_fixture.h"

#include <poll.h>

struct kmsg_fixture {
	struct ops_fixture *ops;
	struct fake_kernel *k;
	struct ring *ring;
	struct clock *clock;
	uint64_t node;
};

static int setup(void **state)
{
	struct kmsg_fixture *f = calloc(1, sizeof(*f));
	void *ops;

	assert_non_null(f);
	ops_setup(&ops);
	f->ops = ops;
	f->k = f->ops->k;
	f->ring = &f->ops->fs->machine->vm.log;
	f->clock = &f->ops->fs->machine->vm.machine.clock;
	f->node = node_of(f->ops, "dev/kmsg");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct kmsg_fixture *f = *state;
	void *ops = f->ops;

	ops_teardown(&ops);
	free(f);
	return 0;
}

#define KMSG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static uint64_t open_kmsg(struct kmsg_fixture *f, uint32_t flags)
{
	uint64_t fh;

	assert_int_equal(ask_open(f->k, f->node, flags, &fh), 0);
	return fh;
}

static void close_kmsg(struct kmsg_fixture *f, uint64_t fh)
{
	assert_int_equal(ask_release(f->k, f->node, fh), 0);
}

static uint64_t read_send(struct kmsg_fixture *f, uint64_t fh, uint64_t offset, uint32_t size, uint32_t flags)
{
	struct fuse_read_in in = { .fh = fh, .offset = offset, .size = size, .flags = flags };

	return fake_kernel_send(f->k, FUSE_READ, f->node, &in, sizeof(in), NULL, 0);
}

/* The answer to one request, which is the next one: a line, or "!ERRNO". */
static const char *answer(struct kmsg_fixture *f, uint64_t sent)
{
	static char line[8192];
	int error;

	assert_int_equal(fake_kernel_receive(f->k, &error), sent);
	if (error)
		snprintf(line, sizeof(line), "!%d", -error);
	else
		snprintf(line, sizeof(line), "%.*s", (int)f->k->reply_len, f->k->reply);
	return line;
}

static void assert_errno(const char *said, int error)
{
	char want[16];

	snprintf(want, sizeof(want), "!%d", error);
	assert_string_equal(said, want);
}

static const char *read_now(struct kmsg_fixture *f, uint64_t fh, uint64_t offset, uint32_t size)
{
	return answer(f, read_send(f, fh, offset, size, O_NONBLOCK));
}

static void test_records_in_turn(void **state)
{
	struct kmsg_fixture *f = *state;

	ring_printf(f->ring, 6, "one");
	clock_advance(f->clock, 1500000);
	ring_printf(f->ring, 4, "two");
	uint64_t a = open_kmsg(f, O_RDONLY), b = open_kmsg(f, O_RDONLY);
	assert_string_equal(read_now(f, a, 0, 8192), "6,0,0,-;one\n");
	assert_string_equal(read_now(f, a, 12, 8192), "4,1,1500,-;two\n");
	assert_errno(read_now(f, a, 27, 8192), EAGAIN);
	assert_string_equal(read_now(f, b, 0, 8192), "6,0,0,-;one\n"); /* a reader of its own */
	ring_printf(f->ring, 6, "three");
	assert_string_equal(read_now(f, a, 27, 8192), "6,2,1500,-;three\n");
	close_kmsg(f, a);
	close_kmsg(f, b);
}

static void test_short_buffer(void **state)
{
	struct kmsg_fixture *f = *state;
	uint64_t a = open_kmsg(f, O_RDONLY);

	ring_printf(f->ring, 6, "one");
	ring_printf(f->ring, 6, "two");
	assert_errno(read_now(f, a, 0, 11), EINVAL);
	assert_string_equal(read_now(f, a, 0, 12), "6,1,0,-;two\n"); /* the first is lost, as in 6.1 */
	close_kmsg(f, a);
}

static void test_overwritten(void **state)
{
	struct kmsg_fixture *f = *state;
	uint64_t a = open_kmsg(f, O_RDONLY);

	ring_printf(f->ring, 6, "first");
	assert_string_equal(read_now(f, a, 0, 8192), "6,0,0,-;first\n");
	for (unsigned i = 0; i < RING_BYTES / RING_RECORD_BYTES + 10; i++)
		ring_printf(f->ring, 6, "x");
	assert_errno(read_now(f, a, 14, 8192), EPIPE);
	assert_string_equal(read_now(f, a, 14, 8192), "6,11,0,-;x\n");
	close_kmsg(f, a);
}

static void test_seek(void **state)
{
	struct kmsg_fixture *f = *state;
	uint64_t a = open_kmsg(f, O_RDONLY);
	struct fuse_getattr_in in = { .getattr_flags = FUSE_GETATTR_FH, .fh = a };

	ring_printf(f->ring, 6, "one");
	ring_printf(f->ring, 6, "two");
	read_now(f, a, 0, 8192);
	assert_string_equal(read_now(f, a, 0, 8192), "6,0,0,-;one\n"); /* lseek(fd, 0, SEEK_SET) */
	assert_int_equal(fake_kernel_ask(f->k, FUSE_GETATTR, f->node, &in, sizeof(in), NULL, 0), 0);
	assert_errno(read_now(f, a, 0, 8192), EAGAIN); /* lseek(fd, 0, SEEK_END) */
	ring_printf(f->ring, 6, "three");
	assert_string_equal(read_now(f, a, 0, 8192), "6,2,0,-;three\n");
	close_kmsg(f, a);
}

static int lseek_data(struct kmsg_fixture *f, uint64_t node, uint64_t fh, uint64_t offset, uint32_t whence)
{
	struct fuse_lseek_in in = { .fh = fh, .offset = offset, .whence = whence };
	struct fuse_lseek_out out;
	int err = fake_kernel_ask(f->k, FUSE_LSEEK, node, &in, sizeof(in), NULL, 0);

	if (err)
		return err;
	memcpy(&out, f->k->reply, sizeof(out));
	return (int)out.offset;
}

static void test_seek_data(void **state)
{
	struct kmsg_fixture *f = *state;
	uint64_t a = open_kmsg(f, O_RDONLY), fh, node;

	ring_printf(f->ring, 6, "one");
	read_now(f, a, 0, 8192);
	assert_int_equal(lseek_data(f, f->node, a, 0, SEEK_DATA), 0);
	assert_string_equal(read_now(f, a, 0, 8192), "6,0,0,-;one\n");
	assert_int_equal(lseek_data(f, f->node, a, 1, SEEK_DATA), -ESPIPE);
	assert_int_equal(lseek_data(f, f->node, a, 0, SEEK_HOLE), -EINVAL);
	close_kmsg(f, a);

	node = node_of(f->ops, "proc/zoneinfo");
	assert_int_equal(ask_open(f->k, node, O_RDONLY, &fh), 0);
	assert_int_equal(lseek_data(f, node, fh, 0, SEEK_DATA), -EINVAL);
	assert_int_equal(ask_release(f->k, node, fh), 0);
	node = node_of(f->ops, "proc/sys/vm/stat_interval");
	assert_int_equal(ask_open(f->k, node, O_RDONLY, &fh), 0);
	assert_int_equal(lseek_data(f, node, fh, 0, SEEK_DATA), -ENXIO);
	assert_int_equal(ask_release(f->k, node, fh), 0);
	node = node_of(f->ops, "sys/devices/system/node/online");
	assert_int_equal(ask_open(f->k, node, O_RDONLY, &fh), 0);
	assert_int_equal(lseek_data(f, node, fh, 7, SEEK_DATA), 7);
	assert_int_equal(lseek_data(f, node, fh, 7, SEEK_HOLE), 4096);
	assert_int_equal(lseek_data(f, node, fh, 4096, SEEK_HOLE), -ENXIO);
	assert_int_equal(ask_release(f->k, node, fh), 0);
}

static void test_read_waits(void **state)
{
	struct kmsg_fixture *f = *state;
	uint64_t a = open_kmsg(f, O_RDONLY), b = open_kmsg(f, O_RDONLY);
	uint64_t sent_a = read_send(f, a, 0, 8192, 0), sent_b;

	assert_false(fake_kernel_answered(f->k, 20));
	sent_b = read_send(f, b, 0, 4, 0);
	assert_false(fake_kernel_answered(f->k, 20));
	assert_errno(answer(f, fake_kernel_send(f->k, FUSE_GETATTR, 4711000, &(struct fuse_getattr_in){ 0 },
						sizeof(struct fuse_getattr_in), NULL, 0)),
		     ESTALE); /* whoever waits is in nobody's way */
	ring_printf(f->ring, 6, "one");
	assert_string_equal(answer(f, sent_a), "6,0,0,-;one\n");
	assert_errno(answer(f, sent_b), EINVAL);
	close_kmsg(f, a);
	close_kmsg(f, b);
}

/* The answer to an interrupt is that of the request. */
static void test_interrupted(void **state)
{
	struct kmsg_fixture *f = *state;
	uint64_t a = open_kmsg(f, O_RDONLY), b = open_kmsg(f, O_RDONLY);
	uint64_t sent_a = read_send(f, a, 0, 8192, 0);
	uint64_t sent_b = read_send(f, b, 0, 8192, 0);
	struct fuse_interrupt_in in = { .unique = sent_a };

	assert_false(fake_kernel_answered(f->k, 20));
	fake_kernel_send(f->k, FUSE_INTERRUPT, 0, &in, sizeof(in), NULL, 0);
	assert_errno(answer(f, sent_a), EINTR);
	assert_false(fake_kernel_answered(f->k, 20));
	ring_printf(f->ring, 6, "one");
	assert_string_equal(answer(f, sent_b), "6,0,0,-;one\n");
	assert_string_equal(read_now(f, a, 0, 8192), "6,0,0,-;one\n");

	in.unique = read_send(f, b, 12, 8192, 0); /* the only one that waits, and once more after it was answered */
	assert_false(fake_kernel_answered(f->k, 20));
	fake_kernel_send(f->k, FUSE_INTERRUPT, 0, &in, sizeof(in), NULL, 0);
	assert_errno(answer(f, in.unique), EINTR);
	close_kmsg(f, a);
	close_kmsg(f, b);
}

static void test_stop_ends_waiting(void **state)
{
	struct kmsg_fixture *f = *state;
	uint64_t a = open_kmsg(f, O_RDONLY);
	uint64_t sent = read_send(f, a, 0, 8192, 0);

	assert_false(fake_kernel_answered(f->k, 20));
	kmsg_stop(&f->ops->fs->fs.kmsg);
	assert_errno(answer(f, sent), ENODEV);
	assert_errno(answer(f, read_send(f, a, 0, 8192, 0)), ENODEV);
	close_kmsg(f, a); /* another one stays open until the end: that is no leak */
	open_kmsg(f, O_RDONLY);
}

static unsigned poll_events(struct kmsg_fixture *f, uint64_t fh, uint32_t flags)
{
	struct fuse_poll_in in = { .fh = fh, .kh = 77, .flags = flags, .events = POLLIN };
	struct fuse_poll_out out;

	assert_int_equal(fake_kernel_ask(f->k, FUSE_POLL, f->node, &in, sizeof(in), NULL, 0), 0);
	memcpy(&out, f->k->reply, sizeof(out));
	return out.revents;
}

static void test_poll(void **state)
{
	struct kmsg_fixture *f = *state;
	uint64_t a = open_kmsg(f, O_RDONLY);
	struct fuse_notify_poll_wakeup_out wakeup;
	int code;

	assert_int_equal(poll_events(f, a, 0), 0);
	assert_int_equal(poll_events(f, a, FUSE_POLL_SCHEDULE_NOTIFY), 0);
	assert_int_equal(poll_events(f, a, FUSE_POLL_SCHEDULE_NOTIFY), 0); /* asked again: one notice all the same */
	ring_printf(f->ring, 6, "one");
	assert_int_equal(fake_kernel_receive(f->k, &code), 0);
	assert_int_equal(code, FUSE_NOTIFY_POLL);
	memcpy(&wakeup, f->k->reply, sizeof(wakeup));
	assert_int_equal(wakeup.kh, 77);
	ring_printf(f->ring, 6, "two");
	assert_false(fake_kernel_answered(f->k, 20));
	assert_int_equal(poll_events(f, a, 0), POLLIN | POLLRDNORM);
	for (unsigned i = 0; i < RING_BYTES / RING_RECORD_BYTES; i++)
		ring_printf(f->ring, 6, "x");
	assert_int_equal(poll_events(f, a, 0), POLLIN | POLLRDNORM | POLLERR | POLLPRI);
	poll_events(f, a, FUSE_POLL_SCHEDULE_NOTIFY);
	close_kmsg(f, a); /* with a notice still wanted */
}

static void test_poll_of_others(void **state)
{
	struct kmsg_fixture *f = *state;
	uint64_t fh;

	f->node = node_of(f->ops, "proc/zoneinfo");
	fh = open_kmsg(f, O_RDONLY);
	assert_int_equal(poll_events(f, fh, FUSE_POLL_SCHEDULE_NOTIFY),
			 POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
	close_kmsg(f, fh);
}

static void test_write(void **state)
{
	static const struct {
		const char *text, *line;
	} row[] = {
		{ "<6>hello\n", "14,0,0,-;hello\n" },
		{ "plain", "12,1,0,-;plain\n" },
		{ "<0>zero is the kernel's", "8,2,0,-;zero is the kernel's\n" },
		{ "<30>daemon\n\n", "30,3,0,-;daemon\\x0a\n" },
		{ "<6 no end", "12,4,0,-;<6 no end\n" },
		{ "<x>no number", "12,5,0,-;<x>no number\n" },
		{ "<>empty number", "8,6,0,-;empty number\n" },
		{ "a\nb\n", "12,7,0,-;a\\x0ab\n" },
		{ "\n", "12,8,0,-;\n" },
	};
	struct kmsg_fixture *f = *state;
	uint64_t a = open_kmsg(f, O_RDWR), offset = 0;

	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		assert_int_equal(ask_write(f->k, f->node, a, 0, row[i].text), strlen(row[i].text));
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		const char *line = read_now(f, a, offset, 8192);
		assert_string_equal(line, row[i].line);
		offset += strlen(line);
	}
	close_kmsg(f, a);
}

static void test_write_bounds(void **state)
{
	struct kmsg_fixture *f = *state;
	uint64_t a = open_kmsg(f, O_WRONLY);
	char text[RING_TEXT_MAX + 2];

	memset(text, '\t', sizeof(text));
	text[RING_TEXT_MAX + 1] = '\0';
	assert_int_equal(ask_write(f->k, f->node, a, 0, text), -EINVAL);
	text[RING_TEXT_MAX] = '\0';
	assert_int_equal(ask_write(f->k, f->node, a, 0, text), RING_TEXT_MAX);
	assert_int_equal(ring_next(f->ring), 1);
	uint64_t b = open_kmsg(f, O_RDONLY);
	assert_int_equal(strlen(read_now(f, b, 0, 8192)), strlen("12,0,0,-;\n") + 4 * RING_TEXT_MAX);
	close_kmsg(f, a);
	close_kmsg(f, b);
}

/* Ten lines in five seconds for each open file; what was left out is said at the end. */
static void test_write_rate(void **state)
{
	struct kmsg_fixture *f = *state;
	uint64_t a = open_kmsg(f, O_WRONLY), b = open_kmsg(f, O_WRONLY);
	struct ring_record record;

	for (unsigned i = 0; i < 13; i++)
		assert_int_equal(ask_write(f->k, f->node, a, 0, "x"), 1);
	assert_int_equal(ring_next(f->ring), 10);
	assert_int_equal(ask_write(f->k, f->node, b, 0, "y"), 1);
	assert_int_equal(ring_next(f->ring), 11);
	close_kmsg(f, b);
	assert_int_equal(ring_next(f->ring), 11);
	close_kmsg(f, a);
	assert_true(ring_read(f->ring, 11, &record));
	assert_memory_equal(record.text, "?: 3 output lines suppressed due to ratelimiting", record.len);
}

static void test_stat(void **state)
{
	struct kmsg_fixture *f = *state;
	struct fuse_entry_out e;

	assert_int_equal(ask_walk(f->k, "dev/kmsg", &e), 0);
	assert_int_equal(e.attr.mode, S_IFREG | 0644);
	assert_int_equal(e.attr.uid, 1000);
	assert_int_equal(e.attr.size, 0);
	assert_int_equal(e.attr_valid, 0); /* so that a seek to the end is seen */
	assert_true(e.entry_valid > 3600);
}

/* What a client does is logged in its name; where runs must not differ it is process 1. */
static void test_caller(void **state)
{
	struct kmsg_fixture *f = *state;
	uint64_t node = node_of(f->ops, "proc/sys/vm/drop_caches"), fh, a = open_kmsg(f, O_RDONLY);

	assert_int_equal(ask_open(f->k, node, O_WRONLY, &fh), 0);
	assert_int_equal(ask_write(f->k, node, fh, 0, "3\n"), 2);
	assert_int_equal(ask_release(f->k, node, fh), 0);
	assert_string_equal(read_now(f, a, 0, 8192), "6,0,0,-;? (1): drop_caches: 3\n");

	fs_task(f->ops->fs, "greedy-task-with-a-long-name");
	node = node_of(f->ops, "tasks/greedy-task-with-a-long-name/pages");
	assert_int_equal(ask_open(f->k, node, O_WRONLY, &fh), 0);
	assert_int_equal(ask_write(f->k, node, fh, 0, "10 GFP_KERNEL 127"), -ENOMEM);
	assert_int_equal(ask_release(f->k, node, fh), 0);
	const char *line = read_now(f, a, 100, 8192);
	assert_non_null(strstr(
		line, ";greedy-task-wit: page allocation failure: order:10, mode:0xcc0(GFP_KERNEL), "));
	close_kmsg(f, a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KMSG_TEST(test_records_in_turn),
		KMSG_TEST(test_short_buffer),
		KMSG_TEST(test_overwritten),
		KMSG_TEST(test_seek),
		KMSG_TEST(test_seek_data),
		KMSG_TEST(test_read_waits),
		KMSG_TEST(test_interrupted),
		KMSG_TEST(test_stop_ends_waiting),
		KMSG_TEST(test_poll),
		KMSG_TEST(test_poll_of_others),
		KMSG_TEST(test_write),
		KMSG_TEST(test_write_bounds),
		KMSG_TEST(test_write_rate),
		KMSG_TEST(test_stat),
		KMSG_TEST(test_caller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
