/* SPDX-License-Identifier: MIT */
/* Reading the frame record: the lines that say what machine it is. They stand before all others. */
#include "vm/record_private.h"

#include "base/mem.h"
#include "base/parse.h"

#include <errno.h>
#include <string.h>

/* Nodes and nr_nodes come together or not at all. */
static int machine_read(struct record *r, char *rest)
{
	struct machine_spec s = { 0 };
	if (r->spec->node)
		return record_bad(r, "the machine is described twice");
	int error = record_fields(r, &fields_spec, &s, rest);
	if (error)
		return error;
	if (s.bits != 32 && s.bits != 64)
		return record_bad(r, "no machine has %u bits", s.bits);
	unsigned nr_nodes = s.nr_nodes;
	s.nr_nodes = 0;
	s.imported = true;
	*r->spec = s;
	return machine_spec_set_nodes(r->spec, nr_nodes);
}

static int mask_read(struct record *r, const char *rest, struct mask *out)
{
	struct mask m = { 0 };
	if (parse_list(rest + strspn(rest, " "), &m))
		return record_bad(r, "\"%.40s\" is not a list of CPUs", rest);
	if (mask_next(&m, r->spec->nr_cpu_ids) != MASK_BITS)
		return record_bad(r, "a CPU past the highest one, %u", r->spec->nr_cpu_ids - 1);
	*out = m;
	return 0;
}

static int online_read(struct record *r, char *rest)
{
	return mask_read(r, rest, &r->spec->cpus_online);
}

static int possible_read(struct record *r, char *rest)
{
	return mask_read(r, rest, &r->spec->cpus_possible);
}

/* nr_nodes is 0 as long as there is no machine line. */
static int node_find(struct record *r, char **rest, struct node_spec **out)
{
	uint64_t id;
	int error = record_number(r, rest, r->spec->node ? r->spec->nr_nodes : 0, &id);
	if (!error)
		*out = &r->spec->node[id];
	return error;
}

static int node_read(struct record *r, char *rest)
{
	struct node_spec *n;
	int error = node_find(r, &rest, &n);
	return error ? error : record_fields(r, &fields_node_spec, n, rest);
}

static int node_cpus_read(struct record *r, char *rest)
{
	struct node_spec *n;
	int error = node_find(r, &rest, &n);
	return error ? error : mask_read(r, rest, &n->cpus);
}

static int zone_find(struct record *r, char **rest, struct zone_spec **out)
{
	struct node_spec *n;
	uint64_t type;
	enum zone_kind kind[MM_ZONE_TYPES_MAX];
	int error = node_find(r, rest, &n);
	if (!error)
		error = record_number(r, rest, zone_kinds(r->spec->bits, kind), &type);
	if (!error)
		*out = &n->zone[type];
	return error;
}

static int zone_read(struct record *r, char *rest)
{
	struct zone_spec *z;
	int error = zone_find(r, &rest, &z);
	return error ? error : record_fields(r, &fields_zone_spec, z, rest);
}

struct pairs {
	struct zone_spec *z;
	uint64_t start;
	bool half;
};

static int range_take(struct record *r, uint64_t v, void *ctx)
{
	struct pairs *p = ctx;
	p->half = !p->half;
	if (p->half) {
		p->start = v;
		return 0;
	}
	const struct pfn_range *last = p->z->nr_ranges ? &p->z->range[p->z->nr_ranges - 1] : NULL;
	if (p->start >= v || v > (uint64_t)MM_HIGHEST_PFN + 1 || (last && p->start < last->end))
		return record_bad(r, "ranges are not in rising order");
	return zone_spec_add_range(p->z, p->start, v);
}

static int ranges_read(struct record *r, char *rest)
{
	struct pairs p = { 0 };
	int error = zone_find(r, &rest, &p.z);
	if (error)
		return error;
	if (p.z->nr_ranges)
		return record_bad(r, "the ranges of the zone are there twice");
	const char *series = record_word(&rest);
	error = record_series(r, series ? series : "", range_take, &p);
	return !error && p.half ? record_bad(r, "a range has no end") : error;
}

const struct record_row record_shape_rows[] = {
	{ "machine", machine_read },        { "cpus_online", online_read },
	{ "cpus_possible", possible_read }, { "node_shape", node_read },
	{ "node_cpus", node_cpus_read },    { "zone_shape", zone_read },
	{ "zone_ranges", ranges_read },
};
const unsigned nr_record_shape_rows = ARRAY_LEN(record_shape_rows);

/* ---- All of it together ---- */

static bool zone_is_sound(const struct zone_spec *z)
{
	if (!z->nr_ranges)
		return !z->spanned && !z->managed;
	return z->start_pfn && z->managed <= z->present && z->start_pfn <= z->range[0].start &&
	       z->range[z->nr_ranges - 1].end <= z->start_pfn + z->spanned;
}

static int range_compare(const void *a, const void *b)
{
	uint64_t x = ((const struct pfn_range *)a)->start, y = ((const struct pfn_range *)b)->start;
	return (x > y) - (x < y);
}

static size_t ranges_gather(const struct machine_spec *s, struct pfn_range *to)
{
	size_t nr = 0;
	for (unsigned n = 0; n < s->nr_nodes; n++)
		for (unsigned t = 0; t < MM_ZONE_TYPES_MAX; t++)
			for (unsigned i = 0; i < s->node[n].zone[t].nr_ranges; i++, nr++)
				if (to)
					to[nr] = s->node[n].zone[t].range[i];
	return nr;
}

static int ranges_check(struct record *r)
{
	size_t nr = ranges_gather(r->spec, NULL);
	struct pfn_range *all = mem_zalloc((nr + 1) * sizeof(*all));
	bool overlap = false;
	if (!all)
		return -ENOMEM;
	ranges_gather(r->spec, all);
	qsort(all, nr, sizeof(*all), range_compare);
	for (size_t i = 1; i < nr; i++)
		overlap |= all[i].start < all[i - 1].end;
	mem_free(all);
	return overlap ? why_set(r->why, -EINVAL, "%s: two zones have the same memory", r->name) : 0;
}

int record_shape_check(struct record *r)
{
	const struct machine_spec *s = r->spec;
	if (!s->node)
		return why_set(r->why, -EINVAL, "%s: no machine is described", r->name);
	for (unsigned n = 0; n < s->nr_nodes; n++)
		for (unsigned t = 0; t < MM_ZONE_TYPES_MAX; t++) {
			const struct zone_spec *z = &s->node[n].zone[t];
			if (!zone_is_sound(z) || (z->nr_ranges && !s->node[n].online))
				return why_set(r->why, -EINVAL,
					       "%s: node %u, zone type %u: sizes do not fit its ranges",
					       r->name, n, t);
		}
	for (unsigned cpu = mask_next(&s->cpus_online, 0); cpu < MASK_BITS;
	     cpu = mask_next(&s->cpus_online, cpu + 1))
		if (!mask_has(&s->cpus_possible, cpu))
			return why_set(r->why, -EINVAL, "%s: CPU %u is online, yet not possible",
				       r->name, cpu);
	return ranges_check(r);
}
