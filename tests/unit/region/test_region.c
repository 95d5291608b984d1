/* SPDX-License-Identifier: MIT */
/* The real thing: memory files of this host. Huge pages only as root, who borrows four of them and gives them back. */
#include "region/region.h"

#include "base/fault.h"
#include "region/host.h"
#include "region/pool.h"
#include "support/fake_host.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <numa.h>
#include <numaif.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define HUGE (2ul << 20)
#define FOUR_HUGE_PAGES                                                                            \
	{                                                                                          \
		{ 1, 0x9f, -1 }, { 0x100, 1025, -1 },                                              \
		{                                                                                  \
			3000, 3001, 0                                                              \
		}                                                                                  \
	} /* huge pages 0, 1, 2 and 5 */

static const struct region_range four[] = FOUR_HUGE_PAGES;
static const struct host_pool pool_2m = { HUGE, HOST_NODE_ANY };
static char state_dir[] = "/tmp/ummfs-region-XXXXXX";

static int group_setup(void **state)
{
	(void)state;
	return mkdtemp(state_dir) ? 0 : -1;
}

/* A test that failed half-way may have left a record: the host gets back what it lent, and we fail. */
static int group_teardown(void **state)
{
	char path[64];
	glob_t left;
	int failed = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/pool.*.*", state_dir);
	if (!glob(path, 0, NULL, &left)) {
		for (size_t i = 0; i < left.gl_pathc; i++)
			pool_settle(left.gl_pathv[i]);
		globfree(&left);
		failed = -1;
	}
	snprintf(path, sizeof(path), "%s/pool.lock", state_dir);
	unlink(path);
	return rmdir(state_dir) ? -1 : failed;
}

static void open_good(struct region *r, enum backing backing, uint64_t limit_bytes, uint64_t frames)
{
	struct why why = { "" };
	const struct region_config c = { .backing = backing, .limit_bytes = limit_bytes, .state_dir = state_dir };
	const struct region_range range = { 1, frames, -1 };
	int error = region_open(r, &c, &range, 1, &why);
	assert_string_equal(why.text, "");
	assert_int_equal(error, 0);
}

static int open_four(struct region *r, enum backing backing, bool reserve, struct why *why)
{
	const struct region_config c = { .backing = backing, .reserve = reserve, .state_dir = state_dir };
	*why = (struct why){ "" };
	return region_open(r, &c, four, ARRAY_LEN(four), why);
}

static uint64_t real_bytes(const struct region *r)
{
	struct stat st;
	assert_int_equal(fstat(r->fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static uint64_t seconds_since(const struct timespec *then)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)(now.tv_sec - then->tv_sec);
}

static void check_content(struct region *r)
{
	static const char text[] = "written by the machine";
	char copy[sizeof(text)], byte = 'x';

	assert_int_equal(region_frame(r, 7)[0], 0);
	assert_int_equal(region_charge(r, 1), 0);
	memcpy(region_frame(r, 7) + 5, text, sizeof(text));
	/* what dev/mem links to: offset = pfn * 4096 */
	int fd = open(r->path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, copy, sizeof(copy), 7 * 4096 + 5), sizeof(copy));
	assert_string_equal(copy, text);
	if (r->backing != BACKING_HUGETLB) { /* hugetlbfs knows no write(2), only mappings */
		assert_int_equal(pwrite(fd, &byte, 1, 7 * 4096 + 5), 1);
		assert_int_equal(region_frame(r, 7)[5], 'x');
	}
	/* nobody who opens it can pull the memory away */
	assert_int_equal(ftruncate(fd, HUGE), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, (off_t)r->bytes * 2), -1);
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, r->bytes);
	close(fd);
}

