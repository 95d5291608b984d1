/* SPDX-License-Identifier: MIT */
#ifndef POLICY_FAIL_PAGE_H
#define POLICY_FAIL_PAGE_H

/*
 * Requests for pages that fail for the sake of a test (mm/page_alloc.c:
 * fail_page_alloc, 6.1). Such a failure is found before anything is tried and
 * is not reported as one of memory.
 *
 * While nothing is to fail it costs nothing: a request for one page asks only
 * after its short way (alloc_page) is closed, which is done by leaving no zone
 * with plenty of pages.
 */

#include "base/fault_attr.h"
#include "mm/types.h"

struct policy;

struct fail_page {
	struct fault_attr attr;
	/* settings: relaxed */
	bool ignore_wait; /* requests that may wait do not fail */
	bool ignore_highmem; /* nor do those that may use HighMem */
	uint32_t min_order; /* nor smaller ones */
};

void fail_page_init(struct fail_page *f, uint64_t seed, struct ring *log); /* 6.1's defaults; nothing fails yet */
void fail_page_fini(struct fail_page *f);
/* A setting was changed. Inside no CPU, with one writer of settings at a time. */
void fail_page_update(struct policy *p);
/* Shall this request fail? Inside its CPU. */
bool fail_page_fails(struct fail_page *f, gfp_t gfp, unsigned order);

static inline bool fail_page_armed(const struct fail_page *f)
{
	return READ_RELAXED(&f->attr.probability);
}

#endif
