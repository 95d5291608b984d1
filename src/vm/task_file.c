/* SPDX-License-Identifier: MIT */
/*
 * Clean page cache that a task has read. Its pages are on the inactive file
 * list, where reclaim and drop_caches find them and ask task_file_ops to let
 * go; so the number falls on its own, also while we are adding to it. Asking
 * for more than memory holds is reading a file larger than memory: it
 * succeeds, the newest pages are what stays.
 *
 * Reclaim comes with the LRU lock and takes index_lock below it, and so does
 * who moves pages. We choose pages under index_lock, so each is checked again
 * once both are held.
 */
#include "vm/task_private.h"

#include "base/client.h"
#include "mm/lru.h"
#include "mm/mark.h"

#include <errno.h>
#include <sched.h>

static enum page_fate cached_release(void *ctx, struct cpu *c, struct page *page, bool dropping)
{
	struct vm *vm = ctx;
	struct task *t = __atomic_load_n(&vm->tasks.slot[owner_id(page->owner)], __ATOMIC_ACQUIRE);
	(void)c;
	(void)dropping;
	if (page->marks & MARK_WRITEBACK)
		return PAGE_IS_WRITTEN;
	if (page->marks & MARK_DIRTY)
		return PAGE_STAYS; /* its disk is not ours */

	lock_take(&t->index_lock);
	page_index_remove(&vm->machine, &t->file, page);
	lock_drop(&t->index_lock);
	return PAGE_GOES;
}

const struct owner_ops task_file_ops = { .release = cached_release, .move = task_page_move };

static struct page_use cached_use(struct task *t, enum lru_list which)
{
	return (struct page_use){ &t->file, owner_handle(OWNER_TASK_FILE, t->id), which, NR_FILE_PAGES };
}

static unsigned cached_read(struct task *t, unsigned nr)
{
	struct vm *vm = t->vm;
	struct cpu *c = task_cpu(t);
	struct page *page[TASK_BATCH];
	const struct page_use use = cached_use(t, LRU_INACTIVE_FILE);
	unsigned got = 0;

	cpu_enter(c);
	while (got < nr && (page[got] = alloc_pages_policy(&vm->policy, c, task_mempolicy(t),
							   GFP_HIGHUSER_MOVABLE, 0)))
		page[got++]->private = t->file_batch;
	pages_attach(t, c, &use, page, got);
	cpu_leave(c);
	return got;
}

/* Take one page back from the LRU, unless reclaim was faster. Inside c. */
static bool cached_take(struct task *t, struct cpu *c, struct page *page, struct node *node)
{
	struct machine *m = &t->vm->machine;
	lock_take(&node->lru.lock);
	lock_take(&t->index_lock);
	bool ours = page_index_has(m, &t->file, page) && page->lru != LRU_NONE;
	if (ours)
		page_index_remove(m, &t->file, page);
	lock_drop(&t->index_lock);
	if (ours) {
		lru_del(c, page);
		page_unmark(c, page);
		node_stat_add(c, node, NR_FILE_PAGES, -1);
	}
	lock_drop(&node->lru.lock);
	return ours;
}

#define SCAN_PAGES 4096ul /* looked at while readers and reclaim wait */

struct file_choice {
	struct page *page[TASK_BATCH];
	struct node *node[TASK_BATCH]; /* readable while the page is ours for sure */
	unsigned nr;
};

static void choice_add(struct task *t, struct file_choice *choice, pfn_t pfn)
{
	struct machine *m = &t->vm->machine;
	choice->page[choice->nr] = pfn_page(m, pfn);
	choice->node[choice->nr++] = page_node(m, pfn_page(m, pfn));
}

