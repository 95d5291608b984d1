/* SPDX-License-Identifier: MIT */
#ifndef MM_SLAB_LAYOUT_H
#define MM_SLAB_LAYOUT_H

/*
 * How a cache lays its objects out in slabs: pure arithmetic on what the
 * creator asks for, the kernel's rules and the number of CPUs (mm/slub.c,
 * mm/slab_common.c, 6.1). Sizes and offsets are in bytes.
 */

#include "mm/version.h"

enum slab_flag { /* what a cache asks for; the kernel's names */
		 SLAB_HWCACHE_ALIGN = 1 << 0,
		 SLAB_RECLAIM_ACCOUNT = 1 << 1,
		 SLAB_CACHE_DMA = 1 << 2,
		 SLAB_CACHE_DMA32 = 1 << 3,
		 SLAB_TYPESAFE_BY_RCU = 1 << 4,
		 SLAB_CTOR = 1 << 5, /* has a constructor */
		 SLAB_ACCOUNT = 1 << 6,
		 SLAB_PANIC = 1 << 7,
		 SLAB_CONSISTENCY_CHECKS = 1 << 8, /* F */
		 SLAB_RED_ZONE = 1 << 9, /* Z */
		 SLAB_POISON = 1 << 10, /* P */
		 SLAB_STORE_USER = 1 << 11, /* U */
		 SLAB_TRACE = 1 << 12, /* T */
		 SLAB_KMALLOC = 1 << 13,
		 SLAB_NO_MERGE = 1 << 14, /* shares slabs with no other cache, whatever their shapes */
};

#define SLAB_DEBUG_FLAGS                                                                           \
	(SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER | SLAB_TRACE)
/* Caches that share slabs agree in these: they decide which pages and which bill. */
#define SLAB_SAME_FLAGS (SLAB_RECLAIM_ACCOUNT | SLAB_CACHE_DMA | SLAB_CACHE_DMA32 | SLAB_ACCOUNT)

#define SLAB_CACHE_LINE 64u
#define SLAB_ALIGN_LEAST 8u /* with 32 bits, too */
#define SLAB_OBJECT_MAX ((uint32_t)(PAGE_SIZE << MM_ORDER_MAX))
#define SLAB_ORDER_WANTED 3 /* slabs of several objects are at most this large */
#define SLAB_ID_MAX 24 /* ":dDaFA-4194304" and its end */

struct slab_layout {
	uint32_t object_size; /* what the user asked for */
	uint32_t inuse; /* object with its red zone, up to what is behind it */
	uint32_t size; /* from one object to the next (objsize in slabinfo) */
	uint32_t align; /* as printed in sysfs */
	uint32_t red_left_pad; /* bytes before each object */
	uint32_t offset; /* of the free pointer in a free object */
	uint16_t objects; /* in a slab */
	uint8_t order; /* pages of a slab */
	uint8_t min_order; /* fallback when memory is short */
	uint8_t min_partial;
	uint16_t cpu_partial; /* objects; 0 with debug flags: every slab goes through its node's lists */
	uint16_t cpu_partial_slabs;
};

struct slab_layout_of {
	const struct kernel_version *version;
	unsigned bits;
	unsigned nr_cpus; /* as the kernel counts them for the order: slab_layout_cpus() */
};

/*
 * 0; -EINVAL: no bytes at all, an alignment that is no power of two (0: none
 * is asked for), or an object that no slab of the largest order holds with
 * all that goes beside it.
 */
MUST_CHECK int slab_layout_compute(struct slab_layout *l, const struct slab_layout_of *of,
				   uint32_t object_size, uint32_t align, uint32_t slab_flags);

/* Of the CPUs that are there and those that could be, how many count for the order of slabs. */
unsigned slab_layout_cpus(const struct kernel_version *v, unsigned nr_present, unsigned nr_possible);

/* Bytes of one record of who allocated or freed an object; two stand behind each with SLAB_STORE_USER. */
unsigned slab_track_bytes(const struct kernel_version *v, unsigned bits);
/* Where those two records begin, from the start of the object. The request's size stands behind them (SLAB_KMALLOC). */
uint32_t slab_layout_track(const struct slab_layout *l, const struct slab_layout_of *of);

/* May a cache of these flags share its slabs with another one? */
bool slab_flags_shareable(uint32_t slab_flags);
/* Would a cache that asks for this get the slabs of the one laid out as `into`, instead of its own? */
bool slab_layout_shares(const struct slab_layout *into, uint32_t into_flags,
			const struct slab_layout_of *of, uint32_t object_size, uint32_t align,
			uint32_t slab_flags);
/* It does: the shared layout covers its objects from now on. */
void slab_layout_admit(struct slab_layout *into, const struct slab_layout_of *of, uint32_t object_size);
/* The name that shareable slabs have in sysfs, ":A-0000128". */
void slab_layout_id(const struct slab_layout *l, uint32_t slab_flags, char id[SLAB_ID_MAX]);

#endif
