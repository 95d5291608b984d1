/* SPDX-License-Identifier: MIT */
/*
 * The slabs of a cache on one node: full, partial and free ones, and the array
 * that the node's magazines share (mm/slab.c: cache_alloc_refill, free_block,
 * 6.1). A slab is on the list that its number of free objects says.
 *
 * Objects come from partial slabs before free ones, and from the front, where
 * slabs stand that were used last. A slab that runs empty stays while the node
 * keeps fewer than min_partial free ones.
 *
 * What is freed is looked at here for the first time: an object that lies in no
 * slab of the cache, or is free already, is reported and left alone.
 */

#include "mm/slab_private.h"

#include "mm/slab_report.h"

#include <string.h>

static struct page_list *node_list(struct cache_node *n, unsigned nr_free, unsigned objects)
{
	if (!nr_free)
		return &n->full;
	return nr_free < objects ? &n->partial : &n->free;
}

static void node_list_count(struct cache_node *n, const struct page_list *list, uint64_t d)
{
	if (list == &n->partial)
		WRITE_RELAXED(&n->nr_partial, n->nr_partial + d);
	else if (list == &n->free)
		WRITE_RELAXED(&n->nr_free, n->nr_free + d);
}

void node_list_add(const struct kmem_cache *s, struct cache_node *n, struct page *slab)
{
	const struct machine *m = s->slabs->machine;
	struct page_list *list = node_list(n, slab_nr_free(slab), slab_objects(s, slab));
	page_list_push(m->map, list, slab, page_pfn(m, slab));
	node_list_count(n, list, 1);
}

void node_list_del(const struct kmem_cache *s, struct cache_node *n, struct page *slab)
{
	const struct machine *m = s->slabs->machine;
	struct page_list *list = node_list(n, slab_nr_free(slab), slab_objects(s, slab));
	page_list_del(m->map, list, page_pfn(m, slab));
	node_list_count(n, list, (uint64_t)-1);
}

/* Up to nr objects of one slab, lowest first; the counts are the caller's. */
static unsigned slab_take(const struct kmem_cache *s, struct page *slab, void **object, unsigned nr)
{
	uint64_t *bits = slab_free_bits(s, slab);
	char *first = slab_object(s, slab, 0);
	size_t size = s->layout.size;
	unsigned taken = 0, left = MIN(nr, slab_nr_free(slab));

	for (unsigned w = 0; taken < left; w++) {
		uint64_t word = bits[w];
		while (word && taken < left) {
			unsigned i = w * 64 + (unsigned)__builtin_ctzll(word);
			word &= word - 1;
			object[taken++] = first + i * size;
		}
		bits[w] = word;
	}
	slab->index -= taken;
	return taken;
}

static unsigned node_take_locked(const struct kmem_cache *s, struct cache_node *n, void **object, unsigned nr)
{
	const struct machine *m = s->slabs->machine;
	unsigned taken = 0;
	while (taken < nr) {
		pfn_t pfn = n->partial.head ? n->partial.head : n->free.head;
		if (!pfn)
			break;
		struct page *slab = pfn_page(m, pfn);
		unsigned nr_free = slab_nr_free(slab), want = nr - taken;
		bool moves = want >= nr_free || n->partial.head != pfn;
		if (moves)
			node_list_del(s, n, slab);
		taken += slab_take(s, slab, object + taken, want);
		if (moves)
			node_list_add(s, n, slab);
	}
	WRITE_RELAXED(&n->free_objects, n->free_objects - taken);
	return taken;
}

unsigned node_take(struct kmem_cache *s, struct cache_node *n, void **object, unsigned nr)
{
	lock_take(&n->lock);
	unsigned taken = node_take_locked(s, n, object, nr);
	node_drop(s, n);
	return taken;
}

unsigned node_take_shared(struct kmem_cache *s, struct cache_node *n, void **object, unsigned nr)
{
	unsigned taken = 0;
	lock_take(&n->lock);
	struct magazine *shared = n->shared;
	if (shared && shared->count) {
		WRITE_RELAXED(&n->shared_used, true);
		taken = MIN(nr, shared->count);
		WRITE_RELAXED(&shared->count, shared->count - taken);
		memcpy(object, shared->object + shared->count, taken * sizeof(*object));
	} else {
		taken = node_take_locked(s, n, object, nr);
	}
	node_drop(s, n);
	return taken;
}

unsigned node_give_shared(struct kmem_cache *s, struct cache_node *n, void *const *object, unsigned nr)
{
	unsigned given = 0;
	lock_take(&n->lock);
	struct magazine *shared = n->shared;
	if (shared && shared->count < shared->limit) {
		WRITE_RELAXED(&n->shared_used, true);
		given = MIN(nr, shared->limit - shared->count);
		memcpy(shared->object + shared->count, object, given * sizeof(*object));
		WRITE_RELAXED(&shared->count, shared->count + given);
	}
	node_drop(s, n);
	return given;
}

/* ---- Back to the slabs ---- */

/* Slabs that run empty while objects are given back, one after the other by page->next. */
struct emptied {
	pfn_t first;
};

static void emptied_push(struct emptied *e, const struct machine *m, struct page *slab)
{
	slab->next = e->first;
	e->first = page_pfn(m, slab);
}

