/* SPDX-License-Identifier: MIT */
/*
 * Huge pages that a task holds, mapped and touched at once: each comes from
 * the pool of the task's node first, then from the others, then as surplus.
 * Each GiB of them has its page table first.
 */
#include "vm/task_private.h"

#include "base/client.h"

#include <errno.h>

static int hugetlb_take(struct task *t)
{
	struct vm *vm = t->vm;
	if (task_tables_grow(t, &t->hugetlb_tables, hugetlb_tables_for(vm, t->hugetlb.nr + 1)))
		return -ENOMEM;
	struct page *page = hugetlb_alloc(&vm->policy, vm->hugetlb, task_cpu(t), NULL, false);
	if (!page)
		return -ENOMEM;
	content_scrub(vm, page, vm->hugetlb->order);

	lock_take(&t->index_lock);
	page->owner = owner_handle(OWNER_TASK_HUGETLB, t->id);
	page_index_add(&vm->machine, &t->hugetlb, page);
	lock_drop(&t->index_lock);
	return 0;
}

static void hugetlb_give(struct task *t, bool random)
{
	struct vm *vm = t->vm;
	lock_take(&t->index_lock);
	if (random)
		page_index_choose(&vm->machine, &t->hugetlb, &t->rng, 1);
	struct page *page = page_index_pop(&vm->machine, &t->hugetlb);
	page_disown(page);
	lock_drop(&t->index_lock);
	hugetlb_free(&vm->policy, vm->hugetlb, task_cpu(t), page);
}

/* The newest pages go, or a random choice. */
static void hugetlb_cut(struct task *t, uint64_t nr, bool random)
{
	struct vm *vm = t->vm;
	struct progress progress;
	progress_start(&progress, t->name, "freeing huge pages", t->hugetlb.nr, nr);
	while (t->hugetlb.nr > nr) {
		hugetlb_give(t, random);
		if (progress_step(&progress, t->hugetlb.nr))
			task_pause_giving(t);
	}
	task_tables_shrink(t, &t->hugetlb_tables, hugetlb_tables_for(vm, nr));
	int error = task_area_reach(t, AREA_HUGETLB, nr << vm->hugetlb->order);
	ASSERT(!error); /* a mapping that gets shorter needs nothing */
	lock_take(&t->index_lock);
	page_index_trim(&t->hugetlb);
	lock_drop(&t->index_lock);
}

static int hugetlb_fill(struct task *t, uint64_t nr)
{
	struct progress progress;
	progress_start(&progress, t->name, "taking huge pages", t->hugetlb.nr, nr);
	while (t->hugetlb.nr < nr) {
		int error = hugetlb_take(t);
		if (!error)
			error = task_ending(t);
		if (!error && progress_step(&progress, t->hugetlb.nr))
			error = task_pause(t);
		if (error)
			return error;
	}
	return 0;
}

static int hugetlb_grow(struct task *t, uint64_t nr)
{
	uint64_t had = t->hugetlb.nr;
	if (nr > t->vm->total_pages >> t->vm->hugetlb->order)
		return -ENOMEM;
	lock_take(&t->index_lock);
	int error = page_index_reserve(&t->hugetlb, nr);
	if (!error)
		error = page_index_reserve(&t->hugetlb_tables, hugetlb_tables_for(t->vm, nr));
	lock_drop(&t->index_lock);
	if (!error)
		error = task_area_reach(t, AREA_HUGETLB, nr << t->vm->hugetlb->order);
	if (error)
		return error;

	error = hugetlb_fill(t, nr);
	if (error) {
		client_fails(error);
		hugetlb_cut(t, had, false);
	}
	return error;
}

int task_hugetlb_set(struct task *t, uint64_t nr)
{
	if (nr > t->hugetlb.nr)
		return hugetlb_grow(t, nr);
	if (nr < t->hugetlb.nr)
		hugetlb_cut(t, nr, true);
	return 0;
}
