/* SPDX-License-Identifier: MIT */
/*
 * Copies what slabinfo says of each cache. The caches are looked at under
 * slabs->lock, their counters are read as they are (mm/slab_common.c:
 * slab_show, 6.1, does the same under slab_mutex).
 *
 * What a cache is stays the same as long as no cache comes or goes, so a
 * snapshot that is filled again keeps it, and where each cache is.
 *
 * With thousands of caches nearly all of the time goes into fetching counters
 * that no CPU has near. A cache counts the changes of its slabs and a CPU its
 * turns, so what stood still since the last time is not looked at again; the
 * rest is asked for a few caches ahead.
 */
#include "vm/snapshot.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

#define AHEAD 4u /* caches between two steps of fetching */

/* ---- What stays ---- */

void snapshot_fini_slabs(struct snapshot *s)
{
	if (s->lines)
		text_fini(&s->lines->text);
	for (unsigned id = 0; s->cpu && id < s->machine->nr_cpu_ids; id++)
		mem_free(s->cpu[id].loose);
	mem_free(s->lines);
	mem_free(s->cache);
	mem_free(s->shape);
	mem_free(s->cpu);
}

static int caches_reserve(struct snapshot *s, unsigned nr)
{
	if (!s->lines) {
		s->lines = mem_zalloc(sizeof(*s->lines));
		if (!s->lines)
			return -ENOMEM;
		text_init(&s->lines->text, 0);
	}
	if (!s->cpu)
		s->cpu = mem_zalloc(s->machine->nr_cpu_ids * sizeof(*s->cpu));
	if (!s->cpu)
		return -ENOMEM;
	if (nr <= s->cap_caches)
		return 0;
	struct cache_snap *cache = mem_realloc(s->cache, nr * sizeof(*cache));
	if (!cache)
		return -ENOMEM;
	s->cache = cache;
	struct cache_shape *shape = mem_realloc(s->shape, nr * sizeof(*shape));
	if (!shape)
		return -ENOMEM;
	s->shape = shape;
	s->cap_caches = nr;
	return 0;
}

static void cache_describe(struct snapshot *s, const struct kmem_cache *from)
{
	struct cache_shape *shape = &s->shape[s->nr_caches];

	s->cache[s->nr_caches++] = (struct cache_snap){ .from = from, .changes = UINT64_MAX };
	memcpy(shape->name, from->name, sizeof(shape->name));
	shape->object_bytes = from->layout.size;
	shape->slab_objects = from->layout.objects;
	shape->slab_pages = 1u << from->layout.order;
}

static void caches_describe(struct snapshot *s, const struct slabs *sl) /* slabs->lock held */
{
	s->nr_caches = 0;
	s->caches_change = 0;
	for (unsigned id = 0; s->cpu && id < s->machine->nr_cpu_ids; id++) {
		mem_free(s->cpu[id].loose);
		s->cpu[id].loose = NULL;
	}
	s->caches_failed = caches_reserve(s, sl->nr_caches);
	if (s->caches_failed)
		return;
	for (const struct kmem_cache *c = sl->newest; c; c = c->older)
		cache_describe(s, c);
	s->caches_change = sl->change;
}

/* ---- What changes ---- */

static bool cache_saw(const struct kmem_cache *c, unsigned cpu)
{
	return READ_RELAXED(&c->cpus_seen) >> cpu % 64 & 1;
}

static void loose_copy(struct cache_snap *to, uint16_t *loose, unsigned cpu)
{
	uint16_t now = cache_saw(to->from, cpu) ? (uint16_t)kmem_cache_loose(to->from, cpu) : 0;
	if (now == *loose)
		return;
	to->loose += (uint32_t)now - *loose;
	to->changed = true;
	*loose = now;
}

