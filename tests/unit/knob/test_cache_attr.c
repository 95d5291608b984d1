/* SPDX-License-Identifier: MIT */
#include "support/knob_fixture.h"

#include "knob/cache_attr.h"
#include "knob/slab_control.h"

#include <errno.h>

static const struct cache_attr *attr_of(const char *name)
{
	for (unsigned i = 0; i < nr_cache_attrs; i++)
		if (!strcmp(cache_attr_table[i].name, name))
			return &cache_attr_table[i];
	fail_msg("no %s", name);
	return NULL;
}

static struct cache_id id_of(struct vm *vm, const char *cache)
{
	struct cache_id id;
	assert_int_equal(cache_id_find(vm, cache, &id), 0);
	return id;
}

static const char *cat(struct vm *vm, const char *cache, const char *name)
{
	static char buf[256];
	struct text t;
	text_init(&t, 0);
	assert_int_equal(cache_attr_read(vm, id_of(vm, cache), attr_of(name), &t), 0);
	snprintf(buf, sizeof(buf), "%s", text_cstr(&t));
	text_fini(&t);
	return buf;
}

static ssize_t echo(struct vm *vm, const char *cache, const char *name, const char *text)
{
	return cache_attr_write(vm, id_of(vm, cache), attr_of(name), text, strlen(text));
}

#define assert_cat(vm, cache, name, text) assert_string_equal(cat(vm, cache, name), text)

/* The modes that 6.1 has; what it does not have is there to be read only. */
static void test_modes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nr_cache_attrs; i++) {
		const struct cache_attr *a = &cache_attr_table[i];
		assert_int_equal(a->mode, a->store ? 0600 : 0400);
		assert_non_null(a->show);
		if (i)
			assert_true(strcmp(cache_attr_table[i - 1].name, a->name) < 0);
	}
	assert_int_equal(attr_of("order")->mode, 0400);
	assert_int_equal(attr_of("min_partial")->mode, 0600);
	assert_int_equal(attr_of("cpu_partial")->mode, 0600);
	assert_int_equal(attr_of("shrink")->mode, 0600);
	assert_int_equal(attr_of("validate")->mode, 0600);
}

/* As tests/oracle/slab has them of 6.1 with 4 CPUs. */
static void test_shape(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	assert_cat(vm, "TCP", "object_size", "2240\n");
	assert_cat(vm, "TCP", "slab_size", "2304\n");
	assert_cat(vm, "TCP", "align", "64\n");
	assert_cat(vm, "TCP", "order", "3\n");
	assert_cat(vm, "TCP", "objs_per_slab", "14\n");
	assert_cat(vm, "TCP", "min_partial", "5\n");
	assert_cat(vm, "TCP", "cpu_partial", "24\n");
	assert_cat(vm, "TCP", "destroy_by_rcu", "1\n");
	assert_cat(vm, "TCP", "hwcache_align", "1\n");
	assert_cat(vm, "TCP", "reclaim_account", "0\n");
	assert_cat(vm, "kmalloc-256", "usersize", "256\n");
	assert_cat(vm, "dma-kmalloc-256", "cache_dma", "1\n");
	assert_cat(vm, "kmalloc-256", "cache_dma", "0\n");
	assert_cat(vm, "kmalloc-256", "ctor", "");
	assert_cat(vm, "kmalloc-256", "shrink", "");
	assert_cat(vm, "kmalloc-256", "slabs_cpu_partial", "0(0)\n");
	assert_cat(vm, "kmalloc-256", "cpu_slabs", "0\n");
	vm_release(vm);
}

static void test_counts(void **state)
{
	static void *far[8], *near[40];
	(void)state;
	struct vm *vm = vm_two_nodes();
	struct cpu *c = &vm->machine.cpu[0], *d = &vm->machine.cpu[1];
	assert_int_equal(knob_echo(vm, "sys/kernel/slab/new_cache", "mine 256 flags=no_merge"), 23);
	assert_cat(vm, "mine", "objs_per_slab", "16\n");
	assert_cat(vm, "mine", "objects", "0\n");
	struct kmem_cache *s = kmem_cache_find(&vm->slabs, "mine");
	cpu_enter(c);
	assert_int_equal(kmem_cache_alloc_bulk(s, c, GFP_KERNEL, 40, near), 0);
	cpu_leave(c);
	cpu_enter(d);
	assert_int_equal(kmem_cache_alloc_bulk(s, d, GFP_KERNEL, 8, far), 0);
	cpu_leave(d);
	slabs_drain(&vm->slabs);
	assert_cat(vm, "mine", "objects", "48 N0=40 N1=8\n");
	assert_cat(vm, "mine", "partial", "2 N0=1 N1=1\n");
	assert_cat(vm, "mine", "full", "2 N0=2\n");
	assert_cat(vm, "mine", "objects_partial", "16 N0=8 N1=8\n");
	cpu_enter(c); /* one of its own into the magazine, one of the other node on its way home */
	kmem_cache_free(s, c, near[0]);
	kmem_cache_free(s, c, far[0]);
	cpu_leave(c);
	assert_cat(vm, "mine", "objects", "46 N0=39 N1=7\n");
	cpu_enter(c);
	kmem_cache_free_bulk(s, c, 39, near + 1);
	kmem_cache_free_bulk(s, c, 7, far + 1);
	cpu_leave(c);
	slabs_drain(&vm->slabs);
	assert_cat(vm, "mine", "objects", "0\n");
	kmem_cache_put(s);
	assert_string_not_equal(cat(vm, "mine", "free"), "0\n");
	assert_int_equal(echo(vm, "mine", "shrink", "1"), 1);
	assert_cat(vm, "mine", "free", "0\n");
	assert_cat(vm, "mine", "slabs", "0\n");
	assert_cat(vm, "mine", "total_objects", "0\n");
	vm_release(vm);
}

