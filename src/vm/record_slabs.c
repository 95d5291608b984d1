/* SPDX-License-Identifier: MIT */
/* Reading the frame record: slab caches, their slabs, and the objects that tasks hold (record_slabs_write.c). */
#include "vm/record_private.h"

#include "base/mem.h"
#include "mm/import.h"
#include "mm/slab_debug.h"
#include "vm/task_private.h"

#include <errno.h>
#include <string.h>

#define WORDS (SLAB_OBJECTS_MAX / 64)

/* ---- What a cache is ---- */

/* Everything beside an object that the flags ask for is where the layout of such a cache has it. */
static bool debug_layout_sound(const struct record *r, const struct slab_layout *l, uint32_t flags)
{
	struct slab_layout own;
	if (!(flags & SLAB_DEBUG_FLAGS))
		return true;
	return !slab_layout_compute(&own, &r->vm->slabs.layout_of, l->object_size, l->align, flags) &&
	       own.size == l->size && own.inuse == l->inuse && own.offset == l->offset &&
	       own.red_left_pad == l->red_left_pad;
}

static bool layout_sound(const struct record *r, const struct slab_layout *l, uint32_t flags)
{
	uint64_t bytes = PAGE_SIZE << l->order;
	return (uint64_t)l->objects * l->size <= bytes && l->min_order <= l->order &&
	       l->size <= PAGE_SIZE << l->min_order && (l->object_size | l->inuse) <= SLAB_OBJECT_MAX &&
	       l->object_size <= l->inuse && l->inuse <= l->size && l->offset <= l->size &&
	       (uint64_t)l->object_size + l->red_left_pad <= l->size &&
	       !(l->align & (l->align - 1)) && debug_layout_sound(r, l, flags);
}

static bool cache_sound(const struct record *r, const struct kmem_cache *shape)
{
	return layout_sound(r, &shape->layout, shape->flags) && shape->batch <= shape->limit &&
	       (uint64_t)shape->batch * shape->sharedfactor <= UINT16_MAX &&
	       shape->pinned_active <= shape->pinned_objects &&
	       shape->pinned_objects >= shape->pinned_slabs &&
	       shape->pinned_objects <= shape->pinned_slabs * shape->layout.objects;
}

static void cache_fill(struct kmem_cache *s, const struct kmem_cache *shape)
{
	s->aliases = shape->aliases;
	s->failslab = shape->failslab;
	s->limit = shape->limit;
	s->batch = shape->batch;
	s->sharedfactor = shape->sharedfactor;
	s->tuned = shape->tuned;
	s->min_partial = shape->min_partial;
	s->cpu_partial = shape->cpu_partial;
	kmem_cache_pin(s, shape->pinned_slabs, shape->pinned_objects, shape->pinned_active);
}

static int cache_add(struct record *r, const char *name, const struct kmem_cache *shape)
{
	const struct cache_spec spec = { .name = name, .flags = shape->flags, .layout = &shape->layout };
	struct kmem_cache *s;
	if (!r->cache)
		r->cache = mem_zalloc(CACHES_MAX * sizeof(struct kmem_cache *));
	if (!r->cache)
		return -ENOMEM;
	int error = kmem_cache_create(&r->vm->slabs, &spec, &s);
	if (error)
		return error == -ENOMEM
			       ? error
			       : record_bad(r, "there can be no cache %.63s, or there is one", name);
	cache_fill(s, shape);
	kmem_cache_put(s); /* nobody destroys it before the machine runs */
	r->cache[++r->nr_caches] = s;
	return 0;
}

static int cache_read(struct record *r, char *rest)
{
	char name[CACHE_NAME_MAX + 1];
	struct kmem_cache *shape = mem_zalloc_aligned(ALIGN_UP(sizeof(*shape), 64), 64);
	uint64_t number;
	if (!shape)
		return -ENOMEM;
	int error = record_number(r, &rest, CACHES_MAX, &number);
	if (!error && number != r->nr_caches + 1)
		error = record_bad(r, "cache %u is missing before it", r->nr_caches + 1);
	const char *word = error ? NULL : record_word(&rest);
	if (!error && (!word || !record_name_read(word, name, CACHE_NAME_MAX)))
		error = record_bad(r, "\"%.40s\" is not the name of a cache", word ? word : "");
	if (!error)
		error = record_fields(r, &fields_cache, shape, rest);
	if (!error && !cache_sound(r, shape))
		error = record_bad(r, "cache %.63s: its sizes do not fit each other", name);
	if (!error)
		error = cache_add(r, name, shape);
	mem_free(shape);
	return error;
}

