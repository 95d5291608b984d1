/* SPDX-License-Identifier: MIT */
#include "mm/slab_debug.h"

#include "base/caller.h"
#include "mm/slab_private.h"
#include "support/slab_test.h"

#include <errno.h>

#define ALL SLAB_DEBUG_DEFAULT

static void assert_bytes(const uint8_t *at, uint8_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(at[i], value);
}

/* ---- Known bytes ---- */

static void test_bytes_of_an_object(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, ALL);
	const struct slab_layout *l = &s->layout;
	uint8_t *o = fixture_alloc(s, 0, GFP_KERNEL);
	assert_non_null(o);
	assert_int_equal(l->red_left_pad, 8);
	assert_int_equal(l->inuse, 104);
	assert_bytes(o - 8, 0xcc, 8);
	assert_bytes(o, 0x6b, 99);
	assert_int_equal(o[99], 0xa5);
	assert_bytes(o + 100, 0xcc, 4);
	assert_bytes(o + slab_debug_info_end(s), 0x5a, l->size - 8 - slab_debug_info_end(s));
	memset(o, 'x', 100);
	fixture_free(s, 0, o);
	assert_bytes(o - 8, 0xbb, 8);
	assert_bytes(o, 0x6b, 99);
	assert_int_equal(o[99], 0xa5);
	assert_bytes(o + 100, 0xbb, 4);
	assert_int_equal(slab_validate(s), 0);
	assert_int_equal(fixture_nr_logged(f), 0);
	fixture_destroy(s);
}

static void fill_ctor(void *object)
{
	memset(object, 0x11, 64);
}

static void test_constructed_objects_keep_their_bytes(void **state)
{
	struct kmem_cache *s;
	const struct cache_spec spec = {
		.name = "c", .object_size = 64, .flags = ALL | SLAB_CTOR, .ctor = fill_ctor
	};
	(void)state;
	assert_int_equal(kmem_cache_create(&f->sl, &spec, &s), 0);
	uint8_t *o = fixture_alloc(s, 0, GFP_KERNEL);
	assert_bytes(o, 0x11, 64);
	assert_bytes(o + 64, 0xcc, s->layout.inuse - 64);
	fixture_free(s, 0, o);
	assert_bytes(o, 0x11, 64);
	assert_int_equal(slab_validate(s), 0);
	fixture_destroy(s);
}

static void test_zeroed_objects(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, ALL);
	uint8_t *o = fixture_alloc(s, 0, GFP_KERNEL | __GFP_ZERO);
	assert_bytes(o, 0, 100);
	assert_bytes(o + 100, 0xcc, 4);
	fixture_free(s, 0, o);
	fixture_destroy(s);
}

static void test_the_host_is_charged(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, SLAB_RED_ZONE);
	f->charges_left = 0;
	assert_null(fixture_alloc(s, 0, GFP_KERNEL));
	assert_int_equal(fixture_usage(s, -1).slabs, 0);
	f->charges_left = -1;
	void *o = fixture_alloc(s, 0, GFP_KERNEL);
	assert_non_null(o);
	assert_true(f->pages_charged > 0);
	fixture_free(s, 0, o);
	fixture_destroy(s);
	assert_int_equal(f->pages_charged, 0);
}

static void test_users(void **state)
{
	struct slab_track t;
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, SLAB_STORE_USER);
	void *o = fixture_alloc(s, 0, GFP_KERNEL);
	struct caller before = caller_set((struct caller){ .pid = 4711, .name = "somebody" });
	assert_false(slab_track_read(s, o, SLAB_TRACK_FREE, &t));
	fixture_free(s, 1, o);
	assert_true(slab_track_read(s, o, SLAB_TRACK_FREE, &t));
	assert_int_equal(t.cpu, 1);
	assert_int_equal(t.pid, 4711);
	assert_true(t.ticks <= slab_ticks(&f->sl));
	assert_true(slab_track_read(s, o, SLAB_TRACK_ALLOC, &t));
	assert_int_equal(t.cpu, 0);
	caller_set(before);
	fixture_destroy(s);
}

/* ---- Faults ---- */

static void test_double_free(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, ALL);
	void *o = fixture_alloc(s, 0, GFP_KERNEL), *keep = fixture_alloc(s, 0, GFP_KERNEL);
	fixture_free(s, 0, o);
	fixture_free(s, 1, o);
	assert_int_equal(fixture_nr_saying(f, "BUG c (Not tainted): Object already free"), 1);
	assert_int_equal(fixture_nr_saying(f, "FIX c: Object at 0x"), 1);
	assert_int_equal(fixture_usage(s, -1).active, 1);
	assert_int_equal(slab_validate(s), 0);
	fixture_free(s, 0, keep);
	fixture_destroy(s);
}

