/* SPDX-License-Identifier: MIT */
/*
 * Placing free blocks, from the top order down. What is left over at each step
 * is a list of runs, so the cost follows the number of blocks below the top
 * order, not the size of the machine.
 *
 * Without lots free blocks of a pageblock or more go to the top of the zone,
 * memory in use to the bottom, as a machine looks that has not been busy long,
 * and the pageblocks of the other types are taken from the bottom of what is in
 * use. With lots all these lie in a few pieces anywhere. Memory that cannot
 * move and finds no room in pageblocks of the other types fills Movable
 * ones (the kernel takes them whole, and at boot it had its own there), save
 * for a part, also drawn, that is scattered.
 *
 * The smaller free blocks of a type lie over the pageblocks of that type as far
 * as there is room, and over others beyond that. Each small
 * block is the high half of a pair whose low half stays in use (where both
 * halves are there), which is how a split leaves it. What is then left is in
 * use, and handed out in blocks from below and in single frames (import_take.c).
 *
 * Invariants: runs are ascending and disjoint; at order k no run holds two
 * halves of a pair that were both placed; below pageblock order every run lies
 * in one area.
 */
#include "daemon/import_layout.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

#define UNEVENNESS                                                                                 \
	5u /* of small free blocks: alike everywhere, to most of them in a quarter of the memory */

/* ---- Runs ---- */

int layout_run_append(struct layout_runs *v, uint64_t start, uint64_t end, unsigned area)
{
	if (v->nr == v->cap) {
		uint64_t cap = v->cap ? 2 * v->cap : 64;
		struct layout_run *larger = mem_realloc(v->r, cap * sizeof(*larger));
		if (!larger)
			return -ENOMEM;
		v->r = larger;
		v->cap = cap;
	}
	v->r[v->nr++] = (struct layout_run){ start, end, area };
	return 0;
}

