/* SPDX-License-Identifier: MIT */
/*
 * Threads take and give pages that can move, on CPUs of their own, while others
 * compact the nodes and ask for blocks. mm_verify stops the machine again and
 * again and finds nothing, every page stays itself wherever it is, and at the
 * end all memory is back. For TSan above all.
 */

#include "base/rng.h"
#include "mm/lru.h"
#include "policy/policy.h"
#include "support/small_machine.h"

#include <stdlib.h>

#define OWNERS 2
#define SLOTS 6000 /* of each owner */
#define STEPS 40
#define COMPACTIONS 60

struct world {
	struct machine m;
	struct policy p;
	struct page *at[OWNERS * SLOTS]; /* LRU lock of the page's node */
	uint64_t moves; /* atomic */
};

struct owner {
	struct world *w;
	pthread_t thread;
	struct rng rng;
	unsigned id;
};

static enum page_fate page_move(void *ctx, struct cpu *c, struct page *page, struct page *to)
{
	struct world *w = ctx;
	(void)c;
	if (w->at[page->index] != page) /* its owner has it in his hands */
		return PAGE_BUSY;
	to->owner = page->owner;
	to->index = page->index;
	to->private = page->private;
	w->at[page->index] = to;
	__atomic_fetch_add(&w->moves, 1, __ATOMIC_RELAXED);
	return PAGE_GOES;
}

static const struct owner_ops ops = { .move = page_move };

/* Pages of an index stay on the node of its parity, so its LRU lock is known beforehand. */
static struct node *slot_node(struct world *w, unsigned index)
{
	return &w->m.node[index % 2];
}

static void slot_fill(struct world *w, struct cpu *c, unsigned index)
{
	struct node *n = slot_node(w, index);
	struct page *page = alloc_pages(&w->p, c, (int)n->id,
					GFP_HIGHUSER_MOVABLE | __GFP_THISNODE | __GFP_NOWARN, 0);
	if (!page)
		return;
	page->owner = owner_handle(OWNER_TASK_FILE, 1);
	page->index = index;
	page->private = ~(uint64_t)index;
	lock_take(&n->lru.lock);
	w->at[index] = page;
	lru_add(c, page, LRU_INACTIVE_FILE);
	lock_drop(&n->lru.lock);
	node_stat_add(c, n, NR_FILE_PAGES, 1);
}

static void slot_empty(struct world *w, struct cpu *c, unsigned index)
{
	struct node *n = slot_node(w, index);
	lock_take(&n->lru.lock);
	struct page *page = w->at[index];
	w->at[index] = NULL;
	lru_del(c, page);
	lock_drop(&n->lru.lock);
	if (page->private != ~(uint64_t)index || page->index != index)
		abort();
	node_stat_add(c, n, NR_FILE_PAGES, -1);
	free_pages(c, page, 0);
}

static bool slot_full(struct world *w, unsigned index)
{
	struct node *n = slot_node(w, index);
	lock_take(&n->lru.lock);
	bool full = w->at[index];
	lock_drop(&n->lru.lock);
	return full;
}

static void *owner_run(void *arg)
{
	struct owner *o = arg;
	struct world *w = o->w;
	struct cpu *c = &w->m.cpu[o->id];
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned odds = 1 + (unsigned)rng_below(&o->rng, 4);
		for (unsigned i = o->id * SLOTS; i < (o->id + 1) * SLOTS; i++) {
			if (rng_below(&o->rng, 5) >= odds)
				continue;
			cpu_enter(c);
			if (slot_full(w, i))
				slot_empty(w, c, i);
			else
				slot_fill(w, c, i);
			cpu_leave(c);
		}
	}
	return NULL;
}

static void *compactor_run(void *arg)
{
	struct owner *o = arg;
	struct world *w = o->w;
	struct cpu *c = &w->m.cpu[o->id];
	for (unsigned i = 0; i < COMPACTIONS; i++) {
		unsigned nid = (unsigned)rng_below(&o->rng, 2),
			 order = 1 + (unsigned)rng_below(&o->rng, MM_ORDER_MAX);
		if (compact_node(&w->p, &w->m.node[nid]))
			abort();
		cpu_enter(c);
		struct page *page =
			alloc_pages(&w->p, c, (int)nid, GFP_HIGHUSER_MOVABLE | __GFP_NOWARN, order);
		if (page)
			free_pages(c, page, order);
		cpu_leave(c);
	}
	return NULL;
}

static void test_storm(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 2, 16384, 24576, 0 }, { 1, 2, 24576, 32768, 0 } };
	static struct world w;
	static struct owner o[OWNERS + 2];
	small_machine(&w.m, 2, 2, shape, 2);
	assert_int_equal(policy_init(&w.p, &w.m, true), 0);
	w.p.owner[OWNER_TASK_FILE] = &ops;
	w.p.owner_ctx = &w;
	for (unsigned i = 0; i < ARRAY_LEN(o); i++) {
		o[i] = (struct owner){ .w = &w, .id = i };
		rng_init(&o[i].rng, i + 1);
		assert_int_equal(pthread_create(&o[i].thread, NULL,
						i < OWNERS ? owner_run : compactor_run, &o[i]),
				 0);
	}
	for (unsigned i = 0; i < 12; i++)
		assert_verified(&w.m);
	for (unsigned i = 0; i < ARRAY_LEN(o); i++)
		pthread_join(o[i].thread, NULL);
	assert_verified(&w.m);
	assert_true(w.moves > 0);
	cpu_enter(&w.m.cpu[0]);
	for (unsigned i = 0; i < OWNERS * SLOTS; i++)
		if (slot_full(&w, i))
			slot_empty(&w, &w.m.cpu[0], i);
	cpu_leave(&w.m.cpu[0]);
	machine_drain(&w.m);
	FOR_EACH_POPULATED_ZONE(z, &w.m)
		assert_int_equal(zone_stat_sum(z, NR_FREE_PAGES), z->managed);
	policy_fini(&w.p);
	end_machine(&w.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_storm) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
