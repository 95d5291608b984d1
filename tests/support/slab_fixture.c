/* SPDX-License-Identifier: MIT */
/* A slab allocator for tests: see slab_fixture.h. */

#include "support/slab_fixture.h"

#include "base/mem.h"
#include "mm/buddy.h"
#include "mm/pcp.h"

#include <unistd.h>

/* ---- The page source ---- */

static struct page *take_pages(struct slab_fixture *f, struct cpu *c, int nid, gfp_t gfp, unsigned order)
{
	const struct node *near = nid < 0 ? c->node : &f->m.node[nid];
	unsigned nr = gfp & __GFP_THISNODE ? near->nr_zonelist_thisnode : near->nr_zonelist;
	unsigned highest = gfp & __GFP_DMA ? 0 : gfp & __GFP_DMA32 ? 1 : MM_ZONE_TYPES_MAX;
	enum migratetype mt = gfp & __GFP_RECLAIMABLE ? MIGRATE_RECLAIMABLE : MIGRATE_UNMOVABLE;
	for (unsigned i = 0; i < nr; i++) {
		if (near->zonelist[i].type > highest)
			continue;
		struct page *page = zone_take(c, near->zonelist[i].zone, order, mt, 0);
		if (page)
			return page;
	}
	return NULL;
}

static struct page *source_take(void *ctx, struct cpu *c, int nid, gfp_t gfp, unsigned order)
{
	struct slab_fixture *f = ctx;
	if (!__atomic_fetch_add(&f->nr_takes, 1, __ATOMIC_RELAXED))
		WRITE_RELAXED(&f->first_gfp, gfp);
	WRITE_RELAXED(&f->last_gfp, gfp);
	WRITE_RELAXED(&f->last_nid, nid);
	if (READ_RELAXED(&f->leaves)) {
		cpu_leave(c);
		if (f->left)
			f->left(f, c);
		cpu_enter(c);
	}
	if (READ_RELAXED(&f->refuse) || order > READ_RELAXED(&f->order_most))
		return NULL;
	return take_pages(f, c, nid, gfp, order);
}

static void source_give(void *ctx, struct cpu *c, struct page *page, unsigned order)
{
	struct slab_fixture *f = ctx;
	__atomic_fetch_add(&f->nr_gives, 1, __ATOMIC_RELAXED);
	assert_int_equal(page->order, order);
	assert_int_equal(page->owner, 0);
	page_give(c, page, order);
}

static int source_charge(void *ctx, struct page *page, unsigned order)
{
	struct slab_fixture *f = ctx;
	__atomic_fetch_add(&f->nr_charges, 1, __ATOMIC_RELAXED);
	if (READ_RELAXED(&f->charges_left) >= 0 &&
	    __atomic_fetch_sub(&f->charges_left, 1, __ATOMIC_RELAXED) <= 0) {
		WRITE_RELAXED(&f->charges_left, 0);
		return -1;
	}
	__atomic_fetch_add(&f->pages_charged, 1ll << order, __ATOMIC_RELAXED);
	if (READ_RELAXED(&f->slow_charge))
		usleep(1000);
	for (struct page *p = page; p < page + (1ul << order); p++)
		WRITE_RELAXED(&p->flags, (uint8_t)(p->flags | PG_CONTENT));
	return 0;
}

static void source_discard(void *ctx, struct page *page, unsigned order)
{
	struct slab_fixture *f = ctx;
	__atomic_fetch_add(&f->nr_discards, 1, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&f->pages_charged, 1ll << order, __ATOMIC_RELAXED);
	for (struct page *p = page; p < page + (1ul << order); p++)
		WRITE_RELAXED(&p->flags, (uint8_t)(p->flags & ~PG_CONTENT));
}

/* ---- Machines ---- */

struct slab_fixture *slab_fixture_of(void (*boot)(struct machine *m, void *arg), void *arg)
{
	struct slab_fixture *f = mem_zalloc_aligned(sizeof(*f), 64);
	assert_non_null(f);
	boot(&f->m, arg);
	f->order_most = MM_ORDER_MAX;
	f->charges_left = -1;
	f->memory_bytes = f->m.end_pfn << PAGE_SHIFT;
	f->memory = mem_map(f->memory_bytes);
	assert_non_null(f->memory);
	assert_int_equal(ring_init(&f->log, &f->m.clock, RING_BYTES), 0);
	const struct slab_source source = { .take = source_take,
					    .give = source_give,
					    .charge = source_charge,
					    .discard = source_discard,
					    .ctx = f,
					    .base = f->memory,
					    .log = &f->log };
	assert_int_equal(slabs_init(&f->sl, &f->m, &source), 0);
	return f;
}

void slab_fixture_end(struct slab_fixture *f)
{
	assert_verified(&f->m);
	slabs_fini(&f->sl);
	ring_fini(&f->log);
	mem_unmap(f->memory, f->memory_bytes);
	machine_shutdown(&f->m);
	mem_free(f);
}

