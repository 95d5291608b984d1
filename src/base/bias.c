/* SPDX-License-Identifier: MIT */
/* The slow half of a biased lock: see bias.h. */

#include "base/bias.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SPINS 200u /* before the processor is given away */
#define YIELDS 20u /* before sleeping */
#define NAP_NS 20000

_Thread_local struct bias_thread *bias_self;

/* Every thread that ever had a turn has an entry; those of ended threads are used again. */
static struct {
	pthread_once_t once;
	pthread_key_t key; /* gives the entry back when its thread ends */
	bool supported; /* the process is registered: a favour may be granted */
	pthread_mutex_t mutex; /* the rest */
	struct bias_thread entry[BIAS_THREADS_MAX], *unused;
	unsigned nr;
} threads = { .once = PTHREAD_ONCE_INIT, .mutex = PTHREAD_MUTEX_INITIALIZER };

static long membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0);
}

static void thread_gone(void *entry)
{
	struct bias_thread *t = entry;
	pthread_mutex_lock(&threads.mutex);
	t->next = threads.unused;
	threads.unused = t;
	pthread_mutex_unlock(&threads.mutex);
}

static void threads_init(void)
{
	threads.supported = !pthread_key_create(&threads.key, thread_gone) &&
			    !membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

/* A favour that outlives its thread is inherited with the entry: what the old one did happened before. */
static struct bias_thread *thread_enter(void)
{
	if (bias_self || !threads.supported)
		return bias_self;
	pthread_mutex_lock(&threads.mutex);
	struct bias_thread *t = threads.unused;
	if (t)
		threads.unused = t->next;
	else if (threads.nr < BIAS_THREADS_MAX)
		t = &threads.entry[threads.nr++];
	pthread_mutex_unlock(&threads.mutex);
	if (t && pthread_setspecific(threads.key, t)) {
		thread_gone(t);
		t = NULL;
	}
	bias_self = t;
	return t;
}

void bias_init(struct bias_lock *l, enum lock_rank rank, unsigned order)
{
	*l = (struct bias_lock){ 0 };
	lock_init(&l->lock, rank, order);
	pthread_once(&threads.once, threads_init);
}

void bias_fini(struct bias_lock *l)
{
	lock_fini(&l->lock);
}

/* A child of fork may have to register anew. */
static void barrier_all(void)
{
	if (!membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return;
	long failed = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	if (!failed)
		failed = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	ASSERT(!failed);
}

/* It is inside for as long as a lock is held, and may have lost its processor. */
static void wait_outside(const struct bias_lock *l, const struct bias_thread *t)
{
	for (unsigned turn = 0; __atomic_load_n(&t->in, __ATOMIC_ACQUIRE) == l; turn++) {
		if (turn >= SPINS + YIELDS)
			nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
		else if (turn >= SPINS)
			sched_yield();
	}
}

/* Mutex held. A favourite that comes this way is inside another lock. */
static void favour_end(struct bias_lock *l, const struct bias_thread *self)
{
	const struct bias_thread *favourite = READ_RELAXED(&l->favourite);
	WRITE_RELAXED(&l->favourite, NULL);
	if (favourite == self)
		return;
	barrier_all();
	wait_outside(l, favourite);
}

void bias_take_slow(struct bias_lock *l)
{
	struct bias_thread *self = thread_enter();
	lock_take(&l->lock);
	if (READ_RELAXED(&l->favourite))
		favour_end(l, self);
	l->streak = l->last == self ? l->streak + 1 : 0;
	l->last = self;
}

/* A favour begins with the next turn. */
void bias_drop_slow(struct bias_lock *l)
{
	if (UNLIKELY(l->streak >= BIAS_STREAK) && l->last) {
		l->streak = 0;
		WRITE_RELAXED(&l->favourite, l->last);
	}
	lock_drop(&l->lock);
}
