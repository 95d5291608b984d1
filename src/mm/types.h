/* SPDX-License-Identifier: MIT */
#ifndef MM_TYPES_H
#define MM_TYPES_H

/* Numbers and names of the frame allocator, as 6.1 has them (include/linux/mmzone.h, 6.1). */

#include "base/defs.h"
#include "ummfs/types.h"

#define PAGE_SHIFT UMMFS_PAGE_SHIFT
#define PAGE_SIZE UMMFS_PAGE_SIZE
#define MM_ORDER_MAX UMMFS_ORDER_MAX
#define MM_ORDERS (MM_ORDER_MAX + 1)
#define MM_TOP_PAGES (1ul << MM_ORDER_MAX) /* pages of a top-order block */
#define MM_COSTLY_ORDER 3
#define MM_NODES_MAX 256u
#define MM_ZONE_TYPES_MAX 5u
#define MM_ZONES_MAX (MM_NODES_MAX * MM_ZONE_TYPES_MAX)
#define MM_CPUS_MAX 8192u
#define MM_HIGHEST_PFN 0xfffffffeu /* one less than the nil link; a larger machine is refused */
#define PAGES_TO_KB(pages) ((uint64_t)(pages) << (PAGE_SHIFT - 10))

typedef uint32_t pfn_t; /* page frame number */
#define PFN_NIL 0u /* frame 0 is never managed, so it can mean "none" in links */

struct nodemask { /* a set of nodes */
	uint64_t w[MM_NODES_MAX / 64];
};

static inline bool nodemask_has(const struct nodemask *nodes, unsigned nid)
{
	return nodes->w[nid / 64] >> (nid % 64) & 1;
}
static inline void nodemask_set(struct nodemask *nodes, unsigned nid)
{
	nodes->w[nid / 64] |= 1ull << (nid % 64);
}
static inline void nodemask_clear(struct nodemask *nodes, unsigned nid)
{
	nodes->w[nid / 64] &= ~(1ull << (nid % 64));
}
static inline unsigned nodemask_weight(const struct nodemask *nodes)
{
	unsigned nr = 0;
	for (unsigned i = 0; i < MM_NODES_MAX / 64; i++)
		nr += (unsigned)__builtin_popcountll(nodes->w[i]);
	return nr;
}
/* The first member >= from, or MM_NODES_MAX when there is none. */
static inline unsigned nodemask_next(const struct nodemask *nodes, unsigned from)
{
	if (from >= MM_NODES_MAX)
		return MM_NODES_MAX;
	unsigned i = from / 64;
	uint64_t w = nodes->w[i] & ~0ull << (from % 64);
	while (!w && ++i < MM_NODES_MAX / 64)
		w = nodes->w[i];
	return w ? i * 64 + (unsigned)__builtin_ctzll(w) : MM_NODES_MAX;
}

enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_PCPTYPES, /* types that the per-CPU lists hold */
	MIGRATE_HIGHATOMIC = MIGRATE_PCPTYPES,
	MIGRATE_ISOLATE,
	MIGRATE_TYPES
};

/* What a zone is; which ones a machine has, in which order, depends on its word size. */
enum zone_kind {
	ZONE_DMA,
	ZONE_DMA32,
	ZONE_NORMAL,
	ZONE_HIGHMEM,
	ZONE_MOVABLE,
	ZONE_DEVICE,
	ZONE_KINDS
};

enum zone_mark { WMARK_MIN, WMARK_LOW, WMARK_HIGH, WMARK_PROMO, WMARK_NR };

extern const char *const migratetype_name[MIGRATE_TYPES]; /* "Unmovable", ... as pagetypeinfo prints */
extern const char *const zone_kind_name[ZONE_KINDS]; /* "DMA", ..., "HighMem", ... */

#endif
