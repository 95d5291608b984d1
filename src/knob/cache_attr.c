/* SPDX-License-Identifier: MIT */
/*
 * The files of a slab cache (mm/slub.c: slab_attrs, 6.1), in 6.1's formats: a
 * number, or a sum followed by " N0=..." for each node that has a part of it.
 *
 * Where this allocator is not SLUB, the words mean:
 *
 *   partial            slabs with objects in use and others free; 6.1 counts
 *                      its free slabs here, too
 *   full, free         the other two lists of the nodes: not in 6.1
 *   objects            in somebody's hands; those in magazines are free
 *   objects_partial    of partial slabs, as the slabs know it: those in
 *                      magazines are in use
 *   cpu_slabs, slabs_cpu_partial
 *                      0: CPUs keep objects here, not slabs
 *   cpu_partial        kept and shown; the magazines of slabinfo do its work
 *
 * Left out is what would do nothing or tell nothing: remote_node_defrag_ratio,
 * skip_kfence, alloc_calls and free_calls (5.10).
 */

#include "knob/cache_attr.h"

#include "knob/sysfs_parse.h"
#include "mm/slab_debug.h"
#include "mm/slab_known.h"

#include <errno.h>
#include <string.h>

/* ---- Numbers ---- */

static void text_line(struct text *out, uint64_t v)
{
	text_u64(out, v);
	text_char(out, '\n');
}

#define SHOW_FIELD(name, value)                                                                    \
	static void show_##name(const struct kmem_cache *s, struct text *out)                      \
	{                                                                                          \
		text_line(out, value);                                                             \
	}
#define SHOW_FLAG(name, flag) SHOW_FIELD(name, !!(s->flags & (flag)))

SHOW_FIELD(aliases, s->aliases)
SHOW_FIELD(align, s->layout.align)
SHOW_FIELD(failslab, READ_RELAXED(&s->failslab))
SHOW_FIELD(object_size, s->layout.object_size)
SHOW_FIELD(slab_size, s->layout.size)
SHOW_FIELD(objs_per_slab, s->layout.objects)
SHOW_FIELD(order, s->layout.order)
SHOW_FIELD(min_partial, READ_RELAXED(&s->min_partial))
SHOW_FIELD(cpu_partial, READ_RELAXED(&s->cpu_partial))
SHOW_FLAG(cache_dma, SLAB_CACHE_DMA)
SHOW_FLAG(destroy_by_rcu, SLAB_TYPESAFE_BY_RCU)
SHOW_FLAG(hwcache_align, SLAB_HWCACHE_ALIGN)
SHOW_FLAG(reclaim_account, SLAB_RECLAIM_ACCOUNT)
SHOW_FLAG(sanity_checks, SLAB_CONSISTENCY_CHECKS)
SHOW_FLAG(red_zone, SLAB_RED_ZONE)
SHOW_FLAG(poison, SLAB_POISON)
SHOW_FLAG(store_user, SLAB_STORE_USER)
SHOW_FLAG(trace, SLAB_TRACE)

/* Slabs on CPUs. */
static void show_zero(const struct kmem_cache *s, struct text *out)
{
	(void)s;
	text_line(out, 0);
}

static void show_slabs_cpu_partial(const struct kmem_cache *s, struct text *out)
{
	(void)s;
	text_str(out, "0(0)\n");
}

/* Files that are there to be written read as empty; so does the name of a constructor that there is none of. */
static void show_nothing(const struct kmem_cache *s, struct text *out)
{
	(void)s;
	(void)out;
}

static void show_ctor(const struct kmem_cache *s, struct text *out)
{
	if (s->ctor || s->flags & SLAB_CTOR)
		text_str(out, "ctor\n");
}

/* Bytes of an object that may be copied from and to user space: known of the kernel's caches, 0 of others. */
static void show_usersize(const struct kmem_cache *s, struct text *out)
{
	const struct machine *m = s->slabs->machine;
	enum kmalloc_family family;
	uint32_t size;

	if (kmalloc_name_parse(s->name, &family, &size)) {
		text_line(out, s->layout.object_size);
		return;
	}
	enum slab_kernel kernel = slab_kernel_of(m->version, m->bits);
	const struct slab_known *known = slab_known_in(s->name, kernel);
	bool same = known && known->object_size[kernel] == s->layout.object_size;
	text_line(out, same ? known->usersize[kernel] : 0);
}

/* ---- Sums over nodes ---- */

/* "SUM N0=A N2=B"; of a machine without NUMA the sum alone. */
static void show_nodes(const struct kmem_cache *s, struct text *out,
		       uint64_t (*count)(const struct kmem_cache *s, unsigned nid))
{
	const struct machine *m = s->slabs->machine;
	uint64_t part[MM_NODES_MAX], sum = 0;

	for (unsigned n = 0; n < m->nr_nodes; n++)
		sum += part[n] = count(s, n);
	text_u64(out, sum);
	for (unsigned n = 0; n < m->nr_nodes && m->numa; n++)
		if (part[n])
			text_printf(out, " N%u=%llu", n, (unsigned long long)part[n]);
	text_char(out, '\n');
}

