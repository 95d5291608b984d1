/* SPDX-License-Identifier: MIT */
/* The daemon's own objects. */
#include "support/vm_slab_fixture.h"

#include "vm/own.h"

static int whole_setup(void **state)
{
	*state = fixture_boot_whole();
	return 0;
}

#define WHOLE(name) cmocka_unit_test_setup_teardown(name, whole_setup, fixture_teardown)

static struct cpu *cpu0(struct fixture *f)
{
	return &f->vm.machine.cpu[0];
}

struct thing {
	struct own_head own;
	uint64_t word[8];
};

static void test_boot_fills_the_reserve(void **state)
{
	struct fixture *f = *state;
	for (unsigned kind = 0; kind < OWN_KINDS; kind++) {
		/* of dev/hugepages nobody has to make anything when memory is gone */
		assert_in_range(own_reserve(&f->vm, kind), kind == OWN_HUGETLBFS_INODE ? 0 : 2,
				OWN_RESERVE_MAX);
		assert_int_equal(own_count(&f->vm, kind), own_reserve(&f->vm, kind));
		assert_int_equal(usage_of(f, own_cache_name[kind]).active, own_count(&f->vm, kind));
	}
	MASK_FOR_EACH(c, &f->vm.machine.cpus_online)
		FOR_EACH_POPULATED_ZONE(z, &f->vm.machine)
			assert_int_equal(f->vm.machine.cpu[c].zone[z->id].pcp.count, 0);
	assert_non_null(cache_of(f, "dentry")->self);
	assert_verified(&f->vm);
}

static void test_a_structure_lies_in_its_object(void **state)
{
	struct fixture *f = *state;
	uint64_t had = own_count(&f->vm, OWN_NAME), used = f->region.used_pages;
	struct thing *t = own_alloc(&f->vm, OWN_NAME, cpu0(f), sizeof(*t));
	const struct kmem_cache *s = cache_of(f, "dentry");
	assert_ptr_equal(t->own.object, t);
	const struct page *slab = object_slab(s, t);
	assert_non_null(slab);
	assert_int_equal(f->region.used_pages, used + (1u << slab->order)); /* it is written to */
	for (unsigned i = 0; i < ARRAY_LEN(t->word); i++)
		assert_int_equal(t->word[i], 0);
	memset(t->word, 0x77, sizeof(t->word));
	assert_int_equal(own_count(&f->vm, OWN_NAME), had + 1);
	own_free(&f->vm, OWN_NAME, cpu0(f), t);
	assert_int_equal(own_count(&f->vm, OWN_NAME), had);
	own_free(&f->vm, OWN_NAME, cpu0(f), NULL);

	struct thing *again = own_alloc(&f->vm, OWN_NAME, cpu0(f), sizeof(*t)); /* old bytes are not seen */
	assert_int_equal(again->word[3], 0);
	own_free(&f->vm, OWN_NAME, cpu0(f), again);
	assert_verified(&f->vm);
}

static void test_too_large_for_the_object(void **state)
{
	struct fixture *f = *state;
	uint64_t had = own_count(&f->vm, OWN_NAME);
	size_t size = cache_of(f, "dentry")->layout.object_size + 1;
	struct thing *t = own_alloc(&f->vm, OWN_NAME, cpu0(f), size);
	assert_non_null(t->own.object);
	assert_ptr_not_equal(t->own.object, t);
	assert_non_null(object_slab(cache_of(f, "dentry"), t->own.object));
	memset(t->word, 1, sizeof(t->word));
	own_free(&f->vm, OWN_NAME, cpu0(f), t);
	assert_int_equal(own_count(&f->vm, OWN_NAME), had);

	fault_arm(FAULT_HOST_MALLOC, 1);
	assert_null(own_alloc(&f->vm, OWN_NAME, cpu0(f), size));
	fault_arm(FAULT_HOST_MALLOC, 0);
	assert_int_equal(own_count(&f->vm, OWN_NAME), had);
}

static void test_no_bytes_for_it(void **state)
{
	struct fixture *f = *state;
	uint64_t had = own_count(&f->vm, OWN_NAME), limit = f->region.limit_pages;
	f->region.limit_pages = f->region.used_pages;
	assert_null(own_alloc(&f->vm, OWN_NAME, cpu0(f), sizeof(struct thing)));
	assert_int_equal(own_count(&f->vm, OWN_NAME), had);
	f->region.limit_pages = limit;
	assert_verified(&f->vm);
}

/* Without caches, as while a machine is imported. */
static void test_before_there_are_caches(void **state)
{
	struct fixture *f = *state;
	struct thing *t = own_alloc(&f->vm, OWN_NAME, cpu0(f), sizeof(*t));
	assert_non_null(t);
	assert_null(t->own.object);
	own_free(&f->vm, OWN_NAME, cpu0(f), t);
	assert_int_equal(own_count(&f->vm, OWN_NAME), 0);
	assert_usage(f, "dentry", 0, 0, 0);
}

