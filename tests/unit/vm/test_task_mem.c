/* SPDX-License-Identifier: MIT */
#include "support/vm_fixture.h"

#include <fcntl.h>
#include <unistd.h>

static void fill(char *buf, size_t len, unsigned seed)
{
	struct rng rng;
	rng_init(&rng, seed);
	for (size_t i = 0; i < len; i++)
		buf[i] = (char)(rng_next(&rng) | 1);
}

static bool all_zero(const char *buf, size_t len)
{
	return !len || (!buf[0] && !memcmp(buf, buf + 1, len - 1));
}

static void test_reads_zero_and_touches_nothing(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	static char buf[1 << 20];
	assert_write(t, "anon", "4M");
	memset(buf, 0xaa, sizeof(buf));
	assert_int_equal(task_mem_read(t, buf, sizeof(buf), 12345), sizeof(buf));
	assert_true(all_zero(buf, sizeof(buf)));
	assert_int_equal(f->region.used_pages, 0);
	end_task(f, t);
}

static void test_reads_back_what_was_written(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	static char out[100000], in[110000];
	assert_write(t, "anon", "1M");
	assert_int_equal(task_mem_bytes(t), 1 << 20);
	fill(out, sizeof(out), 1);
	assert_int_equal(task_mem_write(t, out, sizeof(out), 5000), sizeof(out));
	assert_int_equal(task_mem_read(t, in, sizeof(in), 0), sizeof(in));
	assert_true(all_zero(in, 5000));
	assert_memory_equal(in + 5000, out, sizeof(out));
	assert_true(all_zero(in + 105000, 5000));
	assert_int_equal(f->region.used_pages, 105000 / 4096 - 5000 / 4096 + 1);

	assert_int_equal(task_mem_write(t, "xyz", 3, 8190), 3); /* across two pages that have content */
	memcpy(out + 8190 - 5000, "xyz", 3);
	assert_int_equal(task_mem_read(t, in, sizeof(out), 5000), sizeof(out));
	assert_memory_equal(in, out, sizeof(out));
	end_task(f, t);
	assert_int_equal(f->region.used_pages, 0);
}

static void test_ends(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	char buf[100];
	assert_int_equal(task_mem_read(t, buf, sizeof(buf), 0), 0);
	assert_int_equal(task_mem_write(t, buf, sizeof(buf), 0), -ENOSPC);
	assert_write(t, "anon", "8k");
	fill(buf, sizeof(buf), 2);
	assert_int_equal(task_mem_write(t, buf, sizeof(buf), 8192 - 60), 60);
	assert_int_equal(task_mem_write(t, buf, sizeof(buf), 8192), -ENOSPC);
	assert_int_equal(task_mem_write(t, buf, 1, UINT64_MAX), -ENOSPC);
	assert_int_equal(task_mem_write(t, buf, 0, 8192), 0);
	assert_int_equal(task_mem_read(t, buf, sizeof(buf), 8192 - 60), 60);
	assert_int_equal(task_mem_read(t, buf, sizeof(buf), 8192), 0);
	assert_int_equal(task_mem_read(t, buf, sizeof(buf), UINT64_MAX), 0);
	end_task(f, t);
}

