/* SPDX-License-Identifier: MIT */
/*
 * sysfs hands a file's store function the write as a C string, so a NUL ends
 * it. Too many digits are -ERANGE even if garbage follows: 6.1 looks at the
 * value before it looks at what stands behind it.
 */

#include "knob/sysfs_parse.h"

#include "base/parse.h"

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

static unsigned size_base(const char *text)
{
	if (text[0] != '0')
		return 10;
	return (text[1] | 0x20) == 'x' && parse_digit(text[2]) < 16 ? 16 : 8;
}

uint64_t sysfs_parse_size(const char *buf, size_t len)
{
	static const char suffix[] = "kmgtpe";
	char text[64] = "";
	uint64_t v = 0;
	memcpy(text, buf, strnlen(buf, MIN(len, sizeof(text) - 1)));
	unsigned base = size_base(text);
	const char *p = base == 16 ? text + 2 : text;
	for (; parse_digit(*p) < (int)base; p++)
		v = v * base + (unsigned)parse_digit(*p);
	const char *s = *p ? strchr(suffix, *p | 0x20) : NULL;
	return s ? v << (10 * (s - suffix + 1)) : v;
}
