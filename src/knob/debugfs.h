/* SPDX-License-Identifier: MIT */
#ifndef KNOB_DEBUGFS_H
#define KNOB_DEBUGFS_H

/*
 * Files of debugfs as 6.1 makes them of variables (fs/libfs.c: simple_attr,
 * fs/debugfs/file.c): numbers of C, in any base, that are cut to what the
 * variable holds; and Y or N.
 */

#include "knob/knob.h"

/*
 * One number: decimal, 0x hex or 0 octal, one '+' before it (with sign_allowed
 * one '-' as well) and one newline behind it. Text past 23 bytes is cut off.
 * 0 and *out set, -EINVAL, or -ERANGE.
 */
MUST_CHECK int debugfs_parse(const char *buf, size_t len, bool sign_allowed, uint64_t *out);
/* By the first letters: y, 1, on; n, 0, off. 0 and *out set, or -EINVAL. */
MUST_CHECK int debugfs_parse_bool(const char *buf, size_t len, bool *out);

/* The value at k->offset of struct vm; k->apply is called when it was stored. */
int knob_show_u32(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
int knob_show_bool(const struct knob *k, struct vm *vm, unsigned arg, struct text *out);
ssize_t knob_store_debugfs_ulong(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
				 size_t len);
ssize_t knob_store_debugfs_u32(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
			       size_t len);
ssize_t knob_store_debugfs_int(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
			       size_t len);
ssize_t knob_store_debugfs_bool(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
				size_t len);

#endif
