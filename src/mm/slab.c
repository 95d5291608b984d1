/* SPDX-License-Identifier: MIT */
/*
 * The caches of a machine: making, finding and destroying them, and what is
 * done to a whole cache (mm/slab_common.c, 6.1). slabs->lock guards the list;
 * whoever holds a reference may use a cache without it, and a cache is
 * destroyed only by the holder of its last reference, so its magazines and
 * slabs cannot be in use any more by then.
 */

#include "mm/slab.h"

#include "base/mem.h"
#include "base/ring.h"
#include "mm/slab_debug.h"
#include "mm/slab_private.h"
#include "mm/slab_self.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define CACHE_LIMIT_MAX EXCHANGE_MAX

/* ---- The allocator ---- */

static size_t bits_bytes(const struct slabs *sl)
{
	return (size_t)sl->machine->end_pfn * (SLAB_OBJECTS_MAX / 8);
}

static unsigned nr_memory_nodes(const struct machine *m)
{
	unsigned nr = 0;
	for (unsigned i = 0; i < m->nr_nodes; i++)
		nr += m->node[i].online && m->node[i].has_memory;
	return nr;
}

int slabs_init(struct slabs *sl, struct machine *m, const struct slab_source *source)
{
	unsigned nr_possible = mask_count(&m->cpus_possible);
	*sl = (struct slabs){ .machine = m, .source = *source, .several_nodes = nr_memory_nodes(m) > 1 };
	sl->layout_of = (struct slab_layout_of){
		.version = m->version,
		.bits = m->bits,
		.nr_cpus = slab_layout_cpus(m->version, m->nr_cpus_online, nr_possible),
	};
	sl->free_bits = mem_map(bits_bytes(sl));
	sl->nr_slots = 1;
	sl->cache = mem_map(CACHES_MAX * sizeof(*sl->cache));
	lock_init(&sl->lock, RANK_SLABS, 0);
	lock_init(&sl->debug.report_lock, RANK_LOG, LOG_ORDER_REPORT);
	m->slabs = sl;
	if (sl->free_bits && sl->cache)
		return 0;
	slabs_fini(sl);
	return -ENOMEM;
}

static void cache_destroy(struct kmem_cache *s)
{
	const struct machine *m = s->slabs->machine;
	for (unsigned cpu = 0; cpu < m->nr_cpu_ids; cpu++)
		if (s->magazine[cpu] != &magazine_none) {
			mem_free(s->magazine[cpu]->alien);
			mem_free(s->magazine[cpu]);
		}
	for (unsigned i = 0; i < m->nr_nodes; i++) {
		mem_free(s->node[i].shared);
		lock_fini(&s->node[i].lock);
	}
	mem_free(s->imported);
	mem_free(s->imported_bits);
	mem_free(s->node);
	mem_free(s);
}

void slabs_fini(struct slabs *sl)
{
	for (unsigned i = 0; i < sl->nr_slots; i++)
		if (sl->cache && sl->cache[i])
			cache_destroy(sl->cache[i]);
	if (sl->cache)
		mem_unmap(sl->cache, CACHES_MAX * sizeof(*sl->cache));
	if (sl->free_bits)
		mem_unmap(sl->free_bits, bits_bytes(sl));
	sl->machine->slabs = NULL;
	mem_free(sl->debug.blocks);
	lock_fini(&sl->debug.report_lock);
	lock_fini(&sl->lock);
}

/* ---- Names ---- */

