/* SPDX-License-Identifier: MIT */
/*
 * Dealing slabs to nodes, and what is left when all zones have taken theirs.
 * A cache's slabs are shared out in the proportion of what each node's counter
 * (nr_slab_reclaimable or _unreclaimable) still has, with a random start, so
 * that caches of few slabs are not all on one node. Larger slabs come first:
 * the smaller ones fill up what they leave.
 */
#include "daemon/import_slab.h"

#include "base/mem.h"
#include "daemon/import_use.h"
#include "mm/import.h"
#include "vm/vm.h"

#include <errno.h>

/* A frame of a slab costs an entry of 32 bytes at most: 64 GiB of slabs about 512 MiB. */
#define SLAB_PAGES_MAX (16ul << 20)
#define KMALLOC_ORDERS 4u /* of blocks for what the counter has beyond slabs: 0 to 3 */

static const enum node_stat class_item[SLAB_CLASSES] = {
	[SLABS_UNRECLAIMABLE] = NR_SLAB_UNRECLAIMABLE, [SLABS_RECLAIMABLE] = NR_SLAB_RECLAIMABLE
};

/* ---- Which nodes ---- */

struct deal {
	struct import_run *run;
	uint64_t left[MM_NODES_MAX][SLAB_CLASSES]; /* pages of the counter without a slab */
	uint64_t used[MM_NODES_MAX]; /* pages in use that the kernel can have for itself */
};

static bool zone_serves(const struct zone *z, const struct kmem_cache *s)
{
	enum zone_kind highest = ZONE_NORMAL;
	if (s && (s->flags & SLAB_CACHE_DMA))
		highest = ZONE_DMA;
	else if (s && (s->flags & SLAB_CACHE_DMA32))
		highest = ZONE_DMA32;
	return zone_populated(z) && z->kind <= highest;
}

static uint64_t node_room(const struct node *n, const struct kmem_cache *s)
{
	uint64_t pages = 0;
	for (unsigned t = 0; t < n->machine->nr_zone_types; t++)
		if (zone_serves(n->zone[t], s))
			pages += zone_pinned_unknown(n->zone[t]);
	return pages;
}

static void deal_begin(struct deal *d, struct import_run *run)
{
	const struct machine *m = &run->vm->machine;
	d->run = run;
	for (unsigned n = 0; n < m->nr_nodes && n < run->c->nr_nodes; n++) {
		if (!m->node[n].has_memory)
			continue;
		for (unsigned i = 0; i < run->c->nr_zones; i++)
			if (run->c->zone[i].node == n && run->c->zone[i].kind <= ZONE_NORMAL)
				d->used[n] += run->c->zone[i].managed - run->c->zone[i].free;
		for (unsigned class = 0; class < SLAB_CLASSES; class ++)
			d->left[n][class] = import_node_item(run, n, class_item[class]);
	}
}

/* What counts for the share of each node that can have such slabs. Returns the sum. */
static uint64_t weights_make(const struct deal *d, const struct slab_part *p, bool by_counter,
			     uint64_t weight[MM_NODES_MAX])
{
	const struct machine *m = &d->run->vm->machine;
	uint64_t sum = 0;
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		bool serves = m->node[n].has_memory && node_room(&m->node[n], p->cache);
		weight[n] = !serves ? 0 : by_counter ? d->left[n][p->class] : d->used[n];
		sum += weight[n];
	}
	return sum;
}

static uint64_t counter_room(const struct deal *d, const struct slab_part *p, unsigned n)
{
	return d->left[n][p->class] >> p->order;
}

static void node_give(struct deal *d, struct slab_part *p, unsigned n, uint64_t slabs)
{
	uint64_t *left = &d->left[n][p->class];
	p->node[n] += slabs;
	*left -= MIN(*left, slabs << p->order);
}

/* What rounding gave to nodes whose counter has no room for it goes to others, if any has. */
static void part_settle(struct deal *d, struct slab_part *p, const uint64_t *weight, uint64_t over)
{
	unsigned most = 0;
	for (unsigned n = 0; n < d->run->vm->machine.nr_nodes; n++) {
		uint64_t some = weight[n] ? MIN(over, counter_room(d, p, n)) : 0;
		node_give(d, p, n, some);
		over -= some;
		most = weight[n] > weight[most] ? n : most;
	}
	node_give(d, p, most, over);
}

static void part_deal(struct deal *d, struct slab_part *p)
{
	uint64_t weight[MM_NODES_MAX] = { 0 }, below = 0, given = 0, over = 0;
	uint64_t sum = weights_make(d, p, true, weight);
	if (!sum) /* no node's counter has anything left */
		sum = weights_make(d, p, false, weight);
	if (!sum)
		return;
	uint64_t start = rng_below(&d->run->vm->rng, sum);
	for (unsigned n = 0; n < d->run->vm->machine.nr_nodes; n++) {
		below += weight[n];
		uint64_t to = (uint64_t)(((unsigned __int128)p->slabs * below + start) / sum);
		uint64_t share = to - given, fits = MIN(share, counter_room(d, p, n));
		given = to;
		node_give(d, p, n, fits);
		over += share - fits;
	}
	part_settle(d, p, weight, over);
}

/* ---- Blocks of kmalloc: half of it in the largest blocks that are usual ---- */

static void kmalloc_deal(struct deal *d, struct slab_part part[KMALLOC_ORDERS])
{
	for (unsigned n = 0; n < d->run->vm->machine.nr_nodes; n++) {
		uint64_t left = d->left[n][SLABS_UNRECLAIMABLE], most = left / 2;
		for (unsigned order = KMALLOC_ORDERS; order-- > 0; most = left) {
			uint64_t blocks = most >> order;
			part[order].node[n] = blocks;
			part[order].slabs += blocks;
			left -= blocks << order;
		}
	}
}

