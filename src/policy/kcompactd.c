/* SPDX-License-Identifier: MIT */
/*
 * kcompactd: compaction in the background, one for each node with memory
 * (mm/compaction.c: kcompactd, wakeup_kcompactd, proactive_compact_node, 6.1).
 *
 * It has two kinds of work. Asked for a block of some order (by a kswapd that
 * comes to rest, or where kswapd is not needed), it makes one pass over each
 * zone that compaction could help, but for those where it has failed of late. And
 * twice a second it looks whether the node's free memory is in smaller pieces
 * than vm.compaction_proactiveness allows, and compacts the zones until they are
 * some points better. When that brings nothing, it leaves the next 63
 * looks out.
 *
 * The score of a zone is the share of its free memory that lies in blocks
 * too small for a huge page, in percent; that of a node weighs them by size.
 *
 * The thread enters the node's first CPU for each pass. On inline machines
 * there is none: the waker does the work, inside its CPU, and looks are due as
 * the machine's clock is moved.
 */

#include "policy/compact_control.h"
#include "policy/kswapd.h"

#include "mm/buddy.h"
#include "mm/pcp.h"

#include <errno.h>

#define CHECK_MS 500u /* HPAGE_FRAG_CHECK_INTERVAL_MSEC */
#define LOOKS_PUT_OFF 63u /* (1 << COMPACT_MAX_DEFER_SHIFT) - 1 */
#define SCORE_LEAST 5 /* a score that is always good enough */
#define SCORE_GAP 10 /* compaction begins so far above the one it stops at */

void kcompactd_init(struct kcompactd *k, struct policy *p, struct node *n)
{
	k->policy = p;
	k->node = n;
	k->highest_type = n->machine->nr_zone_types - 1;
	lock_init(&k->lock, RANK_KSWAPD, n->id);
	pthread_cond_init(&k->wake, NULL);
}

/* ---- How fragmented is it? ---- */

/* 6.1: extfrag_for_order, with the order of a huge page. */
static unsigned zone_score(const struct zone *z)
{
	unsigned huge = z->machine->pageblock_order;
	uint64_t free_pages = 0, in_large = 0;
	for (unsigned order = 0; order < MM_ORDERS; order++) {
		uint64_t pages = zone_free_blocks(z, order) << order;
		free_pages += pages;
		in_large += order >= huge ? pages : 0;
	}
	return free_pages ? (unsigned)((free_pages - in_large) * 100 / free_pages) : 0;
}

unsigned fragmentation_score_node(const struct node *n)
{
	uint64_t present = 0, score = 0;
	for (unsigned t = 0; t < n->machine->nr_zone_types; t++)
		present += n->zone[t]->present;
	for (unsigned t = 0; t < n->machine->nr_zone_types; t++)
		if (zone_populated(n->zone[t]))
			score += n->zone[t]->present * zone_score(n->zone[t]) / (present + 1);
	return (unsigned)score;
}

static unsigned score_low(const struct policy *p)
{
	return (unsigned)MAX(100 - READ_RELAXED(&p->compact.proactiveness), SCORE_LEAST);
}

/* ---- Passes ---- */

static bool kcompactd_stops(struct kcompactd *k)
{
	return READ_RELAXED(&k->stop);
}

static enum compact_result work_enough(const struct compact_control *cc)
{
	struct kcompactd *k = &cc->policy->kcompactd[cc->zone->node->id];
	return kcompactd_stops(k) ? COMPACT_CONTENDED : COMPACT_CONTINUE;
}

/* Not beside kswapd, and no further than the zone needs. */
static enum compact_result proactive_enough(const struct compact_control *cc)
{
	unsigned nid = cc->zone->node->id;
	if (kcompactd_stops(&cc->policy->kcompactd[nid]) || kswapd_busy(&cc->policy->kswapd[nid]))
		return COMPACT_PARTIAL_SKIPPED;
	return zone_score(cc->zone) > score_low(cc->policy) ? COMPACT_CONTINUE : COMPACT_SUCCESS;
}

/* One pass, counted as kcompactd's. Inside c. */
static enum compact_result pass_run(struct compact_control *cc)
{
	cc->gfp = GFP_KERNEL;
	cc->mode = COMPACT_SYNC_LIGHT;
	enum compact_result result = compact_zone(cc);
	event_add(cc->cpu, KCOMPACTD_MIGRATE_SCANNED, cc->migrate_scanned);
	event_add(cc->cpu, KCOMPACTD_FREE_SCANNED, cc->free_scanned);
	return result;
}

