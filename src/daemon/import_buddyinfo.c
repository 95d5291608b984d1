/* SPDX-License-Identifier: MIT */
/*
 * buddyinfo: free blocks of each order. Orders above ours (kernels with a
 * larger top order) are counted as several of our top order, which is the same
 * memory: blocks of the top order do not merge.
 */
#include "daemon/import_capture.h"

#include <errno.h>
#include <string.h>

uint64_t cap_zone_buddy_pages(const struct cap_zone *z)
{
	uint64_t pages = 0;
	for (unsigned order = 0; order < MM_ORDERS; order++)
		pages += z->buddy[order] << order;
	return pages;
}

static int counts_read(const struct cap_file *f, char *rest, struct cap_zone *z, struct why *why)
{
	unsigned order = 0;
	for (char *word; (word = cap_word(&rest)); order++) {
		uint64_t count;
		int error = cap_number(f, word, "zone", &count, why);
		if (error)
			return error;
		if (order > MM_ORDER_MAX + 8 || count > MM_HIGHEST_PFN)
			return cap_bad(f, why, "more blocks than a machine has frames");
		if (order <= MM_ORDER_MAX)
			z->buddy[order] += count;
		else
			z->buddy[MM_ORDER_MAX] += count << (order - MM_ORDER_MAX);
	}
	return order ? 0 : cap_bad(f, why, "no counts behind the zone");
}

static int line_read(struct capture *c, const struct cap_file *f, char *line, struct why *why)
{
	unsigned node;
	enum zone_kind kind;
	int error = cap_zone_words(f, &line, &node, &kind, why);
	if (error)
		return error;
	struct cap_zone *z = cap_zone_find(c, node, kind);
	if (!z)
		return cap_bad(f, why, "node %u has no zone %s in zoneinfo", node, zone_kind_name[kind]);
	if (z->has_buddy)
		return cap_bad(f, why, "node %u, zone %s stands here twice", node, zone_kind_name[kind]);
	z->has_buddy = true;
	z->buddy_line = f->line;
	error = counts_read(f, line, z, why);
	if (error)
		return error;
	uint64_t pages = cap_zone_buddy_pages(z);
	if (pages > z->managed)
		return cap_bad(f, why, "%lu free pages are more than the %lu that zone %s of node %u manages",
			       pages, z->managed, zone_kind_name[kind], node);
	return 0;
}

int cap_read_buddyinfo(struct capture *c, struct why *why)
{
	struct cap_file f;
	int error = cap_open(&f, c, "proc/buddyinfo", why);
	if (error == -ENOENT) {
		cap_note(c, NOTE_MISSING, "proc/buddyinfo",
			 "proc/buddyinfo: not there; free blocks follow from the free pages of zoneinfo");
		return 0;
	}
	for (char *line; !error && (line = cap_line(&f));)
		if (line[strspn(line, " \t\r")])
			error = line_read(c, &f, line, why);
	cap_close(&f);
	if (error)
		return error;
	for (unsigned i = 0; i < c->nr_zones; i++)
		if (cap_zone_populated(&c->zone[i]) && !c->zone[i].has_buddy)
			cap_note(c, NOTE_MISSING, "lines of buddyinfo",
				 "proc/buddyinfo has no line for node %u, zone %s; its free blocks follow from zoneinfo",
				 c->zone[i].node, zone_kind_name[c->zone[i].kind]);
	return 0;
}
