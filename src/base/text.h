/* SPDX-License-Identifier: MIT */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

/*
 * A growing text with a bound and a sticky error: once an append fails
 * (-ENOMEM, or -EFBIG at the limit) all later appends do nothing and
 * text_error() says why. The number formatters exist because the views are
 * rendered on every read and printf is most of that cost.
 */

#include "base/defs.h"

#include <stdarg.h>

struct text {
	char *buf; /* not NUL-terminated; see text_cstr() */
	size_t len;
	size_t cap;
	size_t limit;
	int error; /* 0 or -errno, sticky */
};

#define TEXT_LIMIT_DEFAULT ((size_t)64 << 20)

void text_init(struct text *t, size_t limit); /* no allocation yet; limit 0: TEXT_LIMIT_DEFAULT */
/* Over a buffer of the caller's: never allocates, -EFBIG past its end, no text_fini. */
static inline void text_init_over(struct text *t, char *buf, size_t size)
{
	*t = (struct text){ .buf = buf, .cap = size - 1, .limit = size - 1 };
}
void text_fini(struct text *t);
void text_reset(struct text *t); /* empty, error cleared, buffer kept */
int text_error(const struct text *t);
const char *text_cstr(struct text *t); /* NUL-terminated view; "" on error */

void text_bytes(struct text *t, const void *p, size_t n);
void text_char(struct text *t, char c);
void text_str(struct text *t, const char *s);
void text_str_right(struct text *t, const char *s, unsigned width); /* %*s */
void text_str_left(struct text *t, const char *s, unsigned width); /* %-*s */
/* What the number formatters are made of, for who has a buffer already. */
unsigned text_digits(uint64_t v); /* how many decimal digits; 1 for 0 */
void text_digits_put(char *end, uint64_t v); /* the last one stands before end */

void text_u64(struct text *t, uint64_t v);
void text_u64_right(struct text *t, uint64_t v, unsigned width); /* %*lu */
void text_i64(struct text *t, int64_t v);
void text_printf(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
