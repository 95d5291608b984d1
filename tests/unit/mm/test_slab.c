/* SPDX-License-Identifier: MIT */
#include "mm/slab.h"

#include "base/fault.h"
#include "mm/buddy.h"
#include "mm/slab_debug.h"
#include "mm/slab_private.h"
#include "support/slab_test.h"

#include <errno.h>

#define OBJECTS 2000

/* ---- Making and finding ---- */

static int create_error(const char *name, uint32_t size, uint32_t align)
{
	struct kmem_cache *s = NULL;
	const struct cache_spec spec = { .name = name, .object_size = size, .align = align };
	int error = kmem_cache_create(&f->sl, &spec, &s);
	assert_true(!error == (s != NULL));
	return error;
}

static void test_names(void **state)
{
	char name[CACHE_NAME_MAX + 2];
	(void)state;
	memset(name, 'n', sizeof(name));
	name[CACHE_NAME_MAX + 1] = '\0';
	assert_int_equal(create_error(name, 64, 0), -EINVAL);
	name[CACHE_NAME_MAX] = '\0';
	assert_int_equal(create_error(name, 64, 0), 0);
	assert_int_equal(create_error(name, 64, 0), -EEXIST);
	static const char *const bad[] = { "",    ".",   "..", ".x",    "a b",
					   "a/b", "a\n", "\t", "a\x7f", "\xc3\xa4" };
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(create_error(bad[i], 64, 0), -EINVAL);
	assert_int_equal(create_error(":A-0000128", 64, 0), 0);
	assert_int_equal(create_error("kmalloc-1k", 1024, 0), 0);
	assert_int_equal(f->sl.nr_caches, 3);
}

static void test_sizes(void **state)
{
	struct slab_layout odd = { .object_size = 4, .size = 4, .inuse = 4, .align = 4, .objects = 1024 };
	struct kmem_cache *s;
	(void)state;
	assert_int_equal(create_error("none", 0, 0), -EINVAL);
	assert_int_equal(create_error("much", SLAB_OBJECT_MAX + 1, 0), -EINVAL);
	assert_int_equal(create_error("askew", 64, 48), -EINVAL);
	assert_int_equal(create_error("least", 8, 0), 0);
	assert_int_equal(create_error("most", SLAB_OBJECT_MAX, 0), 0);
	struct cache_spec spec = { .name = "tiny", .object_size = 4, .layout = &odd };
	assert_int_equal(kmem_cache_create(&f->sl, &spec, &s), -EINVAL); /* more objects than a slab may have */
	odd.objects = 0;
	assert_int_equal(kmem_cache_create(&f->sl, &spec, &s), -EINVAL);
	assert_int_equal(f->sl.nr_caches, 2);
}

static void test_list_by_age(void **state)
{
	(void)state;
	uint64_t change = f->sl.change;
	struct kmem_cache *a = fixture_cache(f, "a", 64, 0), *b = fixture_cache(f, "b", 64, 0),
			  *c = fixture_cache(f, "c", 64, 0);
	assert_int_equal(f->sl.change, change + 3);
	assert_ptr_equal(f->sl.newest, c);
	assert_ptr_equal(c->older, b);
	assert_ptr_equal(b->older, a);
	assert_null(a->older);
	assert_ptr_equal(f->sl.oldest, a);
	assert_int_not_equal(a->id, 0);
	uint32_t id = b->id;
	fixture_destroy(b);
	assert_ptr_equal(c->older, a);
	assert_ptr_equal(a->newer, c);
	assert_null(f->sl.cache[id]);
	assert_int_equal(f->sl.change, change + 4);
	assert_verified(&f->m);
	struct kmem_cache *d = fixture_cache(f, "b", 32, 0);
	assert_int_equal(d->id, id); /* the slot is used again */
	assert_ptr_equal(f->sl.newest, d);
	fixture_destroy(d);
	fixture_destroy(a);
	fixture_destroy(c);
	assert_null(f->sl.newest);
	assert_null(f->sl.oldest);
}

