/* SPDX-License-Identifier: MIT */
#include "mm/slab_private.h"

#include "base/fault.h"
#include "mm/buddy.h"
#include "mm/pcp.h"
#include "support/slab_test.h"

#include <errno.h>

static struct page *slab_new(struct kmem_cache *s, gfp_t gfp)
{
	struct cpu *c = &f->m.cpu[0];
	cpu_enter(c);
	struct page *slab = slab_create(s, c, -1, gfp);
	cpu_leave(c);
	return slab;
}

/* ---- A slab is made ---- */

static void test_entry_of_the_head(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "entry", 1000, 0);
	unsigned pages = 1u << s->layout.order;
	assert_true(pages > 1);
	struct page *slab = slab_new(s, GFP_KERNEL);
	assert_non_null(slab);
	assert_int_equal(slab->owner, owner_handle(OWNER_SLAB, s->id));
	assert_int_equal(slab->order, s->layout.order);
	assert_int_equal(slab_nr_free(slab), s->layout.objects);
	assert_int_equal(slab->private, (1ull << s->layout.objects) - 1);
	assert_int_equal(s->node[0].nr_slabs, 1);
	assert_int_equal(s->node[0].nr_free, 1);
	assert_int_equal(s->node[0].nr_partial, 0);
	assert_int_equal(s->node[0].objects, s->layout.objects);
	assert_int_equal(s->node[0].free_objects, s->layout.objects);
	assert_int_equal(s->node[0].free.head, page_pfn(&f->m, slab));
	assert_int_equal(fixture_slab_pages(f, NR_SLAB_UNRECLAIMABLE), pages);
	assert_ptr_equal(slab_address(&f->sl, slab),
			 f->memory + ((size_t)page_pfn(&f->m, slab) << PAGE_SHIFT));
	assert_verified(&f->m);
	assert_int_equal(kmem_cache_shrink(s), pages);
	assert_int_equal(slab->owner | slab->index, 0);
	assert_int_equal(slab->private, 0);
	assert_int_equal(fixture_slab_pages(f, NR_SLAB_UNRECLAIMABLE), 0);
	fixture_destroy(s);
}

/* More than 64 objects: their bits stand elsewhere. */
static void test_many_objects(void **state)
{
	static const uint32_t size[] = { 8, 16, 24, 56, 64, 72 };
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(size); i++) {
		struct kmem_cache *s = fixture_cache(f, "many", size[i], 0);
		struct page *slab = slab_new(s, GFP_KERNEL);
		unsigned objects = s->layout.objects, counted = 0;
		uint64_t *bits = slab_free_bits(s, slab);
		assert_int_equal(bits == &slab->private, objects <= 64);
		for (unsigned w = 0; w < DIV_ROUND_UP(objects, 64); w++)
			counted += (unsigned)__builtin_popcountll(bits[w]);
		assert_int_equal(counted, objects);
		assert_int_equal(slab_nr_free(slab), objects);
		for (unsigned o = 0; o < objects; o++) {
			char *object = slab_object(s, slab, o);
			assert_ptr_equal(object, (char *)slab_address(&f->sl, slab) + o * s->layout.size);
			for (unsigned at = 0; at < s->layout.size; at++) /* anywhere in it */
				assert_int_equal(slab_index(s, slab, object + at), o);
		}
		assert_verified(&f->m);
		fixture_destroy(s);
	}
}

/* Division by multiplication is exact for whatever size several objects of a slab can have. */
static void test_index_of_every_size(void **state)
{
	(void)state;
	for (uint32_t size = 8; size <= 16384; size += 8) {
		struct kmem_cache *s = fixture_cache(f, "sized", size, 0);
		struct page *slab = pfn_page(&f->m, 4096);
		for (unsigned o = 0; o < s->layout.objects; o++) {
			char *object = (char *)slab_address(&f->sl, slab) + (size_t)o * s->layout.size;
			assert_int_equal(slab_index(s, slab, object), o);
			assert_int_equal(slab_index(s, slab, object + s->layout.size - 1), o);
		}
		fixture_destroy(s);
	}
}

