/* SPDX-License-Identifier: MIT */
#ifndef MM_SPEC_H
#define MM_SPEC_H

/*
 * The shape of a machine before it boots: what a configuration describes and
 * what an importer reads off /proc and /sys. Plain data; frames in pages.
 */

#include "base/mask.h"
#include "mm/types.h"
#include "mm/version.h"

struct pfn_range {
	uint64_t start, end; /* [start, end) */
};

struct zone_spec {
	uint64_t start_pfn;
	uint64_t spanned; /* pages from start_pfn on, holes included */
	uint64_t present; /* sum of the ranges */
	uint64_t managed; /* present minus boot-time reservations */
	struct pfn_range *range; /* present memory: sorted, disjoint, inside the span */
	unsigned nr_ranges;
	uint64_t nr_blocks; /* pageblocks that pagetypeinfo counts; 0: by 6.1's rule from the ranges */
};

enum dimm_type { DIMM_DDR4, DIMM_DDR5 };
#define DIMMS_MAX 32u /* of one node */
#define DIMM_MIB_MAX (4u << 20)

/* What stands in a node's memory slots: equal modules. */
struct dimm_spec {
	uint16_t nr; /* 0: as it follows from the node's memory */
	uint16_t type; /* enum dimm_type */
	uint16_t speed_mts;
	uint32_t mib; /* of each */
};

struct node_spec {
	bool online;
	int host_node; /* host NUMA node that plays it, -1: any */
	int socket; /* -1: as it follows from the CPUs */
	struct dimm_spec dimms;
	struct mask cpus;
	uint8_t distance[MM_NODES_MAX]; /* to each node of the machine */
	struct zone_spec zone[MM_ZONE_TYPES_MAX]; /* present == 0: not populated */
};

struct machine_spec {
	enum kernel kernel; /* whose texts, formulas and knobs it has */
	unsigned bits; /* 64: DMA DMA32 Normal Movable Device; 32: DMA Normal HighMem Movable */
	unsigned pageblock_order; /* 9; 10 on a 32-bit machine without PAE */
	unsigned nr_nodes; /* highest node number + 1 */
	struct node_spec *node; /* nr_nodes of them */
	struct mask cpus_online, cpus_possible;
	unsigned nr_cpu_ids; /* width of cpumaps: highest possible CPU + 1 */
	bool numa; /* the kernel has NUMA: numa_* lines are printed (64 bit always; captured 32-bit ones not) */
	bool imported; /* boot with everything in use; the importer then frees what was free */
	bool gigantic; /* the processor has 1 GiB pages, and the kernel a pool of them; 64 bit only */
	bool gigantic_default; /* they are the default size of huge pages */
	bool thp; /* transparent huge pages raise the default min_free_kbytes (FACTS: khugepaged) */
};

void machine_spec_init(struct machine_spec *s); /* empty 64-bit machine */
void machine_spec_fini(struct machine_spec *s); /* frees nodes and ranges */
MUST_CHECK int machine_spec_set_nodes(struct machine_spec *s, unsigned nr_nodes); /* 0 or -ENOMEM; nodes zeroed, host_node and socket -1 */
MUST_CHECK int zone_spec_add_range(struct zone_spec *z, uint64_t start,
				   uint64_t end); /* appends; grows present; 0 or -ENOMEM */
/* Zone kinds of a machine of `bits`, in order; returns how many. */
unsigned zone_kinds(unsigned bits, enum zone_kind kind[MM_ZONE_TYPES_MAX]);

#endif
