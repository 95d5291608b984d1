/* SPDX-License-Identifier: MIT */
#ifndef VM_FILEMAP_H
#define VM_FILEMAP_H

/*
 * The page cache of a file (mm/filemap.c, lib/xarray.c, 6.1): content lies in
 * frames of the region, found through a tree of nodes that are objects of
 * radix_tree_node. Reads point at the frames, so a reader pins pages until its
 * reply is out. What is not there is read from the store into frames nobody
 * knows yet, and then hung into the tree unless somebody wrote meanwhile
 * (inode->changes). Frames keep their bytes when they are freed (PG_CONTENT
 * stays), whoever gets them next overwrites or scrubs them.
 *
 * Eviction leaves a shadow in the tree (policy/workingset.h).
 */

#include "vm/file.h"

#include <sys/uio.h>

#define FILE_IO_PAGES 256u /* of one request of 1 MiB; an unaligned one touches one more */

/* Pages of a read that is being answered. */
struct file_read {
	struct file_inode *inode;
	unsigned nr, nr_iov;
	struct page *page[FILE_IO_PAGES + 1]; /* NULL: a hole of a file in memory */
	struct iovec iov[FILE_IO_PAGES + 1]; /* neighbouring frames are one */
};

/*
 * Up to len bytes (at most FILE_IO_PAGES pages' worth) from offset: 0 and r->iov
 * points at them until file_read_end, by the same thread (fewer at the end of
 * the file, none past it), or -errno. Counts as use, moves atime (relatime),
 * reads ahead.
 */
MUST_CHECK int file_read_begin(struct file_inode *i, uint64_t offset, size_t len, struct file_read *r);
void file_read_end(struct file_read *r);

/*
 * Bytes taken, or -errno (-ENOMEM, -EFBIG, -ENOSPC of a store in memory, -EIO
 * when reading around it failed). Waits for writeback when too much is dirty.
 */
ssize_t file_write(struct file_inode *i, const char *buf, size_t len, uint64_t offset);

/* Size becomes `size`: pages past it go, the rest of the last one is zero, the store follows. */
MUST_CHECK int file_truncate(struct file_inode *i, uint64_t size);
/*
 * Pages wholly inside go (dirty or not), the edges become zero; for punching
 * holes, and for what changed in the source. inode->io held alone.
 */
void filemap_remove(struct file_inode *i, uint64_t offset, uint64_t len);
/* Clean pages that nobody uses go (invalidate_mapping_pages, 6.1). Returns pages freed. Inside no CPU. */
uint64_t filemap_invalidate(struct file_inode *i);
void filemap_drop_all(struct file_inode *i); /* the inode goes: everything, dirty or not. Nobody uses it any more */
/* vm.drop_caches bit 0 for all files. Returns pages freed. Inside no CPU. */
uint64_t files_drop_pagecache(struct files *f);

extern const struct owner_ops file_owner_ops; /* ctx: struct vm */

/* Tables of all files, and the shrinker of shadows. 0 or -ENOMEM. The vm is there, its threads are not yet. */
MUST_CHECK int filemap_init(struct files *f);
void filemap_fini(struct files *f);

/*
 * For writeback: the next run of dirty pages at or past *from, up to max: they
 * become clean and under writeback, and are pinned. Returns how many; *from is
 * the first one's index. Pages that somebody else is writing just now are
 * passed over, dirty or not: map.nr_writeback says whether there are any.
 * inode->io held shared until filemap_writeback_end. Inside no CPU.
 */
unsigned filemap_writeback_begin(struct file_inode *i, uint64_t *from, struct page **page, unsigned max);
/* Written: 0; or they become dirty again. */
void filemap_writeback_end(struct file_inode *i, struct page **page, unsigned nr, int error);

#endif
