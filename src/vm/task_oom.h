/* SPDX-License-Identifier: MIT */
#ifndef VM_TASK_OOM_H
#define VM_TASK_OOM_H

/*
 * The OOM killer's hands (mm/oom_kill.c, 6.1): it is told by the ladder that
 * memory has run out, chooses a task by policy/oom.h and takes what it holds.
 */

#include "policy/oom.h"
#include "vm/task.h"

void vm_oom_init(struct vm *vm);
void vm_oom_fini(struct vm *vm);

/* Requests of this thread that are for no task may kill (memory of users all the same); else they fail. Returns what was set. */
bool vm_oom_asks(bool asks);

uint64_t task_oom_score(const struct task *t);

/* Chosen to die, with something still to be given back. */
static inline bool task_killed(const struct task *t)
{
	return READ_RELAXED(&t->oom_victim);
}

/*
 * Around one change of a task, task->lock held. asks: its requests may kill.
 * task_oom_leave gives back everything when the task was chosen meanwhile:
 * error, or then -ENOMEM.
 */
void task_oom_enter(struct task *t, bool asks);
MUST_CHECK int task_oom_leave(struct task *t, int error);

/* tasks/NAME/oom_score_adj */
int task_oom_adj_show(struct task *t, struct text *out);
int task_oom_adj_store(struct task *t, char *line);

#endif
