/* SPDX-License-Identifier: MIT */
/*
 * sys/kernel/debug/extfrag (mm/vmstat.c: __fragmentation_index,
 * unusable_free_index, 6.1), in thousandths, one number for each order.
 *
 *   unusable_index  the part of the free memory that lies in blocks too small
 *                   for the order.
 *   extfrag_index   why a request of the order would fail: towards 0 for lack
 *                   of memory, towards 1 because of fragmentation; -1 when it
 *                   would not fail. A lone block that is too small gives a
 *                   number between -1 and 0, printed as 6.1 does: " 0.-500".
 */
#include "view/views.h"

#include "policy/compact.h"

struct contig { /* of one zone, seen by a request of some order */
	uint64_t free_pages, blocks, suitable;
};

static struct contig contig_count(const struct zone_snap *z, unsigned order)
{
	struct contig g = { 0 };
	for (unsigned o = 0; o < MM_ORDERS; o++) {
		uint64_t blocks = 0;
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
			blocks += z->free_blocks[o][mt];
		g.blocks += blocks;
		g.free_pages += blocks << o;
		if (o >= order)
			g.suitable += blocks << (o - order);
	}
	return g;
}

static int unusable(struct contig g, unsigned order)
{
	if (!g.free_pages)
		return 1000;
	return (int)((g.free_pages - (g.suitable << order)) * 1000 / g.free_pages);
}

static int fragmentation(struct contig g, unsigned order)
{
	return fragmentation_of(g.free_pages, g.blocks, g.suitable, order);
}

static void index_table(struct text *t, const struct snapshot *s,
			int (*index)(struct contig g, unsigned order), const char *format)
{
	FOR_EACH_POPULATED_ZONE(z, s->machine) {
		text_printf(t, "Node %u, zone %8s ", z->node->id, z->name);
		for (unsigned order = 0; order < MM_ORDERS; order++) {
			int i = index(contig_count(&s->zone[z->id], order), order);
			text_printf(t, format, i / 1000, i % 1000);
		}
		text_char(t, '\n');
	}
}

void view_extfrag_index(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	index_table(t, s, fragmentation, "%2d.%03d ");
}

void view_unusable_index(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	index_table(t, s, unusable, "%d.%03d ");
}
