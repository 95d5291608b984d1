/* SPDX-License-Identifier: MIT */
/*
 * Raising and giving back on a made-up host, whose "pool" takes any number
 * that is written: what is free does not follow, what the record says does.
 * Where the host has to be contrary, a file of the running kernel plays it.
 */
#include "region/pool.h"
#include "support/fake_host.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define POOL_2M "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define STAT_TAIL " (ummfs) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 "

static const struct pool_need need_2m = { { 2ul << 20, HOST_NODE_ANY }, 64 };
static char dir[128], record[POOL_RECORD_BYTES];

static int setup(void **state)
{
	char path[64], text[128];

	if (fake_host_setup(state))
		return -1;
	snprintf(dir, sizeof(dir), "%s/run", (const char *)*state);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)getpid());
	snprintf(text, sizeof(text), "%d" STAT_TAIL "500 0 0\n", (int)getpid());
	fake_file(path, text);
	return 0;
}

static int raise_pools(const struct pool_need *need, size_t nr, uint64_t *added, struct why *why)
{
	*why = (struct why){ "" };
	return pool_raise(dir, need, nr, record, added, why);
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

static void test_raise_and_settle(void **state)
{
	(void)state;
	char want[256];
	uint64_t added;
	struct why why;

	fake_pool(-1, 2048, 100, 40, 10); /* 30 to have, 64 wanted */
	assert_int_equal(raise_pools(&need_2m, 1, &added, &why), 0);
	assert_int_equal(added, 34);
	assert_string_equal(fake_read(POOL_2M), "134\n");
	snprintf(want, sizeof(want), "%s/pool.%d.500.", dir, (int)getpid());
	assert_memory_equal(record, want, strlen(want));
	assert_string_equal(fake_read(strstr(record, "/run")), "2097152 -1 34 -\n");
	assert_int_equal(pool_settle(record), 34);
	assert_string_equal(fake_read(POOL_2M), "100\n");
	assert_false(exists(record));
	assert_int_equal(pool_settle(record), 0);
}

static void test_enough_is_no_raise(void **state)
{
	(void)state;
	uint64_t added;
	struct why why;

	fake_pool(-1, 2048, 100, 64, 0);
	assert_int_equal(raise_pools(&need_2m, 1, &added, &why), 0);
	assert_int_equal(added, 0);
	assert_string_equal(record, "");
	assert_string_equal(fake_read(POOL_2M), "100\n");
}

/* A node's raise shows in the whole host's pool on a real host; here each is what its file says. */
static void test_several_pools(void **state)
{
	(void)state;
	const struct pool_need need[] = {
		{ { 2ul << 20, 0 }, 10 },
		{ { 2ul << 20, 1 }, 20 },
		{ { 2ul << 20, HOST_NODE_ANY }, 30 },
	};
	uint64_t added;
	struct why why;

	fake_pool(0, 2048, 10, 10, 0);
	fake_pool(1, 2048, 7, 5, 0);
	fake_pool(-1, 2048, 32, 30, 2);
	assert_int_equal(raise_pools(need, ARRAY_LEN(need), &added, &why), 0);
	assert_int_equal(added, 15 + 2);
	assert_string_equal(
		fake_read("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages"), "10\n");
	assert_string_equal(
		fake_read("/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"), "22\n");
	assert_string_equal(fake_read(strstr(record, "/run")), "2097152 1 15 -\n2097152 -1 2 -\n");
	assert_int_equal(pool_settle(record), 17);
	assert_string_equal(
		fake_read("/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"), "7\n");
	assert_string_equal(fake_read(POOL_2M), "32\n");
}

static void test_no_such_pool(void **state)
{
	(void)state;
	uint64_t added;
	struct why why;

	assert_int_equal(raise_pools(&need_2m, 1, &added, &why), -ENOENT);
	assert_string_equal(why.text, "the host has no pool of 2 MiB huge pages: use -o backing=thp");
	assert_string_equal(record, "");
	/* the second of two fails: the first is given back */
	const struct pool_need need[] = { need_2m, { { 1ul << 30, HOST_NODE_ANY }, 1 } };
	fake_pool(-1, 2048, 100, 0, 0);
	assert_int_equal(raise_pools(need, 2, &added, &why), -ENOENT);
	assert_string_equal(fake_read(POOL_2M), "100\n");
	assert_int_equal(added, 0);
	assert_string_equal(record, "");
}

/* Let a file of the kernel play the host's pool of 2 MiB pages. */
static void play_pool(const char *file)
{
	char path[256];
	fake_pool(-1, 2048, 0, 0, 0);
	snprintf(path, sizeof(path), "%s" POOL_2M, host_root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(file, path), 0);
}

/* A number that not even root may change. */
static void test_not_allowed(void **state)
{
	(void)state;
	struct why why;
	uint64_t added;

	play_pool("/proc/sys/kernel/ngroups_max");
	assert_int_equal(raise_pools(&need_2m, 1, &added, &why), -EACCES);
	assert_string_equal(why.text, "-o reserve cannot write 65600 to /sys/kernel/mm/hugepages/hugepages-2048kB/"
				      "nr_hugepages: Permission denied: run as root, let root write it, or use "
				      "-o backing=thp");
	assert_string_equal(record, "");
	assert_int_equal(added, 0);
}

/* A host that gives less than it is asked for: this file takes 64 and then says 40, for it answers in hex. */
static void test_partial_raise(void **state)
{
	(void)state;
	struct host_pool_pages pages;
	struct why why;
	uint64_t added;

	play_pool("/proc/self/coredump_filter");
	assert_int_equal(host_pool_resize(&need_2m.pool, 0), 0);
	assert_int_equal(raise_pools(&need_2m, 1, &added, &why), -ENOSPC);
	assert_string_equal(why.text, "-o reserve got 40 of the 64 huge pages of 2 MiB that are missing and gave them "
				      "back: the host's free memory is too small or in pieces; use a smaller machine "
				      "or -o backing=thp");
	assert_int_equal(host_pool_read(&need_2m.pool, &pages), 0);
	assert_int_equal(pages.total, 0);
	assert_string_equal(record, "");
	assert_int_equal(added, 0);
}

static void test_messages(void **state)
{
	(void)state;
	struct why why = { "" };
	const struct pool_need on_node = { { 1ul << 30, 3 }, 5 };

	assert_int_equal(pool_short(&need_2m, &(struct host_pool_pages){ 10, 4 }, &why), -ENOSPC);
	assert_string_equal(why.text,
			    "backing=hugetlb needs 64 huge pages of 2 MiB and the host has 4 free: "
			    "echo 70 > /proc/sys/vm/nr_hugepages, or use -o reserve or -o backing=thp");
	why.text[0] = '\0';
	assert_int_equal(pool_short(&on_node, &(struct host_pool_pages){ 0, 0 }, &why), -ENOSPC);
	assert_string_equal(why.text, "backing=hugetlb needs 5 huge pages of 1024 MiB on host node 3 and the host has 0 free: echo 5 > "
				      "/sys/devices/system/node/node3/hugepages/hugepages-1048576kB/nr_hugepages, or use "
				      "-o reserve or -o backing=thp");
}

static void write_record(const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "/run/%s", name);
	fake_file(path, text);
}

