/* SPDX-License-Identifier: MIT */
#ifndef MOVE_FIXTURE_H
#define MOVE_FIXTURE_H

/* Single pages moved to frames of a node, as compaction moves them. */
#include "support/vm_fixture.h"

#include "mm/pcp.h"
#include "policy/gfp.h"
#include "policy/migrate.h"

/* To any free frame of that node (-1: of any), which is *to on success. Inside c. PAGE_BUSY also when there is none. */
static inline enum page_fate page_move_inside(struct vm *vm, struct cpu *c, struct page *page,
					      int nid, struct page **to)
{
	const gfp_t gfp = (GFP_HIGHUSER_MOVABLE & ~(gfp_t)__GFP_DIRECT_RECLAIM) |
			  (nid >= 0 ? __GFP_THISNODE : 0);
	*to = alloc_pages(&vm->policy, c, nid, gfp, 0);
	if (!*to)
		return PAGE_BUSY;
	enum page_fate fate = page_migrate(&vm->policy, c, page, *to);
	page_give_single(c, fate == PAGE_GOES ? page : *to);
	return fate;
}

static inline enum page_fate page_move_to_node(struct vm *vm, struct page *page, int nid, struct page **to)
{
	struct cpu *c = &vm->machine.cpu[0];
	cpu_enter(c);
	enum page_fate fate = page_move_inside(vm, c, page, nid, to);
	cpu_leave(c);
	return fate;
}

/* It does move. */
static inline struct page *move_page(struct vm *vm, struct page *page, int nid)
{
	struct page *to = NULL;
	assert_int_equal(page_move_to_node(vm, page, nid, &to), PAGE_GOES);
	assert_ptr_not_equal(to, page);
	return to;
}

#endif
