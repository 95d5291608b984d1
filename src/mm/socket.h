/* SPDX-License-Identifier: MIT */
#ifndef MM_SOCKET_H
#define MM_SOCKET_H

/* Which socket a node belongs to, and the DIMMs that hold its memory: for firmware tables and CPU topology. */

#include "mm/machine.h"

struct node_span { /* addresses in MiB: [start, end) */
	uint64_t start, end;
};

/* The node's first stretch of memory at or behind `from`, holes of less than a MiB left in. False: no more. */
bool node_span_next(const struct node *n, uint64_t from, struct node_span *out);
uint64_t node_span_mib(const struct node *n); /* of all stretches */

/* At boot, once nodes have their memory and CPUs: what the spec left open. */
void machine_place_sockets(struct machine *m);

#endif
