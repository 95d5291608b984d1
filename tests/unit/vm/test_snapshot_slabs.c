/* SPDX-License-Identifier: MIT */
#include "support/vm_fixture.h"

#include "base/mem.h"
#include "vm/hold.h"
#include "vm/snapshot.h"

static struct kmem_cache *make(struct vm *vm, const char *name, uint32_t size)
{
	struct kmem_cache *s;
	const struct cache_spec spec = { .name = name, .object_size = size };
	assert_int_equal(kmem_cache_create(&vm->slabs, &spec, &s), 0);
	return s;
}

static unsigned place(const struct snapshot *s, const char *name)
{
	for (unsigned i = 0; i < s->nr_caches; i++)
		if (!strcmp(s->shape[i].name, name))
			return i;
	fail_msg("%s is not there", name);
	return 0;
}

/* The newest first, and every one of them, as the allocator itself counts. */
static void equals_machine(const struct snapshot *s, struct vm *vm)
{
	unsigned i = 0;
	for (const struct kmem_cache *c = vm->slabs.newest; c; c = c->older, i++) {
		struct cache_usage u;
		kmem_cache_usage(c, -1, &u);
		assert_string_equal(s->shape[i].name, c->name);
		assert_int_equal(s->shape[i].object_bytes, c->layout.size);
		assert_int_equal(s->shape[i].slab_objects, c->layout.objects);
		assert_int_equal(s->shape[i].slab_pages, 1u << c->layout.order);
		assert_int_equal(s->cache[i].active, u.active);
		assert_int_equal(s->cache[i].objects, u.objects);
		assert_int_equal(s->cache[i].slabs, u.slabs);
	}
	assert_int_equal(s->nr_caches, i);
}

static void test_follows(void **state)
{
	struct fixture *f = *state;
	struct vm *vm = &f->vm;
	struct snapshot s;
	void *object[4][50];
	assert_int_equal(snapshot_init(&s, &vm->machine), 0);
	struct kmem_cache *a = make(vm, "a", 300);
	snapshot_fill(&s, vm, SNAP_SLABS);
	equals_machine(&s, vm);
	assert_int_equal(place(&s, "a"), 0);
	for (unsigned cpu = 0; cpu < 4; cpu++) {
		struct cpu *c = &vm->machine.cpu[cpu];
		cpu_enter(c);
		assert_int_equal(kmem_cache_alloc_bulk(a, c, GFP_KERNEL, 50, object[cpu]), 0);
		cpu_leave(c);
		snapshot_fill(&s, vm, SNAP_SLABS);
		equals_machine(&s, vm);
		assert_int_equal(s.cache[0].active, 50 * (cpu + 1));
		assert_true(s.cache[0].changed);
	}
	for (unsigned cpu = 0; cpu < 4; cpu++) { /* freed by the CPUs of the other node */
		struct cpu *c = &vm->machine.cpu[3 - cpu];
		cpu_enter(c);
		kmem_cache_free_bulk(a, c, 50, object[cpu]);
		cpu_leave(c);
		snapshot_fill(&s, vm, SNAP_SLABS);
		equals_machine(&s, vm);
		assert_int_equal(s.cache[0].active, 50 * (3 - cpu));
	}
	struct kmem_cache *b = make(vm, "b", 16);
	assert_int_equal(kmem_cache_destroy(a, NULL), 0);
	snapshot_fill(&s, vm, SNAP_SLABS);
	equals_machine(&s, vm);
	assert_int_equal(place(&s, "b"), 0);
	kmem_cache_put(b);
	snapshot_fini(&s);
}

static void test_tunables(void **state)
{
	struct fixture *f = *state;
	struct snapshot s;
	assert_int_equal(snapshot_init(&s, &f->vm.machine), 0);
	struct kmem_cache *a = make(&f->vm, "a", 300);
	snapshot_fill(&s, &f->vm, SNAP_SLABS);
	assert_int_equal(s.cache[0].limit | s.cache[0].batch | s.cache[0].sharedfactor, 0);
	assert_int_equal(kmem_cache_tune(a, 20, 10, 4), 0);
	snapshot_fill(&s, &f->vm, SNAP_SLABS);
	assert_int_equal(s.cache[0].limit, 20);
	assert_int_equal(s.cache[0].batch, 10);
	assert_int_equal(s.cache[0].sharedfactor, 4);
	kmem_cache_put(a);
	snapshot_fini(&s);
}

static void test_while_held(void **state)
{
	struct fixture *f = *state;
	struct snapshot s;
	assert_int_equal(snapshot_init(&s, &f->vm.machine), 0);
	vm_hold(&f->vm);
	snapshot_fill(&s, &f->vm, SNAP_ALL | SNAP_HELD);
	vm_release_machine(&f->vm);
	vm_release_tasks(&f->vm);
	equals_machine(&s, &f->vm);
	snapshot_fini(&s);
}

static void test_no_memory(void **state)
{
	struct fixture *f = *state;
	struct snapshot s;
	for (unsigned n = 1; n <= 3; n++) {
		assert_int_equal(snapshot_init(&s, &f->vm.machine), 0);
		fault_arm(FAULT_HOST_MALLOC, n);
		snapshot_fill(&s, &f->vm, SNAP_SLABS);
		assert_true(fault_fired(FAULT_HOST_MALLOC));
		fault_arm(FAULT_HOST_MALLOC, 0);
		assert_true(s.caches_failed);
		assert_int_equal(s.nr_caches, 0);
		snapshot_fill(&s, &f->vm, SNAP_SLABS);
		assert_false(s.caches_failed);
		equals_machine(&s, &f->vm);
		snapshot_fini(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_follows),
		TEST(test_tunables),
		TEST(test_while_held),
		TEST(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
