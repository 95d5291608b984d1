/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <time.h>

static uint64_t monotonic_ns(void)
{
	struct timespec ts;
	int error = clock_gettime(CLOCK_MONOTONIC, &ts);
	ASSERT(!error);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void clock_init(struct clock *c, bool manual)
{
	*c = (struct clock){ .manual = manual, .start_ns = monotonic_ns() };
}

uint64_t clock_now_ns(const struct clock *c)
{
	return c->manual ? READ_RELAXED(&c->now_ns) : monotonic_ns() - c->start_ns;
}

void clock_advance(struct clock *c, uint64_t ns)
{
	ASSERT(c->manual);
	__atomic_fetch_add(&c->now_ns, ns, __ATOMIC_RELAXED);
}
