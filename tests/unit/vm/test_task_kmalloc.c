/* SPDX-License-Identifier: MIT */
#include "support/vm_slab_fixture.h"

static void test_lines(void **state)
{
	struct fixture *f = *state;
	int64_t before = free_pages_all(&f->vm);
	struct task *t = make_task(f, "a");
	assert_attr(t, "kmalloc", "");
	assert_write(t, "kmalloc", "200 10\n");
	assert_attr(t, "kmalloc", "200 10\n");
	assert_usage(f, "kmalloc-256", 10, 16, 1);
	assert_write(t, "kmalloc",
		     "200 +22\n8k 3\n 64 GFP_KERNEL_ACCOUNT 5\n100\tGFP_KERNEL|__GFP_RECLAIMABLE 40\n");
	assert_attr(t, "kmalloc",
		    "200 32\n8192 3\n64 GFP_KERNEL_ACCOUNT 5\n100 GFP_KERNEL|__GFP_RECLAIMABLE 40\n");
	assert_usage(f, "kmalloc-256", 32, 32, 2);
	assert_usage(f, "kmalloc-8k", 3, 4, 1);
	assert_usage(f, "kmalloc-cg-64", 5, 64, 1);
	assert_usage(f, "kmalloc-rcl-128", 40, 64, 2);
	assert_int_equal(node_sum(&f->vm, NR_SLAB_RECLAIMABLE), 2);
	assert_attr(t, "slab", "");
	assert_write(t, "kmalloc", "200 -20\n64 GFP_KERNEL_ACCOUNT 0\n");
	assert_attr(t, "kmalloc", "200 12\n8192 3\n100 GFP_KERNEL|__GFP_RECLAIMABLE 40\n");
	assert_usage(f, "kmalloc-256", 12, 32, 2);
	assert_verified(&f->vm);
	end_task(f, t);
	assert_all_given_back(f, before);
}

static void test_one_key_in_any_spelling(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "kmalloc", "1k 3\n1024 GFP_KERNEL +2\n1K __GFP_RECLAIM|__GFP_IO|__GFP_FS +1");
	assert_attr(t, "kmalloc", "1024 6\n");
	assert_write(t, "kmalloc", "1023 1\n1024 GFP_ATOMIC 1"); /* other keys of the same cache */
	assert_attr(t, "kmalloc", "1024 6\n1023 1\n1024 GFP_ATOMIC 1\n");
	assert_usage(f, "kmalloc-1k", 8, 16, 1);
	assert_write(t, "slab", "kmalloc-1k 2");
	assert_attr(t, "slab", "kmalloc-1k 2\n");
	assert_attr(t, "kmalloc", "1024 6\n1023 1\n1024 GFP_ATOMIC 1\n");
	end_task(f, t);
}

static void test_whole_pages(void **state)
{
	struct fixture *f = *state;
	struct free_state before = free_state(&f->vm);
	struct task *t = make_task(f, "a");
	assert_write(t, "kmalloc", "8193 10\n4M 2\n");
	assert_attr(t, "kmalloc", "8193 10\n4194304 2\n");
	assert_int_equal(node_sum(&f->vm, NR_SLAB_UNRECLAIMABLE), 10 * 4 + 2 * 1024);
	const struct page *head =
		pfn_page(&f->vm.machine, object_pfn(&f->vm.slabs, t->objects[1].object[0]));
	assert_int_equal(head->owner, owner_handle(OWNER_KMALLOC, 0));
	assert_verified(&f->vm);
	assert_write(t, "kmalloc", "8193 -9\n4M -1");
	assert_int_equal(node_sum(&f->vm, NR_SLAB_UNRECLAIMABLE), 4 + 1024);
	end_task(f, t);
	assert_free_state(&f->vm, &before);
	assert_int_equal(node_sum(&f->vm, NR_SLAB_UNRECLAIMABLE), 0);
}

static void test_bad_lines(void **state)
{
	static const char *const bad[] = {
		"200",
		"200 x",
		"200 GFP_KERNEL",
		"200 GFP_KERNEL x",
		"200 GFP_KERNEL 1 2",
		"0 1",
		"-1 1",
		"x 1",
		"4194305 1",
		"5M 1",
		"200 GFP_ 1",
		"200 10 1",
		"200 -1",
		"200 GFP_KERNEL -1",
		"200 18446744073709551616",
		"200 1M",
		"GFP_KERNEL 200 1",
		"18446744073709551616 1",
		"200 GFP_KERNEL|__GFP_DMA|__GFP_DMA32 1",
	};
	assert_bad_lines(*state, "kmalloc", bad, ARRAY_LEN(bad));
}

