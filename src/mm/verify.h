/* SPDX-License-Identifier: MIT */
#ifndef MM_VERIFY_H
#define MM_VERIFY_H

/*
 * Walk everything and compare it with the counters: a table of named checks.
 * Stops the machine while it looks. Returns the number of findings; each is
 * described in `out` (may be NULL), one line each, at most 64 lines.
 */

#include "mm/machine.h"

struct text;
unsigned mm_verify(struct machine *m, struct text *out);

#endif
