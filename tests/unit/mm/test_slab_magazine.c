/* SPDX-License-Identifier: MIT */
#include "mm/slab_private.h"

#include "base/fault.h"
#include "mm/buddy.h"
#include "mm/pcp.h"
#include "support/slab_test.h"

#include <errno.h>

#define OBJECTS 3000
#define PAGES 32768

static void *object[OBJECTS];
static struct page *taken[PAGES];
static unsigned nr_taken;

static void node_fill(unsigned nid)
{
	struct cpu *c = &f->m.cpu[0];
	machine_drain(&f->m);
	cpu_enter(c);
	for (unsigned t = 0; t < f->m.nr_zone_types; t++)
		for (struct page *p; (p = zone_take(c, f->m.node[nid].zone[t], 0, MIGRATE_UNMOVABLE, 0));)
			taken[nr_taken++] = p;
	cpu_leave(c);
}

static void nodes_release(void)
{
	struct cpu *c = &f->m.cpu[0];
	cpu_enter(c);
	while (nr_taken)
		page_give(c, taken[--nr_taken], 0);
	cpu_leave(c);
}

/* ---- One CPU ---- */

static void test_last_freed_is_first(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "lifo", 64, 0);
	fixture_take(s, 0, object, 10);
	for (unsigned i = 0; i < 10; i++)
		fixture_free(s, 0, object[i]);
	for (unsigned i = 10; i-- > 0;)
		assert_ptr_equal(fixture_alloc(s, 0, GFP_KERNEL), object[i]);
	fixture_give(s, 0, object, 10);
	fixture_destroy(s);
}

static void test_refilled_in_batches(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "batch", 512, 0);
	assert_int_equal(kmem_cache_tune(s, 20, 5, 0), 0);
	void *first = fixture_alloc(s, 0, GFP_KERNEL);
	assert_int_equal(s->magazine[0]->count, MIN(4, s->layout.objects - 1));
	assert_int_equal(s->node[0].free_objects, s->node[0].objects - 5);
	fixture_take(s, 0, object, 4);
	assert_int_equal(s->magazine[0]->count, 0);
	fixture_take(s, 0, object + 4, 1);
	assert_int_equal(s->magazine[0]->count, MIN(4, s->layout.objects - 6));
	assert_int_equal(fixture_usage(s, -1).active, 6);
	fixture_free(s, 0, first);
	fixture_give(s, 0, object, 5);
	fixture_destroy(s);
}

/* A full one gives its coldest batch away and keeps the warmest objects. */
static void test_flushed_in_batches(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "flush", 512, 0);
	assert_int_equal(kmem_cache_tune(s, 20, 5, 2), 0);
	fixture_take(s, 0, object, 100);
	slabs_drain(&f->sl);
	assert_int_equal(s->magazine[0]->count, 0);
	fixture_give(s, 0, object, 20);
	assert_int_equal(s->magazine[0]->count, 20);
	assert_null(s->node[0].shared);
	fixture_free(s, 0, object[20]);
	assert_int_equal(s->magazine[0]->count, 16);
	assert_ptr_equal(s->magazine[0]->object[15], object[20]);
	assert_ptr_equal(s->magazine[0]->object[0], object[5]);
	assert_int_equal(s->node[0].shared->count, 5);
	assert_int_equal(s->node[0].shared->limit, 10);
	uint64_t free_objects = s->node[0].free_objects;
	fixture_give(s, 0, object + 21, 9);
	assert_int_equal(s->node[0].shared->count, 10); /* full: the next batches go to the slabs */
	assert_int_equal(s->node[0].free_objects, free_objects);
	fixture_give(s, 0, object + 30, 5);
	assert_int_equal(s->node[0].free_objects, free_objects + 5);
	assert_int_equal(fixture_usage(s, -1).active, 65);
	assert_verified(&f->m);
	fixture_give(s, 0, object + 35, 65);
	fixture_destroy(s);
}

/* Made while somebody tunes: one number is new already, the other one old. */
static void test_half_tuned(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "half", 64, 0);
	s->limit = 3;
	assert_true(s->batch > 3);
	fixture_take(s, 0, object, 200);
	assert_int_equal(s->magazine[0]->batch, 3);
	fixture_give(s, 0, object, 200);
	assert_int_equal(fixture_usage(s, -1).active, 0);
	assert_verified(&f->m);
	fixture_destroy(s);
}

