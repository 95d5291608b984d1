/* SPDX-License-Identifier: MIT */
/*
 * Ranges of frames against random use: pages that move, pages that do not, blocks
 * of many orders and ranges come and go, alone and beside another thread on another CPU.
 * After each step every list agrees with every counter, ranges overlap nothing,
 * and every page that moved is known to its owner.
 */
#include "base/rng.h"
#include "mm/lru.h"
#include "policy/contig.h"
#include "support/policy_fixture.h"

#include <stdlib.h>

#define NORMAL 2
#define FIRST (1ul << 15)
#define PAGES (10ul << 12)
#define ORDER 12
#define OWN_MOST 20000
#define BLOCKS_MOST 200
#define RANGES_MOST 16

static struct {
	struct page *at[OWN_MOST];
	unsigned nr;
} own;

/* Under the LRU lock, as all that changes the index is. Now and then a page is busy. */
static enum page_fate own_move(void *ctx, struct cpu *c, struct page *page, struct page *to)
{
	(void)ctx;
	(void)c;
	assert_ptr_equal(own.at[page->index], page);
	if (page_pfn(c->machine, to) % 97 == 0)
		return PAGE_BUSY;
	to->owner = page->owner;
	to->index = page->index;
	own.at[page->index] = to;
	return PAGE_GOES;
}

static enum page_fate own_release(void *ctx, struct cpu *c, struct page *page, bool dropping)
{
	(void)ctx;
	(void)c;
	(void)page;
	(void)dropping;
	return PAGE_BUSY;
}

static const struct owner_ops own_ops = { .release = own_release, .move = own_move };

struct run {
	struct world *w;
	struct rng rng;
	struct page *block[BLOCKS_MOST], *range[RANGES_MOST];
	unsigned nr_blocks, nr_ranges, got;
	bool stop; /* relaxed */
};

static void own_take(struct run *r)
{
	struct world *w = r->w;
	struct page *page = own.nr < OWN_MOST
				    ? alloc(w, GFP_HIGHUSER_MOVABLE | __GFP_NORETRY | __GFP_NOWARN, 0)
				    : NULL;
	if (!page)
		return;
	struct node *n = page_node(&w->m, page);
	page->owner = owner_handle(OWNER_TASK_FILE, 7);
	page->index = own.nr;
	lock_take(&n->lru.lock);
	own.at[own.nr++] = page;
	lru_add(w->c, page, LRU_INACTIVE_FILE);
	lock_drop(&n->lru.lock);
	node_stat_add(w->c, n, NR_FILE_PAGES, 1);
}

static void own_give(struct run *r)
{
	struct world *w = r->w;
	struct node *n = &w->m.node[0];
	if (!own.nr)
		return;
	unsigned index = (unsigned)rng_below(&r->rng, own.nr);
	lock_take(&n->lru.lock);
	struct page *page = own.at[index];
	lru_del(w->c, page);
	own.at[index] = own.at[--own.nr];
	own.at[index]->index = index;
	lock_drop(&n->lru.lock);
	node_stat_add(w->c, n, NR_FILE_PAGES, -1);
	page_give(w->c, page, 0);
}

/* Movable as such, but nobody who would move them: ranges with one of them are left out. */
static void block_take(struct run *r)
{
	unsigned order = (unsigned)rng_below(&r->rng, 4);
	gfp_t gfp = rng_below(&r->rng, 2) ? GFP_KERNEL : GFP_ATOMIC;
	struct page *page = r->nr_blocks < BLOCKS_MOST
				    ? alloc(r->w, gfp | __GFP_NORETRY | __GFP_NOWARN, order)
				    : NULL;
	if (page)
		r->block[r->nr_blocks++] = page;
}

static void block_give(struct run *r)
{
	if (!r->nr_blocks)
		return;
	unsigned i = (unsigned)rng_below(&r->rng, r->nr_blocks);
	page_give(r->w->c, r->block[i], r->block[i]->order);
	r->block[i] = r->block[--r->nr_blocks];
}

static void use(struct run *r)
{
	unsigned much = 1 + (unsigned)rng_below(&r->rng, 300);
	bool grows = rng_below(&r->rng, 100) < (own.nr > OWN_MOST / 2 ? 30 : 60);
	for (unsigned i = 0; i < much; i++)
		grows ? own_take(r) : own_give(r);
	if (rng_below(&r->rng, 8) == 0)
		block_take(r);
	else if (rng_below(&r->rng, 8) == 0)
		block_give(r);
}

