/* SPDX-License-Identifier: MIT */
/* Numbers of two and more digits for view/chunk.h. */
#include "view/chunk.h"

char *chunk_digits(char *at, uint64_t v, unsigned width)
{
	unsigned n = text_digits(v);
	for (; width > n; width--)
		*at++ = ' ';
	text_digits_put(at + n, v);
	return at + n;
}
