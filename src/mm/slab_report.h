/* SPDX-License-Identifier: MIT */
#ifndef MM_SLAB_REPORT_H
#define MM_SLAB_REPORT_H

/*
 * What is wrong with objects, said in the machine's log in the kernel's words
 * (mm/slub.c: slab_err, object_err, print_trailer, slab_fix, 6.1). Whoever
 * finds something (slab_node.c, slab_debug.c) goes on afterwards.
 *
 * Reports need no lock; each function but slab_report_free wants the node's
 * lock held when it gets a slab. No lock of RANK_LOG may be held.
 */

#include "mm/slab.h"

enum slab_fault { SLAB_DOUBLE_FREE, SLAB_BAD_POINTER, SLAB_WRONG_CACHE };

/*
 * An object that cannot be freed, and is not. slab: the head page of its slab
 * in s, whose node's lock is held; NULL: it lies in no slab of s, then any
 * node's lock may be held.
 */
void slab_report_free(const struct kmem_cache *s, const struct page *slab, const void *object,
		      enum slab_fault what);

/* "BUG NAME (Not tainted): ..." about a slab, or about an object with its surroundings. */
void slab_report_slab(const struct kmem_cache *s, struct page *slab, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void slab_report_object(const struct kmem_cache *s, struct page *slab, const void *object, const char *what);
/* Bytes from `fault` to `end` are not all `value`; object NULL: those behind the last object of the slab. */
void slab_report_bytes(const struct kmem_cache *s, struct page *slab, const void *object,
		       const char *what, const uint8_t *fault, const uint8_t *end, uint8_t value);
/* What is done about it: "FIX NAME: Restoring WHAT 0x..-0x..=0x6b", "FIX NAME: Object at 0x.. not freed", any other text. */
void slab_report_restored(const struct kmem_cache *s, const char *what, const uint8_t *from,
			  const uint8_t *end, uint8_t value);
void slab_report_not_freed(const struct kmem_cache *s, const void *object);
void slab_report_fix(const struct kmem_cache *s, const char *text);
/* Counters that disagree: "SLUB NAME: ..." */
void slab_report_books(const struct kmem_cache *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* SLAB_TRACE */
void slab_report_trace(const struct kmem_cache *s, struct page *slab, const void *object, bool alloc);

/*
 * Addresses in reports are the emulated machine's: its memory is mapped from
 * 0xffff888000000000 on (0xc0000000 with 32 bits), its page array stands at
 * 0xffffea0000000000 with 64 bytes for each frame (0xf6000000 and 32).
 */
uint64_t slab_report_address(const struct slabs *sl, const void *p);

#endif
