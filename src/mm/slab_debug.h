/* SPDX-License-Identifier: MIT */
#ifndef MM_SLAB_DEBUG_H
#define MM_SLAB_DEBUG_H

/*
 * Caches that watch over their objects (mm/slub.c: SLUB_DEBUG, 6.1):
 *
 *   F  SLAB_CONSISTENCY_CHECKS  what follows is checked when an object leaves its slab and comes back
 *   Z  SLAB_RED_ZONE            bytes before and behind each object say whether it is in use
 *   P  SLAB_POISON              free objects and padding have known bytes
 *   U  SLAB_STORE_USER          who had it last: CPU, process, time
 *   T  SLAB_TRACE               each object's way is logged
 *
 * Without F damage is found by slab_validate only. Bytes are kept only where
 * there is memory to look into (slab_source.base).
 */

#include "mm/slab.h"

#define SLAB_DEBUG_DEFAULT (SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER)
#define SLAB_DEBUG_FAILSLAB (1u << 31) /* the letter A: kmem_cache.failslab */

/* ---- slab_debug=, slab_debug_option.c ---- */

/*
 * The kernel's boot parameter: what stands behind "slab_debug=", in blocks
 * "LETTERS[,NAME...]" separated by ';'. NAME may end in '*'. No letters: all of
 * FZPU; '-': none; O: no cache that would need larger slabs for it. The last
 * block without names is for all caches that no other block names; the first
 * block that names a cache decides.
 */
bool slab_debug_valid(const char *text);
/* For caches made from now on. NULL or "": all of FZPU for all. 0; -EINVAL: an unknown letter; -ENOMEM. */
MUST_CHECK int slabs_debug_parse(struct slabs *sl, const char *text);
/* spec->flags and what was asked for; perhaps SLAB_DEBUG_FAILSLAB, which is no flag of a cache. */
uint32_t slab_debug_flags(const struct slabs *sl, const struct cache_spec *spec);

/* ---- Objects, slab_debug.c ---- */

/* A new slab of a cache that keeps bytes, all objects free; the host is charged for it. */
void slab_debug_setup(const struct kmem_cache *s, const struct page *slab);
/* A slab that was in use before: what was written into its objects is gone, who had them is not known. The host is charged for it. */
void slab_debug_restore(const struct kmem_cache *s, struct page *slab);
/* Does the cache keep bytes in its slabs? */
static inline bool slab_debug_keeps_bytes(const struct kmem_cache *s)
{
	return (s->flags & (SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER)) && s->slabs->source.base;
}
/* May the bytes of a slab be looked at without making the host give memory for them? */
bool slab_debug_readable(const struct kmem_cache *s, const struct page *slab);

/*
 * Caches with debug flags: an object on its way out or back, in somebody's
 * hands only. Inside c, no lock held. false: reported; on its way out it and
 * the rest of its slab are never handed out any more, on its way back it is
 * not freed.
 */
bool slab_check_alloc(struct kmem_cache *s, struct cpu *c, void *object);
bool slab_check_free(struct kmem_cache *s, struct cpu *c, void *object);

/* The bytes of every object of one slab, and of its padding; its node's lock held, all CPUs stand still. Returns findings. */
unsigned slab_check_contents(const struct kmem_cache *s, struct page *slab);
/*
 * slab_validate.c: every object, slab and counter of a cache, with or without debug flags;
 * returns the number of findings, each reported, damaged bytes restored. With
 * a reference, inside no CPU: all CPUs stand still meanwhile.
 */
unsigned slab_validate(struct kmem_cache *s);

enum slab_track_kind { SLAB_TRACK_ALLOC, SLAB_TRACK_FREE };

struct slab_track {
	unsigned cpu; /* emulated */
	int pid; /* of whom the machine works for; 0: of nobody */
	uint64_t ticks;
};
/* false: nothing was recorded. */
bool slab_track_read(const struct kmem_cache *s, const void *object, enum slab_track_kind kind,
		     struct slab_track *out);
uint64_t slab_ticks(const struct slabs *sl); /* 1/250 s, as the kernel counts jiffies; cut to the machine's word */

/* What the kernel keeps behind an object (pointer, users, request) ends here, from its start; padding follows. */
uint32_t slab_debug_info_end(const struct kmem_cache *s);

#endif