static bool no_objects(void *ctx, const struct kmem_cache *s, gfp_t gfp)
{
	(void)ctx;
	(void)s;
	(void)gfp;
	return true;
}

/* From now on no cache has an object for anybody. */
static void set_shortage(struct fixture *f, bool on)
{
	f->vm.slabs.source.fails = on ? no_objects : vm_object_fails;
	slabs_set_direct(&f->vm.slabs, on);
}

static void test_the_reserve_serves_and_fills(void **state)
{
	struct fixture *f = *state;
	struct thing *t[OWN_RESERVE_MAX + 1];
	unsigned reserve = own_reserve(&f->vm, OWN_INODE), nr = 0;
	uint64_t had = own_count(&f->vm, OWN_INODE);
	set_shortage(f, true);
	while ((t[nr] = own_alloc(&f->vm, OWN_INODE, cpu0(f), sizeof(*t[0]))))
		nr++;
	assert_int_equal(nr, reserve);
	assert_int_equal(own_reserve(&f->vm, OWN_INODE), 0);
	own_free(&f->vm, OWN_INODE, cpu0(f), t[--nr]); /* comes into reserve, and serves again */
	assert_int_equal(own_reserve(&f->vm, OWN_INODE), 1);
	t[nr] = own_alloc(&f->vm, OWN_INODE, cpu0(f), sizeof(*t[0]));
	assert_non_null(t[nr++]);
	assert_int_equal(own_count(&f->vm, OWN_INODE), had);

	set_shortage(f, false);
	t[nr] = own_alloc(&f->vm, OWN_INODE, cpu0(f), sizeof(*t[0]));
	assert_non_null(t[nr++]);
	assert_int_equal(own_reserve(&f->vm, OWN_INODE), 1); /* one more with each that succeeds */
	while (nr)
		own_free(&f->vm, OWN_INODE, cpu0(f), t[--nr]);
	assert_int_equal(own_reserve(&f->vm, OWN_INODE), reserve);
	assert_int_equal(own_count(&f->vm, OWN_INODE), reserve);
	assert_int_equal(usage_of(f, "proc_inode_cache").active, reserve);
	assert_verified(&f->vm);
}

/* ---- Tasks ---- */

static void test_tasks_are_objects(void **state)
{
	struct fixture *f = *state;
	struct task *t[12];
	char name[16];
	uint64_t had = usage_of(f, "task_struct").active;
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		snprintf(name, sizeof(name), "t%u", i);
		t[i] = make_task(f, name);
		assert_non_null(object_slab(cache_of(f, "task_struct"), t[i]));
	}
	assert_int_equal(usage_of(f, "task_struct").active, had + ARRAY_LEN(t));
	assert_verified(&f->vm);
	for (unsigned i = 0; i < ARRAY_LEN(t); i++)
		end_task(f, t[i]);
	assert_int_equal(usage_of(f, "task_struct").active, had);
	shrink_all(f);
	assert_verified(&f->vm);
}

static void test_mkdir_without_memory(void **state)
{
	struct fixture *f = *state;
	struct task *t[4], *none;
	unsigned reserve = own_reserve(&f->vm, OWN_TASK);
	char name[16];
	set_shortage(f, true);
	assert_in_range(reserve, 1, ARRAY_LEN(t));
	for (unsigned i = 0; i < reserve; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		t[i] = make_task(f, name);
	}
	assert_int_equal(task_create(&f->vm, "none", 0, 0, &none), -ENOMEM);
	assert_null(task_find(&f->vm, "none"));
	end_task(f, t[0]);
	t[0] = make_task(f, "none");
	set_shortage(f, false);
	for (unsigned i = 0; i < reserve; i++)
		end_task(f, t[i]);
	assert_verified(&f->vm);
}

static void test_holding_at_shutdown(void **state)
{
	struct fixture *f = *state;
	struct task *t = make_task(f, "a");
	assert_write(t, "anon", "10M");
	task_put(t);
}

static void test_caches_stay(void **state)
{
	struct fixture *f = *state;
	for (unsigned kind = 0; kind < OWN_KINDS; kind++) {
		struct kmem_cache *s = kmem_cache_find(&f->vm.slabs, own_cache_name[kind]);
		assert_int_equal(kmem_cache_destroy(s, NULL), -EBUSY);
		kmem_cache_put(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WHOLE(test_boot_fills_the_reserve),   WHOLE(test_a_structure_lies_in_its_object),
		WHOLE(test_too_large_for_the_object), WHOLE(test_no_bytes_for_it),
		TEST(test_before_there_are_caches),   WHOLE(test_the_reserve_serves_and_fills),
		WHOLE(test_tasks_are_objects),        WHOLE(test_mkdir_without_memory),
		WHOLE(test_holding_at_shutdown),      WHOLE(test_caches_stay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