static struct cache_usage node_usage(const struct kmem_cache *s, unsigned nid)
{
	struct cache_usage usage;
	kmem_cache_usage(s, (int)nid, &usage);
	return usage;
}

static uint64_t node_slabs(const struct kmem_cache *s, unsigned nid)
{
	return node_usage(s, nid).slabs;
}

static uint64_t node_partial(const struct kmem_cache *s, unsigned nid)
{
	return node_usage(s, nid).partial_slabs;
}

static uint64_t node_free(const struct kmem_cache *s, unsigned nid)
{
	return node_usage(s, nid).free_slabs;
}

static uint64_t node_full(const struct kmem_cache *s, unsigned nid)
{
	struct cache_usage u = node_usage(s, nid);
	uint64_t others = u.partial_slabs + u.free_slabs;
	return u.slabs > others ? u.slabs - others : 0;
}

static uint64_t node_total_objects(const struct kmem_cache *s, unsigned nid)
{
	return node_usage(s, nid).objects;
}

/* Objects of a node in one CPU's magazine that wait there for their way home. */
static uint64_t alien_objects(const struct kmem_cache *s, const struct magazine *alien, unsigned nid)
{
	const struct machine *m = s->slabs->machine;
	uint64_t nr = 0;
	for (unsigned i = 0; i < READ_RELAXED(&alien->count); i++) {
		const void *object = READ_RELAXED(&alien->object[i]);
		nr += object && page_zone(m, pfn_page(m, object_pfn(s->slabs, object)))->node->id == nid;
	}
	return nr;
}

/* Objects of a node that are free in magazines: those of its own CPUs hold nothing else. */
static uint64_t node_loose(const struct kmem_cache *s, unsigned nid)
{
	const struct machine *m = s->slabs->machine;
	const struct magazine *shared = READ_ACQUIRE(&s->node[nid].shared);
	uint64_t nr = shared ? READ_RELAXED(&shared->count) : 0;

	for (unsigned cpu = 0; cpu < m->nr_cpu_ids; cpu++) {
		const struct magazine *mag = READ_ACQUIRE(&s->magazine[cpu]);
		if (mag == &magazine_none)
			continue;
		const struct magazine *alien = READ_ACQUIRE(&mag->alien);
		if (m->cpu[cpu].node->zonelist[0].zone->node->id == nid)
			nr += READ_RELAXED(&mag->count);
		nr += alien ? alien_objects(s, alien, nid) : 0;
	}
	return nr;
}

static uint64_t node_objects(const struct kmem_cache *s, unsigned nid)
{
	uint64_t used = node_usage(s, nid).active, loose = node_loose(s, nid);
	return used > loose ? used - loose : 0;
}

static uint64_t node_objects_partial(const struct kmem_cache *s, unsigned nid)
{
	const struct machine *m = s->slabs->machine;
	struct cache_node *n = &s->node[nid];
	uint64_t used = 0;

	lock_take(&n->lock);
	for (pfn_t pfn = n->partial.head; pfn; pfn = pfn_page(m, pfn)->next) {
		const struct page *slab = pfn_page(m, pfn);
		used += slab_objects(s, slab) - slab_nr_free(slab);
	}
	lock_drop(&n->lock);
	return used;
}

