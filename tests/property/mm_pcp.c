/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU lists over the buddy system: several CPUs take and give blocks of
 * all orders and types, give back what others took, drain now and then. No
 * frame is ever in two hands, every page is held, on a CPU's list or free, and
 * what is free at the end is whole. mm_verify agrees all the way.
 */

#include "mm/buddy.h"
#include "mm/pcp.h"
#include "support/random_machine.h"
#include "support/small_machine.h"

#define STEPS 6000
#define VERIFY_EVERY 512

struct held {
	struct page *page;
	unsigned order;
};

struct world {
	struct machine m;
	struct rng rng;
	uint8_t *in_hand; /* by frame */
	struct held *held;
	unsigned nr_held;
	uint64_t pages_held;
};

static struct cpu *random_cpu(struct world *w)
{
	return &w->m.cpu[rng_below(&w->rng, w->m.nr_cpu_ids)];
}

static struct zone *random_zone(struct world *w)
{
	struct zone *zone[8];
	unsigned nr = 0;
	FOR_EACH_POPULATED_ZONE(z, &w->m)
		zone[nr++] = z;
	return zone[rng_below(&w->rng, nr)];
}

static void mark(struct world *w, const struct page *page, unsigned order, uint8_t to)
{
	pfn_t pfn = page_pfn(&w->m, page);
	assert_int_equal(pfn % (1u << order), 0);
	for (uint64_t at = pfn; at < pfn + (1ull << order); at++) {
		assert_int_equal(w->in_hand[at], !to);
		w->in_hand[at] = to;
	}
}

static void step_take(struct world *w)
{
	struct cpu *c = random_cpu(w);
	unsigned order = rng_below(&w->rng, 4) ? (unsigned)rng_below(&w->rng, 4)
					       : (unsigned)rng_below(&w->rng, MM_ORDERS);
	enum migratetype mt = (enum migratetype)rng_below(&w->rng, MIGRATE_PCPTYPES);
	cpu_enter(c);
	struct zone *z = random_zone(w);
	struct page *page = zone_take(c, z, order, mt, (unsigned)rng_below(&w->rng, 4));
	cpu_leave(c);
	if (!page)
		return;
	assert_ptr_equal(page_zone(&w->m, page), z);
	assert_int_equal(page->order, order);
	assert_int_equal(page->owner, 0);
	mark(w, page, order, 1);
	w->held[w->nr_held++] = (struct held){ page, order };
	w->pages_held += 1u << order;
	if (!rng_below(&w->rng, 50))
		zone_reserve_highatomic(z, page);
	page->owner = 77; /* must be gone when it comes out again */
}

static struct held held_remove(struct world *w)
{
	unsigned i = (unsigned)rng_below(&w->rng, w->nr_held);
	struct held h = w->held[i];
	w->held[i] = w->held[--w->nr_held];
	w->pages_held -= 1u << h.order;
	mark(w, h.page, h.order, 0);
	return h;
}

static void step_give(struct world *w)
{
	if (!w->nr_held)
		return;
	struct held h = held_remove(w);
	struct cpu *c = random_cpu(w);
	cpu_enter(c);
	if (h.order || rng_below(&w->rng, 8))
		page_give(c, h.page, h.order);
	else
		pages_give_direct(c, &h.page, 1);
	cpu_leave(c);
}

static void step_disturb(struct world *w)
{
	struct zone *z = random_zone(w);
	struct cpu *c = random_cpu(w);
	switch (rng_below(&w->rng, 5)) {
	case 0:
		cpu_enter(c);
		cpu_drain(c);
		cpu_leave(c);
		break;
	case 1:
		machine_drain(&w->m);
		break;
	case 2:
		machine_stat_fold(&w->m);
		break;
	case 3:
		c->zone[z->id].pcp.reclaim_active = !c->zone[z->id].pcp.reclaim_active;
		node_update_thresholds(z->node, c->zone[z->id].pcp.reclaim_active);
		break;
	default:
		w->m.tune.percpu_pagelist_high_fraction =
			rng_below(&w->rng, 2) ? 8 + (int)rng_below(&w->rng, 90) : 0;
		machine_update_pagesets(&w->m);
	}
}

static void assert_conserved(struct world *w)
{
	uint64_t pages = w->pages_held, counted = w->pages_held;
	FOR_EACH_POPULATED_ZONE(z, &w->m) {
		pages += zone_buddy_pages(z);
		counted += (uint64_t)zone_stat_sum(z, NR_FREE_PAGES);
		for (unsigned i = 0; i < w->m.nr_cpu_ids; i++) {
			pages += (unsigned)w->m.cpu[i].zone[z->id].pcp.count;
			counted += (unsigned)w->m.cpu[i].zone[z->id].pcp.count;
		}
	}
	assert_int_equal(pages, w->m.managed_pages);
	assert_int_equal(counted, w->m.managed_pages);
}

static void world_begin(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	rng_init(&w->rng, seed);
	random_machine(&w->m, &w->rng);
	w->in_hand = calloc(w->m.end_pfn, 1);
	w->held = calloc(w->m.end_pfn, sizeof(*w->held));
	assert_true(w->in_hand && w->held);
}

static void world_end(struct world *w)
{
	while (w->nr_held)
		step_give(w);
	machine_drain(&w->m);
	assert_conserved(w);
	FOR_EACH_POPULATED_ZONE(z, &w->m)
		for (unsigned order = 0; order < w->m.pageblock_order; order++)
			assert_int_equal(zone_free_blocks(z, order), zone_whole_blocks(z, order));
	end_machine(&w->m);
	free(w->in_hand);
	free(w->held);
}

static void test_pages_are_conserved(void **state)
{
	(void)state;
	static struct world w;
	uint64_t seed = property_seed();
	for (unsigned round = property_rounds(40); round; round--, seed++) {
		print_message("round %u, SEED=%lu\n", round, (unsigned long)seed);
		world_begin(&w, seed);
		for (unsigned i = 0; i < STEPS; i++) {
			bool filling = i / 1000 % 2 == 0;
			if (!rng_below(&w.rng, 40))
				step_disturb(&w);
			else if (rng_below(&w.rng, 3) ? filling : !filling)
				step_take(&w);
			else
				step_give(&w);
			if (i % VERIFY_EVERY)
				continue;
			assert_conserved(&w);
			assert_verified(&w.m);
		}
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_are_conserved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
