/* SPDX-License-Identifier: MIT */
/*
 * Several threads allocate and free on the same and on different CPUs, with
 * page cache to reclaim, kswapd running, huge pages coming and going and marks
 * being changed. Meanwhile mm_verify stops the machine again and again and
 * finds nothing; at the end every page is back. For TSan above all.
 */

#include "base/rng.h"
#include "mm/buddy.h"
#include "mm/lru.h"
#include "policy/policy.h"
#include "support/random_machine.h"
#include "support/small_machine.h"

#include <time.h>

#define THREADS 4
#define HELD_MOST 12000
#define STEPS 6000

struct storm {
	struct machine m;
	struct policy p;
	struct hugetlb h;
	int64_t file_pages; /* atomic: what the owner has */
	bool stop; /* relaxed */
};

struct held {
	struct page *page;
	unsigned order;
};

struct worker {
	struct storm *s;
	pthread_t thread;
	struct rng rng;
	struct held held[HELD_MOST];
	unsigned nr_held;
	uint64_t served, refused;
};

static enum page_fate owner_release(void *ctx, struct cpu *c, struct page *page, bool dropping)
{
	(void)c;
	(void)dropping;
	struct storm *s = ctx;
	if (page_pfn(&s->m, page) % 13 == 0) /* some are busy, always */
		return PAGE_BUSY;
	__atomic_fetch_sub(&s->file_pages, 1, __ATOMIC_RELAXED);
	return PAGE_GOES;
}

static const struct owner_ops owner = { .release = owner_release };

static gfp_t random_gfp(struct rng *r)
{
	static const gfp_t gfp[] = { GFP_KERNEL,
				     GFP_HIGHUSER_MOVABLE,
				     GFP_ATOMIC,
				     GFP_NOWAIT,
				     GFP_KERNEL | __GFP_RECLAIMABLE,
				     GFP_KERNEL | __GFP_DMA,
				     GFP_KERNEL | __GFP_DMA32,
				     GFP_USER | __GFP_THISNODE,
				     GFP_KERNEL | __GFP_NORETRY,
				     GFP_KERNEL | __GFP_MEMALLOC,
				     GFP_NOFS | __GFP_NOFAIL };
	return gfp[rng_below(r, ARRAY_LEN(gfp))];
}

static void alloc_some(struct worker *w, struct cpu *c)
{
	struct storm *s = w->s;
	gfp_t gfp = random_gfp(&w->rng);
	unsigned order = rng_below(&w->rng, 4) ? 0 : (unsigned)rng_below(&w->rng, 6);
	int nid = rng_below(&w->rng, 4) ? -1 : (int)rng_below(&w->rng, s->m.nr_nodes);
	for (unsigned n = 1 + (unsigned)rng_below(&w->rng, 40); n && w->nr_held < HELD_MOST; n--) {
		struct page *page = alloc_pages(&s->p, c, nid, gfp, order);
		w->served += !!page;
		w->refused += !page;
		if (!page)
			break;
		w->held[w->nr_held++] = (struct held){ page, order };
	}
}

static void free_some(struct worker *w, struct cpu *c)
{
	for (unsigned n = 1 + (unsigned)rng_below(&w->rng, 60); n && w->nr_held; n--) {
		unsigned i = (unsigned)rng_below(&w->rng, w->nr_held);
		struct held h = w->held[i];
		w->held[i] = w->held[--w->nr_held];
		free_pages(c, h.page, h.order);
	}
}

