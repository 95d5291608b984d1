/* SPDX-License-Identifier: MIT */
/*
 * Placing free blocks, from the top order down. What is left over at each step
 * is a list of runs, so the cost follows the number of blocks below the top
 * order, not the size of the machine.
 *
 * Free blocks of a pageblock or more go to the top of the zone, memory in use
 * to the bottom, as a machine looks that has not been busy long. The
 * pageblocks of the other types are then taken from the bottom of what is in
 * use; the smaller free blocks of a type lie spread over the pageblocks of
 * that type as far as there is room, and over others beyond that. Each small
 * block is the high half of a pair whose low half stays in use (where both
 * halves are there), which is how a split leaves it. What is then left is in
 * use, and handed out in blocks from below and in single frames from above.
 *
 * Invariants: runs are ascending and disjoint; at order k no run holds two
 * halves of a pair that were both placed; below pageblock order every run lies
 * in pageblocks of one type.
 */
#include "daemon/import_layout.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

/* ---- Runs ---- */

static int runs_add(struct layout_runs *v, uint64_t start, uint64_t end, enum migratetype type)
{
	if (start >= end)
		return 0;
	if (v->nr && v->r[v->nr - 1].end == start && v->r[v->nr - 1].type == type) {
		v->r[v->nr - 1].end = end;
		return 0;
	}
	if (v->nr == v->cap) {
		uint64_t cap = v->cap ? 2 * v->cap : 64;
		struct layout_run *larger = mem_realloc(v->r, cap * sizeof(*larger));
		if (!larger)
			return -ENOMEM;
		v->r = larger;
		v->cap = cap;
	}
	v->r[v->nr++] = (struct layout_run){ start, end, type };
	return 0;
}

static void runs_turn(struct layout *l)
{
	struct layout_runs done = l->runs;
	l->runs = l->next;
	l->next = done;
	l->next.nr = 0;
}

static uint64_t order_sum(const struct layout_zone *z, unsigned order)
{
	uint64_t sum = 0;
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		sum += z->free[order][mt];
	return sum;
}

/* ---- Pageblocks ---- */

static uint64_t block_size(const struct layout *l)
{
	return 1ull << l->z->pageblock_order;
}

/* The frame by which the kernel looks at a pageblock when it counts types: steps of a block from the zone's start. */
static uint64_t block_probe(const struct layout *l, uint64_t block)
{
	return block + (l->z->start_pfn & (block_size(l) - 1));
}

static bool frame_present(const struct layout_zone *z, uint64_t pfn)
{
	for (unsigned i = 0; i < z->nr_ranges; i++)
		if (pfn >= z->range[i].start && pfn < z->range[i].end)
			return true;
	return false;
}

/* Is the block counted, and only here? */
static bool block_usable(const struct layout *l, uint64_t block)
{
	const struct layout_zone *z = l->z;
	if (z->first_shared && block < z->start_pfn)
		return false;
	if (z->last_shared && block + block_size(l) > z->end_pfn)
		return false;
	return frame_present(z, block_probe(l, block));
}

static int block_set(struct layout *l, uint64_t block, enum migratetype mt)
{
	l->blocks_left[mt]--;
	return l->sink->pageblock(l->sink->ctx, block_probe(l, block), mt);
}

/* A free block of a pageblock or more: its pageblocks have its type, as far as there are so many. */
static int blocks_below(struct layout *l, uint64_t pfn, unsigned order, enum migratetype mt)
{
	uint64_t nr = 1ull << (order - l->z->pageblock_order);
	int error = 0;
	if (l->blocks_left[mt] < nr)
		return 0;
	for (uint64_t i = 0; i < nr && !error; i++)
		error = block_set(l, pfn + i * block_size(l), mt);
	return error;
}

static int large_free(struct layout *l, uint64_t pfn, unsigned order, enum migratetype mt)
{
	int error = mt == MIGRATE_MOVABLE ? 0 : blocks_below(l, pfn, order, mt);
	return error ? error : l->sink->free(l->sink->ctx, pfn, order, mt);
}

static int virgin_free(struct layout *l, uint64_t start, uint64_t end)
{
	if (start == end)
		return 0;
	if (l->nr_virgin < ARRAY_LEN(l->virgin))
		l->virgin[l->nr_virgin++] = (struct pfn_range){ start, end };
	return l->sink->virgin(l->sink->ctx, start, end);
}

/* ---- The top order: no pairs to mind. The highest blocks are free, Movable ones highest of all. ---- */

