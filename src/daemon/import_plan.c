/* SPDX-License-Identifier: MIT */
/*
 * Which pairs of one order get a free block. Blocks go to the area of their own
 * type first, what finds no room there to Movable memory, then to any. Inside
 * an area they are spread evenly, so the fragments of an aged machine do not all
 * lie in one place, or by lot. Pure arithmetic: layout_fit has made sure that
 * all areas together have room.
 */
#include "daemon/import_layout.h"

#include <string.h>

struct layout_pairs layout_run_pairs(const struct layout_run *run, unsigned order)
{
	struct layout_pairs p = { .start = ALIGN_UP(run->start, 1ull << order),
				  .end = ALIGN_DOWN(run->end, 1ull << order) };
	if (p.start >= p.end)
		return p;
	p.first = p.start >> (order + 1);
	p.nr = ((p.end - 1) >> (order + 1)) - p.first + 1;
	return p;
}

uint64_t layout_pair_block(const struct layout_pairs *p, uint64_t pair, unsigned order)
{
	uint64_t low = pair << (order + 1), high = low + (1ull << order);
	return high < p->end ? high : low;
}

static void plan_give(struct layout_plan *p, unsigned area, unsigned mt, uint64_t *want)
{
	uint64_t n = MIN(*want, p->pairs[area] - p->total[area]);
	p->give[area][mt] += n;
	p->total[area] += n;
	*want -= n;
}

/* A region is a pageblock, or more where there are many. */
static void plan_scatter(const struct layout *l, struct layout_plan *p, unsigned area)
{
	unsigned pair_order = p->order + 1;
	uint64_t regions = pair_order < l->z->pageblock_order
				   ? p->spread[area] >> (l->z->pageblock_order - pair_order)
				   : 1;
	scatter_make(&p->scatter[area], l->z->rng, p->spread[area], p->total[area],
		     (unsigned)MIN(regions, SCATTER_REGIONS), l->unevenness);
}

void layout_plan_make(const struct layout *l, struct layout_plan *p)
{
	uint64_t want[MIGRATE_TYPES];
	memcpy(want, l->z->free[p->order], sizeof(want));
	for (uint64_t i = 0; i < l->runs.nr; i++)
		p->pairs[l->runs.r[i].area] += layout_run_pairs(&l->runs.r[i], p->order).nr;
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		plan_give(p, mt, mt, &want[mt]);
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
		plan_give(p, MIGRATE_MOVABLE, mt, &want[mt]);
		for (unsigned area = 0; area < LAYOUT_AREAS; area++)
			plan_give(p, area, mt, &want[mt]);
		ASSERT(!want[mt]);
	}
	p->by_lot = l->z->rng;
	for (unsigned area = 0; area < LAYOUT_AREAS; area++) {
		uint64_t window = l->z->window_pages >> (p->order + 1);
		p->spread[area] =
			window ? MAX(p->total[area], MIN(window, p->pairs[area])) : p->pairs[area];
		if (p->by_lot && p->total[area])
			plan_scatter(l, p, area);
	}
}

static uint64_t plan_draw(struct layout_plan *p, unsigned area)
{
	if (p->drawn[area] == p->placed[area]) {
		p->drawn[area]++;
		p->next[area] = scatter_next(&p->scatter[area]);
	}
	return p->next[area];
}

uint64_t layout_plan_next(struct layout_plan *p, unsigned area)
{
	uint64_t i = p->placed[area], n = p->total[area];
	if (p->by_lot)
		return plan_draw(p, area);
	return p->highest ? p->pairs[area] - n + i : i * p->spread[area] / n;
}

enum migratetype layout_plan_type(struct layout_plan *p, unsigned area)
{
	unsigned mt = area < MIGRATE_TYPES ? area : MIGRATE_MOVABLE;
	for (unsigned i = 0; !p->give[area][mt]; i++)
		mt = i;
	p->give[area][mt]--;
	p->placed[area]++;
	return (enum migratetype)mt;
}
