/* SPDX-License-Identifier: MIT */
/*
 * The scanner of compaction that looks for pages to move (mm/compaction.c:
 * isolate_migratepages, 6.1), and what it shares with the one for free pages.
 *
 * It goes up, pageblock by pageblock, and notes pages on LRU lists that can
 * move, 32 at a time. A pageblock that brought nothing is marked to be skipped,
 * and the zone remembers how far passes came.
 *
 * Locks: what a page is, is seen without a lock and made sure of under the
 * LRU lock, which is kept to the end of the pageblock.
 *
 * Different from Linux: pages to move are not taken off their lists but noted
 * (the CPU may be left meanwhile), so nothing has to be put back, and whoever moves them
 * looks once more. Free lists are not searched for pageblocks to move out of
 * (fast_find_migrateblock), which saves scanning and nothing else. Memory that
 * was never used has no entries to look at; what would be scanned of it is counted.
 */

#include "policy/compact_scan.h"

#include "mm/lru.h"
#include "policy/migrate.h"

bool block_is_of_zone(const struct zone *z, uint64_t start, uint64_t end)
{
	if (start < z->start_pfn || end > zone_end(z))
		return false;
	bool first = false, last = false;
	for (unsigned i = 0; i < z->nr_ranges; i++) {
		const struct pfn_range *r = &z->range[i];
		first |= start >= r->start && start < r->end;
		last |= end - 1 >= r->start && end - 1 < r->end;
	}
	return first && last;
}

bool block_never_used(struct zone *z, uint64_t pfn)
{
	lock_take(&z->lock);
	bool never = virgin_has(z, pfn);
	lock_drop(&z->lock);
	return never;
}

void scan_lock(struct compact_control *cc, struct lock *l)
{
	if (cc->mode == COMPACT_ASYNC && !cc->contended) {
		if (lock_try_now(l))
			return;
		cc->contended = true;
	}
	lock_take(l);
}

struct source { /* one look into one pageblock */
	struct compact_control *cc;
	uint64_t pfn, end, part_end; /* part: aligned frames of the order that is wanted */
	uint64_t scanned;
	bool locked; /* the node's LRU lock */
	bool from_start; /* the block's first frame was looked at */
	bool claimed; /* the block is marked: other passes leave it to this one */
	bool aborted;
};

enum look { LOOK_PASS, LOOK_TAKE, LOOK_FAIL };

static void migrate_pfn_advance(struct compact_control *cc, uint64_t pfn)
{
	struct zone *z = cc->zone;
	struct zone_compact *at = &z->compact;
	pfn = ALIGN_UP(pfn, pageblock_size(z));
	lock_take(&z->lock);
	if (pfn > at->migrate_pfn[0])
		WRITE_RELAXED(&at->migrate_pfn[0], pfn);
	if (cc->mode != COMPACT_ASYNC && pfn > at->migrate_pfn[1])
		WRITE_RELAXED(&at->migrate_pfn[1], pfn);
	lock_drop(&z->lock);
}

/* The first to come to a pageblock has it for himself. 6.1: test_and_set_skip. */
static bool source_claim(struct source *s)
{
	struct machine *m = s->cc->policy->machine;
	if (s->claimed)
		return true;
	s->claimed = true;
	if (s->cc->ignore_skip_hint || s->pfn % pageblock_size(s->cc->zone))
		return true;
	if (pageblock_skip(m, (pfn_t)s->pfn))
		return false;
	pageblock_set_skip(m, (pfn_t)s->pfn, true);
	return true;
}

static bool source_lock(struct source *s)
{
	if (s->locked)
		return true;
	scan_lock(s->cc, &s->cc->zone->node->lru.lock);
	s->locked = true;
	return source_claim(s);
}

/* LRU lock held: the page's owner and marks may be read. */
static enum look page_judge(struct source *s, const struct page *page)
{
	const struct compact_control *cc = s->cc;
	if (!page_may_move(cc->policy, page))
		return LOOK_FAIL;
	if (page->marks & (MARK_HUGE_ANON | MARK_HUGE_FILE)) { /* as one with those behind it, which would be torn from it */
		s->pfn += pageblock_size(cc->zone) - 1;
		return LOOK_FAIL;
	}
	if ((page->marks & MARK_WRITEBACK) && cc->mode != COMPACT_SYNC)
		return LOOK_FAIL;
	if (!(cc->gfp & __GFP_FS) && owner_kind(page->owner) != OWNER_TASK_ANON)
		return LOOK_FAIL;
	return LOOK_TAKE;
}

static enum look source_look(struct source *s)
{
	const struct compact_control *cc = s->cc;
	const struct page *page = scan_page(cc, s->pfn);
	unsigned state = READ_RELAXED(&page->state), order = READ_RELAXED(&page->order);
	if (state != PAGE_BUDDY && state != PAGE_USED)
		return LOOK_FAIL;
	s->pfn += (1ull << order) - 1;
	if (state == PAGE_BUDDY)
		return LOOK_PASS;
	unsigned list = READ_RELAXED(&page->lru);
	if (order || list >= LRU_LISTS || READ_RELAXED(&page->zone) != cc->zone->id)
		return LOOK_FAIL;
	if (list == LRU_UNEVICTABLE && !READ_RELAXED(&cc->policy->compact.unevictable_allowed))
		return LOOK_FAIL;
	if (!source_lock(s)) {
		s->aborted = true;
		return LOOK_FAIL;
	}
	return page_judge(s, page);
}