/* What is asked of the source: kinds of memory by the cache, urgency by the caller. */
static void test_requests(void **state)
{
	static const struct {
		uint32_t size, flags;
		gfp_t gfp, want;
	} row[] = {
		{ 64, 0, GFP_KERNEL, 0 },
		{ 64, SLAB_RECLAIM_ACCOUNT, GFP_KERNEL, __GFP_RECLAIMABLE },
		{ 64, SLAB_CACHE_DMA, GFP_KERNEL, __GFP_DMA },
		{ 64, SLAB_CACHE_DMA32, GFP_ATOMIC, __GFP_DMA32 },
		{ 64, 0, GFP_ATOMIC | __GFP_ZERO | __GFP_MOVABLE | __GFP_HIGHMEM, 0 },
		{ 2000, 0, GFP_KERNEL | __GFP_NOFAIL, __GFP_COMP },
	};
	const gfp_t places = __GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM | __GFP_MOVABLE |
			     __GFP_RECLAIMABLE | __GFP_COMP | __GFP_ZERO;
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(row); i++) {
		struct kmem_cache *s = fixture_cache(f, "asks", row[i].size, row[i].flags);
		f->nr_takes = 0;
		assert_non_null(slab_new(s, row[i].gfp));
		assert_int_equal(f->nr_takes, 1);
		assert_int_equal(f->last_gfp & places, row[i].want);
		assert_true(f->last_gfp & __GFP_NOWARN && f->last_gfp & __GFP_NORETRY);
		assert_false(f->last_gfp & __GFP_NOFAIL);
		assert_int_equal(f->last_gfp & __GFP_HIGH, row[i].gfp & __GFP_HIGH);
		fixture_destroy(s);
	}
}

/* A block of several pages is worth no reclaim; the least order is asked for as the caller did. */
static void test_second_try(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "again", 1984, 0);
	assert_int_equal(s->layout.order, 3);
	assert_int_equal(s->layout.min_order, 0);
	f->nr_takes = 0;
	f->refuse = true;
	assert_null(slab_new(s, GFP_KERNEL | __GFP_NOFAIL));
	assert_int_equal(f->nr_takes, 2);
	assert_false(f->first_gfp & (__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM | __GFP_NOFAIL));
	assert_true(f->first_gfp & __GFP_NOWARN && f->first_gfp & __GFP_NOMEMALLOC);
	assert_int_equal(f->last_gfp, GFP_KERNEL | __GFP_NOFAIL | __GFP_COMP);
	f->refuse = false;
	assert_verified(&f->m);
	fixture_destroy(s);
}

/* ---- Memory in pieces ---- */

static void test_slabs_of_the_least_order(void **state)
{
	static void *object[40];
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "pieces", 1984, 0);
	unsigned small = PAGE_SIZE / 1984;
	fixture_take(s, 0, object, 1); /* one of full order */
	f->order_most = 2;
	fixture_take(s, 0, object + 1, 39);
	assert_true(s->mixed);
	unsigned of_order[4] = { 0 };
	for (unsigned i = 0; i < 40; i++) {
		struct page *slab = object_slab(s, object[i]);
		assert_non_null(slab);
		of_order[slab->order]++;
		assert_int_equal(slab_objects(s, slab), slab->order ? s->layout.objects : small);
		assert_ptr_equal(slab_object(s, slab, slab_index(s, slab, object[i])), object[i]);
	}
	assert_int_equal(of_order[0] + of_order[3], 40);
	assert_int_equal(of_order[3], s->layout.objects);
	struct cache_usage u = fixture_usage(s, -1);
	assert_int_equal(u.active, 40);
	assert_int_equal(u.objects, s->layout.objects + (u.slabs - 1) * small);
	assert_int_equal(fixture_slab_pages(f, NR_SLAB_UNRECLAIMABLE), 8 + (int64_t)u.slabs - 1);
	assert_verified(&f->m);
	f->order_most = MM_ORDER_MAX;
	fixture_give(s, 1, object, 40);
	assert_verified(&f->m);
	fixture_destroy(s);
	assert_int_equal(fixture_nr_logged(f), 0);
}

