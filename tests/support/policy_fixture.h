/* SPDX-License-Identifier: MIT */
#ifndef POLICY_FIXTURE_H
#define POLICY_FIXTURE_H

/*
 * A machine with a policy and one owner of clean file pages, as small as the
 * question allows. Until kswapd has run inline, counters have no drift and CPUs keep nothing on their lists,
 * so that marks are met to the page. Nothing is boosted unless a test wants it.
 */

#include "mm/buddy.h"
#include "mm/lru.h"
#include "mm/mark.h"
#include "policy/policy.h"
#include "support/small_machine.h"

#define HELD_MOST 131072

struct world {
	struct machine m;
	struct policy p;
	struct cpu *c; /* CPU 0, entered */
	bool refuse; /* the owner lets nothing go */
	uint64_t released; /* relaxed */
	struct page *held[HELD_MOST];
	unsigned nr_held;
};

static enum page_fate owner_release(void *ctx, struct cpu *c, struct page *page, bool dropping)
{
	(void)c;
	(void)dropping;
	struct world *w = ctx;
	if (w->refuse)
		return PAGE_BUSY;
	assert_int_equal(owner_kind(page->owner), OWNER_TASK_FILE);
	assert_int_equal(owner_id(page->owner), 7);
	__atomic_fetch_add(&w->released, 1, __ATOMIC_RELAXED);
	return PAGE_GOES;
}

static const struct owner_ops file_owner = { .release = owner_release };

/* After marks or lists were tuned anew. */
static inline void world_sharpen(struct world *w)
{
	cpu_drain(w->c);
	FOR_EACH_POPULATED_ZONE(z, &w->m) {
		z->stat_threshold = 0;
		MASK_FOR_EACH(cpu, &w->m.cpus_online)
			w->m.cpu[cpu].zone[z->id].pcp.high = 0, w->m.cpu[cpu].zone[z->id].pcp.batch = 1;
	}
	for (unsigned n = 0; n < w->m.nr_nodes; n++)
		w->m.node[n].stat_threshold = 0;
}

static inline void world_marks(struct world *w, int min_free_kbytes)
{
	cpu_leave(w->c);
	w->m.tune.min_free_kbytes = min_free_kbytes;
	machine_update_watermarks(&w->m);
	cpu_enter(w->c);
	world_sharpen(w);
}

static inline struct world *world_begin(struct machine_spec *s, bool inline_reclaim)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	small_boot(&w->m, s);
	assert_int_equal(policy_init(&w->p, &w->m, inline_reclaim), 0);
	w->p.owner[OWNER_TASK_FILE] = &file_owner;
	w->p.owner_ctx = w;
	w->m.tune.watermark_boost_factor = 0;
	w->c = &w->m.cpu[0];
	cpu_enter(w->c);
	world_sharpen(w);
	return w;
}

/* DMA 16 MiB, DMA32 112 MiB, Normal 128 MiB and Movable 32 MiB on one node. */
static inline struct world *world_one_node(bool inline_reclaim)
{
	static const struct zone_shape shape[] = { { 0, 0, 1, 4096, 0 },
						   { 0, 1, 4096, 32768, 0 },
						   { 0, 2, 1048576, 1081344, 0 },
						   { 0, 3, 1081344, 1089536, 0 } };
	struct machine_spec s;
	small_spec(&s, 1, 2);
	small_spec_zones(&s, shape, ARRAY_LEN(shape));
	return world_begin(&s, inline_reclaim);
}

/* Two nodes of one zone Normal each, 64 MiB, one CPU. */
static inline struct world *world_two_nodes(bool inline_reclaim)
{
	static const struct zone_shape shape[] = { { 0, 2, 16384, 32768, 0 }, { 1, 2, 32768, 49152, 0 } };
	struct machine_spec s;
	small_spec(&s, 2, 1);
	small_spec_zones(&s, shape, ARRAY_LEN(shape));
	return world_begin(&s, inline_reclaim);
}

static inline struct zone *world_zone(struct world *w, unsigned node, unsigned type)
{
	return machine_zone(&w->m, node, type);
}

static inline uint64_t zone_free(const struct zone *z)
{
	return (uint64_t)zone_stat_sum(z, NR_FREE_PAGES);
}

