/* SPDX-License-Identifier: MIT */
/*
 * Which counters a mark moves (mm/page-writeback.c, mm/rmap.c, mm/mlock.c, 6.1).
 *
 * Differs from Linux: the pages of a transparent huge page are single ones
 * here, so the huge page counts, as a whole, until the first of them goes.
 * One that is mapped is mapped by one entry of the directory.
 */

#include "mm/mark.h"

static const struct {
	unsigned mark;
	int node, zone; /* enum node_stat, enum zone_stat; -1: none */
} marks_counted[] = {
	{ MARK_DIRTY, NR_FILE_DIRTY, NR_ZONE_WRITE_PENDING },
	{ MARK_WRITEBACK, NR_WRITEBACK, NR_ZONE_WRITE_PENDING },
	{ MARK_MAPPED, NR_FILE_MAPPED, -1 },
	{ MARK_MLOCKED, -1, NR_MLOCK },
	{ MARK_SHMEM, NR_SHMEM, -1 },
};

static void huge_count(struct cpu *c, struct node *n, unsigned marks, int sign)
{
	int pages = sign * (1 << c->machine->pageblock_order);
	bool shmem = marks & MARK_SHMEM;
	if (marks & MARK_HUGE_ANON)
		node_stat_add(c, n, NR_ANON_THPS, pages);
	if (!(marks & MARK_HUGE_FILE))
		return;
	node_stat_add(c, n, shmem ? NR_SHMEM_THPS : NR_FILE_THPS, pages);
	if (marks & MARK_MAPPED)
		node_stat_add(c, n, shmem ? NR_SHMEM_PMDMAPPED : NR_FILE_PMDMAPPED, pages);
}

static void marks_count(struct cpu *c, const struct page *page, unsigned marks, int sign)
{
	struct zone *z = page_zone(c->machine, page);
	for (unsigned i = 0; i < ARRAY_LEN(marks_counted); i++) {
		if (!(marks & marks_counted[i].mark))
			continue;
		if (marks_counted[i].node >= 0)
			node_stat_add(c, z->node, (enum node_stat)marks_counted[i].node, sign);
		if (marks_counted[i].zone >= 0)
			zone_stat_add(c, z, (enum zone_stat)marks_counted[i].zone, sign);
	}
	huge_count(c, z->node, marks, sign);
	if (marks & MARK_BUFFER)
		__atomic_fetch_add(&c->machine->nr_buffer_pages, sign, __ATOMIC_RELAXED);
}

void page_mark(struct cpu *c, struct page *page, unsigned marks)
{
	DEBUG_ASSERT(!page->marks);
	page->marks = (uint8_t)marks;
	marks_count(c, page, marks, 1);
}

void page_unmark_all(struct cpu *c, struct page *page)
{
	marks_count(c, page, page->marks, -1);
	page->marks = 0;
}

void page_marks_move(struct cpu *c, struct page *page, struct page *to)
{
	const struct machine *m = c->machine;
	unsigned marks = page->marks;
	if (LIKELY(!marks))
		return;
	if (page_pfn(m, to) & ((1u << m->pageblock_order) - 1))
		marks &= ~(unsigned)(MARK_HUGE_ANON | MARK_HUGE_FILE);
	if (page->zone == to->zone && marks == page->marks) {
		to->marks = (uint8_t)marks;
		page->marks = 0;
		return;
	}
	page_unmark_all(c, page);
	page_mark(c, to, marks);
}
