/* SPDX-License-Identifier: MIT */
#ifndef KNOB_SYSCTL_PARSE_H
#define KNOB_SYSCTL_PARSE_H

/*
 * How a file under proc/sys takes numbers (kernel/sysctl.c, 6.1): text of one
 * write at offset 0, which need not end in a newline or NUL.
 */

#include "base/defs.h"

#define SYSCTL_WINDOW 4095u /* what is past it is not looked at */

struct sysctl_result {
	unsigned nr; /* numbers stored */
	size_t taken; /* bytes that write(2) reports if `error` is not reported instead */
	int error; /* 0 or -EINVAL: the text is empty or some number in it was refused */
	bool negative; /* of an unsigned long: refused for its sign alone; `taken` is as if it had been stored */
};

/* Up to nr numbers between min and max. Numbers before a refused one stay stored. */
struct sysctl_result sysctl_parse_ints(const char *buf, size_t len, int32_t min, int32_t max,
				       int32_t *out, unsigned nr);
/* One unsigned long of a machine with `bits`; any '-' is refused, even before 0. */
struct sysctl_result sysctl_parse_ulong(const char *buf, size_t len, unsigned bits, uint64_t *out);
/* Any number of either sign whose magnitude fits that unsigned long, as a bool. */
struct sysctl_result sysctl_parse_bool(const char *buf, size_t len, unsigned bits, bool *out);

#endif
