/* SPDX-License-Identifier: MIT */
#ifndef VM_WRITEBACK_H
#define VM_WRITEBACK_H

/*
 * Dirty pages find their way to the store (mm/page-writeback.c,
 * fs/fs-writeback.c, 6.1): in the background past dirty_background_*, when they
 * are older than dirty_expire_centisecs, every dirty_writeback_centisecs, when
 * somebody asks (fsync, sync, reclaim), and by making writers wait past
 * dirty_*. One flusher thread; without threads (deterministic) the work is done
 * inline by whoever would wake it, and by vm_tick.
 *
 * An error of the store stays with the inode until one fsync has told it
 * (errseq, 6.1), the pages stay dirty and are tried again.
 */

#include "vm/file.h"

struct writeback;

MUST_CHECK int writeback_init(struct files *f); /* 0 or -ENOMEM */
MUST_CHECK int writeback_start(struct files *f); /* the flusher; after daemonizing; none when deterministic */
void writeback_stop(struct files *f); /* joins it; no dirty page is written any more but by file_fsync and files_sync */
void writeback_fini(struct files *f);

/* A page of i has just become dirty, or it has been written: counts and lists. tree held, inside a CPU or not */
void writeback_dirtied(struct file_inode *i);
/* After a write of nr pages: wait while too much is dirty (balance_dirty_pages). Inside no CPU, io not held. -EINTR: the client has gone. */
MUST_CHECK int writeback_throttle(struct files *f, unsigned nr_pages);
/* All of the file, or of all files, has reached the store (not: its disk). 0 or the first error. Inside no CPU. io not held. */
MUST_CHECK int writeback_inode(struct file_inode *i);
MUST_CHECK int files_sync(struct files *f, bool to_disk);
/* Machine time has moved on: periodic work that is due, inline. For deterministic machines. */
void writeback_tick(struct files *f);

/* The limits in pages now (global_dirty_limits, domain_dirty_limits); what vmstat prints. Pure but for reading counters. */
void dirty_limits_pages(const struct vm *vm, uint64_t *background, uint64_t *limit);

#endif
