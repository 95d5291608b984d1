/* SPDX-License-Identifier: MIT */
#include "vm/vm_fault.h"

#include "mm/slab_debug.h"
#include "support/vm_fixture.h"

#include <pthread.h>

static struct kmem_cache *cache(struct vm *vm, const char *name, uint32_t size, uint32_t flags)
{
	struct kmem_cache *s;
	const struct cache_spec spec = { .name = name, .object_size = size, .flags = flags };
	assert_int_equal(kmem_cache_create(&vm->slabs, &spec, &s), 0);
	return s;
}

static void destroy(struct kmem_cache *s)
{
	uint64_t live = 0;
	if (kmem_cache_destroy(s, &live))
		fail_msg("%s: %llu objects are left", s->name, (unsigned long long)live);
}

static bool fails(struct vm *vm, struct kmem_cache *s, gfp_t gfp)
{
	struct cpu *c = &vm->machine.cpu[1];
	cpu_enter(c);
	void *object = kmem_cache_alloc(s, c, gfp);
	if (object)
		kmem_cache_free(s, c, object);
	cpu_leave(c);
	return !object;
}

static void arm(struct vm *vm, uint64_t probability)
{
	lock_take(&vm->knob_lock);
	WRITE_RELAXED(&vm->failslab.attr.probability, probability);
	vm_faults_update(vm);
	lock_drop(&vm->knob_lock);
}

static void test_which_fail(void **state)
{
	struct vm *vm = &((struct fixture *)*state)->vm;
	struct failslab *f = &vm->failslab;
	struct kmem_cache *s = cache(vm, "s", 100, 0);
	assert_false(fails(vm, s, GFP_ATOMIC)); /* and its CPU keeps some now */
	f->attr.times = -1;
	arm(vm, 100);
	assert_true(fails(vm, s, GFP_ATOMIC));
	assert_false(fails(vm, s, GFP_KERNEL)); /* may wait */
	assert_false(fails(vm, s, GFP_ATOMIC | __GFP_NOFAIL));
	f->ignore_wait = false;
	assert_true(fails(vm, s, GFP_KERNEL));
	assert_true(fails(vm, s, GFP_KERNEL | __GFP_ZERO));
	f->cache_filter = true;
	assert_false(fails(vm, s, GFP_KERNEL));
	s->failslab = true;
	assert_true(fails(vm, s, GFP_KERNEL));
	arm(vm, 0);
	assert_false(fails(vm, s, GFP_KERNEL));
	destroy(s);
	assert_verified(vm);
}

static void test_space_counts_bytes(void **state)
{
	struct vm *vm = &((struct fixture *)*state)->vm;
	struct kmem_cache *s = cache(vm, "s", 100, 0);
	vm->failslab.attr.times = -1;
	vm->failslab.attr.space = 1000;
	arm(vm, 100);
	unsigned passed = 0;
	while (!fails(vm, s, GFP_ATOMIC))
		passed++;
	assert_int_equal(passed, 9);
	arm(vm, 0);
	destroy(s);
}

static void test_the_cache_of_caches(void **state)
{
	struct vm *vm = &((struct fixture *)*state)->vm;
	struct kmem_cache *s = kmem_cache_find(&vm->slabs, "kmem_cache");
	bool own = !s;
	if (own)
		s = cache(vm, "kmem_cache", 256, 0);
	vm->failslab.attr.times = -1;
	arm(vm, 100);
	assert_false(fails(vm, s, GFP_ATOMIC));
	arm(vm, 0);
	if (own)
		destroy(s);
	else
		kmem_cache_put(s);
}

/* ---- One in ten fails, from all CPUs, and nothing is lost ---- */

#define HELD 400
#define ROUNDS 40000
#define LOADS 4

static const struct {
	const char *name;
	uint32_t size, flags;
} load_cache[LOADS] = { { "plain", 64, 0 },
			{ "watched", 100, SLAB_DEBUG_DEFAULT },
			{ "big", 2000, SLAB_HWCACHE_ALIGN },
			{ "reclaimable", 192, SLAB_RECLAIM_ACCOUNT } };

struct load {
	struct vm *vm;
	struct kmem_cache **cache;
	unsigned cpu;
	uint64_t failures, successes, damaged;
};

struct held {
	uint64_t *object;
	struct kmem_cache *s;
};

static void held_give(struct load *l, struct held *h, uint64_t mark)
{
	l->damaged += h->object[0] != mark || h->object[1] != ~mark;
	kmem_cache_free(h->s, &l->vm->machine.cpu[l->cpu], h->object);
	h->object = NULL;
}

