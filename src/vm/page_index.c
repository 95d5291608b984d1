/* SPDX-License-Identifier: MIT */
/*
 * An array that shrinks from the end: whoever leaves swaps places with the
 * last page first. Order means nothing, except to an owner who only adds and
 * pops (anonymous memory, whose slots are addresses).
 */
#include "vm/page_index.h"

#include "base/mem.h"

#include <errno.h>

#define TRIM_MIN 4096u /* entries; less is not worth a call */

/* page->index is written by owners only, yet page_index_has looks at pages that may have gone to another one. */
static void slot_set(struct machine *m, struct page_index *ix, uint64_t slot, pfn_t pfn)
{
	ix->pfn[slot] = pfn;
	WRITE_RELAXED(&pfn_page(m, pfn)->index, (uint32_t)slot);
}

int page_index_reserve(struct page_index *ix, uint64_t cap)
{
	if (cap <= ix->cap)
		return 0;
	if (cap > UINT32_MAX)
		return -ENOMEM;
	pfn_t *grown = mem_realloc(ix->pfn, cap * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	ix->pfn = grown;
	ix->cap = cap;
	return 0;
}

void page_index_trim(struct page_index *ix)
{
	if (ix->cap < TRIM_MIN || ix->nr > ix->cap / 4)
		return;
	uint64_t cap = MAX(ix->nr, 1u);
	pfn_t *smaller = mem_realloc(ix->pfn, cap * sizeof(*smaller));
	if (!smaller)
		return; /* the old array is still right */
	ix->pfn = smaller;
	ix->cap = cap;
}

void page_index_fini(struct page_index *ix)
{
	mem_free(ix->pfn);
	*ix = (struct page_index){ 0 };
}

void page_index_add(struct machine *m, struct page_index *ix, struct page *page)
{
	ASSERT(ix->nr < ix->cap);
	slot_set(m, ix, ix->nr, page_pfn(m, page));
	WRITE_RELAXED(&ix->nr, ix->nr + 1);
}

void page_index_add_pages(struct machine *m, struct page_index *ix, struct page *const *page, unsigned nr)
{
	uint64_t slot = ix->nr;
	ASSERT(nr <= ix->cap - slot);
	for (unsigned i = 0; i < nr; i++, slot++) {
		ix->pfn[slot] = page_pfn(m, page[i]);
		WRITE_RELAXED(&page[i]->index, (uint32_t)slot);
	}
	WRITE_RELAXED(&ix->nr, slot);
}

struct page *page_index_pop(struct machine *m, struct page_index *ix)
{
	ASSERT(ix->nr);
	WRITE_RELAXED(&ix->nr, ix->nr - 1);
	return pfn_page(m, ix->pfn[ix->nr]);
}

void page_index_remove(struct machine *m, struct page_index *ix, struct page *page)
{
	uint64_t slot = page->index;
	ASSERT(slot < ix->nr && ix->pfn[slot] == page_pfn(m, page));
	WRITE_RELAXED(&ix->nr, ix->nr - 1);
	if (slot < ix->nr)
		slot_set(m, ix, slot, ix->pfn[ix->nr]);
}

void page_index_replace(struct machine *m, struct page_index *ix, const struct page *page, struct page *to)
{
	uint64_t slot = page->index;
	ASSERT(slot < ix->nr && ix->pfn[slot] == page_pfn(m, page));
	slot_set(m, ix, slot, page_pfn(m, to));
}

void page_index_cut(struct page_index *ix, uint64_t nr)
{
	ASSERT(nr <= ix->nr);
	WRITE_RELAXED(&ix->nr, nr);
}

bool page_index_has(const struct machine *m, const struct page_index *ix, const struct page *page)
{
	uint32_t slot = READ_RELAXED(&page->index);
	return slot < ix->nr && ix->pfn[slot] == page_pfn(m, page);
}

/* The first steps of a shuffle from the end: every set of n pages is as likely as any other. */
void page_index_choose(struct machine *m, struct page_index *ix, struct rng *rng, uint64_t n)
{
	ASSERT(n <= ix->nr);
	for (uint64_t left = ix->nr; left > ix->nr - n; left--) {
		uint64_t slot = rng_below(rng, left);
		pfn_t chosen = ix->pfn[slot];
		slot_set(m, ix, slot, ix->pfn[left - 1]);
		slot_set(m, ix, left - 1, chosen);
	}
}
