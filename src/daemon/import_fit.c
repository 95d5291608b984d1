/* SPDX-License-Identifier: MIT */
/*
 * Can these counts of free blocks stand in this memory? A block whose buddy is
 * free at the same order would have merged, so each free block of order k
 * needs a pair of order k + 1 of its own that is not free as a whole. Let
 * A[k] be the aligned blocks of order k in present memory and M[k] those that
 * are neither free nor inside a larger free block. Then
 *
 *	pairs for order k:  P[k] = M[k+1] + (A[k] - 2 * A[k+1])
 *
 * where the second term counts pairs of which only one half is present. P[k]
 * does not depend on where larger blocks were put, so counts fit exactly if
 * free[k] <= P[k] for every k, and any greedy placement from the top finds
 * room. Counts of a real machine fit where its holes are known; others are
 * mended here.
 */
#include "daemon/import_layout.h"

#include <string.h>

#define ROUNDS_MAX 64

uint64_t layout_capacity(const struct pfn_range *range, unsigned nr_ranges, unsigned order)
{
	uint64_t size = 1ull << order, blocks = 0;
	for (unsigned i = 0; i < nr_ranges; i++) {
		uint64_t start = ALIGN_UP(range[i].start, size), end = ALIGN_DOWN(range[i].end, size);
		if (start < end)
			blocks += (end - start) >> order;
	}
	return blocks;
}

static uint64_t order_sum(const struct layout_zone *z, unsigned order)
{
	uint64_t sum = 0;
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		sum += z->free[order][mt];
	return sum;
}

struct fit {
	struct layout_zone *z;
	int64_t capacity[MM_ORDERS]; /* A */
	bool full; /* the top order has been cut down to its capacity: nothing may merge into it */
	bool changed;
};

/* Room for blocks of one order, when the larger ones stand as they are. */
static int64_t room(const struct fit *f, unsigned order)
{
	const struct layout_zone *z = f->z;
	if (order == MM_ORDER_MAX)
		return f->capacity[order];
	int64_t mixed = f->capacity[order + 1];
	for (unsigned above = order + 1; above < MM_ORDERS; above++)
		mixed -= (int64_t)(order_sum(z, above) << (above - order - 1));
	if (z->huge_order > order)
		mixed -= (int64_t)(z->nr_huge << (z->huge_order - order - 1));
	return MAX(mixed, 0) + f->capacity[order] - 2 * f->capacity[order + 1];
}

static unsigned largest_type(const struct layout_zone *z, unsigned order)
{
	unsigned largest = 0;
	for (unsigned mt = 1; mt < MIGRATE_TYPES; mt++)
		if (z->free[order][mt] > z->free[order][largest])
			largest = mt;
	return largest;
}

/* n pairs of blocks become n blocks of the next order. */
static void merge_pairs(struct fit *f, unsigned order, uint64_t n)
{
	while (n) {
		uint64_t(*z_free)[MIGRATE_TYPES] = f->z->free;
		unsigned mt = largest_type(f->z, order);
		uint64_t pairs = MIN(n, z_free[order][mt] / 2);
		if (pairs) {
			z_free[order][mt] -= 2 * pairs;
			z_free[order + 1][mt] += pairs;
		} else { /* one block of each of two types */
			if (order_sum(f->z, order) < 2)
				return;
			pairs = 1;
			z_free[order][mt]--;
			z_free[order][largest_type(f->z, order)]--;
			z_free[order + 1][mt]++;
		}
		n -= pairs;
		f->changed = true;
	}
}

static void split_blocks(struct fit *f, unsigned order, uint64_t n)
{
	while (n) {
		unsigned mt = largest_type(f->z, order);
		uint64_t blocks = MIN(n, f->z->free[order][mt]);
		if (!blocks)
			return;
		f->z->free[order][mt] -= blocks;
		if (order)
			f->z->free[order - 1][mt] += 2 * blocks;
		n -= blocks;
		f->changed = true;
	}
}

/* One pass from the top. Returns whether something had to move. */
static bool fit_round(struct fit *f)
{
	bool moved = false;
	for (unsigned order = MM_ORDERS; order-- > 0;) {
		int64_t excess = (int64_t)order_sum(f->z, order) - room(f, order);
		if (excess <= 0)
			continue;
		moved = true;
		if (order == MM_ORDER_MAX)
			f->full = true;
		if (f->full)
			split_blocks(f, order, (uint64_t)excess);
		else
			merge_pairs(f, order, (uint64_t)excess);
	}
	return moved;
}

/* Pool pages must be whole blocks beside the free ones of their order and above. */
static void fit_huge(struct fit *f)
{
	struct layout_zone *z = f->z;
	int64_t left = f->capacity[z->huge_order];
	for (unsigned order = z->huge_order; order < MM_ORDERS; order++)
		left -= (int64_t)(order_sum(z, order) << (order - z->huge_order));
	z->nr_huge = MIN(z->nr_huge, (uint64_t)MAX(left, 0));
}

uint64_t layout_fit(struct layout_zone *z, bool *changed)
{
	struct fit f = { .z = z };
	uint64_t before = 0, after = 0;
	for (unsigned order = 0; order < MM_ORDERS; order++) {
		f.capacity[order] = (int64_t)layout_capacity(z->range, z->nr_ranges, order);
		before += order_sum(z, order) << order;
	}
	fit_huge(&f);
	unsigned rounds = 0;
	while (fit_round(&f) && ++rounds < ROUNDS_MAX)
		;
	f.full = true; /* what still does not fit is cut, top down */
	fit_round(&f);
	for (unsigned order = 0; order < MM_ORDERS; order++)
		after += order_sum(z, order) << order;
	*changed = f.changed;
	return before - after;
}
