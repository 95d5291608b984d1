/* SPDX-License-Identifier: MIT */
#ifndef VM_FILES_VERIFY_H
#define VM_FILES_VERIFY_H

/*
 * What mm_verify cannot know: every page of a file that is on an LRU list is
 * in its file's index, at its place, and the indices hold no others; dirty files
 * are on the list of such. Nobody works on files meanwhile. Returns the number
 * of findings; each is a line of `out` (may be NULL).
 */

#include "vm/file.h"

struct text;
unsigned files_verify(struct files *f, struct text *out);

#endif
