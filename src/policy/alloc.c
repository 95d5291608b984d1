/* SPDX-License-Identifier: MIT */
/*
 * The ladder of an allocation (mm/page_alloc.c: __alloc_pages, 6.1):
 *
 *   1. the zones of the list in turn, above their low marks;
 *   2. kswapd is woken, and again at the min marks, deeper for HIGH and ATOMIC;
 *   3. direct compaction, and direct reclaim, up to 16 rounds without progress;
 *   4. what other CPUs keep on their lists, and the highatomic reserve;
 *   5. the OOM killer, and again from 1, while that brings something;
 *   6. none.
 *
 * alloc_page is step 1 for a single page off the CPU's own list, without the
 * ladder's bookkeeping: a zone has its `plenty` of free pages, so all else is
 * known to pass.
 *
 * Different from Linux: NOFAIL may fail when nothing can be reclaimed, since
 * waiting for ever would only hang the mount. And nobody goes on after a round
 * in which nothing was freed and nothing was written.
 */

#include "mm/buddy.h"
#include "mm/pcp.h"
#include "policy/gfp.h"
#include "policy/node_reclaim.h"
#include "policy/policy.h"
#include "policy/reclaim.h"
#include "policy/retry.h"

#define ROUNDS_WITHOUT_PROGRESS 16 /* MAX_RECLAIM_RETRIES */

struct request {
	struct policy *policy;
	struct cpu *cpu;
	struct node *node; /* whose zonelist */
	const struct nodemask *nodes; /* those of it that count; NULL: all */
	gfp_t gfp;
	unsigned order;
	unsigned highest_type;
	enum migratetype mt;
	unsigned flags; /* enum alloc_flags */
	enum zone_mark mark;
	unsigned nr_zones; /* how much of the zonelist counts */
	const struct zone *preferred;
	struct retry retry; /* of a block: what compaction has brought so far */
	bool dying; /* the OOM killer has chosen whoever asks */
};

static bool zone_has_block(const struct zone *z, unsigned order, unsigned flags)
{
	for (unsigned o = order; o < MM_ORDERS; o++) {
		for (unsigned mt = 0; mt < MIGRATE_PCPTYPES; mt++)
			if (READ_RELAXED(&z->area[o].nr_free[mt]))
				return true;
		if ((flags & ALLOC_HARDER) && READ_RELAXED(&z->area[o].nr_free[MIGRATE_HIGHATOMIC]))
			return true;
	}
	return false;
}

static inline bool watermark_ok(const struct zone *z, unsigned order, uint64_t mark,
				unsigned highest_type, unsigned flags, uint64_t free)
{
	int64_t free_pages = (int64_t)free - ((1ll << order) - 1);
	int64_t least = (int64_t)mark;

	if (flags & ALLOC_HIGH)
		least -= least / 2;
	if (flags & ALLOC_HARDER)
		least -= least / 4;
	else
		free_pages -= (int64_t)READ_RELAXED(&z->nr_reserved_highatomic);
	if (free_pages <= least + (int64_t)READ_RELAXED(&z->lowmem_reserve[highest_type]))
		return false;
	return !order || zone_has_block(z, order, flags);
}

bool zone_watermark_ok(const struct zone *z, unsigned order, uint64_t mark, unsigned highest_type,
		       unsigned flags)
{
	return watermark_ok(z, order, mark, highest_type, flags, zone_stat_read(z, NR_FREE_PAGES));
}

bool zone_watermark_ok_with(const struct zone *z, unsigned order, uint64_t mark,
			    unsigned highest_type, unsigned flags, uint64_t free_pages)
{
	return watermark_ok(z, order, mark, highest_type, flags, free_pages);
}

/* For single pages that cannot wait the boost of the min mark does not count. */
static bool request_fits(const struct request *r, const struct zone *z)
{
	if (UNLIKELY(r->flags & ALLOC_NO_WATERMARKS))
		return true;
	if (LIKELY(zone_watermark_ok(z, r->order, zone_mark_pages(z, r->mark), r->highest_type, r->flags)))
		return true;
	if (r->order || !(r->gfp & __GFP_ATOMIC) || r->mark != WMARK_MIN)
		return false;
	return zone_watermark_ok(z, 0, READ_RELAXED(&z->watermark[WMARK_MIN]), r->highest_type, r->flags);
}

