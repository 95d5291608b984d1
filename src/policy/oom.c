/* SPDX-License-Identifier: MIT */
/*
 * Badness and choice (mm/oom_kill.c; fs/proc/base.c: proc_oom_score, 6.1), the
 * same in 5.10 and 6.12. No lock, no state beyond what the caller keeps.
 *
 * Different from Linux: there are no cpusets and no control groups, so a
 * shortage is that of the whole machine, or of the nodes that a policy binds to.
 */

#include "policy/oom.h"

#include "policy/policy.h"

#define REPORT_INTERVAL_NS (5 * 1000000000ull)
#define REPORT_BURST 10

void oom_init(struct oom *o)
{
	*o = (struct oom){ .dump_tasks = 1 };
	ratelimit_init(&o->limit, REPORT_INTERVAL_NS, REPORT_BURST);
}

bool oom_allowed(const struct oom *o, gfp_t gfp, unsigned order)
{
	const gfp_t needed = __GFP_DIRECT_RECLAIM | __GFP_FS;
	const gfp_t forbidden = __GFP_NORETRY | __GFP_RETRY_MAYFAIL | __GFP_THISNODE;
	return o->ops && (gfp & needed) == needed && !(gfp & forbidden) && order <= MM_COSTLY_ORDER;
}

static bool covers_memory(const struct policy *p, const struct nodemask *nodes)
{
	for (unsigned i = 0; i < ARRAY_LEN(nodes->w); i++)
		if (p->numa.memory.w[i] & ~nodes->w[i])
			return false;
	return true;
}

uint64_t oom_constrain(struct oom_request *r, uint64_t total_pages, uint64_t swap_pages)
{
	if (!r->nodes || covers_memory(r->policy, r->nodes)) {
		r->nodes = NULL;
		return total_pages + swap_pages;
	}
	uint64_t pages = swap_pages;
	FOR_EACH_POPULATED_ZONE(z, r->policy->machine)
		if (nodemask_has(r->nodes, z->node->id))
			pages += z->present;
	return pages;
}

bool oom_eligible(const struct oom_task *t, const struct nodemask *nodes)
{
	return !t->mempolicy || mempolicy_in_domain(t->mempolicy, nodes);
}

int64_t oom_badness(const struct oom_task *t, uint64_t total_pages)
{
	if (!t->has_memory || t->adj == OOM_SCORE_ADJ_MIN)
		return OOM_UNKILLABLE;
	int64_t points = (int64_t)(t->anon_pages + t->file_pages + t->shmem_pages + t->swap_pages +
				   t->table_pages);
	return points + t->adj * (int64_t)(total_pages / 1000);
}

uint64_t oom_score(int64_t badness, uint64_t total_pages)
{
	if (badness == OOM_UNKILLABLE || !total_pages)
		return 0;
	return (uint64_t)((1000 + badness * 1000 / (int64_t)total_pages) * 2 / 3);
}

bool oom_consider(struct oom_choice *c, const struct oom_task *t, uint64_t total_pages)
{
	if (t->is_victim) {
		c->waits = true;
		c->task = *t;
		return false;
	}
	int64_t points = oom_badness(t, total_pages);
	if (points == OOM_UNKILLABLE || (c->found && points < c->points))
		return true;
	c->task = *t;
	c->points = points;
	c->found = true;
	return true;
}
