/* SPDX-License-Identifier: MIT */
#ifndef VM_SNAPSHOT_H
#define VM_SNAPSHOT_H

/*
 * What views print, copied at one moment; views are pure functions of it. A
 * snapshot is made once for a machine and filled again and again: only the
 * parts asked for are copied. The shape (names, CPUs, distances, spans) does
 * not change while the machine runs and is read through `machine`.
 */

#include "base/text.h"
#include "mm/machine.h"
#include "vm/vm.h"

enum snapshot_part {
	SNAP_ZONES = 1 << 0, /* zone_snap without free lists and pagesets */
	SNAP_FREE = 1 << 1, /* free lists and pageblocks by type */
	SNAP_PAGESETS = 1 << 2,
	SNAP_NODES = 1 << 3,
	SNAP_EVENTS = 1 << 4,
	SNAP_HUGETLB = 1 << 5,
	SNAP_COMMIT = 1 << 6,
	SNAP_SLABS = 1 << 7,
	SNAP_HELD = 1 << 30, /* no part: the machine is held (vm/hold.h), so locks need not be taken */
	SNAP_ALL = ~(unsigned)SNAP_HELD,
};

struct zone_snap {
	uint64_t managed, watermark[WMARK_NR] /* without boost */, boost,
		lowmem_reserve[MM_ZONE_TYPES_MAX];
	int threshold;
	int64_t stat[NR_ZONE_STATS]; /* global values; one may be below 0 for a moment: print snap_pages() of it or of a sum */
	uint64_t numa[NR_NUMA_STATS]; /* with what the CPUs keep */
	uint64_t numa_folded[NR_NUMA_STATS]; /* without, where that differs (version->numa_lags) */
	uint64_t free_blocks[MM_ORDERS][MIGRATE_TYPES];
	uint64_t pageblocks[MIGRATE_TYPES];
};

struct pageset_snap {
	int count, high, batch;
};

struct node_snap {
	int64_t stat[NR_NODE_STATS];
	uint64_t numa_base[NR_NUMA_STATS]; /* with the zones */
	bool unreclaimable;
	uint64_t hugetlb_nr, hugetlb_free, hugetlb_surplus;
};

/* What slabinfo says of a cache. Small, for there may be thousands. */
struct cache_snap {
	const struct kmem_cache *from; /* for snapshot_slabs.c */
	uint64_t active, objects, slabs;
	uint64_t free_slabs; /* of them, without an object in use */
	uint64_t shared; /* objects in the arrays that CPUs share; 0 unless tuned */
	uint64_t changes; /* of the cache, that the next two are of; for snapshot_slabs.c */
	uint64_t idle; /* objects in slabs and shared arrays that are free */
	uint32_t loose; /* in magazines */
	uint32_t limit, batch, sharedfactor; /* 0 unless tuned */
	uint32_t line; /* its line in slab_lines.text, for view/slabinfo.c */
	uint16_t line_len;
	bool changed; /* since that line was made */
};

/* Objects in the magazines of a CPU, at a moment when it had made so many turns. */
struct cpu_snap {
	uint64_t turns;
	uint16_t *loose; /* by place in the snapshot's caches; NULL: nobody entered the CPU yet */
};

/* What of it never changes. */
struct cache_shape {
	char name[CACHE_NAME_MAX + 1];
	uint32_t object_bytes; /* from one object to the next */
	uint32_t slab_objects, slab_pages;
};

/*
 * Lines of slabinfo as they were printed from this snapshot last, kept by
 * view/slabinfo.c: most are the same the next time.
 */
struct slab_lines {
	struct text text;
	uint64_t change; /* slabs->change that they are of; 0: of none */
};

struct snapshot {
	const struct machine *machine;
	struct zone_snap *zone; /* by zone id */
	struct pageset_snap *pageset; /* [zone id * nr_cpu_ids + cpu] */
	struct node_snap *node; /* by node id */
	uint64_t event[NR_VM_EVENTS];
	uint64_t numa_base[NR_NUMA_STATS]; /* with the zones */
	unsigned hugetlb_order;
	uint64_t hugetlb_all_pages; /* of 4 KiB, in the pools of all sizes; what follows is of the default one */
	uint64_t hugetlb_max, hugetlb_nr, hugetlb_free, hugetlb_reserved, hugetlb_surplus,
		hugetlb_overcommit;
	uint64_t committed_pages, commit_limit_pages;
	uint64_t buffer_pages; /* with the nodes */
	struct dirty_limits dirty; /* always */
	struct cache_snap *cache; /* the newest first */
	struct cache_shape *shape; /* likewise */
	struct slab_lines *lines;
	unsigned nr_caches, cap_caches;
	bool caches_failed; /* there was no memory for them */
	uint64_t caches_change; /* slabs->change that the list is of; 0: of none */
	struct cpu_snap *cpu; /* by CPU: what its magazines had */
};

/* A counter as it is printed: 6.1 never shows a negative one. */
static inline uint64_t snap_pages(int64_t v)
{
	return v > 0 ? (uint64_t)v : 0;
}

MUST_CHECK int snapshot_init(struct snapshot *s, const struct machine *m); /* 0 or -ENOMEM */
void snapshot_fini(struct snapshot *s);
/* Takes slabs->lock for SNAP_SLABS (but see SNAP_HELD), and no lock for anything else. */
void snapshot_fill(struct snapshot *s, struct vm *vm, unsigned parts);
void snapshot_fill_slabs(struct snapshot *s, struct slabs *sl, bool held); /* snapshot_slabs.c */
void snapshot_fini_slabs(struct snapshot *s);

#endif