/* What one CPU flushed another one of the node gets, without a look at slabs. */
static void test_exchanged_between_cpus(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "exchange", 64, 0);
	fixture_take(s, 0, object, 400);
	fixture_give(s, 0, object, 400);
	uint32_t shared = s->node[0].shared->count;
	uint64_t free_objects = s->node[0].free_objects;
	assert_true(shared >= s->batch);
	void *got = fixture_alloc(s, 1, GFP_KERNEL);
	assert_int_equal(s->node[0].shared->count, shared - s->batch);
	assert_int_equal(s->node[0].free_objects, free_objects);
	assert_int_equal(s->magazine[1]->count, s->batch - 1);
	unsigned found = 0;
	for (unsigned i = 0; i < 400; i++)
		found += object[i] == got;
	assert_int_equal(found, 1);
	fixture_free(s, 1, got);
	fixture_destroy(s);
}

/* What CPUs have on the way to each other goes home when nobody wants it for a whole tick. */
static void test_tick(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "idle", 64, 0);
	fixture_take(s, 0, object, 400);
	fixture_give(s, 0, object, 400);
	uint32_t shared = s->node[0].shared->count;
	uint64_t free_objects = s->node[0].free_objects;
	slabs_tick(&f->sl);
	assert_int_equal(s->node[0].shared->count, shared);
	slabs_tick(&f->sl);
	assert_null(s->node[0].shared);
	assert_int_equal(s->node[0].free_objects, free_objects + shared);
	assert_int_equal(fixture_usage(s, -1).active, 0);
	assert_verified(&f->m);
	fixture_destroy(s);
}

/* ---- Bytes ---- */

static void test_zeroed(void **state)
{
	static const uint32_t size[] = { 8, 100, 1984, 9000 };
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(size); i++) {
		struct kmem_cache *s = fixture_cache(f, "zero", size[i], 0);
		for (unsigned round = 0; round < 3; round++) {
			for (unsigned o = 0; o < 50; o++) {
				unsigned char *p = object[o] =
					fixture_alloc(s, o % 2, GFP_KERNEL | __GFP_ZERO);
				assert_non_null(p);
				for (unsigned at = 0; at < size[i]; at++)
					assert_int_equal(p[at], 0);
				memset(p, 0xa5, size[i]);
			}
			fixture_give(s, 0, object, 50);
		}
		assert_true(f->pages_charged > 0);
		assert_true(f->pages_charged <= fixture_slab_pages(f, NR_SLAB_UNRECLAIMABLE));
		fixture_destroy(s);
		assert_int_equal(f->pages_charged, 0);
	}
}

static void test_zeroed_without_host_memory(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "poor", 512, 0);
	f->charges_left = 0;
	assert_null(fixture_alloc(s, 0, GFP_KERNEL | __GFP_ZERO));
	assert_int_equal(fixture_usage(s, -1).active, 0); /* the object is back */
	assert_verified(&f->m);
	object[0] = fixture_alloc(s, 0, GFP_KERNEL); /* who writes nothing needs none */
	assert_non_null(object[0]);
	f->charges_left = 1;
	object[1] = fixture_alloc(s, 0, GFP_KERNEL | __GFP_ZERO);
	assert_non_null(object[1]);
	fixture_give(s, 0, object, 2);
	fixture_destroy(s);
}

/* Somebody freed another cache's object here: it is not handed out zeroed, and the daemon lives. */
static void test_stranger_in_the_magazine(void **state)
{
	(void)state;
	struct kmem_cache *a = fixture_cache(f, "owner", 128, 0), *b = fixture_cache(f, "victim", 128, 0);
	fixture_take(b, 0, object + 1, 1);
	fixture_free(b, 0, object[1]);
	fixture_take(a, 0, object, 1);
	memset(object[0], 0x5a, 128);
	fixture_free(b, 0, object[0]);
	fixture_free(b, 0, f->memory);
	fixture_free(b, 0, &f);
	object[1] = fixture_alloc(b, 0, GFP_KERNEL | __GFP_ZERO);
	assert_ptr_not_equal(object[1], object[0]);
	assert_non_null(object_slab(b, object[1]));
	slabs_drain(&f->sl);
	assert_true(fixture_logged(f, "Wrong slab cache. victim but object is from owner"));
	assert_int_equal(*(unsigned char *)object[0], 0x5a);
	assert_int_equal(fixture_usage(a, -1).active, 1);
	fixture_free(a, 0, object[0]);
	fixture_free(b, 0, object[1]);
	assert_verified(&f->m);
	fixture_destroy(a);
	fixture_destroy(b);
}

