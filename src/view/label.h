/* SPDX-License-Identifier: MIT */
#ifndef VIEW_LABEL_H
#define VIEW_LABEL_H

/*
 * The names of counters, ready to be copied into a line. Made from the lists
 * in mm/stat.h when this is compiled, so they cannot fall behind.
 */

#include "mm/machine.h"
#include "view/chunk.h"

#define LABEL_INDENT 6u

struct label {
	char text[62]; /* six blanks, the name, blanks: as zoneinfo needs it */
	uint8_t indented; /* bytes of "      %-12s " */
	uint8_t name; /* bytes of "%s ", from text + LABEL_INDENT on */
};

extern const struct label zone_label[NR_ZONE_STATS];
extern const struct label node_label[NR_NODE_STATS];
extern const struct label numa_label[NR_NUMA_STATS];
extern const struct label numastat_label[NR_NUMA_STATS];
extern const struct label event_label[NR_VM_EVENTS];

/* "      nr_dirty     0", zoneinfo */
static inline void label_line_indented(struct chunk *c, const struct label *l, uint64_t v)
{
	/* All of text: a copy of fixed size is a handful of moves. The next piece overwrites what is too much. */
	memcpy(chunk_room(c), l->text, sizeof(l->text));
	c->at += l->indented;
	chunk_u64(c, v);
	chunk_char(c, '\n');
}

/* "nr_dirty 0", vmstat */
static inline void label_line(struct chunk *c, const struct label *l, uint64_t v)
{
	memcpy(chunk_room(c), l->text + LABEL_INDENT, sizeof(l->text) - LABEL_INDENT);
	c->at += l->name;
	chunk_u64(c, v);
	chunk_char(c, '\n');
}

/* Counters of transparent huge pages are kept in pages and printed in huge pages (vmstat_item_print_in_thp, 6.1). */
static inline uint64_t node_stat_shown_value(const struct machine *m, unsigned item, uint64_t pages)
{
	switch (item) {
	case NR_ANON_THPS:
	case NR_FILE_THPS:
	case NR_SHMEM_THPS:
	case NR_SHMEM_PMDMAPPED:
	case NR_FILE_PMDMAPPED:
		return pages >> m->pageblock_order;
	default:
		return pages;
	}
}

#endif
