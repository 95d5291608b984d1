/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_KNOB_LISTED_H
#define TESTS_SUPPORT_KNOB_LISTED_H

/*
 * The rows of captured tables that ummfs(8), Caveats, says are answered
 * differently, read from the manual page itself: a row that differs has to be
 * listed, and what is listed has to differ somewhere.
 */

#include "support/knob_rows.h"

void knob_listed_read(void); /* man/ummfs.8 below $SRCDIR; the test fails if there is no list */
/* Is the row of this kernel's table ("6.1") listed? What is asked for counts as seen. */
bool knob_listed(const char *kernel, const struct knob_row *row);
/* How many lines were read, and how many of them no row was found for; each of those is printed. */
unsigned knob_listed_lines(void);
unsigned knob_listed_unseen(void);

#endif