/* ---- The whole ---- */

static int tables_make(struct import_run *run)
{
	struct import_slabs *is = run->slabs;
	unsigned nr_nodes = run->vm->machine.nr_nodes;
	for (unsigned order = 0; order < KMALLOC_ORDERS; order++) {
		const struct slab_part part = { .order = order };
		if (cap_grow((void **)&is->part, &is->cap_parts, is->nr_parts, sizeof(part)))
			return -ENOMEM;
		is->part[is->nr_parts++] = part;
	}
	is->by_node = mem_zalloc((size_t)is->nr_parts * nr_nodes * sizeof(*is->by_node));
	is->placed = mem_zalloc(nr_nodes * sizeof(*is->placed));
	is->pinned = mem_zalloc(nr_nodes * sizeof(*is->pinned));
	if (!is->by_node || !is->placed || !is->pinned)
		return -ENOMEM;
	for (unsigned i = 0; i < is->nr_parts; i++)
		is->part[i].node = is->by_node + (size_t)i * nr_nodes;
	return 0;
}

static int slabs_deal(struct import_run *run)
{
	struct import_slabs *is = run->slabs;
	struct deal *d = mem_zalloc(sizeof(*d));
	if (!d)
		return -ENOMEM;
	deal_begin(d, run);
	for (unsigned order = MM_ORDERS; order-- > 0;)
		for (unsigned i = 0; i < is->nr_parts; i++)
			if (is->part[i].order == order)
				part_deal(d, &is->part[i]);
	kmalloc_deal(d, is->part + is->nr_parts - KMALLOC_ORDERS);
	mem_free(d);
	return 0;
}

int import_slab_prepare(struct import_run *run)
{
	if (!run->c->nr_caches)
		return 0;
	run->slabs = mem_zalloc(sizeof(*run->slabs));
	if (!run->slabs)
		return -ENOMEM;
	run->slabs->budget = SLAB_PAGES_MAX;
	int error = import_caches_make(run);
	if (!error)
		error = tables_make(run);
	return error ? error : slabs_deal(run);
}

void import_slab_fini(struct import_run *run)
{
	struct import_slabs *is = run->slabs;
	if (!is)
		return;
	mem_free(is->part);
	mem_free(is->by_node);
	mem_free(is->placed);
	mem_free(is->pinned);
	mem_free(is);
	run->slabs = NULL;
}

/* ---- Objects ---- */

/*
 * Most slabs are full, as few as will do are partial: one of them has any
 * number of free objects. What all slabs together have comes out exactly.
 */
unsigned slab_part_free(struct slab_part *p, struct rng *rng)
{
	uint64_t left = p->slabs--;
	if (p->empty && rng_below(rng, left) < p->empty) {
		p->empty--;
		return p->objects;
	}
	uint64_t others = left - p->empty, most = p->objects - p->no_more_empty;
	uint64_t room = (others - 1) * most, least = p->free - MIN(p->free, room);
	uint64_t partial = DIV_ROUND_UP(2 * p->free, p->objects + 1ul), nr = 0;
	if (most && rng_below(rng, others) < partial)
		nr = 1 + rng_below(rng, most);
	nr = CLAMP(nr, least, MIN(p->free, most));
	p->free -= nr;
	return (unsigned)nr;
}

/* ---- What found no place ---- */

static uint64_t part_pin(struct import_run *run, struct slab_part *p, unsigned n, uint64_t room)
{
	uint64_t slabs = MIN(p->node[n], room >> p->order), free = 0;
	for (uint64_t i = 0; i < slabs; i++)
		free += slab_part_free(p, &run->vm->rng);
	kmem_cache_pin(p->cache, slabs, slabs * p->objects, slabs * p->objects - free);
	run->slabs->pinned[n][p->class] += slabs << p->order;
	p->node[n] -= slabs;
	return slabs << p->order;
}

void import_slab_finish(struct import_run *run)
{
	struct import_slabs *is = run->slabs;
	const struct machine *m = &run->vm->machine;
	uint64_t pinned = 0, lost = 0;
	for (unsigned n = 0; is && n < m->nr_nodes; n++) {
		uint64_t room = m->node[n].has_memory ? node_room(&m->node[n], NULL) : 0;
		for (unsigned i = 0; i < is->nr_parts; i++) {
			uint64_t pages = is->part[i].cache ? part_pin(run, &is->part[i], n, room) : 0;
			room -= pages;
			pinned += pages;
		}
	}
	for (unsigned i = 0; is && i < is->nr_parts; i++)
		lost += is->part[i].cache ? is->part[i].slabs << is->part[i].order : 0;
	if (pinned)
		cap_note(run->c, NOTE_CORRECTED, "slabs",
			 "%lu pages of slabs find no blocks in the memory in use, or are too many; they stay in place and cannot be freed",
			 pinned);
	if (lost)
		cap_note(run->c, NOTE_CORRECTED, "slabs",
			 "%lu pages of slabs are more than what is in use; left out", lost);
}

uint64_t import_slab_placed(const struct import_run *run, unsigned node, enum slab_class class)
{
	return run->slabs ? run->slabs->placed[node][class] : 0;
}

uint64_t import_slab_pinned(const struct import_run *run, unsigned node, enum slab_class class)
{
	uint64_t counted = import_node_item(run, node, class_item[class]);
	uint64_t placed = import_slab_placed(run, node, class);
	uint64_t of_caches = run->slabs ? run->slabs->pinned[node][class] : 0;
	return MAX(counted - MIN(counted, placed), of_caches);
}
