/* SPDX-License-Identifier: MIT */
/*
 * How a line of a task attribute is read. A number too large to be one is
 * garbage (EINVAL); a number that no machine could hold is a matter of memory
 * (ENOMEM), so that is what adding past the end gives.
 */
#include "vm/amount.h"

#include "base/parse.h"
#include "mm/types.h"

#include <errno.h>
#include <string.h>

static const char *take_sign(const char *word, enum amount_op *op)
{
	*op = *word == '+' ? AMOUNT_ADD : *word == '-' ? AMOUNT_SUB : AMOUNT_SET;
	return word + (*op != AMOUNT_SET);
}

int amount_parse(const char *word, struct amount *out)
{
	struct amount a;
	word = take_sign(word, &a.op);
	if (parse_u64(word, &a.n))
		return -EINVAL;
	*out = a;
	return 0;
}

int amount_parse_pages(const char *word, struct amount *out)
{
	struct amount a;
	word = take_sign(word, &a.op);
	if (parse_size(word, &a.n))
		return -EINVAL;
	a.n = (a.n >> PAGE_SHIFT) + !!(a.n & (PAGE_SIZE - 1));
	*out = a;
	return 0;
}

int amount_apply(const struct amount *a, uint64_t now, uint64_t *target)
{
	switch (a->op) {
	case AMOUNT_ADD:
		return __builtin_add_overflow(now, a->n, target) ? -ENOMEM : 0;
	case AMOUNT_SUB:
		return __builtin_sub_overflow(now, a->n, target) ? -EINVAL : 0;
	case AMOUNT_SET:
		break;
	}
	*target = a->n;
	return 0;
}

int words_split(char *line, char **word, unsigned nr)
{
	static const char blanks[] = " \t";
	char *rest = line;

	for (unsigned i = 0; i < nr; i++) {
		word[i] = strtok_r(rest, blanks, &rest);
		if (!word[i])
			return -EINVAL;
	}
	return strtok_r(rest, blanks, &rest) ? -EINVAL : 0;
}
