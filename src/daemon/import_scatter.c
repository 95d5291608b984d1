/* SPDX-License-Identifier: MIT */
/*
 * Lots for the places of free blocks: see import_scatter.h.
 *
 * Invariants: a piece never touches the one before it, except that empty
 * gaps make two pieces look like one; of a region no more is chosen than it
 * has, and never so little that the rest cannot hold the others. Inside a
 * region each chosen place has a stretch of its own, so places are distinct
 * and ascending without a list of them.
 */
#include "daemon/import_scatter.h"

#include <string.h>

/* ---- Pieces ---- */

void pick_row(struct pick *p, uint64_t total, uint64_t n, bool last)
{
	memset(p, 0, sizeof(*p));
	if (!n)
		return;
	p->nr = 1;
	p->start[0] = last ? total - n : 0;
	p->end[0] = p->start[0] + n;
}

/* Points that cut `length` into nr + 1 parts, ascending. */
static void cuts_make(struct rng *rng, uint64_t length, uint64_t *cut, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		uint64_t at = rng_below(rng, length + 1);
		unsigned j = i;
		for (; j && cut[j - 1] > at; j--)
			cut[j] = cut[j - 1];
		cut[j] = at;
	}
}

void pick_pieces(struct pick *p, struct rng *rng, uint64_t total, uint64_t n)
{
	uint64_t part[PICK_PIECES], gap[PICK_PIECES];
	memset(p, 0, sizeof(*p));
	if (!n)
		return;
	p->nr = (unsigned)MIN(n, 1 + rng_below(rng, PICK_PIECES));
	cuts_make(rng, n, part, p->nr - 1);
	part[p->nr - 1] = n;
	cuts_make(rng, total - n, gap, p->nr);
	for (unsigned i = 0; i < p->nr; i++) {
		p->start[i] = gap[i] + (i ? part[i - 1] : 0);
		p->end[i] = gap[i] + part[i];
	}
}

uint64_t pick_gap(const struct pick *p)
{
	for (unsigned i = p->i; i < p->nr; i++)
		if (p->at < p->end[i])
			return p->start[i] > p->at ? p->start[i] - p->at : 0;
	return UINT64_MAX;
}

uint64_t pick_length(const struct pick *p)
{
	for (unsigned i = p->i; i < p->nr; i++)
		if (p->at < p->end[i])
			return p->at >= p->start[i] ? p->end[i] - p->at : 0;
	return 0;
}

void pick_pass(struct pick *p, uint64_t places)
{
	p->at += places;
	while (p->i < p->nr && p->at >= p->end[p->i])
		p->i++;
}

/* ---- One by one ---- */

#define WEIGHT_BITS 10u /* of an even one */

static uint32_t weight_draw(struct rng *rng, unsigned unevenness)
{
	uint64_t weight = 1u << WEIGHT_BITS;
	for (unsigned i = 0; i < unevenness; i++)
		weight = weight * (1 + rng_below(rng, 1u << WEIGHT_BITS)) >> WEIGHT_BITS;
	return (uint32_t)weight + 1;
}

void scatter_make(struct scatter *s, struct rng *rng, uint64_t total, uint64_t n, unsigned regions,
		  unsigned unevenness)
{
	ASSERT(n <= total);
	*s = (struct scatter){ .rng = rng, .total = total, .left = n };
	s->regions = CLAMP(regions, 1u, SCATTER_REGIONS);
	for (unsigned i = 0; i < s->regions; i++) {
		s->weight[i] = weight_draw(rng, unevenness);
		s->weight_left += s->weight[i];
	}
}

static uint64_t part_of(uint64_t whole, uint64_t part, uint64_t parts)
{
	return (uint64_t)((unsigned __int128)whole * part / parts);
}

static void region_next(struct scatter *s)
{
	unsigned r = s->region++;
	s->start = part_of(s->total, r, s->regions);
	uint64_t end = part_of(s->total, r + 1, s->regions), rest = s->total - end;
	s->size = end - s->start;
	uint64_t least = s->left > rest ? s->left - rest : 0;
	s->quota = part_of(s->left, s->weight[r], s->weight_left);
	s->quota = CLAMP(s->quota, least, MIN(s->left, s->size));
	s->given = 0;
	s->left -= s->quota;
	s->weight_left -= s->weight[r];
}

uint64_t scatter_next(struct scatter *s)
{
	while (s->given == s->quota)
		region_next(s);
	uint64_t from = part_of(s->size, s->given, s->quota);
	uint64_t to = part_of(s->size, s->given + 1, s->quota);
	s->given++;
	return s->start + from + rng_below(s->rng, to - from);
}