static inline uint64_t world_event(const struct world *w, unsigned e)
{
	uint64_t sum = 0;
	MASK_FOR_EACH(cpu, &w->m.cpus_online)
		sum += READ_RELAXED(&w->m.cpu[cpu].event[e]);
	return sum;
}

static inline void world_hold(struct world *w, struct page *page)
{
	assert_true(w->nr_held < HELD_MOST);
	page->index = page->order;
	w->held[w->nr_held++] = page;
}

/* Take pages of one zone, past the policy, until so many are free. */
static inline void zone_leave_free(struct world *w, struct zone *z, uint64_t nr)
{
	cpu_drain(w->c);
	while (zone_free(z) > nr) {
		unsigned order = zone_free(z) - nr >= MM_TOP_PAGES && zone_free_blocks(z, MM_ORDER_MAX)
					 ? MM_ORDER_MAX
					 : 0;
		struct page *page = zone_take(w->c, z, order, MIGRATE_MOVABLE, 0);
		assert_non_null(page);
		world_hold(w, page);
	}
	assert_int_equal(zone_free(z), nr);
	assert_int_equal(w->c->zone[z->id].pcp.count, 0);
}

/* So many clean file pages from one zone, on the inactive list of its node. */
static inline void zone_fill_with_file(struct world *w, struct zone *z, unsigned nr, enum lru_list list)
{
	for (unsigned i = 0; i < nr; i++) {
		struct page *page = zone_take(w->c, z, 0, MIGRATE_MOVABLE, 0);
		assert_non_null(page);
		page->owner = owner_handle(OWNER_TASK_FILE, 7);
		lock_take(&z->node->lru.lock);
		lru_add(w->c, page, list);
		lock_drop(&z->node->lru.lock);
		node_stat_add(w->c, z->node, NR_FILE_PAGES, 1);
	}
}

static inline struct page *alloc(struct world *w, gfp_t gfp, unsigned order)
{
	return alloc_pages(&w->p, w->c, -1, gfp, order);
}

/* Where a request is served; the page goes back at once. */
static inline struct zone *served_from(struct world *w, int nid, gfp_t gfp, unsigned order)
{
	struct page *page = alloc_pages(&w->p, w->c, nid, gfp, order);
	if (!page)
		return NULL;
	struct zone *z = page_zone(&w->m, page);
	free_pages(w->c, page, order);
	return z;
}

/* Take single pages until there are none for this request; returns how many were had. */
static inline unsigned exhaust(struct world *w, gfp_t gfp)
{
	unsigned nr = 0;
	for (struct page *page; (page = alloc(w, gfp, 0)); nr++)
		world_hold(w, page);
	return nr;
}

static inline void world_release_held(struct world *w)
{
	while (w->nr_held) {
		struct page *page = w->held[--w->nr_held];
		page_give(w->c, page, page->index);
	}
	cpu_drain(w->c);
}

static inline void world_end(struct world *w)
{
	world_release_held(w);
	cpu_leave(w->c);
	policy_fini(&w->p);
	end_machine(&w->m);
	free(w);
}

/* A page just taken, whose owner is set, goes onto a list of its node and is counted as its kind is. */
static inline void world_page_join(struct world *w, struct page *page, enum lru_list list)
{
	struct node *n = page_node(&w->m, page);
	bool anon = owner_kind(page->owner) == OWNER_TASK_ANON;
	lock_take(&n->lru.lock);
	lru_add(w->c, page, list);
	lock_drop(&n->lru.lock);
	node_stat_add(w->c, n, anon ? NR_ANON_MAPPED : NR_FILE_PAGES, 1);
}

/* And comes off it, and is free. */
static inline void world_page_leave(struct world *w, struct page *page)
{
	struct node *n = page_node(&w->m, page);
	bool anon = owner_kind(page->owner) == OWNER_TASK_ANON;
	lock_take(&n->lru.lock);
	lru_del(w->c, page);
	lock_drop(&n->lru.lock);
	page_unmark(w->c, page);
	node_stat_add(w->c, n, anon ? NR_ANON_MAPPED : NR_FILE_PAGES, -1);
	page_give(w->c, page, 0);
}

#endif
