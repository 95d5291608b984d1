/* SPDX-License-Identifier: MIT */
/*
 * Huge pages that a task holds: for each size one mapping, as mmap with
 * MAP_HUGETLB makes it. Mapping promises pages (hugetlb_reserve: beyond the
 * pool these are surplus pages, taken now), touching takes one for each promise:
 * from where the task's memory policy says, else from the pool of the task's
 * node first, then from the others. Each GiB of 2 MiB pages has its page table
 * first.
 *
 * A line "SIZE COUNT [TOUCHED]" says how many are mapped and how many of them
 * touched. Without the third word all are, but for a decrease, by which those
 * that were never touched go first. What was touched goes with its mapping only.
 *
 * Invariant: huge_mapped - nr of the index is what the pool has promised to us.
 *
 * Locks: task->lock to change; index_lock for the index.
 */
#include "vm/task_private.h"

#include "base/client.h"
#include "base/parse.h"

#include <errno.h>
#include <string.h>

uint64_t task_huge_pages(const struct task *t)
{
	uint64_t pages = 0;
	for (unsigned i = 0; i < t->vm->nr_hugetlb; i++)
		pages += page_index_nr(&t->hugetlb[i]) << t->vm->hugetlb[i].order;
	return pages;
}

uint64_t task_huge_mapped_pages(const struct task *t)
{
	uint64_t pages = 0;
	for (unsigned i = 0; i < t->vm->nr_hugetlb; i++)
		pages += READ_RELAXED(&t->huge_mapped[i]) << t->vm->hugetlb[i].order;
	return pages;
}

/* ---- Pages ---- */

static int hugetlb_take(struct task *t, unsigned pool)
{
	struct vm *vm = t->vm;
	struct hugetlb *h = &vm->hugetlb[pool];
	if (!hugetlb_gigantic(h) &&
	    task_tables_grow(t, &t->hugetlb_tables, hugetlb_tables_for(h, t->hugetlb[pool].nr + 1)))
		return -ENOMEM;
	struct page *page = hugetlb_alloc(&vm->policy, h, task_cpu(t), &t->mempolicy, true);
	if (!page)
		return -ENOMEM;
	content_scrub(vm, page, h->order);

	lock_take(&t->index_lock);
	page->owner = owner_handle(OWNER_TASK_HUGETLB, t->id);
	page_index_add(&vm->machine, &t->hugetlb[pool], page);
	lock_drop(&t->index_lock);
	return 0;
}

static void hugetlb_give(struct task *t, unsigned pool, bool random)
{
	struct vm *vm = t->vm;
	struct page_index *ix = &t->hugetlb[pool];
	lock_take(&t->index_lock);
	if (random)
		page_index_choose(&vm->machine, ix, &t->rng, 1);
	struct page *page = page_index_pop(&vm->machine, ix);
	page_disown(page);
	lock_drop(&t->index_lock);
	hugetlb_free(&vm->policy, &vm->hugetlb[pool], page);
}

/* ---- Mapping: what is promised and never touched ---- */

/* Only the mapping; pages have gone before, or come later. A mapping that gets shorter needs nothing. */
static int mapping_set(struct task *t, unsigned pool, uint64_t nr)
{
	struct vm *vm = t->vm;
	struct hugetlb *h = &vm->hugetlb[pool];
	uint64_t had = t->huge_mapped[pool];
	int error = nr > had ? hugetlb_reserve(&vm->policy, h, task_cpu(t), nr - had, &t->mempolicy) : 0;
	if (error)
		return error;
	error = task_area_reach(t, AREA_HUGETLB + pool, nr << h->order);
	if (error)
		hugetlb_unreserve(&vm->policy, h, nr - had);
	else
		WRITE_RELAXED(&t->huge_mapped[pool], nr);
	return error;
}

/* Pages that were touched go: the newest, or a random choice. Their part of the mapping goes with them. */
static void hugetlb_cut(struct task *t, unsigned pool, uint64_t touched, bool random)
{
	struct hugetlb *h = &t->vm->hugetlb[pool];
	struct page_index *ix = &t->hugetlb[pool];
	struct progress progress;
	progress_start(&progress, t->name, "freeing huge pages", ix->nr, touched);
	while (ix->nr > touched) {
		hugetlb_give(t, pool, random);
		WRITE_RELAXED(&t->huge_mapped[pool], t->huge_mapped[pool] - 1);
		if (progress_step(&progress, ix->nr))
			task_pause_giving(t);
	}
	if (!hugetlb_gigantic(h))
		task_tables_shrink(t, &t->hugetlb_tables, hugetlb_tables_for(h, touched));
	int error = task_area_reach(t, AREA_HUGETLB + pool, t->huge_mapped[pool] << h->order);
	ASSERT(!error);
	lock_take(&t->index_lock);
	page_index_trim(ix);
	lock_drop(&t->index_lock);
}

/* The mapping gets shorter: pages that were touched first, for then what was promised for the rest can go too. */
static void mapping_cut(struct task *t, unsigned pool, uint64_t nr, bool random)
{
	struct vm *vm = t->vm;
	if (t->hugetlb[pool].nr > nr)
		hugetlb_cut(t, pool, nr, random);
	uint64_t promised = t->huge_mapped[pool] - nr;
	int error = mapping_set(t, pool, nr);
	ASSERT(!error);
	if (promised)
		hugetlb_unreserve(&vm->policy, &vm->hugetlb[pool], promised);
}