static void loose_fetch(const struct snapshot *s, unsigned i, unsigned cpu)
{
	if (i + 2 * AHEAD < s->nr_caches)
		__builtin_prefetch(&s->cache[i + 2 * AHEAD].from->magazine[cpu]);
	if (i + AHEAD < s->nr_caches)
		__builtin_prefetch(READ_RELAXED(&s->cache[i + AHEAD].from->magazine[cpu]));
}

/* Magazines of one CPU; of none if it made no turn since. Odd: it is in the middle of one. */
static int cpu_copy(struct snapshot *s, const struct cpu *c)
{
	struct cpu_snap *seen = &s->cpu[c->id];
	uint64_t turns = READ_ACQUIRE(&c->turns);
	if (!turns || (seen->loose && seen->turns == turns && !(turns & 1)))
		return 0;
	if (!seen->loose)
		seen->loose = mem_zalloc(s->nr_caches * sizeof(*seen->loose));
	if (!seen->loose)
		return -ENOMEM;
	seen->turns = turns;
	for (unsigned i = 0; i < s->nr_caches; i++) {
		loose_fetch(s, i, c->id);
		loose_copy(&s->cache[i], &seen->loose[i], c->id);
	}
	return 0;
}

static void slabs_fetch(const struct snapshot *s, unsigned i)
{
	if (i + 2 * AHEAD < s->nr_caches)
		__builtin_prefetch(s->cache[i + 2 * AHEAD].from); /* all that is looked at but nodes */
}

/* One cache was drained: a CPU's turns do not tell. */
static void loose_recount(const struct snapshot *s, unsigned i)
{
	MASK_FOR_EACH(id, &s->machine->cpus_online)
		if (s->cpu[id].loose)
			loose_copy(&s->cache[i], &s->cpu[id].loose[i], id);
}

static void slabs_copy(const struct snapshot *snap, unsigned i)
{
	struct cache_snap *to = &snap->cache[i];
	const struct kmem_cache *s = to->from;
	uint64_t changes = READ_ACQUIRE(&s->changes);
	if (LIKELY(changes == to->changes))
		return;
	struct cache_usage usage;
	kmem_cache_usage(s, -1, &usage);
	loose_recount(snap, i);
	to->changes = changes;
	to->changed = true;
	to->objects = usage.objects;
	to->slabs = usage.slabs;
	to->free_slabs = MIN(usage.free_slabs, usage.slabs); /* they were not read at one moment */
	to->shared = s->tuned ? usage.shared : 0;
	to->idle = usage.idle;
}

static void tuned_copy(struct cache_snap *to, const struct kmem_cache *s)
{
	to->changed = true;
	to->limit = READ_RELAXED(&s->limit);
	to->batch = READ_RELAXED(&s->batch);
	to->sharedfactor = READ_RELAXED(&s->sharedfactor);
}

static void cache_copy(const struct snapshot *s, unsigned i)
{
	struct cache_snap *to = &s->cache[i];
	slabs_copy(s, i);
	uint64_t idle = to->idle + to->loose;
	to->active = to->objects > idle ? to->objects - idle : 0;
	if (UNLIKELY(to->from->tuned))
		tuned_copy(to, to->from);
}

static int caches_copy(struct snapshot *s)
{
	int error = 0;
	MASK_FOR_EACH(id, &s->machine->cpus_online)
		error = error ? error : cpu_copy(s, &s->machine->cpu[id]);
	for (unsigned i = 0; i < s->nr_caches; i++) {
		slabs_fetch(s, i);
		cache_copy(s, i);
	}
	return error;
}

void snapshot_fill_slabs(struct snapshot *s, struct slabs *sl, bool held)
{
	if (!held)
		lock_take(&sl->lock);
	if (s->caches_change != sl->change || !sl->change)
		caches_describe(s, sl);
	if (!s->caches_failed && caches_copy(s)) {
		s->caches_failed = true;
		s->caches_change = 0; /* all of it the next time */
	}
	if (!held)
		lock_drop(&sl->lock);
}
