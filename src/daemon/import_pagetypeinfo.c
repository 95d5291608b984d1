/* SPDX-License-Identifier: MIT */
/*
 * pagetypeinfo: how the free blocks split into types, and how many pageblocks
 * have each type. Sections are told apart by their header lines; a section
 * that this kernel does not have (blocks by page owner) is passed over. Types
 * that it does not have count as Movable.
 */
#include "daemon/import_capture.h"

#include "base/parse.h"

#include <errno.h>
#include <string.h>

enum section { SECTION_NONE, SECTION_FREE, SECTION_BLOCKS };

#define COLUMNS_MAX 16u

struct reading {
	struct capture *c;
	struct cap_file f;
	enum section section;
	enum migratetype column[COLUMNS_MAX]; /* of the section of blocks */
	unsigned nr_columns;
	bool foreign; /* a type of another kernel was met */
	struct why *why;
};

static int migratetype_parse(const char *name)
{
	for (int mt = 0; mt < MIGRATE_TYPES; mt++)
		if (!strcmp(name, migratetype_name[mt]))
			return mt;
	return -1;
}

static enum migratetype type_of(struct reading *r, const char *name)
{
	int mt = migratetype_parse(name);
	if (mt >= 0)
		return (enum migratetype)mt;
	if (!r->foreign)
		cap_note(r->c, NOTE_CORRECTED, "migrate types",
			 "proc/pagetypeinfo: type %.20s does not exist here and counts as Movable", name);
	r->foreign = true;
	return MIGRATE_MOVABLE;
}

static int order_read(struct reading *r, const char *line)
{
	uint64_t order;
	line += strspn(line, " \t");
	if (parse_u64(line, &order) || order < 1)
		return cap_bad(&r->f, r->why, "\"%.20s\" is not a page block order", line);
	if (order > MM_ORDER_MAX) {
		if (!r->c->pageblock_order)
			cap_note(r->c, NOTE_CORRECTED, "page block order",
				 "proc/pagetypeinfo: page block order %lu, taken as %d", order,
				 MM_ORDER_MAX);
		order = MM_ORDER_MAX;
	}
	r->c->pageblock_order = (unsigned)order;
	return 0;
}

/* "Number of blocks type     Unmovable      Movable …": which column is which type. */
static void columns_read(struct reading *r, char *rest)
{
	r->nr_columns = 0;
	for (char *word; (word = cap_word(&rest)) && r->nr_columns < COLUMNS_MAX;)
		r->column[r->nr_columns++] = type_of(r, word);
}

static int zone_words(struct reading *r, char **rest, struct cap_zone **out)
{
	unsigned node;
	enum zone_kind kind;
	int error = cap_zone_words(&r->f, rest, &node, &kind, r->why);
	if (error)
		return error;
	*out = cap_zone_find(r->c, node, kind);
	if (!*out)
		return cap_bad(&r->f, r->why, "node %u has no zone %s in zoneinfo", node,
			       zone_kind_name[kind]);
	return 0;
}

/* "type      Movable      0      1 >100000 …" behind the zone */
static int free_line(struct reading *r, char *line)
{
	struct cap_zone *z;
	int error = zone_words(r, &line, &z);
	if (error)
		return error;
	char *word = cap_word(&line), *name = cap_word(&line);
	if (!name || strcmp(word, "type"))
		return cap_bad(&r->f, r->why, "expected \"type NAME\" behind the zone");
	enum migratetype mt = type_of(r, name);
	z->has_types = true;
	for (unsigned order = 0; (word = cap_word(&line)); order++) {
		bool capped = *word == '>';
		uint64_t count;
		error = cap_number(&r->f, word + capped, "type", &count, r->why);
		if (error)
			return error;
		if (count > MM_HIGHEST_PFN)
			return cap_bad(&r->f, r->why, "more blocks than a machine has frames");
		unsigned ours = MIN(order, (unsigned)MM_ORDER_MAX);
		z->types[ours][mt] += count << MIN(order - ours, 8u);
		if (capped)
			z->capped[mt] |= (uint16_t)(1u << ours);
	}
	return 0;
}

static int blocks_line(struct reading *r, char *line)
{
	struct cap_zone *z;
	int error = zone_words(r, &line, &z);
	if (error)
		return error;
	uint64_t sum = 0;
	unsigned i = 0;
	for (char *word; (word = cap_word(&line)); i++) {
		uint64_t count;
		error = cap_number(&r->f, word, "zone", &count, r->why);
		if (error)
			return error;
		if (i >= r->nr_columns || count > MM_HIGHEST_PFN)
			return cap_bad(&r->f, r->why,
				       "the number of blocks of column %u does not fit its header",
				       i + 1);
		z->blocks[r->column[i]] += count;
		sum += count;
	}
	z->has_blocks = sum != 0;
	return 0;
}

static int line_read(struct reading *r, char *line)
{
	static const char order_head[] = "Page block order:";
	static const char free_head[] = "Free pages count per migrate type at order";
	static const char blocks_head[] = "Number of blocks type";

	if (!strncmp(line, order_head, sizeof(order_head) - 1))
		return order_read(r, line + sizeof(order_head) - 1);
	if (!strncmp(line, free_head, sizeof(free_head) - 1)) {
		r->section = SECTION_FREE;
		return 0;
	}
	if (!strncmp(line, blocks_head, sizeof(blocks_head) - 1)) {
		r->section = SECTION_BLOCKS;
		columns_read(r, line + sizeof(blocks_head) - 1);
		return 0;
	}
	if (strncmp(line, "Node ", 5)) {
		if (line[strspn(line, " \t\r")])
			r->section = SECTION_NONE;
		return 0;
	}
	if (r->section == SECTION_FREE)
		return free_line(r, line);
	return r->section == SECTION_BLOCKS ? blocks_line(r, line) : 0;
}

int cap_read_pagetypeinfo(struct capture *c, struct why *why)
{
	struct reading r = { .c = c, .why = why };
	int error = cap_open(&r.f, c, "proc/pagetypeinfo", why);
	if (error == -ENOENT) {
		cap_note(c, NOTE_MISSING, "proc/pagetypeinfo",
			 "proc/pagetypeinfo: only root can read it; free blocks are Movable, types of pageblocks follow from slab pages");
		return 0;
	}
	for (char *line; !error && (line = cap_line(&r.f));)
		error = line_read(&r, line);
	cap_close(&r.f);
	return error;
}
