/* SPDX-License-Identifier: MIT */
/*
 * kswapd: brings the zones of its node back above their marks when an
 * allocation found them below low (mm/vmscan.c: balance_pgdat, wakeup_kswapd,
 * 6.1).
 *
 * Woken by an allocation, it is done when one zone that the request could use
 * has its high mark and the reserve above it, as in Linux. Woken because a
 * mark was raised, it brings each zone with reclaimable pages up to high; in
 * Linux the next allocations of the whole system do that bit by bit, here
 * nobody may come for a long time. It never goes past high by more than the
 * page it is at.
 *
 * The thread enters the node's first CPU for each step and leaves it between
 * steps. With inline_reclaim there is no thread and the waker does the work.
 */

#include "policy/kswapd.h"

#include "mm/buddy.h"

#include <errno.h>
#include <string.h>

#define KSWAPD_STEP_PAGES 256u

struct balance {
	struct policy *policy;
	struct node *node;
	struct cpu *entered; /* the CPU that the caller is inside, NULL: enter per step */
	unsigned order, highest_type;
	bool each_zone;
	uint64_t boost[MM_ZONE_TYPES_MAX];
	uint64_t boost_pages; /* still to free because of boosts */
};

void kswapd_init(struct kswapd *k, struct policy *p, struct node *n)
{
	k->policy = p;
	k->node = n;
	lock_init(&k->lock, RANK_KSWAPD, n->id);
	pthread_cond_init(&k->wake, NULL);
}

/* Pages that the zone lacks up to its high mark. */
static uint64_t zone_lacks(const struct zone *z, const struct balance *b)
{
	uint64_t target = zone_mark_pages(z, WMARK_HIGH);
	if (!b->each_zone)
		target += READ_RELAXED(&z->lowmem_reserve[b->highest_type]) + 1;
	int64_t sum = zone_stat_sum(z, NR_FREE_PAGES);
	uint64_t free_pages = sum > 0 ? (uint64_t)sum : 0;
	return target > free_pages ? target - free_pages : 0;
}

/* Zones that lack pages, as a mask; 0: the node is balanced. *least: the smallest lack. */
static unsigned balance_wanted(const struct balance *b, uint64_t *least)
{
	unsigned mask = 0;
	*least = UINT64_MAX;
	for (unsigned t = 0; t <= b->highest_type; t++) {
		const struct zone *z = b->node->zone[t];
		if (!READ_RELAXED(&z->managed))
			continue;
		uint64_t lacks = zone_lacks(z, b);
		if (!lacks && !b->each_zone)
			return 0;
		if (lacks) {
			mask |= 1u << t;
			*least = MIN(*least, lacks);
		}
	}
	return mask;
}

static void balance_note_boosts(struct balance *b)
{
	for (unsigned t = 0; t <= b->highest_type; t++) {
		b->boost[t] = READ_RELAXED(&b->node->zone[t]->watermark_boost);
		b->boost_pages += b->boost[t];
	}
}

static void balance_lower_boosts(const struct balance *b)
{
	for (unsigned t = 0; t <= b->highest_type; t++) {
		struct zone *z = b->node->zone[t];
		if (!b->boost[t])
			continue;
		lock_take(&z->lock);
		uint64_t boost = READ_RELAXED(&z->watermark_boost);
		WRITE_RELAXED(&z->watermark_boost, boost - MIN(boost, b->boost[t]));
		zone_update_plenty(z);
		lock_drop(&z->lock);
	}
}

static void node_set_reclaim_active(struct node *n, bool active)
{
	struct machine *m = n->machine;
	for (unsigned t = 0; t < m->nr_zone_types; t++)
		MASK_FOR_EACH(cpu, &m->cpus_online)
			WRITE_RELAXED(&m->cpu[cpu].zone[n->zone[t]->id].pcp.reclaim_active, active);
}

/* One step; false: nothing more to do or nothing more to get. */
static bool balance_step(struct balance *b, uint64_t *freed)
{
	uint64_t least, pages = b->boost_pages;
	unsigned mask = balance_wanted(b, &least);
	struct cpu *c = b->entered ? b->entered : b->node->first_cpu;

	if (mask) {
		b->boost_pages = 0;
		pages = least;
	} else {
		mask = (1u << (b->highest_type + 1)) - 1;
	}
	pages = MIN(pages, (uint64_t)KSWAPD_STEP_PAGES);
	if (!pages)
		return false;
	if (!b->entered)
		cpu_enter(c);
	uint64_t got = reclaim_node(b->policy, c, b->node, pages, mask, true);
	if (!b->entered)
		cpu_leave(c);
	*freed += got;
	b->boost_pages -= MIN(b->boost_pages, got);
	return got != 0;
}