static void check_accounting(enum backing backing)
{
	struct region r;

	open_good(&r, backing, 10 * 4096 + 100, 4096);
	assert_int_equal(r.backing, backing);
	assert_int_equal(r.bytes, 4096 * 4096);
	assert_int_equal(r.limit_pages, 10);
	check_content(&r);
	assert_int_equal(r.used_pages, 1);
	assert_true(real_bytes(&r) >= 4096);

	assert_int_equal(region_charge(&r, 10), -ENOMEM);
	assert_int_equal(region_charge(&r, 9), 0);
	assert_int_equal(region_charge(&r, 1), -ENOMEM);
	assert_int_equal(region_charge(&r, 0), 0);
	memset(region_frame(&r, 512), 1, 9 * 4096);
	assert_true(region_discard(&r, 512, 8));
	assert_int_equal(r.used_pages, 2);
	for (unsigned i = 0; i < 8 * 4096; i++)
		assert_int_equal(region_frame(&r, 512)[i], 0);
	assert_int_equal(region_frame(&r, 520)[0], 1); /* the next one is not touched */
	assert_true(region_discard(&r, 520, 1));
	assert_true(region_discard(&r, 7, 1));
	assert_int_equal(r.used_pages, 0);
	assert_int_equal(region_charge(&r, UINT64_MAX), -ENOMEM);
	region_close(&r);
	assert_int_equal(r.fd, -1);
	region_close(&r); /* twice is fine */
}

static void test_sparse(void **state)
{
	(void)state;
	struct region r;

	check_accounting(BACKING_SPARSE);
	/* one frame is one small page, and comes back to the host alone */
	open_good(&r, BACKING_SPARSE, 0, 1 << 20);
	assert_int_equal(real_bytes(&r), 0);
	region_frame(&r, 1000)[0] = 1;
	region_frame(&r, 1001)[0] = 1;
	assert_int_equal(real_bytes(&r), 2 * 4096);
	assert_int_equal(region_charge(&r, 2), 0);
	assert_true(region_discard(&r, 1000, 1));
	assert_int_equal(real_bytes(&r), 4096);
	region_close(&r);
}

static void test_thp(void **state)
{
	(void)state;
	struct region r;

	check_accounting(BACKING_THP);
	open_good(&r, BACKING_THP, 0, 4096);
	assert_int_equal((uintptr_t)r.base % HUGE, 0); /* an order-9 block can be one real huge page */
	region_close(&r);
}

static void test_default_limit(void **state)
{
	(void)state;
	struct region r;

	uint64_t available = host_available_bytes();
	open_good(&r, BACKING_SPARSE, 0, 4096);
	/* others use the host meanwhile */
	assert_in_range(r.limit_pages, available / 4096 / 10 * 6, available / 4096 / 10 * 10);
	region_close(&r);
}

static void test_largest(void **state)
{
	(void)state;
#ifdef __SANITIZE_THREAD__
	uint64_t frames = 1ul << 26; /* TSan has not more room for programs */
#else
	uint64_t frames = (1ul << 32) - 1024;
#endif
	struct timespec start;
	struct rusage before, after;
	struct region r;

	getrusage(RUSAGE_SELF, &before);
	clock_gettime(CLOCK_MONOTONIC, &start);
	open_good(&r, BACKING_SPARSE, 1 << 20, frames);
	assert_int_equal(region_charge(&r, 2), 0);
	region_frame(&r, frames - 1)[4095] = 1;
	region_frame(&r, frames / 2)[0] = 1;
	assert_int_equal(real_bytes(&r), 2 * 4096);
	assert_true(seconds_since(&start) < 2);
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 8192); /* kB */
	region_close(&r);
}

#define THREADS 4
#define THREAD_ROUNDS 20000

static void *charge_much(void *arg)
{
	struct region *r = arg;
	uint64_t most = 0;

	for (unsigned i = 0; i < THREAD_ROUNDS; i++) {
		unsigned n = i % 7 + 1;
		if (region_charge(r, n))
			continue;
		most = MAX(most, READ_RELAXED(&r->used_pages));
		region_discard(r, 1, n);
	}
	return (void *)(uintptr_t)most;
}

static void test_limit_holds_between_threads(void **state)
{
	(void)state;
	pthread_t thread[THREADS];
	struct region r;
	void *most;

	open_good(&r, BACKING_SPARSE, 16 * 4096, 64);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, charge_much, &r), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(thread[i], &most), 0);
		assert_in_range((uintptr_t)most, 7, 16);
	}
	assert_int_equal(r.used_pages, 0);
	region_close(&r);
}

static void test_charge_can_be_made_to_fail(void **state)
{
	(void)state;
	struct region r;

	open_good(&r, BACKING_SPARSE, 0, 64);
	fault_arm(FAULT_REGION_CHARGE, 2);
	assert_int_equal(region_charge(&r, 1), 0);
	assert_int_equal(region_charge(&r, 1), -ENOMEM);
	assert_true(fault_fired(FAULT_REGION_CHARGE));
	assert_int_equal(r.used_pages, 1);
	assert_int_equal(region_charge(&r, 1), 0);
	region_close(&r);
}

