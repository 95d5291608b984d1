/* SPDX-License-Identifier: MIT */
#include "region/host.h"
#include "support/fake_host.h"

#include <errno.h>
#include <numa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_available(void **state)
{
	(void)state;
	assert_int_equal(host_available_bytes(), 0); /* no /proc/meminfo: nothing is known */
	fake_file("/proc/meminfo",
		  "MemTotal:  100000 kB\nMemFree:  50 kB\nMemAvailable:    60000 kB\nBuffers: 1 kB\n");
	assert_int_equal(host_available_bytes(), 60000 * 1024);
}

static void test_available_in_a_cgroup(void **state)
{
	(void)state;
	fake_file("/proc/meminfo", "MemAvailable:    60000 kB\n");
	fake_file("/proc/self/cgroup", "12:cpu:/old\n0::/a/b\n");
	assert_int_equal(host_available_bytes(), 60000 * 1024);
	fake_file("/sys/fs/cgroup/a/b/memory.max", "max\n");
	fake_file("/sys/fs/cgroup/a/b/memory.current", "1000\n");
	assert_int_equal(host_available_bytes(), 60000 * 1024);
	/* the one above is tighter: 40 MiB, of which 30 are used, of which 20 are page cache */
	fake_file("/sys/fs/cgroup/a/memory.max", "41943040\n");
	fake_file("/sys/fs/cgroup/a/memory.current", "31457280\n");
	assert_int_equal(host_available_bytes(), 10 << 20);
	fake_file("/sys/fs/cgroup/a/memory.stat",
		  "anon 5\nactive_file 10485760\ninactive_file 10485760\nshmem 3\n");
	assert_int_equal(host_available_bytes(), 30 << 20);
	/* a container sees its own as the root */
	fake_file("/sys/fs/cgroup/memory.max", "8192\n");
	fake_file("/sys/fs/cgroup/memory.current", "12288\n");
	assert_int_equal(host_available_bytes(), 0);
	fake_file("/proc/self/cgroup", "0::/\n");
	fake_file("/sys/fs/cgroup/memory.current", "4096\n");
	assert_int_equal(host_available_bytes(), 4096);
}

static void test_nodes(void **state)
{
	(void)state;
	struct mask m;

	if (numa_available() < 0) {
		print_message("SKIPPED: host nodes: this host's kernel has no NUMA\n");
		skip();
	}
	host_nodes(&m);
	assert_true(mask_empty(&m));
	fake_file("/sys/devices/system/node/has_memory", "0\n");
	host_nodes(&m);
	assert_true(mask_empty(&m)); /* one node: nothing to choose */
	fake_file("/sys/devices/system/node/has_memory", "0,2-3\n");
	host_nodes(&m);
	assert_int_equal(mask_count(&m), 3);
	assert_true(mask_has(&m, 3) && !mask_has(&m, 1));
	fake_file("/sys/devices/system/node/has_memory", "none\n");
	host_nodes(&m);
	assert_true(mask_empty(&m));
}

static void test_pool(void **state)
{
	(void)state;
	struct host_pool pool = { 2ul << 20, HOST_NODE_ANY }, node1 = { 1ul << 30, 1 };
	struct host_pool_pages pages;
	char path[128];

	assert_int_equal(host_pool_read(&pool, &pages), -ENOENT);
	fake_pool(-1, 2048, 100, 40, 30);
	assert_int_equal(host_pool_read(&pool, &pages), 0);
	assert_int_equal(pages.total, 100);
	assert_int_equal(pages.available, 10);
	fake_pool(-1, 2048, 100, 20, 30); /* surplus pages may still come for those promised */
	assert_int_equal(host_pool_read(&pool, &pages), 0);
	assert_int_equal(pages.available, 0);
	fake_pool(1, 1048576, 4, 3, 0);
	assert_int_equal(host_pool_read(&node1, &pages), 0);
	assert_int_equal(pages.available, 3);

	assert_int_equal(host_pool_resize(&pool, 123), 0);
	assert_string_equal(fake_read("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"), "123\n");
	host_pool_path(&node1, path);
	assert_string_equal(path, "/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages");
	assert_int_equal(host_pool_resize(&(struct host_pool){ 4096, -1 }, 1), -ENOENT);
	fake_file("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "many\n");
	assert_int_equal(host_pool_read(&pool, &pages), -EIO);
}

static void test_process_start(void **state)
{
	(void)state;
	assert_int_equal(host_process_start(77), 0);
	fake_file("/proc/77/stat", "77 (a) S) b 9) S 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 "
				   "987654 1000 20 18446744073709551615 1 1 0\n");
	assert_int_equal(host_process_start(77), 987654);
	fake_file("/proc/77/stat", "77 (a) Z 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 0 0\n");
	assert_int_equal(host_process_start(77), 0); /* a zombie holds nothing */
	fake_file("/proc/77/stat", "77 (a)");
	assert_int_equal(host_process_start(77), 0);
	fake_file("/proc/77/stat", "77");
	assert_int_equal(host_process_start(77), 0);
	host_root = "";
	assert_true(host_process_start((uint64_t)getpid()) > 0);
	assert_int_equal(host_process_start((uint64_t)getpid()), host_process_start((uint64_t)getpid()));
}

int main(void)
{
#define WITH_HOST(f) cmocka_unit_test_setup_teardown(f, fake_host_setup, fake_host_teardown)
	const struct CMUnitTest tests[] = {
		WITH_HOST(test_available),     WITH_HOST(test_available_in_a_cgroup),
		WITH_HOST(test_nodes),         WITH_HOST(test_pool),
		WITH_HOST(test_process_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
