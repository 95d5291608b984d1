/* SPDX-License-Identifier: MIT */
#ifndef FS_LISTING_H
#define FS_LISTING_H

/* The names in a directory at one moment, so that a position in it means the same however tasks come and go. */

#include "fs/inode.h"

struct listing_item {
	uint64_t ino;
	mode_t type; /* S_IFDIR, S_IFREG, S_IFLNK */
	size_t name; /* offset in names */
};

struct listing {
	struct text names; /* NUL-terminated, one after the other */
	struct listing_item *item; /* "." and ".." first */
	unsigned nr, cap;
};

void listing_init(struct listing *l);
void listing_fini(struct listing *l);
/* Anew. 0, -ENOTDIR, -ENOENT (the task is gone), -ENOMEM. */
MUST_CHECK int listing_fill(struct listing *l, struct fs *fs, uint64_t dir);

static inline const char *listing_name(const struct listing *l, unsigned i)
{
	return l->names.buf + l->item[i].name;
}

#endif