static void test_charge_of_what_moves(void **state)
{
	(void)state;
	struct region r;

	open_good(&r, BACKING_SPARSE, 2ul * 4096, 64);
	assert_int_equal(region_charge(&r, 2), 0);
	region_charge_anyway(&r, 1); /* past the limit, until the old frame goes */
	assert_int_equal(r.used_pages, 3);
	assert_int_equal(region_charge(&r, 1), -ENOMEM);
	assert_true(region_discard(&r, 0, 1));
	assert_int_equal(r.used_pages, 2);
	assert_int_equal(region_charge(&r, 1), -ENOMEM);
	region_close(&r);
}

/* Spare is a fifth of what there was. */
static void test_host_short(void **state)
{
	(void)state;
	struct region r;

	open_good(&r, BACKING_SPARSE, 0, 64);
	assert_in_range(r.spare_bytes, 1, host_available_bytes());
	r.spare_bytes = 0;
	assert_false(region_host_short(&r));
	r.spare_bytes = UINT64_MAX;
	assert_true(region_host_short(&r));
	region_close(&r);
}

static void check_fails(const struct region_config *c, const struct region_range *range, size_t nr,
			int error, const char *text)
{
	struct region r;
	struct why why = { "" };

	assert_int_equal(region_open(&r, c, range, nr, &why), error);
	assert_memory_equal(why.text, text, strlen(text));
	assert_int_equal(r.fd, -1);
	assert_null(r.base);
}

static void test_errors(void **state)
{
	(void)state;
	const struct region_range tib = { 0, 1ul << 28, -1 };
	struct region_config c = { .backing = BACKING_SPARSE, .state_dir = state_dir };

	check_fails(&c, NULL, 0, -EINVAL, "the machine has no memory to take from the host");
	fault_arm(FAULT_HOST_MALLOC, 1);
	check_fails(&c, &tib, 1, -ENOMEM, "no memory for a table of 1 ranges");
	c.backing = BACKING_HUGETLB;
	c.huge_page_bytes = 3 << 20;
	check_fails(&c, &tib, 1, -EINVAL, "a huge page of 3145728 bytes: use 2M or 1G");
	c.huge_page_bytes = 64 << 20;
	check_fails(&c, &tib, 1, -EINVAL, "the host has no pool of 64 MiB huge pages: use -o backing=thp");
}

static void test_file_size_limit(void **state)
{
	(void)state;
	struct rlimit old, small;
	const struct region_config c = { .backing = BACKING_SPARSE, .state_dir = state_dir };
	const struct region_range range = { 0, 1ul << 20, -1 };

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){ 1 << 30, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	check_fails(&c, &range, 1, -EFBIG,
		    "the machine's 4096 MiB are past the file size limit of this process: ulimit -f unlimited");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
}

static bool pool_exists(struct host_pool_pages *pages)
{
	if (!host_pool_read(&pool_2m, pages))
		return true;
	print_message("SKIPPED: hugetlb: the host has no pool of 2 MiB huge pages\n");
	return false;
}

/* Four huge pages that are free, or that we may reserve. */
static bool huge_pages_possible(void)
{
	struct host_pool_pages pages;

	if (!pool_exists(&pages))
		return false;
	if (!geteuid() || pages.available >= 4)
		return true;
	print_message("SKIPPED: hugetlb: no free huge pages, and only root can reserve some\n");
	return false;
}

static void test_pool_too_small(void **state)
{
	(void)state;
	const struct region_config c = { .backing = BACKING_HUGETLB, .state_dir = state_dir };
	const struct region_range tib = { 0, 1ul << 28, -1 };
	struct host_pool_pages pages;

	if (!pool_exists(&pages))
		skip();
	check_fails(&c, &tib, 1, -ENOSPC,
		    "backing=hugetlb needs 524288 huge pages of 2 MiB and the host has ");
}