static void boot_one(struct machine *m, void *arg)
{
	static const struct zone_shape shape[] = { { 0, 0, 1024, 2048, 0 }, { 0, 2, 4096, 20480, 0 } };
	(void)arg;
	small_machine(m, 1, 2, shape, 2);
}

static const struct zone_shape shape_two[] = { { 0, 2, 4096, 12288, 0 }, { 1, 2, 12288, 20480, 0 } };

static void boot_two(struct machine *m, void *arg)
{
	(void)arg;
	small_machine(m, 2, 2, shape_two, 2);
}

static void boot_memoryless(struct machine *m, void *arg)
{
	struct machine_spec s;
	(void)arg;
	small_spec(&s, 3, 2);
	s.node[2].distance[0] = 30; /* node 1 is nearer */
	small_spec_zones(&s, shape_two, 2);
	small_boot(m, &s);
}

static void boot_interleaved(struct machine *m, void *arg)
{
	static const struct zone_shape shape[] = { { 0, 1, 4096, 8192, 0 },
						   { 1, 2, 8192, 16384, 0 },
						   { 0, 2, 16384, 20480, 0 } };
	(void)arg;
	small_machine(m, 2, 2, shape, 3);
}

struct slab_fixture *slab_fixture_one(void)
{
	return slab_fixture_of(boot_one, NULL);
}
struct slab_fixture *slab_fixture_two(void)
{
	return slab_fixture_of(boot_two, NULL);
}
struct slab_fixture *slab_fixture_memoryless(void)
{
	return slab_fixture_of(boot_memoryless, NULL);
}
struct slab_fixture *slab_fixture_interleaved(void)
{
	return slab_fixture_of(boot_interleaved, NULL);
}

/* ---- Caches and objects ---- */

struct kmem_cache *fixture_cache(struct slab_fixture *f, const char *name, uint32_t size, uint32_t flags)
{
	struct kmem_cache *s = NULL;
	const struct cache_spec spec = { .name = name, .object_size = size, .flags = flags };
	assert_int_equal(kmem_cache_create(&f->sl, &spec, &s), 0);
	return s;
}

void *fixture_alloc_node(struct kmem_cache *s, unsigned cpu, int nid, gfp_t gfp)
{
	struct cpu *c = &s->slabs->machine->cpu[cpu];
	cpu_enter(c);
	void *object = nid < 0 ? kmem_cache_alloc(s, c, gfp) : kmem_cache_alloc_node(s, c, nid, gfp);
	cpu_leave(c);
	return object;
}

void *fixture_alloc(struct kmem_cache *s, unsigned cpu, gfp_t gfp)
{
	return fixture_alloc_node(s, cpu, -1, gfp);
}

void fixture_free(struct kmem_cache *s, unsigned cpu, void *object)
{
	struct cpu *c = &s->slabs->machine->cpu[cpu];
	cpu_enter(c);
	kmem_cache_free(s, c, object);
	cpu_leave(c);
}

void fixture_take(struct kmem_cache *s, unsigned cpu, void **object, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		object[i] = fixture_alloc(s, cpu, GFP_KERNEL);
		assert_non_null(object[i]);
	}
}

void fixture_give(struct kmem_cache *s, unsigned cpu, void **object, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		fixture_free(s, cpu, object[i]);
}

void fixture_destroy(struct kmem_cache *s)
{
	uint64_t live = 77;
	assert_int_equal(kmem_cache_destroy(s, &live), 0);
	assert_int_equal(live, 0);
}

struct cache_usage fixture_usage(struct kmem_cache *s, int nid)
{
	struct cache_usage u;
	lock_take(&s->slabs->lock);
	kmem_cache_usage(s, nid, &u);
	lock_drop(&s->slabs->lock);
	return u;
}

unsigned object_node(const struct kmem_cache *s, const void *object)
{
	const struct page *slab = object_slab(s, object);
	assert_non_null(slab);
	return page_zone(s->slabs->machine, slab)->node->id;
}

int64_t fixture_slab_pages(const struct slab_fixture *f, enum node_stat item)
{
	int64_t pages = 0;
	for (unsigned i = 0; i < f->m.nr_nodes; i++)
		pages += node_stat_sum(&f->m.node[i], item);
	return pages;
}

uint64_t fixture_free_pages(struct slab_fixture *f)
{
	uint64_t pages = 0;
	machine_drain(&f->m);
	FOR_EACH_POPULATED_ZONE(z, &f->m)
		pages += zone_buddy_pages(z);
	return pages;
}

unsigned fixture_nr_saying(struct slab_fixture *f, const char *words)
{
	static struct ring_record record;
	unsigned nr = 0;
	for (uint64_t seq = ring_first(&f->log); ring_read(&f->log, seq, &record); seq = record.seq + 1) {
		record.text[MIN(record.len, RING_TEXT_MAX - 1)] = '\0';
		nr += strstr(record.text, words) != NULL;
	}
	return nr;
}

bool fixture_logged(struct slab_fixture *f, const char *words)
{
	return fixture_nr_saying(f, words) > 0;
}

uint64_t fixture_nr_logged(struct slab_fixture *f)
{
	return ring_next(&f->log);
}
