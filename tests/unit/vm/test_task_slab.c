/* SPDX-License-Identifier: MIT */
#include "support/vm_slab_fixture.h"

/* With a TCP as the seed has it; the kernel's own is larger. */
static struct fixture *with_tcp(struct fixture *f)
{
	uint64_t live;
	assert_int_equal(kmem_cache_destroy(kmem_cache_find(&f->vm.slabs, "TCP"), &live), 0);
	kmem_cache_put(make_cache(f, "TCP", 1984, SLAB_HWCACHE_ALIGN));
	return f;
}

static void test_the_line_of_the_seed(void **state)
{
	struct fixture *f = with_tcp(*state);
	struct task *t = make_task(f, "a");
	struct kmem_cache *tcp = cache_of(f, "TCP");
	assert_int_equal(tcp->layout.size, 1984);
	assert_int_equal(tcp->layout.objects, 16);
	assert_int_equal(tcp->layout.order, 3);

	assert_write(t, "slab", "TCP 384\n");
	assert_attr(t, "slab", "TCP 384\n");
	assert_usage(f, "TCP", 384, 384, 24);
	assert_int_equal(node_sum(&f->vm, NR_SLAB_UNRECLAIMABLE), 24 * 8);

	assert_write(t, "slab", "TCP -96\n");
	assert_attr(t, "slab", "TCP 288\n");
	assert_usage(f, "TCP", 288, 384, 24);
	struct cache_usage u = usage_of(f, "TCP");
	assert_in_range(u.partial_slabs, 18, 24); /* where the holes are; they have reached their slabs */
	assert_int_equal(free_on_slabs(f, "TCP"), 96);
	assert_verified(&f->vm);
	end_task(f, t);
}

static void test_lines(void **state)
{
	struct fixture *f = with_tcp(*state);
	int64_t before = free_pages_all(&f->vm);
	struct task *t = make_task(f, "a");
	assert_attr(t, "slab", "");
	assert_write(t, "slab", "TCP 100\ndentry 1000\nkmalloc-64 +5\n");
	assert_write(t, "slab", "dentry +24\n \nTCP -1");
	assert_attr(t, "slab", "TCP 99\ndentry 1024\nkmalloc-64 5\n");
	assert_attr(t, "kmalloc", "");
	assert_usage(f, "dentry", 1024, 1029, 49);
	assert_int_equal(node_sum(&f->vm, NR_SLAB_RECLAIMABLE), 49);
	assert_int_equal(node_sum(&f->vm, NR_SLAB_UNRECLAIMABLE), 7 * 8 + 1);
	assert_write(t, "slab", "TCP 0\n");
	assert_attr(t, "slab", "dentry 1024\nkmalloc-64 5\n");
	assert_write(t, "slab", "TCP 0");
	assert_write(t, "slab", "TCP 7");
	assert_attr(t, "slab", "dentry 1024\nkmalloc-64 5\nTCP 7\n");
	struct task_usage u;
	task_usage(t, &u); /* proc/PID does not count them */
	assert_int_equal(u.anon_pages + u.file_pages + u.block_pages + u.hugetlb_pages + u.table_pages, 0);
	assert_verified(&f->vm);

	end_task(f, t);
	assert_all_given_back(f, before);
}

static void test_bad_lines(void **state)
{
	static const char *const bad[] = {
		"TCP",    "TCP x",   "TCP 1 2", "tcp 1",  "UDP 1",
		"UDP 0",  "1 TCP",   "TCP 1M",  "TCP -1", "TCP -",
		"TCP +x", "TCP 1.5", "TC 1",    "TCP\v1", "TCP 18446744073709551616",
	};
	struct fixture *f = with_tcp(*state);
	assert_bad_lines(f, "slab", bad, ARRAY_LEN(bad));
	struct task *t = make_task(f, "a");
	struct free_state before = free_state(&f->vm);
	assert_write(t, "slab", "TCP 5");
	assert_write_fails(t, "slab", "TCP -6", EINVAL);
	assert_attr(t, "slab", "TCP 5\n");
	assert_write(t, "slab", "TCP 0");
	assert_attr(t, "events", "alloc_fail 0\noom_kill 0\n");
	shrink_all(f);
	assert_free_state(&f->vm, &before);
	assert_int_equal(cache_refs(f, "TCP"), 0);
	end_task(f, t);
}

