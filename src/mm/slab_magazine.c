/* SPDX-License-Identifier: MIT */
/*
 * Behind the short paths of slab.h: magazines that ran empty or full, and
 * objects that go around them (mm/slab.c: cache_alloc_refill,
 * cache_flusharray, cache_free_alien, 6.1).
 *
 * A magazine is made when its CPU first uses the cache. While there is none (no
 * host memory, debugging, failslab) magazine_none stands in: it has nothing and
 * takes nothing, so every object comes the slow way and goes to its slab.
 *
 * An object of another node does not enter the magazine: it waits in `alien`
 * for others, and a batch of them goes home at once.
 */

#include "mm/slab_private.h"

#include "base/mem.h"
#include "mm/slab_debug.h"

#include <errno.h>
#include <string.h>

struct magazine magazine_none;

/* ---- Magazines ---- */

static struct magazine *magazine_create(unsigned limit, unsigned batch)
{
	struct magazine *mag =
		mem_zalloc_aligned(ALIGN_UP(sizeof(*mag) + limit * sizeof(void *), 64), 64);
	if (!mag)
		return NULL;
	mag->limit = limit;
	mag->batch = batch;
	mag->home_bytes = UINTPTR_MAX;
	return mag;
}

/*
 * Which addresses are of the CPU's own node. Nodes whose memory lies between
 * that of another have none that could be told so cheaply: each object is
 * looked up then.
 */
static void magazine_set_home(const struct kmem_cache *s, const struct cpu *c, struct magazine *mag)
{
	const struct slabs *sl = s->slabs;
	if (!sl->several_nodes)
		return;
	const struct node *home = cpu_mem_node(c);
	uint64_t start = UINT64_MAX, end = 0;
	FOR_EACH_POPULATED_ZONE(z, sl->machine)
		if (z->node == home) {
			start = MIN(start, z->start_pfn);
			end = MAX(end, z->start_pfn + z->spanned);
		}
	FOR_EACH_POPULATED_ZONE(z, sl->machine)
		if (z->node != home && z->start_pfn < end && z->start_pfn + z->spanned > start)
			end = start;
	mag->home = (uintptr_t)sl->source.base + (uintptr_t)(start << PAGE_SHIFT);
	mag->home_bytes = (uintptr_t)((end - start) << PAGE_SHIFT);
}

static NOINLINE struct magazine *cache_add_magazine(struct kmem_cache *s, const struct cpu *c)
{
	if (s->direct || READ_RELAXED(&s->slabs->direct))
		return &magazine_none;
	unsigned limit = READ_RELAXED(&s->limit), batch = READ_RELAXED(&s->batch);
	struct magazine *mag = magazine_create(limit, MIN(batch, limit)); /* may be read while they are written */
	if (!mag)
		return &magazine_none;
	magazine_set_home(s, c, mag);
	WRITE_RELEASE(&s->magazine[c->id], mag);
	seen_add(&s->cpus_seen, c->id);
	return mag;
}

static inline struct magazine *cache_magazine(struct kmem_cache *s, const struct cpu *c)
{
	struct magazine *mag = s->magazine[c->id];
	return LIKELY(mag != &magazine_none) ? mag : cache_add_magazine(s, c);
}

static bool object_is_home(const struct kmem_cache *s, const struct cpu *c,
			   const struct magazine *mag, const void *object)
{
	if ((uintptr_t)object - mag->home < mag->home_bytes)
		return true;
	if (mag->home_bytes)
		return false;
	const struct page *slab = object_slab(s, object);
	return !slab || page_zone(s->slabs->machine, slab)->node == cpu_mem_node(c);
}

/* ---- Allocation ---- */

/* What is free on any node, nearest first. No lock; the count only says whether a look is worth it. */
static void *cache_take_anywhere(struct kmem_cache *s, const struct node *near)
{
	void *object;
	for (unsigned i = 0; i < near->nr_zonelist; i++) {
		struct cache_node *n = &s->node[near->zonelist[i].zone->node->id];
		if (READ_RELAXED(&n->free_objects) && node_take(s, n, &object, 1))
			return object;
	}
	return NULL;
}

/*
 * A new slab of this very node, for which nobody reclaims while other nodes may
 * have some (gfp_exact_node, 6.1). NULL: none.
 */
static struct page *cache_grow_near(struct kmem_cache *s, struct cpu *c, const struct node *near, gfp_t gfp)
{
	if (!s->slabs->several_nodes)
		return slab_create(s, c, -1, gfp);
	if (!(gfp & __GFP_THISNODE))
		gfp = (gfp | __GFP_THISNODE | __GFP_NOWARN) & ~(__GFP_RECLAIM | __GFP_NOFAIL);
	return slab_create(s, c, (int)near->id, gfp);
}