/* With vm.zone_reclaim_mode a near zone is made to fit. */
static bool request_make_room(const struct request *r, const struct zone *z)
{
	if (LIKELY(!node_reclaim_allowed(r->policy, r->preferred, z)))
		return false;
	return node_reclaim(r->policy, r->cpu, z->node, r->gfp, r->order, r->highest_type) >=
		       NODE_RECLAIM_SOME &&
	       zone_watermark_ok(z, r->order, zone_mark_pages(z, r->mark), r->highest_type, r->flags);
}

/* Is the zone on a node that the request is kept away from? */
static inline bool request_skips(const struct request *r, const struct zone *z)
{
	return UNLIKELY(r->nodes) && !nodemask_has(r->nodes, z->node->id);
}

static inline void count_numa(struct cpu *c, const struct zone *preferred, const struct zone *z)
{
	struct cpu_zone *of = c->zone;
	if (UNLIKELY(!READ_RELAXED(&c->machine->tune.numa_stat)))
		return;
	if (LIKELY(z->node == preferred->node)) {
		counter_add(&of[z->id].numa[NUMA_HIT], 1);
	} else {
		counter_add(&of[z->id].numa[NUMA_MISS], 1);
		counter_add(&of[preferred->id].numa[NUMA_FOREIGN], 1);
	}
	counter_add(&of[z->id].numa[z->node == c->node ? NUMA_LOCAL : NUMA_OTHER], 1);
}

static struct page *request_take(const struct request *r, struct zone *z)
{
	unsigned take = (r->flags & ALLOC_HARDER ? TAKE_HIGHATOMIC : 0) |
			(r->flags & ALLOC_NOFRAGMENT ? TAKE_NOFRAGMENT : 0);
	struct page *page = zone_take(r->cpu, z, r->order, r->mt, take);
	if (UNLIKELY(!page))
		return NULL;
	count_numa(r->cpu, r->preferred, z);
	if (UNLIKELY(r->order && (r->flags & ALLOC_HARDER)))
		zone_reserve_highatomic(z, page);
	if (UNLIKELY(READ_RELAXED(&z->boosted)) && (r->flags & ALLOC_KSWAPD)) {
		lock_take(&z->lock);
		WRITE_RELAXED(&z->boosted, false);
		zone_update_plenty(z);
		lock_drop(&z->lock);
		kswapd_wake(r->policy, r->cpu, z->node, 0, z->type);
	}
	return page;
}

/* One walk along the zonelist. 6.1: get_page_from_freelist. */
static struct page *request_walk(const struct request *r)
{
	for (unsigned i = 0; i < r->nr_zones; i++) {
		const struct zoneref *ref = &r->node->zonelist[i];
		if (ref->type > r->highest_type || request_skips(r, ref->zone))
			continue;
		if ((r->flags & ALLOC_NOFRAGMENT) && ref->zone->node != r->preferred->node)
			return NULL;
		if (!request_fits(r, ref->zone) && !request_make_room(r, ref->zone))
			continue;
		struct page *page = request_take(r, ref->zone);
		if (LIKELY(page))
			return page;
	}
	return NULL;
}

/* First without mixing types in a pageblock; a remote node is worse than that. */
static struct page *request_try(struct request *r)
{
	struct page *page = request_walk(r);
	if (LIKELY(page) || !(r->flags & ALLOC_NOFRAGMENT))
		return page;
	r->flags &= ~(unsigned)ALLOC_NOFRAGMENT;
	return request_walk(r);
}

/* 6.1: alloc_flags_nofragment. Only Normal, and only where there is a DMA32 to fall back to before a remote node. */
static unsigned nofragment_flag(const struct request *r)
{
	const struct zone *z = r->preferred;
	if (z->kind != ZONE_NORMAL || z->machine->bits == 32)
		return 0;
	const struct zone *dma32 = z->node->zone[z->type - 1];
	return r->policy->several_nodes && !zone_populated(dma32) ? 0 : ALLOC_NOFRAGMENT;
}