/* The same by real fragments: every second page is somebody's. */
static void test_fragmented_memory(void **state)
{
	static struct page *page[17408];
	static void *object[300];
	unsigned nr = 0;
	struct cpu *c = &f->m.cpu[0];
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "fragments", 1984, 0);
	cpu_enter(c);
	FOR_EACH_POPULATED_ZONE(z, &f->m)
		for (struct page *p; (p = zone_take(c, z, 0, MIGRATE_UNMOVABLE, 0));)
			page[nr++] = p;
	for (unsigned i = 0; i < nr; i++)
		if (page_pfn(&f->m, page[i]) % 2)
			page_give(c, page[i], 0);
	cpu_leave(c);
	machine_drain(&f->m);
	fixture_take(s, 0, object, 300);
	assert_int_equal(fixture_usage(s, -1).objects, 2 * fixture_usage(s, -1).slabs);
	assert_verified(&f->m);
	fixture_give(s, 0, object, 300);
	fixture_destroy(s);
	cpu_enter(c);
	for (unsigned i = 0; i < nr; i++)
		if (page_pfn(&f->m, page[i]) % 2 == 0)
			page_give(c, page[i], 0);
	cpu_leave(c);
}

/* ---- Which slab ---- */

static void test_slab_of_an_address(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "mine", 2000, 0),
			  *other = fixture_cache(f, "other", 2000, 0);
	struct page *slab = slab_new(s, GFP_KERNEL);
	char *first = slab_address(&f->sl, slab);
	size_t bytes = PAGE_SIZE << s->layout.order;
	assert_ptr_equal(object_slab(s, first), slab);
	assert_ptr_equal(object_slab(s, first + bytes - 1), slab);
	assert_ptr_not_equal(object_slab(s, first + bytes), slab);
	assert_ptr_not_equal(object_slab(s, first - 1), slab);
	assert_null(object_slab(other, first));
	assert_null(object_slab(s, NULL));
	assert_null(object_slab(s, f->memory - 1));
	assert_null(object_slab(s, f->memory));
	assert_null(object_slab(s, f->memory + f->memory_bytes));
	assert_null(object_slab(s, (void *)UINTPTR_MAX));
	kmem_cache_shrink(s);
	assert_null(object_slab(s, first));
	fixture_destroy(s);
	fixture_destroy(other);
}

/* ---- Constructors and bytes ---- */

static unsigned nr_built;
static void build(void *object)
{
	assert_int_equal(*(uint64_t *)object, 0);
	*(uint64_t *)object = 0xb111d;
	nr_built++;
}

static struct kmem_cache *built_cache(uint32_t size)
{
	struct kmem_cache *s;
	const struct cache_spec spec = { .name = "built", .object_size = size, .flags = SLAB_CTOR, .ctor = build };
	assert_int_equal(kmem_cache_create(&f->sl, &spec, &s), 0);
	return s;
}

static void test_constructor(void **state)
{
	static uint64_t *object[100];
	(void)state;
	struct kmem_cache *s = built_cache(200);
	nr_built = 0;
	fixture_take(s, 0, (void **)object, 100);
	assert_int_equal(nr_built, fixture_usage(s, -1).objects); /* once for each object of each slab */
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(*object[i], 0xb111d);
		*object[i] = i;
	}
	unsigned built = nr_built;
	fixture_give(s, 0, (void **)object, 60);
	fixture_take(s, 0, (void **)object, 60);
	assert_int_equal(nr_built, built); /* not again when an object comes back */
	assert_int_equal(f->pages_charged, fixture_slab_pages(f, NR_SLAB_UNRECLAIMABLE));
	fixture_give(s, 0, (void **)object, 100);
	for (unsigned i = 0; i < 100; i++)
		*object[i] = 0;
	memset(f->memory + (4096ul << PAGE_SHIFT), 0, 1 << 20);
	fixture_destroy(s);
	assert_int_equal(f->pages_charged, 0);
}

