/* SPDX-License-Identifier: MIT */
#ifndef VM_SNAPSHOT_H
#define VM_SNAPSHOT_H

/*
 * What views print, copied at one moment; views are pure functions of it. A
 * snapshot is made once for a machine and filled again and again: only the
 * parts asked for are copied. The shape (names, CPUs, distances, spans) does
 * not change while the machine runs and is read through `machine`.
 */

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
	SNAP_ALL = ~0u,
};

struct zone_snap {
	uint64_t managed, watermark[WMARK_NR] /* without boost */, boost,
		lowmem_reserve[MM_ZONE_TYPES_MAX];
	int threshold;
	int64_t stat[NR_ZONE_STATS]; /* global values; one may be below 0 for a moment: print snap_pages() of it or of a sum */
	uint64_t numa[NR_NUMA_STATS];
	uint64_t free_blocks[MM_ORDERS][MIGRATE_TYPES];
	uint64_t pageblocks[MIGRATE_TYPES];
};

struct pageset_snap {
	int count, high, batch;
};

struct node_snap {
	int64_t stat[NR_NODE_STATS];
	bool unreclaimable;
	uint64_t hugetlb_nr, hugetlb_free, hugetlb_surplus;
};

struct snapshot {
	const struct machine *machine;
	struct zone_snap *zone; /* by zone id */
	struct pageset_snap *pageset; /* [zone id * nr_cpu_ids + cpu] */
	struct node_snap *node; /* by node id */
	uint64_t event[NR_VM_EVENTS];
	unsigned hugetlb_order;
	uint64_t hugetlb_max, hugetlb_nr, hugetlb_free, hugetlb_reserved, hugetlb_surplus,
		hugetlb_overcommit;
	uint64_t committed_pages, commit_limit_pages;
	uint64_t buffer_pages; /* with the nodes */
	struct dirty_limits dirty; /* always */
};

/* A counter as it is printed: 6.1 never shows a negative one. */
static inline uint64_t snap_pages(int64_t v)
{
	return v > 0 ? (uint64_t)v : 0;
}

MUST_CHECK int snapshot_init(struct snapshot *s, const struct machine *m); /* 0 or -ENOMEM */
void snapshot_fini(struct snapshot *s);
void snapshot_fill(struct snapshot *s, struct vm *vm, unsigned parts);

#endif
