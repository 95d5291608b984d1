/* SPDX-License-Identifier: MIT */
#ifndef BASE_SERIES_H
#define BASE_SERIES_H

/*
 * A sequence of numbers as text, short where numbers follow each other evenly:
 * terms with commas between them. "7" is 7; "7+2x3" is 7, 9, 11; "7-1x3" is
 * 7, 6, 5; "0+0x4" is four zeros; "-1" is -1. Numbers are of 64 bits and wrap around.
 */

#include "base/text.h"

struct series_term {
	uint64_t first, step; /* step modulo 2^64 */
	uint64_t nr; /* 0: no term yet */
};

/* Writing: the last term is open until series_end. */
struct series_out {
	struct text *text;
	struct series_term term;
	bool any; /* a term was written: the next one has a comma before it */
};

static inline void series_begin(struct series_out *s, struct text *text)
{
	*s = (struct series_out){ .text = text };
}
void series_put(struct series_out *s, uint64_t v);
void series_end(struct series_out *s);

/* Reading. */
struct series_in {
	const char *next; /* text of the terms not begun yet; "" when there are none */
	struct series_term term; /* what is left of the current one */
};

static inline void series_open(struct series_in *s, const char *text)
{
	*s = (struct series_in){ .next = text };
}
/* 1: *out is the next number; 0: there are no more; -EINVAL: not a series. */
MUST_CHECK int series_get(struct series_in *s, uint64_t *out);

#endif
