/* SPDX-License-Identifier: MIT */
#ifndef REGION_EXTENT_H
#define REGION_EXTENT_H

/* The machine's ranges as the host has to provide them: rounded out to its page size, in order, each byte once. */

#include "region/pool.h"
#include "region/region.h"

/* Bytes [start, end) that want to lie on one host node (HOST_NODE_ANY where the host has one only). */
struct extent {
	uint64_t start, end;
	int node;
};

struct extent_list {
	struct extent *extent; /* sorted, disjoint */
	size_t nr;
	uint64_t bytes; /* of all of them */
};

/* unit: bytes that the host hands out at once. 0 or -ENOMEM. */
MUST_CHECK int extents_create(struct extent_list *l, const struct region_range *range, size_t nr,
			      uint64_t unit);
void extents_destroy(struct extent_list *l);

/*
 * What the host's pools must have for them: one need for each node that is
 * asked for, then one for all of them together, which counts the unbound too.
 * At most max (>= 1) needs; nodes past that are only in the sum.
 */
size_t extents_needs(const struct extent_list *l, uint64_t huge_bytes, struct pool_need *need, size_t max);

#endif
