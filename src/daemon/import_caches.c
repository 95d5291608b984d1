/* SPDX-License-Identifier: MIT */
/*
 * The caches of slabinfo, made in the order in which the captured kernel made
 * them. A line has the size of an object with all that goes beside it, objects
 * and pages of a slab; what its creator asked for is known by name. Where that
 * leads to the printed layout it is the layout; else a layout is made that
 * prints the same.
 *
 * A cache that slabinfo lacks although the kernel makes it shares the slabs of
 * one that is there.
 */
#include "daemon/import_slab.h"

#include "daemon/import_use.h"
#include "vm/vm_slab.h"

#include <errno.h>
#include <string.h>

/* ---- Layouts ---- */

struct asked {
	uint32_t object_size, align, flags;
};

static bool layout_prints(const struct slab_layout *l, const struct cap_cache *from)
{
	return l->size == from->object_bytes && l->objects == from->slab_objects && l->order == from->order;
}

/* What the creator of a cache of this name asks for. */
static bool asked_known(const struct vm *vm, const char *name, struct asked *out)
{
	const struct machine *m = &vm->machine;
	enum kmalloc_family family;
	uint32_t size;
	if (kmalloc_name_parse(name, &family, &size)) {
		*out = (struct asked){ size, kmalloc_align(m->version, size), kmalloc_family_flags(family) };
		return true;
	}
	for (struct slab_boot b = { 0 }; slab_known_boot(&b, m->version, m->bits, m->nr_nodes);)
		if (!strcmp(b.name, name)) {
			*out = (struct asked){ b.object_size, b.align, b.flags };
			return true;
		}
	return false;
}

/* As the layout of a cache of such objects, if any comes out as printed; else its sizes are as printed. */
static void layout_guess(const struct slab_layout_of *of, const struct cap_cache *from,
			 uint32_t flags, struct slab_layout *l)
{
	uint32_t word = of->bits / 8;
	for (uint32_t less = 0; less <= word; less += word)
		if (from->object_bytes > less &&
		    !slab_layout_compute(l, of, from->object_bytes - less, 0, flags) &&
		    layout_prints(l, from))
			return;
	if (slab_layout_compute(l, of, from->object_bytes, 0, 0))
		*l = (struct slab_layout){ .min_partial = 5 };
	l->object_size = l->inuse = l->size = from->object_bytes;
	l->align = MIN(l->size & -l->size, SLAB_CACHE_LINE);
	l->offset = ALIGN_DOWN(l->size / 2, word);
	l->order = from->order;
	l->objects = (uint16_t)from->slab_objects;
	l->min_order = (uint8_t)(l->size <= PAGE_SIZE ? 0 : fls64((l->size - 1) >> PAGE_SHIFT));
	l->min_order = MIN(l->min_order, l->order);
	l->cpu_partial_slabs = DIV_ROUND_UP(l->cpu_partial * 2, l->objects);
}

static void layout_find(const struct vm *vm, const struct cap_cache *from, struct slab_layout *l,
			uint32_t *flags)
{
	const struct slab_layout_of *of = &vm->slabs.layout_of;
	struct asked asked;
	*flags = slab_known_flags(from->name) | (from->reclaimable ? SLAB_RECLAIM_ACCOUNT : 0);
	if (asked_known(vm, from->name, &asked)) {
		*flags = asked.flags;
		if (!slab_layout_compute(l, of, asked.object_size, asked.align, asked.flags) &&
		    layout_prints(l, from))
			return;
	}
	layout_guess(of, from, *flags, l);
}

/* ---- Caches of modules that nobody here knows: are their slabs reclaimable? ---- */

#define DRIFT_PAGES 64u /* between slabinfo and zoneinfo, which are read one after the other */
#define GUESSES_MAX 64u

static uint64_t line_pages(const struct cap_cache *from)
{
	return from->slabs << from->order;
}