static void test_hugetlb(void **state)
{
	(void)state;
	struct host_pool_pages before, during, after;
	struct region r;
	struct why why;

	if (!huge_pages_possible())
		skip();
	assert_int_equal(host_pool_read(&pool_2m, &before), 0);
	int error = open_four(&r, BACKING_HUGETLB, !geteuid(), &why);
	assert_string_equal(why.text, "");
	assert_int_equal(error, 0);
	assert_int_equal(r.backing, BACKING_HUGETLB);
	assert_int_equal(r.huge_pages, 4);
	assert_int_equal(r.bytes, 6 * HUGE);
	assert_int_equal(real_bytes(&r), 4 * HUGE); /* taken whole, and holes not at all */
	assert_int_equal(host_pool_read(&pool_2m, &during), 0);
	assert_int_equal(during.total, before.total + r.reserved_host_pages);
	assert_int_equal(during.available, before.available + r.reserved_host_pages - 4);
	assert_int_equal(r.reserved_host_pages != 0, r.record[0] != 0);

	check_content(&r);
	memset(region_frame(&r, 0), 1, 3 * HUGE);
	assert_int_equal(region_frame(&r, 3000)[0], 0);
	assert_false(region_discard(&r, 7, 1));
	assert_int_equal(region_frame(&r, 7)[0], 1);
	assert_int_equal(region_charge(&r, 1ul << 40), 0);
	assert_int_equal(r.used_pages, 0);
	region_close(&r);
	assert_int_equal(host_pool_read(&pool_2m, &after), 0);
	assert_int_equal(after.total, before.total);
	assert_int_equal(after.available, before.available);
}

static void test_auto(void **state)
{
	(void)state;
	struct host_pool_pages pages;
	struct region r;
	struct why why;

	bool pool = !host_pool_read(&pool_2m, &pages);
	assert_int_equal(open_four(&r, BACKING_AUTO, false, &why), 0);
	assert_int_equal(r.backing, pool && pages.available >= 4 ? BACKING_HUGETLB : BACKING_THP);
	region_close(&r);
	if (geteuid() || !huge_pages_possible())
		skip();
	assert_int_equal(open_four(&r, BACKING_AUTO, true, &why), 0);
	assert_int_equal(r.backing, BACKING_HUGETLB);
	region_close(&r);
}