static void test_what_does_not_fit_is_given_back(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "kmalloc", "4M 3\n4096 8");
	shrink_all(f);
	struct free_state before = free_state(&f->vm);
	assert_write_fails(t, "kmalloc", "4M 128", ENOMEM);
	assert_write_fails(t, "kmalloc", "4M 129", ENOMEM); /* more than the machine could have */
	assert_write_fails(t, "kmalloc", "4096 +131000", ENOMEM);
	assert_write_fails(t, "kmalloc", "1 18446744073709551615", ENOMEM);
	assert_write_fails(t, "kmalloc", "4096 GFP_KERNEL|__GFP_DMA 5000", ENOMEM);
	assert_attr(t, "kmalloc", "4194304 3\n4096 8\n");
	assert_attr(t, "events", "alloc_fail 5\noom_kill 0\n");
	shrink_all(f);
	assert_free_state(&f->vm, &before);
	assert_verified(&f->vm);
	end_task(f, t);
}

static bool all_zero(const char *bytes, size_t len)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, len - 1);
}

static void test_zeroed_objects(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "kmalloc", "1000 50");
	assert_int_equal(f->vm.region->used_pages, 0); /* untouched */
	for (unsigned i = 0; i < 50; i++)
		memset(t->objects[0].object[i], 0x5a, 1000);
	assert_write(t, "kmalloc", "1000 0\n1000 GFP_KERNEL|__GFP_ZERO 50");
	for (unsigned i = 0; i < 50; i++)
		assert_true(all_zero(t->objects[0].object[i], 1000));
	assert_true(f->vm.region->used_pages >= 13);
	assert_write(t, "kmalloc", "1000 GFP_KERNEL|__GFP_ZERO 0\n64k GFP_KERNEL|__GFP_ZERO 5");
	for (unsigned i = 0; i < 5; i++)
		assert_true(all_zero(t->objects[0].object[i], 65536));
	end_task(f, t);
	shrink_all(f);
	assert_int_equal(f->vm.region->used_pages, 0);
}

/* The host has no more: zeroed objects need real memory, others do not. */
static void test_zeroing_meets_the_limit(void **state)
{
	(void)state;
	struct fixture *f = fixture_boot_with(
		&(struct region_config){ .backing = BACKING_SPARSE, .limit_bytes = 1ul << 20 }, true);
	struct task *t = make_task(f, "a");
	assert_write(t, "kmalloc", "4096 1000");
	assert_write_fails(t, "kmalloc", "4096 GFP_KERNEL|__GFP_ZERO 1000", ENOMEM);
	assert_attr(t, "kmalloc", "4096 1000\n");
	assert_write(t, "kmalloc", "4096 0\n4096 GFP_KERNEL|__GFP_ZERO 64");
	end_task(f, t);
	shrink_all(f);
	assert_int_equal(f->vm.region->used_pages, 0);
	assert_verified(&f->vm);
	fixture_end(f);
}

static void test_fault_sweeps(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_in_range(sweep_slab(f, t, FAULT_HOST_MALLOC, "kmalloc", "300 500", "300 0"), 2, 10);
	assert_write(t, "kmalloc", "300 0");
	sweep_slab(f, t, FAULT_BUDDY_TAKE, "kmalloc", "300 500", "300 0");
	assert_write(t, "kmalloc", "300 9");
	sweep_slab(f, t, FAULT_BUDDY_TAKE, "kmalloc", "1M 50", "1M 0");
	sweep_slab(f, t, FAULT_REGION_CHARGE, "kmalloc", "300 GFP_KERNEL|__GFP_ZERO 100",
		   "300 GFP_KERNEL|__GFP_ZERO 0");
	end_task(f, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lines),
		TEST(test_one_key_in_any_spelling),
		TEST(test_whole_pages),
		TEST(test_bad_lines),
		TEST(test_what_does_not_fit_is_given_back),
		TEST(test_zeroed_objects),
		cmocka_unit_test(test_zeroing_meets_the_limit),
		TEST(test_fault_sweeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
