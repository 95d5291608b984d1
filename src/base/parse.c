/* SPDX-License-Identifier: MIT */
/*
 * Each grammar is a few calls of take_digits(), which reads one run of digits
 * and moves on; the public functions add what may surround it and insist that
 * nothing is left over.
 */
#include "base/parse.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

int parse_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* At least one digit; all of the run is read even when it is too large, so that garbage behind it is still EINVAL. */
static int take_digits(const char **s, unsigned base, uint64_t *out)
{
	const char *p = *s;
	uint64_t v = 0;
	bool too_large = false;

	for (unsigned digit; (digit = (unsigned)parse_digit(*p)) < base; p++) {
		too_large |= __builtin_mul_overflow(v, (uint64_t)base, &v);
		too_large |= __builtin_add_overflow(v, (uint64_t)digit, &v);
	}
	if (p == *s)
		return -EINVAL;
	*s = p;
	*out = v;
	return too_large ? -ERANGE : 0;
}

static int whole_number(const char *s, unsigned base, uint64_t *out)
{
	uint64_t v;
	int error = take_digits(&s, base, &v);
	if (*s)
		return -EINVAL;
	if (!error)
		*out = v;
	return error;
}

int parse_u64(const char *s, uint64_t *out)
{
	return whole_number(s, 10, out);
}

int parse_hex(const char *s, uint64_t *out)
{
	return whole_number(s, 16, out);
}

int parse_i64(const char *s, int64_t *out)
{
	bool negative = *s == '-';
	uint64_t magnitude;
	int error = whole_number(s + negative, 10, &magnitude);
	if (error)
		return error;
	if (magnitude > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	return 0;
}

/* The power of two that a suffix stands for, or -EINVAL. */
static int suffix_shift(const char *s)
{
	static const char letters[] = "KMGT";
	char c = *s >= 'a' && *s <= 'z' ? (char)(*s - 'a' + 'A') : *s;
	const char *letter = c ? strchr(letters, c) : NULL;

	if (letter && (!s[1] || !strcmp(s + 1, "B") || !strcmp(s + 1, "iB")))
		return (int)(letter - letters + 1) * 10;
	return !*s || !strcmp(s, "B") ? 0 : -EINVAL;
}

int parse_size(const char *s, uint64_t *bytes)
{
	uint64_t v;
	int error = take_digits(&s, 10, &v);
	if (error == -EINVAL)
		return error;
	int shift = suffix_shift(s);
	if (shift < 0)
		return shift;
	if (error || v > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = v << shift;
	return 0;
}

/* "N" or "N-M", added to the set. */
static int take_range(const char **s, struct mask *m)
{
	uint64_t first, last;
	int error_first = take_digits(s, 10, &first);
	if (error_first == -EINVAL)
		return error_first;
	int error_last = error_first;
	last = first;
	if (**s == '-') {
		++*s;
		error_last = take_digits(s, 10, &last);
	}
	if (error_last == -EINVAL)
		return error_last;
	if (error_first || error_last || first >= MASK_BITS || last >= MASK_BITS)
		return -ERANGE;
	if (first > last)
		return -EINVAL;
	for (uint64_t bit = first; bit <= last; bit++)
		mask_set(m, (unsigned)bit);
	return 0;
}

int parse_list(const char *s, struct mask *out)
{
	struct mask m;
	mask_clear(&m);
	while (*s) {
		int error = take_range(&s, &m);
		if (error)
			return error;
		if (*s == ',' && s[1])
			s++;
		else if (*s)
			return -EINVAL;
	}
	*out = m;
	return 0;
}

int parse_bool(const char *s, bool *out)
{
	static const char *const words[][2] = {
		{ "n", "y" }, { "no", "yes" }, { "off", "on" }, { "false", "true" }, { "0", "1" },
	};
	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		for (unsigned value = 0; value < 2; value++)
			if (!strcasecmp(s, words[i][value])) {
				*out = value;
				return 0;
			}
	return -EINVAL;
}
