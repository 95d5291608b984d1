/* SPDX-License-Identifier: MIT */
#ifndef VM_WRITEBACK_H
#define VM_WRITEBACK_H

/*
 * Dirty pages find their way to the store (mm/page-writeback.c,
 * fs/fs-writeback.c, 6.1): in the background past dirty_background_*, when they
 * are older than dirty_expire_centisecs, every dirty_writeback_centisecs, when
 * somebody asks (fsync, sync, reclaim), and by whoever writes past dirty_*.
 * One flusher thread; without threads (deterministic) the work is done inline
 * by whoever would wake it, and by vm_tick.
 *
 * An error of the store stays with the inode until one fsync has told it
 * (errseq, 6.1), the pages stay dirty and are tried again.
 */

#include "vm/file.h"

struct writeback;

MUST_CHECK int writeback_init(struct files *f); /* 0 or -ENOMEM */
MUST_CHECK int writeback_start(struct files *f); /* the flusher; after daemonizing; none when deterministic */
void writeback_stop(struct files *f); /* joins it; no dirty page is written any more but by file_fsync and files_sync */
void writeback_fini(struct files *f); /* writes what is dirty, and logs what cannot be written. Nobody uses files any more */

/* A page of i has just become dirty, or it has been written: counts and lists. tree held, inside a CPU or not */
void writeback_dirtied(struct file_inode *i);
/*
 * After a write of nr pages: while too much is dirty, write some of it, of any
 * file (balance_dirty_pages). Inside no CPU; io not held, i->write may be.
 * -EINTR: the client has gone. 0 also when the store takes nothing now.
 */
MUST_CHECK int writeback_throttle(struct files *f, unsigned nr_pages);
/*
 * Before a write: while the store refuses data and too much is dirty already, what it does not take at once
 * may not become dirty either. 0: nothing stands against it; 1: the bytes are in the store now, and are
 * to be written to the page cache all the same; or why the store refuses them (-ENOSPC), which changes nothing.
 * Inside no CPU; neither io nor i->write held.
 */
MUST_CHECK int writeback_through(struct file_inode *i, const char *buf, size_t len, uint64_t offset);
/*
 * All of the file, or of all files, has reached the store (not: its disk). 0,
 * or the first error; one that nobody was told before is told once. Between
 * files_enter and files_leave. Inside no CPU; io not held.
 */
MUST_CHECK int writeback_inode(struct file_inode *i);
MUST_CHECK int files_sync(struct files *f, bool to_disk);
/* Machine time has moved on: periodic work that is due, inline. For deterministic machines. Not inside files_enter. */
void writeback_tick(struct files *f);

/* For struct page_writer; ctx: struct files. */
void writeback_wake(void *ctx);
bool writeback_wait(void *ctx, unsigned wait_ms);

#endif
