/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#define NS_PER_SEC 1000000000u

uint64_t clock_host_ns(void)
{
	struct timespec ts;
	int error = clock_gettime(CLOCK_MONOTONIC, &ts);
	ASSERT(!error);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

struct timespec clock_host_deadline(uint64_t wait_ns)
{
	uint64_t end = clock_host_ns() + wait_ns;
	return (struct timespec){ .tv_sec = (time_t)(end / NS_PER_SEC),
				  .tv_nsec = (long)(end % NS_PER_SEC) };
}

void clock_init(struct clock *c, bool manual)
{
	*c = (struct clock){ .manual = manual, .start_ns = clock_host_ns() };
}

uint64_t clock_now_ns(const struct clock *c)
{
	return c->manual ? READ_RELAXED(&c->now_ns) : clock_host_ns() - c->start_ns;
}

void clock_advance(struct clock *c, uint64_t ns)
{
	ASSERT(c->manual);
	__atomic_fetch_add(&c->now_ns, ns, __ATOMIC_RELAXED);
}
