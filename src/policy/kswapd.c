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
 * A run is a row of passes over the node, each at the priority of the last one
 * or, when that looked at too little or freed nothing, at the next. It ends
 * when the zones have what they lack, or after priority 1; a run that frees
 * nothing is a failure, and after 16 of them in a row the node is hopeless.
 *
 * The thread enters the node's first CPU for each pass and leaves it between
 * clusters. After a run it sleeps lightly for 100 ms, so that the two
 * _wmark_hit_quickly counters tell whether it came to rest too early. When
 * all that it finds is dirty it waits for the writer. With inline_reclaim there
 * is no thread and the waker does the work.
 */

#include "policy/kswapd.h"

#include "mm/buddy.h"
#include "policy/compact_control.h"
#include "policy/reclaim.h"
#include "policy/workingset.h"

#include <errno.h>
#include <string.h>

#define REST_MS 100u /* after a run kswapd sleeps lightly for a while */
#define REST_NS (REST_MS * 1000000ull)

struct balance {
	struct policy *policy;
	struct node *node;
	struct cpu *entered; /* the CPU that the caller is inside, NULL: enter per pass */
	unsigned order, highest_type;
	bool each_zone;
	uint64_t boost[MM_ZONE_TYPES_MAX];
	uint64_t boost_pages; /* still to free because of boosts */
	uint64_t freed; /* in this run */
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

/*
 * A zone with pages enough, and no block of the order: so many pages freed may bring one together, or give compaction
 * room, and then the order is forgotten (6.1: kswapd_shrink_node, compact_gap).
 */
static uint64_t zone_lacks_blocks(const struct zone *z, const struct balance *b)
{
	uint64_t gap = compact_gap(b->order);
	if (!b->order || b->each_zone || b->freed >= gap)
		return 0;
	if (zone_watermark_ok(z, b->order, zone_mark_pages(z, WMARK_HIGH), b->highest_type, 0))
		return 0;
	return gap - b->freed;
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
		if (!lacks)
			lacks = zone_lacks_blocks(z, b);
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

/* 6.1: kswapd_shrink_node. So many pages looked at are enough for one priority. */
static uint64_t balance_scan_goal(const struct balance *b)
{
	uint64_t pages = 0;
	for (unsigned t = 0; t <= b->highest_type; t++)
		if (READ_RELAXED(&b->node->zone[t]->managed))
			pages += MAX(zone_mark_pages(b->node->zone[t], WMARK_HIGH),
				     (uint64_t)RECLAIM_CLUSTER);
	return pages;
}

static void balance_pass(struct balance *b, struct reclaim *r)
{
	struct cpu *c = r->cpu;
	if (!b->entered)
		cpu_enter(c);
	reclaim_shrink_node(r, b->node);
	/* All is dirty: no use in looking at it faster than it is written. */
	if (!b->entered && !r->freed && (r->dirty || r->written))
		reclaim_wait(b->policy, c);
	if (!b->entered)
		cpu_leave(c);
}

/* What the next pass is after, for the zones that lack pages or else for the boosts. False: nothing. */
static bool balance_aim(struct balance *b, struct reclaim *r)
{
	uint64_t least;
	r->type_mask = balance_wanted(b, &least);
	if (r->type_mask) {
		b->boost_pages = 0;
		r->most = least;
	} else {
		r->type_mask = (1u << (b->highest_type + 1)) - 1;
		r->most = b->boost_pages;
		r->may_swap = false;
	}
	r->wanted = balance_scan_goal(b);
	return r->most;
}

/*
 * One pass at this priority. Returns the next one, or -1: there is nothing more
 * to do, or a boost cannot be met. A boost is not worth the thorough passes.
 */
static int balance_step(struct balance *b, int priority)
{
	struct reclaim r = { .policy = b->policy,
			     .cpu = b->entered ? b->entered : b->node->first_cpu,
			     .priority = (unsigned)priority,
			     .kswapd = true,
			     .may_unmap = true,
			     .may_swap = true,
			     .may_shrink = true,
			     .may_leave = !b->entered };
	if (!balance_aim(b, &r))
		return -1;
	bool for_boost = b->boost_pages;
	balance_pass(b, &r);
	b->freed += r.freed;
	b->boost_pages -= MIN(b->boost_pages, r.freed);
	if (b->boost_pages && !r.freed)
		return -1;
	bool raise = r.scanned < r.wanted && r.freed < r.most &&
		     !(for_boost && priority == DEF_PRIORITY - 2);
	return raise || !r.freed ? priority - 1 : priority;
}

static void node_balance(struct balance *b)
{
	struct node *n = b->node;
	struct cpu *c = b->entered ? b->entered : n->first_cpu;
	uint64_t least;

	balance_note_boosts(b);
	bool lacking = balance_wanted(b, &least) != 0;
	node_set_reclaim_active(n, true);
	node_update_thresholds(n, true);
	if (!b->entered)
		cpu_enter(c);
	event_add(c, PAGEOUTRUN, 1);
	if (!b->entered)
		cpu_leave(c);
	for (int priority = DEF_PRIORITY; priority >= 1;)
		priority = balance_step(b, priority);
	node_set_reclaim_active(n, false);
	balance_lower_boosts(b);
	workingset_snapshot(n);
	if (lacking && !b->freed)
		WRITE_RELAXED(&n->kswapd_failures, READ_RELAXED(&n->kswapd_failures) + 1);
}

/* Fully asleep: counters may be as vague as usual. */
static void node_rest(struct balance *b)
{
	node_update_thresholds(b->node, false);
	if (!b->entered)
		cpu_stat_fold(b->node->first_cpu);
}

static void event_count(struct cpu *c, enum vm_event e)
{
	cpu_enter(c);
	event_add(c, e, 1);
	cpu_leave(c);
}

/* What was asked for, to be worked on without the lock. */
static struct balance kswapd_take(struct kswapd *k)
{
	struct balance b = { .policy = k->policy,
			     .node = k->node,
			     .order = k->order,
			     .highest_type = k->highest_type,
			     .each_zone = k->each_zone };
	k->wanted = k->each_zone = false;
	k->order = k->highest_type = 0;
	WRITE_RELAXED(&k->busy, true);
	return b;
}

static bool node_hopeless(const struct node *n)
{
	return READ_RELAXED(&n->kswapd_failures) >= KSWAPD_FAILURES_MOST;
}

/*
 * The run is over. When the node can rest, compaction goes on with the order
 * that it was woken for: if room for that was made, which is all that kswapd does for
 * an order. 6.1: kswapd_try_to_sleep.
 */
static void kswapd_hand_over(struct balance *b)
{
	unsigned order = b->freed >= compact_gap(b->order) ? b->order : 0;
	uint64_t least;
	b->order = 0;
	if (!node_hopeless(b->node) && balance_wanted(b, &least))
		return;
	compact_reset_skip(b->node);
	kcompactd_wake(b->policy, b->entered, b->node, order, b->highest_type);
}

/*
 * The light sleep after a run (kswapd_try_to_sleep, 6.1). True: it was too
 * early, by a new request or because the marks are missed again; in that case
 * the request is that of the run. Lock held, dropped meanwhile.
 */
static bool kswapd_rest(struct kswapd *k, const struct balance *b)
{
	struct timespec until = lock_deadline(REST_MS);
	uint64_t least;
	int error = 0;
	while (!k->wanted && !k->stop && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&k->wake, &k->lock.mutex, &until);
	if (k->stop)
		return false;
	bool early = k->wanted, missed = !early && !node_hopeless(k->node) && balance_wanted(b, &least);
	if (!early && !missed)
		return false;
	if (missed) {
		k->wanted = true;
		k->each_zone = b->each_zone;
		k->order = b->order;
		k->highest_type = b->highest_type;
	}
	lock_drop(&k->lock);
	event_count(k->node->first_cpu, early ? KSWAPD_LOW_WMARK_HIT_QUICKLY : KSWAPD_HIGH_WMARK_HIT_QUICKLY);
	lock_take(&k->lock);
	return true;
}

/* The thread: wait, copy what was asked for, work without the lock. */
static void *kswapd_main(void *arg)
{
	struct kswapd *k = arg;
	lock_take(&k->lock);
	while (!k->stop) {
		if (!k->wanted) {
			pthread_cond_wait(&k->wake, &k->lock.mutex);
			continue;
		}
		struct balance b = kswapd_take(k);
		lock_drop(&k->lock);
		node_balance(&b);
		WRITE_RELAXED(&k->busy, false);
		kswapd_hand_over(&b);
		lock_take(&k->lock);
		if (kswapd_rest(k, &b))
			continue;
		lock_drop(&k->lock);
		node_rest(&b);
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

/* In the place of the thread. Woken before the light sleep would be over, by the machine's clock, it was woken quickly. */
static void kswapd_run_inline(struct kswapd *k, struct balance *b)
{
	const struct clock *clock = &k->policy->machine->clock;
	lock_take(&k->lock);
	bool early = k->ran && clock_now_ns(clock) - k->rested_ns < REST_NS;
	k->ran = true;
	k->rested_ns = clock_now_ns(clock);
	lock_drop(&k->lock);
	if (early && b->entered)
		event_add(b->entered, KSWAPD_LOW_WMARK_HIT_QUICKLY, 1);
	else if (early)
		event_count(k->node->first_cpu, KSWAPD_LOW_WMARK_HIT_QUICKLY);
	node_balance(b);
	kswapd_hand_over(b);
	node_rest(b);
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
		kswapd_run_inline(k, &b);
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

bool kswapd_wake(struct policy *p, struct cpu *c, struct node *n, unsigned order, unsigned highest_type)
{
	struct balance b = { .node = n, .order = order, .highest_type = highest_type };
	uint64_t least;
	if (!n->has_memory)
		return true;
	if (node_hopeless(n) || (!balance_wanted(&b, &least) && !node_boosted(n, highest_type)))
		return kswapd_busy(&p->kswapd[n->id]);
	kswapd_request(&p->kswapd[n->id], c, order, highest_type, false);
	return true;
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
