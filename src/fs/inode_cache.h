/* SPDX-License-Identifier: MIT */
#ifndef FS_INODE_CACHE_H
#define FS_INODE_CACHE_H

/* The part of fs/inode.h that is about sys/kernel/slab/NAME: for inode.c, listing.c and state.c. */

#include "fs/inode.h"

/* What the number stands for; -ESTALE: the cache is gone. */
MUST_CHECK int cache_inode_get(struct fs *fs, uint64_t ino, struct inode *out);
/* By name in sys/kernel/slab, and in a cache's own directory. 0 or -ENOENT. */
MUST_CHECK int cache_dir_lookup(struct fs *fs, const char *name, struct inode *out);
MUST_CHECK int cache_attr_lookup(const struct inode *dir, const char *name, struct inode *out);
void cache_stat(struct fs *fs, const struct inode *i, struct stat *st);

uint64_t cache_dir_ino(struct cache_id id); /* sys/kernel/slab/NAME */
uint64_t cache_attr_ino(struct cache_id id, unsigned row); /* row of cache_attr_table */
static inline bool ino_is_cache(uint64_t ino)
{
	return ino >> 60 == 2;
}

static inline bool inode_is_cache(const struct inode *i)
{
	return i->kind == INODE_CACHE_DIR || i->kind == INODE_CACHE_ATTR;
}

#endif
