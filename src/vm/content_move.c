/* SPDX-License-Identifier: MIT */
/*
 * See content_move.h. A new frame is charged before it gets bytes, but leaves
 * others what content_claim leaves them. When that much is not to be had, the
 * charge of the old frame becomes that of the new one: for the length of a copy
 * one frame more than the limit is in use.
 */
#include "vm/content_move.h"

#include "vm/content_trim.h"
#include "vm/task_private.h"

#include <string.h>

static void content_mark(struct page *page, bool has)
{
	unsigned flags = page->flags & ~(unsigned)PG_CONTENT;
	WRITE_RELAXED(&page->flags, (uint8_t)(flags | (has ? PG_CONTENT : 0)));
}

static void bytes_copy(const struct vm *vm, const struct page *page, const struct page *to)
{
	const struct machine *m = &vm->machine;
	memcpy(region_frame(vm->region, page_pfn(m, to)),
	       region_frame(vm->region, page_pfn(m, page)), PAGE_SIZE);
}

/* The copy is made: the old frame is charged no more. */
static void charge_move(struct vm *vm, struct page *page)
{
	struct region *r = vm->region;
	region_charge_anyway(r, 1);
	if (region_discard(r, page_pfn(&vm->machine, page), 1))
		content_mark(page, false);
	else if (!READ_RELAXED(&vm->content_stays))
		WRITE_RELAXED(&vm->content_stays, true);
}

void content_move(struct vm *vm, struct page *page, struct page *to)
{
	if (!vm->region)
		return;
	if (!(page->flags & PG_CONTENT)) {
		content_scrub(vm, to, 0);
		return;
	}
	bool charged = to->flags & PG_CONTENT || content_charge_try(vm->region, 1);
	bytes_copy(vm, page, to);
	content_mark(to, true);
	if (!charged)
		charge_move(vm, page);
	else if (!READ_RELAXED(&vm->content_stays))
		WRITE_RELAXED(&vm->content_stays, true);
}
