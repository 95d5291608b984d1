/* SPDX-License-Identifier: MIT */
/*
 * Passes of compaction (mm/compaction.c: compact_zone, try_to_compact_pages,
 * compact_node, 6.1): see compact.h and, for the scanners, compact_scan.c.
 *
 * A pass notes a cluster of pages, moves them, gives their old frames back,
 * and asks whether it is done: when a block that serves the request is free,
 * when the scanners meet, or when somebody else wants a lock that an async pass
 * would have to wait for.
 *
 * Different from Linux: a free block is not kept for the request on its way to
 * the free lists (capture_control). A page that is busy is not tried ten times in a
 * row: nobody gets in between. Of pages on CPUs' lists those that this CPU
 * keeps of the zone are the only ones that are flushed, as there.
 */

#include "policy/compact.h"

#include "base/client.h"
#include "mm/buddy.h"
#include "mm/lru.h"
#include "mm/pcp.h"
#include "policy/compact_control.h"
#include "policy/migrate.h"

#include <errno.h>

#define WORK_A_TURN                                                                                \
	16384u /* frames looked at, or a sixteenth of that moved, until others may get in */
#define WORK_OF_A_MOVE 16u

/* ---- Moving a cluster ---- */

struct gone {
	struct page *page[COMPACT_CLUSTER];
	unsigned nr;
};

/* The next candidate moves to the next free page. False: it stays. LRU lock held. */
static bool candidate_move(struct compact_control *cc, pfn_t pfn, struct gone *gone)
{
	struct machine *m = cc->policy->machine;
	struct page *page = pfn_page(m, pfn);
	if (!page_may_move(cc->policy, page) || page->zone != cc->zone->id) /* it has gone by itself: as good as moved */
		return true;
	struct page *to = page_list_pop(m->map, &cc->free);
	if (page_migrate_locked(cc->policy, cc->cpu, page, to) != PAGE_GOES) {
		page_list_add_head(m->map, &cc->free, page_pfn(m, to));
		cc->failed++;
		return false;
	}
	cc->nr_free--;
	cc->moved++;
	gone->page[gone->nr++] = page;
	return true;
}

/* Candidates from `at` on, as far as free pages and the cluster reach. Returns the next one. */
static unsigned cluster_move(struct compact_control *cc, unsigned at, bool *failed)
{
	struct lock *lru = &cc->zone->node->lru.lock;
	struct gone gone = { .nr = 0 };
	lock_take(lru);
	for (; at < cc->nr_migrate && cc->nr_free && gone.nr < COMPACT_CLUSTER; at++)
		*failed |= !candidate_move(cc, cc->migrate[at], &gone);
	lock_drop(lru);
	pages_give_direct(cc->cpu, gone.page, gone.nr);
	cc->work += gone.nr * WORK_OF_A_MOVE;
	return at;
}

/* 0, -ENOMEM: no free pages to move to, or -EAGAIN: some did not move. 6.1: migrate_pages. */
static int candidates_move(struct compact_control *cc)
{
	uint64_t moved = cc->moved, failures = cc->failed;
	bool failed = false, full = false;
	for (unsigned at = 0; at < cc->nr_migrate && !full;) {
		if (!cc->nr_free)
			compact_isolate_free(cc);
		full = !cc->nr_free;
		if (!full)
			at = cluster_move(cc, at, &failed);
	}
	cc->failed += full;
	cc->nr_migrate = 0;
	event_add(cc->cpu, PGMIGRATE_SUCCESS, cc->moved - moved);
	event_add(cc->cpu, PGMIGRATE_FAIL, cc->failed - failures);
	return full ? -ENOMEM : failed ? -EAGAIN : 0;
}

/* ---- A pass ---- */

static bool scanners_met(const struct compact_control *cc)
{
	return pageblock_start(cc->zone, cc->free_pfn) <= pageblock_start(cc->zone, cc->migrate_pfn);
}

static enum compact_result pass_met(const struct compact_control *cc)
{
	compact_restart(cc->zone);
	if (cc->direct)
		WRITE_RELAXED(&cc->zone->compact.flush_skip, true);
	return cc->whole_zone ? COMPACT_COMPLETE : COMPACT_PARTIAL_SKIPPED;
}

/* A block of the request's type, or one that it may take over whole. Only between pageblocks, so that they get done. */
static enum compact_result pass_serves(const struct compact_control *cc)
{
	struct zone *z = cc->zone;
	if (cc->migrate_pfn % pageblock_size(z))
		return COMPACT_CONTINUE;
	lock_take(&z->lock);
	bool serves = zone_has_claimable(z, (unsigned)cc->order, cc->mt);
	lock_drop(&z->lock);
	return serves ? COMPACT_SUCCESS : COMPACT_CONTINUE;
}

