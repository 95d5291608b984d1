/* SPDX-License-Identifier: MIT */
/*
 * Slabs that were there before this machine ran. Their objects in use belong to
 * nobody here: bits in a list of the cache say which. Whoever needs an object
 * of the cache for itself takes one of them over, so totals stay what they were.
 */

#include "base/mem.h"
#include "mm/slab_debug.h"
#include "mm/slab_private.h"

#include <errno.h>

/* The first nr bits of a word, at most all. */
static uint64_t bits_below(unsigned nr)
{
	return nr < 64 ? (1ull << nr) - 1 : ~0ull;
}

/* ---- The list of slabs with objects that nobody owns ---- */

static unsigned imported_words(const struct kmem_cache *s)
{
	return DIV_ROUND_UP(s->layout.objects, 64);
}

/* Room for one more slab: the list doubles. */
static int imported_reserve(struct kmem_cache *s)
{
	uint64_t nr = s->nr_imported_slabs, cap = MAX(2 * nr, 2ull);
	if (nr & (nr - 1) || nr == 1)
		return 0;
	pfn_t *list = mem_realloc(s->imported, cap * sizeof(*list));
	if (!list)
		return -ENOMEM;
	s->imported = list;
	uint64_t *bits = mem_realloc(s->imported_bits, cap * imported_words(s) * sizeof(*bits));
	if (!bits)
		return -ENOMEM;
	s->imported_bits = bits;
	return 0;
}

/* There is room. */
static void imported_add(struct kmem_cache *s, const struct page *slab, const uint64_t *bits, unsigned objects)
{
	unsigned words = imported_words(s);
	uint64_t *to = s->imported_bits + s->nr_imported_slabs * words, nr = 0;
	for (unsigned w = 0; w < words; w++) {
		to[w] = w * 64 < objects ? bits[w] : 0;
		nr += (unsigned)__builtin_popcountll(to[w]);
	}
	if (!nr)
		return;
	s->imported[s->nr_imported_slabs++] = page_pfn(s->slabs->machine, slab);
	WRITE_RELAXED(&s->nr_imported, s->nr_imported + nr);
}

/* ---- Slabs ---- */

/* The free bits are set. */
static void slab_join(struct kmem_cache *s, struct page *slab, unsigned objects, unsigned nr_free)
{
	struct cache_node *n = slab_node(s, slab);
	slab->index = nr_free;
	slab->owner = owner_handle(OWNER_SLAB, s->id);
	if (slab->order != s->layout.order)
		WRITE_RELAXED(&s->mixed, true);
	lock_take(&n->lock);
	seen_add(&s->nodes_seen, (unsigned)(n - s->node));
	WRITE_RELAXED(&n->nr_slabs, n->nr_slabs + 1);
	WRITE_RELAXED(&n->objects, n->objects + objects);
	WRITE_RELAXED(&n->free_objects, n->free_objects + nr_free);
	node_list_add(s, n, slab);
	node_drop(s, n);
}

int kmem_cache_restore(struct kmem_cache *s, struct page *slab, const uint64_t *free_bits,
		       const uint64_t *imported)
{
	unsigned objects = slab_objects(s, slab), nr_free = 0;
	uint64_t *to = slab_free_bits(s, slab);

	if (imported && imported_reserve(s))
		return -ENOMEM;
	for (unsigned w = 0; w * 64 < objects; w++) {
		to[w] = free_bits[w];
		nr_free += (unsigned)__builtin_popcountll(free_bits[w]);
	}
	ASSERT(nr_free <= objects);
	if (slab_debug_keeps_bytes(s)) {
		if (slab_charge(s, slab))
			return -ENOMEM;
		slab_debug_restore(s, slab);
	}
	if (imported)
		imported_add(s, slab, imported, objects);
	slab_join(s, slab, objects, nr_free);
	return 0;
}

/* Which objects are in use: a random choice, each of nr_live among `objects`. */
static void choose_live(uint64_t *live_bits, unsigned objects, unsigned nr_live, struct rng *rng)
{
	for (unsigned i = 0; i < objects && nr_live; i++) {
		if (rng_below(rng, objects - i) >= nr_live)
			continue;
		live_bits[i / 64] |= 1ull << i % 64;
		nr_live--;
	}
}

