/* SPDX-License-Identifier: MIT */
/*
 * Overcommit accounting: what has been promised (Committed_AS), whether more
 * may be (mm/util.c: __vm_enough_memory, vm_commit_limit; mm/mmap.c:
 * init_user_reserve, init_admin_reserve, 6.1). Differs from Linux in that the
 * promise is one exact atomic number, not a per-CPU counter that may lag.
 * There is no swap yet; that of an imported machine adds to the limit as it did there.
 */
#include "vm/vm.h"

#include <errno.h>

enum { OVERCOMMIT_GUESS, OVERCOMMIT_ALWAYS, OVERCOMMIT_NEVER };

#define KB_TO_PAGES(kb) ((kb) >> (PAGE_SHIFT - 10))
#define ADMIN_RESERVE_MAX_KB (8ull << 10)
#define USER_RESERVE_MAX_KB (128ull << 10)

void overcommit_init(struct vm *vm)
{
	uint64_t free_pages = 0;
	FOR_EACH_POPULATED_ZONE(z, &vm->machine)
		free_pages += zone_stat_read(z, NR_FREE_PAGES);

	uint64_t part_kb = PAGES_TO_KB(free_pages) / 32; /* 3 % */
	vm->overcommit = (struct overcommit){
		.memory = OVERCOMMIT_GUESS,
		.ratio = 50,
		.admin_reserve_kbytes = MIN(part_kb, ADMIN_RESERVE_MAX_KB),
		.user_reserve_kbytes = MIN(part_kb, USER_RESERVE_MAX_KB),
	};
}

/* As in Linux a negative ratio is a very large one, and huge pages take no part in either side. */
uint64_t vm_commit_limit_pages(const struct vm *vm)
{
	uint64_t kbytes = READ_RELAXED(&vm->overcommit.kbytes);
	uint64_t swap_pages = KB_TO_PAGES(vm->machine.facts.swap_total_kb);
	if (kbytes)
		return KB_TO_PAGES(kbytes) + swap_pages;

	uint64_t ratio = (uint64_t)READ_RELAXED(&vm->overcommit.ratio);
	uint64_t huge_pages = 0;
	for (unsigned i = 0; i < vm->nr_hugetlb; i++)
		huge_pages += READ_RELAXED(&vm->hugetlb[i].nr) << vm->hugetlb[i].order;
	return (vm->total_pages - huge_pages) * ratio / 100 + swap_pages;
}

/* What must stay below the limit for root to log in, and for the user to recover from one large process. */
static int64_t reserve_pages(const struct vm *vm, const struct task *t)
{
	uint64_t pages = 0;
	if (!t)
		return 0;
	if (t->uid != 0)
		pages += KB_TO_PAGES(READ_RELAXED(&vm->overcommit.admin_reserve_kbytes));
	uint64_t user = KB_TO_PAGES(READ_RELAXED(&vm->overcommit.user_reserve_kbytes));
	return (int64_t)(pages + MIN(page_index_nr(&t->anon) / 32, user));
}

/* `committed` already counts the pages asked for. */
static bool commit_allowed(const struct vm *vm, const struct task *t, uint64_t pages, int64_t committed)
{
	switch (READ_RELAXED(&vm->overcommit.memory)) {
	case OVERCOMMIT_ALWAYS:
		return true;
	case OVERCOMMIT_GUESS:
		return pages <= vm->total_pages;
	default:
		return MAX(committed, 0) < (int64_t)vm_commit_limit_pages(vm) - reserve_pages(vm, t);
	}
}

int vm_commit(struct vm *vm, const struct task *t, uint64_t pages)
{
	int64_t committed =
		__atomic_add_fetch(&vm->overcommit.committed_pages, (int64_t)pages, __ATOMIC_RELAXED);
	if (commit_allowed(vm, t, pages, committed))
		return 0;
	vm_uncommit(vm, pages);
	return -ENOMEM;
}

void vm_commit_again(struct vm *vm, uint64_t pages)
{
	__atomic_fetch_add(&vm->overcommit.committed_pages, (int64_t)pages, __ATOMIC_RELAXED);
}

void vm_uncommit(struct vm *vm, uint64_t pages)
{
	__atomic_fetch_sub(&vm->overcommit.committed_pages, (int64_t)pages, __ATOMIC_RELAXED);
}

/* A struct page and a slot in the owner's index. Little is not worth asking the host. */
int vm_tables_room(const struct vm *vm, uint64_t pages)
{
	uint64_t bytes = pages * (sizeof(struct page) + sizeof(pfn_t));
	if (!vm->region || bytes < 4ull << 20)
		return 0;
	return region_has_room(vm->region, bytes) ? 0 : -ENOMEM;
}