static struct kmem_cache *cache_find(const struct slabs *sl, const char *name)
{
	for (struct kmem_cache *s = sl->newest; s; s = s->older)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

/* A name is a word of slabinfo and a directory. */
static bool name_valid(const char *name)
{
	size_t len = strlen(name);
	if (!len || len > CACHE_NAME_MAX || name[0] == '.')
		return false;
	for (const char *c = name; *c; c++)
		if (!isgraph((unsigned char)*c) || *c == '/')
			return false;
	return true;
}

struct kmem_cache *kmem_cache_find(struct slabs *sl, const char *name)
{
	lock_take(&sl->lock);
	struct kmem_cache *s = cache_find(sl, name);
	if (s)
		s->refs++;
	lock_drop(&sl->lock);
	return s;
}

void kmem_cache_get(struct kmem_cache *s)
{
	lock_take(&s->slabs->lock);
	s->refs++;
	lock_drop(&s->slabs->lock);
}

void kmem_cache_put(struct kmem_cache *s)
{
	lock_take(&s->slabs->lock);
	ASSERT(s->refs);
	s->refs--;
	lock_drop(&s->slabs->lock);
}

/* ---- Making one ---- */

/*
 * How many objects magazines hold by the size of one. More of the small ones
 * than SLAB's (mm/slab.c: enable_cpucache, 6.1): a batch costs the lock of its
 * node, whatever it holds.
 */
static void cache_size_magazines(struct kmem_cache *s)
{
	static const struct {
		uint32_t above, limit, sharedfactor;
	} steps[] = { { 131072, 1, 0 }, { PAGE_SIZE, 8, 0 }, { 2048, 24, 8 }, { 256, 120, 8 }, { 0, 252, 16 } };
	unsigned i = 0;
	while (s->layout.size <= steps[i].above)
		i++;
	s->limit = steps[i].limit;
	s->batch = (s->limit + 1) / 2;
	s->sharedfactor = s->slabs->machine->nr_cpus_online > 1 ? steps[i].sharedfactor : 0;
}

static gfp_t cache_page_gfp(const struct kmem_cache *s)
{
	return (s->layout.order ? __GFP_COMP : 0) | (s->flags & SLAB_CACHE_DMA ? __GFP_DMA : 0) |
	       (s->flags & SLAB_CACHE_DMA32 ? __GFP_DMA32 : 0) |
	       (s->flags & SLAB_RECLAIM_ACCOUNT ? __GFP_RECLAIMABLE : 0);
}

static struct kmem_cache *cache_alloc_host(struct slabs *sl)
{
	const struct machine *m = sl->machine;
	struct kmem_cache *s =
		mem_zalloc_aligned(ALIGN_UP(sizeof(*s) + m->nr_cpu_ids * sizeof(void *), 64), 64);
	if (!s)
		return NULL;
	s->node = mem_zalloc_aligned(m->nr_nodes * sizeof(*s->node), _Alignof(struct cache_node));
	if (!s->node) {
		mem_free(s);
		return NULL;
	}
	s->slabs = sl;
	for (unsigned i = 0; i < m->nr_nodes; i++)
		lock_init(&s->node[i].lock, RANK_SLAB, i);
	for (unsigned cpu = 0; cpu < m->nr_cpu_ids; cpu++)
		s->magazine[cpu] = &magazine_none;
	return s;
}

static int cache_set_layout(struct kmem_cache *s, const struct cache_spec *spec)
{
	uint32_t flags = spec->layout ? spec->flags : slab_debug_flags(s->slabs, spec);
	s->failslab = flags & SLAB_DEBUG_FAILSLAB;
	s->flags = flags & ~SLAB_DEBUG_FAILSLAB;
	s->direct = s->flags & SLAB_DEBUG_FLAGS;
	if (spec->layout)
		s->layout = *spec->layout;
	else if (slab_layout_compute(&s->layout, &s->slabs->layout_of, spec->object_size,
				     spec->align, s->flags))
		return -EINVAL;
	if (s->layout.objects > SLAB_OBJECTS_MAX || !s->layout.objects || !s->layout.size)
		return -EINVAL;
	s->reciprocal = s->layout.objects > 1 ? (1ull << 32) / s->layout.size + 1 : 0;
	s->min_partial = s->layout.min_partial;
	s->cpu_partial = s->layout.cpu_partial;
	s->ctor = spec->ctor;
	s->page_gfp = cache_page_gfp(s);
	cache_size_magazines(s);
	return 0;
}

/* A slot of the table; 0 is nobody's. 0: none. */
static uint32_t slabs_slot(struct slabs *sl)
{
	for (uint32_t id = 1; id < sl->nr_slots && sl->nr_slots > sl->nr_caches + 1; id++)
		if (!sl->cache[id])
			return id;
	if (sl->nr_slots == CACHES_MAX)
		return 0;
	return sl->nr_slots++;
}

static int slabs_add(struct slabs *sl, struct kmem_cache *s)
{
	if (cache_find(sl, s->name))
		return -EEXIST;
	s->id = slabs_slot(sl);
	if (!s->id)
		return -ENOMEM;
	sl->cache[s->id] = s;
	s->older = sl->newest;
	if (sl->newest)
		sl->newest->newer = s;
	else
		sl->oldest = s;
	sl->newest = s;
	sl->nr_caches++;
	s->refs = 1;
	s->generation = (uint32_t)sl->change;
	WRITE_RELAXED(&sl->change, sl->change + 1);
	return 0;
}

int kmem_cache_create(struct slabs *sl, const struct cache_spec *spec, struct kmem_cache **out)
{
	if (!name_valid(spec->name))
		return -EINVAL;
	struct kmem_cache *s = cache_alloc_host(sl);
	if (!s)
		return -ENOMEM;
	memcpy(s->name, spec->name, strlen(spec->name) + 1);
	int error = cache_set_layout(s, spec);
	if (!error)
		error = cache_self_take(s);
	if (!error) {
		lock_take(&sl->lock);
		error = slabs_add(sl, s);
		lock_drop(&sl->lock);
		if (error)
			cache_self_give(s);
	}
	if (error)
		cache_destroy(s);
	else
		*out = s;
	return error;
}

/* ---- The whole of one ---- */

/* A magazine that is to go may be in the making, of the old size: its CPU is waited for. */
static uint64_t cache_drain_cpu(struct kmem_cache *s, struct cpu *c, bool gone)
{
	if (!gone && READ_RELAXED(&s->magazine[c->id]) == &magazine_none)
		return 0;
	bias_take(&c->lock); /* a CPU that turns out to have none does not count as used */
	if (s->magazine[c->id] == &magazine_none) {
		bias_drop(&c->lock);
		return 0;
	}
	c->used = true; /* no turn: magazines of other caches stay as they are */
	uint64_t pages = magazine_drain(s, c, gone);
	bias_drop(&c->lock);
	__atomic_fetch_add(&s->changes, 1, __ATOMIC_RELEASE);
	return pages;
}

/* Everything that is free into the slabs. Returns pages given back. slabs->lock held, inside no CPU. */
static uint64_t cache_drain(struct kmem_cache *s, bool gone)
{
	struct machine *m = s->slabs->machine;
	uint64_t pages = 0;
	MASK_FOR_EACH(id, &m->cpus_online)
		pages += cache_drain_cpu(s, &m->cpu[id], gone);
	for (unsigned i = 0; i < m->nr_nodes; i++) {
		struct cpu *c = m->node[i].first_cpu;
		if (!READ_RELAXED(&s->node[i].shared))
			continue;
		cpu_enter(c);
		pages += shared_drain(s, c, &s->node[i]);
		cpu_leave(c);
	}
	return pages;
}

void kmem_cache_drain(struct kmem_cache *s)
{
	lock_take(&s->slabs->lock);
	cache_drain(s, false);
	lock_drop(&s->slabs->lock);
}

/* Free slabs past `keep` for each node. Returns pages. slabs->lock held, inside no CPU. */
static uint64_t cache_trim(struct kmem_cache *s, unsigned keep)
{
	struct machine *m = s->slabs->machine;
	uint64_t pages = 0;
	for (unsigned i = 0; i < m->nr_nodes; i++) {
		if (!READ_RELAXED(&s->node[i].nr_free))
			continue;
		struct cpu *c = m->node[i].first_cpu;
		cpu_enter(c);
		pages += node_trim(s, c, &s->node[i], keep);
		cpu_leave(c);
	}
	return pages;
}

static uint64_t cache_shrink(struct kmem_cache *s)
{
	uint64_t pages = cache_drain(s, false);
	pages += cache_trim(s, 0);
	for (unsigned i = 0; i < s->slabs->machine->nr_nodes; i++)
		if (READ_RELAXED(&s->node[i].nr_partial) > 1)
			node_sort(s, &s->node[i]);
	return pages;
}

uint64_t kmem_cache_shrink(struct kmem_cache *s)
{
	lock_take(&s->slabs->lock);
	uint64_t pages = cache_shrink(s);
	lock_drop(&s->slabs->lock);
	return pages;
}

static void slabs_remove(struct slabs *sl, struct kmem_cache *s)
{
	*(s->newer ? &s->newer->older : &sl->newest) = s->older;
	*(s->older ? &s->older->newer : &sl->oldest) = s->newer;
	sl->cache[s->id] = NULL;
	sl->nr_caches--;
	WRITE_RELAXED(&sl->change, sl->change + 1);
}

int kmem_cache_destroy(struct kmem_cache *s, uint64_t *live)
{
	struct slabs *sl = s->slabs;
	struct cache_usage usage;
	lock_take(&sl->lock);
	cache_shrink(s);
	kmem_cache_usage(s, -1, &usage);
	bool busy = s->refs > 1 || usage.slabs;
	if (!busy)
		slabs_remove(sl, s);
	lock_drop(&sl->lock);
	if (live)
		*live = usage.active;
	if (!busy) {
		cache_self_give(s);
		cache_destroy(s);
	}
	return busy ? -EBUSY : 0;
}

int kmem_cache_tune(struct kmem_cache *s, unsigned limit, unsigned batch, unsigned sharedfactor)
{
	if (limit < 1 || limit > CACHE_LIMIT_MAX || batch < 1 || batch > limit ||
	    (uint64_t)batch * sharedfactor > UINT16_MAX)
		return -EINVAL;
	lock_take(&s->slabs->lock);
	WRITE_RELAXED(&s->limit, limit);
	WRITE_RELAXED(&s->batch, batch);
	WRITE_RELAXED(&s->sharedfactor, sharedfactor);
	s->tuned = true;
	cache_drain(s, true);
	lock_drop(&s->slabs->lock);
	return 0;
}

void slabs_set_direct(struct slabs *sl, bool direct)
{
	lock_take(&sl->lock);
	WRITE_RELAXED(&sl->direct, direct);
	for (struct kmem_cache *s = sl->newest; s && direct; s = s->older)
		cache_drain(s, true);
	lock_drop(&sl->lock);
}

static void cache_tick(struct kmem_cache *s)
{
	const struct machine *m = s->slabs->machine;
	for (unsigned i = 0; i < m->nr_nodes; i++) {
		struct cache_node *n = &s->node[i];
		if (!READ_ACQUIRE(&n->shared))
			continue;
		if (READ_RELAXED(&n->shared_used)) {
			WRITE_RELAXED(&n->shared_used, false);
			continue;
		}
		struct cpu *c = m->node[i].first_cpu;
		cpu_enter(c);
		shared_drain(s, c, n);
		cpu_leave(c);
	}
}

void slabs_tick(struct slabs *sl)
{
	lock_take(&sl->lock);
	for (struct kmem_cache *s = sl->newest; s; s = s->older)
		cache_tick(s);
	lock_drop(&sl->lock);
}

void slabs_drain(struct slabs *sl)
{
	lock_take(&sl->lock);
	for (struct kmem_cache *s = sl->newest; s; s = s->older)
		cache_drain(s, false);
	lock_drop(&sl->lock);
}

/* ---- What it has ---- */

unsigned kmem_cache_loose(const struct kmem_cache *s, unsigned cpu)
{
	const struct magazine *mag = READ_ACQUIRE(&s->magazine[cpu]);
	if (mag == &magazine_none)
		return 0;
	const struct magazine *alien = READ_ACQUIRE(&mag->alien);
	return READ_RELAXED(&mag->count) + (alien ? READ_RELAXED(&alien->count) : 0);
}

static uint64_t cache_nr_loose(const struct kmem_cache *s)
{
	const struct machine *m = s->slabs->machine;
	uint64_t loose = 0;
	for (uint64_t seen = READ_RELAXED(&s->cpus_seen); seen; seen &= seen - 1)
		for (unsigned cpu = (unsigned)__builtin_ctzll(seen); cpu < m->nr_cpu_ids; cpu += 64)
			loose += kmem_cache_loose(s, cpu);
	return loose;
}

static void usage_add_node(struct cache_usage *u, const struct cache_node *n)
{
	u->slabs += READ_RELAXED(&n->nr_slabs);
	u->partial_slabs += READ_RELAXED(&n->nr_partial);
	u->free_slabs += READ_RELAXED(&n->nr_free);
	u->objects += READ_RELAXED(&n->objects);
	u->idle += READ_RELAXED(&n->free_objects);
}

static void usage_add_nodes(struct cache_usage *u, const struct kmem_cache *s)
{
	const struct machine *m = s->slabs->machine;
	for (uint64_t seen = READ_RELAXED(&s->nodes_seen); seen; seen &= seen - 1)
		for (unsigned i = (unsigned)__builtin_ctzll(seen); i < m->nr_nodes; i += 64) {
			const struct magazine *shared = READ_ACQUIRE(&s->node[i].shared);
			usage_add_node(u, &s->node[i]);
			u->shared += shared ? READ_RELAXED(&shared->count) : 0;
		}
	u->idle += u->shared;
	if (UNLIKELY(s->has_pinned)) {
		u->slabs += s->pinned_slabs;
		u->objects += s->pinned_objects;
		u->idle += s->pinned_objects - s->pinned_active;
	}
}

void kmem_cache_usage(const struct kmem_cache *s, int nid, struct cache_usage *u)
{
	*u = (struct cache_usage){ 0 };
	if (nid >= 0)
		usage_add_node(u, &s->node[nid]);
	else
		usage_add_nodes(u, s);
	uint64_t idle = u->idle + (nid < 0 ? cache_nr_loose(s) : 0);
	u->active = u->objects > idle ? u->objects - idle : 0;
}