/* ---- Many at once ---- */

static int bulk(struct kmem_cache *s, gfp_t gfp, size_t nr)
{
	struct cpu *c = &f->m.cpu[0];
	cpu_enter(c);
	int error = kmem_cache_alloc_bulk(s, c, gfp, nr, object);
	cpu_leave(c);
	return error;
}

static void test_bulk(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "bulk", 64, 0);
	assert_int_equal(bulk(s, GFP_KERNEL, 0), 0);
	assert_int_equal(bulk(s, GFP_KERNEL | __GFP_ZERO, 1000), 0);
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(*(uint64_t *)object[i], 0);
		*(uint64_t *)object[i] = i + 1; /* twice the same one would show */
	}
	assert_int_equal(fixture_usage(s, -1).active, 1000);
	cpu_enter(&f->m.cpu[1]);
	kmem_cache_free_bulk(s, &f->m.cpu[1], 1000, object);
	cpu_leave(&f->m.cpu[1]);
	assert_int_equal(fixture_usage(s, -1).active, 0);
	assert_verified(&f->m);
	fixture_destroy(s);
}

static void test_bulk_all_or_none(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "bulk", 2048, 0);
	assert_int_equal(bulk(s, GFP_KERNEL, 100), 0);
	f->refuse = true;
	struct cpu *c = &f->m.cpu[0];
	static void *more[500];
	cpu_enter(c);
	assert_int_equal(kmem_cache_alloc_bulk(s, c, GFP_KERNEL, 500, more), -ENOMEM);
	cpu_leave(c);
	assert_int_equal(fixture_usage(s, -1).active, 100);
	assert_verified(&f->m);
	f->refuse = false;
	fixture_give(s, 0, object, 100);
	fixture_destroy(s);
}

/* ---- Nodes ---- */

static void test_near_its_cpu(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "near", 128, 0);
	for (unsigned cpu = 0; cpu < 4; cpu++) {
		fixture_take(s, cpu, object, 200);
		for (unsigned i = 0; i < 200; i++)
			assert_int_equal(object_node(s, object[i]), cpu / 2);
		fixture_give(s, cpu, object, 200);
		assert_null(s->magazine[cpu]->alien);
	}
	fixture_destroy(s);
}

static void test_of_a_node(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "noded", 128, 0);
	for (unsigned i = 0; i < 400; i++) {
		gfp_t gfp = GFP_KERNEL | (i & 4 ? __GFP_THISNODE : 0);
		object[i] = fixture_alloc_node(s, i & 3, i >> 3 & 1, gfp);
		assert_non_null(object[i]);
		assert_int_equal(object_node(s, object[i]), i >> 3 & 1);
	}
	assert_int_equal(fixture_usage(s, -1).active, 400);
	assert_verified(&f->m);
	for (unsigned i = 0; i < 400; i++)
		fixture_free(s, i & 3, object[i]);
	fixture_destroy(s);
}

static void test_this_node_or_none(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "strict", 2304, 0);
	fixture_take(s, 0, object, 1); /* node 0 has free objects */
	node_fill(1);
	assert_null(fixture_alloc_node(s, 0, 1, GFP_KERNEL | __GFP_THISNODE));
	assert_null(fixture_alloc_node(s, 2, 1, GFP_KERNEL | __GFP_THISNODE));
	assert_null(fixture_alloc(s, 2, GFP_KERNEL | __GFP_THISNODE));
	object[1] = fixture_alloc_node(s, 2, 1, GFP_KERNEL);
	assert_int_equal(object_node(s, object[1]), 0);
	assert_int_equal(fixture_usage(s, -1).slabs, 1);
	nodes_release();
	fixture_give(s, 0, object, 2);
	fixture_destroy(s);
}

