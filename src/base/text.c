/* SPDX-License-Identifier: MIT */
/*
 * Appending goes in two steps: text_reserve() makes room for exactly what is
 * coming (and is where every error arises), then the formatter writes in place.
 * One byte behind cap is always allocated, so text_cstr() cannot fail.
 */
#include "base/text.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

#define TEXT_CAP_FIRST 4096u

/* "00" "01" … "99": two digits for one division. */
static const char digit_pairs[200] = {
#define TEN(t) t, '0', t, '1', t, '2', t, '3', t, '4', t, '5', t, '6', t, '7', t, '8', t, '9'
	TEN('0'), TEN('1'), TEN('2'), TEN('3'), TEN('4'),
	TEN('5'), TEN('6'), TEN('7'), TEN('8'), TEN('9'),
#undef TEN
};

/* The smallest number with i + 1 digits, save for 0. */
static const uint64_t power10[20] = {
	0ull,
	10ull,
	100ull,
	1000ull,
	10000ull,
	100000ull,
	1000000ull,
	10000000ull,
	100000000ull,
	1000000000ull,
	10000000000ull,
	100000000000ull,
	1000000000000ull,
	10000000000000ull,
	100000000000000ull,
	1000000000000000ull,
	10000000000000000ull,
	100000000000000000ull,
	1000000000000000000ull,
	10000000000000000000ull,
};

void text_init(struct text *t, size_t limit)
{
	*t = (struct text){ .limit = limit ? limit : TEXT_LIMIT_DEFAULT };
}

void text_fini(struct text *t)
{
	mem_free(t->buf);
	*t = (struct text){ .limit = t->limit };
}

void text_reset(struct text *t)
{
	t->len = 0;
	t->error = 0;
}

int text_error(const struct text *t)
{
	return t->error;
}

const char *text_cstr(struct text *t)
{
	if (t->error || !t->buf)
		return "";
	t->buf[t->len] = '\0';
	return t->buf;
}

/* Slow half of text_reserve. */
static char *text_grow(struct text *t, size_t n)
{
	if (t->error || !n)
		return NULL;
	if (n > t->limit - t->len) {
		t->error = -EFBIG;
		return NULL;
	}
	size_t cap = MIN(MAX(MAX(2 * t->cap, t->len + n), TEXT_CAP_FIRST), t->limit);
	char *buf = mem_realloc(t->buf, cap + 1);
	if (!buf) {
		t->error = -ENOMEM;
		return NULL;
	}
	t->buf = buf;
	t->cap = cap;
	return buf + t->len;
}

/* Where n more bytes may be written, already counted in len; NULL if they do not fit (the error is set) or are none. */
static inline char *text_reserve(struct text *t, size_t n)
{
	char *at;
	if (LIKELY(n - 1 < t->cap - t->len && !t->error)) /* n = 0 goes the slow way: there may be no buf */
		at = t->buf + t->len;
	else
		at = text_grow(t, n);
	if (LIKELY(at))
		t->len += n;
	return at;
}

void text_bytes(struct text *t, const void *p, size_t n)
{
	char *at = text_reserve(t, n);
	if (at)
		memcpy(at, p, n);
}

void text_char(struct text *t, char c)
{
	char *at = text_reserve(t, 1);
	if (at)
		*at = c;
}

void text_str(struct text *t, const char *s)
{
	text_bytes(t, s, strlen(s));
}

void text_str_right(struct text *t, const char *s, unsigned width)
{
	size_t n = strlen(s), pad = width > n ? width - n : 0;
	char *at = text_reserve(t, pad + n);
	if (at) {
		memset(at, ' ', pad);
		memcpy(at + pad, s, n);
	}
}

void text_str_left(struct text *t, const char *s, unsigned width)
{
	size_t n = strlen(s), pad = width > n ? width - n : 0;
	char *at = text_reserve(t, pad + n);
	if (at) {
		memcpy(at, s, n);
		memset(at + n, ' ', pad);
	}
}

/* log10(2) is a little more than 1233 / 4096; the table corrects the guess by one. */
unsigned text_digits(uint64_t v)
{
	unsigned guess = fls64(v) * 1233 >> 12;
	return guess + (v >= power10[guess]);
}

/* Write v so that its last digit stands before end. */
void text_digits_put(char *end, uint64_t v)
{
	while (v >= 100) {
		end -= 2;
		memcpy(end, digit_pairs + v % 100 * 2, 2);
		v /= 100;
	}
	if (v >= 10)
		memcpy(end - 2, digit_pairs + v * 2, 2);
	else
		end[-1] = (char)('0' + v);
}

void text_u64(struct text *t, uint64_t v)
{
	unsigned n = text_digits(v);
	char *at = text_reserve(t, n);
	if (at)
		text_digits_put(at + n, v);
}

void text_u64_right(struct text *t, uint64_t v, unsigned width)
{
	unsigned n = text_digits(v);
	unsigned pad = width > n ? width - n : 0;
	char *at = text_reserve(t, (size_t)pad + n);
	if (at) {
		memset(at, ' ', pad);
		text_digits_put(at + pad + n, v);
	}
}

void text_i64(struct text *t, int64_t v)
{
	unsigned sign = v < 0;
	uint64_t magnitude = sign ? 0 - (uint64_t)v : (uint64_t)v;
	unsigned n = text_digits(magnitude) + sign;
	char *at = text_reserve(t, n);
	if (at) {
		text_digits_put(at + n, magnitude);
		if (sign)
			*at = '-';
	}
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list args, again;
	if (t->error)
		return;
	va_start(args, fmt);
	va_copy(again, args);
	/* Straight into what is free; only a text that does not fit is formatted twice. */
	size_t room = t->cap - t->len;
	int n = vsnprintf(t->buf ? t->buf + t->len : NULL, t->buf ? room + 1 : 0, fmt, args);
	ASSERT(n >= 0);
	char *at = text_reserve(t, (size_t)n);
	if (at && (size_t)n > room)
		vsnprintf(at, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(args);
}
