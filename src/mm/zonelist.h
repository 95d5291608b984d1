/* SPDX-License-Identifier: MIT */
#ifndef MM_ZONELIST_H
#define MM_ZONELIST_H

/* In which order a node's requests try the zones of the machine (mm/page_alloc.c: build_zonelists, 6.1). */

#include "mm/machine.h"

/* After all zones exist. 0 or -ENOMEM. */
MUST_CHECK int machine_build_zonelists(struct machine *m);
void machine_free_zonelists(struct machine *m);

/* The fallback order of every node, as the kernel logs it; order[] holds nr_nodes entries. Returns how many are used. */
struct zonelist_load {
	uint32_t load[MM_NODES_MAX]; /* carried from one node to the next */
};
unsigned node_fallback_order(const struct machine *m, unsigned node, struct zonelist_load *load,
			     unsigned *order);

#endif