/* What CPUs keep of the zone may be what was lacking. */
static void zone_failed(struct cpu *c, struct zone *z, unsigned order)
{
	cpu_leave(c);
	zone_drain(z);
	cpu_enter(c);
	compact_defer(z, order);
}

static void zone_work(struct kcompactd *k, struct cpu *c, struct zone *z, unsigned order, unsigned highest_type)
{
	struct compact_control cc = { .policy = k->policy,
				      .cpu = c,
				      .zone = z,
				      .order = (int)order,
				      .highest_type = highest_type,
				      .enough = work_enough };
	if (compact_deferred(z, order) || compaction_suitable(k->policy, z, order, 0, z->type) != COMPACT_CONTINUE)
		return;
	enum compact_result result = pass_run(&cc);
	if (result == COMPACT_SUCCESS)
		compact_defer_reset(z, order, false);
	else if (result == COMPACT_PARTIAL_SKIPPED || result == COMPACT_COMPLETE)
		zone_failed(c, z, order);
}

/* Whatever comes of it, what was asked for is done with, unless more has been asked for meanwhile. */
static void request_done(struct kcompactd *k, unsigned order, unsigned highest_type)
{
	lock_take(&k->lock);
	if (k->order <= order)
		WRITE_RELAXED(&k->order, 0);
	if (k->highest_type >= highest_type)
		WRITE_RELAXED(&k->highest_type, k->policy->machine->nr_zone_types - 1);
	lock_drop(&k->lock);
}

/* 6.1: kcompactd_do_work. Inside c. */
static void kcompactd_work(struct kcompactd *k, struct cpu *c, unsigned order, unsigned highest_type)
{
	event_add(c, KCOMPACTD_WAKE, 1);
	for (unsigned t = 0; t <= highest_type && !kcompactd_stops(k); t++)
		if (zone_populated(k->node->zone[t]))
			zone_work(k, c, k->node->zone[t], order, highest_type);
	request_done(k, order, highest_type);
}

/* ---- Before anybody asks ---- */

static void node_compact_ahead(struct kcompactd *k)
{
	struct cpu *c = k->node->first_cpu;
	for (unsigned t = 0; t < k->policy->machine->nr_zone_types && !kcompactd_stops(k); t++) {
		struct compact_control cc = { .policy = k->policy,
					      .cpu = c,
					      .zone = k->node->zone[t],
					      .order = COMPACT_WHOLE,
					      .whole_zone = true,
					      .ignore_skip_hint = true,
					      .enough = proactive_enough };
		if (!zone_populated(cc.zone))
			continue;
		cpu_enter(c);
		pass_run(&cc);
		cpu_leave(c);
	}
}

/* 6.1: should_proactive_compact_node. */
static bool node_wants_ahead(const struct kcompactd *k)
{
	const struct policy *p = k->policy;
	if (!READ_RELAXED(&p->compact.proactiveness) || kswapd_busy(&p->kswapd[k->node->id]))
		return false;
	return fragmentation_score_node(k->node) > MIN(score_low(p) + SCORE_GAP, 100u);
}

/* One look. Inside no CPU, without the lock. */
static void kcompactd_look(struct kcompactd *k)
{
	WRITE_RELAXED(&k->proactive_defer, 0);
	if (!node_wants_ahead(k))
		return;
	unsigned before = fragmentation_score_node(k->node);
	node_compact_ahead(k);
	if (fragmentation_score_node(k->node) >= before)
		WRITE_RELAXED(&k->proactive_defer, LOOKS_PUT_OFF);
}

static bool kcompactd_look_is_due(struct kcompactd *k)
{
	unsigned left = READ_RELAXED(&k->proactive_defer);
	if (left)
		WRITE_RELAXED(&k->proactive_defer, left - 1);
	return !left;
}

/* ---- The thread ---- */

/* Until something is wanted or a look is due; where nothing is done ahead of requests, none ever is. Lock held. */
static void kcompactd_wait(struct kcompactd *k)
{
	struct timespec until = lock_deadline(CHECK_MS);
	int error = 0;
	while (!k->wanted && !k->proactive_wanted && !k->stop && error != ETIMEDOUT)
		if (READ_RELAXED(&k->policy->compact.proactiveness))
			error = pthread_cond_timedwait(&k->wake, &k->lock.mutex, &until);
		else
			pthread_cond_wait(&k->wake, &k->lock.mutex);
}