/* The node has none: what is free elsewhere first, then a new slab anywhere (6.1 SLAB: fallback_alloc). */
static void *cache_take_far(struct kmem_cache *s, struct cpu *c, const struct node *near, gfp_t gfp)
{
	if (s->slabs->several_nodes && (gfp & __GFP_THISNODE))
		return NULL;
	for (;;) {
		void *object = cache_take_anywhere(s, near);
		if (object || !s->slabs->several_nodes)
			return object;
		struct page *slab = slab_create(s, c, (int)near->id, gfp);
		if (!slab)
			return NULL;
		if (node_take(s, slab_node(s, slab), &object, 1))
			return object;
	}
}

/* One object around the magazine, of a node (-1: near the CPU). */
static void *cache_take_one(struct kmem_cache *s, struct cpu *c, int nid, gfp_t gfp)
{
	const struct node *near = nid < 0 ? cpu_mem_node(c) : &s->slabs->machine->node[nid];
	struct cache_node *n = &s->node[near->id];
	void *object;

	while (!node_take_shared(s, n, &object, 1))
		if (UNLIKELY(!cache_grow_near(s, c, near, gfp)))
			return cache_take_far(s, c, near, gfp);
	return object;
}

/* Fill the magazine from the CPU's node. A CPU that was left meanwhile may have a full one again. */
static void *cache_refill(struct kmem_cache *s, struct cpu *c, gfp_t gfp)
{
	const struct node *near = cpu_mem_node(c);
	for (;;) {
		struct magazine *mag = cache_magazine(s, c);
		if (UNLIKELY(mag == &magazine_none))
			return cache_take_one(s, c, -1, gfp);
		unsigned want = MIN(mag->batch, mag->limit - mag->count), count = mag->count;
		if (want)
			count += node_take_shared(s, &s->node[near->id], mag->object + count, want);
		if (count) {
			WRITE_RELAXED(&mag->count, count - 1);
			return mag->object[count - 1];
		}
		if (UNLIKELY(!cache_grow_near(s, c, near, gfp)))
			return cache_take_far(s, c, near, gfp);
	}
}

/* -EFAULT: somebody gave the cache an object that is not its own. */
int kmem_cache_zero(struct kmem_cache *s, void *object)
{
	if (!s->slabs->source.base)
		return 0;
	struct page *slab = object_slab(s, object);
	if (UNLIKELY(!slab))
		return -EFAULT;
	if (slab_charge(s, slab))
		return -ENOMEM;
	memset(object, 0, s->layout.object_size);
	return 0;
}

/* Without a magazine, as debugging wants it: the object is looked at, and a damaged one is never handed out. */
static void *cache_alloc_checked(struct kmem_cache *s, struct cpu *c, int nid, gfp_t gfp)
{
	void *object;
	do
		object = cache_take_one(s, c, nid, gfp);
	while (object && !slab_check_alloc(s, c, object));
	return object;
}

static bool alloc_fails(const struct kmem_cache *s, gfp_t gfp)
{
	const struct slabs *sl = s->slabs;
	return UNLIKELY(READ_RELAXED(&sl->direct)) && sl->source.fails &&
	       sl->source.fails(sl->source.ctx, s, gfp);
}

static void *cache_alloc(struct kmem_cache *s, struct cpu *c, int nid, gfp_t gfp)
{
	if (UNLIKELY(s->direct))
		return cache_alloc_checked(s, c, nid, gfp);
	if (nid >= 0)
		return cache_take_one(s, c, nid, gfp);
	struct magazine *mag = s->magazine[c->id];
	if (!mag->count)
		return cache_refill(s, c, gfp);
	WRITE_RELAXED(&mag->count, mag->count - 1);
	return mag->object[mag->count];
}

void *cache_alloc_slow(struct kmem_cache *s, struct cpu *c, int nid, gfp_t gfp)
{
	if (alloc_fails(s, gfp))
		return NULL;
	void *object = cache_alloc(s, c, nid, gfp);
	while (object && (gfp & __GFP_ZERO)) {
		int error = kmem_cache_zero(s, object);
		if (LIKELY(!error))
			break;
		nodes_give(s, c, &object, 1); /* which also says what is wrong with it */
		object = error == -ENOMEM ? NULL : cache_alloc(s, c, nid, gfp);
	}
	return object;
}

void *kmem_cache_alloc_node(struct kmem_cache *s, struct cpu *c, int nid, gfp_t gfp)
{
	if (nid == (int)cpu_mem_node(c)->id && !(gfp & __GFP_THISNODE))
		return kmem_cache_alloc(s, c, gfp);
	return cache_alloc_slow(s, c, nid, gfp);
}

int kmem_cache_alloc_bulk(struct kmem_cache *s, struct cpu *c, gfp_t gfp, size_t nr, void **object)
{
	for (size_t got = 0; got < nr; got++) {
		object[got] = kmem_cache_alloc(s, c, gfp);
		if (UNLIKELY(!object[got])) {
			kmem_cache_free_bulk(s, c, got, object);
			return -ENOMEM;
		}
	}
	return 0;
}

/* ---- Freeing ---- */