struct classes {
	uint64_t counted[SLAB_CLASSES]; /* pages by zoneinfo */
	uint64_t pages[SLAB_CLASSES]; /* of slabinfo's caches */
};

static void classes_sum(const struct import_run *run, struct classes *k)
{
	const struct capture *c = run->c;
	*k = (struct classes){ { 0 }, { 0 } };
	for (unsigned n = 0; n < c->nr_nodes; n++) {
		k->counted[SLABS_RECLAIMABLE] += import_node_item(run, n, NR_SLAB_RECLAIMABLE);
		k->counted[SLABS_UNRECLAIMABLE] += import_node_item(run, n, NR_SLAB_UNRECLAIMABLE);
	}
	for (unsigned i = 0; i < c->nr_caches; i++) {
		bool reclaimable = slab_known_flags(c->cache[i].name) & SLAB_RECLAIM_ACCOUNT;
		if (!c->cache[i].left_out)
			k->pages[reclaimable ? SLABS_RECLAIMABLE : SLABS_UNRECLAIMABLE] +=
				line_pages(&c->cache[i]);
	}
}

/* The largest one of which nothing is known, if its slabs are not more than the counter lacks. */
static struct cap_cache *cache_unknown(struct capture *c, uint64_t most)
{
	struct cap_cache *best = NULL;
	for (unsigned i = 0; i < c->nr_caches; i++) {
		struct cap_cache *k = &c->cache[i];
		enum kmalloc_family family;
		uint32_t size;
		if (k->left_out || k->reclaimable || !line_pages(k) || line_pages(k) > most ||
		    (best && line_pages(k) <= line_pages(best)))
			continue;
		if (!slab_known_find(k->name) && !slab_known_flags(k->name) &&
		    !kmalloc_name_parse(k->name, &family, &size))
			best = k;
	}
	return best;
}

/* zoneinfo's counters tell when slabs are of the other class than their names let one think. */
static void classes_guess(struct import_run *run)
{
	struct classes k;
	classes_sum(run, &k);
	for (unsigned i = 0; i < GUESSES_MAX; i++) {
		uint64_t lacking = k.counted[SLABS_RECLAIMABLE] -
				   MIN(k.counted[SLABS_RECLAIMABLE], k.pages[SLABS_RECLAIMABLE]);
		if (k.pages[SLABS_UNRECLAIMABLE] <= k.counted[SLABS_UNRECLAIMABLE] + DRIFT_PAGES)
			return;
		struct cap_cache *from = cache_unknown(run->c, lacking + DRIFT_PAGES);
		if (!from)
			return;
		from->reclaimable = true;
		k.pages[SLABS_UNRECLAIMABLE] -= line_pages(from);
		k.pages[SLABS_RECLAIMABLE] += line_pages(from);
		cap_note(run->c, NOTE_GUESSED, "classes of slabs",
			 "proc/slabinfo:%u: slabs of %s count as reclaimable, as zoneinfo has them",
			 from->line, from->name);
	}
}

/* ---- Parts ---- */

static int part_add(struct import_slabs *is, const struct slab_part *part)
{
	if (!part->slabs)
		return 0;
	int error = cap_grow((void **)&is->part, &is->cap_parts, is->nr_parts, sizeof(*part));
	if (!error)
		is->part[is->nr_parts++] = *part;
	return error;
}

/* Free objects of the first part: its share, as far as both have room. */
static uint64_t free_split(const struct slab_part *a, const struct slab_part *b, uint64_t free)
{
	uint64_t room_a = a->slabs * a->objects, room_b = b->slabs * b->objects;
	uint64_t share = (uint64_t)((unsigned __int128)free * room_a / MAX(room_a + room_b, 1ull));
	return CLAMP(share, free - MIN(free, room_b), MIN(free, room_a));
}

