/* SPDX-License-Identifier: MIT */
#include "fs/inode_cache.h"

#include <errno.h>
#include <string.h>

/*
 * Number of a file of a slab cache: 2 in the top four bits, generation (32
 * bits), number of the cache (16), which (12). "Which" is 0 for the directory,
 * then the rows of cache_attr_table.
 *
 * An inode keeps no reference, since a cache that somebody looks at may be
 * deleted all the same; each use finds it anew.
 */

#define INO_CACHE (2ull << 60)
#define WHICH_DIR 0u
#define WHICH_ATTRS 1u
#define WHICH_BITS 12
#define ID_BITS 16

_Static_assert(CACHES_MAX <= 1u << ID_BITS, "the number of a cache fits into that of its inode");

static uint64_t cache_ino(struct cache_id id, unsigned which)
{
	ASSERT(which < 1u << WHICH_BITS && id.id < 1u << ID_BITS);
	return INO_CACHE | (uint64_t)id.generation << (ID_BITS + WHICH_BITS) |
	       (uint64_t)id.id << WHICH_BITS | which;
}

uint64_t cache_dir_ino(struct cache_id id)
{
	return cache_ino(id, WHICH_DIR);
}

uint64_t cache_attr_ino(struct cache_id id, unsigned row)
{
	return cache_ino(id, WHICH_ATTRS + row);
}

static void cache_inode(struct inode *i, struct cache_id id, unsigned which)
{
	*i = (struct inode){ .ino = cache_ino(id, which), .kind = INODE_CACHE_DIR, .cache = id };
	if (which == WHICH_DIR)
		return;
	i->kind = INODE_CACHE_ATTR;
	i->cache_attr = &cache_attr_table[which - WHICH_ATTRS];
}

int cache_inode_get(struct fs *fs, uint64_t ino, struct inode *out)
{
	unsigned which = ino & ((1u << WHICH_BITS) - 1);
	struct cache_id id = { (uint32_t)(ino >> WHICH_BITS) & ((1u << ID_BITS) - 1),
			       (uint32_t)(ino >> (ID_BITS + WHICH_BITS)) };

	if (which >= WHICH_ATTRS + nr_cache_attrs || !cache_exists(fs->vm, id))
		return -ESTALE;
	cache_inode(out, id, which);
	return 0;
}

int cache_dir_lookup(struct fs *fs, const char *name, struct inode *out)
{
	struct cache_id id;
	int err = cache_id_find(fs->vm, name, &id);

	if (!err)
		cache_inode(out, id, WHICH_DIR);
	return err;
}

int cache_attr_lookup(const struct inode *dir, const char *name, struct inode *out)
{
	for (unsigned i = 0; i < nr_cache_attrs; i++)
		if (!strcmp(cache_attr_table[i].name, name)) {
			cache_inode(out, dir->cache, WHICH_ATTRS + i);
			return 0;
		}
	return -ENOENT;
}

void cache_stat(struct fs *fs, const struct inode *i, struct stat *st)
{
	st->st_uid = fs->tree.uid;
	st->st_gid = fs->tree.gid;
	if (i->kind == INODE_CACHE_DIR) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
	} else {
		st->st_mode = S_IFREG | i->cache_attr->mode;
		st->st_size = 4096;
	}
}
