/* SPDX-License-Identifier: MIT */
#ifndef MM_ISOLATE_H
#define MM_ISOLATE_H

/*
 * Taking a range of frames out of circulation while it is emptied
 * (mm/page_isolation.c, 6.1): its pageblocks are MIGRATE_ISOLATE, whose free
 * blocks nobody is given and no mark counts. All functions are called inside c,
 * which may be left in between: whoever stops the machine meanwhile sees every page
 * on a list. Two isolations never overlap; the second one fails.
 */

#include "mm/machine.h"

struct isolation {
	struct zone *zone;
	uint64_t start, end; /* whole top-order blocks inside the zone */
	bool (*movable)(void *ctx, const struct page *page); /* can the used block headed here be emptied? Zone lock held */
	void *ctx;
	struct pfn_range *virgin; /* parts of it that were never used, cut out of the zone's */
	unsigned nr_virgin, room;
	uint8_t *type; /* of its pageblocks, as they were */
};

/* 0: isolated. -EBUSY: something in it cannot be moved, and nothing has changed. -ENOMEM. */
MUST_CHECK int isolation_begin(struct isolation *iso, struct cpu *c);
/* Does anything of [at, end) need no emptying: was it never used? *past: where that ends. No lock. */
bool isolation_skips(const struct isolation *iso, uint64_t at, uint64_t *past);
/*
 * Everything in it is free: take it as one used block of that order, nobody's. Its pageblocks become Movable and
 * the isolation is over. NULL: something is in use, and it goes on.
 */
struct page *isolation_take(struct isolation *iso, unsigned order);
/* Undo: what is free in it is free again, pageblocks are what they were. */
void isolation_end(struct isolation *iso, struct cpu *c);
/* Give such a block back, as blocks of the top order; counts PGFREE. */
void range_give(struct cpu *c, struct page *page, unsigned order);

#endif
