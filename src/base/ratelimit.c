/* SPDX-License-Identifier: MIT */
/* Counting events of an interval: see ratelimit.h. */

#include "base/ratelimit.h"

void ratelimit_init(struct ratelimit *r, uint64_t interval_ns, unsigned burst)
{
	*r = (struct ratelimit){ .interval_ns = interval_ns, .burst = burst };
}

unsigned ratelimit_missed(struct ratelimit *r)
{
	unsigned missed = r->missed;
	r->missed = 0;
	return missed;
}

bool ratelimit_pass(struct ratelimit *r, uint64_t now_ns, unsigned *missed)
{
	if (missed)
		*missed = 0;
	if (!r->begun || now_ns > r->begin_ns + r->interval_ns) {
		if (missed)
			*missed = ratelimit_missed(r);
		r->begun = true;
		r->begin_ns = now_ns;
		r->passed = 0;
	}
	bool passes = r->passed < r->burst;
	r->passed += passes;
	r->missed += !passes;
	return passes;
}
