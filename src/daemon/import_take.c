/* SPDX-License-Identifier: MIT */
/*
 * Giving out single frames of the memory in use. Whoever asks first gets
 * Movable memory, as pages of lists do on a real machine; the other types'
 * pageblocks follow when that is used up, and what is held comes last. Inside an
 * area, pieces of a size that is drawn once follow each other in any order:
 * pages of one kind lie together over so many frames, and what nobody asks for,
 * which is the kernel's and does not move, lies in as large pieces between them.
 *
 * Invariant: frames are given out from the end of the last run on.
 */
#include "daemon/import_layout.h"

#define PIECE_ORDER_MIN 6u
#define PIECE_ORDERS 7u /* 64 pages, 128 pages, ... a few pageblocks */
#define PIECES_MAX (1u << 16)

/* Which areas come first; of the rest, lower numbers do. */
static unsigned area_rank(unsigned area)
{
	static const uint8_t rank[LAYOUT_AREAS] = {
		[MIGRATE_MOVABLE] = 0,    [MIGRATE_RECLAIMABLE] = 1, [MIGRATE_UNMOVABLE] = 2,
		[MIGRATE_HIGHATOMIC] = 3, [MIGRATE_ISOLATE] = 3,     [LAYOUT_HELD] = 4
	};
	return rank[area];
}

#define AREA_RANKS 5u

/* Pieces end at multiples of their size, and where runs do. */
static int run_cut(struct layout *l, const struct layout_run *run, uint64_t size)
{
	uint64_t at = run->start;
	int error = 0;
	while (at < run->end && !error) {
		uint64_t end = MIN(run->end, ALIGN_DOWN(at, size) + size);
		error = layout_run_append(&l->next, at, end, run->area);
		at = end;
	}
	return error;
}

static int rank_cut(struct layout *l, unsigned rank, uint64_t size)
{
	struct rng *rng = l->z->rng;
	uint64_t first = l->next.nr;
	int error = 0;
	for (uint64_t i = 0; i < l->runs.nr && !error; i++)
		if (area_rank(l->runs.r[i].area) == rank)
			error = run_cut(l, &l->runs.r[i],
					rank + 1 < AREA_RANKS ? size : UINT64_MAX / 2 + 1);
	struct layout_run *r = l->next.r + first;
	for (uint64_t left = l->next.nr - first; left > 1 && !error; left--) {
		uint64_t lot = rng_below(rng, left);
		struct layout_run last = r[left - 1];
		r[left - 1] = r[lot];
		r[lot] = last;
	}
	return error;
}

static uint64_t piece_size(const struct layout *l)
{
	uint64_t pages = 0, size = 1ull << (PIECE_ORDER_MIN + rng_below(l->z->rng, PIECE_ORDERS));
	for (uint64_t i = 0; i < l->runs.nr; i++)
		if (l->runs.r[i].area != LAYOUT_HELD)
			pages += l->runs.r[i].end - l->runs.r[i].start;
	while (pages / size > PIECES_MAX)
		size <<= 1;
	return size;
}

int layout_shuffle(struct layout *l)
{
	int error = 0;
	if (!l->z->rng)
		return 0;
	uint64_t size = piece_size(l);
	l->next.nr = 0;
	for (unsigned rank = AREA_RANKS; rank-- > 0 && !error;)
		error = rank_cut(l, rank, size);
	struct layout_runs done = l->runs;
	l->runs = l->next;
	l->next = done;
	return error;
}

uint64_t layout_take_run(struct layout *l, uint64_t most, uint64_t *start)
{
	while (l->runs.nr) {
		struct layout_run *run = &l->runs.r[l->runs.nr - 1];
		if (run->start < run->end) {
			uint64_t nr = MIN(most, run->end - run->start);
			*start = run->end -= nr;
			l->taken += nr;
			return nr;
		}
		l->runs.nr--;
	}
	return 0;
}

bool layout_take(struct layout *l, uint64_t *pfn)
{
	return layout_take_run(l, 1, pfn);
}
