/* SPDX-License-Identifier: MIT */
/*
 * The table of slab caches in the OOM killer's report (mm/slab_common.c:
 * dump_unreclaimable_slab; mm/oom_kill.c: should_dump_unreclaim_slab; the same
 * in 5.10, 6.1 and 6.12): printed when slabs that cannot be reclaimed hold
 * more than the pages of users do, for then it was the kernel that took the
 * memory. Caches that can be reclaimed are left out, and those without objects.
 *
 * The list of caches is behind slabs->lock, which is tried only: whoever has
 * it may be the one who needs memory.
 */
#include "mm/slab.h"
#include "policy/oom.h"
#include "policy/policy.h"

enum { LEVEL_WARNING = 4, LEVEL_INFO = 6 };

typedef unsigned long long ull;

static uint64_t nodes_sum(const struct machine *m, enum node_stat item)
{
	uint64_t sum = 0;
	for (unsigned n = 0; n < m->nr_nodes; n++)
		if (m->node[n].online)
			sum += node_stat_read(&m->node[n], item);
	return sum;
}

bool slabs_are_excessive(const struct machine *m)
{
	static const enum node_stat of_users[] = { NR_INACTIVE_ANON, NR_ACTIVE_ANON,
						   NR_INACTIVE_FILE, NR_ACTIVE_FILE,
						   NR_ISOLATED_ANON, NR_ISOLATED_FILE,
						   NR_UNEVICTABLE };
	uint64_t pages = 0;
	for (size_t i = 0; i < ARRAY_LEN(of_users); i++)
		pages += nodes_sum(m, of_users[i]);
	return nodes_sum(m, NR_SLAB_UNRECLAIMABLE) > pages;
}

/* slabs->lock held */
static void cache_print(struct ring *log, const struct kmem_cache *s)
{
	struct cache_usage u;
	if (s->flags & SLAB_RECLAIM_ACCOUNT)
		return;
	kmem_cache_usage(s, -1, &u);
	if (u.objects)
		ring_printf(log, LEVEL_INFO, "%-17s %10lluKB %10lluKB", s->name,
			    (ull)(u.active * s->layout.size / 1024),
			    (ull)(u.objects * s->layout.size / 1024));
}

void report_slabs(const struct report *report)
{
	struct slabs *sl = report->slabs;
	if (!lock_try_now(&sl->lock)) {
		ring_printf(report->log, LEVEL_WARNING, "excessive unreclaimable slab but cannot dump stats");
		return;
	}
	ring_printf(report->log, LEVEL_INFO, "Unreclaimable slab info:");
	ring_printf(report->log, LEVEL_INFO, "Name                      Used          Total");
	for (const struct kmem_cache *s = sl->newest; s; s = s->older)
		cache_print(report->log, s);
	lock_drop(&sl->lock);
}
