/* SPDX-License-Identifier: MIT */
/*
 * What kmalloc does beside the lookup (kmalloc.h): its caches, blocks of whole
 * pages, and finding out what an address is. A block of pages is described by
 * the entry of its head, as a slab is: owner OWNER_KMALLOC, order; an address
 * is of the one block in use that covers its frame, and the heads that could
 * be are one for each order.
 *
 * The bytes of a block without PG_CONTENT are zero already where the host is
 * charged for content, so zeroing does not make untouched memory real.
 */

#include "mm/kmalloc.h"

#include "base/mem.h"
#include "base/ring.h"
#include "mm/owner.h"

#include <errno.h>
#include <string.h>

/* ---- The caches ---- */

struct families {
	struct kmem_cache *cache[KMALLOC_FAMILIES][KMALLOC_STEPS];
	bool found; /* somebody made some of them before us */
};

static unsigned step_of(uint32_t size)
{
	unsigned step = 0;
	while (kmalloc_step[step] < size)
		step++;
	return step;
}

static void families_find(struct families *f, struct slabs *sl)
{
	char name[KMALLOC_NAME_MAX];
	for (unsigned family = 0; family < KMALLOC_FAMILIES; family++)
		for (unsigned step = 0; step < KMALLOC_STEPS; step++) {
			kmalloc_name(name, (enum kmalloc_family)family, kmalloc_step[step]);
			f->cache[family][step] = kmem_cache_find(sl, name);
			f->found |= f->cache[family][step] != NULL;
		}
}

static int families_create(struct families *f, struct slabs *sl)
{
	enum kmalloc_family family;
	uint32_t size;
	int error = 0;
	for (struct slab_boot b = { 0 }; !error && kmalloc_boot(&b, sl->machine->version);) {
		const struct cache_spec spec = {
			.name = b.name, .object_size = b.object_size, .align = b.align, .flags = b.flags
		};
		bool known = kmalloc_name_parse(b.name, &family, &size);
		ASSERT(known);
		error = kmem_cache_create(sl, &spec, &f->cache[family][step_of(size)]);
	}
	return error;
}

static void families_put(const struct families *f)
{
	for (unsigned i = 0; i < KMALLOC_FAMILIES * KMALLOC_STEPS; i++)
		if (f->cache[i / KMALLOC_STEPS][i % KMALLOC_STEPS])
			kmem_cache_put(f->cache[i / KMALLOC_STEPS][i % KMALLOC_STEPS]);
}

/* ---- The tables ---- */

/* The least step of a family that is there. */
static struct kmem_cache *family_cache(const struct families *f, enum kmalloc_family family, unsigned step)
{
	struct kmem_cache *s = NULL;
	while (!s && step < KMALLOC_STEPS)
		s = f->cache[family][step++];
	return s;
}

static gfp_t set_gfp(unsigned set)
{
	return (set & 1 ? __GFP_DMA : 0) | (set & 2 ? __GFP_RECLAIMABLE : 0) |
	       (set & 4 ? __GFP_ACCOUNT : 0);
}

static void tables_fill(struct kmalloc *k, const struct families *f)
{
	const struct machine *m = k->slabs->machine;
	for (unsigned row = 0; row < ARRAY_LEN(k->step); row++)
		k->step[row] =
			(uint8_t)step_of((uint32_t)kmalloc_index_size(m->version, m->bits, row * 8 + 8));
	for (unsigned i = 0; i < KMALLOC_GFP_SETS * KMALLOC_STEPS; i++) {
		unsigned set = i / KMALLOC_STEPS, step = i % KMALLOC_STEPS;
		struct kmem_cache *s = family_cache(f, kmalloc_family_of(m->version, set_gfp(set)), step);
		k->cache[set][step] = s ? s : family_cache(f, KMALLOC_NORMAL, step);
	}
}

static int ids_fill(struct kmalloc *k, const struct families *f)
{
	struct kmem_cache *const *all = &f->cache[0][0];
	for (unsigned i = 0; i < KMALLOC_FAMILIES * KMALLOC_STEPS; i++)
		if (all[i])
			k->nr_ids = MAX(k->nr_ids, all[i]->id + 1);
	k->by_id = mem_zalloc(k->nr_ids * sizeof(struct kmem_cache *));
	if (!k->by_id)
		return -ENOMEM;
	for (unsigned i = 0; i < KMALLOC_FAMILIES * KMALLOC_STEPS; i++)
		if (all[i])
			k->by_id[all[i]->id] = all[i];
	return 0;
}

int kmalloc_init(struct kmalloc *k, struct slabs *sl)
{
	struct families f = { .found = false };
	*k = (struct kmalloc){ .slabs = sl };
	families_find(&f, sl);
	int error = f.found ? 0 : families_create(&f, sl);
	if (!error)
		error = ids_fill(k, &f);
	if (!error) {
		tables_fill(k, &f);
		return 0;
	}
	families_put(&f);
	kmalloc_fini(k);
	return error;
}

void kmalloc_fini(struct kmalloc *k)
{
	mem_free(k->by_id);
	*k = (struct kmalloc){ .slabs = NULL };
}

/* ---- Whole pages ---- */

static void large_count(const struct slabs *sl, struct cpu *c, const struct page *page, int sign)
{
	node_stat_add(c, page_zone(sl->machine, page)->node, NR_SLAB_UNRECLAIMABLE,
		      sign * (1 << page->order));
}

