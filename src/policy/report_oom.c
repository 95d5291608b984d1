/* SPDX-License-Identifier: MIT */
/*
 * The report of the OOM killer (mm/oom_kill.c: dump_header, dump_tasks,
 * __oom_kill_process, check_panic_on_oom, 5.10, 6.1 and 6.12), record by record
 * and with the levels that the kernel gives them: those below pr_warn are the
 * table of tasks and the line that sums it up. 6.12 says what resident memory
 * consists of. Left out as in every report: the call trace, the hardware.
 *
 * report->lock keeps the lines of two reports apart; it is a leaf, so tasks are
 * looked at without any lock of theirs.
 */

#include "base/text.h"
#include "policy/gfp.h"
#include "policy/oom.h"
#include "policy/policy.h"
#include "policy/report.h"

enum { LEVEL_EMERG = 0, LEVEL_ERR = 3, LEVEL_WARNING = 4, LEVEL_INFO = 6 };

typedef unsigned long long ull;

static struct ring *log_of(const struct oom_request *r)
{
	return r->policy->report.log;
}

static void invoked_print(const struct oom_request *r, const char *comm, int adj)
{
	char buf[RING_TEXT_MAX + 1];
	struct text t;
	text_init_over(&t, buf, sizeof(buf));
	text_printf(&t, "%s invoked oom-killer: gfp_mask=%#x(", comm,
		    gfp_of_kernel(r->policy->machine->version, r->gfp));
	gfp_print(&t, r->gfp);
	text_printf(&t, "), order=%u, oom_score_adj=%d", r->order, adj);
	ring_add(log_of(r), LEVEL_WARNING, t.buf, t.len);
}

/* ---- The table of tasks ---- */

static void task_print(const struct oom_request *r, const struct oom_task *t)
{
	ull rss = t->anon_pages + t->file_pages + t->shmem_pages;
	char parts[64] = "";
	if (r->policy->machine->version->oom_rss_parts)
		snprintf(parts, sizeof(parts), "%8llu %8llu %9llu ", (ull)t->anon_pages,
			 (ull)t->file_pages, (ull)t->shmem_pages);
	ring_printf(log_of(r), LEVEL_INFO, "[%7d] %5u %5d %8llu %8llu %s%8llu %8llu         %5d %s",
		    (int)t->pid, (unsigned)t->uid, (int)t->pid, (ull)t->total_vm, rss, parts,
		    (ull)t->table_pages * PAGE_SIZE, (ull)t->swap_pages, t->adj, t->comm);
}

static void tasks_print(const struct oom_request *r, oom_next_fn *next, void *ctx)
{
	struct oom_task t;
	uint32_t id = 0;
	ring_printf(log_of(r), LEVEL_INFO, "Tasks state (memory values in pages):");
	ring_printf(log_of(r), LEVEL_INFO,
		    "[  pid  ]   uid  tgid total_vm      rss %spgtables_bytes swapents oom_score_adj name",
		    r->policy->machine->version->oom_rss_parts ? "rss_anon rss_file rss_shmem " : "");
	while (next(ctx, &id, &t))
		if (t.has_memory && oom_eligible(&t, r->nodes))
			task_print(r, &t);
}

static void summary_print(const struct oom_request *r, const struct oom_task *victim)
{
	struct mask memory = { { 0 } };
	char buf[RING_TEXT_MAX + 1];
	struct text t;
	for (unsigned nid = 0; nid < r->policy->machine->nr_nodes; nid++)
		if (r->policy->machine->node[nid].has_memory)
			mask_set(&memory, nid);
	text_init_over(&t, buf, sizeof(buf));
	text_printf(&t, "oom-kill:constraint=%s,nodemask=",
		    r->nodes ? "CONSTRAINT_MEMORY_POLICY" : "CONSTRAINT_NONE");
	report_nodes(&t, r->nodes);
	text_str(&t, ",cpuset=/,mems_allowed=");
	mask_print_list(&t, &memory);
	text_printf(&t, ",global_oom,task_memcg=/,task=%s,pid=%d,uid=%u", victim->comm,
		    (int)victim->pid, (unsigned)victim->uid);
	ring_add(log_of(r), LEVEL_INFO, t.buf, t.len);
}

/* ---- The report ---- */

static bool report_passes(const struct oom_request *r)
{
	unsigned missed;
	bool passes = ratelimit_pass(&r->policy->oom.limit,
				     clock_now_ns(&r->policy->machine->clock), &missed);
	if (missed)
		ring_printf(log_of(r), LEVEL_WARNING, "oom_kill_process: %u callbacks suppressed", missed);
	return passes;
}

static void header_print(const struct oom_request *r, int adj, oom_next_fn *next, void *ctx,
			 const struct oom_task *victim)
{
	char comm[CALLER_COMM];
	caller_comm(comm);
	invoked_print(r, comm, adj);
	report_caller(r->policy, r->cpu, comm);
	report_mem_info(r->policy, r->cpu, r->highest_type, r->nodes ? r->nodes : &r->policy->numa.memory);
	if (r->policy->report.slabs && slabs_are_excessive(r->policy->machine))
		report_slabs(&r->policy->report);
	if (READ_RELAXED(&r->policy->oom.dump_tasks))
		tasks_print(r, next, ctx);
	if (victim)
		summary_print(r, victim);
}

void report_oom(const struct oom_request *r, int adj, oom_next_fn *next, void *ctx,
		const struct oom_task *victim, bool limited)
{
	struct report *report = &r->policy->report;
	if (!report->log)
		return;
	lock_take(&report->lock);
	if (!limited || report_passes(r))
		header_print(r, adj, next, ctx, victim);
	lock_drop(&report->lock);
}

void report_oom_kill(const struct oom_request *r, const char *why, const struct oom_task *victim)
{
	if (!log_of(r))
		return;
	ring_printf(log_of(r), LEVEL_ERR,
		    "%s: Killed process %d (%s) total-vm:%llukB, anon-rss:%llukB, file-rss:%llukB, "
		    "shmem-rss:%llukB, UID:%u pgtables:%llukB oom_score_adj:%d",
		    why, (int)victim->pid, victim->comm, (ull)PAGES_TO_KB(victim->total_vm),
		    (ull)PAGES_TO_KB(victim->anon_pages), (ull)PAGES_TO_KB(victim->file_pages),
		    (ull)PAGES_TO_KB(victim->shmem_pages), (unsigned)victim->uid,
		    (ull)PAGES_TO_KB(victim->table_pages), victim->adj);
}

void report_oom_nobody(const struct oom_request *r)
{
	if (log_of(r))
		ring_printf(log_of(r), LEVEL_WARNING, "Out of memory and no killable processes...");
}

void report_oom_panic(const struct oom_request *r, int level)
{
	if (log_of(r))
		ring_printf(log_of(r), LEVEL_EMERG,
			    "Kernel panic - not syncing: Out of memory: %s panic_on_oom is enabled",
			    level == 2 ? "compulsory" : "system-wide");
}