/* A daemon that is killed leaves a record, and the next start gives back what it says. */
static void test_killed_daemon(void **state)
{
	(void)state;
	struct host_pool_pages before, after;
	const struct region_config c = { .state_dir = state_dir };
	struct region r;
	struct why why;
	int ready[2], status;
	uint64_t reserved = 0;

	if (geteuid() || !huge_pages_possible()) {
		print_message("SKIPPED: recovery of reserved huge pages: only root can reserve them\n");
		skip();
	}
	assert_int_equal(host_pool_read(&pool_2m, &before), 0);
	if (before.available >= 4) {
		print_message("SKIPPED: recovery of reserved huge pages: the host has free ones, none would be reserved\n");
		skip();
	}
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		if (open_four(&r, BACKING_HUGETLB, true, &why))
			_exit(1);
		pid_t daemon = fork(); /* and on to the background, as ummfs does */
		if (daemon)
			_exit(0);
		region_update_path(&r);
		uint64_t report[2] = { (uint64_t)getpid(), r.reserved_host_pages };
		if (write(ready[1], report, sizeof(report)) != sizeof(report))
			_exit(1);
		pause();
	}
	close(ready[1]);
	uint64_t report[2];
	assert_int_equal(read(ready[0], report, sizeof(report)), sizeof(report));
	close(ready[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	reserved = report[1];
	assert_int_equal(reserved, 4 - before.available);

	assert_int_equal(region_recover(&c), 0); /* it lives */
	assert_int_equal(kill((pid_t)report[0], SIGKILL), 0);
	for (unsigned i = 0; i < 500 && host_process_start(report[0]); i++)
		usleep(10000);
	assert_int_equal(region_recover(&c), reserved);
	assert_int_equal(region_recover(&c), 0);
	assert_int_equal(host_pool_read(&pool_2m, &after), 0);
	assert_int_equal(after.total, before.total);
}

/* Who may not write to the pool gets one line that says so. */
static void test_reserve_as_ordinary_user(void **state)
{
	(void)state;
	struct host_pool_pages pages;
	struct region r;
	struct why why = { "" };
	char own[] = "/tmp/ummfs-user-XXXXXX";

	if (!pool_exists(&pages))
		skip();
	if (pages.available >= 4) {
		print_message("SKIPPED: -o reserve as an ordinary user: the host has free huge pages, none are missing\n");
		skip();
	}
	assert_non_null(mkdtemp(own));
	if (!geteuid()) {
		assert_int_equal(chown(own, 65534, 65534), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	const struct region_config c = { .backing = BACKING_HUGETLB, .reserve = true, .state_dir = own };
	int error = region_open(&r, &c, four, ARRAY_LEN(four), &why);
	if (!getuid())
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(error, -EACCES);
	assert_memory_equal(why.text, "-o reserve cannot write ", 24);
	assert_non_null(strstr(why.text, "nr_hugepages: Permission denied: run as root"));
	char lock[64];
	snprintf(lock, sizeof(lock), "%s/pool.lock", own);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(rmdir(own), 0); /* no record is left */
}

/* Ranges lie on the host's nodes that their nodes name. This host may have one only, so a made-up one says otherwise. */
static void test_bind(void **state)
{
	(void)state;
	struct region_range range[] = { { 0, 512, 0 }, { 512, 1024, -1 } };
	const struct region_config c = { .backing = BACKING_SPARSE, .limit_bytes = 1 << 30 };
	struct why why = { "" };
	unsigned long nodes[128] = { 0 };
	struct region r;
	int mode;

	if (numa_available() < 0) {
		print_message("SKIPPED: binding to host nodes: this host's kernel has no NUMA\n");
		skip();
	}
	fake_file("/sys/devices/system/node/has_memory", "0,4095\n");
	assert_int_equal(region_open(&r, &c, range, 2, &why), 0);
	assert_int_equal(
		get_mempolicy(&mode, nodes, sizeof(nodes) * 8, region_frame(&r, 511), MPOL_F_ADDR), 0);
	assert_int_equal(mode, MPOL_PREFERRED);
	assert_int_equal(nodes[0], 1);
	assert_int_equal(
		get_mempolicy(&mode, nodes, sizeof(nodes) * 8, region_frame(&r, 512), MPOL_F_ADDR), 0);
	assert_int_equal(mode, MPOL_DEFAULT);
	region_frame(&r, 3)[0] = 1;
	region_close(&r);

	range[1].host_node = 7;
	check_fails(&c, range, 2, -EINVAL,
		    "host_node=7: this host has no such node with memory: see numactl -H");
	range[1].host_node = 4095; /* the real host knows better */
	check_fails(&c, range, 2, -EINVAL, "cannot bind memory to host node 4095: ");
}

/*
 * The pool seems to have enough, and then it has not: an error, no SIGBUS.
 * With 1 GiB pages, of which a host has none as a rule: nothing real is taken.
 */
static void test_pool_taken_meanwhile(void **state)
{
	static const struct host_pool pool_1g = { 1ul << 30, HOST_NODE_ANY };
	static const struct region_range range = { 0, 1 << 18, -1 };
	const struct region_config c = { .backing = BACKING_HUGETLB, .huge_page_bytes = 1ul << 30 };
	struct host_pool_pages real;

	host_root = "";
	if (host_pool_read(&pool_1g, &real) || real.total) {
		print_message("SKIPPED: a pool that runs dry: needs a host with an empty pool of 1 GiB pages\n");
		skip();
	}
	host_root = *state;
	fake_pool(-1, 1048576, 8, 8, 0);
	check_fails(&c, &range, 1, -ENOSPC,
		    "the host's huge pages went to somebody else while 1 of them were being taken (");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_thp),
		cmocka_unit_test(test_default_limit),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_limit_holds_between_threads),
		cmocka_unit_test(test_charge_can_be_made_to_fail),
		cmocka_unit_test(test_charge_of_what_moves),
		cmocka_unit_test(test_host_short),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_file_size_limit),
		cmocka_unit_test(test_pool_too_small),
		cmocka_unit_test(test_hugetlb),
		cmocka_unit_test(test_auto),
		cmocka_unit_test(test_killed_daemon),
		cmocka_unit_test(test_reserve_as_ordinary_user),
		cmocka_unit_test_setup_teardown(test_bind, fake_host_setup, fake_host_teardown),
		cmocka_unit_test_setup_teardown(test_pool_taken_meanwhile, fake_host_setup, fake_host_teardown),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