/* 6.1: __compact_finished. */
static enum compact_result pass_finished(const struct compact_control *cc)
{
	enum compact_result result = COMPACT_CONTINUE;
	if (scanners_met(cc))
		return pass_met(cc);
	if (cc->enough)
		result = cc->enough(cc);
	if (result == COMPACT_CONTINUE && cc->order != COMPACT_WHOLE)
		result = pass_serves(cc);
	if (result == COMPACT_SUCCESS)
		return result;
	return cc->contended || cc->interrupted ? COMPACT_CONTENDED : result;
}

/* Where the scanners begin: at the ends, or where the last pass left off. */
static void pass_position(struct compact_control *cc)
{
	struct zone *z = cc->zone;
	struct zone_compact *k = &z->compact;
	uint64_t last = pageblock_start(z, zone_end(z) - 1);
	if (cc->whole_zone) {
		cc->migrate_pfn = z->start_pfn;
		cc->free_pfn = last;
		return;
	}
	lock_take(&z->lock);
	if (k->free_pfn < z->start_pfn || k->free_pfn >= zone_end(z))
		WRITE_RELAXED(&k->free_pfn, last);
	uint64_t *from = &k->migrate_pfn[cc->mode != COMPACT_ASYNC];
	if (*from < z->start_pfn || *from >= zone_end(z)) {
		WRITE_RELAXED(&k->migrate_pfn[0], z->start_pfn);
		WRITE_RELAXED(&k->migrate_pfn[1], z->start_pfn);
	}
	cc->free_pfn = k->free_pfn;
	cc->migrate_pfn = *from;
	cc->whole_zone = cc->migrate_pfn <= k->init_migrate_pfn;
	lock_drop(&z->lock);
}

/* COMPACT_CONTINUE: look; else the answer without. */
static enum compact_result pass_begin(struct compact_control *cc)
{
	static const uint8_t type_of[] = { MIGRATE_UNMOVABLE, MIGRATE_MOVABLE, MIGRATE_RECLAIMABLE };
	bool movable = cc->gfp & __GFP_MOVABLE, reclaimable = cc->gfp & __GFP_RECLAIMABLE;
	cc->mt = (enum migratetype)type_of[movable ? 1 : reclaimable ? 2 : 0];
	if (cc->order != COMPACT_WHOLE) {
		enum compact_result result = compaction_suitable(
			cc->policy, cc->zone, (unsigned)cc->order, cc->alloc_flags, cc->highest_type);
		if (result != COMPACT_CONTINUE)
			return result;
		if (compact_restarting(cc->zone, (unsigned)cc->order))
			compact_zone_reset_skip(cc->zone);
	}
	cc->search_order = cc->order;
	pass_position(cc);
	return COMPACT_CONTINUE;
}

/* Somebody else may want the CPU, and the client may have had enough. Nothing is held. */
static void pass_breathe(struct compact_control *cc)
{
	if (cc->work < WORK_A_TURN)
		return;
	cc->work = 0;
	compact_give_free(cc);
	cpu_leave(cc->cpu);
	cc->interrupted = client_interrupted();
	cpu_enter(cc->cpu);
}

/* While nothing at all was found, async passes speak for the others, too. */
static void pass_found_none(const struct compact_control *cc)
{
	struct zone *z = cc->zone;
	lock_take(&z->lock);
	WRITE_RELAXED(&z->compact.migrate_pfn[1], z->compact.migrate_pfn[0]);
	lock_drop(&z->lock);
}

/* COMPACT_CONTINUE, or what the pass ends with. The old frames are free at once, so only our own lists can keep blocks from merging. */
static enum compact_result pass_move(struct compact_control *cc, uint64_t *last_pfn)
{
	int error = candidates_move(cc);
	if (!error)
		return COMPACT_CONTINUE;
	if (error == -ENOMEM && !scanners_met(cc))
		return COMPACT_CONTENDED;
	if (cc->direct && cc->mode == COMPACT_ASYNC) {
		cc->migrate_pfn = ALIGN_UP(cc->migrate_pfn, 1ull << cc->order);
		*last_pfn = 0;
	}
	return COMPACT_CONTINUE;
}

static void pass_drain(const struct compact_control *cc, uint64_t *last_pfn)
{
	if (cc->order <= 0 || !*last_pfn || *last_pfn >= ALIGN_DOWN(cc->migrate_pfn, 1ull << cc->order))
		return;
	cpu_drain_zone(cc->cpu, cc->zone);
	*last_pfn = 0;
}

