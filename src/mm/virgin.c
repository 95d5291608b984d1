/* SPDX-License-Identifier: MIT */
/*
 * Any part of the memory of a zone that was never used. buddy.c takes such
 * memory block by block from the lowest range; whoever wants a certain part of it
 * (a range for a page of 1 GiB, the free scanner of compaction) cuts it out here.
 *
 * Ranges ascend, do not touch and are never empty, from v->first on; those
 * below are used up, and their slots serve when room is short. All with the
 * zone's lock held, but for virgin_make_room, which allocates.
 */

#include "mm/buddy.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

#define ROOM_MORE 8u /* ranges; a zone has few */

/* The first range that ends above pfn, or nr_ranges. */
static unsigned virgin_find(const struct virgin *v, uint64_t pfn)
{
	unsigned i = v->first;
	while (i < v->nr_ranges && v->range[i].end <= pfn)
		i++;
	return i;
}

bool virgin_has(const struct zone *z, uint64_t pfn)
{
	unsigned i = virgin_find(&z->virgin, pfn);
	return i < z->virgin.nr_ranges && z->virgin.range[i].start <= pfn;
}

bool virgin_has_room(const struct zone *z)
{
	return z->virgin.first || z->virgin.nr_ranges < z->virgin.room;
}

int virgin_make_room(struct zone *z)
{
	struct virgin *v = &z->virgin;
	lock_take(&z->lock);
	unsigned room = v->nr_ranges + ROOM_MORE;
	bool enough = virgin_has_room(z);
	lock_drop(&z->lock);
	if (enough)
		return 0;
	struct pfn_range *range = mem_zalloc(room * sizeof(*range)), *old = range;
	if (!range)
		return -ENOMEM;
	lock_take(&z->lock);
	if (v->nr_ranges < room && !virgin_has_room(z)) {
		memcpy(range, v->range, v->nr_ranges * sizeof(*range));
		old = v->range;
		v->range = range;
		v->room = room;
	}
	lock_drop(&z->lock);
	mem_free(old);
	return 0;
}

static void range_insert(struct virgin *v, unsigned at, struct pfn_range r)
{
	if (v->first) { /* the slots below move down by one */
		memmove(&v->range[v->first - 1], &v->range[v->first], (at - v->first) * sizeof(r));
		v->first--;
		v->range[at - 1] = r;
		return;
	}
	ASSERT(v->nr_ranges < v->room);
	memmove(&v->range[at + 1], &v->range[at], (v->nr_ranges - at) * sizeof(r));
	v->range[at] = r;
	v->nr_ranges++;
}

static void range_remove(struct virgin *v, unsigned at)
{
	memmove(&v->range[at], &v->range[at + 1], (v->nr_ranges - at - 1) * sizeof(v->range[0]));
	v->nr_ranges--;
}

static void virgin_count(struct zone *z, uint64_t pages, int sign)
{
	int64_t blocks = sign * (int64_t)(pages >> MM_ORDER_MAX);
	z->virgin.nr_blocks += (uint64_t)blocks;
	zone_area_count(z, MM_ORDER_MAX, MIGRATE_MOVABLE, blocks);
}

bool virgin_cut(struct zone *z, uint64_t start, uint64_t end, struct pfn_range *part)
{
	struct virgin *v = &z->virgin;
	unsigned i = virgin_find(v, start);
	ASSERT(start % MM_TOP_PAGES == 0 && end % MM_TOP_PAGES == 0);
	if (i == v->nr_ranges || v->range[i].start >= end)
		return false;
	struct pfn_range *r = &v->range[i], whole = *r;
	*part = (struct pfn_range){ MAX(r->start, start), MIN(r->end, end) };
	if (part->start > whole.start && part->end < whole.end) {
		r->start = part->end;
		range_insert(v, i, (struct pfn_range){ whole.start, part->start });
	} else if (part->start > whole.start) {
		r->end = part->start;
	} else if (part->end < whole.end) {
		r->start = part->end;
	} else {
		range_remove(v, i);
	}
	virgin_count(z, part->end - part->start, -1);
	return true;
}

/* Where no range touches it and there is no room for one more, the blocks go on the list, as used ones. */
void virgin_join(struct zone *z, uint64_t start, uint64_t end)
{
	struct virgin *v = &z->virgin;
	unsigned i = virgin_find(v, start);
	bool below = i > v->first && v->range[i - 1].end == start;
	bool above = i < v->nr_ranges && v->range[i].start == end;
	if (!below && !above && !virgin_has_room(z)) {
		for (uint64_t at = start; at < end; at += MM_TOP_PAGES)
			buddy_insert(z, (pfn_t)at, MM_ORDER_MAX, MIGRATE_MOVABLE);
		return;
	}
	if (below && above) {
		v->range[i].start = v->range[i - 1].start;
		range_remove(v, i - 1);
	} else if (below) {
		v->range[i - 1].end = end;
	} else if (above) {
		v->range[i].start = start;
	} else {
		range_insert(v, i, (struct pfn_range){ start, end });
	}
	virgin_count(z, end - start, 1);
}