static void range_take(struct run *r)
{
	struct page *page = r->nr_ranges < RANGES_MOST ? contig_take(&r->w->p, 0, ORDER) : NULL;
	if (!page)
		return;
	assert_int_equal(page->order, ORDER);
	assert_int_equal(page_pfn(&r->w->m, page) % (1u << ORDER), 0);
	for (unsigned i = 0; i < r->nr_ranges; i++)
		assert_ptr_not_equal(r->range[i], page);
	r->range[r->nr_ranges++] = page;
	r->got++;
}

static void range_give(struct run *r, struct cpu *c)
{
	if (!r->nr_ranges)
		return;
	unsigned i = (unsigned)rng_below(&r->rng, r->nr_ranges);
	cpu_enter(c);
	contig_give(c, r->range[i], ORDER);
	cpu_leave(c);
	r->range[i] = r->range[--r->nr_ranges];
}

/* Nothing that is in use lies in a range. */
static void check(struct run *r)
{
	assert_verified(&r->w->m);
	for (unsigned i = 0; i < own.nr; i++) {
		assert_int_equal(own.at[i]->index, i);
		for (unsigned k = 0; k < r->nr_ranges; k++)
			assert_true(own.at[i] < r->range[k] || own.at[i] >= r->range[k] + (1u << ORDER));
	}
}

static struct run *run_begin(uint64_t seed)
{
	const struct zone_shape shape = { 0, NORMAL, FIRST, FIRST + PAGES, 100 };
	struct machine_spec s;
	struct run *r = calloc(1, sizeof(*r));
	small_spec(&s, 1, 2);
	small_spec_zones(&s, &shape, 1);
	r->w = world_begin(&s, true);
	r->w->p.owner[OWNER_TASK_FILE] = &own_ops;
	r->w->p.compact.proactiveness = 0;
	rng_init(&r->rng, seed);
	own.nr = 0;
	cpu_leave(r->w->c);
	machine_update_pagesets(&r->w->m); /* CPUs keep pages */
	return r;
}

static unsigned run_end(struct run *r)
{
	unsigned got = r->got;
	check(r);
	while (r->nr_ranges)
		range_give(r, r->w->c);
	cpu_enter(r->w->c);
	while (own.nr)
		own_give(r);
	while (r->nr_blocks)
		block_give(r);
	world_end(r->w);
	free(r);
	return got;
}

static void test_alone(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct run *r = run_begin(seed);
		for (unsigned step = 0; step < 60; step++) {
			cpu_enter(r->w->c);
			use(r);
			cpu_leave(r->w->c);
			if (rng_below(&r->rng, 2))
				range_take(r);
			else if (rng_below(&r->rng, 2))
				range_give(r, r->w->c);
			if (step % 8 == 0)
				check(r);
		}
		if (!run_end(r))
			fail_msg("seed %lu: not one range", (unsigned long)seed);
	}
}

static void *ranges_main(void *arg)
{
	struct run *beside = arg;
	while (!READ_RELAXED(&beside->stop)) {
		if (rng_below(&beside->rng, 3))
			range_take(beside);
		else
			range_give(beside, &beside->w->m.cpu[0]);
	}
	return NULL;
}

/* One thread uses pages, the other takes ranges. */
static void test_beside_users(void **state)
{
	(void)state;
	struct run *r = run_begin(99), beside = { .w = r->w };
	pthread_t thread;
	r->w->c = &r->w->m.cpu[1]; /* ranges are taken on the first one */
	rng_init(&beside.rng, 100);
	assert_int_equal(pthread_create(&thread, NULL, ranges_main, &beside), 0);
	for (unsigned step = 0; step < 4000; step++) {
		cpu_enter(r->w->c);
		use(r);
		cpu_leave(r->w->c);
		if (step % 200 == 0)
			assert_verified(&r->w->m);
	}
	WRITE_RELAXED(&beside.stop, true);
	pthread_join(thread, NULL);
	memcpy(r->range, beside.range, sizeof(r->range));
	r->nr_ranges = beside.nr_ranges;
	r->got = beside.got;
	assert_true(run_end(r) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_alone),
					    cmocka_unit_test(test_beside_users) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