static int hugetlb_fill(struct task *t, unsigned pool, uint64_t touched)
{
	struct page_index *ix = &t->hugetlb[pool];
	struct progress progress;
	progress_start(&progress, t->name, "taking huge pages", ix->nr, touched);
	while (ix->nr < touched) {
		int error = hugetlb_take(t, pool);
		if (!error)
			error = task_ending(t);
		if (!error && progress_step(&progress, ix->nr))
			error = task_pause(t);
		if (error)
			return error;
	}
	return 0;
}

static int tables_reserve(struct task *t, unsigned pool, uint64_t touched)
{
	const struct hugetlb *h = &t->vm->hugetlb[pool];
	lock_take(&t->index_lock);
	int error = page_index_reserve(&t->hugetlb[pool], touched);
	if (!error && !hugetlb_gigantic(h))
		error = page_index_reserve(&t->hugetlb_tables, hugetlb_tables_for(h, touched));
	lock_drop(&t->index_lock);
	return error;
}

/* Back to what was touched before: each page becomes a promise again. Then back to what was mapped. */
static void hugetlb_undo(struct task *t, unsigned pool, uint64_t mapped, uint64_t touched)
{
	struct vm *vm = t->vm;
	struct hugetlb *h = &vm->hugetlb[pool];
	while (t->hugetlb[pool].nr > touched) {
		lock_take(&t->index_lock);
		struct page *page = page_index_pop(&vm->machine, &t->hugetlb[pool]);
		page_disown(page);
		lock_drop(&t->index_lock);
		hugetlb_restore(h, page);
	}
	if (!hugetlb_gigantic(h))
		task_tables_shrink(t, &t->hugetlb_tables, hugetlb_tables_for(h, touched));
	mapping_cut(t, pool, mapped, false);
}

static int hugetlb_grow(struct task *t, unsigned pool, uint64_t nr, uint64_t touched)
{
	uint64_t had = t->huge_mapped[pool], had_touched = t->hugetlb[pool].nr;
	int error = tables_reserve(t, pool, touched);
	if (!error && nr > had)
		error = mapping_set(t, pool, nr);
	if (error)
		return error;
	error = hugetlb_fill(t, pool, touched);
	if (error) {
		client_fails(error);
		hugetlb_undo(t, pool, had, had_touched);
	}
	return error;
}

int task_hugetlb_set(struct task *t, unsigned pool, uint64_t nr, uint64_t touched)
{
	const struct hugetlb *h = &t->vm->hugetlb[pool];
	if (touched > nr || touched < MIN(t->hugetlb[pool].nr, nr))
		return -EINVAL;
	if (nr > t->vm->total_pages >> h->order)
		return -ENOMEM;
	if (nr < t->huge_mapped[pool])
		mapping_cut(t, pool, nr, true);
	return nr > t->huge_mapped[pool] || touched > t->hugetlb[pool].nr
		       ? hugetlb_grow(t, pool, nr, touched)
		       : 0;
}

void task_hugetlb_free_all(struct task *t)
{
	for (unsigned i = 0; i < t->vm->nr_hugetlb; i++)
		if (t->huge_mapped[i])
			mapping_cut(t, i, 0, true);
}

/* ---- The file: SIZE COUNT [TOUCHED] ---- */

int task_hugetlb_show(struct task *t, struct text *out)
{
	for (unsigned i = 0; i < t->vm->nr_hugetlb; i++) {
		uint64_t mapped = READ_RELAXED(&t->huge_mapped[i]),
			 touched = page_index_nr(&t->hugetlb[i]);
		uint64_t mib = PAGE_SIZE << t->vm->hugetlb[i].order >> 20;
		if (!mapped)
			continue;
		text_printf(out, "%lu%c %lu", (unsigned long)(mib < 1024 ? mib : mib / 1024),
			    mib < 1024 ? 'M' : 'G', (unsigned long)mapped);
		if (touched != mapped)
			text_printf(out, " %lu", (unsigned long)touched);
		text_char(out, '\n');
	}
	return 0;
}

/* "2M", "1G", also "2048kB". The number of the pool, or -EINVAL. */
static int pool_parse(const struct vm *vm, char *word, unsigned *pool)
{
	uint64_t bytes;
	size_t len = strlen(word);
	if (len > 1 && word[len - 1] == 'B' && word[len - 2] == 'k')
		word[len - 1] = '\0';
	if (parse_size(word, &bytes))
		return -EINVAL;
	for (*pool = 0; *pool < vm->nr_hugetlb; ++*pool)
		if (bytes == PAGE_SIZE << vm->hugetlb[*pool].order)
			return 0;
	return -EINVAL;
}

/* How many are touched when the line does not say. */
static uint64_t touched_implied(const struct task *t, unsigned pool, const struct amount *a, uint64_t nr)
{
	return a->op == AMOUNT_SUB ? MIN(t->hugetlb[pool].nr, nr) : nr;
}

int task_hugetlb_store(struct task *t, char *line)
{
	char *word[3], *rest = line;
	unsigned pool, nr_words = 0;
	struct amount a;
	uint64_t nr, touched;

	for (char *w; (w = strtok_r(rest, " \t", &rest));) {
		if (nr_words == ARRAY_LEN(word))
			return -EINVAL;
		word[nr_words++] = w;
	}
	int error = nr_words < 2 ? -EINVAL : pool_parse(t->vm, word[0], &pool);
	if (!error)
		error = amount_parse(word[1], &a);
	if (!error)
		error = amount_apply(&a, t->huge_mapped[pool], &nr);
	if (error)
		return error;
	touched = touched_implied(t, pool, &a, nr);
	if (nr_words == 3 && parse_u64(word[2], &touched))
		return -EINVAL;
	return task_hugetlb_set(t, pool, nr, touched);
}
