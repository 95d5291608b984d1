/* SPDX-License-Identifier: MIT */
/*
 * proc/pagetypeinfo (mm/vmstat.c: pagetypeinfo_show, 6.1): free blocks and
 * pageblocks by migrate type, everything repeated for each node with memory.
 *
 * 6.1 counts by walking each list and stops at 100000 entries, printing
 * ">100000". Here each list has its count, but the text keeps the bound.
 */
#include "view/chunk.h"
#include "view/views.h"

#define BLOCKS_SHOWN_MAX 100000u

static void head(struct chunk *c, const struct machine *m)
{
	chunk_line(c, "Page block order: ", m->pageblock_order);
	chunk_line(c, "Pages per block:  ", 1ull << m->pageblock_order);
	chunk_char(c, '\n');
}

static void free_line(struct chunk *c, const struct snapshot *s, const struct zone *z, unsigned mt)
{
	chunk_lit(c, "Node ");
	chunk_u64_right(c, z->node->id, 4);
	chunk_lit(c, ", zone ");
	chunk_str_right(c, z->name, 8);
	chunk_lit(c, ", type ");
	chunk_str_right(c, migratetype_name[mt], 12);
	for (unsigned order = 0; order < MM_ORDERS; order++) {
		uint64_t blocks = s->zone[z->id].free_blocks[order][mt];
		chunk_char(c, ' ');
		if (blocks >= BLOCKS_SHOWN_MAX) {
			chunk_lit(c, ">100000");
		} else {
			chunk_u64_right(c, blocks, 6);
		}
	}
	chunk_lit(c, " \n");
}

static void free_part(struct chunk *c, const struct snapshot *s, const struct node *n)
{
	chunk_lit(c, "Free pages count per migrate type at order ");
	for (unsigned order = 0; order < MM_ORDERS; order++) {
		chunk_char(c, ' ');
		chunk_u64_right(c, order, 6);
	}
	chunk_lit(c, " \n");
	for (unsigned type = 0; type < s->machine->nr_zone_types; type++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES && zone_populated(n->zone[type]); mt++)
			free_line(c, s, n->zone[type], mt);
}

static void block_line(struct chunk *c, const struct snapshot *s, const struct zone *z)
{
	chunk_zone_head(c, z->node->id, z->name);
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
		chunk_char(c, ' ');
		chunk_u64_right(c, s->zone[z->id].pageblocks[mt], 12);
	}
	chunk_lit(c, " \n");
}

static void block_part(struct chunk *c, const struct snapshot *s, const struct node *n)
{
	chunk_lit(c, "\nNumber of blocks type ");
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
		chunk_char(c, ' ');
		chunk_str_right(c, migratetype_name[mt], 12);
	}
	chunk_lit(c, " \n");
	for (unsigned type = 0; type < s->machine->nr_zone_types; type++)
		if (zone_populated(n->zone[type]))
			block_line(c, s, n->zone[type]);
}

void view_pagetypeinfo(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	struct chunk c;
	chunk_init(&c, t);
	FOR_EACH_ONLINE_NODE(n, s->machine) {
		if (!n->has_memory)
			continue;
		head(&c, s->machine);
		free_part(&c, s, n);
		block_part(&c, s, n);
	}
	chunk_flush(&c);
}
