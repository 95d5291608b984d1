/* SPDX-License-Identifier: MIT */
/*
 * Page tables (mm/memory.c: pte_alloc_one, free_pgtables, 6.1): the pages that
 * say where a task's memory lies. A mapping is contiguous from its start, so
 * table n stands for the n-th stretch of it: as much as one table has entries
 * for, which is one huge page of base pages (512, or 1024 without PAE), or 1 GiB
 * of huge pages. Without PAE a huge page, and one of 1 GiB always, is an entry of
 * the directory above and needs no table.
 *
 * A table is taken before the first page that it maps and goes after the last
 * one has gone, so there are always enough of them. It is unmovable memory on
 * the task's node, on no LRU list, and counted there as nr_page_table_pages.
 *
 * An imported task's memory was sparse: it has more tables than dense memory
 * needs, and keeps them as long as it has memory.
 *
 * Differs from Linux: tables of the levels above (one for each 1 GiB of base
 * pages, and up) are not there, and huge pages that were in use when the machine
 * was imported have none of their own.
 *
 * Locks: task->lock to change; index_lock for the index, which readers count.
 */
#include "vm/task_private.h"

#include <errno.h>

#define GFP_TABLE (GFP_KERNEL_ACCOUNT | __GFP_ZERO)
#define TABLE_GIB_PAGES (1ul << (30 - PAGE_SHIFT))

uint64_t anon_tables_for(const struct vm *vm, uint64_t pages)
{
	return DIV_ROUND_UP(pages, 1ull << vm->machine.pageblock_order);
}

uint64_t hugetlb_tables_for(const struct hugetlb *h, uint64_t nr)
{
	bool in_directory = h->machine->pageblock_order == 10 || hugetlb_gigantic(h);
	return in_directory ? 0 : DIV_ROUND_UP(nr << h->order, TABLE_GIB_PAGES);
}

/* There is room in the index. */
static int table_take(struct task *t, struct page_index *tables)
{
	struct machine *m = &t->vm->machine;
	struct cpu *c = task_cpu(t);

	cpu_enter(c);
	struct page *page = alloc_pages(&t->vm->policy, c, -1, GFP_TABLE, 0);
	if (page) {
		lock_take(&t->index_lock);
		page->owner = owner_handle(OWNER_TASK_PAGETABLE, t->id);
		page_index_add(m, tables, page);
		lock_drop(&t->index_lock);
		pagetable_stat_add(c, page, 1);
	}
	cpu_leave(c);
	if (!page)
		return -ENOMEM;
	content_scrub(t->vm, page, 0);
	return 0;
}

int task_tables_grow(struct task *t, struct page_index *tables, uint64_t nr)
{
	int error = 0;
	while (!error && tables->nr < nr)
		error = table_take(t, tables);
	return error;
}

static void tables_give(struct task *t, struct page_index *tables, unsigned nr)
{
	struct machine *m = &t->vm->machine;
	struct cpu *c = task_cpu(t);
	struct page *page[TASK_BATCH];

	lock_take(&t->index_lock);
	for (unsigned i = 0; i < nr; i++)
		page[i] = page_index_pop(m, tables);
	lock_drop(&t->index_lock);

	cpu_enter(c);
	for (unsigned i = 0; i < nr; i++) {
		pagetable_stat_add(c, page[i], -1);
		page_disown(page[i]);
		free_pages(c, page[i], 0);
	}
	cpu_leave(c);
}

void task_tables_shrink(struct task *t, struct page_index *tables, uint64_t nr)
{
	while (tables->nr > nr)
		tables_give(t, tables, (unsigned)MIN(tables->nr - nr, TASK_BATCH));
	lock_take(&t->index_lock);
	page_index_trim(tables);
	lock_drop(&t->index_lock);
}