static void test_find_and_references(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "found", 64, 0);
	assert_int_equal(s->refs, 1);
	assert_null(kmem_cache_find(&f->sl, "foun"));
	assert_ptr_equal(kmem_cache_find(&f->sl, "found"), s);
	assert_int_equal(s->refs, 2);
	kmem_cache_get(s);
	assert_int_equal(s->refs, 3);
	uint64_t live = 5;
	assert_int_equal(kmem_cache_destroy(s, &live), -EBUSY); /* others know it */
	assert_int_equal(live, 0);
	assert_int_equal(s->refs, 3);
	kmem_cache_put(s);
	kmem_cache_put(s);
	fixture_destroy(s);
	assert_null(kmem_cache_find(&f->sl, "found"));
}

static void test_more_caches_than_slots(void **state)
{
	static struct kmem_cache *s[600];
	char name[32];
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(s); i++) {
		snprintf(name, sizeof(name), "cache-%u", i);
		s[i] = fixture_cache(f, name, 8 * (1 + i), 0);
		assert_ptr_equal(f->sl.cache[s[i]->id], s[i]);
	}
	assert_int_equal(f->sl.nr_caches, ARRAY_LEN(s));
	assert_verified(&f->m);
	for (unsigned i = 0; i < ARRAY_LEN(s); i += 2)
		fixture_destroy(s[i]);
	assert_verified(&f->m);
	unsigned slots = f->sl.nr_slots;
	for (unsigned i = 0; i < ARRAY_LEN(s); i += 2) {
		snprintf(name, sizeof(name), "again-%u", i);
		s[i] = fixture_cache(f, name, 64, 0);
	}
	assert_int_equal(f->sl.nr_slots, slots);
	assert_verified(&f->m);
	for (unsigned i = 0; i < ARRAY_LEN(s); i++)
		fixture_destroy(s[i]);
}

/* As many objects as a magazine has by the size of one. */
static void test_magazine_sizes(void **state)
{
	static const struct {
		uint32_t size, limit, batch;
		bool shared;
	} row[] = { { 8, 252, 126, true },   { 256, 252, 126, true }, { 264, 120, 60, true },
		    { 2048, 120, 60, true }, { 2056, 24, 12, true },  { 4096, 24, 12, true },
		    { 4104, 8, 4, false },   { 131072, 8, 4, false }, { 131080, 1, 1, false } };
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(row); i++) {
		struct kmem_cache *s = fixture_cache(f, "sized", row[i].size, 0);
		assert_int_equal(s->limit, row[i].limit);
		assert_int_equal(s->batch, row[i].batch);
		assert_int_equal(s->sharedfactor != 0, row[i].shared);
		assert_false(s->tuned);
		fixture_destroy(s);
	}
}

/* ---- Objects of a cache, as a whole ---- */

static void test_usage_follows(void **state)
{
	static void *object[OBJECTS];
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "used", 192, 0);
	struct cache_usage u = fixture_usage(s, -1);
	assert_int_equal(u.slabs + u.objects + u.active + u.partial_slabs + u.free_slabs, 0);
	fixture_take(s, 0, object, OBJECTS);
	u = fixture_usage(s, -1);
	assert_int_equal(u.active, OBJECTS);
	assert_int_equal(u.objects, u.slabs * s->layout.objects);
	assert_true(u.objects >= OBJECTS && u.objects < OBJECTS + s->batch + s->layout.objects);
	assert_int_equal(fixture_slab_pages(f, NR_SLAB_UNRECLAIMABLE), (int64_t)u.slabs << s->layout.order);
	assert_verified(&f->m);
	fixture_give(s, 1, object, OBJECTS / 2); /* another CPU gives them back */
	assert_int_equal(fixture_usage(s, -1).active, OBJECTS - OBJECTS / 2);
	assert_verified(&f->m);
	fixture_give(s, 0, object + OBJECTS / 2, OBJECTS - OBJECTS / 2);
	u = fixture_usage(s, -1);
	assert_int_equal(u.active, 0);
	assert_true(u.slabs > 0); /* some stay, in magazines and as free slabs */
	assert_verified(&f->m);
	fixture_destroy(s);
}

static void test_usage_of_a_node(void **state)
{
	static void *object[OBJECTS];
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "noded", 512, 0);
	fixture_take(s, 0, object, 100);
	fixture_take(s, 2, object + 100, 300);
	slabs_drain(&f->sl);
	struct cache_usage all = fixture_usage(s, -1), a = fixture_usage(s, 0), b = fixture_usage(s, 1);
	assert_int_equal(a.active, 100);
	assert_int_equal(b.active, 300);
	assert_int_equal(all.active, 400);
	assert_int_equal(all.slabs, a.slabs + b.slabs);
	assert_int_equal(all.objects, a.objects + b.objects);
	assert_int_equal(all.partial_slabs, a.partial_slabs + b.partial_slabs);
	assert_int_equal(all.free_slabs, a.free_slabs + b.free_slabs);
	assert_int_equal(node_stat_sum(&f->m.node[1], NR_SLAB_UNRECLAIMABLE),
			 (int64_t)b.slabs << s->layout.order);
	fixture_give(s, 0, object, 400);
	fixture_destroy(s);
}