/* Returns pages given back; may be 0 while reclaim works on the same ones. */
static unsigned cached_free(struct task *t, const struct file_choice *choice)
{
	struct cpu *c = task_cpu(t);
	unsigned freed = 0;

	cpu_enter(c);
	for (unsigned i = 0; i < choice->nr; i++) {
		if (!cached_take(t, c, choice->page[i], choice->node[i]))
			continue;
		page_disown(choice->page[i]);
		free_pages(c, choice->page[i], 0);
		freed++;
	}
	cpu_leave(c);
	if (!freed)
		sched_yield();
	return freed;
}

static void choose_random(struct task *t, struct file_choice *choice, uint64_t limit)
{
	lock_take(&t->index_lock);
	uint64_t nr = MIN(MIN(limit, t->file.nr), TASK_BATCH);
	if (limit < t->file.nr) /* else all of them go, the newest first */
		page_index_choose(&t->vm->machine, &t->file, &t->rng, nr);
	choice->nr = 0;
	while (choice->nr < nr)
		choice_add(t, choice, t->file.pfn[t->file.nr - 1 - choice->nr]);
	lock_drop(&t->index_lock);
}

/* Pages of the last increase at or below slot *from, walking down. Whoever leaves only moves pages down, too. */
static void choose_batch(struct task *t, struct file_choice *choice, uint64_t *from)
{
	choice->nr = 0;
	lock_take(&t->index_lock);
	*from = MIN(*from, t->file.nr);
	uint64_t end = *from - MIN(*from, SCAN_PAGES);
	while (*from > end && choice->nr < TASK_BATCH) {
		pfn_t pfn = t->file.pfn[--*from];
		if (pfn_page(&t->vm->machine, pfn)->private == t->file_batch)
			choice_add(t, choice, pfn);
	}
	lock_drop(&t->index_lock);
}

static void cached_shrink(struct task *t, uint64_t pages)
{
	struct file_choice choice;
	struct progress progress;

	progress_start(&progress, t->name, "dropping file pages", page_index_nr(&t->file), pages);
	for (uint64_t nr; (nr = page_index_nr(&t->file)) > pages;) {
		choose_random(t, &choice, nr - pages);
		cached_free(t, &choice);
		if (progress_step(&progress, nr))
			task_pause_giving(t);
	}
	lock_take(&t->index_lock);
	page_index_trim(&t->file);
	lock_drop(&t->index_lock);
}

static void cached_rollback(struct task *t)
{
	struct file_choice choice;
	struct progress progress;
	uint64_t from = page_index_nr(&t->file);

	progress_start(&progress, t->name, "looking through file pages", from, 0);
	while (from) {
		choose_batch(t, &choice, &from);
		cached_free(t, &choice);
		if (progress_step(&progress, from))
			task_pause_giving(t);
	}
}

static int cached_read_all(struct task *t, uint64_t nr)
{
	struct progress progress;
	progress_start(&progress, t->name, "reading file pages", 0, nr);
	for (uint64_t done = 0; done < nr;) {
		unsigned want = (unsigned)MIN(nr - done, TASK_BATCH);
		unsigned got = cached_read(t, want);
		if (got < want)
			return -ENOMEM;
		done += got;
		int error = task_ending(t);
		if (!error && progress_step(&progress, done))
			error = task_pause(t);
		if (error)
			return error;
	}
	return 0;
}

static int cached_grow(struct task *t, uint64_t pages, uint64_t had)
{
	if (pages > t->vm->total_pages || vm_tables_room(t->vm, pages - had))
		return -ENOMEM;
	lock_take(&t->index_lock);
	int error = page_index_reserve(&t->file, pages);
	lock_drop(&t->index_lock);
	if (error)
		return error;

	t->file_batch++;
	error = cached_read_all(t, pages - had);
	if (error) {
		client_fails(error);
		cached_rollback(t);
	}
	return error;
}

int task_file_set(struct task *t, uint64_t pages)
{
	uint64_t had = page_index_nr(&t->file);
	if (pages > had)
		return cached_grow(t, pages, had);
	cached_shrink(t, pages);
	return 0;
}
