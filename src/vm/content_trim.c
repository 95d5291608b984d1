/* SPDX-License-Identifier: MIT */
/*
 * See content_trim.h. Blocks whose frames have bytes are taken off the free
 * lists, a few at a time, discarded without the zone's lock, and given back.
 * The CPU is ours meanwhile, so whoever stops the machine sees every block on
 * its list. Frames on per-CPU lists are left alone: they are few.
 */
#include "vm/content_trim.h"

#include "mm/buddy.h"
#include "policy/reclaim.h"

#include <errno.h>

#define TRIM_PAGES 8192ul /* at a time, at least: the walk is what costs */
#define TRIM_BLOCKS 64u
#define RESERVE_SHIFT 6 /* of the limit, which files leave to others */
#define ROUNDS 16

struct trim {
	struct vm *vm;
	struct zone *zone;
	unsigned nr;
	struct trim_block {
		pfn_t pfn;
		uint8_t order, migratetype;
	} block[TRIM_BLOCKS];
};

static bool page_has_content(const struct page *p)
{
	return READ_RELAXED(&p->flags) & PG_CONTENT;
}

static bool block_has_content(const struct page *block, unsigned order)
{
	for (const struct page *p = block; p < block + (1ul << order); p++)
		if (page_has_content(p))
			return true;
	return false;
}

/* zone lock */
static void list_collect(struct trim *t, unsigned order, unsigned mt)
{
	struct machine *m = t->zone->machine;
	pfn_t next;
	for (pfn_t pfn = t->zone->area[order].list[mt].head; pfn && t->nr < TRIM_BLOCKS; pfn = next) {
		struct page *block = pfn_page(m, pfn);
		next = block->next;
		if (!block_has_content(block, order))
			continue;
		t->block[t->nr++] = (struct trim_block){ pfn, (uint8_t)order, (uint8_t)mt };
		buddy_remove(t->zone, pfn);
	}
}

static void blocks_collect(struct trim *t)
{
	t->nr = 0;
	lock_take(&t->zone->lock);
	for (unsigned order = MM_ORDERS; order-- > 0 && t->nr < TRIM_BLOCKS;)
		for (unsigned mt = 0; mt < MIGRATE_ISOLATE; mt++) /* isolated ones are somebody's work */
			list_collect(t, order, mt);
	lock_drop(&t->zone->lock);
}

static void blocks_return(const struct trim *t)
{
	lock_take(&t->zone->lock);
	for (unsigned i = 0; i < t->nr; i++)
		buddy_give(t->zone, t->block[i].pfn, t->block[i].order,
			   (enum migratetype)t->block[i].migratetype);
	lock_drop(&t->zone->lock);
}

/* The frames of a block that is nobody's. Neighbours go in one call. Returns how many went. */
static uint64_t block_discard(struct vm *vm, struct page *block, unsigned order)
{
	struct page *end = block + (1ul << order);
	uint64_t gone = 0;
	for (struct page *p = block, *from; p < end; p++) {
		if (!page_has_content(p))
			continue;
		for (from = p; p < end && page_has_content(p); p++)
			;
		if (!region_discard(vm->region, page_pfn(&vm->machine, from), (uint64_t)(p - from)))
			return gone;
		gone += (uint64_t)(p - from);
		for (; from < p; from++)
			WRITE_RELAXED(&from->flags, (uint8_t)(from->flags & ~PG_CONTENT));
	}
	return gone;
}

static uint64_t zone_trim(struct trim *t, uint64_t wanted)
{
	uint64_t gone = 0, before;
	do {
		before = gone;
		blocks_collect(t);
		for (unsigned i = 0; i < t->nr; i++)
			gone += block_discard(t->vm, pfn_page(&t->vm->machine, t->block[i].pfn),
					      t->block[i].order);
		blocks_return(t);
	} while (gone < wanted && gone > before);
	return gone;
}

uint64_t content_trim(struct vm *vm, struct cpu *c, uint64_t wanted)
{
	struct trim t = { .vm = vm };
	uint64_t gone = 0;
	wanted = MAX(wanted, TRIM_PAGES);
	if (vm->region->backing == BACKING_HUGETLB)
		return 0;
	FOR_EACH_POPULATED_ZONE(z, &vm->machine) {
		if (gone >= wanted)
			break;
		t.zone = z;
		cpu_enter(c);
		gone += zone_trim(&t, wanted - gone);
		cpu_leave(c);
	}
	return gone;
}

void content_unify(struct vm *vm, struct page *page, unsigned order)
{
	unsigned long nr = 0;
	if (!READ_RELAXED(&vm->content_stays) || !vm->region || vm->region->backing == BACKING_HUGETLB)
		return;
	for (struct page *p = page; p < page + (1ul << order); p++)
		nr += page_has_content(p);
	if (nr && nr < 1ul << order)
		block_discard(vm, page, order);
}

/* ---- Charging ---- */

bool content_charge_try(struct region *r, uint64_t nr)
{
	uint64_t reserve = r->backing == BACKING_HUGETLB ? 0 : r->limit_pages >> RESERVE_SHIFT;
	uint64_t used = READ_RELAXED(&r->used_pages);
	if (used + nr > r->limit_pages - reserve)
		return false;
	return !region_charge(r, nr);
}

/* Clean pages go for the sake of their frames. Were there any, or has something been written? */
static bool pages_reclaim(struct vm *vm, struct cpu *c, uint64_t wanted)
{
	struct reclaim r = { .policy = &vm->policy,
			     .cpu = c,
			     .type_mask = ~0u,
			     .wanted = MAX(wanted, TRIM_PAGES / 4),
			     .may_unmap = true,
			     .may_leave = true };
	cpu_enter(c);
	for (r.priority = DEF_PRIORITY / 2; !r.freed; r.priority--) {
		for (unsigned n = 0; n < vm->machine.nr_nodes; n++)
			if (vm->machine.node[n].has_memory)
				reclaim_shrink_node(&r, &vm->machine.node[n]);
		if (!r.priority)
			break;
	}
	bool again = r.freed || reclaim_wait(&vm->policy, c);
	cpu_leave(c);
	return again;
}

static int content_charge(struct vm *vm, struct cpu *c, uint64_t nr)
{
	for (unsigned round = 0; !content_charge_try(vm->region, nr); round++) {
		if (content_trim(vm, c, nr))
			continue;
		if (round >= ROUNDS || vm->region->backing == BACKING_HUGETLB || !pages_reclaim(vm, c, nr))
			return -ENOMEM;
	}
	return 0;
}

int content_claim(struct vm *vm, struct cpu *c, struct page *const *page, unsigned nr)
{
	uint64_t missing = 0;
	for (unsigned k = 0; k < nr; k++)
		missing += !page_has_content(page[k]);
	if (!missing)
		return 0;
	int error = content_charge(vm, c, missing);
	if (error)
		return error;
	if (!READ_RELAXED(&vm->content_stays))
		WRITE_RELAXED(&vm->content_stays, true);
	for (unsigned k = 0; k < nr; k++)
		if (!page_has_content(page[k]))
			WRITE_RELAXED(&page[k]->flags, (uint8_t)(page[k]->flags | PG_CONTENT));
	return 0;
}
