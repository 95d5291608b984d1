/* SPDX-License-Identifier: MIT */
/*
 * Direct reclaim (mm/vmscan.c: try_to_free_pages, 6.1): whoever needs memory
 * and finds none makes some. Passes over the nodes of the request, each
 * twice as thorough as the one before, until a cluster is freed; then once more
 * with active pages, if they were spared. When nothing goes because everything
 * is dirty, the writer is waited for, a moment, outside the CPU.
 *
 * Different from Linux: requests without __GFP_FS ask no shrinker and do not
 * wait, for they may come from whom that would wait for. Nobody is held up
 * because kswapd has used up half of the min marks (pgscan_direct_throttle):
 * only requests that cannot wait go below them here, and they are few.
 */

#include "policy/reclaim.h"
#include "policy/workingset.h"

#define WRITER_WAIT_MS 100u

bool reclaim_wait(struct policy *p, struct cpu *c)
{
	const struct page_writer *w = &p->writer;
	if (!w->wait)
		return false;
	cpu_leave(c);
	bool written = w->wait(w->ctx, WRITER_WAIT_MS);
	cpu_enter(c);
	return written;
}

typedef void (*node_job)(struct reclaim *r, struct node *n);

static void node_snapshot(struct reclaim *r, struct node *n)
{
	(void)r;
	workingset_snapshot(n);
}

struct place { /* of a request: which nodes are asked */
	const struct zoneref *list;
	unsigned nr;
	unsigned highest_type;
	const struct nodemask *nodes; /* NULL: any */
	unsigned order;
	bool compacts; /* a zone has pages enough: it is for compaction to make a block of them */
};

/* Is it blocks that the zone lacks, and not pages? Of large ones only; smaller ones may come by themselves. 6.1: compaction_ready. */
static bool zone_compacts(const struct policy *p, const struct place *place, unsigned order,
			  const struct zone *z)
{
	if (order <= MM_COSTLY_ORDER)
		return false;
	enum compact_result result = compaction_suitable(p, z, order, 0, place->highest_type);
	if (result != COMPACT_CONTINUE)
		return result == COMPACT_SUCCESS;
	return zone_watermark_ok(z, 0, zone_mark_pages(z, WMARK_HIGH) + compact_gap(order),
				 place->highest_type, 0);
}

/* Each node once, in the order of the list, but for zones that need no more pages for a block of the order (0: all do). */
static void nodes_do(struct reclaim *r, struct place *place, unsigned order, node_job job)
{
	const struct node *last = NULL;
	for (unsigned i = 0; i < place->nr; i++) {
		struct node *n = place->list[i].zone->node;
		if (place->list[i].type > place->highest_type)
			continue;
		if (place->nodes && !nodemask_has(place->nodes, n->id))
			continue;
		if (zone_compacts(r->policy, place, order, place->list[i].zone)) {
			place->compacts = true;
			continue;
		}
		if (n == last)
			continue;
		last = n;
		job(r, n);
	}
}

static void passes_run(struct reclaim *r, struct place *place)
{
	const struct machine *m = r->policy->machine;
	event_add(r->cpu, (enum vm_event)(ALLOCSTALL_FIRST + m->kind[place->highest_type]), 1);
	for (int priority = DEF_PRIORITY; priority >= 0 && r->freed < r->wanted && !place->compacts;
	     priority--) {
		r->priority = (unsigned)priority;
		nodes_do(r, place, place->order, reclaim_shrink_node);
	}
	nodes_do(r, place, 0, node_snapshot);
}

uint64_t reclaim_direct(struct policy *p, struct cpu *c, const struct zoneref *list, unsigned nr,
			unsigned highest_type, const struct nodemask *nodes, gfp_t gfp,
			unsigned order, bool *again)
{
	struct place place = { list, nr, highest_type, nodes, order, false };
	struct reclaim r = { .policy = p,
			     .cpu = c,
			     .type_mask = (1u << (highest_type + 1)) - 1,
			     .wanted = MAX((uint64_t)RECLAIM_CLUSTER, 1ull << order),
			     .may_unmap = true,
			     .may_swap = true,
			     .may_shrink = gfp & __GFP_FS };
	*again = false;
	passes_run(&r, &place);
	if (!r.freed && place.compacts)
		return 1;
	if (!r.freed && (r.skipped_active || r.deactivated)) { /* pages that the last pass made inactive have not been asked */
		r.force_deactivate = true;
		passes_run(&r, &place);
	}
	if (!r.freed && (r.dirty || r.written) && (gfp & __GFP_FS))
		*again = reclaim_wait(p, c);
	return r.freed;
}