static void test_wrong_cache(void **state)
{
	(void)state;
	struct kmem_cache *a = fixture_cache(f, "a", 100, ALL), *b = fixture_cache(f, "b", 100, ALL);
	void *o = fixture_alloc(a, 0, GFP_KERNEL);
	fixture_free(b, 0, o);
	assert_int_equal(
		fixture_nr_saying(f, "BUG b (Not tainted): Wrong slab cache. b but object is from a"), 1);
	assert_int_equal(fixture_usage(a, -1).active, 1);
	fixture_free(a, 0, o);
	assert_int_equal(fixture_nr_saying(f, "BUG"), 1);
	fixture_destroy(a);
	fixture_destroy(b);
}

static void test_invalid_pointers(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, SLAB_POISON);
	char *first = fixture_alloc(s, 0, GFP_KERNEL), *o = fixture_alloc(s, 0, GFP_KERNEL);
	fixture_free(s, 0, o + 4);
	assert_int_equal(fixture_nr_saying(f, "BUG c (Not tainted): Invalid object pointer 0x"), 1);
	fixture_free(s, 0, o - 1);
	assert_int_equal(fixture_nr_saying(f, "BUG c (Not tainted): Invalid object pointer 0x"), 2);
	fixture_free(s, 0, f->memory);
	fixture_free(s, 0, f->memory + f->memory_bytes + 64);
	assert_int_equal(fixture_nr_saying(f, "Attempt to free object(0x"), 2);
	assert_int_equal(fixture_nr_saying(f, "FIX c: Object at 0x"), 4);
	fixture_free(s, 0, o);
	fixture_free(s, 0, first);
	assert_int_equal(fixture_nr_saying(f, "BUG"), 4);
	fixture_destroy(s);
}

static void test_overrun(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, ALL);
	uint8_t *o = fixture_alloc(s, 0, GFP_KERNEL), *p = fixture_alloc(s, 0, GFP_KERNEL);
	o[100] = 0;
	p[-1] = 1;
	fixture_free(s, 0, o);
	fixture_free(s, 0, p);
	assert_int_equal(fixture_nr_saying(f, "BUG c (Not tainted): Right Redzone overwritten"), 1);
	assert_int_equal(fixture_nr_saying(f, "First byte 0x0 instead of 0xcc"), 1);
	assert_int_equal(fixture_nr_saying(f, "FIX c: Restoring Right Redzone 0x"), 1);
	assert_int_equal(fixture_nr_saying(f, "BUG c (Not tainted): Left Redzone overwritten"), 1);
	assert_int_equal(fixture_nr_saying(f, "not freed"), 2);
	assert_int_equal(fixture_usage(s, -1).active, 2); /* refused once, restored */
	fixture_free(s, 0, o);
	fixture_free(s, 0, p);
	assert_int_equal(fixture_nr_saying(f, "BUG"), 2);
	fixture_destroy(s);
}

static void test_far_overrun(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, ALL);
	uint8_t *o = fixture_alloc(s, 0, GFP_KERNEL);
	o[s->layout.offset] = 1; /* the free pointer */
	o[slab_debug_info_end(s)] = 1; /* padding: reported, but the object is freed */
	assert_int_equal(slab_validate(s), 2);
	assert_int_equal(fixture_nr_saying(f, "BUG c (Not tainted): Freepointer corrupt"), 1);
	assert_int_equal(fixture_nr_saying(f, "BUG c (Not tainted): Object padding overwritten"), 1);
	o[slab_debug_info_end(s)] = 1;
	fixture_free(s, 0, o);
	assert_int_equal(fixture_nr_saying(f, "Object padding overwritten"), 2);
	assert_int_equal(fixture_usage(s, -1).active, 0);
	fixture_destroy(s);
}

static void test_slab_padding(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, ALL);
	uint8_t *o = fixture_alloc(s, 0, GFP_KERNEL);
	const struct page *slab = object_slab(s, o);
	uint8_t *end = (uint8_t *)slab_address(&f->sl, slab) + (PAGE_SIZE << slab->order);
	assert_true((PAGE_SIZE << slab->order) % s->layout.size > 1);
	end[-1] = 0;
	fixture_free(s, 0, o);
	assert_int_equal(fixture_nr_saying(f, "BUG c (Not tainted): Padding overwritten. 0x"), 1);
	assert_int_equal(fixture_nr_saying(f, "FIX c: Restoring slab padding 0x"), 1);
	assert_int_equal(end[-1], 0x5a);
	assert_int_equal(fixture_usage(s, -1).active, 0);
	fixture_destroy(s);
}

