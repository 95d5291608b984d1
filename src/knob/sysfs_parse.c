/* SPDX-License-Identifier: MIT */
/*
 * sysfs hands a file's store function the write as a C string, so a NUL ends
 * it. Too many digits are -ERANGE even if garbage follows: 6.1 looks at the
 * value before it looks at what stands behind it.
 */

#include "knob/sysfs_parse.h"

#include <errno.h>
#include <string.h>

int sysfs_parse_ulong(const char *buf, size_t len, unsigned bits, uint64_t *out)
{
	size_t n = strnlen(buf, MIN(len, (size_t)SYSFS_WINDOW)), at = 0;
	uint64_t v = 0;
	bool overflow = false;

	at += n && buf[0] == '+';
	size_t first = at;
	for (; at < n && buf[at] >= '0' && buf[at] <= '9'; at++)
		overflow |= __builtin_mul_overflow(v, 10u, &v) ||
			    __builtin_add_overflow(v, (unsigned)(buf[at] - '0'), &v);
	if (overflow)
		return -ERANGE;
	if (at == first)
		return -EINVAL;
	at += at < n && buf[at] == '\n';
	if (at != n)
		return -EINVAL;
	if (bits == 32 && v > UINT32_MAX)
		return -ERANGE;
	*out = v;
	return 0;
}