static void read_file(struct worker *w, struct cpu *c)
{
	struct storm *s = w->s;
	for (unsigned n = 0; n < 64; n++) {
		struct page *page = alloc_pages(&s->p, c, -1, GFP_HIGHUSER_MOVABLE, 0);
		if (!page)
			return;
		struct node *node = page_zone(&s->m, page)->node;
		__atomic_fetch_add(&s->file_pages, 1, __ATOMIC_RELAXED);
		page->owner = owner_handle(OWNER_TASK_FILE, 1);
		node_stat_add(c, node, NR_FILE_PAGES, 1);
		lock_take(&node->lru.lock);
		lru_add(c, page, n % 2 ? LRU_ACTIVE_FILE : LRU_INACTIVE_FILE);
		lock_drop(&node->lru.lock);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct storm *s = w->s;
	for (unsigned i = 0; i < STEPS; i++) {
		struct cpu *c = &s->m.cpu[rng_below(&w->rng, s->m.nr_cpu_ids)];
		bool filling = i / 1000 % 2 == 0;
		cpu_enter(c);
		if (!rng_below(&w->rng, 20))
			read_file(w, c);
		else if (rng_below(&w->rng, 3) ? filling : !filling)
			alloc_some(w, c);
		else
			free_some(w, c);
		if (!rng_below(&w->rng, 200))
			cpu_drain(c);
		cpu_leave(c);
	}
	return NULL;
}

/* The operator: knobs, huge pages, drop_caches, and somebody who reads everything. */
static void *operate(void *arg)
{
	struct storm *s = arg;
	struct rng r;
	rng_init(&r, 5);
	while (!READ_RELAXED(&s->stop)) {
		switch (rng_below(&r, 6)) {
		case 0:
			lock_take(&s->m.tune_lock);
			s->m.tune.min_free_kbytes = (int)rng_below(&r, 8192);
			lock_drop(&s->m.tune_lock);
			machine_update_watermarks(&s->m);
			machine_update_lowmem_reserve(&s->m);
			kswapd_wake_all(&s->p);
			break;
		case 1:
			hugetlb_resize(&s->p, &s->h, rng_below(&r, 40),
				       rng_below(&r, 2) ? -1 : (int)rng_below(&r, s->m.nr_nodes));
			break;
		case 2:
			reclaim_drop_pagecache(&s->p);
			break;
		case 3:
			machine_stat_fold(&s->m);
			machine_numa_clear(&s->m);
			break;
		case 4:
			machine_drain(&s->m);
			break;
		default:
			assert_verified(&s->m);
		}
		struct timespec pause = { .tv_nsec = 2000000 };
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void storm_begin(struct storm *s)
{
	static const struct zone_shape shape[] = {
		{ 0, 0, 1, 4096, 0 },           { 0, 1, 4096, 20000, 100 },
		{ 0, 2, 1048576, 1058000, 0 },  { 0, 3, 1058000, 1060000, 0 },
		{ 1, 2, 1060864, 1075001, 17 }, { 1, 2, 1076000, 1080000, 0 },
	};
	struct machine_spec spec;
	small_spec(&spec, 2, 2);
	small_spec_zones(&spec, shape, ARRAY_LEN(shape));
	memset(s, 0, sizeof(*s));
	small_boot(&s->m, &spec);
	assert_int_equal(policy_init(&s->p, &s->m, false), 0);
	s->p.owner[OWNER_TASK_FILE] = &owner;
	s->p.owner_ctx = s;
	assert_int_equal(policy_start(&s->p), 0);
	assert_int_equal(hugetlb_init(&s->h, &s->m, s->m.pageblock_order), 0);
}

static void give_back(struct worker *w)
{
	struct cpu *c = &w->s->m.cpu[0];
	cpu_enter(c);
	while (w->nr_held) {
		struct held h = w->held[--w->nr_held];
		free_pages(c, h.page, h.order);
	}
	cpu_leave(c);
}

static void storm_end(struct storm *s)
{
	int64_t left = 0;
	hugetlb_resize(&s->p, &s->h, 0, -1);
	assert_int_equal(s->h.nr, 0);
	hugetlb_fini(&s->h);
	policy_fini(&s->p);
	reclaim_drop_pagecache(&s->p);
	machine_drain(&s->m);
	machine_stat_fold(&s->m);
	for (unsigned n = 0; n < s->m.nr_nodes; n++) {
		struct node *node = &s->m.node[n];
		left += (int64_t)(node->lru.size[LRU_INACTIVE_FILE] + node->lru.size[LRU_ACTIVE_FILE]);
		assert_int_equal(node_stat_read(node, NR_FILE_PAGES),
				 node->lru.size[LRU_INACTIVE_FILE] + node->lru.size[LRU_ACTIVE_FILE]);
	}
	assert_int_equal(left, s->file_pages); /* the busy ones */
	uint64_t free_pages_now = 0;
	FOR_EACH_POPULATED_ZONE(z, &s->m)
		free_pages_now += zone_buddy_pages(z);
	assert_int_equal(free_pages_now + (uint64_t)left, s->m.managed_pages);
	end_machine(&s->m);
}

static uint64_t stalls(const struct storm *s)
{
	uint64_t sum = 0;
	for (unsigned cpu = 0; cpu < s->m.nr_cpu_ids; cpu++)
		for (unsigned kind = 0; kind < ZONE_KINDS; kind++)
			sum += READ_RELAXED(&s->m.cpu[cpu].event[ALLOCSTALL_FIRST + kind]);
	return sum;
}

static void test_storm(void **state)
{
	(void)state;
	static struct storm s;
	static struct worker worker[THREADS];
	uint64_t seed = property_seed(), served = 0, refused = 0;
	pthread_t operator;
	storm_begin(&s);
	for (unsigned i = 0; i < THREADS; i++) {
		worker[i] = (struct worker){ .s = &s };
		rng_init(&worker[i].rng, seed + i);
		assert_int_equal(pthread_create(&worker[i].thread, NULL, work, &worker[i]), 0);
	}
	assert_int_equal(pthread_create(&operator, NULL, operate, &s), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(worker[i].thread, NULL);
	WRITE_RELAXED(&s.stop, true);
	pthread_join(operator, NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		give_back(&worker[i]);
		served += worker[i].served;
		refused += worker[i].refused;
	}
	print_message("%lu served, %lu refused, %lu stalls\n", (unsigned long)served,
		      (unsigned long)refused, (unsigned long)stalls(&s));
	assert_true(served > refused && stalls(&s)); /* there was pressure, and it was met */
	storm_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