/* ---- Slabs ---- */

/* Number 0: NULL. */
static int cache_find(struct record *r, char **rest, struct kmem_cache **out)
{
	uint64_t number;
	int error = record_number(r, rest, r->nr_caches + 1ul, &number);
	*out = error || !number ? NULL : r->cache[number];
	return error;
}

int record_cache_find(struct record *r, char **rest, struct kmem_cache **out)
{
	int error = cache_find(r, rest, out);
	return error || *out ? error : record_bad(r, "there is no cache 0");
}

struct slabs_in {
	struct kmem_cache *cache;
	struct series_in order, type, free;
};

static int slab_words_read(struct record *r, struct slabs_in *in, const struct page *slab,
			   uint64_t bits[WORDS])
{
	unsigned objects = slab_objects(in->cache, slab);
	for (unsigned w = 0; w * 64 < objects; w++) {
		unsigned own = objects - w * 64;
		if (series_get(&in->free, &bits[w]) <= 0 || (own < 64 && bits[w] >> own))
			return record_bad(r, "frame %u: free objects that the slab does not have",
					  page_pfn(&r->vm->machine, slab));
	}
	return 0;
}

static int slab_place(struct record *r, uint64_t v, void *ctx)
{
	struct slabs_in *in = ctx;
	const struct slab_layout *l = &in->cache->layout;
	uint64_t order, type, bits[WORDS];
	struct zone *z;
	if (series_get(&in->order, &order) <= 0 || order < l->min_order || order > l->order ||
	    series_get(&in->type, &type) <= 0 || type >= MIGRATE_TYPES)
		return record_bad(r, "frame %llu: no slab of %s is like that",
				  (unsigned long long)v, in->cache->name);
	int error = record_block(r, v, (unsigned)order, &z);
	if (error)
		return error;
	struct page *slab = zone_import_used(z, (pfn_t)v, (unsigned)order);
	slab->migratetype = (uint8_t)type;
	error = slab_words_read(r, in, slab, bits);
	return error ? error : kmem_cache_restore(in->cache, slab, bits, NULL);
}

/* The four series are the last words of the line, in this order. */
static int slabs_read(struct record *r, char *rest)
{
	struct slabs_in in;
	char *free = record_word_cut(rest, " free="), *type = record_word_cut(rest, " migratetype=");
	char *order = record_word_cut(rest, " order="), *pfn = record_word_cut(rest, " pfn=");
	int error = record_cache_find(r, &rest, &in.cache);
	if (error)
		return error;
	ASSERT(in.cache);
	if (!pfn || !order || !type || !free)
		return record_bad(r, "pfn, order, migratetype or free is missing");
	for (unsigned n = 0; n < r->vm->machine.nr_nodes; n++)
		if (in.cache->node[n].nr_slabs)
			return record_bad(r, "the cache has slabs already");
	series_open(&in.order, order);
	series_open(&in.type, type);
	series_open(&in.free, free);
	return record_series(r, pfn, slab_place, &in);
}

/* ---- Objects of tasks ---- */

struct objects_in {
	struct task_objects *line;
	struct kmem_cache *cache;
	unsigned order; /* of whole pages */
};

static size_t owned_bytes(const struct record *r)
{
	return (size_t)r->vm->machine.end_pfn * (SLAB_OBJECTS_MAX / 8);
}

/* An object in use of the cache; NULL: it is not. */
static void *slab_object_find(const struct kmem_cache *s, struct page *slab, unsigned i)
{
	const uint64_t *free_bits = slab_free_bits(s, slab);
	if (slab->owner != owner_handle(OWNER_SLAB, s->id) || i >= slab_objects(s, slab) ||
	    free_bits[i / 64] >> i % 64 & 1)
		return NULL;
	return slab_object(s, slab, i);
}

