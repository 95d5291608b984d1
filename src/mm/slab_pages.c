/* SPDX-License-Identifier: MIT */
/*
 * A slab is a block of pages that its cache owns (mm/slub.c: allocate_slab,
 * 6.1). The entry of its head page describes it:
 *
 *   owner     OWNER_SLAB and the number of the cache
 *   index     how many objects are free
 *   private   which ones, a bit each; with more than 64 objects the bits stand
 *             in slabs->free_bits
 *   next,prev the list of its node
 *
 * PG_CONTENT on its pages: bytes were written, the host is charged for them.
 */

#include "mm/slab_debug.h"
#include "mm/slab_private.h"

#include <errno.h>
#include <string.h>

/*
 * Slabs of one cache are of its order, or, when memory was short, of a lower
 * one. The search goes upward, so that for an object in a slab no entry outside
 * that slab is looked at: others may be writing there.
 */
struct page *object_slab(const struct kmem_cache *s, const void *object)
{
	const struct slabs *sl = s->slabs;
	uint64_t frame = ((uintptr_t)object - (uintptr_t)sl->source.base) >> PAGE_SHIFT;
	uint32_t owner = owner_handle(OWNER_SLAB, s->id);
	unsigned order = UNLIKELY(READ_RELAXED(&s->mixed)) ? s->layout.min_order : s->layout.order;

	if (UNLIKELY(frame >= sl->machine->end_pfn))
		return NULL;
	for (; order <= s->layout.order; order++) {
		struct page *slab = pfn_page(sl->machine, (pfn_t)(frame & ~((1ull << order) - 1)));
		if (LIKELY(slab->owner == owner && slab->order == order &&
			   READ_RELAXED(&slab->state) == PAGE_USED))
			return slab;
	}
	return NULL;
}

/* A block of the cache's order without much trying, else one of the least order. 6.1: allocate_slab. */
static struct page *slab_take_pages(const struct kmem_cache *s, struct cpu *c, int nid, gfp_t gfp,
				    unsigned *order)
{
	const struct slab_source *from = &s->slabs->source;
	const gfp_t user = __GFP_HIGH | __GFP_IO | __GFP_FS | __GFP_ATOMIC | __GFP_RECLAIM |
			   __GFP_NOWARN | __GFP_RETRY_MAYFAIL | __GFP_NOFAIL | __GFP_NORETRY |
			   __GFP_MEMALLOC | __GFP_NOMEMALLOC | __GFP_HARDWALL | __GFP_THISNODE;
	gfp_t least = (gfp & user) | s->page_gfp;
	gfp_t want = (least | __GFP_NOWARN | __GFP_NORETRY) & ~__GFP_NOFAIL;

	*order = s->layout.order;
	if (s->layout.order > s->layout.min_order && (want & __GFP_DIRECT_RECLAIM))
		want = (want | __GFP_NOMEMALLOC) & ~__GFP_RECLAIM;
	struct page *page = from->take(from->ctx, c, nid, want, *order);
	if (LIKELY(page))
		return page;
	*order = s->layout.min_order;
	return from->take(from->ctx, c, nid, least, *order);
}

static void slab_bits_set(const struct kmem_cache *s, struct page *slab, unsigned objects)
{
	uint64_t *bits = slab_free_bits(s, slab);
	for (unsigned i = 0; i < objects; i += 64)
		bits[i / 64] = objects - i < 64 ? (1ull << (objects - i)) - 1 : ~0ull;
}

/* Two objects of one slab may be written to first at the same time: the lock lets one of them pay. */
int slab_charge(const struct kmem_cache *s, struct page *slab)
{
	const struct slab_source *from = &s->slabs->source;
	if (!from->charge || (READ_RELAXED(&slab->flags) & PG_CONTENT))
		return 0;
	struct cache_node *n = slab_node(s, slab);
	lock_take(&n->lock);
	int error = slab->flags & PG_CONTENT ? 0 : from->charge(from->ctx, slab, slab->order);
	lock_drop(&n->lock);
	return error;
}

static int slab_construct(const struct kmem_cache *s, struct page *slab)
{
	bool watched = slab_debug_keeps_bytes(s);
	if (LIKELY((!s->ctor && !watched) || !s->slabs->source.base))
		return 0;
	if (slab_charge(s, slab))
		return -ENOMEM;
	if (watched)
		slab_debug_setup(s, slab);
	for (unsigned i = 0; s->ctor && i < slab_objects(s, slab); i++)
		s->ctor(slab_object(s, slab, i));
	return 0;
}

static void slab_count(const struct kmem_cache *s, struct cpu *c, const struct page *slab, int sign)
{
	enum node_stat item = s->flags & SLAB_RECLAIM_ACCOUNT ? NR_SLAB_RECLAIMABLE : NR_SLAB_UNRECLAIMABLE;
	node_stat_add(c, page_zone(s->slabs->machine, slab)->node, item, sign * (1 << slab->order));
}

static void slab_give_pages(const struct kmem_cache *s, struct cpu *c, struct page *slab)
{
	const struct slab_source *from = &s->slabs->source;
	unsigned order = slab->order;
	if (from->discard && (slab->flags & PG_CONTENT))
		from->discard(from->ctx, slab, order);
	slab->owner = 0;
	slab->index = 0;
	slab->private = 0;
	from->give(from->ctx, c, slab, order);
}

struct page *slab_create(struct kmem_cache *s, struct cpu *c, int nid, gfp_t gfp)
{
	unsigned order;
	struct page *slab = slab_take_pages(s, c, nid, gfp, &order);
	if (UNLIKELY(!slab))
		return NULL;
	slab->order = (uint8_t)order;
	unsigned objects = slab_objects(s, slab);
	slab_bits_set(s, slab, objects);
	slab->index = objects;
	if (UNLIKELY(slab_construct(s, slab))) {
		slab_give_pages(s, c, slab);
		return NULL;
	}
	struct cache_node *n = slab_node(s, slab);
	if (UNLIKELY(order != s->layout.order))
		WRITE_RELAXED(&s->mixed, true);
	slab_count(s, c, slab, 1);
	lock_take(&n->lock);
	slab->owner = owner_handle(OWNER_SLAB, s->id);
	seen_add(&s->nodes_seen, (unsigned)(n - s->node));
	WRITE_RELAXED(&n->nr_slabs, n->nr_slabs + 1);
	WRITE_RELAXED(&n->objects, n->objects + objects);
	WRITE_RELAXED(&n->free_objects, n->free_objects + objects);
	node_list_add(s, n, slab);
	node_drop(s, n);
	return slab;
}

void slab_destroy(struct kmem_cache *s, struct cpu *c, struct page *slab)
{
	slab_count(s, c, slab, -1);
	slab_give_pages(s, c, slab);
}
