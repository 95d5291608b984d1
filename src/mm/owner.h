/* SPDX-License-Identifier: MIT */
#ifndef MM_OWNER_H
#define MM_OWNER_H

/*
 * Whose a used page is. page->owner holds the owner's kind in its top four
 * bits and the owner's own number below; 0 is nobody.
 */

#include "base/defs.h"

enum owner_kind {
	OWNER_NONE,
	OWNER_TASK_ANON,
	OWNER_TASK_FILE,
	OWNER_TASK_PAGES,
	OWNER_TASK_HUGETLB,
	OWNER_HUGETLB_POOL,
	OWNER_TASK_PAGETABLE,
	OWNER_TASK_SHMEM,
	OWNER_SLAB, /* number: the cache's */
	OWNER_KMALLOC, /* a block that kmalloc took whole; number: 0 */
	OWNER_FILE, /* page cache of a file below files/; number: its inode's slot, index: page of the file */
	OWNER_HUGETLBFS, /* a huge page of a file in dev/hugepages; number: its inode's, index: page of the file */
	OWNER_KINDS
};

#define OWNER_SHIFT 28
static inline uint32_t owner_handle(enum owner_kind k, uint32_t id)
{
	return (uint32_t)k << OWNER_SHIFT | id;
}
static inline enum owner_kind owner_kind(uint32_t handle)
{
	return (enum owner_kind)(handle >> OWNER_SHIFT);
}
static inline uint32_t owner_id(uint32_t handle)
{
	return handle & ((1u << OWNER_SHIFT) - 1);
}

#endif
