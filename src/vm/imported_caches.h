/* SPDX-License-Identifier: MIT */
#ifndef VM_IMPORTED_CACHES_H
#define VM_IMPORTED_CACHES_H

/* Objects of imported caches that nobody owns and that reclaim may take: see imported_caches.c. */

#include "mm/slab.h"
#include "policy/shrinker.h"

#define IMPORTED_INODES_MAX 24u /* caches of inodes of file systems with a disk */

/* Objects that follow pages of files: so many for so many, when the machine was imported. */
struct imported_index {
	struct kmem_cache *cache; /* with a reference; NULL: none */
	uint64_t nr;
};

enum { INDEX_NODES, INDEX_BUFFERS, INDEX_KINDS };

struct imported_caches {
	struct shrinker shrinker;
	struct kmem_cache *inode[IMPORTED_INODES_MAX]; /* each with a reference */
	unsigned nr_inodes;
	struct kmem_cache *name, *label; /* dentry, lsm_inode_cache: one for an inode; NULL: none */
	struct imported_index index[INDEX_KINDS]; /* radix_tree_node, buffer_head */
	uint64_t file_pages; /* when the machine was imported; 0: not yet known */
};

struct vm;
MUST_CHECK int imported_caches_start(struct vm *vm); /* all that was imported is there. 0 or -ENOMEM */
void imported_caches_fini(struct vm *vm);
/* Pages of files have gone: what they were found through goes, too. Inside no CPU. Returns objects freed. */
uint64_t imported_caches_settle(struct vm *vm);
uint64_t imported_caches_inodes(const struct vm *vm); /* that could go */

#endif