/* SLAB knows how many slabs have no object in use. */
static void empty_set(struct slab_part *p, const struct cap_cache *from)
{
	uint64_t empty = from->slabs - from->active_slabs;
	if (!from->limit || from->active < from->active_slabs || p->slabs != from->slabs ||
	    p->free < empty * p->objects)
		return;
	p->no_more_empty = true;
	p->empty = empty;
	p->free -= empty * p->objects;
}

/*
 * With fewer objects than the slabs could have some were taken when memory was
 * short, in blocks of the least order.
 */
static int parts_make(struct import_run *run, struct kmem_cache *s, const struct cap_cache *from)
{
	const struct slab_layout *l = &s->layout;
	unsigned least = (unsigned)((PAGE_SIZE << l->min_order) / l->size);
	enum slab_class class = s->flags & SLAB_RECLAIM_ACCOUNT ? SLABS_RECLAIMABLE : SLABS_UNRECLAIMABLE;
	uint64_t missing = from->slabs * l->objects - from->objects;
	uint64_t small = l->objects > least ? missing / (l->objects - least) : 0;
	struct slab_part low = { .cache = s, .class = class, .order = l->min_order, .objects = least };
	struct slab_part full = { .cache = s, .class = class, .order = l->order, .objects = l->objects };

	low.slabs = MIN(small, from->slabs);
	full.slabs = from->slabs - low.slabs;
	uint64_t objects = full.slabs * full.objects + low.slabs * low.objects;
	uint64_t free = objects - MIN(objects, from->active);
	full.free = free_split(&full, &low, free);
	low.free = free - full.free;
	empty_set(&full, from);
	if (objects != from->objects)
		cap_note(run->c, NOTE_CORRECTED, "objects of caches",
			 "proc/slabinfo:%u: %lu slabs of %s have %lu objects, not %lu", from->line,
			 from->slabs, s->name, objects, from->objects);
	int error = part_add(run->slabs, &full);
	return error ? error : part_add(run->slabs, &low);
}

/* ---- Caches ---- */

static void cache_tune(struct capture *c, struct kmem_cache *s, const struct cap_cache *from)
{
	if ((from->limit || from->batch || from->sharedfactor) &&
	    kmem_cache_tune(s, from->limit, from->batch, from->sharedfactor))
		cap_note(c, NOTE_CORRECTED, "tunables",
			 "proc/slabinfo:%u: %s: no arrays of %u, %u at once, factor %u; as for a cache that nobody tuned",
			 from->line, s->name, from->limit, from->batch, from->sharedfactor);
}

static int cache_make(struct import_run *run, struct cap_cache *from)
{
	struct slab_layout layout;
	struct cache_spec spec = { .name = from->name, .layout = &layout };
	struct kmem_cache *s;
	layout_find(run->vm, from, &layout, &spec.flags);
	int error = kmem_cache_create(&run->vm->slabs, &spec, &s);
	if (error == -ENOMEM)
		return error;
	if (error) {
		cap_note(run->c, NOTE_CORRECTED, "names of caches",
			 "proc/slabinfo:%u: no cache %s can be made: %s; left out", from->line,
			 from->name, strerror(-error));
		return 0;
	}
	cache_tune(run->c, s, from);
	error = parts_make(run, s, from);
	kmem_cache_put(s); /* nobody destroys it before the machine runs */
	return error;
}

static void aliases_find(struct vm *vm)
{
	const struct machine *m = &vm->machine;
	for (struct slab_boot b = { 0 }; slab_known_boot(&b, m->version, m->bits, m->nr_nodes);) {
		struct kmem_cache *own = kmem_cache_find(&vm->slabs, b.name);
		if (own)
			kmem_cache_put(own);
		else
			vm_slab_share(vm, &b);
	}
}

int import_caches_make(struct import_run *run)
{
	int error = 0;
	classes_guess(run);
	for (unsigned i = run->c->nr_caches; i-- > 0 && !error;)
		if (!run->c->cache[i].left_out)
			error = cache_make(run, &run->c->cache[i]);
	if (!error)
		aliases_find(run->vm);
	return error;
}
