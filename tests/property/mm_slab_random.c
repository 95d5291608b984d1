/* SPDX-License-Identifier: MIT */
/*
 * One cache against a set of addresses: whatever its size, its flags, the shape
 * of the machine and the memory it finds, every object lies in a slab of the
 * cache, shares no byte with another one in somebody's hands, and holds at the
 * end what was written into it; meanwhile it is shrunk, tuned, drained and used
 * without magazines. In the end every page is back.
 */

#include "mm/slab_private.h"
#include "support/random_machine.h"
#include "support/slab_fixture.h"

#define STEPS 8000
#define VERIFY_EVERY 500
#define HELD_MOST 20000
#define BULK_MOST 200

struct held {
	char *object;
	uint64_t word; /* what stands at its start and end */
};

struct world {
	struct slab_fixture *f;
	struct kmem_cache *s;
	struct rng rng;
	uint64_t *in_hand; /* a bit for each 8 bytes of memory */
	struct held held[HELD_MOST];
	unsigned nr_held;
	uint64_t refused;
};

static struct cpu *random_cpu(struct world *w)
{
	return &w->f->m.cpu[rng_below(&w->rng, w->f->m.nr_cpu_ids)];
}

/* All of an object changes hands; nobody or one had all of it. */
static void mark(struct world *w, const char *object, bool to)
{
	size_t from = (size_t)(object - w->f->memory) / 8, end = from + w->s->layout.object_size / 8;
	for (size_t i = from; i < end; i++) {
		assert_int_equal(w->in_hand[i / 64] >> i % 64 & 1, !to);
		w->in_hand[i / 64] ^= 1ull << i % 64;
	}
}

static void held_add(struct world *w, void *object)
{
	const struct kmem_cache *s = w->s;
	struct page *slab = object_slab(s, object);
	assert_non_null(slab);
	unsigned i = slab_index(s, slab, object);
	assert_true(i < slab_objects(s, slab));
	assert_ptr_equal(slab_object(s, slab, i), object);
	char *end = (char *)object + s->layout.object_size;
	assert_true(end <= (char *)slab_address(s->slabs, slab) + (PAGE_SIZE << slab->order));
	mark(w, object, true);
	struct held *h = &w->held[w->nr_held++];
	*h = (struct held){ object, rng_next(&w->rng) };
	memcpy(object, &h->word, sizeof(h->word));
	memcpy(end - sizeof(h->word), &h->word, sizeof(h->word));
}

static void *held_remove(struct world *w)
{
	unsigned i = (unsigned)rng_below(&w->rng, w->nr_held);
	struct held h = w->held[i];
	w->held[i] = w->held[--w->nr_held];
	assert_memory_equal(h.object, &h.word, sizeof(h.word));
	assert_memory_equal(h.object + w->s->layout.object_size - sizeof(h.word), &h.word, sizeof(h.word));
	mark(w, h.object, false);
	return h.object;
}

static void assert_zero(const char *object, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(object[i], 0);
}

static void step_alloc(struct world *w)
{
	struct cpu *c = random_cpu(w);
	bool zero = !rng_below(&w->rng, 8), this_node = !rng_below(&w->rng, 8);
	int nid = rng_below(&w->rng, 4) ? -1 : (int)rng_below(&w->rng, w->f->m.nr_nodes);
	gfp_t gfp = GFP_KERNEL | (zero ? __GFP_ZERO : 0) | (this_node ? __GFP_THISNODE : 0);
	if (w->nr_held == HELD_MOST)
		return;
	cpu_enter(c);
	void *object =
		nid < 0 ? kmem_cache_alloc(w->s, c, gfp) : kmem_cache_alloc_node(w->s, c, nid, gfp);
	cpu_leave(c);
	w->refused += !object;
	if (!object)
		return;
	if (zero)
		assert_zero(object, w->s->layout.object_size);
	if (this_node && nid >= 0)
		assert_int_equal(object_node(w->s, object), nid);
	held_add(w, object);
}

static void step_alloc_bulk(struct world *w)
{
	void *object[BULK_MOST];
	size_t nr = rng_below(&w->rng, MIN(BULK_MOST, HELD_MOST - w->nr_held) + 1u);
	struct cpu *c = random_cpu(w);
	cpu_enter(c);
	int error = kmem_cache_alloc_bulk(w->s, c, GFP_KERNEL, nr, object);
	cpu_leave(c);
	for (size_t i = 0; i < nr && !error; i++)
		held_add(w, object[i]);
}

static void step_free(struct world *w)
{
	struct cpu *c = random_cpu(w);
	if (!w->nr_held)
		return;
	void *object = held_remove(w);
	cpu_enter(c);
	kmem_cache_free(w->s, c, object);
	cpu_leave(c);
}

static void step_free_bulk(struct world *w)
{
	void *object[BULK_MOST];
	size_t nr = rng_below(&w->rng, MIN(BULK_MOST, w->nr_held) + 1u);
	struct cpu *c = random_cpu(w);
	for (size_t i = 0; i < nr; i++)
		object[i] = held_remove(w);
	cpu_enter(c);
	kmem_cache_free_bulk(w->s, c, nr, object);
	cpu_leave(c);
}

