/* SPDX-License-Identifier: MIT */
/*
 * The gate stands behind the lock of every task: whoever changes a task passes
 * it (shared), and holding the machine closes it. A change of hours passes it
 * anew after every slice, so it is caught half way, where everything adds up;
 * only a task that is being freed is waited for. No matter how many tasks there
 * are, one lock holds them. Operations on files pass a gate of their own, from
 * begin to end. CPUs are entered here without marking them as used:
 * looking leaves no trace.
 */
#include "vm/hold.h"

#include <time.h>

/* A task that is ending has left the names and still holds memory. tasks.lock */
static bool tasks_ending(const struct tasks *ts)
{
	for (unsigned id = 1; id < ts->nr_slots; id++)
		if (ts->slot[id] && READ_RELAXED(&ts->slot[id]->dead))
			return true;
	return false;
}

static void tasks_hold(struct vm *vm)
{
	const struct timespec moment = { .tv_nsec = 200000 };
	for (;;) {
		pthread_rwlock_wrlock(&vm->tasks.gate);
		lock_take(&vm->tasks.lock);
		if (!tasks_ending(&vm->tasks))
			return;
		lock_drop(&vm->tasks.lock);
		pthread_rwlock_unlock(&vm->tasks.gate);
		nanosleep(&moment, NULL);
	}
}

/* Before tasks: an operation on a file that runs out of memory may end one. */
static void files_hold(struct files *f)
{
	if (f->vm)
		pthread_rwlock_wrlock(&f->gate);
}

static void files_release(struct files *f)
{
	if (f->vm)
		pthread_rwlock_unlock(&f->gate);
}

/* Its bytes are part of a state, so it stays held as long as tasks are. Outside the gate of files. */
static void hugetlbfs_hold(struct hugetlbfs *h)
{
	if (h->vm)
		pthread_rwlock_wrlock(&h->gate);
}

static void hugetlbfs_release(struct hugetlbfs *h)
{
	if (h->vm)
		pthread_rwlock_unlock(&h->gate);
}

/* Not while a range of frames is out of circulation: whoever empties it is waited for, and needs nothing but CPUs. */
static bool cpus_hold(struct machine *m)
{
	MASK_FOR_EACH(cpu, &m->cpus_online)
		bias_take(&m->cpu[cpu].lock);
	bool isolated = READ_RELAXED(&m->isolations) != 0;
	if (isolated)
		machine_resume(m);
	return !isolated;
}

void vm_hold(struct vm *vm)
{
	const struct timespec moment = { .tv_nsec = 200000 };
	struct machine *m = &vm->machine;
	lock_take(&vm->knob_lock);
	hugetlbfs_hold(&vm->hugetlbfs);
	files_hold(&vm->files);
	tasks_hold(vm);
	pthread_rwlock_wrlock(&vm->own.names);
	lock_take(&m->tune_lock);
	lock_take(&vm->slabs.lock);
	while (!cpus_hold(m))
		nanosleep(&moment, NULL);
}

void vm_release_machine(struct vm *vm)
{
	struct machine *m = &vm->machine;
	machine_resume(m);
	lock_drop(&vm->slabs.lock);
	lock_drop(&m->tune_lock);
	pthread_rwlock_unlock(&vm->own.names);
	lock_drop(&vm->tasks.lock);
	files_release(&vm->files);
	lock_drop(&vm->knob_lock);
}

void vm_release_tasks(struct vm *vm)
{
	pthread_rwlock_unlock(&vm->tasks.gate);
	hugetlbfs_release(&vm->hugetlbfs);
}