static bool request_init(struct request *r)
{
	struct node *n = r->node;
	r->nr_zones = UNLIKELY(r->gfp & __GFP_THISNODE) ? n->nr_zonelist_thisnode : n->nr_zonelist;
	r->highest_type = r->policy->zone_type[r->gfp & GFP_PLACE_BITS];
	if (UNLIKELY(r->highest_type >= MM_ZONE_TYPES_MAX))
		return false;
	r->mt = (enum migratetype)r->policy->migratetype[r->gfp & GFP_PLACE_BITS];
	for (unsigned i = 0; i < r->nr_zones; i++) {
		if (n->zonelist[i].type > r->highest_type || request_skips(r, n->zonelist[i].zone))
			continue;
		r->preferred = n->zonelist[i].zone;
		return true;
	}
	return false;
}

static void wake_kswapds(const struct request *r)
{
	const struct node *last = NULL;
	for (unsigned i = 0; i < r->nr_zones; i++) {
		struct zone *z = r->node->zonelist[i].zone;
		if (z->type > r->highest_type || z->node == last || request_skips(r, z))
			continue;
		last = z->node;
		bool works = kswapd_wake(r->policy, r->cpu, z->node, r->order, r->highest_type);
		if (!works && !(r->gfp & __GFP_DIRECT_RECLAIM)) /* nobody but kcompactd will do anything for it */
			kcompactd_wake(r->policy, r->cpu, z->node, r->order, r->highest_type);
	}
}

/* One pageblock of a highatomic reserve goes back; force: even the last one. */
static bool request_unreserve(const struct request *r, bool force)
{
	for (unsigned i = 0; i < r->nr_zones; i++) {
		const struct zoneref *ref = &r->node->zonelist[i];
		if (ref->type <= r->highest_type && !request_skips(r, ref->zone) &&
		    zone_unreserve_highatomic(ref->zone, r->mt, force))
			return true;
	}
	return false;
}

/* Pages on other CPUs' lists are free, too. The CPU is left meanwhile. */
static void request_drain(const struct request *r)
{
	request_unreserve(r, false);
	cpu_leave(r->cpu);
	machine_drain(r->policy->machine);
	cpu_enter(r->cpu);
}

/* 6.1: __alloc_pages_direct_compact. */
static struct page *request_compact(struct request *r, enum compact_priority priority)
{
	struct cpu *c = r->cpu;
	if (!r->order)
		return NULL;
	r->retry.result = compact_direct(r->policy, c, r->node->zonelist, r->nr_zones, r->highest_type,
					 r->nodes, r->gfp, r->order, r->flags, priority);
	if (r->retry.result == COMPACT_SKIPPED)
		return NULL;
	event_add(c, COMPACTSTALL, 1);
	struct page *page = request_try(r);
	if (!page) {
		event_add(c, COMPACTFAIL, 1);
		return NULL;
	}
	struct zone *z = page_zone(r->policy->machine, page);
	WRITE_RELAXED(&z->compact.flush_skip, false);
	compact_defer_reset(z, r->order, true);
	event_add(c, COMPACTSUCCESS, 1);
	return page;
}

/* Large blocks are compacted for before anything is reclaimed, and so are those that would spoil a pageblock of another type. */
static struct page *request_compact_first(struct request *r)
{
	bool costly = r->order > MM_COSTLY_ORDER;
	bool may_go_below = (r->gfp & __GFP_MEMALLOC) && !(r->gfp & __GFP_NOMEMALLOC);
	r->retry = (struct retry){ .policy = r->policy,
				   .list = r->node->zonelist,
				   .nr = r->nr_zones,
				   .highest_type = r->highest_type,
				   .nodes = r->nodes,
				   .order = r->order,
				   .alloc_flags = r->flags,
				   .result = COMPACT_NO_SUITABLE_PAGE,
				   .priority = COMPACT_PRIO_SYNC_LIGHT };
	if (may_go_below || !r->order || (!costly && r->mt == MIGRATE_MOVABLE))
		return NULL;
	struct page *page = request_compact(r, COMPACT_PRIO_ASYNC);
	if (costly && (r->gfp & __GFP_NORETRY))
		r->retry.priority = COMPACT_PRIO_ASYNC;
	return page;
}

