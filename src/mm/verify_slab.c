/* SPDX-License-Identifier: MIT */
/*
 * The slab allocator's part of mm_verify: the list of caches against their
 * slots, slabs against the lists and counters of their nodes, objects that are
 * free in magazines and shared arrays against the bits of their slabs, pages
 * against NR_SLAB_*. Nothing moves meanwhile: slabs->lock is held and every CPU
 * is stopped.
 */

#include "mm/verify_private.h"

#include "base/mem.h"
#include "mm/slab_private.h"

#include <errno.h>
#include <inttypes.h>

static size_t seen_bytes(const struct machine *m)
{
	return (size_t)m->end_pfn * (SLAB_OBJECTS_MAX / 8);
}

static size_t listed_bytes(const struct machine *m)
{
	return ((size_t)m->end_pfn / 64 + 1) * sizeof(uint64_t);
}

int verify_slabs_begin(struct verify *v)
{
	v->kmalloc_pages = mem_zalloc(v->m->nr_nodes * sizeof(*v->kmalloc_pages));
	if (!v->kmalloc_pages)
		return -ENOMEM;
	if (!v->m->slabs)
		return 0;
	v->seen = mem_map(seen_bytes(v->m));
	v->listed = mem_map(listed_bytes(v->m));
	return v->seen && v->listed ? 0 : -ENOMEM;
}

void verify_slabs_end(struct verify *v)
{
	mem_free(v->kmalloc_pages);
	mem_unmap(v->seen, seen_bytes(v->m));
	mem_unmap(v->listed, listed_bytes(v->m));
}

/* Sets the bit; was it set before? */
static bool bit_met(uint64_t *bits, size_t i)
{
	uint64_t bit = 1ull << i % 64;
	bool met = bits[i / 64] & bit;
	bits[i / 64] |= bit;
	return met;
}

/* ---- Caches ---- */

static void check_slot(struct verify *v, const struct kmem_cache *s, const struct kmem_cache *newer)
{
	const struct slabs *sl = v->m->slabs;
	if (s->newer != newer)
		finding(v, "cache %s: the newer one is %s, listed after %s", s->name,
			s->newer ? s->newer->name : "none", newer ? newer->name : "none");
	if (!s->id || s->id >= sl->nr_slots || sl->cache[s->id] != s)
		finding(v, "cache %s: slot %" PRIu32 " is not its own", s->name, s->id);
	if (s->slabs != sl)
		finding(v, "cache %s: of another machine", s->name);
}

void check_caches(struct verify *v)
{
	const struct slabs *sl = v->m->slabs;
	const struct kmem_cache *newer = NULL;
	unsigned listed = 0, slots = 0;
	if (!sl)
		return;
	for (const struct kmem_cache *s = sl->newest; s && listed <= sl->nr_caches; s = s->older) {
		check_slot(v, s, newer);
		newer = s;
		listed++;
	}
	for (unsigned id = 0; id < sl->nr_slots; id++)
		slots += sl->cache[id] != NULL;
	if (sl->oldest != newer)
		finding(v, "caches: the oldest is %s, the last of the list %s",
			sl->oldest ? sl->oldest->name : "none", newer ? newer->name : "none");
	if (listed != sl->nr_caches || slots != sl->nr_caches)
		finding(v, "caches: %u listed, %u in slots, %u counted", listed, slots, sl->nr_caches);
}

/* ---- Slabs on lists ---- */

struct slab_sums {
	uint64_t slabs, partial, free, objects, free_objects;
};

static void check_slab_page(struct verify *v, const struct kmem_cache *s,
			    const struct cache_node *n, pfn_t pfn)
{
	const struct page *slab = pfn_page(v->m, pfn);
	if (slab->state != PAGE_USED || slab->owner != owner_handle(OWNER_SLAB, s->id) || slab->lru != LRU_NONE)
		finding(v, "cache %s: slab %u has state %u, owner %#x, LRU list %u", s->name, pfn,
			slab->state, slab->owner, slab->lru);
	if (slab_node(s, slab) != n)
		finding(v, "cache %s: slab %u is of node %u, listed at node %u", s->name, pfn,
			page_zone(v->m, slab)->node->id, (unsigned)(n - s->node));
	if (slab->order != s->layout.order &&
	    (!s->mixed || slab->order < s->layout.min_order || slab->order > s->layout.order))
		finding(v, "cache %s: slab %u has order %u", s->name, pfn, slab->order);
	if (bit_met(v->listed, pfn))
		finding(v, "cache %s: slab %u is on lists twice", s->name, pfn);
}

