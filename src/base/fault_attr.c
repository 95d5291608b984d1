/* SPDX-License-Identifier: MIT */
/* Failures that users ask for: see fault_attr.h. One at a time, so that a seed gives the same failures again. */

#include "base/fault_attr.h"

#include "base/ring.h"

#define RATELIMIT_BURST 10u /* DEFAULT_RATELIMIT_BURST */
#define LEVEL_WARNING 4u
#define LEVEL_NOTICE 5u

void fault_attr_init(struct fault_attr *a, const char *name, uint64_t seed, struct ring *log)
{
	*a = (struct fault_attr){
		.name = name, .log = log, .interval = 1, .verbose = 2, .times = 1, .ratelimit_burst = RATELIMIT_BURST
	};
	rng_init(&a->rng, seed);
	lock_init(&a->lock, RANK_LOG, LOG_ORDER_REPORT);
}

void fault_attr_fini(struct fault_attr *a)
{
	lock_fini(&a->lock);
}

static bool message_passes(struct fault_attr *a)
{
	unsigned missed;
	uint32_t ticks = READ_RELAXED(&a->ratelimit_ticks);
	if (!ticks)
		return true;
	a->limit.interval_ns = ticks * (1000000000ull / FAULT_TICKS_PER_SEC);
	a->limit.burst = READ_RELAXED(&a->ratelimit_burst);
	bool passes = ratelimit_pass(&a->limit, clock_now_ns(a->log->clock), &missed);
	if (missed)
		ring_printf(a->log, LEVEL_WARNING, "fail_dump: %u callbacks suppressed", missed);
	return passes;
}

/* Two lines of one record, with the settings as they are before this failure is taken off. */
static void failure_report(struct fault_attr *a)
{
	if (!a->log || !READ_RELAXED(&a->verbose) || !message_passes(a))
		return;
	ring_printf(a->log, LEVEL_NOTICE,
		    "FAULT_INJECTION: forcing a failure.\n"
		    "name %s, interval %llu, probability %llu, space %d, times %d",
		    a->name, (unsigned long long)READ_RELAXED(&a->interval),
		    (unsigned long long)READ_RELAXED(&a->probability), READ_RELAXED(&a->space),
		    READ_RELAXED(&a->times));
}

static bool space_covers(struct fault_attr *a, int32_t size)
{
	if (READ_RELAXED(&a->space) <= size)
		return false;
	__atomic_sub_fetch(&a->space, size, __ATOMIC_RELAXED);
	return true;
}

static bool interval_skips(struct fault_attr *a)
{
	uint64_t interval = READ_RELAXED(&a->interval);
	return interval > 1 && ++a->count % interval;
}

/* A write of the setting in between wins. */
static void times_count(struct fault_attr *a)
{
	int32_t times = READ_RELAXED(&a->times);
	if (times != -1 && times)
		__atomic_compare_exchange_n(&a->times, &times, times - 1, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
}

static bool fails_locked(struct fault_attr *a, int32_t size, bool quiet)
{
	if (!READ_RELAXED(&a->times) || space_covers(a, size) || interval_skips(a))
		return false;
	if (READ_RELAXED(&a->probability) <= rng_below(&a->rng, 100))
		return false;
	if (!quiet)
		failure_report(a);
	times_count(a);
	return true;
}

bool fault_attr_fails(struct fault_attr *a, int32_t size, bool quiet)
{
	if (!READ_RELAXED(&a->probability))
		return false;
	lock_take(&a->lock);
	bool fails = fails_locked(a, size, quiet);
	lock_drop(&a->lock);
	return fails;
}
