/* SPDX-License-Identifier: MIT */
#include "mm/slab_private.h"

#include "base/fault.h"
#include "base/rng.h"
#include "mm/pcp.h"
#include "support/slab_test.h"

#include <errno.h>

#define SLABS 20

static struct rng rng;

static int setup(void **state)
{
	rng_init(&rng, 7);
	return one_setup(state);
}

/* A block as an importer finds it, which counts as a slab's from now on. */
static struct page *block(const struct kmem_cache *s, unsigned order)
{
	struct cpu *c = &f->m.cpu[0];
	cpu_enter(c);
	struct page *page = zone_take(c, machine_zone(&f->m, 0, 2), order, MIGRATE_UNMOVABLE, 0);
	enum node_stat item = s->flags & SLAB_RECLAIM_ACCOUNT ? NR_SLAB_RECLAIMABLE : NR_SLAB_UNRECLAIMABLE;
	node_stat_add(c, &f->m.node[0], item, 1 << order);
	cpu_leave(c);
	assert_non_null(page);
	return page;
}

static void import(struct kmem_cache *s, unsigned order, unsigned nr_live)
{
	assert_int_equal(kmem_cache_import(s, block(s, order), nr_live, &rng), 0);
}

/* Everything that nobody owned is taken over, each once, and given back. */
static unsigned take_all(struct kmem_cache *s, void **object)
{
	unsigned nr = 0;
	while ((object[nr] = kmem_cache_take_imported(s))) {
		struct page *slab = object_slab(s, object[nr]);
		assert_non_null(slab);
		assert_ptr_equal(slab_object(s, slab, slab_index(s, slab, object[nr])), object[nr]);
		for (unsigned i = 0; i < nr; i++)
			assert_ptr_not_equal(object[i], object[nr]);
		nr++;
		if (nr % 16 == 0)
			assert_verified(&f->m);
	}
	return nr;
}

static void test_objects_as_they_were(void **state)
{
	static const uint32_t size[] = { 8, 24, 192, 1984, 20000 };
	static void *object[SLABS * SLAB_OBJECTS_MAX];
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(size); i++) {
		uint64_t before = fixture_free_pages(f), live = 0;
		struct kmem_cache *s =
			fixture_cache(f, "found", size[i], i & 1 ? SLAB_RECLAIM_ACCOUNT : 0);
		unsigned objects = s->layout.objects;
		for (unsigned slab = 0; slab < SLABS; slab++) {
			unsigned nr = slab < 2 ? slab * objects : (unsigned)rng_below(&rng, objects + 1);
			import(s, s->layout.order, nr);
			live += nr;
		}
		struct cache_usage u = fixture_usage(s, -1);
		assert_int_equal(u.slabs, SLABS);
		assert_int_equal(u.objects, SLABS * objects);
		assert_int_equal(u.active, live);
		assert_int_equal(s->nr_imported, live);
		assert_verified(&f->m);
		uint64_t in_use;
		assert_int_equal(kmem_cache_destroy(s, &in_use), -EBUSY);
		assert_int_equal(in_use, live);
		assert_int_equal(take_all(s, object), live);
		assert_int_equal(s->nr_imported, 0);
		assert_int_equal(fixture_usage(s, -1).active, live); /* somebody's now, but as many */
		fixture_give(s, 1, object, (unsigned)live);
		fixture_destroy(s);
		assert_int_equal(fixture_free_pages(f), before);
	}
}

/* Free objects of imported slabs are handed out like any others, and never one that is in use. */
static void test_free_ones_are_used(void **state)
{
	static void *object[600];
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "mixed", 256, 0);
	for (unsigned i = 0; i < 10; i++)
		import(s, s->layout.order, 3);
	uint64_t slabs = fixture_usage(s, -1).slabs;
	unsigned nr = (unsigned)(fixture_usage(s, -1).objects - 30);
	fixture_take(s, 0, object, nr);
	assert_int_equal(fixture_usage(s, -1).slabs, slabs);
	assert_verified(&f->m);
	unsigned taken = take_all(s, object + nr);
	assert_int_equal(taken, 30);
	for (unsigned i = 0; i < nr + taken; i++)
		for (unsigned j = 0; j < i; j++)
			assert_ptr_not_equal(object[i], object[j]);
	fixture_give(s, 0, object, nr + taken);
	assert_null(kmem_cache_take_imported(s));
	fixture_destroy(s);
}

/* What was taken over is nobody's again, and so is another one in its place. */
static void test_given_back(void **state)
{
	static void *object[64], *again[64];
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "returned", 192, 0);
	for (unsigned i = 0; i < 6; i++)
		import(s, s->layout.order, 5);
	assert_int_equal(take_all(s, object), 30);
	void *own = fixture_alloc(s, 0, GFP_KERNEL);
	uint64_t active = fixture_usage(s, -1).active;
	for (unsigned i = 0; i < 30; i += 2)
		assert_true(kmem_cache_give_imported(s, object[i]));
	assert_true(kmem_cache_give_imported(s, own));
	assert_verified(&f->m);
	assert_int_equal(s->nr_imported, 16);
	assert_int_equal(fixture_usage(s, -1).active, active);
	assert_int_equal(take_all(s, again), 16);
	fixture_give(s, 0, again, 16);
	for (unsigned i = 1; i < 30; i += 2)
		fixture_free(s, 0, object[i]);
	fixture_destroy(s);
}

