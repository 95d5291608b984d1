/* SPDX-License-Identifier: MIT */
#ifndef BASE_BIAS_H
#define BASE_BIAS_H

/*
 * A lock that leans toward the thread that keeps taking it (biased locking:
 * Russell and Detlefs, OOPSLA 2006; asymmetric barriers: membarrier(2)). Its
 * favourite takes and drops it with plain stores, a fraction of what an
 * uncontended mutex costs. Anybody else takes the mutex below, ends the
 * favour, makes every running thread pass a barrier, and waits until the
 * favourite is out. That costs some microseconds, and so a favour is granted
 * only after BIAS_STREAK turns in a row.
 *
 * Why it is safe: the favourite stores where it is (`in`) and then reads
 * `favourite`; the other one stores `favourite` and, after the barrier, reads
 * `in`. The barrier orders both pairs for all threads, so at least one of the
 * two sees the other. `in` belongs to the thread and not to the lock: a thread
 * that looks at an old favour late can disturb nobody.
 *
 * A thread is inside one such lock as its favourite at most; further ones it
 * takes through the mutex. Without membarrier(2), or with more than
 * BIAS_THREADS_MAX threads, no favour is granted and this is the mutex.
 */

#include "base/lock.h"

#define BIAS_STREAK 64u
#define BIAS_THREADS_MAX 1024u

struct bias_lock;

struct bias_thread {
	const struct bias_lock *in; /* written by its thread alone */
	struct bias_thread *next; /* unused ones */
} CACHE_ALIGNED;

struct bias_lock {
	struct bias_thread *favourite; /* may pass; NULL: nobody. Set with the mutex held; relaxed */
	struct bias_thread *last; /* had the last turn; mutex */
	uint32_t streak; /* turns of `last` in a row; mutex */
	struct lock lock;
};

extern _Thread_local struct bias_thread *bias_self; /* NULL before the first turn */

void bias_init(struct bias_lock *l, enum lock_rank rank, unsigned order);
void bias_fini(struct bias_lock *l);
void bias_take_slow(struct bias_lock *l);
void bias_drop_slow(struct bias_lock *l);

static inline void bias_take(struct bias_lock *l)
{
	struct bias_thread *self = bias_self;
	if (LIKELY(READ_RELAXED(&l->favourite) == self && self && !self->in)) {
		lock_rank_enter(&l->lock);
		WRITE_RELAXED(&self->in, l);
		__atomic_signal_fence(__ATOMIC_SEQ_CST); /* the other half is membarrier */
		if (LIKELY(READ_RELAXED(&l->favourite) == self)) {
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
			return;
		}
		__atomic_store_n(&self->in, NULL, __ATOMIC_RELEASE);
		lock_rank_leave(&l->lock);
	}
	bias_take_slow(l);
}

static inline void bias_drop(struct bias_lock *l)
{
	struct bias_thread *self = bias_self;
	if (LIKELY(self && self->in == l)) {
		__atomic_store_n(&self->in, NULL, __ATOMIC_RELEASE);
		lock_rank_leave(&l->lock);
		return;
	}
	bias_drop_slow(l);
}

#endif
