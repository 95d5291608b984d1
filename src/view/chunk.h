/* SPDX-License-Identifier: MIT */
#ifndef VIEW_CHUNK_H
#define VIEW_CHUNK_H

/*
 * Formatting for the views that are rendered on every read: short pieces are
 * put into a buffer on the stack, which goes to the text when it is full. A
 * piece costs one comparison and its bytes; only whole chunks pay for growing
 * the text and for its sticky error. No piece may be longer than CHUNK_PIECE.
 */

#include "base/text.h"

#include <string.h>

#define CHUNK_BYTES 4096u
#define CHUNK_PIECE 256u

struct chunk {
	struct text *text;
	char *at;
	char buf[CHUNK_BYTES];
};

static inline void chunk_init(struct chunk *c, struct text *t)
{
	c->text = t;
	c->at = c->buf;
}

/* To the text; once more at the end of every view. */
static inline void chunk_flush(struct chunk *c)
{
	text_bytes(c->text, c->buf, (size_t)(c->at - c->buf));
	c->at = c->buf;
}

static inline char *chunk_room(struct chunk *c)
{
	if (UNLIKELY(c->at > c->buf + CHUNK_BYTES - CHUNK_PIECE))
		chunk_flush(c);
	return c->at;
}

char *chunk_digits(char *at, uint64_t v, unsigned width); /* v at the right end of at least width columns; the end */

static inline void chunk_bytes(struct chunk *c, const void *s, size_t n)
{
	memcpy(chunk_room(c), s, n);
	c->at += n;
}

static inline void chunk_char(struct chunk *c, char ch)
{
	*chunk_room(c) = ch;
	c->at++;
}

/* A string literal: its length is known when this is compiled. */
#define chunk_lit(c, s) chunk_bytes(c, "" s, sizeof(s) - 1)

static inline void chunk_str_right(struct chunk *c, const char *s, unsigned width)
{
	size_t n = strlen(s);
	char *at = chunk_room(c);
	size_t pad = n < width ? width - n : 0;
	memset(at, ' ', pad);
	memcpy(at + pad, s, n);
	c->at = at + pad + n;
}

/* %-*s */
static inline void chunk_str_left(struct chunk *c, const char *s, unsigned width)
{
	size_t n = strlen(s);
	char *at = chunk_room(c);
	memset(at, ' ', width);
	memcpy(at, s, n);
	c->at = at + MAX(n, width);
}

static inline void chunk_u64(struct chunk *c, uint64_t v)
{
	char *at = chunk_room(c);
	if (v < 10) {
		*at = (char)('0' + v);
		c->at = at + 1;
	} else {
		c->at = chunk_digits(at, v, 0);
	}
}

/* %*lu; most numbers in these texts are 0. */
static inline void chunk_u64_right(struct chunk *c, uint64_t v, unsigned width)
{
	char *at = chunk_room(c);
	if (v < 10) {
		memset(at, ' ', width - 1);
		at[width - 1] = (char)('0' + v);
		c->at = at + width;
	} else {
		c->at = chunk_digits(at, v, width);
	}
}

static inline void chunk_i64(struct chunk *c, int64_t v)
{
	if (v < 0)
		chunk_char(c, '-');
	chunk_u64(c, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* "label number\n" with a literal label. */
#define chunk_line(c, label, v)                                                                    \
	do {                                                                                       \
		chunk_lit(c, label);                                                               \
		chunk_u64(c, v);                                                                   \
		chunk_char(c, '\n');                                                               \
	} while (0)

/* "Node 0, zone    DMA32", the head of most lines about a zone. */
static inline void chunk_zone_head(struct chunk *c, unsigned node, const char *zone)
{
	chunk_lit(c, "Node ");
	chunk_u64(c, node);
	chunk_lit(c, ", zone ");
	chunk_str_right(c, zone, 8);
}

#endif
