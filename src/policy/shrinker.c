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

/* New work: in proportion to the priority, less of what is dear to make anew. */
static uint64_t shrinker_share(const struct shrinker *s, uint64_t freeable, unsigned priority)
{
	return s->seeks ? (freeable >> priority) * 4 / s->seeks : freeable / 2;
}

static uint64_t shrinker_scan(struct shrinker *s, struct cpu *c, unsigned nid, uint64_t wanted,
			      uint64_t freeable, uint64_t *scanned)
{
	uint64_t freed = 0;
	while (wanted >= SHRINK_BATCH || wanted >= freeable) {
		uint64_t nr = MIN((uint64_t)SHRINK_BATCH, wanted);
		uint64_t got = s->scan(s->ctx, c, nid, nr);
		if (got == SHRINK_STOP)
			break;
		freed += got;
		*scanned += nr;
		wanted -= nr;
	}
	return freed;
}

/* 6.1: do_shrink_slab. What was not done stays for the next time, up to twice of what there is. */
static uint64_t shrinker_shrink(struct shrinker *s, struct cpu *c, unsigned nid, unsigned priority)
{
	uint64_t freeable = s->count(s->ctx, nid), scanned = 0;
	if (!freeable)
		return 0;
	uint64_t left = (uint64_t)__atomic_exchange_n(&s->deferred[nid], 0, __ATOMIC_RELAXED);
	uint64_t share = shrinker_share(s, freeable, priority);
	uint64_t wanted = MIN((left >> priority) + share, 2 * freeable);
	uint64_t freed = shrinker_scan(s, c, nid, wanted, freeable, &scanned);
	event_add(c, SLABS_SCANNED, scanned);
	uint64_t rest = left + share - MIN(left + share, scanned);
	__atomic_fetch_add(&s->deferred[nid], (int64_t)MIN(rest, 2 * freeable), __ATOMIC_RELAXED);
	return freed;
}

uint64_t shrink_slab(struct policy *p, struct cpu *c, unsigned nid, unsigned priority)
{
	uint64_t freed = 0;
	for (struct shrinker *s = p->shrinkers; s; s = s->next)
		freed += shrinker_shrink(s, c, nid, priority);
	return freed;
}
