/* SPDX-License-Identifier: MIT */
/*
 * Huge pages that a task holds, mapped and touched at once: each comes from
 * the pool of the task's node first, then from the others, then as surplus.
 * Each GiB of them has its page table first.
 */
#include "vm/task_private.h"

#include <errno.h>

static int hugetlb_take(struct task *t)
{
	struct vm *vm = t->vm;
	if (task_tables_grow(t, &t->hugetlb_tables, hugetlb_tables_for(vm, t->hugetlb.nr + 1)))
		return -ENOMEM;
	struct page *page = hugetlb_alloc(&vm->policy, &vm->hugetlb, task_cpu(t));
	if (!page)
		return -ENOMEM;
	content_scrub(vm, page, vm->hugetlb.order);

	lock_take(&t->index_lock);
	page->owner = owner_handle(OWNER_TASK_HUGETLB, t->id);
	page_index_add(&vm->machine, &t->hugetlb, page);
	lock_drop(&t->index_lock);
	return 0;
}

/* The last pages go: the newest, or those that hugetlb_shrink chose. */
static void hugetlb_cut(struct task *t, uint64_t nr)
{
	struct vm *vm = t->vm;
	while (t->hugetlb.nr > nr) {
		lock_take(&t->index_lock);
		struct page *page = page_index_pop(&vm->machine, &t->hugetlb);
		page_disown(page);
		lock_drop(&t->index_lock);
		hugetlb_free(&vm->policy, &vm->hugetlb, task_cpu(t), page);
	}
	task_tables_shrink(t, &t->hugetlb_tables, hugetlb_tables_for(vm, nr));
	lock_take(&t->index_lock);
	page_index_trim(&t->hugetlb);
	lock_drop(&t->index_lock);
}

static void hugetlb_shrink(struct task *t, uint64_t nr)
{
	lock_take(&t->index_lock);
	page_index_choose(&t->vm->machine, &t->hugetlb, &t->rng, t->hugetlb.nr - nr);
	lock_drop(&t->index_lock);
	hugetlb_cut(t, nr);
}

static int hugetlb_fill(struct task *t, uint64_t nr)
{
	struct progress progress;
	progress_start(&progress, t->name, "taking huge pages", t->hugetlb.nr, nr);
	while (t->hugetlb.nr < nr) {
		int error = hugetlb_take(t);
		if (error)
			return error;
		if (task_dead(t))
			return -ENODEV;
		progress_step(&progress, t->hugetlb.nr);
	}
	return 0;
}

static int hugetlb_grow(struct task *t, uint64_t nr)
{
	uint64_t had = t->hugetlb.nr;
	if (nr > t->vm->total_pages >> t->vm->hugetlb.order)
		return -ENOMEM;
	lock_take(&t->index_lock);
	int error = page_index_reserve(&t->hugetlb, nr);
	if (!error)
		error = page_index_reserve(&t->hugetlb_tables, hugetlb_tables_for(t->vm, nr));
	lock_drop(&t->index_lock);
	if (error)
		return error;

	error = hugetlb_fill(t, nr);
	if (error)
		hugetlb_cut(t, had);
	return error;
}

int task_hugetlb_set(struct task *t, uint64_t nr)
{
	if (nr > t->hugetlb.nr)
		return hugetlb_grow(t, nr);
	if (nr < t->hugetlb.nr)
		hugetlb_shrink(t, nr);
	return 0;
}
