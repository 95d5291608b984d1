/* SPDX-License-Identifier: MIT */
#ifndef MM_KMALLOC_H
#define MM_KMALLOC_H

/*
 * Memory by size (mm/slab_common.c, include/linux/slab.h, 6.1): an object of
 * the cache whose step is large enough, in the family that the request flags
 * ask for; a block of whole pages when no step is.
 *
 * What follows from the flags and the size is looked up in tables made once,
 * so the common path is two loads and kmem_cache_alloc. Read only afterwards,
 * no lock. The caches of kmalloc have a reference for as long as it lives.
 *
 * Different from 6.1: no bytes at all are none (NULL), not an address that
 * must not be used; and only what kmalloc handed out can be given to kfree.
 */

#include "mm/slab.h"
#include "mm/slab_known.h"

#define KMALLOC_ODD_MAX                                                                            \
	192u /* up to here steps are not powers of two alone: 8 bytes make a row of the table */
#define KMALLOC_BYTES_MAX ((size_t)PAGE_SIZE << MM_ORDER_MAX) /* more is never there */
#define KMALLOC_GFP_SETS 8u /* the flags that choose a family, set or not */

struct kmalloc {
	struct slabs *slabs; /* NULL: not there yet */
	struct kmem_cache *cache[KMALLOC_GFP_SETS][KMALLOC_STEPS]; /* NULL: whole pages serve */
	struct kmem_cache **by_id; /* those of kmalloc, nr_ids of them */
	uint32_t nr_ids;
	uint8_t step[KMALLOC_ODD_MAX / 8]; /* by (size - 1) / 8 */
};

/*
 * Make the machine's caches in the kernel's order. Where some are there (an
 * import made them) none is added: a step or a family that the machine lacks
 * is served as the kernel of such a machine does it, by the next larger step
 * and by the plain family. 0 or -ENOMEM. Inside no CPU, takes slabs->lock.
 */
MUST_CHECK int kmalloc_init(struct kmalloc *k, struct slabs *sl);
void kmalloc_fini(struct kmalloc *k); /* what it knows, not the caches; also after a failed kmalloc_init */

/* Which cache has objects for size bytes, 1 to KMALLOC_CACHE_MAX; NULL: whole pages serve. */
static inline struct kmem_cache *kmalloc_cache(const struct kmalloc *k, size_t size, gfp_t gfp)
{
	unsigned set = (gfp & __GFP_DMA) | (gfp & __GFP_RECLAIMABLE) >> 3 | (gfp & __GFP_ACCOUNT) >> 20;
	unsigned step = size <= KMALLOC_ODD_MAX ? k->step[(size - 1) / 8] : fls64(size - 1) - 1;
	return k->cache[set][step];
}

/* ---- Inside c, as in mm/slab.h ---- */

/* For what no cache serves: 2^n pages, counted as unreclaimable slab. NULL: none, or no such size. */
void *kmalloc_large(struct kmalloc *k, struct cpu *c, int nid, size_t size, gfp_t gfp);

/* At least size bytes; NULL: none. __GFP_ZERO: they are zero. */
static inline void *kmalloc(struct kmalloc *k, struct cpu *c, size_t size, gfp_t gfp)
{
	struct kmem_cache *s = LIKELY(size - 1 < KMALLOC_CACHE_MAX) ? kmalloc_cache(k, size, gfp) : NULL;
	return LIKELY(s) ? kmem_cache_alloc(s, c, gfp) : kmalloc_large(k, c, -1, size, gfp);
}
/* Near a node; of no other with __GFP_THISNODE. */
void *kmalloc_node(struct kmalloc *k, struct cpu *c, size_t size, gfp_t gfp, int nid);
/* NULL is nothing to free. What kmalloc never handed out is reported in the log and left alone. */
void kfree(struct kmalloc *k, struct cpu *c, void *p);

/* All nr or none and -ENOMEM. */
MUST_CHECK int kmalloc_bulk(struct kmalloc *k, struct cpu *c, size_t size, gfp_t gfp, size_t nr, void **p);

/* How many bytes may be used at p, which kmalloc handed out; 0: it did not. Inside no CPU, too. */
size_t ksize(const struct kmalloc *k, const void *p);

#endif
