/* SPDX-License-Identifier: MIT */
/*
 * How long changes share the machine. task->lock makes changes of one task
 * take turns; the gate stands behind it, so that it can be let go of and passed
 * again in the middle of a change: whoever closes it (vm/hold.h) takes no
 * task->lock and waits for one slice at most.
 *
 * A client that is interrupted is answered at the end of the slice. Undoing
 * what it had begun, or freeing the rest, is the daemon's work and not waited
 * for, except by the next change of the same task. Differs from Linux, where
 * the dying process frees its own memory.
 */
#include "vm/task_private.h"

#include "base/client.h"

#include <errno.h>

#define WAIT_MS 20

static bool gate_try(struct task *t)
{
	if (!pthread_rwlock_tryrdlock(&t->vm->tasks.gate))
		return true;
	const struct timespec end = lock_deadline(WAIT_MS);
	return !pthread_rwlock_timedrdlock(&t->vm->tasks.gate, &end);
}

static void gate_leave(struct task *t)
{
	pthread_rwlock_unlock(&t->vm->tasks.gate);
}

int task_lock(struct task *t)
{
	while (!lock_try(&t->lock, WAIT_MS))
		if (client_interrupted())
			return -EINTR;
	while (!gate_try(t)) {
		if (!client_interrupted())
			continue;
		lock_drop(&t->lock);
		return -EINTR;
	}
	return 0;
}

void task_lock_anyway(struct task *t)
{
	while (!lock_try(&t->lock, WAIT_MS))
		if (client_interrupted())
			client_grant();
	while (!gate_try(t))
		if (client_interrupted())
			client_grant();
}

void task_unlock(struct task *t)
{
	gate_leave(t);
	lock_drop(&t->lock);
}

/* Whoever waits at the gate goes first. */
static void gate_pass(struct task *t)
{
	gate_leave(t);
	pthread_rwlock_rdlock(&t->vm->tasks.gate);
}

int task_pause(struct task *t)
{
	gate_pass(t);
	int error = task_ending(t);
	if (error)
		return error;
	if (!client_interrupted())
		return 0;
	client_refuse();
	return -EINTR;
}

void task_pause_giving(struct task *t)
{
	if (t->oom_stripped) /* the gate is passed for another task, or for none */
		return;
	gate_pass(t);
	if (client_interrupted())
		client_grant();
}
