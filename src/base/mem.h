/* SPDX-License-Identifier: MIT */
#ifndef BASE_MEM_H
#define BASE_MEM_H

/* Host memory for our own tables, through one place that tests can make fail (FAULT_HOST_MALLOC). NULL: none available. */

#include "base/defs.h"

void *mem_zalloc(size_t bytes); /* zeroed, malloc-aligned; free with mem_free */
void *mem_zalloc_aligned(size_t bytes, size_t align);
void *mem_realloc(void *p, size_t bytes);
char *mem_strdup(const char *s);
void mem_free(void *p);
/* Address space that reads as zero and costs memory only where written; page-aligned. */
void *mem_map(size_t bytes);
void mem_unmap(void *p, size_t bytes);
/* All of this part of one will be written soon: have its memory in one step, not a host fault per page. A hint. */
void mem_populate(void *p, size_t bytes);

#endif
