/* SPDX-License-Identifier: MIT */
#include "fs/handle.h"

#include "knob/knob_loaded.h"
#include "support/fs_fixture.h"

#include <pthread.h>

#define FACTOR "proc/sys/vm/watermark_scale_factor"
#define ORDER "proc/sys/vm/numa_zonelist_order"
#define POOL "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

static struct handle *open_good(struct fs_fixture *f, const char *path, int flags)
{
	struct handle *h;

	if (fs_open(f, path, flags, &h))
		fail_msg("%s does not open", path);
	return h;
}

static void anon_set(struct task *t, const char *text)
{
	for (unsigned i = 0; i < nr_task_attrs; i++)
		if (!strcmp(task_attr_table[i].name, "anon"))
			assert_int_equal(task_attr_write(t, &task_attr_table[i], text, strlen(text)),
					 strlen(text));
}

/* One pass never mixes two states; offset 0 begins a new one. */
static void test_view_keeps_its_text(void **state)
{
	struct fs_fixture *f = *state;
	struct handle *h = open_good(f, "proc/buddyinfo", O_RDONLY);
	char *before = strdup(fs_read(f, h, 60000, 0));
	char *tail = strdup(fs_read(f, h, 60000, 10));

	assert_string_equal(tail, before + 10);
	anon_set(fs_task(f, "a"), "64M");
	assert_string_equal(fs_read(f, h, 60000, 10), tail);
	assert_string_not_equal(fs_read(f, h, 60000, 0), before);
	assert_string_equal(fs_read(f, h, 10, (off_t)strlen(before)), "");
	assert_string_equal(fs_read(f, h, 10, 1 << 20), "");
	free(before);
	free(tail);
	handle_close(&f->fs, h);
}

static void test_first_read_past_the_start(void **state)
{
	struct fs_fixture *f = *state;
	struct handle *h = open_good(f, "proc/zoneinfo", O_RDONLY);

	assert_string_equal(fs_read(f, h, 4, 5), "0, z");
	assert_string_equal(fs_read(f, h, 6, 0), "Node 0");
	assert_string_equal(fs_read(f, h, 6, -1), "!22");
	handle_close(&f->fs, h);
}

static void test_small_reads_make_the_whole(void **state)
{
	struct fs_fixture *f = *state;
	struct handle *h = open_good(f, "proc/meminfo", O_RDONLY);
	char *whole = strdup(fs_read(f, h, 60000, 0));
	char joined[8192] = "";

	for (size_t n = 0;; n += 7) {
		const char *piece = fs_read(f, h, 7, (off_t)n);
		if (!*piece)
			break;
		strcat(joined, piece);
	}
	assert_string_equal(joined, whole);
	free(whole);
	handle_close(&f->fs, h);
}

static void test_sysctl_ends_after_one_read(void **state)
{
	struct fs_fixture *f = *state;
	struct handle *h = open_good(f, FACTOR, O_RDWR);

	assert_string_equal(fs_read(f, h, 100, 0), "10\n");
	assert_string_equal(fs_read(f, h, 1, 0), "1");
	assert_string_equal(fs_read(f, h, 100, 1), "");
	handle_close(&f->fs, h);
	h = open_good(f, FACTOR, O_RDONLY);
	assert_string_equal(fs_read(f, h, 100, 1), "");
	handle_close(&f->fs, h);
}

static void test_sysctl_takes_writes_at_its_start(void **state)
{
	struct fs_fixture *f = *state;
	struct handle *h = open_good(f, FACTOR, O_RDWR);

	assert_int_equal(fs_write(f, h, "50\n", 0), 3);
	assert_string_equal(fs_read(f, h, 100, 0), "50\n");
	assert_int_equal(fs_write(f, h, "60\n", 3), 3);
	assert_int_equal(fs_write(f, h, "nonsense", 1), 8);
	assert_string_equal(fs_read(f, h, 100, 0), "50\n");
	assert_int_equal(fs_write(f, h, "70\n", 0), 3); /* after lseek(0) */
	assert_string_equal(fs_read(f, h, 100, 0), "70\n");
	assert_int_equal(fs_write(f, h, "nonsense", 0), -EINVAL);
	assert_int_equal(fs_write(f, h, "", 0), 0);
	assert_string_equal(fs_read(f, h, 100, 0), "70\n");
	handle_close(&f->fs, h);
}

