/* SPDX-License-Identifier: MIT */
/*
 * The report of a failed allocation, as the machine's kernel writes it into
 * its log (mm/page_alloc.c: warn_alloc). Left out: the call trace and the
 * hardware, for neither exists.
 *
 * 5.10, 6.1 and 6.12 all let one report pass in ten seconds. A request with
 * __GFP_NOWARN does not count; one for DMA memory on a machine without any is
 * not reported either, but counts as if it had been.
 */

#include "policy/report.h"

#include "base/caller.h"
#include "base/text.h"
#include "policy/gfp.h"
#include "policy/policy.h"

#include <string.h>

#define INTERVAL_NS (10 * 1000000000ull)
#define BURST 1

void report_init(struct report *r)
{
	*r = (struct report){ .log = NULL };
	lock_init(&r->lock, RANK_LOG, LOG_ORDER_REPORT);
	ratelimit_init(&r->limit, INTERVAL_NS, BURST);
}

void report_fini(struct report *r)
{
	lock_fini(&r->lock);
}

static void line_log(const struct report *r, struct text *t)
{
	ring_add(r->log, RING_LEVEL_DEFAULT, t->buf, t->len);
	text_reset(t);
}

void report_nodes(struct text *t, const struct nodemask *nodes)
{
	struct mask mask = { { 0 } };
	if (!nodes) {
		text_str(t, "(null)");
		return;
	}
	memcpy(mask.w, nodes->w, sizeof(nodes->w));
	mask_print_list(t, &mask);
}

static void request_print(const struct policy *p, const struct nodemask *nodes, gfp_t gfp,
			  unsigned order, const char *comm)
{
	struct mask memory = { { 0 } };
	char buf[RING_TEXT_MAX + 1];
	struct text t;

	for (unsigned nid = 0; nid < p->machine->nr_nodes; nid++)
		if (p->machine->node[nid].has_memory)
			mask_set(&memory, nid);
	text_init_over(&t, buf, sizeof(buf));
	text_printf(&t, "%s: page allocation failure: order:%u, mode:%#x(", comm, order,
		    gfp_of_kernel(p->machine->version, gfp));
	gfp_print(&t, gfp);
	text_str(&t, "), nodemask=");
	report_nodes(&t, nodes);
	text_str(&t, ",cpuset=/,mems_allowed=");
	mask_print_list(&t, &memory);
	line_log(&p->report, &t);
}

void report_caller(const struct policy *p, const struct cpu *c, const char *comm)
{
	const struct kernel_version *v = p->machine->version;
	char buf[128];
	struct text t;

	text_init_over(&t, buf, sizeof(buf));
	text_printf(&t, "CPU: %u ", c->id);
	if (v->log_uid)
		text_printf(&t, "UID: %u ", (unsigned)caller_uid());
	text_printf(&t, "PID: %d Comm: %s Not tainted %s.0-ummfs #1", (int)caller_pid(), comm, v->name);
	line_log(&p->report, &t);
}

/* On a machine without DMA memory nobody expects a request for it to succeed. */
static bool failure_expected(const struct machine *m, gfp_t gfp)
{
	if (!(gfp & __GFP_DMA))
		return false;
	FOR_EACH_POPULATED_ZONE(z, m)
		if (z->kind == ZONE_DMA && READ_RELAXED(&z->managed))
			return false;
	return true;
}

/* Who cannot wait is told of every node. 6.1: warn_alloc_show_mem. */
static const struct nodemask *nodes_shown(const struct policy *p, const struct nodemask *nodes, gfp_t gfp)
{
	if (!(gfp & __GFP_DIRECT_RECLAIM))
		return NULL;
	return nodes ? nodes : &p->numa.memory;
}

void report_alloc_failure(struct policy *p, const struct cpu *c, const struct nodemask *nodes,
			  gfp_t gfp, unsigned order)
{
	struct report *r = &p->report;
	char comm[CALLER_COMM];
	unsigned missed;

	if (!r->log || gfp_of_kernel(p->machine->version, gfp) & __GFP_NOWARN)
		return;
	lock_take(&r->lock);
	bool passes = ratelimit_pass(&r->limit, clock_now_ns(&p->machine->clock), &missed);
	if (missed)
		ring_printf(r->log, RING_LEVEL_DEFAULT, "warn_alloc: %u callbacks suppressed", missed);
	if (passes && !failure_expected(p->machine, gfp)) {
		caller_comm(comm);
		request_print(p, nodes, gfp, order, comm);
		report_caller(p, c, comm);
		report_mem_info(p, c, p->zone_type[gfp & GFP_PLACE_BITS], nodes_shown(p, nodes, gfp));
	}
	lock_drop(&r->lock);
}
