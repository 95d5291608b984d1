/* SPDX-License-Identifier: MIT */
#ifndef MM_VERSION_H
#define MM_VERSION_H

/*
 * What differs between the kernels that a machine can be: one row of constants
 * and rules for each. Code asks the row of its machine, never which kernel it
 * is. Which counters a kernel has is said where they are listed (mm/stat.h).
 */

#include "mm/types.h"

/* Oldest first. 3.10 stands for kernels before 4.0; their texts are printed as 5.10 prints them. */
enum kernel { KERNEL_3_10, KERNEL_5_10, KERNEL_6_1, KERNEL_6_12, KERNELS };

/* Sets of kernels, for rows of tables; 0 in a row that has such a field means every one. */
#define KERNELS_SINCE(k) (~((1u << (k)) - 1))
#define UNTIL_5_10 (~KERNELS_SINCE(KERNEL_6_1))
#define UNTIL_6_1 (~KERNELS_SINCE(KERNEL_6_12))
#define SINCE_6_1 KERNELS_SINCE(KERNEL_6_1)
#define SINCE_6_12 KERNELS_SINCE(KERNEL_6_12)
#define ONLY_6_1 (SINCE_6_1 & ~SINCE_6_12)

/* How many pages a CPU's lists of a zone may hold. With high_max > high_min the size moves between them at run time. */
struct pageset_size {
	int batch, high_min, high_max;
};

struct pageset_input {
	uint64_t managed_pages, low_pages;
	unsigned nr_cpus; /* that share the zone's low mark */
	int fraction; /* percpu_pagelist_fraction or ..._high_fraction; 0: by default */
};

enum { SLAB_SIZE_CLASSES = 4 }; /* of a page and larger, from 1 KiB, from 256 bytes, smaller */

/* How slab caches are laid out (mm/slab_layout.h) and which of them kmalloc has (mm/slab_known.h). */
struct slab_rules {
	uint16_t cpu_partial[SLAB_SIZE_CLASSES]; /* objects that a CPU keeps beside its slab */
	uint16_t track_bytes_32, track_bytes_64; /* a record of who allocated or freed an object */
	bool order_keeps_count; /* the search for an order does not settle for fewer objects */
	bool counts_present; /* present CPUs count for the order, else possible ones */
	bool keeps_request; /* who allocated from kmalloc is kept with the size that was asked for */
	bool red_zone_in_request; /* bytes of a kmalloc object past that size are a red zone, too */
	bool kmalloc_divisor; /* kmalloc objects are aligned to the largest power of two in their size */
	uint8_t kmalloc_families[4], nr_kmalloc_families; /* enum kmalloc_family, in order of creation */
	uint8_t kmalloc_odd_first; /* set of families that create 96 and 192 before the powers of two */
};

struct kernel_version {
	enum kernel kernel;
	const char *name; /* "6.1", as kernel= and proc/version say it */
	unsigned major, minor; /* the oldest release that this row describes */
	bool captured; /* may be asked for by name: its texts are known line by line */

	/* texts */
	bool boost_line, promo_line, cma_line; /* zoneinfo */
	bool device_events; /* vmstat counts events of zone Device, too */
	bool memmap_lines; /* vmstat ends its machine-wide items with two about the page array */
	bool node_file_thp_wide; /* nodeN/meminfo: FileHugePages and FilePmdMapped are as wide as the other lines */
	bool node_total_present; /* nodeN/meminfo: MemTotal is what is present, not what is managed */

	/* log */
	bool log_uid; /* "CPU: 0 UID: 0 PID: 1 ..." */
	bool mem_info_narrow; /* Mem-Info leaves out zones that the request could not use, and nodes without others */
	bool swap_cache_stats; /* Mem-Info says how often the swap cache was used */
	bool oom_rss_parts; /* the OOM killer's table of tasks tells what resident memory consists of */
	bool boot_fallback; /* at boot: in which order the nodes are tried */
	bool boot_present; /* at boot: total pages are those present, not those managed */
	bool boot_hugetlb_colon; /* at boot: "HugeTLB: registered", and what a page's vmemmap would save */

	/* request flags */
	bool gfp_atomic_bit; /* GFP_ATOMIC has a bit of its own */
	bool gfp_nowait_silent; /* GFP_NOWAIT has __GFP_NOWARN in it */

	/* counters */
	bool numa_lags; /* a CPU's NUMA hits are differences, too: vmstat prints what has been folded, other files all */

	/* marks */
	bool movable_is_high; /* Movable has no share of min_free_kbytes, with 64 bits either */

	/* per-CPU lists */
	struct pageset_size (*pageset)(const struct pageset_input *in);
	bool pageset_tunes; /* high moves at run time */
	unsigned pcp_order_most; /* highest order that goes through them */
	bool pcp_huge; /* and so do blocks of pageblock order */

	struct slab_rules slab;

	/* knobs */
	bool ulong_skips_negative; /* a negative number for an unsigned long is taken and forgotten, else -EINVAL */
};

extern const struct kernel_version kernel_versions[KERNELS];

/* By name, among the captured ones; NULL: none. */
const struct kernel_version *kernel_version_find(const char *name);
/* The newest row that is not newer than this release. */
const struct kernel_version *kernel_version_of(unsigned major, unsigned minor);

static inline bool kernels_have(uint32_t kernels, const struct kernel_version *v)
{
	return !kernels || (kernels >> v->kernel & 1);
}

#endif