static void test_recover(void **state)
{
	(void)state;
	char own[64];

	assert_int_equal(pool_recover(dir), 0); /* no directory yet */
	fake_pool(-1, 2048, 100, 0, 0);
	snprintf(own, sizeof(own), "pool.%d.500.0", (int)getpid());
	write_record(own, "2097152 -1 7 -\n"); /* alive: ours */
	write_record("pool.999999999.1.0", "2097152 -1 10 -\n"); /* gone */
	snprintf(own, sizeof(own), "pool.%d.499.3", (int)getpid());
	write_record(own, "2097152 -1 20 -\n"); /* gone: an earlier process had our number */
	write_record("pool.999999998.1.0.new", "2097152 -1 30 -\n"); /* never became a record */
	write_record("pool.lock", "");
	assert_int_equal(pool_recover(dir), 30);
	assert_string_equal(fake_read(POOL_2M), "70\n");
	assert_int_equal(pool_recover(dir), 0);
	assert_string_equal(fake_read(POOL_2M), "70\n");
}

/* Killed while raising: the record knows the size before, and only what was had since goes back. */
static void test_recover_half_way(void **state)
{
	(void)state;
	fake_pool(-1, 2048, 104, 0, 0);
	write_record("pool.999999999.1.0", "2097152 -1 34 100\n");
	assert_int_equal(pool_recover(dir), 4);
	assert_string_equal(fake_read(POOL_2M), "100\n");
	write_record("pool.999999999.1.0", "2097152 -1 34 100\n"); /* killed before it wrote */
	assert_int_equal(pool_recover(dir), 0);
	assert_string_equal(fake_read(POOL_2M), "100\n");
	fake_pool(-1, 2048, 500, 0, 0); /* somebody else raised it meanwhile: no more than was asked for */
	write_record("pool.999999999.1.0", "2097152 -1 34 100\n");
	assert_int_equal(pool_recover(dir), 34);
	fake_pool(-1, 2048, 5, 0, 0); /* somebody lowered it: not below nothing */
	write_record("pool.999999999.1.0", "2097152 -1 34 -\n");
	assert_int_equal(pool_recover(dir), 5);
	assert_string_equal(fake_read(POOL_2M), "0\n");
}

