/* SPDX-License-Identifier: MIT */
#ifndef BASE_FAULT_ATTR_H
#define BASE_FAULT_ATTR_H

/*
 * When something shall fail for the sake of a test (lib/fault-inject.c, 6.1):
 * with a probability in percent, each interval-th time, not before `space` is
 * used up, and so many times at most. What users of the machine set under
 * sys/kernel/debug; base/fault.h is for our own tests.
 *
 * Left out: the filters by task and by call trace.
 */

#include "base/lock.h"
#include "base/ratelimit.h"
#include "base/rng.h"

struct ring;

#define FAULT_TICKS_PER_SEC                                                                        \
	250u /* 6.1 counts verbose_ratelimit_interval_ms in them, whatever its name says */

struct fault_attr {
	const char *name;
	struct ring *log; /* NULL: nothing is said */

	/* settings: relaxed */
	uint64_t probability; /* percent; 0: never */
	uint64_t interval; /* one in so many, if more than 1 */
	uint64_t verbose; /* 0: nothing is said */
	uint32_t ratelimit_ticks; /* of messages; 0: no limit */
	uint32_t ratelimit_burst;
	/* settings that are used up: atomic */
	int32_t times; /* -1: without end */
	int32_t space; /* sizes that still pass */

	struct lock lock; /* RANK_LOG; guards the rest */
	struct rng rng;
	uint64_t count; /* of those that interval looks at */
	struct ratelimit limit;
};

void fault_attr_init(struct fault_attr *a, const char *name, uint64_t seed, struct ring *log); /* never fails anything yet */
void fault_attr_fini(struct fault_attr *a);
/* Shall this one fail, whose size counts against space? quiet: without a word in the log. No lock of RANK_LOG held. */
bool fault_attr_fails(struct fault_attr *a, int32_t size, bool quiet);

#endif
