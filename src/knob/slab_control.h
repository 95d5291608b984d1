/* SPDX-License-Identifier: MIT */
#ifndef KNOB_SLAB_CONTROL_H
#define KNOB_SLAB_CONTROL_H

/* What is written to change slab caches: proc/slabinfo, sys/kernel/slab/{new_cache,delete_cache}, [cache NAME]. */

#include "knob/knob.h"

/*
 * One write to proc/slabinfo, "NAME LIMIT BATCHCOUNT SHARED" (mm/slab.c:
 * slabinfo_write, 6.1): len, -EINVAL (longer than 128 bytes, no such cache,
 * fewer than three numbers), or what kmem_cache_tune says. Numbers that make
 * no sense are taken, and change nothing.
 */
MUST_CHECK ssize_t slabinfo_write(struct vm *vm, const char *buf, size_t len);

/* "NAME SIZE [align=N] [flags=a,b]": len, -EINVAL, -EEXIST, -ENOMEM. The cache stays until delete_cache. */
ssize_t knob_store_new_cache(const struct knob *k, struct vm *vm, unsigned arg, const char *buf, size_t len);
/* "NAME": len, -EINVAL, -ENOENT, -EBUSY (the log says why). */
ssize_t knob_store_delete_cache(const struct knob *k, struct vm *vm, unsigned arg, const char *buf,
				size_t len);

/* Words of `flags=`, separated by commas, as enum slab_flag. Cuts the text. 0; -EINVAL, *bad (may be NULL) is the word. */
MUST_CHECK int cache_flags_parse(char *text, uint32_t *flags, const char **bad);
/* Names that stand in sys/kernel/slab beside the caches. */
bool cache_name_taken(const char *name);
/* A cache that nobody knows by pointer or has objects of goes. 0, -ENOENT, -EBUSY. */
MUST_CHECK int cache_delete(struct vm *vm, const char *name);

#endif