static void test_slabs_of_the_least_order(void **state)
{
	static void *object[100];
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "pieces", 1984, 0);
	assert_true(s->layout.order > s->layout.min_order);
	import(s, s->layout.min_order, 2);
	import(s, s->layout.order, 5);
	import(s, s->layout.min_order, 1);
	assert_verified(&f->m);
	assert_int_equal(take_all(s, object), 8);
	fixture_give(s, 0, object, 8);
	assert_int_equal(fixture_nr_logged(f), 0);
	fixture_destroy(s);
}

static void test_none_was_imported(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "none", 64, 0);
	void *object = fixture_alloc(s, 0, GFP_KERNEL);
	assert_null(kmem_cache_take_imported(s));
	import(s, s->layout.order, 0);
	assert_null(kmem_cache_take_imported(s));
	fixture_free(s, 0, object);
	fixture_destroy(s);
}

static void test_without_host_memory(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "poor", 64, 0);
	struct page *page = block(s, s->layout.order);
	for (unsigned nth = 1; nth <= 2; nth++) {
		fault_arm(FAULT_HOST_MALLOC, nth);
		assert_int_equal(kmem_cache_import(s, page, 3, &rng), -ENOMEM);
		assert_true(fault_fired(FAULT_HOST_MALLOC));
		fault_arm(FAULT_HOST_MALLOC, 0);
		assert_int_equal(fixture_usage(s, -1).slabs, 0);
		assert_int_equal(s->nr_imported, 0);
		assert_int_equal(page->owner, 0);
	}
	assert_int_equal(kmem_cache_import(s, page, 3, &rng), 0);
	void *object[4];
	assert_int_equal(take_all(s, object), 3);
	fixture_give(s, 0, object, 3);
	fixture_destroy(s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* As it was, bit by bit; what nobody owns is what is in use and not named. */
static void test_restored_and_disowned(void **state)
{
	static void *object[2 * SLAB_OBJECTS_MAX];
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "again", 24, 0);
	const uint64_t free_bits[3] = { 0xf0, 0, (1ull << 42) - 1 }; /* 170 objects */
	assert_int_equal(s->layout.objects, 170);
	struct page *slab = block(s, s->layout.order), *full = block(s, s->layout.order);
	const uint64_t none[3] = { 0 };
	assert_int_equal(kmem_cache_restore(s, slab, free_bits, NULL), 0);
	assert_int_equal(kmem_cache_restore(s, full, none, NULL), 0);
	assert_memory_equal(slab_free_bits(s, slab), free_bits, sizeof(free_bits));
	assert_int_equal(fixture_usage(s, -1).active, 2 * 170 - 4 - 42);
	assert_int_equal(s->nr_imported, 0);
	assert_verified(&f->m);

	uint64_t *owned = calloc(f->m.end_pfn, SLAB_OBJECTS_MAX / 8);
	assert_non_null(owned);
	uint64_t *of = owned + (size_t)page_pfn(&f->m, slab) * FREE_WORDS;
	of[0] = 0xf; /* four that have an owner */
	assert_int_equal(kmem_cache_disown(s, owned), 0);
	assert_int_equal(s->nr_imported, 2 * 170 - 4 - 42 - 4);
	assert_verified(&f->m);
	unsigned nr = take_all(s, object);
	assert_int_equal(nr, 2 * 170 - 4 - 42 - 4);
	for (unsigned i = 0; i < 4; i++)
		object[nr++] = slab_object(s, slab, i);
	fixture_give(s, 0, object, nr);
	fixture_destroy(s);
	free(owned);
}

/* Slabs without entries count, and keep their cache. */
static void test_pinned(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "far", 256, SLAB_RECLAIM_ACCOUNT);
	struct zone *z = machine_zone(&f->m, 0, 2);
	unsigned objects = s->layout.objects;
	z->pinned[PINNED_SLAB_RECLAIMABLE] += 7ull << s->layout.order; /* as if zone_import_pinned had */
	kmem_cache_pin(s, 7, 7 * objects, 50);
	struct cache_usage u = fixture_usage(s, -1);
	assert_int_equal(u.slabs, 7);
	assert_int_equal(u.objects, 7 * objects);
	assert_int_equal(u.active, 50);
	assert_int_equal(fixture_usage(s, 0).slabs, 0); /* of no node in particular */
	uint64_t live;
	assert_int_equal(kmem_cache_destroy(s, &live), -EBUSY);
	assert_int_equal(live, 50);
	s->pinned_slabs = s->pinned_objects = s->pinned_active = 0;
	s->has_pinned = false;
	z->pinned[PINNED_SLAB_RECLAIMABLE] = 0;
	fixture_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_objects_as_they_were),
		T(test_free_ones_are_used),
		T(test_given_back),
		T(test_slabs_of_the_least_order),
		T(test_none_was_imported),
		T(test_without_host_memory),
		T(test_restored_and_disowned),
		T(test_pinned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