/* Lock held, dropped meanwhile. An order that nobody was woken for counts once kcompactd is awake. */
static void kcompactd_turn(struct kcompactd *k)
{
	bool look = k->proactive_wanted, work = !look && k->order;
	unsigned order = k->order, highest_type = k->highest_type;
	k->proactive_wanted = false;
	if (!look)
		k->wanted = false;
	lock_drop(&k->lock);
	if (work) {
		struct cpu *c = k->node->first_cpu;
		cpu_enter(c);
		kcompactd_work(k, c, order, highest_type);
		cpu_leave(c);
		WRITE_RELAXED(&k->proactive_defer, 0);
	} else if (look || kcompactd_look_is_due(k)) {
		kcompactd_look(k);
	}
	lock_take(&k->lock);
}

static void *kcompactd_main(void *arg)
{
	struct kcompactd *k = arg;
	lock_take(&k->lock);
	while (!k->stop) {
		kcompactd_wait(k);
		if (!k->stop)
			kcompactd_turn(k);
	}
	lock_drop(&k->lock);
	return NULL;
}

int kcompactd_start(struct kcompactd *k)
{
	int error = pthread_create(&k->thread, NULL, kcompactd_main, k);
	if (error)
		return -error;
	k->running = true;
	return 0;
}

void kcompactd_fini(struct kcompactd *k)
{
	if (!k->policy)
		return;
	if (k->running) {
		lock_take(&k->lock);
		WRITE_RELAXED(&k->stop, true);
		pthread_cond_signal(&k->wake);
		lock_drop(&k->lock);
		pthread_join(k->thread, NULL);
	}
	pthread_cond_destroy(&k->wake);
	lock_fini(&k->lock);
}

/* ---- Who wakes it ---- */

/* 6.1: kcompactd_node_suitable. */
static bool node_suitable(const struct kcompactd *k, unsigned order, unsigned highest_type)
{
	for (unsigned t = 0; t <= highest_type; t++) {
		const struct zone *z = k->node->zone[t];
		if (zone_populated(z) &&
		    compaction_suitable(k->policy, z, order, 0, highest_type) == COMPACT_CONTINUE)
			return true;
	}
	return false;
}

void kcompactd_wake(struct policy *p, struct cpu *c, struct node *n, unsigned order, unsigned highest_type)
{
	struct kcompactd *k = &p->kcompactd[n->id];
	if (!order || !n->has_memory)
		return;
	lock_take(&k->lock);
	order = MAX(k->order, order);
	highest_type = MIN(k->highest_type, highest_type);
	WRITE_RELAXED(&k->order, order);
	WRITE_RELAXED(&k->highest_type, highest_type);
	bool busy = k->wanted; /* on inline machines: this is its own doing */
	bool wake = !busy && node_suitable(k, order, highest_type);
	if (wake) {
		k->wanted = true;
		pthread_cond_signal(&k->wake);
	}
	lock_drop(&k->lock);
	if (!wake || !p->inline_reclaim)
		return;
	kcompactd_work(k, c, order, highest_type);
	WRITE_RELAXED(&k->proactive_defer, 0);
	lock_take(&k->lock);
	k->wanted = false;
	lock_drop(&k->lock);
}

void kcompactd_tick(struct policy *p)
{
	for (unsigned n = 0; n < p->machine->nr_nodes; n++) {
		struct kcompactd *k = &p->kcompactd[n];
		if (!k->node->has_memory || !READ_RELAXED(&p->compact.proactiveness))
			continue;
		unsigned order = READ_RELAXED(&k->order);
		if (order) {
			cpu_enter(k->node->first_cpu);
			kcompactd_work(k, k->node->first_cpu, order, READ_RELAXED(&k->highest_type));
			cpu_leave(k->node->first_cpu);
			WRITE_RELAXED(&k->proactive_defer, 0);
		} else if (kcompactd_look_is_due(k)) {
			kcompactd_look(k);
		}
	}
}

void kcompactd_look_now(struct policy *p)
{
	for (unsigned n = 0; n < p->machine->nr_nodes; n++) {
		struct kcompactd *k = &p->kcompactd[n];
		if (!k->node->has_memory)
			continue;
		if (p->inline_reclaim) {
			kcompactd_look(k);
			continue;
		}
		lock_take(&k->lock);
		k->proactive_wanted = true;
		pthread_cond_signal(&k->wake);
		lock_drop(&k->lock);
	}
}
