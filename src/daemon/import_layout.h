/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_IMPORT_LAYOUT_H
#define DAEMON_IMPORT_LAYOUT_H

/*
 * Where the free blocks of one zone lie. A capture says how many blocks of
 * each order and type were free, not where; this finds places that a buddy
 * system could have left them in. It knows counts and ranges only, no machine,
 * and hands out the result through a sink.
 */

#include "daemon/import_scatter.h"
#include "mm/spec.h"

/*
 * Memory in use lies in areas: one for each type of pageblock, and one more for
 * Movable pageblocks that are full of what never moves, where no free block lies
 * unless all else is full.
 */
#define LAYOUT_HELD ((unsigned)MIGRATE_TYPES)
#define LAYOUT_AREAS (MIGRATE_TYPES + 1)

/* Memory that is not free yet; area: where it lies, once the types of pageblocks are chosen. */
struct layout_run {
	uint64_t start, end;
	unsigned area;
};

struct layout_runs {
	struct layout_run *r;
	uint64_t nr, cap;
};

struct layout_zone {
	uint64_t start_pfn, end_pfn; /* span */
	const struct pfn_range *range; /* present memory: sorted, disjoint */
	unsigned nr_ranges;
	bool first_shared, last_shared; /* the pageblock at that end also holds memory of another zone */
	unsigned pageblock_order;
	uint64_t free[MM_ORDERS][MIGRATE_TYPES]; /* blocks wanted; layout_fit makes them possible */
	uint64_t blocks[MIGRATE_TYPES]; /* pageblocks wanted; Movable is what remains */
	uint64_t nr_huge; /* blocks of huge_order that are used but must be whole: the huge page pool */
	unsigned huge_order;
	uint64_t window_pages; /* small blocks are spread over this much of each type's memory; 0: all of it */
	/*
	 * What no file says is drawn by lot from here; NULL: free blocks of a pageblock or more at the top, other types
	 * at the bottom, all else spread evenly.
	 */
	struct rng *rng;
	/* With lots: pages in use that can move (lists, per-CPU); as many as have room lie in Movable pageblocks. */
	uint64_t nr_movable;
	uint64_t nr_fixed; /* with lots: pages in use that lie together: reserved at boot, or of lists but without an entry */
};

struct layout_sink {
	void *ctx;
	int (*free)(void *ctx, uint64_t pfn, unsigned order, enum migratetype mt); /* all but the next */
	int (*virgin)(void *ctx, uint64_t start, uint64_t end); /* top-order Movable blocks; ascending */
	int (*huge)(void *ctx, uint64_t pfn);
	int (*pageblock)(void *ctx, uint64_t pfn, enum migratetype mt); /* not Movable; pfn is one the kernel looks at */
};

struct layout {
	const struct layout_zone *z;
	const struct layout_sink *sink;
	struct layout_runs runs, next; /* ascending, disjoint */
	struct pfn_range virgin[1024]; /* free Movable blocks of a pageblock or more: where types go when all else is taken */
	unsigned nr_virgin;
	uint64_t blocks_left[MIGRATE_TYPES]; /* pageblocks that found no place */
	uint64_t huge_left; /* pool pages that found no place */
	uint64_t taken; /* frames that layout_take gave out */
	struct pick pick; /* which blocks of the step that it is at */
	unsigned unevenness; /* of where small free blocks lie */
};

/* Pairs of a run of which at least one half is there. */
struct layout_pairs {
	uint64_t first, nr; /* pair number: frame >> (order + 1) */
	uint64_t start, end; /* whole blocks of the order */
};

/* How many blocks of each type go to each area (memory in pageblocks of one type), and which pairs they take. */
struct layout_plan {
	unsigned order;
	uint64_t pairs[LAYOUT_AREAS]; /* by area */
	uint64_t give[LAYOUT_AREAS][MIGRATE_TYPES]; /* [area][type] */
	uint64_t total[LAYOUT_AREAS]; /* by area */
	uint64_t spread[LAYOUT_AREAS]; /* pairs over which they are spread */
	uint64_t placed[LAYOUT_AREAS], passed[LAYOUT_AREAS]; /* while placing: blocks, pairs */
	bool highest; /* take the highest pairs, not every n-th */
	bool by_lot; /* neither of both */
	struct scatter scatter[LAYOUT_AREAS];
	uint64_t next[LAYOUT_AREAS], drawn[LAYOUT_AREAS]; /* by lot: the pair that is next, and how many were drawn */
};

/* ---- import_plan.c: one order below the top ---- */
struct layout_pairs layout_run_pairs(const struct layout_run *run, unsigned order);
uint64_t layout_pair_block(const struct layout_pairs *p, uint64_t pair,
			   unsigned order); /* the half to be free: the high one if it is there */
void layout_plan_make(const struct layout *l, struct layout_plan *p); /* order and highest are set, the rest is 0 */
uint64_t layout_plan_next(struct layout_plan *p, unsigned area); /* number among the area's pairs of the next chosen one */
enum migratetype layout_plan_type(struct layout_plan *p, unsigned area); /* of its block, which is placed now */

/* ---- import_fit.c ---- */
/*
 * Change counts that no buddy system can have in this memory: too many blocks
 * of an order become larger blocks (they would have merged), or smaller ones
 * where there is no room for larger. Returns pages that found no room at all;
 * *changed says if anything was done.
 */
uint64_t layout_fit(struct layout_zone *z, bool *changed);

/* ---- import_layout.c ---- */
/* Place everything. 0, -ENOMEM, or what the sink returned. z->free must have been through layout_fit. */
MUST_CHECK int layout_place(struct layout *l, const struct layout_zone *z, const struct layout_sink *sink);
/*
 * Then: up to nr aligned blocks of memory in use, lowest first, of an area.
 * Larger orders first: what is cut leaves odd ends. 0, -ENOMEM,
 * or what `each` returned.
 */
MUST_CHECK int layout_cut(struct layout *l, unsigned order, unsigned area, uint64_t nr,
			  int (*each)(void *ctx, uint64_t pfn), void *ctx);
void layout_fini(struct layout *l);

/* One more run behind the others: 0 or -ENOMEM. */
MUST_CHECK int layout_run_append(struct layout_runs *v, uint64_t start, uint64_t end, unsigned area);

/* ---- import_take.c ---- */
/*
 * Then: the order in which frames are given out. By lot: pieces of Movable memory in any order, then of the other types,
 * then what is held. Without lots: from the top down. 0 or -ENOMEM.
 */
MUST_CHECK int layout_shuffle(struct layout *l);
/* Then: one more frame that is in use. false: none is left. */
bool layout_take(struct layout *l, uint64_t *pfn);

/* As many, highest first, as [start, start + what is returned) has, at most `most`. 0: none is left, or wanted. */
uint64_t layout_take_run(struct layout *l, uint64_t most, uint64_t *start);

/* Aligned blocks of this order that lie wholly in the ranges. */
uint64_t layout_capacity(const struct pfn_range *range, unsigned nr_ranges, unsigned order);

#endif
