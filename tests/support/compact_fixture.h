/* SPDX-License-Identifier: MIT */
#ifndef COMPACT_FIXTURE_H
#define COMPACT_FIXTURE_H

/*
 * Zones full of pages of an owner who moves them, and tells them apart by their
 * index: owned.at[index] is where the page is, private says which it is.
 */

#include "base/rng.h"
#include "policy/compact_control.h"
#include "support/policy_fixture.h"

#define OWNED_MOST 65536
#define NORMAL 2

static struct {
	struct page *at[OWNED_MOST]; /* NULL: no such page */
	bool pinned[OWNED_MOST]; /* busy, whenever it is asked to move */
	unsigned nr; /* indices handed out */
	uint64_t moves;
} owned;

static enum page_fate owned_move(void *ctx, struct cpu *c, struct page *page, struct page *to)
{
	(void)ctx;
	assert_ptr_equal(owned.at[page->index], page);
	assert_true(page_node(c->machine, page) == page_node(c->machine, to));
	if (owned.pinned[page->index])
		return PAGE_BUSY;
	owned.moves++;
	to->owner = page->owner;
	to->index = page->index;
	to->private = page->private;
	owned.at[page->index] = to;
	return PAGE_GOES;
}

static enum page_fate owned_stays(void *ctx, struct cpu *c, struct page *page, bool dropping)
{
	(void)ctx;
	(void)c;
	(void)page;
	(void)dropping;
	return PAGE_STAYS;
}

static const struct owner_ops owned_ops = { .release = owned_stays, .move = owned_move };

/* The page, just taken, becomes one of the owner's. */
static inline unsigned owned_adopt(struct world *w, struct page *page, enum owner_kind kind,
				   enum lru_list list)
{
	unsigned index = owned.nr++;
	assert_true(index < OWNED_MOST);
	page->owner = owner_handle(kind, 7);
	page->index = index;
	page->private = ~(uint64_t)index;
	world_page_join(w, page, list);
	owned.at[index] = page;
	return index;
}

static inline void owned_drop(struct world *w, unsigned index)
{
	struct page *page = owned.at[index];
	assert_int_equal(page->private, ~(uint64_t)index);
	world_page_leave(w, page);
	owned.at[index] = NULL;
}

static inline void owned_drop_all(struct world *w)
{
	for (unsigned i = 0; i < owned.nr; i++)
		if (owned.at[i])
			owned_drop(w, i);
	cpu_drain(w->c);
}

/* Nothing but single frames in use, all of the zone. Page i is frame first + i then. */
static inline void owned_fill(struct world *w, struct zone *z, enum owner_kind kind, enum lru_list list)
{
	cpu_drain(w->c);
	for (struct page *page; (page = zone_take(w->c, z, 0, MIGRATE_MOVABLE, 0));)
		owned_adopt(w, page, kind, list);
	assert_int_equal(zone_free(z), 0);
}

/* Zones of kind Normal, 64 MiB each on two nodes; marks as low as they go. */
static inline struct world *world_owned(void)
{
	struct world *w = world_two_nodes(true);
	memset(&owned, 0, sizeof(owned));
	w->p.owner[OWNER_TASK_FILE] = w->p.owner[OWNER_TASK_ANON] = &owned_ops;
	w->p.compact.unevictable_allowed = 1;
	w->p.compact.extfrag_threshold = 500;
	world_marks(w, 128);
	return w;
}

static inline void world_verify(struct world *w)
{
	cpu_leave(w->c);
	assert_verified(&w->m);
	cpu_enter(w->c);
}

static inline void owned_end(struct world *w)
{
	owned_drop_all(w);
	world_end(w);
}

static inline uint64_t zone_top_blocks(const struct zone *z)
{
	return zone_free_blocks(z, MM_ORDER_MAX);
}

/* Pages of the owner in [start, end). */
static inline unsigned owned_between(struct world *w, uint64_t start, uint64_t end)
{
	unsigned nr = 0;
	for (unsigned i = 0; i < owned.nr; i++)
		nr += owned.at[i] && page_pfn(&w->m, owned.at[i]) >= start &&
		      page_pfn(&w->m, owned.at[i]) < end;
	return nr;
}

/* Of zone Normal of the first node, from its ends. */
static inline struct compact_control owned_pass(struct world *w, int order, enum compact_mode mode)
{
	struct zone *z = world_zone(w, 0, NORMAL);
	struct compact_control cc;
	compact_control_init(&cc, &w->p, w->c, z);
	cc.order = order;
	cc.mode = mode;
	cc.mt = MIGRATE_MOVABLE;
	cc.migrate_pfn = z->start_pfn;
	cc.free_pfn = pageblock_start(z, zone_end(z) - 1);
	return cc;
}

/* Zone Normal of the first node: frames whose number masked is `kept` are used, no other. */
static inline struct zone *owned_fill_but(struct world *w, unsigned mask, unsigned kept)
{
	struct zone *z = world_zone(w, 0, NORMAL);
	owned_fill(w, z, OWNER_TASK_FILE, LRU_INACTIVE_FILE);
	for (unsigned i = 0; i < owned.nr; i++)
		if ((page_pfn(&w->m, owned.at[i]) & mask) != kept)
			owned_drop(w, i);
	cpu_drain(w->c);
	return z;
}

#endif
