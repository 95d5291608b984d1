/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_CAPTURED_H
#define SUPPORT_CAPTURED_H

/*
 * Real machines that ran 6.1, as numbers: their shape and what they printed
 * right after boot, and their marks after a knob was written.
 */

#include "mm/spec.h"

#define CAPTURED_NODES 8
#define CAPTURED_ZONES 10

struct captured_zone {
	unsigned node, type;
	uint64_t start_pfn, spanned, present, managed;
	uint64_t pageblocks; /* sum over the types */
	int batch, stat_threshold;
};

struct captured_machine {
	const char *name;
	unsigned bits, pageblock_order;
	bool thp;
	int min_free_kbytes;
	unsigned nr_nodes;
	const char *cpus[CAPTURED_NODES]; /* cpulist */
	uint8_t distance[CAPTURED_NODES][CAPTURED_NODES];
	unsigned fallback[CAPTURED_NODES][CAPTURED_NODES]; /* as the kernel logged it */
	struct captured_zone zone[CAPTURED_ZONES]; /* populated ones; the rest is zero */
};

struct captured_zone_marks {
	unsigned node, type;
	uint64_t managed, min, low, high;
	uint64_t protection[MM_ZONE_TYPES_MAX];
	int pageset_high, batch, stat_threshold; /* 0 when the zone is not populated */
};

struct captured_marks {
	const char *machine, *step;
	int min_free_kbytes, watermark_scale_factor, percpu_pagelist_high_fraction;
	int lowmem_reserve_ratio[MM_ZONE_TYPES_MAX];
	struct captured_zone_marks zone[CAPTURED_ZONES]; /* ends with a high mark of 0 */
};

extern const struct captured_machine captured_machines[];
extern const unsigned nr_captured_machines;
extern const struct captured_marks captured_marks[];
extern const unsigned nr_captured_marks;

const struct captured_machine *captured_machine(const char *name);
void captured_spec(const struct captured_machine *c, struct machine_spec *s); /* what machine_boot takes */

#endif
