/* SPDX-License-Identifier: MIT */
#ifndef POLICY_REPORT_H
#define POLICY_REPORT_H

/*
 * What the machine's log says about memory (mm/page_alloc.c: warn_alloc,
 * show_free_areas; in 6.12 mm/show_mem.c), in the words of its kernel: the
 * report of a failed allocation, and the block of numbers below "Mem-Info:".
 * One report in ten seconds; the next one says how many were left out.
 */

#include "base/ratelimit.h"
#include "base/ring.h"
#include "mm/hugetlb.h"
#include "mm/types.h"

struct policy;
struct slabs;
struct text;

struct report {
	struct ring *log; /* NULL: no reports */
	const struct hugetlb *hugetlb; /* the pools whose lines are part of them; the default size first */
	unsigned nr_hugetlb;
	struct slabs *slabs; /* the caches that a report tells of; NULL: none */
	struct lock lock; /* RANK_LOG: one report at a time, so that lines of two do not mix */
	struct ratelimit limit; /* lock */
};

void report_init(struct report *r); /* no reports yet */
void report_fini(struct report *r);

/* Nothing was found for this request, of these nodes (NULL: of any): say so, unless its flags forbid it. Inside c, no zone lock. */
void report_alloc_failure(struct policy *p, const struct cpu *c, const struct nodemask *nodes,
			  gfp_t gfp, unsigned order);
/* "CPU: 0 PID: 1 Comm: ...": on whose behalf c works. There is a log; report lock held. */
void report_caller(const struct policy *p, const struct cpu *c, const char *comm);
/* The Mem-Info block as c sees it, of zones up to a type, and of these nodes (NULL: of all). There is a log; report lock held. */
void report_mem_info(const struct policy *p, const struct cpu *c, unsigned highest_type,
		     const struct nodemask *nodes);
/* Nodes as the kernel lists them: "0,2-3", or "(null)" for any (NULL). */
void report_nodes(struct text *t, const struct nodemask *nodes);

/* Slabs that cannot be reclaimed hold more than users do. */
bool slabs_are_excessive(const struct machine *m);
/* "Unreclaimable slab info:" and a line for each such cache. There is a log, and report->slabs; report lock held. */
void report_slabs(const struct report *report);

/* The lines of booting that are true of this machine: zones, node ranges, fallback order, memory. There is a log. */
void report_boot(const struct policy *p);

#endif
