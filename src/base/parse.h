/* SPDX-License-Identifier: MIT */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

/*
 * The one strict number parser for configuration, options and captured files.
 * (How sysctl and sysfs take numbers is the kernel's own grammar and lives in
 * knob/.) Every function takes the whole NUL-terminated string or nothing:
 * 0 and *out set, or -EINVAL / -ERANGE and *out unchanged.
 */

#include "base/defs.h"
#include "base/mask.h"

int parse_digit(char c); /* value of a hex digit, of either case; 16 for what is none */
MUST_CHECK int parse_u64(const char *s, uint64_t *out); /* decimal digits only */
MUST_CHECK int parse_i64(const char *s, int64_t *out); /* one leading '-' allowed */
MUST_CHECK int parse_hex(const char *s, uint64_t *out); /* hex digits, no 0x */
/* Bytes: decimal with an optional binary suffix K, M, G, T (either case), optionally followed by B or iB. */
MUST_CHECK int parse_size(const char *s, uint64_t *bytes);
/* "0-3,8,10-11"; the empty string is the empty set. -ERANGE past MASK_BITS. */
MUST_CHECK int parse_list(const char *s, struct mask *out);
/* "Y/N", "yes/no", "on/off", "true/false", "1/0". */
MUST_CHECK int parse_bool(const char *s, bool *out);

#endif