static void test_stands_in_the_frames(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	char out[4096], in[4096];
	assert_write(t, "anon", "64k");
	fill(out, sizeof(out), 3);
	assert_int_equal(task_mem_write(t, out, sizeof(out), 7 * 4096), sizeof(out));
	off_t at = (off_t)t->anon.pfn[7] * 4096;
	assert_int_equal(pread(f->region.fd, in, sizeof(in), at), sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
	end_task(f, t);
	assert_int_equal(pread(f->region.fd, in, sizeof(in), at), sizeof(in));
	assert_true(all_zero(in, sizeof(in)));
}

static void test_shrinking_loses_the_end_only(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	char out[8192], in[8192];
	assert_write(t, "anon", "8k");
	fill(out, sizeof(out), 4);
	assert_int_equal(task_mem_write(t, out, sizeof(out), 0), sizeof(out));
	assert_write(t, "anon", "4k");
	assert_int_equal(f->region.used_pages, 1);
	assert_write(t, "anon", "8k");
	assert_int_equal(task_mem_read(t, in, sizeof(in), 0), sizeof(in));
	assert_memory_equal(in, out, 4096);
	assert_true(all_zero(in + 4096, 4096));
	end_task(f, t);
}

/* Every byte of memory is written by one task and must be gone for the next. */
static void reuse_everything(struct fixture *f)
{
	static char buf[1 << 20];
	for (unsigned round = 0; round < 2; round++) {
		struct task *t = make_task(f, "a");
		assert_write(t, "anon", "400M");
		for (uint64_t at = 0; at < task_mem_bytes(t); at += sizeof(buf)) {
			assert_int_equal(task_mem_read(t, buf, sizeof(buf), at), sizeof(buf));
			assert_true(all_zero(buf, sizeof(buf)));
			memset(buf, 'x', sizeof(buf));
			assert_int_equal(task_mem_write(t, buf, sizeof(buf), at), sizeof(buf));
		}
		end_task(f, t);
	}
	assert_verified(&f->vm);
}

static void test_nobody_reads_what_another_wrote(void **state)
{
	struct fixture *f = *state;
	reuse_everything(f);
	assert_int_equal(f->region.used_pages, 0);
	assert_false(f->vm.content_stays);
}

/* As above where the host keeps the bytes: a region that says it is of huge pages keeps what is in it. */
static void test_nobody_reads_what_the_host_kept(void **state)
{
	struct fixture *f = *state;
	struct task *t;
	char buf[4096];
	enum backing was = f->region.backing;
	f->region.backing = BACKING_HUGETLB;

	t = make_task(f, "a");
	assert_write(t, "anon", "4k");
	assert_int_equal(task_mem_write(t, "secret", 6, 100), 6);
	pfn_t pfn = t->anon.pfn[0];
	end_task(f, t);
	assert_memory_equal(region_frame(&f->region, pfn) + 100, "secret", 6);

	t = make_task(f, "b");
	assert_write(t, "anon", "4k");
	assert_int_equal(t->anon.pfn[0], pfn); /* the CPU gives the page freed last */
	assert_int_equal(task_mem_read(t, buf, sizeof(buf), 0), sizeof(buf));
	assert_true(all_zero(buf, sizeof(buf)));
	assert_true(all_zero(region_frame(&f->region, pfn), PAGE_SIZE)); /* also in dev/mem */
	end_task(f, t);

	reuse_everything(f);
	f->region.backing = was;
}

static void test_blocks_asked_for_zeroed(void **state)
{
	struct fixture *f = *state;
	enum backing was = f->region.backing;
	f->region.backing = BACKING_HUGETLB;
	struct task *t = make_task(f, "a");
	assert_write(t, "anon", "4k");
	assert_int_equal(task_mem_write(t, "secret", 6, 0), 6);
	pfn_t pfn = t->anon.pfn[0];
	assert_write(t, "anon", "0");
	assert_write(t, "pages", "0 GFP_HIGHUSER_MOVABLE|__GFP_ZERO 1");
	assert_int_equal(t->pages[0].blocks.pfn[0], pfn);
	assert_true(all_zero(region_frame(&f->region, pfn), PAGE_SIZE));
	end_task(f, t);
	f->region.backing = was;
}

static void test_host_limit(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	static char buf[1 << 20];
	f->region.limit_pages = 100;
	assert_write(t, "anon", "2M");
	fill(buf, sizeof(buf), 5);
	assert_int_equal(task_mem_write(t, buf, sizeof(buf), 0), 100 * 4096);
	assert_int_equal(task_mem_write(t, buf, sizeof(buf), 100 * 4096), -ENOMEM);
	assert_int_equal(task_mem_write(t, buf, 4096, 99 * 4096), 4096); /* what is there can be written again */
	assert_write(t, "anon", "40k");
	assert_int_equal(f->region.used_pages, 10);
	end_task(f, t);
	assert_int_equal(f->region.used_pages, 0);
}

static void test_charge_faults(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	static char out[20 * 4096], in[20 * 4096];
	fill(out, sizeof(out), 6);
	for (unsigned n = 1;; n++) {
		assert_write(t, "anon", "80k");
		fault_arm(FAULT_REGION_CHARGE, n);
		ssize_t ret = task_mem_write(t, out, sizeof(out), 0);
		fault_arm(FAULT_REGION_CHARGE, 0);
		if (ret == (ssize_t)sizeof(out)) {
			assert_int_equal(n, 21);
			break;
		}
		assert_int_equal(ret, n == 1 ? -ENOMEM : (ssize_t)(n - 1) * 4096);
		assert_int_equal(f->region.used_pages, n - 1);
		assert_int_equal(task_mem_read(t, in, sizeof(in), 0), sizeof(in));
		assert_memory_equal(in, out, (n - 1) * 4096);
		assert_true(all_zero(in + (n - 1) * 4096, sizeof(in) - (n - 1) * 4096));
		assert_write(t, "anon", "0");
		assert_int_equal(f->region.used_pages, 0);
	}
	end_task(f, t);
}

static void test_without_a_region(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	char buf[10];
	f->vm.region = NULL;
	assert_write(t, "anon", "1M");
	assert_int_equal(task_mem_read(t, buf, sizeof(buf), 0), -ENXIO);
	assert_int_equal(task_mem_write(t, buf, sizeof(buf), 0), -ENXIO);
	end_task(f, t);
	f->vm.region = &f->region;
}

static void test_after_the_task_has_gone(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	char buf[10];
	assert_write(t, "anon", "1M");
	assert_int_equal(task_remove(&f->vm, "a"), 0);
	assert_int_equal(task_mem_read(t, buf, sizeof(buf), 0), -ENODEV);
	assert_int_equal(task_mem_write(t, buf, sizeof(buf), 0), -ENODEV);
	task_put(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reads_zero_and_touches_nothing),
		TEST(test_reads_back_what_was_written),
		TEST(test_ends),
		TEST(test_stands_in_the_frames),
		TEST(test_shrinking_loses_the_end_only),
		TEST(test_nobody_reads_what_another_wrote),
		TEST(test_nobody_reads_what_the_host_kept),
		TEST(test_blocks_asked_for_zeroed),
		TEST(test_host_limit),
		TEST(test_charge_faults),
		TEST(test_without_a_region),
		TEST(test_after_the_task_has_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