/* Free objects as bits and as a number. */
static void check_slab_bits(struct verify *v, const struct kmem_cache *s, struct page *slab, unsigned objects)
{
	const uint64_t *bits = slab_free_bits(s, slab);
	unsigned counted = 0, past = 0;
	for (unsigned w = 0; w < DIV_ROUND_UP(objects, 64); w++) {
		uint64_t own = objects - w * 64 < 64 ? (1ull << (objects - w * 64)) - 1 : ~0ull;
		counted += (unsigned)__builtin_popcountll(bits[w]);
		past += (unsigned)__builtin_popcountll(bits[w] & ~own);
	}
	if (counted != slab_nr_free(slab))
		finding(v, "cache %s: slab %u has %u free objects, %u counted", s->name,
			page_pfn(v->m, slab), counted, slab_nr_free(slab));
	if (past)
		finding(v, "cache %s: slab %u has %u free objects past its %u", s->name,
			page_pfn(v->m, slab), past, objects);
}

enum slab_list { LIST_FULL, LIST_PARTIAL, LIST_FREE };
static const char *const list_name[] = { "full", "partial", "free" };

static enum slab_list slab_list(const struct page *slab, unsigned objects)
{
	return !slab_nr_free(slab)            ? LIST_FULL
	       : slab_nr_free(slab) < objects ? LIST_PARTIAL
					      : LIST_FREE;
}

static void check_slab_list(struct verify *v, const struct kmem_cache *s,
			    const struct cache_node *n, enum slab_list which, struct slab_sums *sums)
{
	const struct page_list *l = which == LIST_FULL      ? &n->full
				    : which == LIST_PARTIAL ? &n->partial
							    : &n->free;
	check_links(v, &v->m->node[n - s->node], l, n->nr_slabs + 1);
	for (pfn_t pfn = l->head; pfn && sums->slabs <= n->nr_slabs; pfn = pfn_page(v->m, pfn)->next) {
		struct page *slab = pfn_page(v->m, pfn);
		unsigned objects = slab_objects(s, slab);
		check_slab_page(v, s, n, pfn);
		check_slab_bits(v, s, slab, objects);
		if (slab_list(slab, objects) != which)
			finding(v, "cache %s: slab %u with %u of %u free is on the %s list",
				s->name, pfn, slab_nr_free(slab), objects, list_name[which]);
		sums->slabs++;
		sums->objects += objects;
		sums->free_objects += slab_nr_free(slab);
		sums->partial += which == LIST_PARTIAL;
		sums->free += which == LIST_FREE;
	}
}

static void check_sum(struct verify *v, const struct kmem_cache *s, unsigned node, const char *what,
		      uint64_t listed, uint64_t counted)
{
	if (listed != counted)
		finding(v, "cache %s: node %u: %" PRIu64 " %s listed, %" PRIu64 " counted", s->name,
			node, listed, what, counted);
}

static void check_cache_node(struct verify *v, const struct kmem_cache *s, struct cache_node *n)
{
	struct slab_sums sums = { 0 };
	unsigned node = (unsigned)(n - s->node);
	lock_take(&n->lock);
	for (enum slab_list which = LIST_FULL; which <= LIST_FREE; which++)
		check_slab_list(v, s, n, which, &sums);
	if (sums.slabs && !(s->nodes_seen >> node % 64 & 1))
		finding(v, "cache %s: node %u has slabs and is not marked for it", s->name, node);
	check_sum(v, s, node, "slabs", sums.slabs, n->nr_slabs);
	check_sum(v, s, node, "partial slabs", sums.partial, n->nr_partial);
	check_sum(v, s, node, "free slabs", sums.free, n->nr_free);
	check_sum(v, s, node, "objects", sums.objects, n->objects);
	check_sum(v, s, node, "free objects", sums.free_objects, n->free_objects);
	lock_drop(&n->lock);
}

