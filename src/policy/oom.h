/* SPDX-License-Identifier: MIT */
#ifndef POLICY_OOM_H
#define POLICY_OOM_H

/*
 * Who dies when memory has run out (mm/oom_kill.c: oom_badness,
 * select_bad_process, 6.1), and what the log says about it. Nothing here kills:
 * whoever knows the tasks does, and is handed over at start as struct oom_ops.
 */

#include "base/caller.h"
#include "base/ratelimit.h"
#include "mm/machine.h"
#include "policy/mempolicy.h"

struct policy;

#define OOM_SCORE_ADJ_MIN (-1000)
#define OOM_SCORE_ADJ_MAX 1000
#define OOM_UNKILLABLE INT64_MIN

/* What a task is to the killer, at one moment; in pages. */
struct oom_task {
	uint32_t id; /* the owner's number for it */
	pid_t pid;
	uid_t uid;
	int adj; /* oom_score_adj */
	char comm[CALLER_COMM];
	uint64_t total_vm, anon_pages, file_pages, shmem_pages, table_pages, swap_pages;
	bool has_memory; /* an address space with something in it; without one it is none of the killer's business */
	const struct mempolicy *mempolicy; /* NULL: the default one */
	bool is_victim; /* was chosen before, and has not given everything back yet */
};

/* How much it would bring to kill the task: pages, moved by adj thousandths of memory; or OOM_UNKILLABLE. */
int64_t oom_badness(const struct oom_task *t, uint64_t total_pages);
/* proc/PID/oom_score: 0 to 1333 for what oom_badness says. */
uint64_t oom_score(int64_t badness, uint64_t total_pages);

/* The worst so far; of equals the last. Starts as { .points = OOM_UNKILLABLE }. */
struct oom_choice {
	struct oom_task task;
	int64_t points;
	bool found;
	bool waits; /* a victim has not given everything back: nobody is chosen */
};
/* false: look no further. */
bool oom_consider(struct oom_choice *c, const struct oom_task *t, uint64_t total_pages);

struct oom_request {
	struct policy *policy;
	struct cpu *cpu;
	gfp_t gfp;
	unsigned order;
	unsigned highest_type;
	const struct nodemask *nodes; /* where memory has to come from; NULL: from any node */
};

enum oom_answer {
	OOM_REFUSED, /* nothing more can be had this way */
	OOM_DYING, /* the requester itself is to die */
	OOM_WAIT, /* somebody is at it; a moment has passed */
	OOM_AGAIN /* memory may have come back */
};

/* Called inside no CPU. The requester holds locks of its own. */
struct oom_ops {
	/* OOM_AGAIN: this thread is the one that may kill, until end; else it is not. */
	enum oom_answer (*begin)(void *ctx);
	enum oom_answer (*kill)(void *ctx, const struct oom_request *r); /* never OOM_REFUSED without a line in the log */
	void (*end)(void *ctx);
};

#define OOM_WAITS_MAX 2000u /* of about a millisecond, without a victim giving anything back */

/*
 * Memory is short where a policy binds the request only: r->nodes stays. If it is short everywhere, nodes becomes NULL.
 * Returns the pages that badness is measured by. total_pages: of the machine, swap_pages: of its swap. 6.1: constrained_alloc.
 */
uint64_t oom_constrain(struct oom_request *r, uint64_t total_pages, uint64_t swap_pages);
/* Can its end help a request bound to these nodes (NULL: none)? 6.1: oom_cpuset_eligible. */
bool oom_eligible(const struct oom_task *t, const struct nodemask *nodes);

struct oom {
	const struct oom_ops *ops; /* NULL: nobody can be killed */
	void *ctx;
	/* knobs; relaxed */
	int32_t panic; /* vm.panic_on_oom: 0 to 2 */
	int32_t kill_allocating; /* vm.oom_kill_allocating_task */
	int32_t dump_tasks; /* vm.oom_dump_tasks */
	struct ratelimit limit; /* of reports; while this thread is the one that may kill */
};

void oom_init(struct oom *o);
/* May this request kill? 6.1: __alloc_pages_may_oom. */
bool oom_allowed(const struct oom *o, gfp_t gfp, unsigned order);

/* ---- report_oom.c: between begin and end, inside no CPU ---- */

/* Fills the first task behind *id and moves *id there; false: there is none. */
typedef bool oom_next_fn(void *ctx, uint32_t *id, struct oom_task *t);

/*
 * The report (dump_header): who asked, the Mem-Info block, the tasks, and for
 * whom it is (NULL: nobody). adj: the requester's. limited: ten of them in
 * five seconds and no more.
 */
void report_oom(const struct oom_request *r, int adj, oom_next_fn *next, void *ctx,
		const struct oom_task *victim, bool limited);
void report_oom_kill(const struct oom_request *r, const char *why, const struct oom_task *victim);
void report_oom_nobody(const struct oom_request *r);
void report_oom_panic(const struct oom_request *r, int level);

#endif