/* A node without memory left does not cost the others a slab for each object. */
static void test_full_node(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "full", 64, 0);
	node_fill(0);
	for (unsigned i = 0; i < 500; i++) {
		object[i] = i & 1 ? fixture_alloc(s, 0, GFP_KERNEL)
				  : fixture_alloc_node(s, 3, 0, GFP_KERNEL);
		assert_non_null(object[i]);
		assert_int_equal(object_node(s, object[i]), 1);
	}
	struct cache_usage u = fixture_usage(s, -1);
	assert_int_equal(u.slabs, DIV_ROUND_UP(500, s->layout.objects));
	assert_int_equal(u.active, 500);
	assert_verified(&f->m);
	f->refuse = true; /* what is free elsewhere is still had */
	unsigned more = 500;
	while ((object[more] = fixture_alloc(s, 1, GFP_KERNEL)))
		more++;
	assert_int_equal(more, u.objects);
	f->refuse = false;
	nodes_release();
	fixture_give(s, 0, object, more);
	fixture_destroy(s);
}

static void test_aliens_go_home(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "alien", 128, 0);
	assert_int_equal(kmem_cache_tune(s, 16, 4, 2), 0);
	fixture_take(s, 0, object, 100);
	slabs_drain(&f->sl);
	uint64_t free_objects = s->node[0].free_objects;
	fixture_free(s, 2, object[0]);
	assert_int_equal(s->magazine[2]->count, 0); /* nobody at node 1 gets it */
	assert_int_equal(s->magazine[2]->alien->count, 1);
	assert_int_equal(s->magazine[2]->alien->limit, 4);
	assert_int_equal(fixture_usage(s, -1).active, 99);
	fixture_give(s, 2, object + 1, 3);
	assert_int_equal(s->magazine[2]->alien->count, 4);
	assert_int_equal(s->node[0].free_objects, free_objects);
	fixture_free(s, 2, object[4]);
	assert_int_equal(s->magazine[2]->alien->count, 1);
	assert_int_equal(s->node[0].free_objects, free_objects + 4);
	fixture_take(s, 2, object, 1);
	assert_int_equal(object_node(s, object[0]), 1);
	assert_verified(&f->m);
	fixture_free(s, 0, object[0]);
	assert_int_equal(s->magazine[0]->alien->count, 1);
	fixture_give(s, 2, object + 5, 95);
	assert_int_equal(fixture_usage(s, -1).active, 0);
	assert_verified(&f->m);
	fixture_destroy(s);
}

static void test_alien_without_host_memory(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "alien", 128, 0);
	fixture_take(s, 0, object, 10);
	fixture_take(s, 2, object + 10, 1); /* its magazine is there */
	slabs_drain(&f->sl);
	uint64_t free_objects = s->node[0].free_objects;
	fault_arm(FAULT_HOST_MALLOC, 1);
	fixture_free(s, 2, object[0]);
	assert_true(fault_fired(FAULT_HOST_MALLOC));
	fault_arm(FAULT_HOST_MALLOC, 0);
	assert_null(s->magazine[2]->alien);
	assert_int_equal(s->node[0].free_objects, free_objects + 1);
	fixture_give(s, 2, object + 1, 10);
	fixture_destroy(s);
}

static void test_interleaved_nodes(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "woven", 128, 0);
	fixture_take(s, 0, object, 300);
	fixture_take(s, 2, object + 300, 300);
	assert_int_equal(s->magazine[0]->home_bytes, 0); /* other memory lies between its own */
	assert_int_not_equal(s->magazine[2]->home_bytes, 0);
	fixture_free(s, 0, object[0]);
	assert_null(s->magazine[0]->alien); /* at home all the same */
	fixture_free(s, 0, object[300]);
	assert_int_equal(s->magazine[0]->alien->count, 1);
	fixture_free(s, 2, object[1]);
	assert_int_equal(s->magazine[2]->alien->count, 1);
	for (unsigned i = 2; i < 600; i++)
		if (i != 300)
			fixture_free(s, i & 3, object[i]);
	assert_int_equal(fixture_usage(s, -1).active, 0);
	assert_verified(&f->m);
	fixture_take(s, 0, object, 300);
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(object_node(s, object[i]), 0);
	fixture_give(s, 0, object, 300);
	fixture_destroy(s);
}

