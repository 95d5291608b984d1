/* SPDX-License-Identifier: MIT */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/* The machine's time. Real: CLOCK_MONOTONIC since clock_init. Manual: stands still until it is moved. */

#include "base/defs.h"

#include <time.h>

struct clock {
	bool manual;
	uint64_t start_ns; /* CLOCK_MONOTONIC at clock_init */
	uint64_t now_ns; /* manual only; relaxed atomic */
};

void clock_init(struct clock *c, bool manual);
uint64_t clock_now_ns(const struct clock *c); /* since clock_init */
void clock_advance(struct clock *c, uint64_t ns); /* manual only */

/* The host's time, whatever the machine's does. */
uint64_t clock_host_ns(void); /* CLOCK_MONOTONIC */
struct timespec clock_host_deadline(uint64_t wait_ns); /* the end of a wait that begins now */

#endif
