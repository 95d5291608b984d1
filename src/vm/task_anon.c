/* SPDX-License-Identifier: MIT */
/*
 * Anonymous memory: a mapping that is touched at once, from its first byte to
 * its last, on the task's CPU and where its memory policy says (mm/memory.c: do_anonymous_page, 6.1). Slot n of
 * the index is page n of `mem`, so growing adds at the end and shrinking takes
 * from there. Pages start on the inactive list as 6.1's do, and stay: there is
 * no swap to reclaim them to. Each stretch of pages has its page table first.
 */
#include "vm/task_private.h"

#include "base/client.h"

#include <errno.h>

#define DROP_PAGES (1ul << 14) /* whose bytes are given back in one go */
#define FREE_PAGES (1ul << 10) /* without any, between two looks at the time */

/* Touch up to nr pages. Fewer only when memory ran out. */
static unsigned anon_touch(struct task *t, unsigned nr)
{
	struct vm *vm = t->vm;
	struct cpu *c = task_cpu(t);
	struct page *page[TASK_BATCH];
	const struct page_use use = { &t->anon, owner_handle(OWNER_TASK_ANON, t->id),
				      LRU_INACTIVE_ANON, NR_ANON_MAPPED };
	unsigned got = 0;

	cpu_enter(c);
	while (got < nr && (page[got] = alloc_page_at(&vm->policy, c, task_mempolicy(t),
						      GFP_HIGHUSER_MOVABLE, t->anon.nr + got)))
		got++;
	if (READ_RELAXED(&vm->content_stays)) { /* before a page is where it can move */
		cpu_leave(c);
		content_scrub_pages(vm, page, got);
		cpu_enter(c);
	}
	pages_attach(t, c, &use, page, got);
	event_add(c, PGFAULT, got);
	cpu_leave(c);
	return got;
}

/* The nr pages before slot `end`, out of the index already. */
static void anon_free(struct task *t, uint64_t end, unsigned nr)
{
	struct cpu *c = task_cpu(t);
	struct page *page[TASK_BATCH];
	for (unsigned i = 0; i < nr; i++)
		page[i] = pfn_page(&t->vm->machine, t->anon.pfn[end - 1 - i]);
	cpu_enter(c);
	pages_detach(t, c, NR_ANON_MAPPED, page, nr);
	cpu_leave(c);
	vm_uncommit(t->vm, nr);
}

/*
 * The next pages that go, their bytes first. Out of the index none of them
 * moves. Not interrupted: on a machine that is held every page is in its index.
 */
static void anon_drop(struct task *t, uint64_t pages)
{
	uint64_t end = t->anon.nr, step = t->content_pages ? DROP_PAGES : FREE_PAGES;
	uint64_t start = MAX(pages, ALIGN_DOWN(end - 1, step));

	lock_take(&t->index_lock);
	page_index_cut(&t->anon, start);
	lock_drop(&t->index_lock);
	task_content_drop(t, start, end);
	while (end > start) {
		unsigned nr = (unsigned)MIN(end - start, TASK_BATCH);
		anon_free(t, end, nr);
		end -= nr;
	}
}

static void anon_shrink(struct task *t, uint64_t pages, uint64_t tables)
{
	struct progress progress;

	progress_start(&progress, t->name, "freeing anonymous pages", t->anon.nr, pages);
	while (t->anon.nr > pages) {
		anon_drop(t, pages);
		if (progress_step(&progress, t->anon.nr))
			task_pause_giving(t);
	}
	task_tables_shrink(t, &t->anon_tables, tables);
	int error = task_area_reach(t, AREA_ANON, pages);
	ASSERT(!error); /* a mapping that gets shorter needs nothing */

	lock_take(&t->index_lock);
	page_index_trim(&t->anon);
	lock_drop(&t->index_lock);
}

/* The first page that the table of the next page to be touched does not map. */
static uint64_t anon_mapped_end(const struct task *t)
{
	return ALIGN_UP(t->anon.nr + 1, 1ull << t->vm->machine.pageblock_order);
}

/* Room in the indices, so that adding pages cannot fail. */
static int anon_reserve(struct task *t, uint64_t pages)
{
	lock_take(&t->index_lock);
	int error = page_index_reserve(&t->anon, pages);
	if (!error)
		error = page_index_reserve(&t->anon_tables, anon_tables_for(t->vm, pages));
	lock_drop(&t->index_lock);
	return error;
}

/* While others may look, only what is there is promised; the rest is promised again without asking. */
static int anon_pause(struct task *t, uint64_t pages)
{
	vm_uncommit(t->vm, pages - t->anon.nr);
	int error = task_pause(t);
	vm_commit_again(t->vm, pages - t->anon.nr);
	return error;
}

static int anon_touch_all(struct task *t, uint64_t pages)
{
	struct progress progress;
	progress_start(&progress, t->name, "touching anonymous pages", t->anon.nr, pages);
	while (t->anon.nr < pages) {
		unsigned nr = (unsigned)MIN(MIN(pages, anon_mapped_end(t)) - t->anon.nr, TASK_BATCH);
		if (task_tables_grow(t, &t->anon_tables, anon_tables_for(t->vm, t->anon.nr + 1)) ||
		    anon_touch(t, nr) < nr)
			return -ENOMEM;
		int error = task_ending(t);
		if (!error && progress_step(&progress, t->anon.nr))
			error = anon_pause(t, pages);
		if (error)
			return error;
	}
	return 0;
}

static int anon_grow(struct task *t, uint64_t pages)
{
	uint64_t had = t->anon.nr, tables = t->anon_tables.nr;
	if (pages > t->vm->total_pages)
		return -ENOMEM;
	int error = vm_commit(t->vm, t, pages - had);
	if (error)
		return error;

	error = vm_tables_room(t->vm, pages - had);
	if (!error)
		error = anon_reserve(t, pages);
	if (!error)
		error = task_area_reach(t, AREA_ANON, pages);
	if (error) {
		vm_uncommit(t->vm, pages - had);
		return error;
	}
	error = anon_touch_all(t, pages);
	if (error) {
		client_fails(error);
		vm_uncommit(t->vm, pages - t->anon.nr); /* anon_shrink gives back what was touched */
		anon_shrink(t, had, tables);
	}
	return error;
}

/*
 * Tables that stay when there are fewer pages. Those of an imported task that
 * dense memory would not need go with its last page.
 */
static uint64_t tables_left(const struct task *t, uint64_t pages)
{
	uint64_t needed = anon_tables_for(t->vm, t->anon.nr), nr = t->anon_tables.nr;
	return pages ? anon_tables_for(t->vm, pages) + nr - MIN(nr, needed) : 0;
}

int task_anon_set(struct task *t, uint64_t pages)
{
	if (pages > t->anon.nr)
		return anon_grow(t, pages);
	if (pages < t->anon.nr)
		anon_shrink(t, pages, tables_left(t, pages));
	return 0;
}