/* The array that magazines of a node exchange through is there from the first batch on. */
static void node_add_shared(struct kmem_cache *s, struct cache_node *n)
{
	unsigned limit = READ_RELAXED(&s->batch) * READ_RELAXED(&s->sharedfactor);
	if (LIKELY(READ_RELAXED(&n->shared)) || !limit)
		return;
	struct magazine *shared = magazine_create(limit, 0);
	if (!shared)
		return;
	lock_take(&n->lock);
	if (n->shared)
		mem_free(shared);
	else
		WRITE_RELEASE(&n->shared, shared);
	lock_drop(&n->lock);
}

/* The coldest batch goes: to other CPUs of the node as far as there is room, else to the slabs. */
static void magazine_flush(struct kmem_cache *s, struct cpu *c, struct magazine *mag, unsigned nr)
{
	struct cache_node *n = &s->node[cpu_mem_node(c)->id];
	node_add_shared(s, n);
	unsigned given = node_give_shared(s, n, mag->object, nr);
	if (given < nr)
		nodes_give(s, c, mag->object + given, nr - given);
	WRITE_RELAXED(&mag->count, mag->count - nr);
	memmove(mag->object, mag->object + nr, mag->count * sizeof(*mag->object));
}

static uint64_t alien_flush(struct kmem_cache *s, struct cpu *c, struct magazine *alien)
{
	unsigned nr = alien->count;
	WRITE_RELAXED(&alien->count, 0);
	return nodes_give(s, c, alien->object, nr);
}

static void cache_free_alien(struct kmem_cache *s, struct cpu *c, struct magazine *mag, void *object)
{
	if (!mag->alien)
		WRITE_RELEASE(&mag->alien, magazine_create(mag->batch, 0));
	struct magazine *alien = mag->alien;
	if (UNLIKELY(!alien)) {
		nodes_give(s, c, &object, 1);
		return;
	}
	if (alien->count == alien->limit)
		alien_flush(s, c, alien);
	alien->object[alien->count] = object;
	WRITE_RELAXED(&alien->count, alien->count + 1);
}

void cache_free_slow(struct kmem_cache *s, struct cpu *c, void *object)
{
	if (UNLIKELY(s->direct && !slab_check_free(s, c, object)))
		return;
	struct magazine *mag = cache_magazine(s, c);
	if (UNLIKELY(mag == &magazine_none)) {
		nodes_give(s, c, &object, 1);
		return;
	}
	if (!object_is_home(s, c, mag, object)) {
		cache_free_alien(s, c, mag, object);
		return;
	}
	if (mag->count == mag->limit)
		magazine_flush(s, c, mag, mag->batch);
	mag->object[mag->count] = object;
	WRITE_RELAXED(&mag->count, mag->count + 1);
}

void kmem_cache_free_bulk(struct kmem_cache *s, struct cpu *c, size_t nr, void *const *object)
{
	for (size_t i = 0; i < nr; i++)
		kmem_cache_free(s, c, object[i]);
}

/* ---- Draining ---- */

uint64_t magazine_drain(struct kmem_cache *s, struct cpu *c, bool gone)
{
	struct magazine *mag = s->magazine[c->id];
	if (mag == &magazine_none)
		return 0;
	unsigned nr = mag->count;
	WRITE_RELAXED(&mag->count, 0);
	uint64_t pages = nodes_give(s, c, mag->object, nr);
	if (mag->alien)
		pages += alien_flush(s, c, mag->alien);
	if (gone) {
		WRITE_RELAXED(&s->magazine[c->id], &magazine_none);
		mem_free(mag->alien);
		mem_free(mag);
	}
	return pages;
}

uint64_t shared_drain(struct kmem_cache *s, struct cpu *c, struct cache_node *n)
{
	lock_take(&n->lock);
	struct magazine *shared = n->shared;
	WRITE_RELAXED(&n->shared, NULL);
	node_drop(s, n);
	if (!shared)
		return 0;
	uint64_t pages = nodes_give(s, c, shared->object, shared->count);
	mem_free(shared);
	return pages;
}

/* ---- Restoring ---- */

static struct magazine *loose_find(struct kmem_cache *s, enum loose_place place, unsigned id)
{
	if (place == LOOSE_SHARED) {
		node_add_shared(s, &s->node[id]);
		return s->node[id].shared;
	}
	struct magazine *mag = cache_magazine(s, &s->slabs->machine->cpu[id]);
	if (mag == &magazine_none || place == LOOSE_MAGAZINE)
		return mag;
	if (!mag->alien)
		mag->alien = magazine_create(mag->batch, 0);
	return mag->alien;
}

int kmem_cache_restore_loose(struct kmem_cache *s, enum loose_place place, unsigned id, void *object)
{
	if (s->direct || s->slabs->direct)
		return -EINVAL;
	struct magazine *mag = loose_find(s, place, id);
	if (!mag || mag == &magazine_none)
		return -ENOMEM;
	if (mag->count == mag->limit)
		return -EINVAL;
	mag->object[mag->count++] = object;
	if (place != LOOSE_SHARED)
		s->slabs->machine->cpu[id].turns += 2; /* whoever looks at magazines sees that something happened */
	return 0;
}
