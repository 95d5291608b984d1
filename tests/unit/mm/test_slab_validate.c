/* SPDX-License-Identifier: MIT */
#include "mm/slab_debug.h"

#include "mm/slab_private.h"
#include "support/slab_test.h"

/* Caches without flags: counts, bits and lists. */
static void test_books(void **state)
{
	void *object[100];
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, 0);
	fixture_take(s, 0, object, 100);
	struct page *slab = object_slab(s, object[0]);
	struct cache_node *n = &s->node[0];
	assert_int_equal(slab_validate(s), 0);
	slab->index++;
	assert_true(slab_validate(s) >= 1);
	assert_true(fixture_nr_saying(f, "Wrong object count. Counter is ") >= 1);
	slab->index--;
	n->nr_partial++;
	assert_int_equal(slab_validate(s), 1);
	assert_int_equal(fixture_nr_saying(f, "partial slabs counted but counter="), 1);
	n->nr_partial--;
	n->free_objects--;
	assert_int_equal(slab_validate(s), 1);
	n->free_objects++;
	assert_int_equal(slab_validate(s), 0);
	fixture_give(s, 0, object, 100);
	fixture_destroy(s);
}

/* All slabs of all nodes: each damaged object is one finding. */
static void test_every_object(void **state)
{
	uint8_t *object[60];
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, SLAB_DEBUG_DEFAULT);
	for (unsigned i = 0; i < ARRAY_LEN(object); i++)
		object[i] = fixture_alloc_node(s, 0, (int)(i % 2), GFP_KERNEL);
	for (unsigned i = 0; i < ARRAY_LEN(object); i += 3)
		fixture_free(s, 0, object[i]);
	for (unsigned i = 0; i < ARRAY_LEN(object); i++)
		object[i][i % 3 ? 100 : 5] = 0; /* overrun of one in use, write to a free one */
	assert_int_equal(slab_validate(s), ARRAY_LEN(object));
	assert_int_equal(fixture_nr_saying(f, "BUG c (Not tainted): "), ARRAY_LEN(object));
	assert_int_equal(slab_validate(s), 0);
	for (unsigned i = 0; i < ARRAY_LEN(object); i++)
		if (i % 3)
			fixture_free(s, 0, object[i]);
	assert_int_equal(fixture_nr_saying(f, "FIX c: Object at"), 0);
	fixture_destroy(s);
}

/* A slab that is not on the list where it belongs. */
static void test_lists(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "c", 100, SLAB_CONSISTENCY_CHECKS);
	void *o = fixture_alloc(s, 0, GFP_KERNEL);
	struct page *slab = object_slab(s, o);
	struct cache_node *n = slab_node(s, slab);
	pfn_t pfn = page_pfn(&f->m, slab);
	page_list_del(f->m.map, &n->partial, pfn);
	page_list_add_head(f->m.map, &n->full, pfn);
	assert_int_equal(slab_validate(s), 2);
	assert_int_equal(fixture_nr_saying(f, "SLUB c: 1 slabs on the wrong list counted but counter=0"), 1);
	assert_int_equal(fixture_nr_saying(f, "SLUB c: 0 partial slabs counted but counter=1"), 1);
	page_list_del(f->m.map, &n->full, pfn);
	page_list_add_head(f->m.map, &n->partial, pfn);
	fixture_free(s, 0, o);
	fixture_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(two, test_books),
		ON(two, test_every_object),
		ON(two, test_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
