/* SPDX-License-Identifier: MIT */
#include "vm/progress.h"

#include "base/log.h"

#include <time.h>

#define PROGRESS_INTERVAL_NS 2000000000u

uint64_t progress_slice_ns = 10000000;

static uint64_t host_now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void progress_start(struct progress *p, const char *task, const char *what, uint64_t from, uint64_t to)
{
	uint64_t host_ns = host_now_ns();
	*p = (struct progress){
		.task = task,
		.what = what,
		.from = from,
		.to = to,
		.next_ns = host_ns + PROGRESS_INTERVAL_NS,
		.slice_ns = host_ns + progress_slice_ns,
	};
}

static void progress_log(const struct progress *p, uint64_t now)
{
	uint64_t whole = p->to > p->from ? p->to - p->from : p->from - p->to;
	uint64_t done = now > p->from ? now - p->from : p->from - now;
	log_info("%s%s%s%s: %lu of %lu (%lu %%)", p->task ? "task " : "", p->task ? p->task : "",
		 p->task ? ": " : "", p->what, (unsigned long)done, (unsigned long)whole,
		 (unsigned long)(whole ? done * 100 / whole : 100));
}

bool progress_step(struct progress *p, uint64_t now)
{
	uint64_t host_ns = host_now_ns();
	if (host_ns >= p->next_ns) {
		p->next_ns = host_ns + PROGRESS_INTERVAL_NS;
		progress_log(p, now);
	}
	if (host_ns < p->slice_ns)
		return false;
	p->slice_ns = host_ns + progress_slice_ns;
	return true;
}