static int runs_add(struct layout_runs *v, uint64_t start, uint64_t end, unsigned area)
{
	if (start >= end)
		return 0;
	if (v->nr && v->r[v->nr - 1].end == start && v->r[v->nr - 1].area == area) {
		v->r[v->nr - 1].end = end;
		return 0;
	}
	return layout_run_append(v, start, end, area);
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

/* ---- The top order: no pairs to mind. The lowest of the chosen blocks are those of other types. ---- */

static void pick_make(struct layout *l, uint64_t total, uint64_t n, bool last)
{
	if (l->z->rng)
		pick_pieces(&l->pick, l->z->rng, total, n);
	else
		pick_row(&l->pick, total, n, last);
}

/* So many blocks from pfn on become free. */
static int top_free(struct layout *l, uint64_t pfn, uint64_t blocks, uint64_t left[MIGRATE_TYPES])
{
	int error = 0;
	for (unsigned mt = 0; mt < MIGRATE_TYPES && !error; mt++)
		for (; mt != MIGRATE_MOVABLE && left[mt] && blocks && !error; blocks--, pfn += MM_TOP_PAGES) {
			left[mt]--;
			error = large_free(l, pfn, MM_ORDER_MAX, mt);
		}
	return error ? error : virgin_free(l, pfn, pfn + (blocks << MM_ORDER_MAX));
}

static int top_run(struct layout *l, const struct layout_run *run, uint64_t left[MIGRATE_TYPES])
{
	uint64_t at = run->start, pfn = ALIGN_UP(run->start, MM_TOP_PAGES),
		 end = ALIGN_DOWN(run->end, MM_TOP_PAGES);
	int error = 0;
	while (pfn < end && !error) {
		uint64_t blocks = (end - pfn) >> MM_ORDER_MAX, pass = MIN(pick_gap(&l->pick), blocks);
		pick_pass(&l->pick, pass);
		pfn += pass << MM_ORDER_MAX;
		uint64_t nr = MIN(pick_length(&l->pick), blocks - pass);
		pick_pass(&l->pick, nr);
		if (!nr)
			continue;
		error = runs_add(&l->next, at, pfn, run->area);
		if (!error)
			error = top_free(l, pfn, nr, left);
		at = pfn += nr << MM_ORDER_MAX;
	}
	return error ? error : runs_add(&l->next, at, run->end, run->area);
}

static int place_top(struct layout *l)
{
	uint64_t left[MIGRATE_TYPES];
	pick_make(l, layout_capacity(l->z->range, l->z->nr_ranges, MM_ORDER_MAX),
		  order_sum(l->z, MM_ORDER_MAX), true);
	int error = 0;
	memcpy(left, l->z->free[MM_ORDER_MAX], sizeof(left));
	for (uint64_t i = 0; i < l->runs.nr && !error; i++)
		error = top_run(l, &l->runs.r[i], left);
	runs_turn(l);
	return error;
}

/* ---- Any lower order: one block at most of each pair ---- */

static int place_run(struct layout *l, struct layout_plan *p, const struct layout_run *run)
{
	struct layout_pairs pairs = layout_run_pairs(run, p->order);
	uint64_t at = run->start, base = p->passed[run->area];
	int error = 0;
	p->passed[run->area] += pairs.nr;
	while (!error && p->placed[run->area] < p->total[run->area]) {
		uint64_t next = layout_plan_next(p, run->area);
		if (next >= base + pairs.nr)
			break;
		uint64_t pfn = layout_pair_block(&pairs, pairs.first + next - base, p->order);
		enum migratetype mt = layout_plan_type(p, run->area);
		error = runs_add(&l->next, at, pfn, run->area);
		if (!error)
			error = p->order >= l->z->pageblock_order
					? large_free(l, pfn, p->order, mt)
					: l->sink->free(l->sink->ctx, pfn, p->order, mt);
		at = pfn + (1ull << p->order);
	}
	return error ? error : runs_add(&l->next, at, run->end, run->area);
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
		return runs_add(&l->next, run->start, run->end, run->area);
	uint64_t pass = MIN(*skip, (end - start) >> order);
	*skip -= pass;
	start += pass << order;
	int error = runs_add(&l->next, run->start, start, run->area);
	for (; start < end && !error; start += 1ull << order) {
		error = l->sink->huge(l->sink->ctx, start);
		l->huge_left--;
	}
	return error ? error : runs_add(&l->next, start, run->end, run->area);
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

/* ---- Areas: types of the pageblocks in use, and blocks that are held ---- */

struct typing {
	bool held; /* chosen blocks become held; else they get types while there are types to give */
	unsigned mt;
	uint64_t last; /* the block that the run before ended in */
	unsigned last_area;
};

#define SAME_TYPE 8u /* pageblocks in a row that mostly get one type by lot */

static bool type_next(const struct layout *l, unsigned *mt)
{
	while (*mt < MIGRATE_TYPES && (*mt == MIGRATE_MOVABLE || !l->blocks_left[*mt]))
		++*mt;
	return *mt < MIGRATE_TYPES;
}

/* By lot; a type with more blocks has more lots. */
static bool type_draw(const struct layout *l, unsigned *mt)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < MIGRATE_TYPES; i++)
		sum += l->blocks_left[i];
	if (!sum)
		return false;
	if (*mt < MIGRATE_TYPES && l->blocks_left[*mt] && rng_below(l->z->rng, SAME_TYPE))
		return true;
	uint64_t lot = rng_below(l->z->rng, sum);
	for (*mt = 0; lot >= l->blocks_left[*mt]; ++*mt)
		lot -= l->blocks_left[*mt];
	return true;
}

/* A chosen block's area. */
static int block_type(struct layout *l, struct typing *t, uint64_t block)
{
	t->last_area = t->held ? LAYOUT_HELD : MIGRATE_MOVABLE;
	if (t->held || !block_usable(l, block))
		return 0;
	if (!(l->z->rng ? type_draw(l, &t->mt) : type_next(l, &t->mt))) {
		l->pick.i = l->pick.nr; /* no more blocks are wanted */
		return 0;
	}
	t->last_area = t->mt;
	return block_set(l, block, (enum migratetype)t->mt);
}

/* Cut a run at its pageblocks where their area changes. */
static int type_run(struct layout *l, const struct layout_run *run, struct typing *t)
{
	uint64_t at = run->start;
	int error = 0;
	if (run->area != MIGRATE_MOVABLE)
		return runs_add(&l->next, run->start, run->end, run->area);
	while (at < run->end && !error) {
		uint64_t block = ALIGN_DOWN(at, block_size(l)), blocks = 1;
		if (block != t->last) {
			uint64_t gap = pick_gap(&l->pick);
			if (gap)
				blocks = MIN(gap, DIV_ROUND_UP(run->end - block, block_size(l)));
			pick_pass(&l->pick, blocks);
			t->last_area = MIGRATE_MOVABLE;
			if (!gap)
				error = block_type(l, t, block);
			t->last = block + (blocks - 1) * block_size(l);
		}
		uint64_t end = MIN(run->end, block + blocks * block_size(l));
		if (!error)
			error = runs_add(&l->next, at, end, t->last_area);
		at = end;
	}
	return error;
}

