/* SPDX-License-Identifier: MIT */
/*
 * The part of mm_verify about the objects that describe caches: each is in use
 * in a slab of its cache, no magazine has it, nobody else could take it over
 * (it is not imported any more), and it describes one cache or node only. Runs
 * right after check_loose_objects, on the same notes.
 */
#include "mm/verify_private.h"

#include "mm/slab.h"

/* The object of a slab counts as met. */
static bool object_met(struct verify *v, const struct page *slab, unsigned i)
{
	size_t n = (size_t)page_pfn(v->m, slab) * SLAB_OBJECTS_MAX + i;
	uint64_t bit = 1ull << n % 64;
	bool met = v->seen[n / 64] & bit;
	v->seen[n / 64] |= bit;
	return met;
}

/* What nobody owns yet may not describe anything. */
static void imported_meet(struct verify *v, const struct kmem_cache *of)
{
	unsigned words = DIV_ROUND_UP(of->layout.objects, 64);
	for (uint64_t i = 0; i < of->nr_imported_slabs; i++)
		for (unsigned n = 0; n < of->layout.objects; n++)
			if (of->imported_bits[i * words + n / 64] & 1ull << n % 64)
				object_met(v, pfn_page(v->m, of->imported[i]), n);
}

static void check_self(struct verify *v, const struct kmem_cache *of, const void *object, const char *name)
{
	struct page *slab = object ? object_slab(of, object) : NULL;
	if (!object)
		return;
	if (!slab) {
		finding(v, "cache %s: its object is in no slab of %s", name, of->name);
		return;
	}
	unsigned i = slab_index(of, slab, object);
	if (i >= slab_objects(of, slab) || slab_object(of, slab, i) != object)
		finding(v, "cache %s: what describes it is no object of %s", name, of->name);
	else if (slab_free_bits(of, slab)[i / 64] & 1ull << i % 64)
		finding(v, "cache %s: object %u of slab %u of %s describes it and is free", name, i,
			page_pfn(v->m, slab), of->name);
	else if (object_met(v, slab, i))
		finding(v, "cache %s: object %u of slab %u of %s describes it and is somebody else's too",
			name, i, page_pfn(v->m, slab), of->name);
}

void check_self_objects(struct verify *v)
{
	const struct slabs *sl = v->m->slabs;
	if (!sl || !sl->of_caches)
		return;
	imported_meet(v, sl->of_caches);
	imported_meet(v, sl->of_nodes);
	for (const struct kmem_cache *s = sl->newest; s; s = s->older) {
		check_self(v, sl->of_caches, s->self, s->name);
		for (unsigned n = 0; n < v->m->nr_nodes; n++)
			check_self(v, sl->of_nodes, s->node[n].self, s->name);
	}
}
