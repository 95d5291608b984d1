/* SPDX-License-Identifier: MIT */
#ifndef MM_SLAB_PRIVATE_H
#define MM_SLAB_PRIVATE_H

/* What the parts of the slab allocator need of each other; nothing for other files. */

#include "mm/owner.h"
#include "mm/slab.h"

#define FREE_WORDS (SLAB_OBJECTS_MAX / 64)
#define EXCHANGE_MAX                                                                               \
	512u /* objects that change hands at once, at most: the largest limit of a magazine */

/* ---- slab_pages.c: slabs as blocks of pages. Inside c, no lock of the cache held ---- */

/* A new slab, all objects free, on the free list of its node. NULL: no memory. */
struct page *slab_create(struct kmem_cache *s, struct cpu *c, int nid, gfp_t gfp);
void slab_destroy(struct kmem_cache *s, struct cpu *c, struct page *slab); /* on no list, all objects free */
/* Its bytes will be written: charged once, until the slab goes. 0 or -ENOMEM. The node's lock is not held. */
MUST_CHECK int slab_charge(const struct kmem_cache *s, struct page *slab);

/* nodes_seen, cpus_seen */
static inline void seen_add(uint64_t *seen, unsigned number)
{
	uint64_t bit = 1ull << (number % 64);
	if (UNLIKELY(!(READ_RELAXED(seen) & bit)))
		__atomic_fetch_or(seen, bit, __ATOMIC_RELAXED);
}

static inline struct cache_node *slab_node(const struct kmem_cache *s, const struct page *slab)
{
	return &s->node[slab->zone / MM_ZONE_TYPES_MAX];
}
/* The node whose memory is nearest to a CPU. */
static inline struct node *cpu_mem_node(const struct cpu *c)
{
	return c->node->zonelist[0].zone->node;
}

/* The lock of a node after something changed: whoever counts looks again. */
static inline void node_drop(struct kmem_cache *s, struct cache_node *n)
{
	lock_drop(&n->lock);
	__atomic_fetch_add(&s->changes, 1, __ATOMIC_RELEASE);
}

/* ---- slab_node.c: lists of slabs. Each takes the lock of the node it works on ---- */

/* Up to nr free objects off the slabs of one node, from partial slabs first. Returns how many. */
unsigned node_take(struct kmem_cache *s, struct cache_node *n, void **object, unsigned nr);
/* The same, what the shared array has first. */
unsigned node_take_shared(struct kmem_cache *s, struct cache_node *n, void **object, unsigned nr);
/* As many of them as fit into the shared array of their node, all from there. Returns how many. */
unsigned node_give_shared(struct kmem_cache *s, struct cache_node *n, void *const *object, unsigned nr);
/* Objects of any nodes go back to their slabs; slabs that are not needed any more go. Inside c. Returns pages given back. */
uint64_t nodes_give(struct kmem_cache *s, struct cpu *c, void *const *object, unsigned nr);
/* A new slab, or one with other free objects than before: onto the list where it belongs. The lock is held. */
void node_list_add(const struct kmem_cache *s, struct cache_node *n, struct page *slab);
void node_list_del(const struct kmem_cache *s, struct cache_node *n, struct page *slab);
/* Free slabs past `keep` go. Inside c. Returns pages given back. */
uint64_t node_trim(struct kmem_cache *s, struct cpu *c, struct cache_node *n, unsigned keep);
/* Partial slabs, fullest first, so that the emptiest run empty. */
void node_sort(const struct kmem_cache *s, struct cache_node *n);

/* ---- slab_magazine.c ---- */
/* All objects of a CPU's magazine go to the slabs, and the magazine with them when `gone`. Inside c. Returns pages given back. */
uint64_t magazine_drain(struct kmem_cache *s, struct cpu *c, bool gone);
/* The same of a node's shared array. */
uint64_t shared_drain(struct kmem_cache *s, struct cpu *c, struct cache_node *n);

#endif