static void test_shrink_gives_every_page_back(void **state)
{
	static void *object[OBJECTS];
	(void)state;
	uint64_t before = fixture_free_pages(f);
	struct kmem_cache *s = fixture_cache(f, "shrunk", 320, 0);
	for (unsigned cpu = 0; cpu < 4; cpu++)
		fixture_take(s, cpu, object + cpu * (OBJECTS / 4), OBJECTS / 4);
	assert_int_equal(kmem_cache_shrink(s), fixture_usage(s, -1).free_slabs);
	uint64_t pages = fixture_usage(s, -1).slabs << s->layout.order;
	for (unsigned i = 0; i < OBJECTS; i++) /* each to another CPU than where it came from */
		fixture_free(s, (i / (OBJECTS / 4) + 2) % 4, object[i]);
	uint64_t held = fixture_usage(s, -1).slabs << s->layout.order;
	assert_true(held > 0 && held < pages); /* the rest went by itself */
	assert_int_equal(kmem_cache_shrink(s), held);
	assert_int_equal(fixture_usage(s, -1).slabs, 0);
	assert_int_equal(fixture_slab_pages(f, NR_SLAB_UNRECLAIMABLE), 0);
	assert_int_equal(fixture_free_pages(f), before);
	assert_int_equal(kmem_cache_shrink(s), 0);
	assert_int_equal(f->nr_takes, f->nr_gives);
	fixture_destroy(s);
}

/* Partial slabs stand in the order of what is free in them, the fullest first. */
static void test_shrink_sorts(void **state)
{
	static void *object[OBJECTS];
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "sorted", 256, 0);
	fixture_take(s, 0, object, OBJECTS);
	for (unsigned i = 0; i < OBJECTS; i++)
		if (i * 7919 % 13 < 3 + i * 10 / OBJECTS) {
			fixture_free(s, 0, object[i]);
			object[i] = NULL;
		}
	kmem_cache_shrink(s);
	unsigned nr = 0, last = 0;
	for (pfn_t pfn = s->node[0].partial.head; pfn; pfn = pfn_page(&f->m, pfn)->next, nr++) {
		assert_true(slab_nr_free(pfn_page(&f->m, pfn)) >= last);
		last = slab_nr_free(pfn_page(&f->m, pfn));
	}
	assert_true(nr > 10 && last > 1);
	assert_int_equal(nr, s->node[0].nr_partial);
	assert_verified(&f->m);
	for (unsigned i = 0; i < OBJECTS; i++)
		if (object[i])
			fixture_free(s, 0, object[i]);
	fixture_destroy(s);
}

static void test_destroy_is_refused_while_in_use(void **state)
{
	static void *object[50];
	(void)state;
	uint64_t before = fixture_free_pages(f), live = 0;
	struct kmem_cache *s = fixture_cache(f, "busy", 1984, SLAB_RECLAIM_ACCOUNT);
	fixture_take(s, 0, object, 50);
	assert_true(fixture_slab_pages(f, NR_SLAB_RECLAIMABLE) > 0);
	assert_int_equal(kmem_cache_destroy(s, &live), -EBUSY);
	assert_int_equal(live, 50);
	fixture_give(s, 0, object, 49);
	assert_int_equal(kmem_cache_destroy(s, &live), -EBUSY);
	assert_int_equal(live, 1);
	assert_int_equal(kmem_cache_destroy(s, NULL), -EBUSY);
	assert_int_equal(fixture_usage(s, -1).slabs, 1); /* only where the live one is */
	assert_verified(&f->m);
	fixture_free(s, 1, object[49]);
	fixture_destroy(s);
	assert_int_equal(fixture_slab_pages(f, NR_SLAB_RECLAIMABLE), 0);
	assert_int_equal(fixture_free_pages(f), before);
}

/* ---- Tuning ---- */

