/* SPDX-License-Identifier: MIT */
#ifndef MM_SLAB_SELF_H
#define MM_SLAB_SELF_H

/*
 * What describes a cache is itself an object: of the cache kmem_cache, and one
 * of kmem_cache_node for each node with memory (mm/slub.c: kmem_cache_init,
 * bootstrap, 6.1).
 */

#include "mm/slab.h"

/*
 * From now on caches have such objects, those that are there first, the two
 * caches themselves among them, as far as there is memory. `imported`: those
 * that are there were described before this machine ran, so only imported
 * objects are taken over, and a cache that finds none has none. Once; nothing
 * when the machine has no such caches. Inside no CPU.
 */
void slabs_self_start(struct slabs *sl, bool imported);

/* For a cache that nobody else knows yet. 0 or -ENOMEM. Inside no CPU, slabs->lock not held. */
MUST_CHECK int cache_self_take(struct kmem_cache *s);
void cache_self_give(struct kmem_cache *s); /* of one that nobody else knows any more; likewise */

#endif
