/* SPDX-License-Identifier: MIT */
/* proc/buddyinfo: free blocks by order, populated zones only (mm/vmstat.c: frag_show, 6.1). */
#include "view/chunk.h"
#include "view/views.h"

void view_buddyinfo(struct text *t, const struct snapshot *s, unsigned arg)
{
	(void)arg;
	struct chunk c;
	chunk_init(&c, t);
	FOR_EACH_POPULATED_ZONE(z, s->machine) {
		chunk_zone_head(&c, z->node->id, z->name);
		for (unsigned order = 0; order < MM_ORDERS; order++) {
			uint64_t blocks = 0;
			for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
				blocks += s->zone[z->id].free_blocks[order][mt];
			chunk_char(&c, ' ');
			chunk_u64_right(&c, blocks, 6);
		}
		chunk_lit(&c, " \n");
	}
	chunk_flush(&c);
}
