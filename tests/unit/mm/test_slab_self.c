/* SPDX-License-Identifier: MIT */
/* Caches that are described by objects. */

#include "support/slab_fixture.h"

#include "base/rng.h"
#include "mm/import.h"
#include "mm/slab_self.h"

#include <errno.h>

#define NODES 2

struct self_fixture {
	struct slab_fixture *f;
	struct kmem_cache *of_caches, *of_nodes, *other;
};

static int setup(void **state)
{
	struct self_fixture *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	s->f = slab_fixture_two();
	s->of_caches = fixture_cache(s->f, "kmem_cache", 224, SLAB_HWCACHE_ALIGN);
	s->of_nodes = fixture_cache(s->f, "kmem_cache_node", 64, SLAB_HWCACHE_ALIGN);
	s->other = fixture_cache(s->f, "other", 100, 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct self_fixture *s = *state;
	assert_verified(&s->f->m);
	slab_fixture_end(s->f);
	free(s);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static uint64_t active(struct kmem_cache *s)
{
	return fixture_usage(s, -1).active;
}

static void assert_described(const struct self_fixture *s, uint64_t caches)
{
	assert_int_equal(active(s->of_caches), caches);
	assert_int_equal(active(s->of_nodes), caches * NODES);
	assert_verified(&s->f->m);
}

static void test_start_describes_all(void **state)
{
	struct self_fixture *s = *state;
	slabs_self_start(&s->f->sl, false);
	assert_described(s, 3);
	for (struct kmem_cache *c = s->f->sl.newest; c; c = c->older) {
		assert_non_null(object_slab(s->of_caches, c->self));
		for (unsigned n = 0; n < NODES; n++) /* where it is needed */
			assert_int_equal(object_node(s->of_nodes, c->node[n].self), n);
	}
	slabs_self_start(&s->f->sl, false); /* once is enough */
	assert_described(s, 3);
}

static void test_caches_come_and_go(void **state)
{
	struct self_fixture *s = *state;
	slabs_self_start(&s->f->sl, false);
	struct kmem_cache *c = fixture_cache(s->f, "late", 64, 0);
	assert_described(s, 4);
	struct kmem_cache *twin;
	const struct cache_spec spec = { .name = "late", .object_size = 8 };
	assert_int_equal(kmem_cache_create(&s->f->sl, &spec, &twin), -EEXIST);
	assert_described(s, 4);
	fixture_destroy(c);
	assert_described(s, 3);
}

static void test_no_memory(void **state)
{
	struct self_fixture *s = *state;
	slabs_self_start(&s->f->sl, false);
	s->f->refuse = true;
	const struct cache_spec spec = { .name = "late", .object_size = 8 };
	struct kmem_cache *c[100];
	char name[16];
	unsigned nr = 0;
	int error;
	for (;; nr++) { /* what is left on the slabs that are there */
		assert_true(nr < ARRAY_LEN(c));
		snprintf(name, sizeof(name), "late%u", nr);
		struct cache_spec next = spec;
		next.name = name;
		error = kmem_cache_create(&s->f->sl, &next, &c[nr]);
		if (error)
			break;
	}
	assert_int_equal(error, -ENOMEM);
	assert_null(kmem_cache_find(&s->f->sl, name));
	assert_described(s, 3 + nr);
	while (nr)
		fixture_destroy(c[--nr]);
	assert_described(s, 3);
}

/* Not even for the first ones: the machine runs all the same. */
static void test_start_without_memory(void **state)
{
	struct self_fixture *s = *state;
	s->f->refuse = true;
	slabs_self_start(&s->f->sl, false);
	assert_described(s, 0);
	s->f->refuse = false;
	fixture_destroy(s->other);
	s->other = fixture_cache(s->f, "other", 100, 0);
	assert_described(s, 1);
}

static void test_they_cannot_be_destroyed(void **state)
{
	struct self_fixture *s = *state;
	uint64_t live;
	slabs_self_start(&s->f->sl, false);
	assert_int_equal(kmem_cache_destroy(s->of_caches, &live), -EBUSY);
	assert_int_equal(live, 3);
	assert_int_equal(kmem_cache_destroy(s->of_nodes, &live), -EBUSY);
	assert_int_equal(live, 3 * NODES);
}

static void test_without_the_caches(void **state)
{
	(void)state;
	struct slab_fixture *f = slab_fixture_one();
	struct kmem_cache *s = fixture_cache(f, "kmem_cache", 224, 0);
	slabs_self_start(&f->sl, false);
	assert_null(s->self);
	fixture_destroy(s); /* and nobody kept a reference */
	slab_fixture_end(f);
}

/* ---- Imported ---- */

static void import_slab(struct kmem_cache *s, unsigned nr_live)
{
	struct zone *z = machine_zone(s->slabs->machine, 0, 2);
	struct cpu *c = &s->slabs->machine->cpu[0];
	struct rng rng;
	rng_init(&rng, 5);
	cpu_enter(c);
	struct page *page = s->slabs->source.take(s->slabs->source.ctx, c, 0, 0, s->layout.order);
	node_stat_add(c, z->node, NR_SLAB_UNRECLAIMABLE, 1 << s->layout.order);
	cpu_leave(c);
	assert_non_null(page);
	assert_int_equal(kmem_cache_import(s, page, nr_live, &rng), 0);
}

static void test_imported_objects_serve(void **state)
{
	struct self_fixture *s = *state;
	import_slab(s->of_caches, 5);
	import_slab(s->of_nodes, 10);
	uint64_t takes = s->f->nr_takes;
	slabs_self_start(&s->f->sl, true);
	assert_int_equal(active(s->of_caches), 5); /* as it was */
	assert_int_equal(active(s->of_nodes), 10);
	assert_int_equal(s->of_caches->nr_imported, 5 - 3);
	assert_int_equal(s->of_nodes->nr_imported, 10 - 3 * NODES);
	assert_int_equal(s->f->nr_takes, takes);
	assert_non_null(s->other->self);
	assert_verified(&s->f->m);

	struct kmem_cache *c = fixture_cache(s->f, "late", 64, 0); /* takes over, too */
	assert_int_equal(active(s->of_caches), 5);
	assert_int_equal(s->of_caches->nr_imported, 1);
	fixture_destroy(c);
	assert_int_equal(active(s->of_caches), 4);
}

static void test_too_few_imported(void **state)
{
	struct self_fixture *s = *state;
	import_slab(s->of_caches, 2);
	uint64_t takes = s->f->nr_takes;
	slabs_self_start(&s->f->sl, true);
	assert_int_equal(active(s->of_caches), 2);
	assert_int_equal(active(s->of_nodes), 0);
	assert_int_equal(s->f->nr_takes, takes);
	assert_null(s->other->self);
	fixture_destroy(s->other); /* nothing to give back */
	assert_int_equal(active(s->of_caches), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_start_describes_all),
		TEST(test_caches_come_and_go),
		TEST(test_no_memory),
		TEST(test_start_without_memory),
		TEST(test_they_cannot_be_destroyed),
		cmocka_unit_test(test_without_the_caches),
		TEST(test_imported_objects_serve),
		TEST(test_too_few_imported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
