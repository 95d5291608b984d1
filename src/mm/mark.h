/* SPDX-License-Identifier: MIT */
#ifndef MM_MARK_H
#define MM_MARK_H

/*
 * Marks of a used page (enum page_mark): each counts in one or two of the
 * counters of the page's node and zone for as long as the page has it. A page
 * loses its marks before it is given back. Inside the CPU.
 */

#include "mm/machine.h"

void page_mark(struct cpu *c, struct page *page, unsigned marks); /* a page without marks gets these */
void page_unmark_all(struct cpu *c, struct page *page);
/* They go over to another frame, which has none. A huge page that does not lie as one any more is none any more. */
void page_marks_move(struct cpu *c, struct page *page, struct page *to);
static inline void page_unmark(struct cpu *c, struct page *page)
{
	if (UNLIKELY(page->marks))
		page_unmark_all(c, page);
}

#endif