static void test_a_line_keeps_its_cache(void **state)
{
	struct fixture *f = with_tcp(*state);
	struct kmem_cache *tcp = kmem_cache_find(&f->vm.slabs, "TCP"); /* the reference that destroying takes */
	struct task *t = make_task(f, "a"), *u = make_task(f, "b");
	uint64_t live;
	assert_write(t, "slab", "TCP 3");
	assert_write(u, "slab", "TCP 4");
	assert_int_equal(cache_refs(f, "TCP"), 3);
	assert_int_equal(kmem_cache_destroy(tcp, &live), -EBUSY);
	assert_int_equal(live, 7);
	assert_write(t, "slab", "TCP 0");
	end_task(f, u);
	assert_int_equal(cache_refs(f, "TCP"), 1);
	assert_int_equal(kmem_cache_destroy(tcp, &live), 0);
	assert_write_fails(t, "slab", "TCP 1", EINVAL);
	assert_int_equal(node_sum(&f->vm, NR_SLAB_UNRECLAIMABLE), 0);
	end_task(f, t);
}

static void test_what_does_not_fit_is_given_back(void **state)
{
	struct fixture *f = with_tcp(*state);
	struct task *t = make_task(f, "a");
	assert_write(t, "slab", "TCP 160");
	struct free_state before = free_state(&f->vm);
	assert_write_fails(t, "slab", "TCP 262000", ENOMEM); /* more than there is room for */
	shrink_all(f);
	assert_free_state(&f->vm, &before);
	assert_write_fails(t, "slab", "TCP 100000000", ENOMEM); /* more than the machine could have */
	assert_write_fails(t, "slab", "TCP +18446744073709551615", ENOMEM);
	assert_write_fails(t, "slab", "kmalloc-8 18446744073709551615", ENOMEM);
	assert_attr(t, "slab", "TCP 160\n");
	assert_attr(t, "events", "alloc_fail 4\noom_kill 0\n");
	assert_usage(f, "TCP", 160, 160, 10);
	shrink_all(f);
	assert_free_state(&f->vm, &before);
	assert_verified(&f->vm);
	end_task(f, t);
}

static void test_no_slab_too_many(void **state)
{
	struct fixture *f = with_tcp(*state);
	struct task *t = make_task(f, "a");
	char line[32];
	for (unsigned nr = 1; nr < 2000; nr += nr < 200 ? 1 : 37) {
		snprintf(line, sizeof(line), "TCP %u", nr);
		assert_write(t, "slab", line);
		assert_usage(f, "TCP", nr, ALIGN_UP(nr, 16u), DIV_ROUND_UP(nr, 16u));
	}
	assert_write(t, "slab", "TCP -1000");
	uint64_t slabs = usage_of(f, "TCP").slabs;
	assert_write(t, "slab", "TCP +1000"); /* into the holes */
	assert_int_equal(usage_of(f, "TCP").slabs, slabs);
	end_task(f, t);
}

static void test_a_random_choice_by_the_seed(void **state)
{
	struct fixture *f = with_tcp(*state), *g = with_tcp(fixture_boot());
	struct task *t = make_task(f, "a"), *u = make_task(g, "a");
	assert_write(t, "slab", "TCP 1600\nTCP -800");
	assert_write(u, "slab", "TCP 1600\nTCP -800");
	assert_int_equal(usage_of(f, "TCP").partial_slabs, usage_of(g, "TCP").partial_slabs);
	for (unsigned i = 0; i < 800; i++)
		assert_int_equal(object_pfn(&f->vm.slabs, t->objects[0].object[i]),
				 object_pfn(&g->vm.slabs, u->objects[0].object[i]));
	assert_in_range(usage_of(f, "TCP").partial_slabs, 98, 100); /* a slab of 16 is hardly ever full or empty */
	end_task(f, t);
	end_task(g, u);
	fixture_end(g);
}

