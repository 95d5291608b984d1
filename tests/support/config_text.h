/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_CONFIG_TEXT_H
#define SUPPORT_CONFIG_TEXT_H

/* Configurations given as text: written to a file of their own, which config_read then reads. */

#include "daemon/config.h"

/* config_read of a file with that text; its name in errors is replaced by "FILE". */
int config_text_read(struct config *c, const char *text, size_t len, struct why *why);
/* The same for a text that has to be good. */
void config_text_good(struct config *c, const char *text);
/* The same for a bad one: the error has to be -EINVAL and its text exactly `want` ("FILE:3: ..."). */
void config_text_bad(const char *text, const char *want);
/* One that is shipped: conf/NAME of the source tree. */
void config_shipped(struct config *c, const char *name);

/* Numbers of a zone in one line: "start spanned present managed". */
const char *zone_numbers(const struct config *c, unsigned node, unsigned type);

#endif