static enum compact_result pass_run(struct compact_control *cc)
{
	const struct zone_compact *k = &cc->zone->compact;
	bool none_yet = cc->mode == COMPACT_ASYNC &&
			READ_RELAXED(&k->migrate_pfn[0]) == READ_RELAXED(&k->migrate_pfn[1]);
	enum compact_result result;
	uint64_t last_pfn = 0;
	while ((result = pass_finished(cc)) == COMPACT_CONTINUE) {
		uint64_t from = cc->migrate_pfn;
		cc->rescan = pageblock_start(cc->zone, last_pfn) == pageblock_start(cc->zone, from);
		if (compact_isolate_migrate(cc) == ISOLATE_SUCCESS) {
			none_yet = false;
			last_pfn = from;
			result = pass_move(cc, &last_pfn);
			if (result != COMPACT_CONTINUE)
				return result;
		} else if (none_yet) {
			pass_found_none(cc);
		}
		pass_drain(cc, &last_pfn);
		pass_breathe(cc);
	}
	return result;
}

enum compact_result compact_zone(struct compact_control *cc)
{
	enum compact_result result = pass_begin(cc);
	if (result != COMPACT_CONTINUE)
		return result;
	result = pass_run(cc);
	compact_give_free(cc);
	event_add(cc->cpu, COMPACTMIGRATE_SCANNED, cc->migrate_scanned);
	event_add(cc->cpu, COMPACTFREE_SCANNED, cc->free_scanned);
	return result;
}

/* ---- For a request ---- */

struct direct {
	struct policy *policy;
	struct cpu *cpu;
	gfp_t gfp;
	unsigned order, alloc_flags, highest_type;
	enum compact_priority priority;
};

/* 6.1: compact_zone_order. */
static enum compact_result direct_zone(const struct direct *d, struct zone *z, bool *interrupted)
{
	bool thorough = d->priority == COMPACT_PRIO_SYNC_FULL;
	struct compact_control cc;
	compact_control_init(&cc, d->policy, d->cpu, z);
	cc.order = (int)d->order;
	cc.gfp = d->gfp;
	cc.mode = d->priority == COMPACT_PRIO_ASYNC ? COMPACT_ASYNC : COMPACT_SYNC_LIGHT;
	cc.alloc_flags = d->alloc_flags;
	cc.highest_type = d->highest_type;
	cc.direct = true;
	cc.whole_zone = cc.ignore_skip_hint = cc.ignore_block_suitable = thorough;
	enum compact_result result = compact_zone(&cc);
	*interrupted = cc.interrupted;
	return result;
}

enum compact_result compact_direct(struct policy *p, struct cpu *c, const struct zoneref *list,
				   unsigned nr, unsigned highest_type, const struct nodemask *nodes,
				   gfp_t gfp, unsigned order, unsigned alloc_flags,
				   enum compact_priority priority)
{
	const struct direct d = { p, c, gfp, order, alloc_flags, highest_type, priority };
	enum compact_result best = COMPACT_SKIPPED;
	bool interrupted = false;
	if (!(gfp & __GFP_IO))
		return COMPACT_SKIPPED;
	for (unsigned i = 0; i < nr && !interrupted; i++) {
		struct zone *z = list[i].zone;
		if (list[i].type > highest_type || (nodes && !nodemask_has(nodes, z->node->id)))
			continue;
		if (priority != COMPACT_PRIO_SYNC_FULL && compact_deferred(z, order)) {
			best = MAX(best, COMPACT_DEFERRED);
			continue;
		}
		enum compact_result result = direct_zone(&d, z, &interrupted);
		best = MAX(best, result);
		if (result == COMPACT_SUCCESS) {
			compact_defer_reset(z, order, false);
			break;
		}
		if (priority != COMPACT_PRIO_ASYNC &&
		    (result == COMPACT_COMPLETE || result == COMPACT_PARTIAL_SKIPPED))
			compact_defer(z, order);
	}
	return best;
}

/* ---- Everything ---- */

static int zone_compact_all(struct policy *p, struct cpu *c, struct zone *z)
{
	struct compact_control cc;
	compact_control_init(&cc, p, c, z);
	cc.mode = COMPACT_SYNC;
	cc.whole_zone = cc.ignore_skip_hint = true;
	compact_zone(&cc);
	return cc.interrupted ? -EINTR : 0;
}

int compact_node(struct policy *p, struct node *n)
{
	int error = 0;
	if (!n->has_memory)
		return 0;
	cpu_enter(n->first_cpu);
	for (unsigned t = 0; t < p->machine->nr_zone_types && !error; t++)
		if (zone_populated(n->zone[t]))
			error = zone_compact_all(p, n->first_cpu, n->zone[t]);
	cpu_leave(n->first_cpu);
	return error;
}

int compact_all_nodes(struct policy *p)
{
	struct machine *m = p->machine;
	int error = 0;
	for (unsigned i = 0; i < m->nr_nodes && !error; i++)
		if (m->node[i].online)
			error = compact_node(p, &m->node[i]);
	return error;
}