static void test_the_task_runs_on_its_cpu(void **state)
{
	struct fixture *f = with_tcp(*state);
	struct task *t = make_task(f, "a");
	assert_write(t, "cpu", "3");
	assert_write(t, "slab", "TCP 160");
	for (unsigned i = 0; i < 160; i++)
		assert_true(object_pfn(&f->vm.slabs, t->objects[0].object[i]) >= NODE_PAGES);
	assert_write(t, "cpu", "0"); /* what is freed here goes home to the other node */
	assert_write(t, "slab", "TCP -80");
	struct cache_usage u;
	struct kmem_cache *tcp = cache_of(f, "TCP");
	lock_take(&f->vm.slabs.lock);
	kmem_cache_usage(tcp, 1, &u);
	lock_drop(&f->vm.slabs.lock);
	assert_int_equal(u.objects, 160);
	assert_int_equal(u.active, 80);
	end_task(f, t);
	assert_verified(&f->vm);
}

static void test_too_many_keys(void **state)
{
	struct fixture *f = with_tcp(*state);
	struct task *t = make_task(f, "a");
	char line[64], name[32];
	for (unsigned key = 0; key < TASK_KEYS_MAX; key++) {
		snprintf(name, sizeof(name), "c%u", key);
		make_cache(f, name, 64, 0);
		snprintf(line, sizeof(line), "%s 1", name);
		assert_write(t, "slab", line);
	}
	assert_write_fails(t, "slab", "kmalloc-64 1", ENOSPC);
	assert_write_fails(t, "kmalloc", "64 1", ENOSPC);
	assert_write(t, "slab", "c77 +1\nc5 0\nkmalloc-64 1");
	end_task(f, t);
	assert_int_equal(cache_refs(f, "c77"), 1);
}

static void test_reading_meanwhile_and_memory_numbers(void **state)
{
	struct fixture *f = with_tcp(*state);
	struct task *t = make_task(f, "a");
	int64_t before = node_sum(&f->vm, NR_SLAB_UNRECLAIMABLE);
	assert_write(t, "slab", "TCP 1600");
	int64_t pages = node_sum(&f->vm, NR_SLAB_UNRECLAIMABLE) - before;
	assert_int_equal(pages, 800);
	assert_int_equal(f->vm.region->used_pages, 0); /* nobody wrote to them */
	assert_write(t, "slab", "TCP 0");
	assert_in_range(node_sum(&f->vm, NR_SLAB_UNRECLAIMABLE) - before, 0, 7 * 8); /* free slabs that are kept */
	end_task(f, t);
}

static void test_fault_sweeps(void **state)
{
	struct fixture *f = with_tcp(*state);
	struct task *t = make_task(f, "a");
	assert_in_range(sweep_slab(f, t, FAULT_HOST_MALLOC, "slab", "TCP 500", "TCP 0"), 2, 10);
	assert_write(t, "slab", "TCP 0");
	assert_in_range(sweep_slab(f, t, FAULT_BUDDY_TAKE, "slab", "TCP 500", "TCP 0"), 2, 200);
	assert_write(t, "slab", "TCP 9");
	sweep_slab(f, t, FAULT_BUDDY_TAKE, "slab", "kmalloc-8k 50", "kmalloc-8k 0");
	end_task(f, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_line_of_the_seed),
		TEST(test_lines),
		TEST(test_bad_lines),
		TEST(test_a_line_keeps_its_cache),
		TEST(test_what_does_not_fit_is_given_back),
		TEST(test_no_slab_too_many),
		TEST(test_a_random_choice_by_the_seed),
		TEST(test_the_task_runs_on_its_cpu),
		TEST(test_too_many_keys),
		TEST(test_reading_meanwhile_and_memory_numbers),
		TEST(test_fault_sweeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