static void test_garbled_record(void **state)
{
	(void)state;
	fake_pool(-1, 2048, 100, 0, 0);
	write_record("pool.999999999.1.0", "hello\n2097152 -1\n\n2097152 -1 3 -\n");
	assert_int_equal(pool_recover(dir), 3);
	/* a pool that is not there: the record stays for later */
	write_record("pool.999999999.1.0", "1073741824 -1 3 -\n");
	assert_int_equal(pool_recover(dir), 0);
	assert_string_equal(fake_read("/run/pool.999999999.1.0"), "1073741824 -1 3 -\n");
}

/* After a fork the record has to follow the process that lives on. */
static void test_adopt(void **state)
{
	(void)state;
	uint64_t added;
	struct why why;
	int status;

	fake_pool(-1, 2048, 0, 0, 0);
	assert_int_equal(raise_pools(&need_2m, 1, &added, &why), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		pool_adopt(record);
		_exit(exists(record) && strstr(record, "/run/pool.") ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_false(exists(record));
	/* the child is gone now, so the next start gives back what it had */
	assert_int_equal(pool_recover(dir), 0); /* this made-up /proc never knew its start time, which is 0 */
	char path[64], text[128];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
	snprintf(text, sizeof(text), "%d" STAT_TAIL "900 0 0\n", (int)child);
	fake_file(path, text); /* the number is used again */
	assert_int_equal(pool_recover(dir), 64);
}

static void test_dir(void **state)
{
	(void)state;
	char d[POOL_RECORD_BYTES];

	assert_int_equal(pool_dir("/some/where", d), 0);
	assert_string_equal(d, "/some/where");
	setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
	assert_int_equal(pool_dir(NULL, d), 0);
	assert_string_equal(d, geteuid() ? "/run/user/1000/ummfs" : "/run/ummfs");
	memset(d, 'x', sizeof(d));
	d[sizeof(d) - 1] = '\0';
	assert_int_equal(pool_dir(d, record), -ENAMETOOLONG);
}

int main(void)
{
#define WITH_HOST(f) cmocka_unit_test_setup_teardown(f, setup, fake_host_teardown)
	const struct CMUnitTest tests[] = {
		WITH_HOST(test_raise_and_settle),
		WITH_HOST(test_enough_is_no_raise),
		WITH_HOST(test_several_pools),
		WITH_HOST(test_no_such_pool),
		WITH_HOST(test_not_allowed),
		WITH_HOST(test_partial_raise),
		WITH_HOST(test_messages),
		WITH_HOST(test_recover),
		WITH_HOST(test_recover_half_way),
		WITH_HOST(test_garbled_record),
		WITH_HOST(test_adopt),
		WITH_HOST(test_dir),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
