/* SPDX-License-Identifier: MIT */
#ifndef VM_PAGE_INDEX_H
#define VM_PAGE_INDEX_H

/*
 * The pages that one owner holds: an array of head frames, page->index is a
 * page's slot in it, so that any page can leave in constant time. The owner's
 * index_lock guards it; nr may be read without (relaxed).
 */

#include "base/rng.h"
#include "mm/machine.h"

struct page_index {
	pfn_t *pfn;
	uint64_t nr, cap;
};

/* Room for cap pages in all, so that adding them cannot fail. 0 or -ENOMEM. */
MUST_CHECK int page_index_reserve(struct page_index *ix, uint64_t cap);
void page_index_trim(struct page_index *ix); /* give back room that is far too much */
void page_index_fini(struct page_index *ix);

static inline uint64_t page_index_nr(const struct page_index *ix)
{
	return READ_RELAXED(&ix->nr);
}

void page_index_add(struct machine *m, struct page_index *ix, struct page *page); /* there is room */
void page_index_add_pages(struct machine *m, struct page_index *ix, struct page *const *page, unsigned nr);
struct page *page_index_pop(struct machine *m, struct page_index *ix); /* the last one; not empty */
void page_index_remove(struct machine *m, struct page_index *ix, struct page *page); /* the last one takes its slot */
/* Another page takes its slot. */
void page_index_replace(struct machine *m, struct page_index *ix, const struct page *page, struct page *to);
/*
 * The last ones go, down to nr. Their numbers stay in the array behind the others, for who frees them, until
 * something is added or the room changes: both are up to who cuts.
 */
void page_index_cut(struct page_index *ix, uint64_t nr);
/* Is this page in the index? Right for any page, also one that belongs to somebody else by now. */
bool page_index_has(const struct machine *m, const struct page_index *ix, const struct page *page);
/* Put a random choice of n pages into the last n slots. n <= nr. */
void page_index_choose(struct machine *m, struct page_index *ix, struct rng *rng, uint64_t n);

#endif
