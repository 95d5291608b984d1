/* SPDX-License-Identifier: MIT */
/*
 * Where in a zone's span its memory lies. zoneinfo says only how much of the
 * span is there. iomem says where, if root read it; memory of another node
 * that lies inside the span is told apart by the node's memory blocks or by
 * that node's own zones. When all this does not add up to the printed number,
 * the holes go where PC hardware has them: below 1 MiB, below 4 GiB, else at
 * the end.
 */
#include "daemon/import_capture.h"

#include <errno.h>
#include <string.h>

#define LOW_HOLE_END 0x100u /* ROMs and video memory end at 1 MiB */
#define PCI_HOLE_END 0x100000u /* device memory ends at 4 GiB */

static int ranges_copy(struct pfn_ranges *out, const struct pfn_ranges *in)
{
	out->nr = 0;
	int error = 0;
	for (unsigned i = 0; i < in->nr && !error; i++)
		error = pfn_ranges_add(out, in->r[i].start, in->r[i].end);
	return error;
}

/* What two sorted lists have in common. */
static int ranges_intersect(struct pfn_ranges *r, const struct pfn_ranges *with)
{
	struct pfn_ranges both = { 0 };
	int error = 0;
	for (unsigned i = 0, j = 0; i < r->nr && j < with->nr && !error;) {
		error = pfn_ranges_add(&both, MAX(r->r[i].start, with->r[j].start),
				       MIN(r->r[i].end, with->r[j].end));
		if (r->r[i].end < with->r[j].end)
			i++;
		else
			j++;
	}
	if (!error)
		error = ranges_copy(r, &both);
	pfn_ranges_fini(&both);
	return error;
}

static int ranges_remove(struct pfn_ranges *r, uint64_t start, uint64_t end)
{
	struct pfn_ranges rest = { 0 };
	int error = 0;
	for (unsigned i = 0; i < r->nr && !error; i++) {
		error = pfn_ranges_add(&rest, r->r[i].start, MIN(r->r[i].end, start));
		if (!error)
			error = pfn_ranges_add(&rest, MAX(r->r[i].start, end), r->r[i].end);
	}
	if (!error)
		error = ranges_copy(r, &rest);
	pfn_ranges_fini(&rest);
	return error;
}

static uint64_t pages_below(const struct pfn_ranges *r, uint64_t limit)
{
	uint64_t pages = 0;
	for (unsigned i = 0; i < r->nr; i++)
		if (r->r[i].start < limit)
			pages += MIN(r->r[i].end, limit) - r->r[i].start;
	return pages;
}

/* Make a hole of `excess` pages that ends at limit. */
static int ranges_cut(struct pfn_ranges *r, uint64_t limit, uint64_t excess)
{
	uint64_t keep = pages_below(r, limit) - excess;
	for (unsigned i = 0; i < r->nr; i++) {
		uint64_t below = MIN(r->r[i].end, limit) - MIN(r->r[i].start, limit);
		if (below >= keep)
			return ranges_remove(r, MIN(r->r[i].start, limit) + keep, limit);
		keep -= below;
	}
	return 0;
}

/* Memory of other nodes that lies wholly inside this zone's span is not this zone's. */
static int foreign_remove(struct capture *c, const struct cap_zone *z, struct pfn_ranges *r)
{
	uint64_t end = z->start_pfn + z->spanned;
	int error = 0;
	for (unsigned i = 0; i < c->nr_zones && !error; i++) {
		const struct cap_zone *o = &c->zone[i];
		if (o->node != z->node && o->spanned && o->start_pfn > z->start_pfn &&
		    o->start_pfn + o->spanned <= end)
			error = ranges_remove(r, o->start_pfn, o->start_pfn + o->spanned);
	}
	return error;
}

/* Span, and what the files say of it: RAM by iomem, blocks of the node, other nodes' zones. */
static int ranges_known(struct capture *c, const struct cap_zone *z, struct pfn_ranges *out)
{
	const struct pfn_ranges *blocks = &c->node[z->node].blocks;
	out->nr = 0;
	int error = pfn_ranges_add(out, z->start_pfn, z->start_pfn + z->spanned);
	if (!error && c->ram.nr)
		error = ranges_intersect(out, &c->ram);
	if (!error && blocks->nr && pfn_ranges_pages(out) != z->present)
		error = ranges_intersect(out, blocks);
	if (!error && pfn_ranges_pages(out) != z->present)
		error = foreign_remove(c, z, out);
	return error;
}

static int ranges_guess(struct capture *c, const struct cap_zone *z, struct pfn_ranges *out)
{
	out->nr = 0;
	int error = pfn_ranges_add(out, z->start_pfn, z->start_pfn + z->spanned);
	struct pfn_ranges own = { 0 };
	if (!error)
		error = ranges_copy(&own, out);
	if (!error)
		error = foreign_remove(c, z, &own);
	if (!error && pfn_ranges_pages(&own) >= z->present)
		error = ranges_copy(out, &own);
	pfn_ranges_fini(&own);
	if (error)
		return error;

	uint64_t excess = pfn_ranges_pages(out) - z->present, end = z->start_pfn + z->spanned;
	uint64_t limit = end;
	if (end > LOW_HOLE_END && z->start_pfn + excess < LOW_HOLE_END)
		limit = LOW_HOLE_END;
	else if (end > PCI_HOLE_END && excess <= pages_below(out, PCI_HOLE_END))
		limit = PCI_HOLE_END;
	if (excess)
		cap_note(c, NOTE_GUESSED, "memory holes",
			 "node %u, zone %s: a hole of %lu pages is taken to lie below frame %lu",
			 z->node, zone_kind_name[z->kind], excess, limit);
	return excess ? ranges_cut(out, limit, excess) : 0;
}

int cap_zone_ranges(struct capture *c, const struct cap_zone *z, struct pfn_ranges *out)
{
	if (z->spanned == z->present) {
		out->nr = 0;
		return pfn_ranges_add(out, z->start_pfn, z->start_pfn + z->spanned);
	}
	int error = ranges_known(c, z, out);
	if (error || pfn_ranges_pages(out) == z->present)
		return error;
	return ranges_guess(c, z, out);
}
