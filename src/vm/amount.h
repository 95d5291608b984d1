/* SPDX-License-Identifier: MIT */
#ifndef VM_AMOUNT_H
#define VM_AMOUNT_H

/* The grammar of task attributes: words on a line, the last of which says how much. */

#include "base/defs.h"

enum amount_op { AMOUNT_SET, AMOUNT_ADD, AMOUNT_SUB };

struct amount {
	enum amount_op op;
	uint64_t n;
};

/* "5", "+5", "-5". 0 or -EINVAL. */
MUST_CHECK int amount_parse(const char *word, struct amount *out);
/* "512M", "+4k", "-1T": bytes, rounded up to pages. 0 or -EINVAL. */
MUST_CHECK int amount_parse_pages(const char *word, struct amount *out);
/* What now becomes: -EINVAL below 0, -ENOMEM above any number. */
MUST_CHECK int amount_apply(const struct amount *a, uint64_t now, uint64_t *target);
/* Cut a line at blanks and tabs into exactly nr words. 0, or -EINVAL for more or fewer. */
MUST_CHECK int words_split(char *line, char **word, unsigned nr);

#endif
