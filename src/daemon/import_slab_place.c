/* SPDX-License-Identifier: MIT */
/*
 * Slabs and kmalloc's blocks of one zone: aligned blocks of the memory in use,
 * larger ones first, of pageblocks of their own type before those of others.
 * Neighbours are slabs of different caches, a few of one cache side by side, as
 * on a machine that has been up for a while.
 *
 * What the zone's lists are known to have (LRU, per-CPU) is left for them.
 */
#include "daemon/import_slab.h"

#include "daemon/import_use.h"
#include "mm/import.h"
#include "mm/owner.h"
#include "vm/vm.h"

#define SIDE_BY_SIDE 8u /* slabs of one cache */

struct placing_slabs {
	struct import_run *run;
	struct zone *z;
	unsigned node, order;
	enum slab_class class;
	uint64_t left; /* slabs of this order and class, of all parts */
	uint64_t room; /* pages of the zone */
	struct slab_part *part; /* whose turn it is */
	uint64_t turn; /* for so many slabs */
};

static bool part_fits(const struct placing_slabs *p, const struct slab_part *part)
{
	uint32_t flags = part->cache ? part->cache->flags : 0;
	if (part->order != p->order || part->class != p->class || !part->node[p->node])
		return false;
	if (flags & SLAB_CACHE_DMA)
		return p->z->kind == ZONE_DMA;
	return !(flags & SLAB_CACHE_DMA32) || p->z->kind <= ZONE_DMA32;
}

static uint64_t parts_left(const struct placing_slabs *p)
{
	const struct import_slabs *is = p->run->slabs;
	uint64_t left = 0;
	for (unsigned i = 0; i < is->nr_parts; i++)
		left += part_fits(p, &is->part[i]) ? is->part[i].node[p->node] : 0;
	return left;
}

/* A part by lot; one with more slabs has more lots. */
static void part_choose(struct placing_slabs *p)
{
	const struct import_slabs *is = p->run->slabs;
	uint64_t lot = rng_below(&p->run->vm->rng, p->left);
	unsigned i = 0;
	for (;; i++) {
		if (!part_fits(p, &is->part[i]))
			continue;
		if (lot < is->part[i].node[p->node])
			break;
		lot -= is->part[i].node[p->node];
	}
	p->part = &is->part[i];
	p->turn = MIN(MAX(SIDE_BY_SIDE, p->left >> 12), p->part->node[p->node]);
}

static int block_place(void *ctx, uint64_t pfn)
{
	struct placing_slabs *p = ctx;
	struct import_slabs *is = p->run->slabs;
	struct rng *rng = &p->run->vm->rng;
	if (!p->turn)
		part_choose(p);
	struct slab_part *part = p->part;
	struct page *page = zone_import_used(p->z, (pfn_t)pfn, p->order);
	p->turn--;
	p->left--;
	p->room -= 1ull << p->order;
	is->budget -= 1ull << p->order;
	is->placed[p->node][p->class] += 1ull << p->order;
	part->node[p->node]--;
	if (part->cache)
		return kmem_cache_import(part->cache, page, part->objects - slab_part_free(part, rng), rng);
	part->slabs--;
	page->owner = owner_handle(OWNER_KMALLOC, 0);
	return 0;
}

/* Pages in use that the zone's lists do not need. */
static uint64_t room_of(const struct import_run *run, const struct zone *z, const struct cap_zone *from)
{
	uint64_t known = 0, pages = zone_pinned_unknown(z);
	for (unsigned i = 0; i < from->nr_pagesets; i++)
		known += from->pageset[i].count > 0 ? (uint64_t)from->pageset[i].count : 0;
	for (unsigned l = 0; l < LRU_LISTS; l++)
		known += import_list_pages(run, from, (enum lru_list)l);
	for (unsigned kind = 0; kind < USE_KINDS; kind++)
		known += run->use[from->node].late[kind];
	return pages - MIN(pages, known);
}

static int order_place(struct placing_slabs *p, struct layout *layout, const unsigned *areas)
{
	int error = 0;
	p->turn = 0;
	p->left = parts_left(p);
	for (unsigned i = 0; i < LAYOUT_AREAS && p->left && !error; i++) {
		uint64_t pages = MIN(p->room, p->run->slabs->budget);
		error = layout_cut(layout, p->order, areas[i], MIN(p->left, pages >> p->order),
				   block_place, p);
	}
	return error;
}

int import_slab_place(struct import_run *run, struct zone *z, const struct cap_zone *from,
		      struct layout *layout)
{
	static const unsigned areas[SLAB_CLASSES][LAYOUT_AREAS] = {
		[SLABS_UNRECLAIMABLE] = { MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE, LAYOUT_HELD,
					  MIGRATE_MOVABLE, MIGRATE_HIGHATOMIC, MIGRATE_ISOLATE },
		[SLABS_RECLAIMABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE, LAYOUT_HELD,
					MIGRATE_MOVABLE, MIGRATE_HIGHATOMIC, MIGRATE_ISOLATE },
	};
	struct placing_slabs p = { .run = run, .z = z, .node = from->node };
	int error = 0;
	if (!run->slabs || z->kind > ZONE_NORMAL)
		return 0;
	p.room = room_of(run, z, from);
	for (unsigned order = MM_ORDERS; order-- > 0 && !error;)
		for (unsigned class = 0; class < SLAB_CLASSES && !error; class ++) {
			p.order = order;
			p.class = (enum slab_class) class;
			error = order_place(&p, layout, areas[class]);
		}
	return error;
}
