/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_IMPORT_SCATTER_H
#define DAEMON_IMPORT_SCATTER_H

/*
 * Choosing n of many places in a row, by lot. Two ways: in few pieces, as
 * memory that was taken or given back at once lies; and one by one, dense in
 * some regions and thin in others, as what single processes leave. Both hand
 * out places in ascending order at a cost that follows n, not the number of
 * places. Numbers only: what a place is, the caller knows.
 */

#include "base/rng.h"

#define PICK_PIECES 16u

/* Places in few pieces. */
struct pick {
	uint64_t start[PICK_PIECES], end[PICK_PIECES]; /* ascending, disjoint */
	unsigned nr, i;
	uint64_t at; /* places that have been passed */
};

/* Without lots: the first n, or the last ones. n <= total */
void pick_row(struct pick *p, uint64_t total, uint64_t n, bool last);
void pick_pieces(struct pick *p, struct rng *rng, uint64_t total, uint64_t n);
/* How many places come before the next chosen one; 0: it is chosen; UINT64_MAX: no more is. */
uint64_t pick_gap(const struct pick *p);
/* How many in a row are chosen from here on. */
uint64_t pick_length(const struct pick *p);
void pick_pass(struct pick *p, uint64_t places);

#define SCATTER_REGIONS 512u

/* Places one by one. */
struct scatter {
	struct rng *rng;
	uint64_t total, left; /* places; chosen ones that no region has yet */
	unsigned regions, region; /* how many, and how many are past */
	uint32_t weight[SCATTER_REGIONS];
	uint64_t weight_left;
	uint64_t start, size, quota, given; /* of the region that it is at */
};

/* unevenness 0: all regions alike; 1, 2, ...: the greater, the fewer regions have most of it. n <= total */
void scatter_make(struct scatter *s, struct rng *rng, uint64_t total, uint64_t n, unsigned regions,
		  unsigned unevenness);
/* The next chosen place, n times. */
uint64_t scatter_next(struct scatter *s);

#endif
