/* SPDX-License-Identifier: MIT */
#ifndef MM_FACTS_H
#define MM_FACTS_H

/*
 * Numbers that proc/meminfo prints and that nothing in this machine moves:
 * address space, page sizes of the kernel's own mapping, memory outside the
 * frames. Derived from the shape of a configured machine, or as printed by the
 * one that was imported. Written at boot and import only.
 */

#include "base/defs.h"

/* DirectMap lines: 4 KiB pages, the next size (2 MiB; 4 MiB without PAE), 1 GiB. */
enum direct_map { DIRECT_4K, DIRECT_LARGE, DIRECT_1G, DIRECT_SIZES };

struct machine_facts {
	uint64_t direct_map_kb[DIRECT_SIZES];
	bool has_direct_1g; /* the processor can map with 1 GiB pages: its line is printed */
	uint64_t vmalloc_used_kb, percpu_kb, corrupted_kb;
	uint64_t swap_total_kb, swap_free_kb, zswap_kb, zswapped_kb; /* of the imported machine; none of it is here */
};

#endif