/* A slab with a damaged free object is not used any more; the allocation gets one of another slab. */
static void test_write_after_free(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, ALL);
	uint8_t *o = fixture_alloc(s, 0, GFP_KERNEL);
	unsigned objects = s->layout.objects;
	fixture_free(s, 0, o);
	o[7] = 0x12;
	uint8_t *p = fixture_alloc(s, 0, GFP_KERNEL);
	assert_non_null(p);
	assert_ptr_not_equal(object_slab(s, p), object_slab(s, o));
	assert_int_equal(fixture_nr_saying(f, "BUG c (Not tainted): Poison overwritten"), 1);
	assert_int_equal(fixture_nr_saying(f, "First byte 0x12 instead of 0x6b"), 1);
	assert_int_equal(fixture_nr_saying(f, "FIX c: Marking all objects used"), 1);
	assert_int_equal(fixture_usage(s, -1).active, objects + 1);
	assert_int_equal(slab_validate(s), 0);
	fixture_free(s, 0, p);
	uint64_t live;
	assert_int_equal(kmem_cache_destroy(s, &live), -EBUSY);
	assert_int_equal(live, objects);
	for (unsigned i = 0; i < objects; i++) /* they can be freed, who ever has them */
		fixture_free(s, 0, slab_object(s, object_slab(s, o), i));
	fixture_destroy(s);
}

static void test_last_byte_of_poison(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, ALL);
	uint8_t *o = fixture_alloc(s, 0, GFP_KERNEL);
	fixture_free(s, 0, o);
	o[99] = 0x6b;
	assert_int_equal(slab_validate(s), 1);
	assert_int_equal(fixture_nr_saying(f, "BUG c (Not tainted): End Poison overwritten"), 1);
	assert_int_equal(o[99], 0xa5);
	assert_int_equal(slab_validate(s), 0);
	fixture_destroy(s);
}

/* Without F damage is found by validate, not when objects come and go. */
static void test_without_checks(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, SLAB_RED_ZONE | SLAB_POISON);
	uint8_t *o = fixture_alloc(s, 0, GFP_KERNEL), *p = fixture_alloc(s, 0, GFP_KERNEL);
	o[100] = 0;
	assert_int_equal(slab_validate(s), 1);
	o[100] = 0;
	fixture_free(s, 0, o);
	assert_int_equal(fixture_nr_saying(f, "BUG"), 1);
	assert_int_equal(slab_validate(s), 0);
	fixture_free(s, 0, p);
	fixture_destroy(s);
}

static void test_trace(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, SLAB_TRACE);
	void *o = fixture_alloc(s, 0, GFP_KERNEL);
	fixture_free(s, 0, o);
	assert_int_equal(fixture_nr_saying(f, "TRACE c alloc 0xffff8880"), 1);
	assert_int_equal(fixture_nr_saying(f, "TRACE c free 0xffff8880"), 1);
	fixture_destroy(s);
}

static void test_many(void **state)
{
	static void *object[2000];
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 40, ALL | SLAB_HWCACHE_ALIGN);
	for (unsigned i = 0; i < ARRAY_LEN(object); i++) {
		object[i] = fixture_alloc_node(s, i % 4, (int)(i % 2), GFP_KERNEL);
		memset(object[i], (int)i, 40);
	}
	assert_int_equal(slab_validate(s), 0);
	for (unsigned i = 0; i < ARRAY_LEN(object); i += 2)
		fixture_free(s, (i + 1) % 4, object[i]);
	assert_int_equal(slab_validate(s), 0);
	for (unsigned i = 1; i < ARRAY_LEN(object); i += 2)
		fixture_free(s, (i + 1) % 4, object[i]);
	assert_int_equal(fixture_nr_logged(f), 0);
	fixture_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(one, test_bytes_of_an_object),
		ON(one, test_constructed_objects_keep_their_bytes),
		ON(one, test_zeroed_objects),
		ON(one, test_the_host_is_charged),
		ON(one, test_users),
		ON(one, test_double_free),
		ON(one, test_wrong_cache),
		ON(one, test_invalid_pointers),
		ON(one, test_overrun),
		ON(one, test_far_overrun),
		ON(one, test_slab_padding),
		ON(one, test_write_after_free),
		ON(one, test_last_byte_of_poison),
		ON(one, test_without_checks),
		ON(one, test_trace),
		ON(two, test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