static void test_tune_values(void **state)
{
	static const struct {
		unsigned limit, batch, shared;
		int error;
	} row[] = { { 0, 1, 1, -EINVAL },
		    { 1, 0, 0, -EINVAL },
		    { 4, 5, 0, -EINVAL },
		    { 513, 1, 0, -EINVAL },
		    { UINT32_MAX, 1, 0, -EINVAL },
		    { 512, 512, 128, -EINVAL },
		    { 8, 2, UINT32_MAX, -EINVAL },
		    { 512, 512, 127, 0 },
		    { 1, 1, 0, 0 },
		    { 8, 2, 3, 0 } };
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "tuned", 64, 0);
	for (unsigned i = 0; i < ARRAY_LEN(row); i++) {
		uint32_t limit = s->limit, batch = s->batch, shared = s->sharedfactor;
		bool tuned = s->tuned;
		assert_int_equal(kmem_cache_tune(s, row[i].limit, row[i].batch, row[i].shared),
				 row[i].error);
		assert_int_equal(s->limit, row[i].error ? limit : row[i].limit);
		assert_int_equal(s->batch, row[i].error ? batch : row[i].batch);
		assert_int_equal(s->sharedfactor, row[i].error ? shared : row[i].shared);
		assert_int_equal(s->tuned, row[i].error ? tuned : true);
	}
	fixture_destroy(s);
}

/* What CPUs and nodes keep follows the new sizes. */
static void test_tune_counts(void **state)
{
	static void *object[OBJECTS];
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "tuned", 64, 0);
	fixture_take(s, 0, object, 500);
	assert_int_equal(s->magazine[0]->limit, 252);
	assert_int_equal(kmem_cache_tune(s, 10, 4, 3), 0);
	assert_ptr_equal(s->magazine[0], &magazine_none);
	assert_null(s->node[0].shared);
	assert_int_equal(fixture_usage(s, -1).active, 500);
	assert_verified(&f->m);
	fixture_free(s, 0, object[0]);
	assert_int_equal(s->magazine[0]->limit, 10);
	assert_int_equal(s->magazine[0]->batch, 4);
	fixture_give(s, 0, object + 1, 499);
	assert_true(s->magazine[0]->count <= 10);
	assert_int_equal(s->node[0].shared->limit, 12);
	assert_int_equal(s->node[0].shared->count, 12);
	assert_int_equal(fixture_usage(s, -1).active, 0);
	assert_verified(&f->m);
	assert_int_equal(kmem_cache_tune(s, 1, 1, 0), 0);
	assert_null(s->node[0].shared);
	fixture_take(s, 0, object, 3);
	fixture_give(s, 0, object, 3);
	assert_int_equal(s->magazine[0]->count, 1);
	assert_null(s->node[0].shared);
	fixture_destroy(s);
}

/* ---- Around the magazines ---- */

static unsigned nr_asked;
static bool every_third_fails(void *ctx, const struct kmem_cache *s, gfp_t gfp)
{
	(void)ctx;
	(void)s;
	assert_int_equal(gfp, GFP_NOWAIT);
	return ++nr_asked % 3 == 0;
}

static void test_direct(void **state)
{
	static void *object[300];
	unsigned failed = 0;
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "direct", 96, 0);
	f->sl.source.fails = every_third_fails;
	nr_asked = 0;
	fixture_take(s, 0, object, 100);
	assert_int_equal(nr_asked, 0); /* not asked without it */
	slabs_set_direct(&f->sl, true);
	assert_ptr_equal(s->magazine[0], &magazine_none);
	assert_verified(&f->m);
	for (unsigned i = 100; i < 300; i++) {
		object[i] = fixture_alloc(s, i % 2, GFP_NOWAIT);
		failed += !object[i];
	}
	assert_int_equal(nr_asked, 200);
	assert_int_equal(failed, 66);
	assert_int_equal(fixture_usage(s, -1).active, 300 - 66);
	assert_ptr_equal(s->magazine[1], &magazine_none);
	for (unsigned i = 0; i < 300; i++)
		if (object[i])
			fixture_free(s, 0, object[i]);
	struct cache_usage u = fixture_usage(s, -1);
	assert_int_equal(u.active, 0);
	assert_int_equal(u.free_slabs, u.slabs); /* every one went straight to its slab */
	slabs_set_direct(&f->sl, false);
	fixture_take(s, 0, object, 1);
	assert_ptr_not_equal(s->magazine[0], &magazine_none);
	assert_int_equal(nr_asked, 200);
	fixture_free(s, 0, object[0]);
	fixture_destroy(s);
}

