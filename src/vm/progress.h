/* SPDX-License-Identifier: MIT */
#ifndef VM_PROGRESS_H
#define VM_PROGRESS_H

/* A log line every two seconds while something long goes on. Host time: the machine's may stand still. */

#include "base/defs.h"

struct progress {
	const char *task, *what;
	uint64_t from, to; /* counting up or down */
	uint64_t next_ns;
};

void progress_start(struct progress *p, const char *task, const char *what, uint64_t from, uint64_t to);
void progress_step(struct progress *p, uint64_t now);

#endif
