/* SPDX-License-Identifier: MIT */
/*
 * Numbers as proc/sys takes them (kernel/sysctl.c, 6.1): white space, a
 * number in decimal, 0x hex or 0 octal, then the end or one of blank, tab and
 * newline. A number that reaches the 21st character is refused whatever it
 * says, because 6.1 looks at no more of it. All white space behind the last
 * number taken counts as taken; what follows it is neither read nor refused.
 */

#include "knob/sysctl_parse.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

#define NUMBER_MAX 20u /* characters, the sign included */

struct cursor {
	const char *p;
	size_t left;
};

struct number {
	uint64_t magnitude;
	bool negative;
};

/* Latin-1 white space, as the kernel's own character table has it: 0xa0 belongs to it. */
static bool is_space(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0;
}

static bool is_separator(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static void cursor_skip_space(struct cursor *c)
{
	while (c->left && is_space((unsigned char)*c->p)) {
		c->p++;
		c->left--;
	}
}

/* The prefix of s says the base; returns how many characters it takes. */
static size_t base_of(const char *s, size_t len, unsigned *base)
{
	*base = 10;
	if (len < 2 || s[0] != '0')
		return 0;
	*base = 8;
	if (len < 3 || (s[1] | 0x20) != 'x' || parse_digit(s[2]) > 15)
		return 0;
	*base = 16;
	return 2;
}

/* Digits from s on; returns how many there were, or 0 when there are none or they do not fit. */
static size_t digits_take(const char *s, size_t len, unsigned base, uint64_t *out)
{
	uint64_t v = 0;
	size_t n = 0;
	for (; n < len && parse_digit(s[n]) < (int)base; n++)
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (unsigned)parse_digit(s[n]), &v))
			return 0;
	*out = v;
	return n;
}

/* One number and nothing behind it; on -EINVAL the cursor stays before it. */
static int cursor_take_number(struct cursor *c, struct number *out)
{
	size_t seen = MIN(c->left, NUMBER_MAX + 1), at = 0;
	unsigned base;

	out->negative = c->p[0] == '-' && c->left > 1;
	at += out->negative;
	if (parse_digit(c->p[at]) > 9)
		return -EINVAL;
	at += base_of(c->p + at, seen - at, &base);
	size_t digits = digits_take(c->p + at, seen - at, base, &out->magnitude);
	at += digits;
	if (!digits || at > NUMBER_MAX)
		return -EINVAL;
	if (at < c->left && !is_separator(c->p[at]))
		return -EINVAL;
	c->p += at;
	c->left -= at;
	return 0;
}

static bool number_fits_int(const struct number *n, int32_t min, int32_t max, int32_t *out)
{
	if (n->magnitude > (uint64_t)INT32_MAX + n->negative)
		return false;
	int64_t v = n->negative ? -(int64_t)n->magnitude : (int64_t)n->magnitude;
	if (v < min || v > max)
		return false;
	*out = (int32_t)v;
	return true;
}

static bool number_fits_ulong(const struct number *n, unsigned bits, uint64_t *out)
{
	if (bits == 32 && n->magnitude > UINT32_MAX)
		return false;
	*out = n->magnitude;
	return true;
}

static struct cursor cursor_open(const char *buf, size_t len)
{
	return (struct cursor){ .p = buf, .left = MIN(len, (size_t)SYSCTL_WINDOW) };
}

/*
 * What is left in the window is what was not taken, so text past the window
 * counts as taken with it. With no number at all nothing was consumed: 6.1
 * then leaves the count of the write as it was.
 */
static struct sysctl_result cursor_close(struct cursor *c, size_t len, unsigned nr, int error)
{
	if (!nr)
		return (struct sysctl_result){ .taken = len, .error = error ? error : -EINVAL };
	if (!error)
		cursor_skip_space(c);
	return (struct sysctl_result){ .nr = nr, .taken = len - c->left, .error = error };
}

struct sysctl_result sysctl_parse_ints(const char *buf, size_t len, int32_t min, int32_t max,
				       int32_t *out, unsigned nr)
{
	struct cursor c = cursor_open(buf, len);
	struct number n;
	unsigned i = 0;
	int error = 0;

	for (; i < nr && !error; i += !error) {
		cursor_skip_space(&c);
		if (!c.left)
			break;
		error = cursor_take_number(&c, &n);
		if (!error && !number_fits_int(&n, min, max, &out[i]))
			error = -EINVAL;
	}
	return cursor_close(&c, len, i, error);
}

struct sysctl_result sysctl_parse_ulong(const char *buf, size_t len, unsigned bits, uint64_t *out)
{
	struct cursor c = cursor_open(buf, len);
	struct number n;

	cursor_skip_space(&c);
	if (!c.left || cursor_take_number(&c, &n))
		return cursor_close(&c, len, 0, -EINVAL);
	if (n.negative) {
		cursor_skip_space(&c);
		return (struct sysctl_result){ .taken = len - c.left, .error = -EINVAL, .negative = true };
	}
	if (!number_fits_ulong(&n, bits, out))
		return cursor_close(&c, len, 0, -EINVAL);
	return cursor_close(&c, len, 1, 0);
}

struct sysctl_result sysctl_parse_bool(const char *buf, size_t len, unsigned bits, bool *out)
{
	struct cursor c = cursor_open(buf, len);
	struct number n;
	uint64_t magnitude;

	cursor_skip_space(&c);
	if (!c.left || cursor_take_number(&c, &n) || !number_fits_ulong(&n, bits, &magnitude))
		return cursor_close(&c, len, 0, -EINVAL);
	*out = magnitude != 0;
	return cursor_close(&c, len, 1, 0);
}