static int top_run(struct layout *l, const struct layout_run *run, uint64_t *skip,
		   uint64_t left[MIGRATE_TYPES])
{
	uint64_t start = ALIGN_UP(run->start, MM_TOP_PAGES), end = ALIGN_DOWN(run->end, MM_TOP_PAGES);
	if (start >= end)
		return runs_add(&l->next, run->start, run->end, run->type);
	uint64_t pass = MIN(*skip, (end - start) >> MM_ORDER_MAX);
	*skip -= pass;
	start += pass << MM_ORDER_MAX;

	int error = runs_add(&l->next, run->start, start, run->type);
	uint64_t pfn = start;
	for (unsigned mt = 0; mt < MIGRATE_TYPES && !error; mt++)
		while (mt != MIGRATE_MOVABLE && left[mt] && pfn < end && !error) {
			left[mt]--;
			error = large_free(l, pfn, MM_ORDER_MAX, mt);
			pfn += MM_TOP_PAGES;
		}
	uint64_t movable = MIN(left[MIGRATE_MOVABLE], (end - pfn) >> MM_ORDER_MAX);
	left[MIGRATE_MOVABLE] -= movable;
	if (!error)
		error = virgin_free(l, pfn, pfn + (movable << MM_ORDER_MAX));
	return error ? error : runs_add(&l->next, pfn + (movable << MM_ORDER_MAX), run->end, run->type);
}

static int place_top(struct layout *l)
{
	uint64_t left[MIGRATE_TYPES];
	uint64_t skip = layout_capacity(l->z->range, l->z->nr_ranges, MM_ORDER_MAX) -
			order_sum(l->z, MM_ORDER_MAX);
	int error = 0;
	memcpy(left, l->z->free[MM_ORDER_MAX], sizeof(left));
	for (uint64_t i = 0; i < l->runs.nr && !error; i++)
		error = top_run(l, &l->runs.r[i], &skip, left);
	runs_turn(l);
	return error;
}

/* ---- Any lower order: one block at most of each pair ---- */

static int place_run(struct layout *l, struct layout_plan *p, const struct layout_run *run)
{
	struct layout_pairs pairs = layout_run_pairs(run, p->order);
	uint64_t at = run->start, base = p->passed[run->type];
	int error = 0;
	p->passed[run->type] += pairs.nr;
	while (!error && p->placed[run->type] < p->total[run->type]) {
		uint64_t next = layout_plan_next(p, run->type);
		if (next >= base + pairs.nr)
			break;
		uint64_t pfn = layout_pair_block(&pairs, pairs.first + next - base, p->order);
		enum migratetype mt = layout_plan_type(p, run->type);
		error = runs_add(&l->next, at, pfn, run->type);
		if (!error)
			error = p->order >= l->z->pageblock_order
					? large_free(l, pfn, p->order, mt)
					: l->sink->free(l->sink->ctx, pfn, p->order, mt);
		at = pfn + (1ull << p->order);
	}
	return error ? error : runs_add(&l->next, at, run->end, run->type);
}

static int place_order(struct layout *l, unsigned order)
{
	struct layout_plan p = { .order = order, .highest = order >= l->z->pageblock_order };
	int error = 0;
	if (!order_sum(l->z, order))
		return 0;
	layout_plan_make(l, &p);
	for (uint64_t i = 0; i < l->runs.nr && !error; i++)
		error = place_run(l, &p, &l->runs.r[i]);
	runs_turn(l);
	return error;
}

/* ---- Pool pages: the highest whole blocks in use ---- */

static int huge_run(struct layout *l, const struct layout_run *run, uint64_t *skip)
{
	unsigned order = l->z->huge_order;
	uint64_t start = ALIGN_UP(run->start, 1ull << order), end = ALIGN_DOWN(run->end, 1ull << order);
	if (start >= end)
		return runs_add(&l->next, run->start, run->end, run->type);
	uint64_t pass = MIN(*skip, (end - start) >> order);
	*skip -= pass;
	start += pass << order;
	int error = runs_add(&l->next, run->start, start, run->type);
	for (; start < end && !error; start += 1ull << order) {
		error = l->sink->huge(l->sink->ctx, start);
		l->huge_left--;
	}
	return error ? error : runs_add(&l->next, start, run->end, run->type);
}

static int place_huge(struct layout *l)
{
	unsigned order = l->z->huge_order;
	uint64_t whole = 0;
	int error = 0;
	if (!l->huge_left)
		return 0;
	for (uint64_t i = 0; i < l->runs.nr; i++) {
		const struct pfn_range r = { l->runs.r[i].start, l->runs.r[i].end };
		whole += layout_capacity(&r, 1, order);
	}
	uint64_t skip = whole - MIN(whole, l->huge_left);
	for (uint64_t i = 0; i < l->runs.nr && !error; i++)
		error = huge_run(l, &l->runs.r[i], &skip);
	runs_turn(l);
	return error;
}

/* ---- Types of the pageblocks in use ---- */

