/* SPDX-License-Identifier: MIT */
#ifndef VM_PROGRESS_H
#define VM_PROGRESS_H

/*
 * Long work in slices of a few milliseconds, with a log line every two
 * seconds. Host time: the machine's may stand still.
 */

#include "base/defs.h"

struct progress {
	const char *task, *what; /* task NULL: nobody's */
	uint64_t from, to; /* counting up or down */
	uint64_t next_ns, slice_ns; /* the next line, and the end of the slice */
};

extern uint64_t progress_slice_ns; /* 0 in tests: every step ends a slice */

void progress_start(struct progress *p, const char *task, const char *what, uint64_t from, uint64_t to);
/* true: a slice is over, and others may want to get in between (task_pause) */
bool progress_step(struct progress *p, uint64_t now);

#endif
