/* SPDX-License-Identifier: MIT */
/*
 * Blocks straight from the buddy system, as a driver or a slab cache would
 * hold them: no LRU list, nobody can take them away. One line, and one index,
 * for each (order, request flags). page->private names the line, because the
 * owner handle has room for the task only.
 */
#include "vm/task_private.h"

#include "base/client.h"
#include "base/mem.h"
#include "policy/gfp.h"

#include <errno.h>
#include <string.h>

static struct task_pages *line_find(struct task *t, unsigned order, gfp_t gfp)
{
	for (unsigned i = 0; i < t->nr_pages; i++)
		if (t->pages[i].order == order && t->pages[i].gfp == gfp)
			return &t->pages[i];
	return NULL;
}

/* index_lock: readers walk the lines. */
static int line_add(struct task *t, unsigned order, gfp_t gfp, struct task_pages **out)
{
	if (t->nr_pages == TASK_KEYS_MAX)
		return -ENOSPC;
	struct task_pages *lines = mem_realloc(t->pages, (t->nr_pages + 1) * sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	t->pages = lines;
	*out = &lines[t->nr_pages++];
	**out = (struct task_pages){ .order = order, .gfp = gfp };
	return 0;
}

int task_pages_line(struct task *t, unsigned order, gfp_t gfp, struct page_index **out)
{
	struct task_pages *line;
	lock_take(&t->index_lock);
	int error = line_find(t, order, gfp) ? -EEXIST : line_add(t, order, gfp, &line);
	lock_drop(&t->index_lock);
	if (!error)
		*out = &line->blocks;
	return error;
}

/* index_lock. The others keep their order, which is the order of reading. */
static void line_drop(struct task *t, struct task_pages *line)
{
	page_index_fini(&line->blocks);
	unsigned after = (unsigned)(t->pages + t->nr_pages - line) - 1;
	memmove(line, line + 1, after * sizeof(*line));
	t->nr_pages--;
}

static unsigned batch_blocks(unsigned order)
{
	return MAX(TASK_BATCH >> order, 1u);
}

static unsigned blocks_take(struct task *t, struct task_pages *line, unsigned nr)
{
	struct vm *vm = t->vm;
	struct cpu *c = task_cpu(t);
	struct page *page[TASK_BATCH];
	unsigned got = 0;

	cpu_enter(c);
	while (got < nr && (page[got] = alloc_pages_policy(&vm->policy, c, task_mempolicy(t),
							   line->gfp, line->order)))
		got++;
	cpu_leave(c);

	lock_take(&t->index_lock);
	for (unsigned i = 0; i < got; i++) {
		page[i]->owner = owner_handle(OWNER_TASK_PAGES, t->id);
		page[i]->private = (uint64_t)line->order << 32 | line->gfp;
		page_index_add(&vm->machine, &line->blocks, page[i]);
	}
	lock_drop(&t->index_lock);
	for (unsigned i = 0; i < got && line->gfp & __GFP_ZERO; i++)
		content_scrub(vm, page[i], line->order);
	return got;
}

static void blocks_give(struct task *t, struct task_pages *line, unsigned nr)
{
	struct cpu *c = task_cpu(t);
	struct page *page[TASK_BATCH];

	lock_take(&t->index_lock);
	for (unsigned i = 0; i < nr; i++)
		page[i] = page_index_pop(&t->vm->machine, &line->blocks);
	lock_drop(&t->index_lock);

	cpu_enter(c);
	for (unsigned i = 0; i < nr; i++) {
		page_disown(page[i]);
		free_pages(c, page[i], line->order);
	}
	cpu_leave(c);
}

static void line_choose(struct task *t, struct task_pages *line, unsigned nr)
{
	lock_take(&t->index_lock);
	page_index_choose(&t->vm->machine, &line->blocks, &t->rng, nr);
	lock_drop(&t->index_lock);
}

/* The newest blocks go, or a random choice. */
static void line_cut(struct task *t, struct task_pages *line, uint64_t blocks, bool random)
{
	struct progress progress;
	progress_start(&progress, t->name, "freeing blocks", line->blocks.nr, blocks);
	while (line->blocks.nr > blocks) {
		unsigned nr = (unsigned)MIN(line->blocks.nr - blocks, batch_blocks(line->order));
		if (random)
			line_choose(t, line, nr);
		blocks_give(t, line, nr);
		if (progress_step(&progress, line->blocks.nr))
			task_pause_giving(t);
	}
	lock_take(&t->index_lock);
	if (!blocks)
		line_drop(t, line);
	else
		page_index_trim(&line->blocks);
	lock_drop(&t->index_lock);
}

static int line_fill(struct task *t, struct task_pages *line, uint64_t blocks)
{
	struct progress progress;
	progress_start(&progress, t->name, "taking blocks", line->blocks.nr, blocks);
	while (line->blocks.nr < blocks) {
		unsigned nr = (unsigned)MIN(blocks - line->blocks.nr, batch_blocks(line->order));
		if (blocks_take(t, line, nr) < nr)
			return -ENOMEM;
		int error = task_ending(t);
		if (!error && progress_step(&progress, line->blocks.nr))
			error = task_pause(t);
		if (error)
			return error;
	}
	return 0;
}

static int line_grow(struct task *t, unsigned order, gfp_t gfp, uint64_t blocks)
{
	/* Entries of one page of the host at most become real for a block: that of its head. */
	uint64_t entries = MIN(blocks << order, blocks * (4096 / sizeof(struct page)));
	if (blocks > t->vm->total_pages >> order || vm_tables_room(t->vm, entries))
		return -ENOMEM;
	lock_take(&t->index_lock);
	struct task_pages *line = line_find(t, order, gfp);
	int error = line ? 0 : line_add(t, order, gfp, &line);
	uint64_t had = line ? line->blocks.nr : 0;
	if (!error)
		error = page_index_reserve(&line->blocks, blocks);
	if (error && line && !had)
		line_drop(t, line);
	lock_drop(&t->index_lock);
	if (error)
		return error;

	error = line_fill(t, line, blocks);
	if (error) {
		client_fails(error);
		line_cut(t, line, had, false);
	}
	return error;
}

int task_pages_set(struct task *t, unsigned order, gfp_t gfp, uint64_t blocks)
{
	struct task_pages *line = line_find(t, order, gfp);
	uint64_t had = line ? line->blocks.nr : 0;
	if (blocks > had)
		return line_grow(t, order, gfp, blocks);
	if (line && blocks < had)
		line_cut(t, line, blocks, true);
	return 0;
}

uint64_t task_pages_count(struct task *t, unsigned order, gfp_t gfp)
{
	struct task_pages *line = line_find(t, order, gfp);
	return line ? line->blocks.nr : 0;
}

void task_pages_free_all(struct task *t)
{
	while (t->nr_pages)
		line_cut(t, &t->pages[t->nr_pages - 1], 0, false);
}

void task_pages_fini(struct task *t)
{
	for (unsigned i = 0; i < t->nr_pages; i++)
		page_index_fini(&t->pages[i].blocks);
	mem_free(t->pages);
}

uint64_t task_pages_total(struct task *t)
{
	uint64_t pages = 0;
	lock_take(&t->index_lock);
	for (unsigned i = 0; i < t->nr_pages; i++)
		pages += t->pages[i].blocks.nr << t->pages[i].order;
	lock_drop(&t->index_lock);
	return pages;
}

void task_pages_show(struct task *t, struct text *out)
{
	lock_take(&t->index_lock);
	for (unsigned i = 0; i < t->nr_pages; i++) {
		text_u64(out, t->pages[i].order);
		text_char(out, ' ');
		gfp_print(out, t->pages[i].gfp);
		text_char(out, ' ');
		text_u64(out, t->pages[i].blocks.nr);
		text_char(out, '\n');
	}
	lock_drop(&t->index_lock);
}
