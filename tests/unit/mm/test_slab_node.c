/* SPDX-License-Identifier: MIT */
#include "mm/slab_private.h"

#include "support/slab_test.h"

#define SLABS 12

static struct kmem_cache *s;
static struct cache_node *n; /* of node 0 */
static struct cpu *c;
static unsigned objects; /* of a slab */
static void *object[SLABS * 64];

static int setup(void **state)
{
	two_setup(state);
	s = fixture_cache(f, "lists", 256, 0);
	n = &s->node[0];
	c = &f->m.cpu[0];
	objects = s->layout.objects;
	assert_true(objects >= 8 && objects <= 64);
	return 0;
}

static int cache_teardown(void **state)
{
	fixture_destroy(s);
	return teardown(state);
}

static struct page *slab_new(int nid)
{
	cpu_enter(c);
	struct page *slab = slab_create(s, c, nid, GFP_KERNEL);
	cpu_leave(c);
	assert_non_null(slab);
	return slab;
}

/* All of nr objects, off the slabs of node 0. */
static void take(void **to, unsigned nr)
{
	cpu_enter(c);
	assert_int_equal(node_take(s, n, to, nr), nr);
	cpu_leave(c);
}

static uint64_t give(void *const *from, unsigned nr)
{
	cpu_enter(c);
	uint64_t pages = nodes_give(s, c, from, nr);
	cpu_leave(c);
	return pages;
}

static void assert_slabs(uint64_t full, uint64_t partial, uint64_t nr_free)
{
	assert_int_equal(n->nr_slabs, full + partial + nr_free);
	assert_int_equal(n->nr_partial, partial);
	assert_int_equal(n->nr_free, nr_free);
	assert_true(!n->full.head == !full && !n->partial.head == !partial && !n->free.head == !nr_free);
	assert_verified(&f->m);
}

/* ---- From the slabs ---- */