static void test_append_means_the_first_write(void **state)
{
	struct fs_fixture *f = *state;
	struct handle *h = open_good(f, FACTOR, O_WRONLY | O_APPEND);
	struct handle *r = open_good(f, FACTOR, O_RDONLY);

	assert_int_equal(fs_write(f, h, "80\n", 4711), 3);
	assert_string_equal(fs_read(f, r, 100, 0), "80\n");
	assert_int_equal(fs_write(f, h, "90\n", 0), 3);
	assert_string_equal(fs_read(f, r, 100, 0), "80\n");
	handle_close(&f->fs, h);
	handle_close(&f->fs, r);
}

/* A handle that is used again for another file remembers nothing of its last one. */
static void test_spare_handles_are_fresh(void **state)
{
	struct fs_fixture *f = *state;
	struct handle *h = open_good(f, FACTOR, O_WRONLY | O_APPEND);

	assert_int_equal(fs_write(f, h, "80\n", 1), 3);
	handle_close(&f->fs, h);
	struct handle *again = open_good(f, FACTOR, O_RDWR);
	assert_ptr_equal(again, h);
	assert_int_equal(fs_write(f, again, "20\n", 1), 3);
	assert_string_equal(fs_read(f, again, 100, 0), "80\n");
	handle_close(&f->fs, again);
	again = open_good(f, "proc/zoneinfo", O_RDONLY);
	assert_string_equal(fs_read(f, again, 4, 0), "Node");
	handle_close(&f->fs, again);
}

static void test_sysfs_takes_every_write(void **state)
{
	struct fs_fixture *f = *state;
	struct handle *h = open_good(f, POOL, O_RDWR);
	static char zeros[5002];

	assert_int_equal(fs_write(f, h, "3\n", 0), 2);
	assert_int_equal(fs_write(f, h, "4\n", 2), 2);
	assert_string_equal(fs_read(f, h, 100, 0), "4\n");
	assert_int_equal(fs_write(f, h, "5\n", 4096), 2);
	assert_string_equal(fs_read(f, h, 1, 0), "5");
	assert_string_equal(fs_read(f, h, 100, 1), "\n");
	assert_int_equal(fs_write(f, h, " 5\n", 0), -EINVAL);
	memset(zeros, '0', sizeof(zeros) - 1);
	assert_int_equal(fs_write(f, h, zeros, 0), 4096);
	assert_string_equal(fs_read(f, h, 100, 0), "0\n");
	handle_close(&f->fs, h);
}

static void test_views_take_nothing(void **state)
{
	struct fs_fixture *f = *state;
	struct handle *h = open_good(f, "proc/zoneinfo", O_RDWR);

	assert_int_equal(fs_write(f, h, "x", 0), -EIO);
	assert_int_equal(fs_write(f, h, "x", 1), -ESPIPE);
	handle_close(&f->fs, h);
}

/* Where reading ended, write(2) goes on: EIO. Any other offset is taken for pwrite's. */
static void test_write_after_read(void **state)
{
	struct fs_fixture *f = *state;
	struct handle *h = open_good(f, "proc/zoneinfo", O_RDWR);

	assert_string_equal(fs_read(f, h, 6, 0), "Node 0");
	assert_int_equal(fs_write(f, h, "x", 6), -EIO);
	assert_int_equal(fs_write(f, h, "x", 0), -EIO);
	assert_int_equal(fs_write(f, h, "x", 5), -ESPIPE);
	handle_close(&f->fs, h);
}

/* A machine that was loaded with a knob that is a text. */
static int loaded_setup(void **state)
{
	int error = fs_setup(state);
	struct fs_fixture *f = *state;
	const struct fs_options o = { .uid = 1000, .gid = 1001, .dev_mem = "/proc/1/fd/3" };
	fs_fini(&f->fs);
	f->machine->vm.machine.loaded.present = 1ull << LOADED_NUMA_ZONELIST_ORDER;
	return error ? error : fs_init(&f->fs, &f->machine->vm, &o);
}