static void *block_find(const struct slabs *sl, const struct page *page, unsigned i, unsigned order)
{
	if (owner_kind(page->owner) != OWNER_KMALLOC || i || page->order != order)
		return NULL;
	return slab_address(sl, page);
}

static int owned_reserve(struct record *r)
{
	if (!r->owned)
		r->owned = mem_map(owned_bytes(r));
	return r->owned ? 0 : -ENOMEM;
}

/* Of a cache, or with NULL whole pages of an order. */
static int object_take(struct record *r, const struct kmem_cache *s, unsigned order, uint64_t v, void **out)
{
	struct machine *m = &r->vm->machine;
	uint64_t pfn = v / SLAB_OBJECTS_MAX;
	unsigned i = v % SLAB_OBJECTS_MAX;
	struct page *page = pfn < m->end_pfn ? pfn_page(m, (pfn_t)pfn) : NULL;
	void *object = NULL;
	if (owned_reserve(r))
		return -ENOMEM;
	if (page && page->state == PAGE_USED)
		object = s ? slab_object_find(s, page, i) : block_find(&r->vm->slabs, page, i, order);
	if (!object || r->owned[v / 64] >> v % 64 & 1)
		return record_bad(r, "%llu is no object that somebody can have here",
				  (unsigned long long)v);
	r->owned[v / 64] |= 1ull << v % 64;
	*out = object;
	return 0;
}

int record_object_take(struct record *r, const struct kmem_cache *s, uint64_t number, void **out)
{
	return object_take(r, s, 0, number, out);
}

static int object_place(struct record *r, uint64_t v, void *ctx)
{
	struct objects_in *in = ctx;
	void *object = NULL;
	int error = object_take(r, in->cache, in->order, v, &object);
	return error ? error : task_objects_restore(in->line, object);
}

/* Whole pages serve what is larger than objects; objects are no smaller than what was asked for. */
static bool line_sound(const struct record *r, const struct kmem_cache *cache, uint64_t size, uint64_t gfp)
{
	if (r->vm->policy.zone_type[gfp & GFP_PLACE_BITS] >= r->vm->machine.nr_zone_types)
		return false;
	return cache ? size <= cache->layout.object_size : size && size <= KMALLOC_BYTES_MAX;
}

static int task_objects_read(struct record *r, char *rest)
{
	struct objects_in in = { .line = NULL };
	struct task *t;
	uint64_t size = 0, gfp = 0;
	int error = record_task_find(r, &rest, &t);
	if (!error)
		error = cache_find(r, &rest, &in.cache);
	if (!error)
		error = record_number(r, &rest, (uint64_t)UINT32_MAX + 1, &size);
	if (!error)
		error = record_number(r, &rest, (uint64_t)UINT32_MAX + 1, &gfp);
	if (error)
		return error;
	if (!line_sound(r, in.cache, size, gfp))
		return record_bad(r, "no request is like that");
	error = task_objects_line(t, in.cache, (uint32_t)size, (gfp_t)gfp, &in.line);
	if (error)
		return error == -ENOMEM ? error
					: record_bad(r, "the task has this twice, or too many keys");
	in.order = in.cache ? 0 : fls64((size - 1) >> PAGE_SHIFT);
	const char *series = record_word(&rest);
	return record_series(r, series ? series : "", object_place, &in);
}

const struct record_row record_slab_rows[] = {
	{ "cache", cache_read },
	{ "slabs", slabs_read },
	{ "task_objects", task_objects_read },
};
const unsigned nr_record_slab_rows = ARRAY_LEN(record_slab_rows);

/* ---- At the end ---- */

int record_slabs_finish(struct record *r)
{
	int error = owned_reserve(r);
	for (unsigned i = 1; i <= r->nr_caches && !error; i++)
		error = kmem_cache_disown(r->cache[i], r->owned);
	return error;
}

void record_slabs_fini(struct record *r)
{
	mem_free(r->cache);
	if (r->owned)
		mem_unmap(r->owned, owned_bytes(r));
}