static void step_tune(struct world *w)
{
	unsigned limit = 1 + (unsigned)rng_below(&w->rng, rng_below(&w->rng, 2) ? 512 : 8);
	unsigned batch = 1 + (unsigned)rng_below(&w->rng, limit);
	assert_int_equal(kmem_cache_tune(w->s, limit, batch, (unsigned)rng_below(&w->rng, 10)), 0);
}

static void step_disturb(struct world *w)
{
	switch (rng_below(&w->rng, 8)) {
	case 0:
		kmem_cache_shrink(w->s);
		assert_int_equal(fixture_usage(w->s, -1).free_slabs, 0);
		break;
	case 1:
		slabs_drain(&w->f->sl);
		break;
	case 2:
		step_tune(w);
		break;
	case 3:
		slabs_set_direct(&w->f->sl, !w->f->sl.direct);
		break;
	case 4:
		w->f->order_most = rng_below(&w->rng, 2) ? MM_ORDER_MAX : w->s->layout.min_order;
		break;
	case 5:
		w->f->refuse = !rng_below(&w->rng, 3);
		break;
	case 6:
		w->s->min_partial = (uint32_t)rng_below(&w->rng, 12);
		break;
	default:
		w->f->charges_left = rng_below(&w->rng, 4) ? -1 : (int64_t)rng_below(&w->rng, 3);
	}
}

static void step(struct world *w, bool filling)
{
	if (!rng_below(&w->rng, 60))
		step_disturb(w);
	else if (rng_below(&w->rng, 3) ? filling : !filling)
		rng_below(&w->rng, 20) ? step_alloc(w) : step_alloc_bulk(w);
	else
		rng_below(&w->rng, 20) ? step_free(w) : step_free_bulk(w);
}

static void assert_conserved(struct world *w)
{
	struct cache_usage u = fixture_usage(w->s, -1);
	assert_int_equal(u.active, w->nr_held);
	enum node_stat item =
		w->s->flags & SLAB_RECLAIM_ACCOUNT ? NR_SLAB_RECLAIMABLE : NR_SLAB_UNRECLAIMABLE;
	int64_t pages = fixture_slab_pages(w->f, item);
	assert_true(pages <= (int64_t)(u.slabs << w->s->layout.order));
	assert_true(pages >= (int64_t)(u.slabs << w->s->layout.min_order));
	assert_true(w->f->pages_charged <= pages);
	assert_verified(&w->f->m);
}

static void boot_random(struct machine *m, void *rng)
{
	random_machine(m, rng);
}

static uint32_t random_size(struct rng *r)
{
	static const uint32_t below[] = { 16, 64, 256, 1024, 4096, 20000 };
	return 8 + (uint32_t)rng_below(r, below[rng_below(r, ARRAY_LEN(below))]) / 8 * 8;
}

static void world_begin(struct world *w, uint64_t seed)
{
	static const uint32_t flags[] = { 0, SLAB_HWCACHE_ALIGN, SLAB_RECLAIM_ACCOUNT };
	memset(w, 0, sizeof(*w));
	rng_init(&w->rng, seed);
	w->f = slab_fixture_of(boot_random, &w->rng);
	uint32_t of = flags[rng_below(&w->rng, ARRAY_LEN(flags))];
	if (!rng_below(&w->rng, 4))
		of |= SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER;
	w->s = fixture_cache(w->f, "random", random_size(&w->rng), of);
	w->in_hand = calloc(w->f->memory_bytes / 512, sizeof(*w->in_hand));
	assert_non_null(w->in_hand);
}

static void world_end(struct world *w, uint64_t free_pages)
{
	w->f->charges_left = -1;
	while (w->nr_held)
		step_free(w);
	assert_conserved(w);
	assert_int_equal(fixture_nr_logged(w->f), 0); /* nothing was wrong */
	fixture_destroy(w->s);
	assert_int_equal(w->f->pages_charged, 0);
	assert_int_equal(fixture_free_pages(w->f), free_pages);
	free(w->in_hand);
	slab_fixture_end(w->f);
}

static void test_a_cache_is_a_set(void **state)
{
	static struct world w;
	uint64_t seed = property_seed();
	(void)state;
	for (unsigned round = property_rounds(40); round; round--, seed++) {
		world_begin(&w, seed);
		uint64_t free_pages = fixture_free_pages(w.f);
		print_message("round %u, SEED=%lu: %u bytes, flags %#x, %u nodes\n", round,
			      (unsigned long)seed, w.s->layout.object_size, w.s->flags, w.f->m.nr_nodes);
		for (unsigned i = 0; i < STEPS; i++) {
			step(&w, i / 1000 % 2 == 0);
			if (i % VERIFY_EVERY == 0)
				assert_conserved(&w);
		}
		world_end(&w, free_pages);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_cache_is_a_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
