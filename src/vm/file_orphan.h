/* SPDX-License-Identifier: MIT */
#ifndef VM_FILE_ORPHAN_H
#define VM_FILE_ORPHAN_H

/*
 * Pages of files that are not there: a machine that comes back from a recorded
 * state has the page cache that it had, but files/ begins anew, so nobody reads
 * those pages again. They keep their places on the LRU lists and what they
 * count as; reclaim takes the clean ones. Dirty ones, and those of files in
 * memory, stay, as imported ones of a capture do: there is nowhere to write them.
 */

#include "mm/owner.h"
#include "policy/policy.h"

/* The owner of such a page: no inode has this number. */
static inline uint32_t file_orphan_owner(void)
{
	return owner_handle(OWNER_FILE, 0);
}

/* For OWNER_FILE as a whole: passes on what an inode has to file_owner_ops. ctx: struct vm. */
extern const struct owner_ops file_page_ops;

#endif
