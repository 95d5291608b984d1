/* SPDX-License-Identifier: MIT */
#ifndef BASE_RACY_H
#define BASE_RACY_H

/*
 * Bytes of a page of a file may be written while somebody else reads them or
 * writes them to the store: he sees some of the old ones and some of the new
 * ones, as on Linux, and a page that was written meanwhile is dirty and is
 * written once more. This tells the thread sanitizer that a copy is such a one; nothing
 * in other builds.
 */

#include <stddef.h>
#include <string.h>

#ifdef __SANITIZE_THREAD__
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
#endif

static inline void racy_copy(void *to, const void *from, size_t len)
{
#ifdef __SANITIZE_THREAD__
	AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
#endif
	memcpy(to, from, len);
#ifdef __SANITIZE_THREAD__
	AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
#endif
}

#endif
