/* SPDX-License-Identifier: MIT */
/*
 * Pages that were in use when a machine was imported become a task's. They
 * come from no allocation, so nothing is counted but that they are there.
 * Shared memory has no attribute file: it is held until the task goes, for
 * there is no swap that could take it.
 */
#include "vm/task_private.h"

#include "mm/mark.h"

#include <errno.h>

static struct page_use use_of(struct task *t, enum owner_kind kind, enum lru_list lru)
{
	struct page_use use = {
		.index = &t->file, .owner = owner_handle(kind, t->id), .lru = lru, .stat = NR_FILE_PAGES
	};
	if (kind == OWNER_TASK_SHMEM) {
		use.index = &t->shmem;
	} else if (kind == OWNER_TASK_ANON) {
		use.index = &t->anon;
		use.stat = NR_ANON_MAPPED;
	}
	return use;
}

/* Room for so many more; the array grows by doubling. */
static int index_grow(struct task *t, struct page_index *ix, uint64_t nr)
{
	lock_take(&t->index_lock);
	uint64_t want = ix->nr + nr;
	int error = want <= ix->cap ? 0 : page_index_reserve(ix, MAX(want, 2 * ix->cap));
	lock_drop(&t->index_lock);
	return error;
}

int task_adopt(struct task *t, enum owner_kind kind, struct page *const *page, unsigned nr,
	       enum lru_list lru, unsigned marks)
{
	const struct page_use use = use_of(t, kind, lru);
	struct cpu *c = task_cpu(t);
	int error = index_grow(t, use.index, nr);
	if (error)
		return error;

	cpu_enter(c);
	for (unsigned i = 0; i < nr; i++) {
		page[i]->private = 0;
		if (marks)
			page_mark(c, page[i], marks);
	}
	pages_attach(t, c, &use, page, nr);
	cpu_leave(c);
	return 0;
}

int task_adopt_table(struct task *t, struct page *page)
{
	struct cpu *c = task_cpu(t);
	int error = index_grow(t, &t->anon_tables, 1);
	if (error)
		return error;
	cpu_enter(c);
	lock_take(&t->index_lock);
	page->owner = owner_handle(OWNER_TASK_PAGETABLE, t->id);
	page_index_add(&t->vm->machine, &t->anon_tables, page);
	lock_drop(&t->index_lock);
	pagetable_stat_add(c, page, 1);
	cpu_leave(c);
	return 0;
}

static void shmem_free(struct task *t, unsigned nr)
{
	struct cpu *c = task_cpu(t);
	struct page *page[TASK_BATCH];

	lock_take(&t->index_lock);
	for (unsigned i = 0; i < nr; i++)
		page[i] = page_index_pop(&t->vm->machine, &t->shmem);
	lock_drop(&t->index_lock);

	cpu_enter(c);
	pages_detach(t, c, NR_FILE_PAGES, page, nr);
	cpu_leave(c);
}

void task_shmem_free(struct task *t)
{
	struct progress progress;
	progress_start(&progress, t->name, "freeing shared memory", t->shmem.nr, 0);
	while (t->shmem.nr) {
		shmem_free(t, (unsigned)MIN(t->shmem.nr, TASK_BATCH));
		if (progress_step(&progress, t->shmem.nr))
			task_pause_giving(t);
	}
	lock_take(&t->index_lock);
	page_index_fini(&t->shmem);
	lock_drop(&t->index_lock);
}