static bool type_next(const struct layout *l, unsigned *mt)
{
	while (*mt < MIGRATE_TYPES && (*mt == MIGRATE_MOVABLE || !l->blocks_left[*mt]))
		++*mt;
	return *mt < MIGRATE_TYPES;
}

/* Cut a run at its pageblocks and give them types while there are types to give. *last: block that the run before ended in. */
static int type_run(struct layout *l, const struct layout_run *run, unsigned *mt, uint64_t *last,
		    enum migratetype *last_type)
{
	uint64_t at = run->start;
	int error = 0;
	while (at < run->end && !error) {
		uint64_t block = ALIGN_DOWN(at, block_size(l)),
			 end = MIN(run->end, block + block_size(l));
		if (block != *last) {
			if (!type_next(l, mt))
				break;
			*last = block;
			*last_type = MIGRATE_MOVABLE;
			if (block_usable(l, block)) {
				*last_type = (enum migratetype) * mt;
				error = block_set(l, block, *last_type);
			}
		}
		if (!error)
			error = runs_add(&l->next, at, end, *last_type);
		at = end;
	}
	return error ? error : runs_add(&l->next, at, run->end, MIGRATE_MOVABLE);
}

/* More typed pageblocks than memory in use: the rest lie below free Movable blocks. */
static int type_virgin(struct layout *l, unsigned *mt)
{
	int error = 0;
	for (unsigned i = 0; i < l->nr_virgin; i++)
		for (uint64_t pfn = l->virgin[i].start;
		     pfn < l->virgin[i].end && !error && type_next(l, mt); pfn += block_size(l))
			error = block_set(l, pfn, (enum migratetype) * mt);
	return error;
}

static int place_types(struct layout *l)
{
	unsigned mt = 0;
	uint64_t last = UINT64_MAX;
	enum migratetype last_type = MIGRATE_MOVABLE;
	int error = 0;
	for (uint64_t i = 0; i < l->runs.nr && !error; i++)
		error = type_run(l, &l->runs.r[i], &mt, &last, &last_type);
	runs_turn(l);
	return error ? error : type_virgin(l, &mt);
}

/* ---- The whole ---- */

int layout_place(struct layout *l, const struct layout_zone *z, const struct layout_sink *sink)
{
	memset(l, 0, sizeof(*l));
	l->z = z;
	l->sink = sink;
	l->huge_left = z->nr_huge;
	memcpy(l->blocks_left, z->blocks, sizeof(l->blocks_left));
	l->blocks_left[MIGRATE_MOVABLE] = 0;

	int error = 0;
	for (unsigned i = 0; i < z->nr_ranges && !error; i++)
		error = runs_add(&l->runs, z->range[i].start, z->range[i].end, MIGRATE_MOVABLE);
	if (!error)
		error = place_top(l);
	unsigned order = MM_ORDER_MAX;
	while (!error && order > z->pageblock_order)
		error = place_order(l, --order);
	if (!error)
		error = place_huge(l);
	if (!error)
		error = place_types(l);
	while (!error && order > 0)
		error = place_order(l, --order);
	return error;
}

static int cut_run(struct layout *l, const struct layout_run *run, unsigned order, uint64_t *nr,
		   int (*each)(void *ctx, uint64_t pfn), void *ctx)
{
	uint64_t size = 1ull << order, start = ALIGN_UP(run->start, size), pfn = start;
	int error = runs_add(&l->next, run->start, MIN(start, run->end), run->type);
	for (; pfn + size <= run->end && *nr && !error; pfn += size, --*nr)
		error = each(ctx, pfn);
	return error ? error : runs_add(&l->next, pfn, run->end, run->type);
}

int layout_cut(struct layout *l, unsigned order, enum migratetype type, uint64_t nr,
	       int (*each)(void *ctx, uint64_t pfn), void *ctx)
{
	int error = 0;
	if (!nr)
		return 0;
	l->next.nr = 0;
	for (uint64_t i = 0; i < l->runs.nr && !error; i++) {
		const struct layout_run *run = &l->runs.r[i];
		if (run->type == type && nr)
			error = cut_run(l, run, order, &nr, each, ctx);
		else
			error = runs_add(&l->next, run->start, run->end, run->type);
	}
	runs_turn(l);
	return error;
}

bool layout_take(struct layout *l, uint64_t *pfn)
{
	while (l->runs.nr) {
		struct layout_run *run = &l->runs.r[l->runs.nr - 1];
		if (run->start < run->end) {
			*pfn = --run->end;
			l->taken++;
			return true;
		}
		l->runs.nr--;
	}
	return false;
}

void layout_fini(struct layout *l)
{
	mem_free(l->runs.r);
	mem_free(l->next.r);
	memset(&l->runs, 0, sizeof(l->runs));
	memset(&l->next, 0, sizeof(l->next));
}
