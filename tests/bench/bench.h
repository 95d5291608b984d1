/* SPDX-License-Identifier: MIT */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

/* What the programs of this folder share: clocks, random numbers, samples of rounds, and the lines of the summary. */

#include "base/defs.h"

#define ROUNDS_MAX 64u

uint64_t wall_ns(void); /* CLOCK_MONOTONIC */
uint64_t thread_ns(void); /* CPU time of this thread: others on the machine do not count */
double resident_kib(void); /* of this process */
void cpu_pin(unsigned cpu); /* this thread; no more than advice: a failure is ignored */
void cpu_first(bool first); /* this thread before all others, or like them again; likewise, only root may */
unsigned env_number(const char *name, unsigned otherwise); /* exits with 2 for what is no number */
bool env_set(const char *name); /* there, and neither empty nor 0 */
_Noreturn void bench_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* For the loads: it must be inlined into them. */
static inline uint64_t load_random(uint64_t *state) /* xorshift64, Marsaglia 2003 */
{
	uint64_t x = *state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

/* One figure of each round. */
struct samples {
	double v[ROUNDS_MAX];
	unsigned nr;
};

struct spread {
	double median, min, max;
};

void samples_add(struct samples *s, double v);
struct spread samples_spread(const struct samples *s); /* of nothing: all 0 */
/* Round by round, for what drifts from round to round drifts for both. */
struct spread samples_ratio(const struct samples *ours, const struct samples *peers);

/*
 * A line for the summary of run.sh, appended to the file that BENCH_RESULTS
 * names: measured against a limit (at most), or a part that could not run.
 */
void summary_target(const char *what, const char *unit, double limit, struct spread measured);
void summary_skip(const char *what, const char *why);

#endif
