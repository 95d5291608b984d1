/* SPDX-License-Identifier: MIT */
/* Numbers of two and more digits for view/chunk.h. */
#include "view/chunk.h"

static const uint64_t power10[20] = {
	1ull,
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

/* v > 0. log10(2) is a little more than 1233 / 4096; the table corrects the guess by one. */
static unsigned digits_of(uint64_t v)
{
	unsigned guess = fls64(v) * 1233 >> 12;
	return guess + (guess < ARRAY_LEN(power10) && v >= power10[guess]);
}

char *chunk_digits(char *at, uint64_t v, unsigned width)
{
	unsigned n = digits_of(v | 1);
	for (; width > n; width--)
		*at++ = ' ';
	for (char *p = at + n; p > at; v /= 10)
		*--p = (char)('0' + v % 10);
	return at + n;
}