static int type_runs(struct layout *l, bool held)
{
	struct typing t = { .held = held, .last = UINT64_MAX, .mt = l->z->rng ? MIGRATE_TYPES : 0 };
	int error = 0;
	for (uint64_t i = 0; i < l->runs.nr && !error; i++)
		error = type_run(l, &l->runs.r[i], &t);
	runs_turn(l);
	return error;
}

/* Pageblocks with memory in use of which nothing is known yet. */
static uint64_t movable_blocks(const struct layout *l)
{
	uint64_t blocks = 0;
	for (uint64_t i = 0; i < l->runs.nr; i++) {
		const struct layout_run *run = &l->runs.r[i];
		if (run->area == MIGRATE_MOVABLE)
			blocks += DIV_ROUND_UP(run->end - ALIGN_DOWN(run->start, block_size(l)),
					       block_size(l));
	}
	return blocks;
}

static uint64_t blocks_wanted(const struct layout *l)
{
	uint64_t wanted = 0;
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		wanted += l->blocks_left[mt];
	return wanted;
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
	uint64_t total = movable_blocks(l), wanted = blocks_wanted(l);
	int error = 0;
	if (l->z->rng && wanted && wanted < total) {
		pick_pieces(&l->pick, l->z->rng, total, wanted);
		error = type_runs(l, false);
	}
	if (!error && blocks_wanted(l)) { /* all of them, or those for which lots fell on blocks that do not count */
		pick_row(&l->pick, UINT64_MAX, UINT64_MAX, false);
		error = type_runs(l, false);
	}
	unsigned mt = 0;
	return error ? error : type_virgin(l, &mt);
}

/* Pages in use of Movable pageblocks, once the small free blocks of that type are taken off. */
static uint64_t movable_used(const struct layout *l)
{
	uint64_t pages = 0, free = 0;
	for (uint64_t i = 0; i < l->runs.nr; i++)
		if (l->runs.r[i].area == MIGRATE_MOVABLE)
			pages += l->runs.r[i].end - l->runs.r[i].start;
	for (unsigned order = 0; order < l->z->pageblock_order; order++)
		free += l->z->free[order][MIGRATE_MOVABLE] << order;
	return pages - MIN(pages, free);
}

/*
 * More pages in use there than can move: those that lie together, and half to
 * all of the others, fill blocks of their own.
 */
static int place_held(struct layout *l)
{
	uint64_t used = movable_used(l), total = movable_blocks(l);
	if (!l->z->rng || used <= l->z->nr_movable)
		return 0;
	uint64_t excess = used - l->z->nr_movable, fixed = MIN(excess, l->z->nr_fixed);
	uint64_t held = fixed + (excess - fixed) * (8 + rng_below(l->z->rng, 9)) / 16;
	uint64_t blocks = MIN(held >> l->z->pageblock_order, total);
	if (!blocks)
		return 0;
	pick_pieces(&l->pick, l->z->rng, total, blocks);
	return type_runs(l, true);
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
	if (z->rng)
		l->unevenness = (unsigned)rng_below(z->rng, UNEVENNESS);

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
	if (!error)
		error = place_held(l);
	while (!error && order > 0)
		error = place_order(l, --order);
	return error;
}

static int cut_run(struct layout *l, const struct layout_run *run, unsigned order, uint64_t *nr,
		   int (*each)(void *ctx, uint64_t pfn), void *ctx)
{
	uint64_t size = 1ull << order, start = ALIGN_UP(run->start, size), pfn = start;
	int error = runs_add(&l->next, run->start, MIN(start, run->end), run->area);
	for (; pfn + size <= run->end && *nr && !error; pfn += size, --*nr)
		error = each(ctx, pfn);
	return error ? error : runs_add(&l->next, pfn, run->end, run->area);
}

int layout_cut(struct layout *l, unsigned order, unsigned area, uint64_t nr,
	       int (*each)(void *ctx, uint64_t pfn), void *ctx)
{
	int error = 0;
	if (!nr)
		return 0;
	l->next.nr = 0;
	for (uint64_t i = 0; i < l->runs.nr && !error; i++) {
		const struct layout_run *run = &l->runs.r[i];
		if (run->area == area && nr)
			error = cut_run(l, run, order, &nr, each, ctx);
		else
			error = runs_add(&l->next, run->start, run->end, run->area);
	}
	runs_turn(l);
	return error;
}

void layout_fini(struct layout *l)
{
	mem_free(l->runs.r);
	mem_free(l->next.r);
	memset(&l->runs, 0, sizeof(l->runs));
	memset(&l->next, 0, sizeof(l->next));
}