/* Imported objects that nobody owns are in use. Returns how many the slab has. */
static unsigned check_slab_imported(struct verify *v, const struct kmem_cache *s, pfn_t pfn,
				    const uint64_t *of)
{
	struct page *slab = pfn_page(v->m, pfn);
	unsigned imported = 0, free = 0, words = DIV_ROUND_UP(s->layout.objects, 64);
	for (unsigned w = 0; w < words; w++)
		imported += (unsigned)__builtin_popcountll(of[w]);
	if (!imported)
		return 0;
	if (object_slab(s, slab_address(s->slabs, slab)) != slab) {
		finding(v, "cache %s: %u has imported objects, but is no slab", s->name, pfn);
		return imported;
	}
	const uint64_t *bits = slab_free_bits(s, slab);
	for (unsigned w = 0; w * 64 < slab_objects(s, slab); w++)
		free += (unsigned)__builtin_popcountll(of[w] & bits[w]);
	if (free)
		finding(v, "cache %s: slab %u has %u imported objects that are free", s->name, pfn, free);
	return imported;
}

static void check_imported(struct verify *v, const struct kmem_cache *s)
{
	uint64_t imported = 0;
	unsigned words = DIV_ROUND_UP(s->layout.objects, 64);
	for (uint64_t i = 0; i < s->nr_imported_slabs; i++)
		imported += check_slab_imported(v, s, s->imported[i], s->imported_bits + i * words);
	if (imported != s->nr_imported)
		finding(v, "cache %s: %" PRIu64 " imported objects found, %" PRIu64 " counted",
			s->name, imported, s->nr_imported);
}

void check_slabs(struct verify *v)
{
	for (const struct kmem_cache *s = v->m->slabs ? v->m->slabs->newest : NULL; s; s = s->older) {
		for (unsigned i = 0; i < v->m->nr_nodes; i++)
			check_cache_node(v, s, &s->node[i]);
		check_imported(v, s);
	}
}

/* ---- Objects that are free, but not in their slabs ---- */

static void check_loose_object(struct verify *v, const struct kmem_cache *s, const char *where,
			       const void *object)
{
	struct page *slab = object_slab(s, object);
	if (!slab) {
		finding(v, "cache %s: %s has an object that is in none of its slabs", s->name, where);
		return;
	}
	pfn_t pfn = page_pfn(v->m, slab);
	unsigned i = slab_index(s, slab, object);
	if (i >= slab_objects(s, slab) || slab_object(s, slab, i) != object) {
		finding(v, "cache %s: %s has an address that is no object of slab %u", s->name, where, pfn);
		return;
	}
	if (slab_free_bits(s, slab)[i / 64] & 1ull << i % 64)
		finding(v, "cache %s: object %u of slab %u is free there and in %s", s->name, i, pfn, where);
	if (bit_met(v->seen, (size_t)pfn * SLAB_OBJECTS_MAX + i))
		finding(v, "cache %s: object %u of slab %u is free twice", s->name, i, pfn);
}

static uint64_t check_magazine(struct verify *v, const struct kmem_cache *s, const char *where,
			       const struct magazine *mag)
{
	if (!mag || mag == &magazine_none)
		return 0;
	if (mag->count > mag->limit)
		finding(v, "cache %s: %s holds %u objects of at most %u", s->name, where,
			mag->count, mag->limit);
	if (mag->batch > mag->limit)
		finding(v, "cache %s: %s moves %u objects of at most %u", s->name, where,
			mag->batch, mag->limit);
	for (unsigned i = 0; i < MIN(mag->count, mag->limit); i++)
		check_loose_object(v, s, where, mag->object[i]);
	return mag->count;
}

