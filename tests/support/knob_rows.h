/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_KNOB_ROWS_H
#define TESTS_SUPPORT_KNOB_ROWS_H

/*
 * Rows of tests/oracle/knobs/NAME.tsv, captured from 6.1, and of NAME.tsv in
 * folders below it, named after the kernel that they are from: what was done to a
 * file under proc/sys/vm or sys, and what came of it. Columns: path, test,
 * how, input, result (bytes or errno name; one for each call), value read
 * back, whether it is the one from before. NAME-sequence.tsv: the value is
 * not put back between the rows; in the other tables it is.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct knob_row {
	const char *path; /* below the mount */
	const char *test, *how, *result;
	bool same; /* the value is what it was before */
	char input[8192], value[512];
	size_t len; /* of input */
	char line[2048]; /* what the strings above point into */
};

/* One table. Opens tests/oracle/knobs/NAME below $SRCDIR, or the current folder; NULL: not there. */
FILE *knob_rows_open(const char *name);
bool knob_rows_next(FILE *f, struct knob_row *row); /* false at the end */
/* The names of a kernel's tables ("5.10/drop_caches.tsv"), sorted; NULL behind the last. free() each and the array. NULL: none. */
char **knob_rows_tables(const char *kernel);

const char *errno_name(int error); /* "EINVAL", as tables have it */
/* The row asked for more huge pages than the captured machine had: another machine finds another number. */
bool knob_row_saturates(const struct knob_row *row);

#endif
