/* SPDX-License-Identifier: MIT */
#include "base/mask.h"

#include "base/text.h"

/* The first number >= from that is not in the set. */
static unsigned mask_next_gap(const struct mask *m, unsigned from)
{
	while (mask_has(m, from))
		from++;
	return from;
}

void mask_print_list(struct text *t, const struct mask *m)
{
	const char *comma = "";
	unsigned end;

	for (unsigned from = mask_next(m, 0); from < MASK_BITS; from = mask_next(m, end)) {
		end = mask_next_gap(m, from);
		text_str(t, comma);
		text_u64(t, from);
		if (end - from > 1) {
			text_char(t, '-');
			text_u64(t, end - 1);
		}
		comma = ",";
	}
}

static uint32_t mask_word32(const struct mask *m, unsigned i)
{
	return (uint32_t)(m->w[i / 2] >> (i % 2 * 32));
}

void mask_print_hex(struct text *t, const struct mask *m, unsigned nbits)
{
	ASSERT(nbits <= MASK_BITS);
	if (!nbits)
		return;

	unsigned words = DIV_ROUND_UP(nbits, 32);
	unsigned top_bits = nbits - (words - 1) * 32;
	uint32_t top = mask_word32(m, words - 1) & (uint32_t)(~0ull >> (64 - top_bits));
	text_printf(t, "%0*x", (int)DIV_ROUND_UP(top_bits, 4), top);
	for (unsigned i = words - 1; i-- > 0;)
		text_printf(t, ",%08x", mask_word32(m, i));
}