#define SHOW_NODES(name)                                                                           \
	static void show_##name(const struct kmem_cache *s, struct text *out)                      \
	{                                                                                          \
		show_nodes(s, out, node_##name);                                                   \
	}
SHOW_NODES(slabs)
SHOW_NODES(partial)
SHOW_NODES(full)
SHOW_NODES(free)
SHOW_NODES(objects)
SHOW_NODES(objects_partial)
SHOW_NODES(total_objects)

/* ---- Writing ---- */

static ssize_t store_min_partial(struct kmem_cache *s, const char *buf, size_t len)
{
	uint64_t v;
	int error = sysfs_parse_ulong(buf, len, s->slabs->machine->bits, &v);
	if (!error)
		WRITE_RELAXED(&s->min_partial, v);
	return error ? error : (ssize_t)len;
}

static ssize_t store_cpu_partial(struct kmem_cache *s, const char *buf, size_t len)
{
	uint64_t v;
	int error = sysfs_parse_ulong(buf, len, 32, &v);
	if (!error && v && s->flags & SLAB_DEBUG_FLAGS)
		error = -EINVAL;
	if (!error)
		WRITE_RELAXED(&s->cpu_partial, (uint32_t)v);
	return error ? error : (ssize_t)len;
}

/* May failslab pick it? 6.1 asks that its slabs are nobody else's, too. */
static ssize_t store_failslab(struct kmem_cache *s, const char *buf, size_t len)
{
	if (s->aliases)
		return -EINVAL;
	WRITE_RELAXED(&s->failslab, buf[0] == '1');
	return (ssize_t)len;
}

static ssize_t store_shrink(struct kmem_cache *s, const char *buf, size_t len)
{
	if (buf[0] != '1')
		return -EINVAL;
	kmem_cache_shrink(s);
	return (ssize_t)len;
}

/* 6.1 does this for caches with debug flags only, and what it finds is in the log. */
static ssize_t store_validate(struct kmem_cache *s, const char *buf, size_t len)
{
	if (buf[0] != '1' || !(s->flags & SLAB_DEBUG_FLAGS))
		return -EINVAL;
	slab_validate(s);
	return (ssize_t)len;
}

/* ---- The files ---- */

#define READ_ONLY(file)                                                                            \
	{                                                                                          \
		.name = #file, .mode = 0400, .show = show_##file                                   \
	}
#define READ_ONLY_AS(file, show_)                                                                  \
	{                                                                                          \
		.name = #file, .mode = 0400, .show = show_                                         \
	}
#define READ_WRITE(file)                                                                           \
	{                                                                                          \
		.name = #file, .mode = 0600, .show = show_##file, .store = store_##file            \
	}

const struct cache_attr cache_attr_table[] = {
	READ_ONLY(aliases),
	READ_ONLY(align),
	READ_ONLY(cache_dma),
	READ_WRITE(cpu_partial),
	READ_ONLY_AS(cpu_slabs, show_zero),
	READ_ONLY(ctor),
	READ_ONLY(destroy_by_rcu),
	READ_WRITE(failslab),
	READ_ONLY(free),
	READ_ONLY(full),
	READ_ONLY(hwcache_align),
	READ_WRITE(min_partial),
	READ_ONLY(object_size),
	READ_ONLY(objects),
	READ_ONLY(objects_partial),
	READ_ONLY(objs_per_slab),
	READ_ONLY(order),
	READ_ONLY(partial),
	READ_ONLY(poison),
	READ_ONLY(reclaim_account),
	READ_ONLY(red_zone),
	READ_ONLY(sanity_checks),
	{ .name = "shrink", .mode = 0600, .action = true, .show = show_nothing, .store = store_shrink },
	READ_ONLY(slab_size),
	READ_ONLY(slabs),
	READ_ONLY(slabs_cpu_partial),
	READ_ONLY(store_user),
	READ_ONLY(total_objects),
	READ_ONLY(trace),
	READ_ONLY(usersize),
	{ .name = "validate", .mode = 0600, .action = true, .show = show_nothing, .store = store_validate },
};

const unsigned nr_cache_attrs = ARRAY_LEN(cache_attr_table);

/* ---- Finding the cache. Without taking a reference, which would keep it from being deleted meanwhile ---- */

static struct kmem_cache *cache_get(const struct slabs *sl, struct cache_id id) /* slabs->lock held */
{
	struct kmem_cache *s = id.id < sl->nr_slots ? sl->cache[id.id] : NULL;
	return s && s->generation == id.generation ? s : NULL;
}

bool cache_exists(struct vm *vm, struct cache_id id)
{
	lock_take(&vm->slabs.lock);
	bool exists = cache_get(&vm->slabs, id);
	lock_drop(&vm->slabs.lock);
	return exists;
}

int cache_id_find(struct vm *vm, const char *name, struct cache_id *out)
{
	lock_take(&vm->slabs.lock);
	const struct kmem_cache *s = vm->slabs.newest;
	while (s && strcmp(s->name, name))
		s = s->older;
	if (s)
		*out = cache_id_of(s);
	lock_drop(&vm->slabs.lock);
	return s ? 0 : -ENOENT;
}

int cache_attr_read(struct vm *vm, struct cache_id id, const struct cache_attr *a, struct text *out)
{
	lock_take(&vm->slabs.lock);
	const struct kmem_cache *s = cache_get(&vm->slabs, id);
	if (s)
		a->show(s, out);
	lock_drop(&vm->slabs.lock);
	return s ? text_error(out) : -ENODEV;
}

ssize_t cache_attr_write(struct vm *vm, struct cache_id id, const struct cache_attr *a,
			 const char *buf, size_t len)
{
	if (!a->store)
		return -EACCES;
	if (!len)
		return 0;
	len = MIN(len, (size_t)SYSFS_WINDOW);
	lock_take(&vm->knob_lock);
	lock_take(&vm->slabs.lock);
	struct kmem_cache *s = cache_get(&vm->slabs, id);
	if (s)
		s->refs++;
	lock_drop(&vm->slabs.lock);
	ssize_t taken = s ? a->store(s, buf, len) : -ENODEV;
	if (s)
		kmem_cache_put(s);
	lock_drop(&vm->knob_lock);
	return taken;
}