int kmem_cache_import(struct kmem_cache *s, struct page *slab, unsigned nr_live, struct rng *rng)
{
	unsigned objects = slab_objects(s, slab);
	uint64_t live[FREE_WORDS] = { 0 }, free_bits[FREE_WORDS] = { 0 };

	ASSERT(nr_live <= objects);
	choose_live(live, objects, nr_live, rng);
	for (unsigned w = 0; w * 64 < objects; w++)
		free_bits[w] = ~live[w] & bits_below(objects - w * 64);
	return kmem_cache_restore(s, slab, free_bits, live);
}

static int list_disown(struct kmem_cache *s, const struct page_list *list, const uint64_t *owned)
{
	const struct machine *m = s->slabs->machine;
	for (pfn_t pfn = list->head; pfn; pfn = pfn_page(m, pfn)->next) {
		struct page *slab = pfn_page(m, pfn);
		unsigned objects = slab_objects(s, slab);
		const uint64_t *free_bits = slab_free_bits(s, slab);
		const uint64_t *taken = owned + (size_t)pfn * FREE_WORDS;
		uint64_t rest[FREE_WORDS];
		for (unsigned w = 0; w * 64 < objects; w++)
			rest[w] = ~free_bits[w] & ~taken[w] & bits_below(objects - w * 64);
		if (imported_reserve(s))
			return -ENOMEM;
		imported_add(s, slab, rest, objects);
	}
	return 0;
}

int kmem_cache_disown(struct kmem_cache *s, const uint64_t *owned)
{
	int error = 0;
	for (unsigned i = 0; i < s->slabs->machine->nr_nodes && !error; i++) {
		error = list_disown(s, &s->node[i].full, owned);
		if (!error)
			error = list_disown(s, &s->node[i].partial, owned);
	}
	return error;
}

void kmem_cache_pin(struct kmem_cache *s, uint64_t slabs, uint64_t objects, uint64_t active)
{
	ASSERT(active <= objects);
	s->pinned_slabs += slabs;
	s->pinned_objects += objects;
	s->pinned_active += active;
	s->has_pinned = s->pinned_slabs;
}

/* ---- Objects ---- */

/*
 * A slab stays for as long as one of its objects is in use, so one with an
 * imported object is this cache's; the entry of another may be anything by now.
 */
static void *last_slab_take(struct kmem_cache *s)
{
	uint64_t last = s->nr_imported_slabs - 1;
	uint64_t *bits = s->imported_bits + last * imported_words(s);
	for (unsigned w = 0; w < imported_words(s); w++) {
		if (!bits[w])
			continue;
		unsigned i = w * 64 + (unsigned)__builtin_ctzll(bits[w]);
		bits[w] &= bits[w] - 1;
		return slab_object(s, pfn_page(s->slabs->machine, s->imported[last]), i);
	}
	return NULL;
}

/* slabs->lock held. */
static void *imported_pop(struct kmem_cache *s)
{
	void *object = NULL;
	while (!object && s->nr_imported) {
		ASSERT(s->nr_imported_slabs);
		object = last_slab_take(s);
		if (!object)
			s->nr_imported_slabs--;
	}
	if (object)
		WRITE_RELAXED(&s->nr_imported, s->nr_imported - 1);
	return object;
}

void *kmem_cache_take_imported(struct kmem_cache *s)
{
	if (!READ_RELAXED(&s->nr_imported))
		return NULL;
	lock_take(&s->slabs->lock);
	void *object = imported_pop(s);
	lock_drop(&s->slabs->lock);
	return object;
}

bool kmem_cache_give_imported(struct kmem_cache *s, const void *object)
{
	uint64_t bits[FREE_WORDS] = { 0 };
	const struct page *slab = object_slab(s, object);
	unsigned i = slab_index(s, slab, object);
	bits[i / 64] = 1ull << (i % 64);
	lock_take(&s->slabs->lock);
	bool room = !imported_reserve(s);
	if (room)
		imported_add(s, slab, bits, slab_objects(s, slab));
	lock_drop(&s->slabs->lock);
	return room;
}

unsigned kmem_cache_try_imported(struct kmem_cache *s, void **object, unsigned nr)
{
	unsigned got = 0;
	if (!READ_RELAXED(&s->nr_imported) || !lock_try_now(&s->slabs->lock))
		return 0;
	while (got < nr && (object[got] = imported_pop(s)))
		got++;
	lock_drop(&s->slabs->lock);
	return got;
}
