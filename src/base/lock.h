/* SPDX-License-Identifier: MIT */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

/*
 * A mutex with a rank. Locks are taken in rising rank; debug builds keep the
 * ranks that a thread holds and assert it. Several locks of one rank may be
 * held only in rising `order` (CPUs by number, when the machine is stopped).
 */

#include "base/defs.h"

#include <pthread.h>

enum lock_rank {
	RANK_FS, /* fs/tree: inode tables */
	RANK_RESIZE, /* mm: one change of a huge page pool's size at a time */
	RANK_KNOB, /* one knob write at a time; each slice of pool resizing */
	RANK_TASKS, /* vm: the table of tasks */
	RANK_TASK, /* vm: one operation on a task at a time */
	RANK_OOM, /* vm: one thread kills at a time */
	RANK_TUNE, /* mm: one change of marks at a time */
	RANK_SLABS, /* mm: the list of slab caches */
	RANK_CPU, /* an emulated CPU; everything below is short */
	RANK_KSWAPD, /* policy: wake-up state of one kswapd */
	RANK_LRU, /* mm: LRU lists of one node */
	RANK_OWNER, /* vm: index of the pages that one owner holds */
	RANK_FILES, /* vm: tables, names and lists of the file tree; short, nothing is allocated below it */
	RANK_HUGETLB, /* mm: huge page pools */
	RANK_SLAB, /* mm: the slabs of one cache on one node */
	RANK_ZONE, /* mm: free lists of one zone */
	RANK_REGION, /* region: accounting of host memory */
	RANK_LOG,
	RANK_NR
};

struct lock {
	pthread_mutex_t mutex;
	uint16_t rank;
	uint16_t order;
};

void lock_init(struct lock *l, enum lock_rank rank, unsigned order);
void lock_fini(struct lock *l);
/* The end of a wait that begins now, for pthread_..._timed... */
struct timespec lock_deadline(unsigned wait_ms);
/* Within wait_ms. False: somebody else has it. */
MUST_CHECK bool lock_try(struct lock *l, unsigned wait_ms);
/* At once or not at all, in whatever order: nobody waits, so nothing can be deadlocked. What is taken next rises from here. */
MUST_CHECK bool lock_try_now(struct lock *l);
/* A gate is a rwlock without a rank: whoever wants it alone waits for those inside, not for those who come later. */
void gate_init(pthread_rwlock_t *gate);
bool lock_held(const struct lock *l); /* debug builds only know; release builds answer true */

/* Rank bookkeeping; empty in release builds. */
#ifdef UMMFS_DEBUG
void lock_rank_enter(const struct lock *l);
void lock_rank_leave(const struct lock *l);
void lock_rank_add(const struct lock *l); /* without looking at the order */
#else
static inline void lock_rank_enter(const struct lock *l)
{
	(void)l;
}
static inline void lock_rank_leave(const struct lock *l)
{
	(void)l;
}
static inline void lock_rank_add(const struct lock *l)
{
	(void)l;
}
#endif

static inline void lock_take(struct lock *l)
{
	lock_rank_enter(l);
	pthread_mutex_lock(&l->mutex);
}

static inline void lock_drop(struct lock *l)
{
	pthread_mutex_unlock(&l->mutex);
	lock_rank_leave(l);
}

#endif