static void node_balance(struct balance *b)
{
	struct node *n = b->node;
	struct cpu *c = b->entered ? b->entered : n->first_cpu;
	uint64_t freed = 0, least;

	balance_note_boosts(b);
	bool lacking = balance_wanted(b, &least) != 0;
	node_set_reclaim_active(n, true);
	node_update_thresholds(n, true);
	if (!b->entered)
		cpu_enter(c);
	event_add(c, PAGEOUTRUN, 1);
	if (!b->entered)
		cpu_leave(c);
	while (balance_step(b, &freed))
		;
	node_update_thresholds(n, false);
	node_set_reclaim_active(n, false);
	balance_lower_boosts(b);
	if (!b->entered)
		cpu_stat_fold(c);
	if (lacking && !freed)
		WRITE_RELAXED(&n->kswapd_failures, READ_RELAXED(&n->kswapd_failures) + 1);
}

/* The thread: wait, copy what was asked for, work without the lock. */
static void *kswapd_main(void *arg)
{
	struct kswapd *k = arg;
	lock_take(&k->lock);
	for (;;) {
		while (!k->wanted && !k->stop)
			pthread_cond_wait(&k->wake, &k->lock.mutex);
		if (k->stop)
			break;
		struct balance b = { .policy = k->policy,
				     .node = k->node,
				     .order = k->order,
				     .highest_type = k->highest_type,
				     .each_zone = k->each_zone };
		k->wanted = k->each_zone = false;
		k->order = k->highest_type = 0;
		lock_drop(&k->lock);
		node_balance(&b);
		lock_take(&k->lock);
	}
	lock_drop(&k->lock);
	return NULL;
}

int kswapd_start(struct kswapd *k)
{
	int error = pthread_create(&k->thread, NULL, kswapd_main, k);
	if (error)
		return -error;
	k->running = true;
	return 0;
}

void kswapd_fini(struct kswapd *k)
{
	if (!k->policy)
		return;
	if (k->running) {
		lock_take(&k->lock);
		k->stop = true;
		pthread_cond_signal(&k->wake);
		lock_drop(&k->lock);
		pthread_join(k->thread, NULL);
	}
	pthread_cond_destroy(&k->wake);
	lock_fini(&k->lock);
}

static void kswapd_request(struct kswapd *k, struct cpu *c, unsigned order, unsigned highest_type,
			   bool each_zone)
{
	if (k->policy->inline_reclaim) {
		struct balance b = { .policy = k->policy,
				     .node = k->node,
				     .entered = c,
				     .order = order,
				     .highest_type = highest_type,
				     .each_zone = each_zone };
		node_balance(&b);
		return;
	}
	lock_take(&k->lock);
	k->wanted = true;
	k->each_zone |= each_zone;
	k->order = MAX(k->order, order);
	k->highest_type = MAX(k->highest_type, highest_type);
	pthread_cond_signal(&k->wake);
	lock_drop(&k->lock);
}

static bool node_boosted(const struct node *n, unsigned highest_type)
{
	for (unsigned t = 0; t <= highest_type; t++)
		if (READ_RELAXED(&n->zone[t]->watermark_boost))
			return true;
	return false;
}

void kswapd_wake(struct policy *p, struct cpu *c, struct node *n, unsigned order, unsigned highest_type)
{
	struct balance b = { .node = n, .highest_type = highest_type };
	uint64_t least;
	if (!n->has_memory)
		return;
	bool hopeless = READ_RELAXED(&n->kswapd_failures) >= KSWAPD_FAILURES_MOST;
	if (hopeless || (!balance_wanted(&b, &least) && !node_boosted(n, highest_type)))
		return;
	kswapd_request(&p->kswapd[n->id], c, order, highest_type, false);
}

static bool node_below_low(const struct node *n)
{
	for (unsigned t = 0; t < n->machine->nr_zone_types; t++) {
		const struct zone *z = n->zone[t];
		if (READ_RELAXED(&z->managed) &&
		    zone_stat_sum(z, NR_FREE_PAGES) < (int64_t)zone_mark_pages(z, WMARK_LOW))
			return true;
	}
	return false;
}

void kswapd_wake_all(struct policy *p)
{
	struct machine *m = p->machine;
	for (unsigned i = 0; i < m->nr_nodes; i++) {
		struct node *n = &m->node[i];
		if (n->has_memory && node_below_low(n))
			kswapd_request(&p->kswapd[i], NULL, 0, m->nr_zone_types - 1, true);
	}
}