static void check_cache_loose(struct verify *v, const struct kmem_cache *s)
{
	uint64_t loose = 0, free_objects = 0, objects = 0;
	for (unsigned id = 0; id < v->m->nr_cpu_ids; id++) {
		const struct magazine *mag = s->magazine[id];
		if (mag != &magazine_none && !(s->cpus_seen >> id % 64 & 1))
			finding(v, "cache %s: CPU %u has a magazine and is not marked for it", s->name, id);
		loose += check_magazine(v, s, "a magazine", mag);
		loose += check_magazine(v, s, "an array of other nodes' objects", mag->alien);
	}
	for (unsigned i = 0; i < v->m->nr_nodes; i++) {
		loose += check_magazine(v, s, "a shared array", s->node[i].shared);
		free_objects += s->node[i].free_objects;
		objects += s->node[i].objects;
	}
	if (loose + free_objects > objects)
		finding(v, "cache %s: %" PRIu64 " objects, %" PRIu64 " free in slabs and %" PRIu64 " elsewhere",
			s->name, objects, free_objects, loose);
}

void check_loose_objects(struct verify *v)
{
	for (const struct kmem_cache *s = v->m->slabs ? v->m->slabs->newest : NULL; s; s = s->older)
		check_cache_loose(v, s);
}

/* ---- Pages ---- */

void verify_slab_entry(struct verify *v, pfn_t pfn, const struct page *page)
{
	enum owner_kind kind = owner_kind(page->owner);
	if (kind == OWNER_KMALLOC)
		v->kmalloc_pages[page_zone(v->m, page)->node->id] += 1ull << page->order;
	if (kind == OWNER_SLAB && !(v->listed && v->listed[pfn / 64] & 1ull << pfn % 64))
		finding(v, "page %u: a slab of cache %" PRIu32 " on none of its lists", pfn,
			owner_id(page->owner));
}

/* Pages of the slabs that a cache has on a node; its lists were found right before. */
static uint64_t cache_node_pages(const struct machine *m, const struct cache_node *n)
{
	const struct page_list *list[] = { &n->full, &n->partial, &n->free };
	uint64_t pages = 0, slabs = 0;
	for (unsigned i = 0; i < ARRAY_LEN(list); i++)
		for (pfn_t pfn = list[i]->head; pfn && slabs <= n->nr_slabs;
		     pfn = pfn_page(m, pfn)->next, slabs++)
			pages += 1ull << pfn_page(m, pfn)->order;
	return pages;
}

static void check_slab_counter(struct verify *v, const struct node *n, enum node_stat item,
			       uint64_t pages, enum pinned_kind kind)
{
	for (unsigned t = 0; t < v->m->nr_zone_types; t++)
		pages += n->zone[t]->pinned[kind];
	if (node_stat_sum(n, item) != (int64_t)pages)
		finding(v, "node %u: %" PRIu64 " pages of slabs, %" PRId64 " in %s", n->id, pages,
			node_stat_sum(n, item), node_stat_name[item]);
}

/* Slabs that count for a cache and have no entries are pinned. */
static void check_pinned_slabs(struct verify *v, const struct kmem_cache *newest)
{
	uint64_t slabs = 0, pinned = 0;
	for (const struct kmem_cache *s = newest; s; s = s->older)
		slabs += s->pinned_slabs << s->layout.min_order;
	FOR_EACH_POPULATED_ZONE(z, v->m)
		pinned += z->pinned[PINNED_SLAB_RECLAIMABLE] + z->pinned[PINNED_SLAB_UNRECLAIMABLE];
	if (slabs > pinned)
		finding(v, "caches have %" PRIu64 " pinned pages of slabs at least, zones %" PRIu64,
			slabs, pinned);
}

void check_slab_counters(struct verify *v)
{
	const struct kmem_cache *newest = v->m->slabs ? v->m->slabs->newest : NULL;
	check_pinned_slabs(v, newest);
	for (unsigned i = 0; i < v->m->nr_nodes; i++) {
		uint64_t reclaimable = 0, unreclaimable = v->kmalloc_pages[i];
		if (!v->m->node[i].online)
			continue;
		for (const struct kmem_cache *s = newest; s; s = s->older)
			*(s->flags & SLAB_RECLAIM_ACCOUNT ? &reclaimable : &unreclaimable) +=
				cache_node_pages(v->m, &s->node[i]);
		check_slab_counter(v, &v->m->node[i], NR_SLAB_RECLAIMABLE, reclaimable,
				   PINNED_SLAB_RECLAIMABLE);
		check_slab_counter(v, &v->m->node[i], NR_SLAB_UNRECLAIMABLE, unreclaimable,
				   PINNED_SLAB_UNRECLAIMABLE);
	}
}
