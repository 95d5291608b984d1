/* SPDX-License-Identifier: MIT */
#ifndef BASE_RATELIMIT_H
#define BASE_RATELIMIT_H

/*
 * So many events in an interval and no more (lib/ratelimit.c, 6.1). The
 * interval begins with an event that is let through, not on a grid. No lock:
 * whoever owns one guards it.
 */

#include "base/defs.h"

struct ratelimit {
	uint64_t interval_ns;
	unsigned burst;
	bool begun;
	uint64_t begin_ns;
	unsigned passed, missed; /* in this interval; missed: until told */
};

void ratelimit_init(struct ratelimit *r, uint64_t interval_ns, unsigned burst);
/*
 * May this one pass? *missed: how many did not since the interval before, to be
 * said before it; 0 mostly. NULL: they go on being counted (ratelimit_missed).
 */
bool ratelimit_pass(struct ratelimit *r, uint64_t now_ns, unsigned *missed);
unsigned ratelimit_missed(struct ratelimit *r); /* and forgets them */

#endif
