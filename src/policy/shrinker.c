/* SPDX-License-Identifier: MIT */
/*
 * Caches that reclaim may shrink: who they are, and how much is asked of each
 * (mm/vmscan.c: do_shrink_slab, 6.1). The list is complete before kswapd runs
 * and does not change afterwards.
 */
#include "policy/shrinker.h"

#include "base/mem.h"
#include "policy/policy.h"

#include <errno.h>

int shrinker_register(struct policy *p, struct shrinker *s)
{
	s->deferred = mem_zalloc(p->machine->nr_nodes * sizeof(*s->deferred));
	if (!s->deferred)
		return -ENOMEM;
	s->next = p->shrinkers;
	p->shrinkers = s;
	return 0;
}

void shrinkers_fini(struct policy *p)
{
	for (struct shrinker *s = p->shrinkers; s; s = s->next) {
		mem_free(s->deferred);
		s->deferred = NULL;
	}
	p->shrinkers = NULL;
}

/* What is asked of one cache: in proportion to the priority, dearer objects less; and what was left over before. */
static uint64_t shrinker_wanted(const struct shrinker *s, uint64_t freeable, uint64_t left, unsigned priority)
{
	uint64_t delta = s->seeks ? (freeable >> priority) * 4 / s->seeks : freeable / 2;
	return MIN(delta + (left >> priority), 2 * freeable);
}

static uint64_t shrinker_shrink(struct shrinker *s, struct cpu *c, unsigned nid, unsigned priority)
{
	uint64_t freeable = s->count(s->ctx, nid), freed = 0, scanned = 0;
	if (!freeable)
		return 0;
	int64_t left = __atomic_exchange_n(&s->deferred[nid], 0, __ATOMIC_RELAXED);
	uint64_t wanted = shrinker_wanted(s, freeable, left > 0 ? (uint64_t)left : 0, priority);
	const uint64_t batch = SHRINK_BATCH;

	while (wanted >= batch || wanted >= freeable) {
		uint64_t nr = MIN(batch, wanted);
		uint64_t got = nr ? s->scan(s->ctx, c, nid, nr) : SHRINK_STOP;
		if (got == SHRINK_STOP)
			break;
		freed += got;
		scanned += nr;
		wanted -= nr;
	}
	event_add(c, SLABS_SCANNED, scanned);
	__atomic_fetch_add(&s->deferred[nid], (int64_t)wanted, __ATOMIC_RELAXED);
	return freed;
}

uint64_t shrink_slab(struct policy *p, struct cpu *c, unsigned nid, unsigned priority)
{
	uint64_t freed = 0;
	for (struct shrinker *s = p->shrinkers; s; s = s->next)
		freed += shrinker_shrink(s, c, nid, priority);
	return freed;
}
