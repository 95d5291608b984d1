/* SPDX-License-Identifier: MIT */
#ifndef POLICY_COMPACT_SCAN_H
#define POLICY_COMPACT_SCAN_H

/* What the two scanners of compaction share: how they see frames and pageblocks. */

#include "mm/buddy.h"
#include "policy/compact_control.h"

static inline struct page *scan_page(const struct compact_control *cc, uint64_t pfn)
{
	return pfn_page(cc->policy->machine, (pfn_t)pfn);
}

static inline bool is_async_direct(const struct compact_control *cc)
{
	return cc->direct && cc->mode == COMPACT_ASYNC;
}

static inline bool block_is_skipped(const struct compact_control *cc, uint64_t pfn)
{
	return !cc->ignore_skip_hint && pageblock_skip(cc->policy->machine, (pfn_t)pfn);
}

/* Both ends lie in memory of the zone. 6.1: pageblock_pfn_to_page. */
bool block_is_of_zone(const struct zone *z, uint64_t start, uint64_t end);
bool block_never_used(struct zone *z, uint64_t pfn); /* takes the zone's lock */
/* In async passes somebody else at the lock ends the pass, soon. 6.1: compact_lock_irqsave. */
void scan_lock(struct compact_control *cc, struct lock *l);

#endif
