/* SPDX-License-Identifier: MIT */
/*
 * Badness and choice (mm/oom_kill.c; fs/proc/base.c: proc_oom_score, 6.1), the
 * same in 5.10 and 6.12. No lock, no state beyond what the caller keeps.
 *
 * Different from Linux: there are no cpusets, memory policies or control
 * groups, so every shortage is that of the whole machine.
 */

#include "policy/oom.h"

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
