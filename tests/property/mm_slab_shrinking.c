/* SPDX-License-Identifier: MIT */
/*
 * Many caches on a machine whose memory others take away, page by page and in
 * blocks, until there is none, and give back. Caches come and go; single page
 * requests and host allocations fail. No object is lost, none is in two hands,
 * what has nothing in use can be destroyed, and in the end every page is back.
 */

#include "base/fault.h"
#include "mm/pcp.h"
#include "mm/slab_private.h"
#include "support/random_machine.h"
#include "support/slab_fixture.h"

#define CACHES 24
#define STEPS 6000
#define VERIFY_EVERY 600
#define HELD_MOST 4000
#define BLOCKS_MOST 40000

struct owner {
	struct kmem_cache *s; /* NULL: there is none now */
	uint64_t *object[HELD_MOST]; /* each holds its address and its cache */
	unsigned nr;
};

struct world {
	struct slab_fixture *f;
	struct rng rng;
	struct owner owner[CACHES];
	struct page *block[BLOCKS_MOST];
	unsigned nr_blocks;
	uint64_t created, refused;
};

static struct cpu *random_cpu(struct world *w)
{
	return &w->f->m.cpu[rng_below(&w->rng, w->f->m.nr_cpu_ids)];
}

static uint64_t stamp(const struct kmem_cache *s, const uint64_t *object)
{
	return (uint64_t)(uintptr_t)object * 31 + s->id;
}

static void owner_create(struct world *w, struct owner *o)
{
	static const uint32_t flags[] = { 0, SLAB_RECLAIM_ACCOUNT, SLAB_HWCACHE_ALIGN };
	char name[32];
	snprintf(name, sizeof(name), "cache-%lu", (unsigned long)w->created++);
	const struct cache_spec spec = { .name = name,
					 .object_size = 8 + (uint32_t)rng_below(&w->rng, 5000),
					 .align = rng_below(&w->rng, 3) ? 0 : 64,
					 .flags = flags[rng_below(&w->rng, ARRAY_LEN(flags))] };
	if (!rng_below(&w->rng, 4))
		fault_arm(FAULT_HOST_MALLOC, 1 + rng_below(&w->rng, 4));
	if (kmem_cache_create(&w->f->sl, &spec, &o->s))
		o->s = NULL;
	fault_arm(FAULT_HOST_MALLOC, 0);
}

static void owner_destroy(struct world *w, struct owner *o)
{
	uint64_t live;
	int error = kmem_cache_destroy(o->s, &live);
	assert_int_equal(live, o->nr);
	assert_int_equal(error != 0, o->nr != 0);
	if (!error)
		o->s = NULL;
	(void)w;
}

static void owner_alloc(struct world *w, struct owner *o)
{
	struct cpu *c = random_cpu(w);
	unsigned nr = 1 + (unsigned)rng_below(&w->rng, 40);
	for (; nr && o->nr < HELD_MOST; nr--) {
		cpu_enter(c);
		uint64_t *object = kmem_cache_alloc(o->s, c, GFP_KERNEL);
		cpu_leave(c);
		if (!object) {
			w->refused++;
			return;
		}
		assert_non_null(object_slab(o->s, object));
		*object = stamp(o->s, object);
		o->object[o->nr++] = object;
	}
}

static void owner_free(struct world *w, struct owner *o)
{
	struct cpu *c = random_cpu(w);
	for (unsigned nr = (unsigned)rng_below(&w->rng, 60); nr && o->nr; nr--) {
		unsigned i = (unsigned)rng_below(&w->rng, o->nr);
		uint64_t *object = o->object[i];
		o->object[i] = o->object[--o->nr];
		assert_int_equal(*object, stamp(o->s, object));
		*object = 0;
		cpu_enter(c);
		kmem_cache_free(o->s, c, object);
		cpu_leave(c);
	}
}