/* Compaction says no, and nobody asked for more than a try. */
static bool request_gives_up(const struct request *r)
{
	return r->order > MM_COSTLY_ORDER && (r->gfp & __GFP_NORETRY) &&
	       (r->retry.result == COMPACT_SKIPPED || r->retry.result == COMPACT_DEFERRED);
}

/* Reclaim has brought something. For a single page that is enough to go on. */
static bool request_goes_on(struct request *r, uint64_t freed)
{
	return !r->order || retry_reclaim(&r->retry) || (freed && retry_compact(&r->retry));
}

static bool request_may_loop(const struct request *r)
{
	if (r->gfp & __GFP_NORETRY)
		return false;
	return r->order <= MM_COSTLY_ORDER || (r->gfp & (__GFP_RETRY_MAYFAIL | __GFP_NOFAIL));
}

static struct page *request_reclaim(struct request *r)
{
	bool drained = false;
	for (unsigned stuck = 0; stuck < ROUNDS_WITHOUT_PROGRESS;) {
		bool again;
		uint64_t freed = reclaim_direct(r->policy, r->cpu, r->node->zonelist, r->nr_zones,
						r->highest_type, r->nodes, r->gfp, r->order, &again);
		struct page *page = request_try(r);
		if (!page && !drained) {
			request_drain(r);
			drained = true;
			page = request_try(r);
		}
		if (!page)
			page = request_compact(r, r->retry.priority);
		if (page || !request_may_loop(r) || (!freed && !again && drained) ||
		    !request_goes_on(r, freed))
			return page;
		stuck = freed && r->order <= MM_COSTLY_ORDER ? 0 : stuck + 1;
	}
	return NULL;
}

/* Before the answer is none, the highatomic reserve goes, block by block. */
static struct page *request_exhaust(struct request *r)
{
	struct page *page = NULL;
	while (!page && request_may_loop(r) && request_unreserve(r, true))
		page = request_try(r);
	return page;
}

/* What waiting can bring: reclaim, other CPUs' lists, the highatomic reserve. */
static struct page *request_wait(struct request *r)
{
	struct page *page = request_reclaim(r);
	return page ? page : request_exhaust(r);
}

/* Somebody else may have made room: then plenty of it, or it is not for us. 6.1 tries above the high marks, too. */
static struct page *request_try_high(struct request *r)
{
	enum zone_mark mark = r->mark;
	cpu_enter(r->cpu);
	r->mark = WMARK_HIGH;
	struct page *page = request_try(r);
	r->mark = mark;
	cpu_leave(r->cpu);
	return page;
}

/* The OOM killer, inside no CPU: one thread at a time. */
static enum oom_answer request_kill(struct request *r, struct page **page)
{
	const struct oom *oom = &r->policy->oom;
	const struct oom_request request = { r->policy, r->cpu,          r->gfp,
					     r->order,  r->highest_type, r->nodes };
	enum oom_answer answer = oom->ops->begin(oom->ctx);
	if (answer != OOM_AGAIN)
		return answer;
	*page = request_try_high(r);
	if (!*page)
		answer = oom->ops->kill(oom->ctx, &request);
	oom->ops->end(oom->ctx);
	return answer;
}

/* 6.1: __alloc_pages_may_oom. Each turn starts from what a victim has given back. */
static struct page *request_oom(struct request *r)
{
	enum oom_answer answer = OOM_AGAIN;
	struct page *page = NULL;
	for (unsigned waits = 0; !page && waits < OOM_WAITS_MAX; waits += answer == OOM_WAIT) {
		cpu_leave(r->cpu);
		answer = request_kill(r, &page);
		cpu_enter(r->cpu);
		r->dying = answer == OOM_DYING;
		if (r->dying || answer == OOM_REFUSED)
			break;
		if (!page)
			page = request_try(r);
		if (!page)
			page = request_wait(r);
	}
	return page;
}

