/* SPDX-License-Identifier: MIT */
#ifndef KNOB_SYSFS_PARSE_H
#define KNOB_SYSFS_PARSE_H

/* How a file under sys takes a number: kstrtoul in base 10 of one write (fs/kernfs, lib/kstrtox.c, 6.1). */

#include "base/defs.h"

#define SYSFS_WINDOW 4096u /* a write is cut there and reports so many bytes */

/*
 * One number of a machine with `bits` per unsigned long: decimal digits, one
 * '+' before them and one newline behind them allowed, everything from a NUL
 * on ignored. 0 and *out set, -EINVAL, or -ERANGE.
 */
MUST_CHECK int sysfs_parse_ulong(const char *buf, size_t len, unsigned bits, uint64_t *out);

/*
 * Bytes as memparse reads them: decimal, hex behind 0x, octal behind 0, and a suffix K to E of either case. What
 * stands behind that is not looked at, no digits are 0, and what is too large wraps (lib/cmdline.c, 6.1).
 */
uint64_t sysfs_parse_size(const char *buf, size_t len);

#endif