static bool large_has_content(const struct page *page)
{
	for (const struct page *p = page; p < page + (1ul << page->order); p++)
		if (p->flags & PG_CONTENT)
			return true;
	return false;
}

/* Where nobody is charged for content nobody knows which bytes were written. */
static void large_zero(const struct slabs *sl, const struct page *page)
{
	char *bytes = slab_address(sl, page);
	if (!sl->source.base)
		return;
	for (unsigned long i = 0; i < 1ul << page->order; i++)
		if (!sl->source.charge || (page[i].flags & PG_CONTENT))
			memset(bytes + i * PAGE_SIZE, 0, PAGE_SIZE);
}

void *kmalloc_large(struct kmalloc *k, struct cpu *c, int nid, size_t size, gfp_t gfp)
{
	const struct slab_source *from = &k->slabs->source;
	if (!size || size > KMALLOC_BYTES_MAX)
		return NULL;
	unsigned order = fls64((size - 1) >> PAGE_SHIFT);
	gfp_t places = __GFP_HIGHMEM | __GFP_DMA32; /* nothing for kmalloc: 6.1 warns and takes them away */
	struct page *page = from->take(from->ctx, c, nid, (gfp & ~places) | __GFP_COMP, order);
	if (!page)
		return NULL;
	page->order = (uint8_t)order;
	page->owner = owner_handle(OWNER_KMALLOC, 0);
	large_count(k->slabs, c, page, 1);
	if (gfp & __GFP_ZERO)
		large_zero(k->slabs, page);
	return slab_address(k->slabs, page);
}

static void large_free(struct kmalloc *k, struct cpu *c, struct page *page)
{
	const struct slab_source *from = &k->slabs->source;
	unsigned order = page->order;
	large_count(k->slabs, c, page, -1);
	if (from->discard && large_has_content(page))
		from->discard(from->ctx, page, order);
	page->owner = 0;
	from->give(from->ctx, c, page, order);
}

/* ---- From an address ---- */

/* The head of the block in use that an address lies in; NULL: it lies in none of slabs or kmalloc. */
static struct page *address_head(const struct slabs *sl, const void *p)
{
	uint64_t frame = ((uintptr_t)p - (uintptr_t)sl->source.base) >> PAGE_SHIFT;
	if (UNLIKELY(frame >= sl->machine->end_pfn))
		return NULL;
	for (unsigned order = 0; order <= MM_ORDER_MAX; order++) {
		uint64_t first = ALIGN_DOWN(frame, 1ull << order);
		struct page *head = pfn_page(sl->machine, (pfn_t)first);
		if (READ_RELAXED(&head->state) != PAGE_USED || frame - first >= 1ull << head->order)
			continue;
		enum owner_kind kind = owner_kind(head->owner);
		return kind == OWNER_SLAB || kind == OWNER_KMALLOC ? head : NULL;
	}
	return NULL;
}

/* The cache of kmalloc that a slab is of; NULL: another cache's, or no slab. */
static struct kmem_cache *head_cache(const struct kmalloc *k, const struct page *head)
{
	uint32_t id = owner_id(head->owner);
	return owner_kind(head->owner) == OWNER_SLAB && id < k->nr_ids ? k->by_id[id] : NULL;
}

static bool head_is_large(const struct kmalloc *k, const struct page *head, const void *p)
{
	return owner_kind(head->owner) == OWNER_KMALLOC && slab_address(k->slabs, head) == p;
}

static NOINLINE void report_stranger(const struct kmalloc *k, const void *p)
{
	if (k->slabs->source.log)
		ring_printf(k->slabs->source.log, 4, "object pointer: 0x%p", p);
}

void kfree(struct kmalloc *k, struct cpu *c, void *p)
{
	if (!p)
		return;
	struct page *head = address_head(k->slabs, p);
	struct kmem_cache *s = head ? head_cache(k, head) : NULL;
	if (LIKELY(s))
		kmem_cache_free(s, c, p);
	else if (head && head_is_large(k, head, p))
		large_free(k, c, head);
	else
		report_stranger(k, p);
}

size_t ksize(const struct kmalloc *k, const void *p)
{
	const struct page *head = p ? address_head(k->slabs, p) : NULL;
	const struct kmem_cache *s = head ? head_cache(k, head) : NULL;
	if (s)
		return s->flags & SLAB_DEBUG_FLAGS ? s->layout.object_size : s->layout.size;
	return head && head_is_large(k, head, p) ? (size_t)PAGE_SIZE << head->order : 0;
}

/* ---- Otherwise ---- */

void *kmalloc_node(struct kmalloc *k, struct cpu *c, size_t size, gfp_t gfp, int nid)
{
	struct kmem_cache *s = size - 1 < KMALLOC_CACHE_MAX ? kmalloc_cache(k, size, gfp) : NULL;
	return s ? kmem_cache_alloc_node(s, c, nid, gfp) : kmalloc_large(k, c, nid, size, gfp);
}

int kmalloc_bulk(struct kmalloc *k, struct cpu *c, size_t size, gfp_t gfp, size_t nr, void **p)
{
	struct kmem_cache *s = size - 1 < KMALLOC_CACHE_MAX ? kmalloc_cache(k, size, gfp) : NULL;
	if (s)
		return kmem_cache_alloc_bulk(s, c, gfp, nr, p);
	for (size_t got = 0; got < nr; got++) {
		p[got] = kmalloc_large(k, c, -1, size, gfp);
		if (p[got])
			continue;
		while (got)
			kfree(k, c, p[--got]);
		return -ENOMEM;
	}
	return 0;
}