static void test_lowest_objects_first(void **state)
{
	(void)state;
	struct page *slab = slab_new(0);
	take(object, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_ptr_equal(object[i], slab_object(s, slab, i));
	assert_int_equal(slab_nr_free(slab), objects - 3);
	assert_slabs(0, 1, 0);
	give(object + 1, 1);
	take(object + 1, 2); /* what came back, and the next one */
	assert_ptr_equal(object[1], slab_object(s, slab, 1));
	assert_ptr_equal(object[2], slab_object(s, slab, 3));
	void *second = slab_object(s, slab, 2);
	give(&second, 1);
	give(object, 3);
	assert_slabs(0, 0, 1);
}

static void test_partial_slabs_before_free_ones(void **state)
{
	(void)state;
	struct page *a = slab_new(0), *b = slab_new(0);
	take(object, 1);
	assert_ptr_equal(object_slab(s, object[0]), b); /* the last one made is the warmest */
	assert_slabs(0, 1, 1);
	take(object + 1, objects - 1);
	assert_slabs(1, 0, 1);
	for (unsigned i = 0; i < objects; i++)
		assert_ptr_equal(object_slab(s, object[i]), b);
	take(object + objects, 1);
	assert_ptr_equal(object_slab(s, object[objects]), a);
	assert_slabs(1, 1, 0);
	give(object, 1); /* b has one free: now it is the warmest */
	take(object, 1);
	assert_ptr_equal(object_slab(s, object[0]), b);
	give(object, objects + 1);
	assert_slabs(0, 0, 2);
}

static void test_several_slabs_at_once(void **state)
{
	(void)state;
	slab_new(0);
	slab_new(0);
	slab_new(0);
	assert_int_equal(node_take(s, n, object, 3 * objects + 5), 3 * objects); /* as many as there are */
	for (unsigned i = 0; i < 3 * objects; i++)
		for (unsigned j = 0; j < i; j++)
			assert_ptr_not_equal(object[i], object[j]);
	assert_slabs(3, 0, 0);
	assert_int_equal(n->free_objects, 0);
	assert_int_equal(node_take(s, n, object, 1), 0);
	give(object, 3 * objects);
	assert_int_equal(n->free_objects, 3 * objects);
}

/* ---- Back to them ---- */

static void test_lists_follow_the_count(void **state)
{
	(void)state;
	slab_new(0);
	take(object, objects);
	assert_slabs(1, 0, 0);
	give(object, 1);
	assert_slabs(0, 1, 0);
	give(object + 1, objects - 2);
	assert_slabs(0, 1, 0);
	give(object + objects - 1, 1);
	assert_slabs(0, 0, 1);
}

static void test_one_object_in_a_slab(void **state)
{
	(void)state;
	struct kmem_cache *small = s;
	s = fixture_cache(f, "single", 20000, 0);
	assert_int_equal(s->layout.objects, 1);
	n = &s->node[0];
	slab_new(0);
	take(object, 1);
	assert_slabs(1, 0, 0);
	give(object, 1);
	assert_slabs(0, 0, 1);
	fixture_destroy(s);
	s = small;
}

static void test_free_slabs_past_min_partial_go(void **state)
{
	(void)state;
	uint64_t pages = 0, before = fixture_free_pages(f);
	assert_int_equal(s->min_partial, 5);
	for (unsigned i = 0; i < SLABS; i++)
		slab_new(0);
	take(object, SLABS * objects);
	for (unsigned i = 0; i < SLABS * objects; i++)
		pages += give(object + i, 1);
	assert_int_equal(pages, (SLABS - 5) << s->layout.order);
	assert_slabs(0, 0, 5);
	s->min_partial = 0;
	slab_new(0);
	take(object, 1);
	assert_int_equal(give(object, 1), 1 << s->layout.order); /* the one that ran empty goes, others stay */
	assert_slabs(0, 0, 5);
	cpu_enter(c);
	assert_int_equal(node_trim(s, c, n, 3), 2 << s->layout.order);
	assert_int_equal(node_trim(s, c, n, 3), 0);
	assert_int_equal(node_trim(s, c, n, 0), 3 << s->layout.order);
	cpu_leave(c);
	assert_slabs(0, 0, 0);
	assert_int_equal(fixture_free_pages(f), before);
}

static void test_objects_of_several_nodes(void **state)
{
	(void)state;
	void *mixed[20];
	slab_new(0);
	slab_new(1);
	for (unsigned i = 0; i < 20; i += 2) {
		assert_int_equal(node_take(s, &s->node[0], &mixed[i], 1), 1);
		assert_int_equal(node_take(s, &s->node[1], &mixed[i + 1], 1), 1);
	}
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(object_node(s, mixed[i]), i % 2);
	give(mixed, 20);
	assert_int_equal(s->node[0].free_objects, s->node[0].objects);
	assert_int_equal(s->node[1].free_objects, s->node[1].objects);
	assert_slabs(0, 0, 1);
}

/* ---- What is wrong is said, and nothing happens ---- */

static void assert_refused(void *wrong, const char *words)
{
	struct cache_usage before = fixture_usage(s, -1), after;
	uint64_t logged = fixture_nr_logged(f);
	give(&wrong, 1);
	after = fixture_usage(s, -1);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_true(fixture_nr_logged(f) > logged);
	if (!fixture_logged(f, words))
		fail_msg("nothing like \"%s\" in the log", words);
	assert_verified(&f->m);
}

static void test_double_free(void **state)
{
	(void)state;
	slab_new(0);
	take(object, 3);
	give(object + 1, 1);
	assert_refused(object[1], "BUG lists (Not tainted): Object already free");
	give(object, 1);
	give(object + 2, 1);
	assert_refused(object[0], "Object already free");
	assert_slabs(0, 0, 1);
}

static void test_bad_pointers(void **state)
{
	(void)state;
	struct page *slab = slab_new(0);
	take(object, 3);
	assert_refused((char *)object[1] + 8, "BUG lists (Not tainted): Invalid object pointer");
	assert_refused((char *)object[1] - 1, "Invalid object pointer");
	char *past = slab_object(s, slab, objects);
	if ((size_t)(past - (char *)slab_address(&f->sl, slab)) < PAGE_SIZE << s->layout.order)
		assert_refused(past, "Invalid object pointer");
	give(object, 3);
}

static void test_wrong_cache(void **state)
{
	(void)state;
	struct kmem_cache *mine = s, *other = fixture_cache(f, "strangers", 256, 0);
	slab_new(0);
	take(object, 1);
	s = other;
	uint64_t logged = fixture_nr_logged(f);
	give(object, 1);
	assert_true(fixture_nr_logged(f) > logged && fixture_logged(f, "strangers"));
	assert_int_equal(fixture_usage(mine, -1).active, 1);
	void *nowhere[] = { NULL, f->memory - 64, f->memory + f->memory_bytes, f->memory,
			    &s,   (void *)8 };
	for (unsigned i = 0; i < ARRAY_LEN(nowhere); i++) {
		logged = fixture_nr_logged(f);
		give(&nowhere[i], 1);
		assert_true(fixture_nr_logged(f) > logged);
	}
	assert_verified(&f->m);
	s = mine;
	give(object, 1);
	fixture_destroy(other);
}

/* A bad one among good ones: these are freed. */
static void test_bad_among_good(void **state)
{
	(void)state;
	slab_new(0);
	slab_new(1);
	take(object, 3);
	assert_int_equal(node_take(s, &s->node[1], &object[4], 1), 1);
	object[3] = object[1];
	object[5] = f->memory;
	give(object, 6);
	assert_int_equal(fixture_usage(s, -1).active, 0);
	assert_verified(&f->m);
}

/* ---- The shared array ---- */

static void test_shared(void **state)
{
	static void *taken[64];
	(void)state;
	slab_new(0);
	take(object, objects);
	assert_int_equal(node_give_shared(s, n, object, objects), 0); /* there is none yet */
	n->shared = calloc(1, sizeof(*n->shared) + 6 * sizeof(void *));
	assert_non_null(n->shared);
	n->shared->limit = 6;
	assert_int_equal(node_give_shared(s, n, object, 4), 4);
	assert_int_equal(node_give_shared(s, n, object + 4, 4), 2);
	assert_int_equal(node_give_shared(s, n, object + 6, 1), 0);
	assert_int_equal(fixture_usage(s, -1).active, objects - 6);
	assert_verified(&f->m);
	assert_int_equal(node_take_shared(s, n, taken, 2), 2); /* last in, first out */
	assert_true((taken[0] == object[4] && taken[1] == object[5]) ||
		    (taken[0] == object[5] && taken[1] == object[4]));
	assert_int_equal(node_take_shared(s, n, taken + 2, 60), 4); /* the rest of it, no slab is looked at */
	assert_int_equal(n->shared->count, 0);
	give(object, 1);
	assert_int_equal(node_take_shared(s, n, object, 5), 1); /* now slabs are */
	assert_int_equal(node_give_shared(s, n, object, 3), 3);
	cpu_enter(c);
	shared_drain(s, c, n);
	cpu_leave(c);
	assert_null(n->shared);
	assert_int_equal(fixture_usage(s, -1).active, objects - 3);
	give(object + 3, objects - 3);
}

/* ---- Sorting ---- */

static void test_sort(void **state)
{
	unsigned last = 0, nr = 0;
	(void)state;
	for (unsigned i = 0; i < SLABS; i++)
		slab_new(0);
	take(object, SLABS * objects);
	for (unsigned i = 0; i < SLABS; i++) /* 1, 6, 11, 3, 8, 0, ... free ones */
		give(object + i * objects, (i * 5 + 1) % 13 % objects);
	node_sort(s, n);
	for (pfn_t pfn = n->partial.head; pfn; pfn = pfn_page(&f->m, pfn)->next, nr++) {
		assert_true(slab_nr_free(pfn_page(&f->m, pfn)) >= last);
		last = slab_nr_free(pfn_page(&f->m, pfn));
	}
	assert_int_equal(nr, n->nr_partial);
	assert_true(nr > 5);
	assert_verified(&f->m);
	for (unsigned i = 0; i < SLABS; i++) {
		unsigned given = (i * 5 + 1) % 13 % objects;
		give(object + i * objects + given, objects - given);
	}
	node_sort(s, n);
	assert_int_equal(n->free_objects, n->objects);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, cache_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_lowest_objects_first),
		T(test_partial_slabs_before_free_ones),
		T(test_several_slabs_at_once),
		T(test_lists_follow_the_count),
		T(test_one_object_in_a_slab),
		T(test_free_slabs_past_min_partial_go),
		T(test_objects_of_several_nodes),
		T(test_double_free),
		T(test_bad_pointers),
		T(test_wrong_cache),
		T(test_bad_among_good),
		T(test_shared),
		T(test_sort),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