/* A text of proc/sys is read piece by piece, and every write of it counts. */
static void test_sysctl_stream(void **state)
{
	struct fs_fixture *f = *state;
	struct handle *h = open_good(f, ORDER, O_RDWR);

	assert_string_equal(fs_read(f, h, 2, 0), "No");
	assert_string_equal(fs_read(f, h, 9, 2), "de\n");
	assert_string_equal(fs_read(f, h, 9, 5), "");
	assert_int_equal(fs_write(f, h, "N\n", 5), 2);
	assert_int_equal(fs_write(f, h, "Zone\n", 7), -EINVAL);
	handle_close(&f->fs, h);
}

static void test_open_refuses(void **state)
{
	struct fs_fixture *f = *state;
	struct handle *h;

	assert_int_equal(fs_open(f, "proc/sys/vm/drop_caches", O_RDONLY, &h), -EACCES);
	assert_int_equal(fs_open(f, "sys/devices/system/node/online", O_RDWR, &h), -EACCES);
	assert_int_equal(fs_open(f, "proc", O_RDONLY, &h), -EISDIR);
}

static void test_task_attributes(void **state)
{
	struct fs_fixture *f = *state;
	fs_task(f, "a");
	struct handle *h = open_good(f, "tasks/a/anon", O_RDWR);

	assert_string_equal(fs_read(f, h, 100, 0), "0\n");
	assert_int_equal(fs_write(f, h, "1M\n", 0), 3);
	assert_int_equal(fs_write(f, h, "+1M\n", 3), 4); /* whatever the offset */
	assert_string_equal(fs_read(f, h, 100, 0), "2097152\n");
	assert_int_equal(fs_write(f, h, "x", 0), -EINVAL);
	assert_int_equal(task_remove(&f->machine->vm, "a"), 0);
	assert_string_equal(fs_read(f, h, 100, 0), "!19"); /* ENODEV */
	assert_int_equal(fs_write(f, h, "1M\n", 0), -ENODEV);
	handle_close(&f->fs, h);
}

/* Behind until it was read, and again after the next event; other files never are. */
static void test_events_are_polled(void **state)
{
	struct fs_fixture *f = *state;
	struct task *t = fs_task(f, "a");
	struct handle *events = open_good(f, "tasks/a/events", O_RDONLY),
		      *anon = open_good(f, "tasks/a/anon", O_RDWR);
	struct handle *other = open_good(f, "proc/zoneinfo", O_RDONLY);

	assert_true(handle_poll(&f->fs, events, NULL));
	assert_string_equal(fs_read(f, events, 100, 0), "alloc_fail 0\noom_kill 0\n");
	assert_false(handle_poll(&f->fs, events, NULL));
	anon_set(t, "1M");
	assert_false(handle_poll(&f->fs, events, NULL));
	assert_int_equal(handle_write(&f->fs, anon, "900G", 4, 0), -ENOMEM);
	assert_true(handle_poll(&f->fs, events, NULL));
	assert_string_equal(fs_read(f, events, 100, 11), "0\noom_kill 0\n"); /* no new pass */
	assert_true(handle_poll(&f->fs, events, NULL));
	assert_string_equal(fs_read(f, events, 100, 0), "alloc_fail 1\noom_kill 0\n");
	assert_false(handle_poll(&f->fs, events, NULL));
	assert_false(handle_poll(&f->fs, anon, NULL));
	assert_false(handle_poll(&f->fs, other, NULL));
	handle_close(&f->fs, other);
	handle_close(&f->fs, anon);
	handle_close(&f->fs, events);
}

static void test_task_memory(void **state)
{
	struct fs_fixture *f = *state;
	anon_set(fs_task(f, "a"), "8192");
	struct handle *h = open_good(f, "tasks/a/mem", O_RDWR);

	assert_int_equal(fs_write(f, h, "hello", 4094), 5);
	assert_string_equal(fs_read(f, h, 5, 4094), "hello");
	assert_string_equal(fs_read(f, h, 2, 4096), "ll");
	assert_string_equal(fs_read(f, h, 100, 8192), "");
	assert_int_equal(fs_write(f, h, "x", 8192), -ENOSPC);
	handle_close(&f->fs, h);
	struct handle *other = open_good(f, "tasks/a/mem", O_RDONLY);
	assert_string_equal(fs_read(f, other, 5, 4094), "hello");
	handle_close(&f->fs, other);
}

