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

/* Each node once, in the order of the list. */
static void nodes_do(struct reclaim *r, const struct zoneref *list, unsigned nr,
		     unsigned highest_type, node_job job)
{
	const struct node *last = NULL;
	for (unsigned i = 0; i < nr; i++) {
		struct node *n = list[i].zone->node;
		if (list[i].type > highest_type || n == last)
			continue;
		last = n;
		job(r, n);
	}
}

static void passes_run(struct reclaim *r, const struct zoneref *list, unsigned nr, unsigned highest_type)
{
	const struct machine *m = r->policy->machine;
	event_add(r->cpu, (enum vm_event)(ALLOCSTALL_FIRST + m->kind[highest_type]), 1);
	for (int priority = DEF_PRIORITY; priority >= 0 && r->freed < r->wanted; priority--) {
		r->priority = (unsigned)priority;
		nodes_do(r, list, nr, highest_type, reclaim_shrink_node);
	}
	nodes_do(r, list, nr, highest_type, node_snapshot);
}

uint64_t reclaim_direct(struct policy *p, struct cpu *c, const struct zoneref *list, unsigned nr,
			unsigned highest_type, gfp_t gfp, unsigned order, bool *again)
{
	struct reclaim r = { .policy = p,
			     .cpu = c,
			     .type_mask = (1u << (highest_type + 1)) - 1,
			     .wanted = MAX((uint64_t)RECLAIM_CLUSTER, 1ull << order),
			     .may_unmap = true,
			     .may_swap = true,
			     .may_shrink = gfp & __GFP_FS };
	*again = false;
	passes_run(&r, list, nr, highest_type);
	if (!r.freed && (r.skipped_active || r.deactivated)) { /* pages that the last pass made inactive have not been asked */
		r.force_deactivate = true;
		passes_run(&r, list, nr, highest_type);
	}
	if (!r.freed && (r.dirty || r.written) && (gfp & __GFP_FS))
		*again = reclaim_wait(p, c);
	return r.freed;
}