static void test_node_without_memory(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "guest", 128, 0);
	fixture_take(s, 4, object, 200);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(object_node(s, object[i]), 1); /* the nearest that has some */
	assert_int_equal(fixture_usage(s, -1).slabs, DIV_ROUND_UP(200, s->layout.objects));
	fixture_give(s, 4, object, 200);
	assert_null(s->magazine[4]->alien);
	fixture_take(s, 5, object, 1);
	assert_null(fixture_alloc_node(s, 4, 2, GFP_KERNEL | __GFP_THISNODE));
	object[1] = fixture_alloc_node(s, 0, 2, GFP_KERNEL);
	assert_int_equal(object_node(s, object[1]), 1);
	assert_int_equal(s->node[2].nr_slabs, 0);
	assert_verified(&f->m);
	fixture_give(s, 5, object, 2);
	fixture_destroy(s);
}

/* ---- The CPU is left while pages are looked for ---- */

static struct kmem_cache *meanwhile;
static unsigned nr_meanwhile;

static void others_allocate(struct slab_fixture *g, struct cpu *c)
{
	g->leaves = false;
	for (unsigned i = 0; i < 40; i++)
		object[1000 + nr_meanwhile++] = fixture_alloc(meanwhile, c->id, GFP_KERNEL);
	while (nr_meanwhile > 8)
		fixture_free(meanwhile, c->id, object[1000 + --nr_meanwhile]);
}

static void others_tune(struct slab_fixture *g, struct cpu *c)
{
	(void)c;
	g->leaves = false;
	assert_int_equal(kmem_cache_tune(meanwhile, 3, 2, 1), 0);
}

static void others_go_direct(struct slab_fixture *g, struct cpu *c)
{
	(void)c;
	g->leaves = false;
	slabs_set_direct(&g->sl, true);
}

static void test_cpu_left_meanwhile(void **state)
{
	void (*const left[])(struct slab_fixture *, struct cpu *) = { others_allocate, others_tune,
								      others_go_direct };
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(left); i++) {
		meanwhile = fixture_cache(f, "left", 256, 0);
		nr_meanwhile = 0;
		for (unsigned nr = 0; nr < 100; nr++) {
			f->leaves = nr % 20 == 0 && nr_meanwhile < 900;
			f->left = left[i];
			object[nr] = fixture_alloc(meanwhile, 0, GFP_KERNEL);
			assert_non_null(object[nr]);
		}
		f->leaves = false;
		assert_int_equal(fixture_usage(meanwhile, -1).active, 100 + nr_meanwhile);
		assert_verified(&f->m);
		fixture_give(meanwhile, 0, object, 100);
		fixture_give(meanwhile, 0, object + 1000, nr_meanwhile);
		slabs_set_direct(&f->sl, false);
		fixture_destroy(meanwhile);
	}
}

/* ---- No host memory for magazines ---- */

static void test_without_magazines(void **state)
{
	(void)state;
	struct kmem_cache *s = fixture_cache(f, "bare", 128, 0);
	for (unsigned i = 0; i < 50; i++) {
		fault_arm(FAULT_HOST_MALLOC, 1);
		object[i] = fixture_alloc(s, 0, GFP_KERNEL);
		assert_non_null(object[i]);
		assert_ptr_equal(s->magazine[0], &magazine_none);
	}
	for (unsigned i = 0; i < 50; i++) {
		fault_arm(FAULT_HOST_MALLOC, 1);
		fixture_free(s, 0, object[i]);
	}
	fault_arm(FAULT_HOST_MALLOC, 0);
	assert_int_equal(s->node[0].free_objects, s->node[0].objects);
	assert_int_equal(magazine_none.count | magazine_none.limit, 0);
	fixture_destroy(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(one, test_last_freed_is_first),
		ON(one, test_refilled_in_batches),
		ON(one, test_flushed_in_batches),
		ON(one, test_half_tuned),
		ON(one, test_exchanged_between_cpus),
		ON(one, test_tick),
		ON(one, test_zeroed),
		ON(one, test_zeroed_without_host_memory),
		ON(one, test_stranger_in_the_magazine),
		ON(two, test_stranger_in_the_magazine),
		ON(one, test_bulk),
		ON(two, test_bulk_all_or_none),
		ON(two, test_near_its_cpu),
		ON(two, test_of_a_node),
		ON(two, test_this_node_or_none),
		ON(two, test_full_node),
		ON(two, test_aliens_go_home),
		ON(two, test_alien_without_host_memory),
		ON(interleaved, test_interleaved_nodes),
		ON(memoryless, test_node_without_memory),
		ON(one, test_cpu_left_meanwhile),
		ON(two, test_cpu_left_meanwhile),
		ON(one, test_without_magazines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