/* For a request that does not wait, a part with a page that cannot move is of no use. */
static void source_fail(struct source *s)
{
	struct compact_control *cc = s->cc;
	if (!is_async_direct(cc))
		return;
	cc->nr_migrate = 0;
	if (s->pfn < s->part_end) {
		s->pfn = s->part_end - 1;
		s->part_end += 1ull << cc->order;
	}
}

static bool source_part_ends(struct source *s)
{
	const struct compact_control *cc = s->cc;
	if (!is_async_direct(cc) || s->pfn < s->part_end)
		return false;
	if (cc->nr_migrate)
		return true;
	s->part_end = ALIGN_UP(s->pfn + 1, 1ull << cc->order);
	return false;
}

static bool source_take(struct source *s)
{
	struct compact_control *cc = s->cc;
	cc->migrate[cc->nr_migrate++] = (pfn_t)s->pfn;
	return cc->nr_migrate >= COMPACT_CLUSTER && !cc->rescan && !cc->contended;
}

/* Another pass has begun with the block meanwhile. */
static bool source_is_taken(struct source *s)
{
	if (s->from_start || s->pfn % pageblock_size(s->cc->zone))
		return false;
	s->from_start = true;
	return block_is_skipped(s->cc, s->pfn);
}

/* What moved from before this frame may have merged with what is free from here on: that is passed. */
static void source_resume(struct source *s)
{
	for (unsigned order = 1; order < MM_ORDERS; order++) {
		uint64_t head = ALIGN_DOWN(s->pfn, 1ull << order);
		const struct page *page = scan_page(s->cc, head);
		if (head == s->pfn || READ_RELAXED(&page->state) != PAGE_BUDDY)
			continue;
		uint64_t after = head + (1ull << READ_RELAXED(&page->order));
		if (after > s->pfn)
			s->pfn = MIN(after, s->end);
		return;
	}
}

static void source_scan(struct source *s)
{
	if (s->pfn % pageblock_size(s->cc->zone))
		source_resume(s);
	for (; s->pfn < s->end && !s->aborted && !source_part_ends(s); s->pfn++) {
		s->scanned++;
		if (source_is_taken(s)) {
			s->aborted = true;
			break;
		}
		switch (source_look(s)) {
		case LOOK_PASS:
			break;
		case LOOK_FAIL:
			source_fail(s);
			break;
		case LOOK_TAKE:
			if (!source_take(s))
				break;
			s->pfn++;
			return;
		}
	}
	if (s->aborted || s->pfn > s->end)
		s->pfn = s->end;
}

/* A free block of the top order stands for itself; what of a pageblock inside it is no head of anything is looked at frame by frame. */
static void source_pass_unused(struct source *s)
{
	s->scanned = s->pfn % MM_TOP_PAGES ? s->end - s->pfn : 1;
	s->from_start = true;
	s->pfn = s->end;
}

/* 6.1: isolate_migratepages_block. */
static void source_run(struct compact_control *cc, uint64_t pfn, uint64_t end)
{
	struct source s = { .cc = cc, .pfn = pfn, .end = end, .part_end = pfn };
	if (is_async_direct(cc))
		s.part_end = ALIGN_UP(pfn + 1, 1ull << cc->order);
	cc->nr_migrate = 0;
	if (block_never_used(cc->zone, pfn))
		source_pass_unused(&s);
	else
		source_scan(&s);
	if (s.locked)
		lock_drop(&cc->zone->node->lru.lock);
	if (s.pfn == end && (!cc->nr_migrate || cc->rescan)) {
		if (s.from_start && !s.claimed)
			pageblock_set_skip(cc->policy->machine,
					   (pfn_t)pageblock_start(cc->zone, end - 1), true);
		migrate_pfn_advance(cc, s.pfn);
	}
	cc->migrate_pfn = s.pfn;
	cc->migrate_scanned += s.scanned;
	cc->work += (unsigned)s.scanned;
	event_add(cc->cpu, COMPACTISOLATED, cc->nr_migrate);
}

/* 6.1: suitable_migration_source. */
static bool source_suitable(const struct compact_control *cc, uint64_t start)
{
	const struct machine *m = cc->policy->machine;
	const struct page *head = pfn_page(m, (pfn_t)start);
	if (READ_RELAXED(&head->state) == PAGE_USED && READ_RELAXED(&head->order) >= m->pageblock_order)
		return false;
	return !is_async_direct(cc) || pageblock_type(m, (pfn_t)start) == cc->mt;
}

enum isolate_result compact_isolate_migrate(struct compact_control *cc)
{
	const struct zone *z = cc->zone;
	uint64_t size = pageblock_size(z), pfn = cc->migrate_pfn;
	uint64_t start = MAX(pageblock_start(z, pfn), z->start_pfn), end = pageblock_start(z, pfn) + size;
	cc->nr_migrate = 0;
	for (; end <= cc->free_pfn; cc->migrate_pfn = pfn = start = end, end += size) {
		cc->work++;
		if (!block_is_of_zone(z, start, end))
			continue;
		if (pfn % size == 0 && block_is_skipped(cc, start))
			continue;
		if (!block_never_used(cc->zone, start) && !source_suitable(cc, start)) {
			migrate_pfn_advance(cc, end);
			continue;
		}
		source_run(cc, pfn, end);
		break;
	}
	return cc->nr_migrate ? ISOLATE_SUCCESS : ISOLATE_NONE;
}