static void test_process_views(void **state)
{
	struct fs_fixture *f = *state;
	struct task *t = fs_task(f, "some-name");
	char path[64];

	snprintf(path, sizeof(path), "proc/%d/comm", (int)t->pid);
	struct handle *h = open_good(f, path, O_RDWR);
	assert_string_equal(fs_read(f, h, 100, 0), "some-name\n");
	assert_int_equal(fs_write(f, h, "x", 0), -EIO);
	assert_int_equal(task_remove(&f->machine->vm, "some-name"), 0);
	assert_string_equal(fs_read(f, h, 100, 0), "!19");
	handle_close(&f->fs, h);
}

static void test_render_of_a_directory(void **state)
{
	struct fs_fixture *f = *state;
	struct text text;
	struct inode i;

	text_init(&text, 0);
	assert_int_equal(fs_walk(f, "proc", &i), 0);
	assert_int_equal(inode_render(&f->fs, &i, &text), -EISDIR);
	fs_task(f, "a");
	assert_int_equal(fs_walk(f, "tasks/a", &i), 0);
	assert_int_equal(inode_render(&f->fs, &i, &text), -EISDIR);
	inode_put(&i);
	text_fini(&text);
}

/* Each read is an answer or ENOMEM, and the next one with memory is right. */
static void test_no_memory(void **state)
{
	struct fs_fixture *f = *state;
	bool fired = true;

	for (unsigned n = 1; fired; n++) {
		struct handle *h = NULL;
		fs_spares_free(&f->fs);
		fault_arm(FAULT_HOST_MALLOC, n);
		int err = fs_open(f, "proc/zoneinfo", O_RDONLY, &h);
		const char *said = err ? "!12" : fs_read(f, h, 4, 0);
		fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		assert_true(!err || err == -ENOMEM);
		assert_string_equal(said, fired ? "!12" : "Node");
		if (h) {
			assert_string_equal(fs_read(f, h, 4, 0), "Node");
			handle_close(&f->fs, h);
		}
		assert_true(n < 100);
	}
}

struct reader {
	struct fs_fixture *f;
	struct handle *h;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;

	for (int i = 0; i < 2000; i++) {
		struct slice s;
		if (handle_read_begin(&r->f->fs, r->h, 65536, i % 3 ? 0 : 5, &s))
			return (void *)"read failed";
		bool whole = s.len > 100 && s.data[s.len - 1] == '\n';
		handle_read_end(r->h);
		if (!whole)
			return (void *)"torn text";
	}
	return NULL;
}

static void test_one_handle_many_readers(void **state)
{
	struct fs_fixture *f = *state;
	struct reader r = { f, open_good(f, "proc/zoneinfo", O_RDONLY) };
	pthread_t thread[4];
	void *said;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, read_all, &r), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], &said);
		if (said)
			fail_msg("%s", (char *)said);
	}
	handle_close(&f->fs, r.h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FS_TEST(test_view_keeps_its_text),
		FS_TEST(test_first_read_past_the_start),
		FS_TEST(test_small_reads_make_the_whole),
		FS_TEST(test_sysctl_ends_after_one_read),
		FS_TEST(test_sysctl_takes_writes_at_its_start),
		FS_TEST(test_append_means_the_first_write),
		FS_TEST(test_spare_handles_are_fresh),
		FS_TEST(test_sysfs_takes_every_write),
		FS_TEST(test_views_take_nothing),
		FS_TEST(test_write_after_read),
		cmocka_unit_test_setup_teardown(test_sysctl_stream, loaded_setup, fs_teardown),
		FS_TEST(test_open_refuses),
		FS_TEST(test_task_attributes),
		FS_TEST(test_events_are_polled),
		FS_TEST(test_task_memory),
		FS_TEST(test_process_views),
		FS_TEST(test_render_of_a_directory),
		FS_TEST(test_no_memory),
		FS_TEST(test_one_handle_many_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
