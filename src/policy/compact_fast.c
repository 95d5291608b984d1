/* SPDX-License-Identifier: MIT */
/*
 * Free pages for compaction off the free lists (mm/compaction.c:
 * fast_isolate_freepages, 6.1), so that the free scanner need not go through
 * pageblock after pageblock for each cluster. Passes for an order look at a
 * few blocks of each smaller order, coldest first, for one in the upper quarter
 * between the scanners, or else the highest in the upper half. Lists are turned so that the
 * next search sees others. What is found is looked around, but in passes that do not wait.
 *
 * A search that finds nothing looks at fewer blocks the next time; at the
 * start of a zone it looks at more, and says where the free scanner is to begin.
 *
 * Locks: the zone's, for each list.
 */

#include "mm/buddy.h"
#include "policy/compact_control.h"

struct search {
	struct compact_control *cc;
	uint64_t low_pfn, min_pfn; /* good; and good enough */
	uint64_t highest; /* first frame of the highest pageblock seen */
	uint64_t high_pfn; /* the highest block that is good enough */
	unsigned limit, scanned, of_order;
	pfn_t found;
	bool at_start;
};

/* The orders below the one that is wanted in turn, beginning with the one that was good last. -1: all were seen. */
static int order_next(struct compact_control *cc, int order)
{
	order = order ? order - 1 : cc->order - 1;
	if (order != cc->search_order)
		return order;
	cc->search_order = cc->search_order ? cc->search_order - 1 : cc->order - 1;
	return -1;
}

/* `first` becomes the list's first, and those before it its last. */
static void list_turn(struct page *map, struct page_list *l, pfn_t first)
{
	pfn_t head = l->head, last = map[first].prev;
	if (!last)
		return;
	map[l->tail].next = head;
	map[head].prev = l->tail;
	map[last].next = PFN_NIL;
	map[first].prev = PFN_NIL;
	l->head = first;
	l->tail = last;
}

/* Is the search of this list over? */
static bool block_judge(struct search *s, pfn_t pfn, int order)
{
	const struct zone *z = s->cc->zone;
	s->of_order++;
	s->scanned++;
	if (pfn >= s->highest)
		s->highest = MAX(pageblock_start(z, pfn), z->start_pfn);
	if (pfn >= s->low_pfn) {
		s->cc->fast_failures = 0;
		s->cc->search_order = order;
		s->found = pfn;
		return true;
	}
	if (pfn >= s->min_pfn && pfn > s->high_pfn) {
		s->high_pfn = pfn;
		s->limit >>= 1;
	}
	return s->of_order >= s->limit;
}

/* Zone lock held. */
static void list_search(struct search *s, int order)
{
	struct page *map = s->cc->policy->machine->map;
	struct page_list *l = &s->cc->zone->area[order].list[MIGRATE_MOVABLE];
	pfn_t at = l->tail;
	s->of_order = 0;
	s->high_pfn = 0;
	while (at && !block_judge(s, at, order))
		at = map[at].prev;
	if (!s->found && s->high_pfn)
		at = s->found = (pfn_t)s->high_pfn;
	if (at)
		list_turn(map, l, at);
}

/* False: the marks forbid to take any. */
static bool order_search(struct search *s, int order)
{
	struct compact_control *cc = s->cc;
	bool allowed = true;
	if (!zone_free_blocks(cc->zone, (unsigned)order))
		return true;
	lock_take(&cc->zone->lock);
	list_search(s, order);
	if (s->found && !compact_take_apart(cc, s->found, (unsigned)order)) {
		s->found = PFN_NIL;
		allowed = false;
	} else if (s->found) {
		s->scanned += (1u << order) - 1;
		event_add(cc->cpu, COMPACTISOLATED, 1ull << order);
	}
	lock_drop(&cc->zone->lock);
	if (s->of_order >= s->limit)
		s->limit = MAX(1u, s->limit >> 1);
	return allowed;
}

/* Where the free scanner begins in a zone of which nothing is known: at the highest block seen, or half-way. */
static void search_begin_at(struct search *s)
{
	struct compact_control *cc = s->cc;
	if (s->highest < s->min_pfn && !cc->direct)
		return;
	cc->free_pfn = s->highest < s->min_pfn ? s->min_pfn : s->highest;
	compact_isolate_around(cc, cc->free_pfn);
}

static void search_remember(const struct search *s)
{
	struct zone *z = s->cc->zone;
	lock_take(&z->lock);
	if (s->highest && s->highest >= z->compact.free_pfn)
		WRITE_RELAXED(&z->compact.free_pfn, s->highest - pageblock_size(z));
	lock_drop(&z->lock);
}

void compact_isolate_fast(struct compact_control *cc)
{
	unsigned limit = (COMPACT_CLUSTER >> MIN(cc->fast_failures, 31u)) + 1;
	struct search s = { .cc = cc, .limit = MAX(1u, limit >> 1) };
	if (cc->order <= 0 || cc->free_pfn <= cc->migrate_pfn)
		return;
	s.at_start = cc->free_pfn >= READ_RELAXED(&cc->zone->compact.init_free_pfn);
	if (s.at_start)
		s.limit = (unsigned)pageblock_size(cc->zone) >> 1;
	uint64_t distance = cc->free_pfn - cc->migrate_pfn;
	s.low_pfn = pageblock_start(cc->zone, cc->free_pfn - (distance >> 2));
	s.min_pfn = pageblock_start(cc->zone, cc->free_pfn - (distance >> 1));
	cc->search_order = MIN(cc->search_order, cc->order - 1);
	bool allowed = true;
	for (int order = cc->search_order; allowed && !s.found && order >= 0; order = order_next(cc, order))
		allowed = order_search(&s, order);
	if (!s.found) {
		cc->fast_failures++;
		if (s.at_start)
			search_begin_at(&s);
	}
	search_remember(&s);
	cc->free_scanned += s.scanned;
	cc->work += s.scanned;
	if (s.found)
		compact_isolate_around(cc, s.found);
}
