/* SPDX-License-Identifier: MIT */
/*
 * Where the pages of a file in dev/hugepages come from: the file has no memory
 * policy of its own, so it is that of the task which the calling process is of
 * (mm/hugetlb.c: alloc_huge_page, hugetlb_acct_memory; mm/mempolicy.c:
 * get_vma_policy, 6.1), and without a task the default one. The CPU is the
 * task's as well (files_cpu).
 *
 * The policy is asked for when a page is wanted first, and lent for one
 * operation: a change of the task that is under way is not waited for. Whose
 * turn it is in an interleaving goes back to the task; of two operations at once
 * it takes the turn of the one that ends last.
 *
 * Different from 6.1: the reservation of a file that grows by truncate is made,
 * and checked against the nodes of a binding, by whoever cuts the file to size;
 * there mmap does both.
 */
#include "vm/hugetlbfs_private.h"

#include "base/caller.h"
#include "vm/task_private.h"

static void place_find(struct huge_place *w)
{
	struct vm *vm = w->vm;
	w->known = true;
	if (!__atomic_load_n(&vm->tasks.procs_change, __ATOMIC_RELAXED))
		return; /* no process has ever been in a task */
	struct task *t = task_find_proc(vm, caller_pid());
	if (!t)
		return;
	w->task = t->id;
	task_mempolicy_read(t, &w->policy);
	task_put(t);
}

struct mempolicy *huge_place_policy(struct huge_place *w)
{
	if (!w->known)
		place_find(w);
	return w->task ? &w->policy : NULL;
}

void huge_place_end(struct huge_place *w)
{
	if (!w->task || w->policy.mode != MPOL_INTERLEAVE)
		return;
	struct task *t = task_get(w->vm, w->task);
	if (!t)
		return;
	WRITE_RELAXED(&t->mempolicy.il_prev, w->policy.il_prev);
	task_put(t);
}
