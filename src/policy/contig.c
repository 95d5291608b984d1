/* SPDX-License-Identifier: MIT */
/*
 * See contig.h. A range is isolated (mm/isolate.h), what CPUs keep of its zone
 * is drained, the pages in use move to frames elsewhere, and when nothing is
 * left the range is taken; else it goes back as it was. The CPU is that of the
 * zone's node; it is left between clusters of pages, and while a frame to
 * move to is looked for, so others go on working, in the range too: what they
 * give back there stays in it, what they have there moves.
 *
 * Candidates are the aligned ranges of each zone, from its start up, as in
 * 6.1. No watermark counts. Of what is movable all moves: 6.1 drops clean pages
 * of files instead of moving them. A client that has been killed is not kept
 * until every range was tried.
 */

#include "policy/contig.h"

#include "base/client.h"
#include "mm/isolate.h"
#include "policy/migrate.h"

#define MOVE_TRIES 5 /* walks over a range in which something could not be moved just now */
#define MOVE_CLUSTER                                                                               \
	32u /* pages between two moments in which others get in (COMPACT_CLUSTER_MAX) */
#define GFP_MOVE_TARGET (GFP_USER | __GFP_MOVABLE | __GFP_RETRY_MAYFAIL)

struct contig {
	struct policy *policy;
	struct cpu *cpu;
	struct isolation iso;
	uint64_t left; /* pages that did not move in this walk */
	bool lacking; /* there is no memory to move to */
	bool interrupted; /* nobody waits for it any more */
};

static bool contig_movable(void *ctx, const struct page *page)
{
	return page_may_move(ctx, page);
}

/* Memory of the kind the range has, on its node if there is some; nothing that lies in the range. */
static struct page *contig_target(const struct contig *g)
{
	const struct zone *z = g->iso.zone;
	gfp_t gfp = GFP_MOVE_TARGET;
	if (z->kind == ZONE_HIGHMEM || z->kind == ZONE_MOVABLE)
		gfp |= __GFP_HIGHMEM;
	return alloc_request(g->policy, g->cpu, (int)z->node->id, gfp, 0);
}

static bool contig_has(const struct contig *g, pfn_t pfn)
{
	return pfn >= g->iso.start && pfn < g->iso.end;
}

static void contig_move(struct contig *g, struct page *page)
{
	struct machine *m = g->policy->machine;
	struct page *to = contig_target(g);
	if (!to) {
		g->lacking = true;
		return;
	}
	event_add(g->cpu, COMPACTISOLATED, 1);
	bool moved = !contig_has(g, page_pfn(m, to)) && page_may_move(g->policy, page) &&
		     page_migrate(g->policy, g->cpu, page, to) == PAGE_GOES;
	event_add(g->cpu, moved ? PGMIGRATE_SUCCESS : PGMIGRATE_FAIL, 1);
	page_give(g->cpu, moved ? page : to, 0);
	g->left += !moved;
}

/* Let others in for a moment. */
static void contig_breathe(struct contig *g)
{
	cpu_leave(g->cpu);
	g->interrupted = g->interrupted || client_interrupted();
	cpu_enter(g->cpu);
}

static bool contig_goes_on(const struct contig *g)
{
	return !g->lacking && !g->interrupted;
}

/* Every page in use of the range, once. */
static void contig_walk(struct contig *g)
{
	struct machine *m = g->policy->machine;
	unsigned moved = 0;
	g->left = 0;
	for (uint64_t at = g->iso.start, past; at < g->iso.end && contig_goes_on(g); at = past) {
		if (isolation_skips(&g->iso, at, &past))
			continue;
		struct page *page = pfn_page(m, (pfn_t)at);
		uint8_t state = READ_RELAXED(&page->state);
		past = at + 1;
		if (state == PAGE_BUDDY) /* it may grow at this moment: what it grows by is free as well */
			past = at + (1ull << READ_RELAXED(&page->order));
		if (state != PAGE_USED)
			continue;
		if (!page_may_move(g->policy, page)) {
			g->left++;
			continue;
		}
		contig_move(g, page);
		if (++moved % MOVE_CLUSTER == 0)
			contig_breathe(g);
	}
}

/* Isolated: move what is there and take the range. Inside the CPU. */
static struct page *contig_empty(struct contig *g, unsigned order)
{
	struct page *page = isolation_take(&g->iso, order);
	for (unsigned tries = 0; !page && tries < MOVE_TRIES && contig_goes_on(g); tries++) {
		contig_walk(g);
		page = isolation_take(&g->iso, order);
		if (!page)
			contig_breathe(g);
	}
	return page;
}

static struct page *range_take(struct policy *p, struct zone *z, pfn_t start, unsigned order, bool *interrupted)
{
	struct contig g = { .policy = p, .cpu = z->node->first_cpu };
	ASSERT(order > MM_ORDER_MAX && start % (1ull << order) == 0);
	g.iso = (struct isolation){
		.zone = z, .start = start, .end = start + (1ull << order), .movable = contig_movable, .ctx = p
	};
	cpu_enter(g.cpu);
	int error = isolation_begin(&g.iso, g.cpu);
	cpu_leave(g.cpu);
	*interrupted = error && client_interrupted();
	if (error)
		return NULL;
	zone_drain(z);
	cpu_enter(g.cpu);
	struct page *page = contig_empty(&g, order);
	if (page) /* its free blocks are isolated one by one in 6.1 */
		event_add(g.cpu, COMPACTISOLATED, 1ull << order);
	else
		isolation_end(&g.iso, g.cpu);
	cpu_leave(g.cpu);
	*interrupted = g.interrupted;
	return page;
}

struct page *contig_take_range(struct policy *p, struct zone *z, pfn_t start, unsigned order)
{
	bool interrupted;
	return range_take(p, z, start, order, &interrupted);
}

static struct page *contig_take_zone(struct policy *p, struct zone *z, unsigned order, bool *interrupted)
{
	uint64_t pages = 1ull << order, end = z->start_pfn + z->spanned;
	struct page *page = NULL;
	for (uint64_t at = ALIGN_UP(z->start_pfn, pages);
	     at + pages <= end && !page && !*interrupted; at += pages)
		page = range_take(p, z, (pfn_t)at, order, interrupted);
	return page;
}

/* Pages of that size cannot be moved, so they do not come from Movable (6.1: htlb_alloc_mask). */
struct page *contig_take(struct policy *p, unsigned nid, unsigned order)
{
	const struct node *n = &p->machine->node[nid];
	struct page *page = NULL;
	bool interrupted = false;
	for (unsigned i = 0; i < n->nr_zonelist_thisnode && !page && !interrupted; i++)
		if (n->zonelist[i].zone->kind != ZONE_MOVABLE)
			page = contig_take_zone(p, n->zonelist[i].zone, order, &interrupted);
	return page;
}

void contig_give(struct cpu *c, struct page *page, unsigned order)
{
	range_give(c, page, order);
}