static uint64_t emptied_destroy(struct emptied *e, struct kmem_cache *s, struct cpu *c)
{
	uint64_t pages = 0;
	while (e->first) {
		struct page *slab = pfn_page(s->slabs->machine, e->first);
		e->first = slab->next;
		pages += 1ull << slab->order;
		slab_destroy(s, c, slab);
	}
	return pages;
}

/* A free slab leaves the node's books. */
static void node_forget(const struct kmem_cache *s, struct cache_node *n, struct page *slab,
			struct emptied *out)
{
	unsigned objects = slab_objects(s, slab);
	node_list_del(s, n, slab);
	slab->owner = 0;
	WRITE_RELAXED(&n->nr_slabs, n->nr_slabs - 1);
	WRITE_RELAXED(&n->objects, n->objects - objects);
	WRITE_RELAXED(&n->free_objects, n->free_objects - objects);
	emptied_push(out, s->slabs->machine, slab);
}

/* The slab's books. false: the object is none of it, or is free. */
static bool slab_give(const struct kmem_cache *s, struct page *slab, const void *object, unsigned objects)
{
	unsigned i = slab_index(s, slab, object);
	uint64_t *word = &slab_free_bits(s, slab)[i / 64], bit = 1ull << i % 64;

	if (UNLIKELY(i >= objects || slab_object(s, slab, i) != object)) {
		slab_report_free(s, slab, object, SLAB_BAD_POINTER);
		return false;
	}
	if (UNLIKELY(*word & bit)) {
		slab_report_free(s, slab, object, SLAB_DOUBLE_FREE);
		return false;
	}
	*word |= bit;
	slab->index++;
	return true;
}

/* The slab has one more free object: was it full, is it free? Its count says it already. */
static NOINLINE void node_list_move(struct kmem_cache *s, struct cache_node *n, struct page *slab,
				    struct emptied *out)
{
	slab->index--;
	node_list_del(s, n, slab);
	slab->index++;
	node_list_add(s, n, slab);
	if (slab_nr_free(slab) == slab_objects(s, slab) && n->nr_free > READ_RELAXED(&s->min_partial))
		node_forget(s, n, slab, out);
}

/* Where the slabs of most objects have their entries. */
static inline struct page *slab_guess(const struct kmem_cache *s, const void *object)
{
	const struct slabs *sl = s->slabs;
	return sl->machine->map + (object_pfn(sl, object) & ~((1u << s->layout.order) - 1));
}

/* Objects of one node, the lock of which is held, up to the first of another. Returns how many. */
static unsigned node_give(struct kmem_cache *s, struct cache_node *n, void *const *object,
			  unsigned nr, struct emptied *out)
{
	unsigned i = 0;
	for (; i < nr; i++) {
		struct page *slab = object_slab(s, object[i]);
		if (UNLIKELY(!slab)) {
			slab_report_free(s, NULL, object[i], SLAB_WRONG_CACHE);
			continue;
		}
		if (slab_node(s, slab) != n)
			break;
		unsigned objects = slab_objects(s, slab);
		if (!slab_give(s, slab, object[i], objects))
			continue;
		WRITE_RELAXED(&n->free_objects, n->free_objects + 1);
		if (slab_nr_free(slab) == 1 || slab_nr_free(slab) == objects)
			node_list_move(s, n, slab, out);
	}
	return i;
}

uint64_t nodes_give(struct kmem_cache *s, struct cpu *c, void *const *object, unsigned nr)
{
	struct emptied emptied = { PFN_NIL };

	for (unsigned i = 0; i < nr; i++)
		__builtin_prefetch(slab_guess(s, object[i]), 1);
	for (unsigned i = 0; i < nr;) {
		const struct page *slab = object_slab(s, object[i]);
		struct cache_node *n = slab ? slab_node(s, slab) : &s->node[cpu_mem_node(c)->id];
		lock_take(&n->lock);
		i += node_give(s, n, object + i, nr - i, &emptied);
		node_drop(s, n);
	}
	return emptied_destroy(&emptied, s, c);
}

uint64_t node_trim(struct kmem_cache *s, struct cpu *c, struct cache_node *n, unsigned keep)
{
	struct emptied emptied = { PFN_NIL };
	lock_take(&n->lock);
	while (n->nr_free > keep)
		node_forget(s, n, pfn_page(s->slabs->machine, n->free.tail), &emptied);
	node_drop(s, n);
	return emptied_destroy(&emptied, s, c);
}

void node_sort(const struct kmem_cache *s, struct cache_node *n)
{
	const struct machine *m = s->slabs->machine;
	struct page_list by_free[SLAB_OBJECTS_MAX + 1];
	unsigned objects = s->layout.objects;

	memset(by_free, 0, sizeof(*by_free) * (objects + 1));
	lock_take(&n->lock);
	while (n->partial.head) {
		struct page *slab = page_list_pop(m->map, &n->partial);
		page_list_push(m->map, &by_free[slab_nr_free(slab)], slab, page_pfn(m, slab));
	}
	for (unsigned nr_free = 1; nr_free <= objects; nr_free++)
		while (by_free[nr_free].head) {
			struct page *slab = page_list_pop(m->map, &by_free[nr_free]);
			page_list_add_tail(m->map, &n->partial, page_pfn(m, slab));
		}
	lock_drop(&n->lock);
}