static void test_constructor_without_host_memory(void **state)
{
	(void)state;
	struct kmem_cache *s = built_cache(200);
	uint64_t before = fixture_free_pages(f);
	f->charges_left = 0;
	assert_null(fixture_alloc(s, 0, GFP_KERNEL));
	assert_int_equal(fixture_usage(s, -1).slabs, 0);
	assert_int_equal(f->nr_takes, f->nr_gives);
	assert_int_equal(fixture_slab_pages(f, NR_SLAB_UNRECLAIMABLE), 0);
	assert_int_equal(fixture_free_pages(f), before);
	assert_verified(&f->m);
	fixture_destroy(s);
}

static void test_charged_once(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "charged", 1000, 0);
	struct page *slab = slab_new(s, GFP_KERNEL);
	assert_int_equal(f->nr_charges, 0); /* nobody wrote anything */
	assert_int_equal(slab_charge(s, slab), 0);
	assert_int_equal(slab_charge(s, slab), 0);
	assert_int_equal(f->nr_charges, 1);
	assert_int_equal(f->pages_charged, 1u << s->layout.order);
	kmem_cache_shrink(s);
	assert_int_equal(f->nr_discards, 1);
	assert_int_equal(f->pages_charged, 0);
	slab = slab_new(s, GFP_KERNEL);
	f->charges_left = 0;
	assert_int_not_equal(slab_charge(s, slab), 0);
	kmem_cache_shrink(s);
	assert_int_equal(f->nr_discards, 1); /* nothing was paid */
	fixture_destroy(s);
}

/* ---- Failure ---- */

static void test_each_page_fails_once(void **state)
{
	static void *object[200];
	unsigned nth = 0, failures = 0;
	bool fired;
	(void)state;
	uint64_t before = fixture_free_pages(f);
	struct kmem_cache *s = fixture_cache(f, "swept", 1984, 0);
	do {
		unsigned got = 0;
		fault_arm(FAULT_BUDDY_TAKE, ++nth);
		for (unsigned i = 0; i < 200; i++) {
			object[got] = fixture_alloc(s, i % 2, GFP_KERNEL);
			got += object[got] != NULL;
		}
		fired = fault_fired(FAULT_BUDDY_TAKE);
		fault_arm(FAULT_BUDDY_TAKE, 0);
		failures += 200 - got;
		assert_true(got >= 199);
		assert_int_equal(fixture_usage(s, -1).active, got);
		assert_verified(&f->m);
		fixture_give(s, 0, object, got);
		kmem_cache_shrink(s);
		assert_int_equal(fixture_free_pages(f), before);
	} while (fired);
	assert_true(nth > 3);
	fixture_destroy(s);
}

static void test_each_host_allocation_fails_once(void **state)
{
	static void *object[200];
	unsigned nth = 0;
	bool fired;
	(void)state;
	do {
		fault_arm(FAULT_HOST_MALLOC, 0);
		struct kmem_cache *s = fixture_cache(f, "swept", 64, 0);
		fault_arm(FAULT_HOST_MALLOC, ++nth);
		fixture_take(s, 0, object, 200); /* magazines are not needed for an object */
		fixture_take(s, 1, object, 0);
		fixture_give(s, 1, object, 200);
		kmem_cache_shrink(s);
		fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		assert_verified(&f->m);
		assert_int_equal(fixture_usage(s, -1).slabs, 0);
		fixture_destroy(s);
	} while (fired);
	assert_true(nth > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(one, test_entry_of_the_head),
		ON(one, test_many_objects),
		ON(one, test_index_of_every_size),
		ON(one, test_requests),
		ON(one, test_second_try),
		ON(one, test_slabs_of_the_least_order),
		ON(one, test_fragmented_memory),
		ON(one, test_slab_of_an_address),
		ON(one, test_constructor),
		ON(one, test_constructor_without_host_memory),
		ON(one, test_charged_once),
		ON(one, test_each_page_fails_once),
		ON(one, test_each_host_allocation_fails_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