static void others_take(struct world *w)
{
	struct cpu *c = random_cpu(w);
	unsigned order = (unsigned)rng_below(&w->rng, 2) * (unsigned)rng_below(&w->rng, 5);
	cpu_enter(c);
	FOR_EACH_POPULATED_ZONE(z, &w->f->m)
		for (unsigned nr = (unsigned)rng_below(&w->rng, 1200 >> order);
		     nr && w->nr_blocks < BLOCKS_MOST; nr--) {
			struct page *page = zone_take(c, z, order, MIGRATE_MOVABLE, 0);
			if (!page)
				break;
			w->block[w->nr_blocks++] = page;
		}
	cpu_leave(c);
}

static void others_give(struct world *w)
{
	struct cpu *c = random_cpu(w);
	cpu_enter(c);
	for (unsigned nr = (unsigned)rng_below(&w->rng, 2000); nr && w->nr_blocks; nr--) {
		unsigned i = (unsigned)rng_below(&w->rng, w->nr_blocks);
		struct page *page = w->block[i];
		w->block[i] = w->block[--w->nr_blocks];
		page_give(c, page, page->order);
	}
	cpu_leave(c);
}

static void step_whole(struct world *w, struct owner *o)
{
	switch (rng_below(&w->rng, 5)) {
	case 0:
		kmem_cache_shrink(o->s);
		break;
	case 1:
		owner_destroy(w, o);
		break;
	case 2:
		fault_arm(FAULT_BUDDY_TAKE, 1 + rng_below(&w->rng, 5));
		break;
	case 3:
		fault_arm(FAULT_HOST_MALLOC, 1 + rng_below(&w->rng, 5));
		break;
	default:
		machine_drain(&w->f->m);
	}
}

static void step(struct world *w, bool filling)
{
	struct owner *o = &w->owner[rng_below(&w->rng, CACHES)];
	if (!rng_below(&w->rng, 20))
		rng_below(&w->rng, 2) ? others_take(w) : others_give(w);
	else if (!o->s)
		owner_create(w, o);
	else if (!rng_below(&w->rng, 20))
		step_whole(w, o);
	else if (rng_below(&w->rng, 3) ? filling : !filling)
		owner_alloc(w, o);
	else
		owner_free(w, o);
}

static void assert_kept(struct world *w)
{
	fault_arm(FAULT_BUDDY_TAKE, 0);
	fault_arm(FAULT_HOST_MALLOC, 0);
	assert_verified(&w->f->m);
	for (unsigned i = 0; i < CACHES; i++) {
		const struct owner *o = &w->owner[i];
		if (!o->s)
			continue;
		assert_int_equal(fixture_usage(o->s, -1).active, o->nr);
		for (unsigned j = 0; j < o->nr; j++)
			assert_int_equal(*o->object[j], stamp(o->s, o->object[j]));
	}
}

static void boot_random(struct machine *m, void *rng)
{
	random_machine(m, rng);
}

static void world_end(struct world *w, uint64_t free_pages)
{
	while (w->nr_blocks)
		others_give(w);
	for (unsigned i = 0; i < CACHES; i++) {
		struct owner *o = &w->owner[i];
		while (o->nr)
			owner_free(w, o);
		if (o->s)
			owner_destroy(w, o);
	}
	assert_int_equal(w->f->sl.nr_caches, 0);
	assert_int_equal(fixture_nr_logged(w->f), 0);
	assert_int_equal(fixture_free_pages(w->f), free_pages);
	slab_fixture_end(w->f);
}

static void test_nothing_is_lost(void **state)
{
	static struct world w;
	uint64_t seed = property_seed(), refused = 0;
	(void)state;
	for (unsigned round = property_rounds(15); round; round--, seed++) {
		print_message("round %u, SEED=%lu\n", round, (unsigned long)seed);
		memset(&w, 0, sizeof(w));
		rng_init(&w.rng, seed);
		w.f = slab_fixture_of(boot_random, &w.rng);
		uint64_t free_pages = fixture_free_pages(w.f);
		for (unsigned i = 0; i < STEPS; i++) {
			step(&w, i / 1500 % 2 == 0);
			if (i % VERIFY_EVERY == 0)
				assert_kept(&w);
		}
		assert_kept(&w);
		refused += w.refused;
		world_end(&w, free_pages);
	}
	print_message("%lu requests were refused\n", (unsigned long)refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
