/* SPDX-License-Identifier: MIT */
#ifndef POLICY_DIRTY_H
#define POLICY_DIRTY_H

/*
 * How many pages may be dirty (mm/page-writeback.c: global_dirtyable_memory,
 * domain_dirty_limits, 6.1). Pure: whoever asks brings the counters, a view
 * those of its snapshot, writeback those of this moment. (A task of real-time
 * priority is given a quarter more there; here nobody is one.)
 */

#include "mm/machine.h"

/* How much of the memory that may be dirty makes writers wait, and makes writeback start; bytes instead of percent if not 0. */
struct dirty_limits {
	int32_t ratio, background_ratio; /* vm.dirty_ratio, vm.dirty_background_ratio */
	uint64_t bytes, background_bytes; /* vm.dirty_bytes, vm.dirty_background_bytes */
	int32_t highmem; /* vm.highmem_is_dirtyable */
	int32_t expire_centisecs; /* vm.dirty_expire_centisecs: older ones are written at the next turn */
	int32_t writeback_centisecs; /* vm.dirty_writeback_centisecs: between two turns; 0: none. Read as unsigned */
};
extern const struct dirty_limits dirty_defaults;

/* One zone's share of what may be dirty, in pages. */
struct dirty_zone {
	uint64_t free, file; /* file: on both LRU lists of page cache, by the zone's own counters */
	uint64_t high_mark, boost;
	uint64_t reserve; /* the largest lowmem_reserve of its own type and those above it */
	uint64_t managed;
	bool high; /* high memory, which is dirtyable only where highmem says so */
};

struct dirty_memory { /* sums; all zeros at first */
	uint64_t reserve, high_pages;
};
void dirty_memory_add(struct dirty_memory *d, const struct dirty_zone *z);
/* free_pages and file_pages (page cache on LRU lists): of the machine, by its own counters. Never 0. */
uint64_t dirtyable_pages(const struct dirty_memory *d, uint64_t free_pages, uint64_t file_pages,
			 bool highmem);

struct dirty_thresholds {
	uint64_t pages, background_pages;
};
struct dirty_thresholds dirty_thresholds(const struct dirty_limits *l, uint64_t dirtyable);

/* On a 32-bit machine Movable is made of high memory (is_highmem, 6.1). */
static inline bool zone_counts_as_high(const struct zone *z)
{
	return z->kind == ZONE_HIGHMEM || (z->kind == ZONE_MOVABLE && z->machine->bits == 32);
}

/* The thresholds of a machine now, by its printed counters. No lock needed. */
struct dirty_thresholds machine_dirty_thresholds(const struct machine *m, const struct dirty_limits *l);

#endif
