/* SPDX-License-Identifier: MIT */
/*
 * Debug builds keep, for each thread, the locks it holds in the order of
 * taking. That order rises by (rank, order), so only the last one has to be
 * compared with the next; dropping may happen in any order.
 */
#include "base/lock.h"

#include "base/mask.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

void lock_init(struct lock *l, enum lock_rank rank, unsigned order)
{
	ASSERT(rank < RANK_NR && order <= UINT16_MAX);
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP); /* most are held for less than it takes to sleep */
	int error = pthread_mutex_init(&l->mutex, &attr);
	ASSERT(!error);
	pthread_mutexattr_destroy(&attr);
	l->rank = (uint16_t)rank;
	l->order = (uint16_t)order;
}

void lock_fini(struct lock *l)
{
	int error = pthread_mutex_destroy(&l->mutex);
	ASSERT(!error);
}

void gate_init(pthread_rwlock_t *gate)
{
	pthread_rwlockattr_t attr;
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	int error = pthread_rwlock_init(gate, &attr);
	ASSERT(!error);
	pthread_rwlockattr_destroy(&attr);
}

struct timespec lock_deadline(unsigned wait_ms)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts); /* the clock that the thread sanitizer can follow */
	ts.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	ts.tv_sec += wait_ms / 1000 + ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

bool lock_try(struct lock *l, unsigned wait_ms)
{
	lock_rank_enter(l);
	if (!pthread_mutex_trylock(&l->mutex))
		return true;
	const struct timespec end = lock_deadline(wait_ms);
	if (!pthread_mutex_timedlock(&l->mutex, &end))
		return true;
	lock_rank_leave(l);
	return false;
}

bool lock_try_now(struct lock *l)
{
	if (pthread_mutex_trylock(&l->mutex))
		return false;
	lock_rank_add(l);
	return true;
}

#ifdef UMMFS_DEBUG

/* A stopped machine holds every CPU, and a few locks beside them. */
#define HELD_MAX (MASK_BITS + 64)

static _Thread_local struct {
	unsigned nr;
	const struct lock *lock[HELD_MAX];
} held;

static unsigned held_index(const struct lock *l)
{
	unsigned i = held.nr;
	while (i-- > 0)
		if (held.lock[i] == l)
			return i;
	return HELD_MAX;
}

bool lock_held(const struct lock *l)
{
	return held_index(l) < HELD_MAX;
}

static bool rises(const struct lock *from, const struct lock *to)
{
	return from->rank < to->rank || (from->rank == to->rank && from->order < to->order);
}

void lock_rank_enter(const struct lock *l)
{
	ASSERT(held.nr < HELD_MAX);
	const struct lock *last = held.nr ? held.lock[held.nr - 1] : NULL;
	if (last && !rises(last, l)) {
		dprintf(STDERR_FILENO, "ummfs: lock rank %u order %u wanted, rank %u order %u held\n",
			l->rank, l->order, last->rank, last->order);
		ASSERT(!"locks are taken in rising rank");
	}
	held.lock[held.nr++] = l;
}

void lock_rank_add(const struct lock *l)
{
	ASSERT(held.nr < HELD_MAX);
	held.lock[held.nr++] = l;
}

void lock_rank_leave(const struct lock *l)
{
	unsigned i = held_index(l);
	ASSERT(i < HELD_MAX);
	held.nr--;
	memmove(&held.lock[i], &held.lock[i + 1], (held.nr - i) * sizeof(held.lock[0]));
}

#else

bool lock_held(const struct lock *l)
{
	(void)l;
	return true;
}

#endif
