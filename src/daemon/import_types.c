/* SPDX-License-Identifier: MIT */
/*
 * Which free blocks have which migrate type, and how many pageblocks each type
 * has. buddyinfo has the true counts; pagetypeinfo, read a moment earlier or
 * later and capped for long lists, only splits them. Pure functions of the
 * capture, except for the notes.
 */
#include "daemon/import_capture.h"

#include "mm/page.h"

#include <string.h>

/* Free blocks by order: as printed, else the least number of blocks that make up the free pages. */
static void blocks_by_order(const struct cap_zone *z, uint64_t out[MM_ORDERS])
{
	if (z->has_buddy) {
		memcpy(out, z->buddy, sizeof(z->buddy));
		return;
	}
	uint64_t rest = z->free;
	for (unsigned order = MM_ORDERS; order-- > 0; rest &= (1ul << order) - 1)
		out[order] = rest >> order;
}

static uint64_t sum_types(const uint64_t types[MIGRATE_TYPES])
{
	uint64_t sum = 0;
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		sum += types[mt];
	return sum;
}

/* More blocks than the types add up to: a capped list hides them, else they count as Movable. */
static void types_raise(uint64_t types[MIGRATE_TYPES], uint64_t more, unsigned capped)
{
	unsigned to = MIGRATE_MOVABLE;
	if (capped && !(capped & 1u << MIGRATE_MOVABLE))
		to = (unsigned)__builtin_ctz(capped);
	types[to] += more;
}

/* Fewer: every type keeps its share, rounded down; what rounding loses goes to the largest. */
static void types_lower(uint64_t types[MIGRATE_TYPES], uint64_t sum, uint64_t wanted)
{
	unsigned largest = 0;
	uint64_t left = wanted;
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
		if (types[mt] > types[largest])
			largest = mt;
	}
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
		types[mt] = (uint64_t)((unsigned __int128)types[mt] * wanted / sum);
		left -= types[mt];
	}
	types[largest] += left;
}

/* Whoever was isolating memory is not here to end it: as when one ends, the blocks are Movable, and count as free. */
static void isolated_free(struct capture *c, const struct cap_zone *z, uint64_t out[MM_ORDERS][MIGRATE_TYPES])
{
	uint64_t pages = 0;
	for (unsigned order = 0; order < MM_ORDERS; order++) {
		pages += out[order][MIGRATE_ISOLATE] << order;
		out[order][MIGRATE_MOVABLE] += out[order][MIGRATE_ISOLATE];
		out[order][MIGRATE_ISOLATE] = 0;
	}
	if (pages)
		cap_note(c, NOTE_CORRECTED, "isolated blocks",
			 "node %u, zone %s: %lu free pages were isolated; nobody isolates them here, they are Movable",
			 z->node, zone_kind_name[z->kind], pages);
}

void cap_zone_split(struct capture *c, const struct cap_zone *z, uint64_t out[MM_ORDERS][MIGRATE_TYPES])
{
	uint64_t blocks[MM_ORDERS];
	unsigned corrected = 0;
	blocks_by_order(z, blocks);
	memset(out, 0, sizeof(uint64_t) * MM_ORDERS * MIGRATE_TYPES);
	for (unsigned order = 0; order < MM_ORDERS; order++) {
		if (!z->has_types) {
			out[order][MIGRATE_MOVABLE] = blocks[order];
			continue;
		}
		unsigned capped = 0;
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
			capped |= (z->capped[mt] >> order & 1u) << mt;
		memcpy(out[order], z->types[order], sizeof(out[order]));
		uint64_t sum = sum_types(out[order]);
		if (sum < blocks[order])
			types_raise(out[order], blocks[order] - sum, capped);
		else if (sum > blocks[order])
			types_lower(out[order], sum, blocks[order]);
		corrected += sum != blocks[order] && !capped;
	}
	if (corrected)
		cap_note(c, NOTE_CORRECTED, "free blocks by type",
			 "node %u, zone %s: pagetypeinfo and buddyinfo disagree on %u orders; buddyinfo's counts are taken",
			 z->node, zone_kind_name[z->kind], corrected);
	isolated_free(c, z, out);
}

/* Pages of the node that sit in unmovable pageblocks, by this zone's share of the node's memory that kernels use. */
static uint64_t zone_share(struct capture *c, const struct cap_zone *z, uint64_t pages)
{
	uint64_t managed = 0;
	if (z->kind == ZONE_HIGHMEM || z->kind == ZONE_MOVABLE || z->kind == ZONE_DEVICE)
		return 0;
	for (unsigned i = 0; i < c->nr_zones; i++) {
		const struct cap_zone *o = &c->zone[i];
		if (o->node == z->node && o->kind != ZONE_HIGHMEM && o->kind != ZONE_MOVABLE)
			managed += o->managed - o->free;
	}
	return managed ? (uint64_t)((unsigned __int128)pages * (z->managed - z->free) / managed) : 0;
}

/* What is in use and on no list: the kernel's, which has it in pageblocks of its own as far as it can. 0: not known. */
static uint64_t kernel_pages(const struct capture *c, const struct cap_zone *z)
{
	static const uint32_t lists = ((1u << LRU_LISTS) - 1) << NR_ZONE_INACTIVE_ANON;
	uint64_t known = z->free + (c->node[z->node].huge.nr << cap_pageblock_order(c)) +
			 (c->node[z->node].gigantic.nr << GIGANTIC_ORDER);
	if ((z->has_stat & lists) != lists || z->kind > ZONE_NORMAL)
		return 0;
	for (unsigned l = 0; l < LRU_LISTS; l++)
		known += z->stat[NR_ZONE_INACTIVE_ANON + l];
	for (unsigned i = 0; i < z->nr_pagesets; i++)
		known += (uint64_t)MAX(z->pageset[i].count, 0);
	return z->managed - MIN(z->managed, known);
}

void cap_zone_blocks(struct capture *c, const struct cap_zone *z, uint64_t out[MIGRATE_TYPES])
{
	memset(out, 0, sizeof(uint64_t) * MIGRATE_TYPES);
	if (z->has_blocks) {
		memcpy(out, z->blocks, sizeof(z->blocks));
		out[MIGRATE_MOVABLE] = out[MIGRATE_ISOLATE] = 0; /* what was isolated is Movable, see above */
		return;
	}
	const struct cap_node *n = &c->node[z->node];
	uint64_t block = 1ul << cap_pageblock_order(c);
	uint64_t unmovable = n->stat[NR_SLAB_UNRECLAIMABLE] + n->stat[NR_PAGETABLE] +
			     (n->stat[NR_KERNEL_STACK_KB] >> (PAGE_SHIFT - 10));
	uint64_t reclaimable = zone_share(c, z, n->stat[NR_SLAB_RECLAIMABLE]),
		 kernel = kernel_pages(c, z);
	unmovable = MAX(zone_share(c, z, unmovable), kernel - MIN(kernel, reclaimable));
	out[MIGRATE_UNMOVABLE] = DIV_ROUND_UP(unmovable, block);
	out[MIGRATE_RECLAIMABLE] = DIV_ROUND_UP(reclaimable, block);
}