static void test_drain(void **state)
{
	static void *object[OBJECTS];
	(void)state;
	struct kmem_cache *a = fixture_cache(f, "a", 64, 0), *b = fixture_cache(f, "b", 2048, 0);
	fixture_take(a, 0, object, 700);
	fixture_take(b, 3, object + 700, 300);
	fixture_give(a, 2, object, 700); /* aliens, too */
	fixture_give(b, 3, object + 700, 300);
	assert_true(a->magazine[2]->alien->count > 0);
	slabs_drain(&f->sl);
	assert_int_equal(a->magazine[0]->count, 0);
	assert_int_equal(a->magazine[2]->alien->count, 0);
	assert_int_equal(b->magazine[3]->count, 0);
	assert_null(b->node[1].shared);
	struct cache_usage u = fixture_usage(a, -1);
	assert_int_equal(u.slabs, u.free_slabs);
	assert_verified(&f->m);
	fixture_destroy(a);
	fixture_destroy(b);
}

/* Debugging: objects go straight to their slabs, whatever the cache is used for. */
static void test_debug_flags_of_all(void **state)
{
	(void)state;
	f->sl.debug.flags = SLAB_CONSISTENCY_CHECKS;
	struct kmem_cache *s = fixture_cache(f, "checked", 64, 0);
	assert_true(s->direct);
	void *object = fixture_alloc(s, 0, GFP_KERNEL);
	assert_non_null(object);
	assert_ptr_equal(s->magazine[0], &magazine_none);
	fixture_free(s, 0, object);
	assert_int_equal(s->node[0].free_objects, s->node[0].objects);
	fixture_destroy(s);
	struct slab_layout layout;
	assert_int_equal(slab_layout_compute(&layout, &f->sl.layout_of, 64, 0, 0), 0);
	const struct cache_spec spec = { .name = "found", .object_size = 64, .layout = &layout };
	assert_int_equal(kmem_cache_create(&f->sl, &spec, &s), 0); /* as it was found, not as it would be made */
	assert_false(s->direct);
	assert_int_equal(s->layout.size, 64);
	fixture_destroy(s);
}

/* ---- No host memory ---- */

static void test_create_fails_at_each_allocation(void **state)
{
	(void)state;
	const struct cache_spec spec = { .name = "swept", .object_size = 64 };
	struct kmem_cache *s = NULL;
	unsigned nth = 0;
	int error;
	do {
		fault_arm(FAULT_HOST_MALLOC, ++nth);
		error = kmem_cache_create(&f->sl, &spec, &s);
		bool fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		assert_int_equal(error, fired ? -ENOMEM : 0);
		assert_int_equal(f->sl.nr_caches, !error);
		assert_verified(&f->m);
	} while (error);
	assert_true(nth > 2);
	fixture_destroy(s);
}

static void test_init_fails_at_each_allocation(void **state)
{
	struct slabs sl;
	struct machine m;
	unsigned nth = 0;
	int error;
	(void)state;
	one_zone_machine(&m, 4096, 8192);
	do {
		fault_arm(FAULT_HOST_MALLOC, ++nth);
		error = slabs_init(&sl, &m, &f->sl.source);
		bool fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		assert_int_equal(error, fired ? -ENOMEM : 0);
		assert_ptr_equal(m.slabs, error ? NULL : &sl);
	} while (error);
	assert_true(nth > 2);
	slabs_fini(&sl);
	assert_null(m.slabs);
	end_machine(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(one, test_names),
		ON(one, test_sizes),
		ON(one, test_list_by_age),
		ON(one, test_find_and_references),
		ON(one, test_more_caches_than_slots),
		ON(one, test_magazine_sizes),
		ON(one, test_usage_follows),
		ON(two, test_usage_of_a_node),
		ON(two, test_shrink_gives_every_page_back),
		ON(one, test_shrink_sorts),
		ON(one, test_destroy_is_refused_while_in_use),
		ON(one, test_tune_values),
		ON(one, test_tune_counts),
		ON(one, test_direct),
		ON(two, test_drain),
		ON(one, test_debug_flags_of_all),
		ON(one, test_create_fails_at_each_allocation),
		ON(one, test_init_fails_at_each_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
