/* SPDX-License-Identifier: MIT */
#ifndef BASE_MASK_H
#define BASE_MASK_H

/* A set of small numbers (CPUs or nodes), as large as Debian's NR_CPUS. */

#include "base/defs.h"

#include <string.h>

#define MASK_BITS 8192u
#define MASK_WORDS (MASK_BITS / 64)

struct mask {
	uint64_t w[MASK_WORDS];
};

static inline void mask_clear(struct mask *m)
{
	memset(m, 0, sizeof(*m));
}

static inline void mask_set(struct mask *m, unsigned bit)
{
	m->w[bit / 64] |= 1ull << (bit % 64);
}

static inline bool mask_has(const struct mask *m, unsigned bit)
{
	return bit < MASK_BITS && (m->w[bit / 64] >> (bit % 64) & 1);
}

/* First member >= from, or MASK_BITS when there is none. */
static inline unsigned mask_next(const struct mask *m, unsigned from)
{
	for (unsigned i = from / 64; i < MASK_WORDS; i++) {
		uint64_t w = m->w[i];
		if (i == from / 64)
			w &= ~0ull << (from % 64);
		if (w)
			return i * 64 + (unsigned)__builtin_ctzll(w);
	}
	return MASK_BITS;
}

static inline unsigned mask_count(const struct mask *m)
{
	unsigned n = 0;
	for (unsigned i = 0; i < MASK_WORDS; i++)
		n += (unsigned)__builtin_popcountll(m->w[i]);
	return n;
}

static inline bool mask_empty(const struct mask *m)
{
	return mask_next(m, 0) == MASK_BITS;
}

#define MASK_FOR_EACH(bit, m)                                                                      \
	for (unsigned bit = mask_next(m, 0); bit < MASK_BITS; bit = mask_next(m, bit + 1))

struct text;
void mask_print_list(struct text *t, const struct mask *m); /* "0-3,8", as %*pbl; nothing when empty */
/* Hex words as %*pb prints nbits bits: groups of 32 with commas, the first group (nbits % 32) wide. */
void mask_print_hex(struct text *t, const struct mask *m, unsigned nbits);

#endif