static void held_take(struct load *l, struct held *h, struct kmem_cache *s, uint64_t mark)
{
	h->s = s;
	h->object = kmem_cache_alloc(s, &l->vm->machine.cpu[l->cpu], GFP_KERNEL);
	l->failures += !h->object;
	l->successes += h->object != NULL;
	if (h->object)
		h->object[0] = mark, h->object[1] = ~mark;
}

static void *load_main(void *arg)
{
	struct load *l = arg;
	struct held held[HELD] = { { NULL } };
	struct rng rng;
	rng_init(&rng, l->cpu);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t slot = rng_below(&rng, HELD), mark = (uint64_t)l->cpu << 32 | slot;
		cpu_enter(&l->vm->machine.cpu[l->cpu]);
		if (held[slot].object)
			held_give(l, &held[slot], mark);
		else
			held_take(l, &held[slot], l->cache[rng_below(&rng, LOADS)], mark);
		cpu_leave(&l->vm->machine.cpu[l->cpu]);
	}
	cpu_enter(&l->vm->machine.cpu[l->cpu]);
	for (uint64_t slot = 0; slot < HELD; slot++)
		if (held[slot].object)
			held_give(l, &held[slot], (uint64_t)l->cpu << 32 | slot);
	cpu_leave(&l->vm->machine.cpu[l->cpu]);
	return NULL;
}

static void loads_run(struct vm *vm, struct kmem_cache **s, struct load *l)
{
	pthread_t thread[4];
	for (unsigned i = 0; i < 4; i++) {
		l[i] = (struct load){ .vm = vm, .cache = s, .cpu = i };
		assert_int_equal(pthread_create(&thread[i], NULL, load_main, &l[i]), 0);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}

static void test_nothing_is_lost(void **state)
{
	struct vm *vm = &((struct fixture *)*state)->vm;
	struct kmem_cache *s[LOADS];
	struct load l[4];
	uint64_t failures = 0, successes = 0;
	int64_t free_before = free_pages_all(vm);

	for (unsigned i = 0; i < LOADS; i++)
		s[i] = cache(vm, load_cache[i].name, load_cache[i].size, load_cache[i].flags);
	vm->failslab.ignore_wait = vm->policy.fail_page.ignore_wait = false;
	vm->failslab.attr.verbose = vm->policy.fail_page.attr.verbose = 0;
	vm->failslab.attr.times = vm->policy.fail_page.attr.times = -1;
	vm->policy.fail_page.min_order = 0;
	vm->policy.fail_page.attr.probability = 10;
	arm(vm, 10);
	loads_run(vm, s, l);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(l[i].damaged, 0);
		failures += l[i].failures;
		successes += l[i].successes;
	}
	assert_in_range(failures * 100 / (failures + successes), 9, 12); /* pages fail, too, and a few objects with them */
	for (unsigned i = 0; i < LOADS; i++) {
		struct cache_usage u;
		lock_take(&vm->slabs.lock);
		kmem_cache_usage(s[i], -1, &u);
		lock_drop(&vm->slabs.lock);
		assert_int_equal(u.active, 0);
		assert_int_equal(slab_validate(s[i]), 0);
	}
	assert_verified(vm);
	vm->policy.fail_page.attr.probability = 0;
	arm(vm, 0);
	for (unsigned i = 0; i < LOADS; i++)
		destroy(s[i]);
	assert_int_equal(free_pages_all(vm), free_before);
	assert_verified(vm);
}

/* While objects come and go it is switched on and off. */
static void *toggle_main(void *arg)
{
	struct vm *vm = arg;
	for (unsigned i = 0; i < 200; i++)
		arm(vm, i % 2 ? 0 : 50);
	arm(vm, 0);
	return NULL;
}

static void test_switched_under_load(void **state)
{
	struct vm *vm = &((struct fixture *)*state)->vm;
	struct kmem_cache *s[LOADS];
	struct load l[4];
	pthread_t toggle;

	for (unsigned i = 0; i < LOADS; i++)
		s[i] = cache(vm, load_cache[i].name, load_cache[i].size, load_cache[i].flags);
	vm->failslab.ignore_wait = false;
	vm->failslab.attr.verbose = 0;
	vm->failslab.attr.times = -1;
	assert_int_equal(pthread_create(&toggle, NULL, toggle_main, vm), 0);
	loads_run(vm, s, l);
	pthread_join(toggle, NULL);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(l[i].damaged, 0);
	assert_verified(vm);
	for (unsigned i = 0; i < LOADS; i++)
		destroy(s[i]);
	assert_verified(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_which_fail),          TEST(test_space_counts_bytes),
		TEST(test_the_cache_of_caches), TEST(test_nothing_is_lost),
		TEST(test_switched_under_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
