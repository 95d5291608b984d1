/* SPDX-License-Identifier: MIT */
/*
 * Where the pages of a mapping lie (fs/proc/task_mmu.c: gather_stats, 6.1).
 * They are counted in pieces, each under index_lock, while others may move them: a
 * number is right when nobody is at work, as on Linux.
 *
 * Addresses mean nothing beyond telling the mappings apart. They are the same
 * for every task, and far enough from each other for any machine's memory.
 */
#include "vm/task_private.h"

#include "mm/lru.h"

#define COUNT_PAGES 4096ul /* looked at while who changes the task waits */

static uint64_t area_start(const struct vm *vm, enum area_kind kind)
{
	return (vm->machine.bits == 32 ? 1ull << 30 : 1ull << 45) * (kind + 1u);
}

static void page_count(const struct machine *m, const struct page *page, struct task_numa *out)
{
	unsigned lru = READ_RELAXED(&page->lru);
	out->pages++;
	out->active += lru == LRU_ACTIVE_ANON || lru == LRU_UNEVICTABLE;
	out->node[page_node(m, page)->id]++;
}

static void index_count(struct task *t, const struct page_index *ix, struct task_numa *out)
{
	const struct machine *m = &t->vm->machine;
	for (uint64_t from = 0, end = 1; from < end; from += COUNT_PAGES) {
		lock_take(&t->index_lock);
		end = ix->nr;
		for (uint64_t i = from; i < MIN(end, from + COUNT_PAGES); i++)
			page_count(m, pfn_page(m, ix->pfn[i]), out);
		lock_drop(&t->index_lock);
	}
}

bool task_numa_read(struct task *t, enum area_kind kind, struct task_numa *out)
{
	const struct vm *vm = t->vm;
	unsigned pool = (unsigned)kind - AREA_HUGETLB;
	bool huge = kind != AREA_ANON;
	if (huge && pool >= vm->nr_hugetlb)
		return false;
	if (huge ? !READ_RELAXED(&t->huge_mapped[pool]) : !page_index_nr(&t->anon))
		return false;
	*out = (struct task_numa){
		.start = area_start(vm, kind),
		.page_kb = PAGES_TO_KB(huge ? 1ull << vm->hugetlb[pool].order : 1),
	};
	index_count(t, huge ? &t->hugetlb[pool] : &t->anon, out);
	return true;
}