/* Who cannot wait, or makes room for others, is bound to no nodes. */
static void request_anywhere(struct request *r)
{
	if (!r->nodes)
		return;
	r->nodes = NULL;
	request_init(r);
}

static struct page *request_slow(struct request *r)
{
	r->mark = WMARK_MIN;
	r->flags = (r->gfp & __GFP_HIGH ? ALLOC_HIGH : 0) |
		   (r->gfp & __GFP_KSWAPD_RECLAIM ? ALLOC_KSWAPD : 0) |
		   ((r->gfp & __GFP_ATOMIC) && !(r->gfp & __GFP_NOMEMALLOC) ? ALLOC_HARDER : 0);
	if (r->flags & ALLOC_KSWAPD)
		wake_kswapds(r);
	if (r->gfp & __GFP_ATOMIC)
		request_anywhere(r);
	struct page *page = request_try(r);
	if (!page && (r->gfp & __GFP_MEMALLOC) && !(r->gfp & __GFP_NOMEMALLOC)) {
		r->flags |= ALLOC_NO_WATERMARKS;
		request_anywhere(r);
		page = request_try(r);
	}
	if (!page && (r->gfp & __GFP_DIRECT_RECLAIM)) {
		page = request_compact_first(r);
		if (!page && !request_gives_up(r))
			page = request_wait(r);
	}
	if (!page && oom_allowed(&r->policy->oom, r->gfp, r->order))
		page = request_oom(r);
	if (!page && (r->gfp & __GFP_NOFAIL)) {
		r->flags |= ALLOC_HARDER;
		page = request_try(r);
	}
	return page;
}

struct page *alloc_request_nodes(struct policy *p, struct cpu *c, int nid,
				 const struct nodemask *nodes, gfp_t gfp, unsigned order)
{
	struct request r = { .policy = p,
			     .cpu = c,
			     .node = nid < 0 ? c->node : &p->machine->node[nid],
			     .nodes = nodes,
			     .gfp = gfp,
			     .order = order,
			     .mark = WMARK_LOW };
	if (UNLIKELY(order > MM_ORDER_MAX || !request_init(&r)))
		return NULL;
	if (UNLIKELY(fail_page_armed(&p->fail_page)) && fail_page_fails(&p->fail_page, gfp, order))
		return NULL;
	r.flags = nofragment_flag(&r) | (gfp & __GFP_KSWAPD_RECLAIM ? ALLOC_KSWAPD : 0);
	struct page *page = request_try(&r);
	if (UNLIKELY(!page))
		page = request_slow(&r);
	if (UNLIKELY(!page && !r.dying))
		report_alloc_failure(p, c, r.nodes, gfp, order);
	return page;
}

struct page *alloc_request(struct policy *p, struct cpu *c, int nid, gfp_t gfp, unsigned order)
{
	return alloc_request_nodes(p, c, nid, NULL, gfp, order);
}

/* Off the CPU's own list, from the best zone of its node. */
struct page *alloc_page(struct policy *p, struct cpu *c, gfp_t gfp)
{
	unsigned place = gfp & GFP_PLACE_BITS, type = p->zone_type[place];
	struct zone *z = c->node->own[type];
	if (UNLIKELY(!z || READ_RELAXED(&z->stat[NR_FREE_PAGES]) <= READ_RELAXED(&z->plenty[type])))
		return alloc_request(p, c, -1, gfp, 0);
	struct cpu_zone *of = &c->zone[z->id];
	struct page *page = pcp_take_single(c, &of->pcp, (enum zone_kind)z->kind,
					    (enum migratetype)p->migratetype[place]);
	if (UNLIKELY(!page))
		return alloc_request(p, c, -1, gfp, 0);
	if (LIKELY(READ_RELAXED(&c->machine->tune.numa_stat))) {
		counter_add(&of->numa[NUMA_HIT], 1);
		counter_add(&of->numa[NUMA_LOCAL], 1);
	}
	return page;
}