static void test_writes(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	assert_int_equal(echo(vm, "TCP", "min_partial", "18446744073709551615\n"), 21);
	assert_cat(vm, "TCP", "min_partial", "18446744073709551615\n");
	assert_int_equal(echo(vm, "TCP", "min_partial", "x"), -EINVAL);
	assert_int_equal(echo(vm, "TCP", "cpu_partial", "4294967295"), 10);
	assert_int_equal(echo(vm, "TCP", "cpu_partial", "4294967296"), -ERANGE);
	assert_cat(vm, "TCP", "cpu_partial", "4294967295\n");
	assert_int_equal(echo(vm, "TCP", "order", "1"), -EACCES);
	assert_int_equal(echo(vm, "TCP", "shrink", ""), 0);
	assert_int_equal(echo(vm, "TCP", "shrink", "0"), -EINVAL);
	assert_int_equal(echo(vm, "TCP", "shrink", "12abc\n"), 6);
	assert_int_equal(echo(vm, "TCP", "validate", "1"), -EINVAL); /* no debug flags */
	assert_int_equal(echo(vm, "TCP", "failslab", "1\n"), 2);
	assert_cat(vm, "TCP", "failslab", "1\n");
	vm_release(vm);
}

static void test_debug_flags(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	assert_int_equal(knob_echo(vm, "sys/kernel/slab/new_cache",
				   "watched 100 flags=consistency_checks,red_zone,poison,store_user"),
			 63);
	static const char *const set[] = { "sanity_checks", "red_zone", "poison", "store_user" };
	for (unsigned i = 0; i < ARRAY_LEN(set); i++)
		assert_cat(vm, "watched", set[i], "1\n");
	assert_cat(vm, "watched", "trace", "0\n");
	assert_int_equal(echo(vm, "watched", "cpu_partial", "1"), -EINVAL);
	assert_int_equal(echo(vm, "watched", "cpu_partial", "0"), 1);
	assert_int_equal(echo(vm, "watched", "validate", "1"), 1);
	assert_int_equal(echo(vm, "watched", "validate", "2"), -EINVAL);
	vm_release(vm);
}

/* A file of a cache that is gone stays gone, even if a cache of that name comes back. */
static void test_gone(void **state)
{
	(void)state;
	struct vm *vm = vm_6g();
	struct text t;
	struct cache_id id, again;
	assert_int_equal(knob_echo(vm, "sys/kernel/slab/new_cache", "mine 100"), 8);
	id = id_of(vm, "mine");
	assert_true(cache_exists(vm, id));
	assert_int_equal(cache_delete(vm, "mine"), 0);
	assert_false(cache_exists(vm, id));
	assert_int_equal(cache_id_find(vm, "mine", &again), -ENOENT);
	assert_int_equal(knob_echo(vm, "sys/kernel/slab/new_cache", "mine 100"), 8);
	again = id_of(vm, "mine");
	assert_false(cache_exists(vm, id));
	assert_int_not_equal(id.generation, again.generation);
	text_init(&t, 0);
	assert_int_equal(cache_attr_read(vm, id, attr_of("slabs"), &t), -ENODEV);
	assert_int_equal(cache_attr_write(vm, id, attr_of("shrink"), "1", 1), -ENODEV);
	assert_false(cache_exists(vm, (struct cache_id){ UINT32_MAX, 0 }));
	text_fini(&t);
	vm_release(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),       cmocka_unit_test(test_shape),
		cmocka_unit_test(test_counts),      cmocka_unit_test(test_writes),
		cmocka_unit_test(test_debug_flags), cmocka_unit_test(test_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
