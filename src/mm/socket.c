/* SPDX-License-Identifier: MIT */
/*
 * Sockets and DIMMs. The frame allocator knows nothing of them; they are what
 * firmware tells about a machine, so they are settled once at boot and never
 * change. What the spec does not say follows from nodes and memory: every node
 * with CPUs is a socket, a node without belongs to that of the nearest one, and
 * a node's memory is made of at most eight equal DIMMs, of at least 8 GiB where
 * that comes out even.
 */
#include "mm/socket.h"

#define MIB_SHIFT (20 - PAGE_SHIFT)
#define DERIVED_DIMMS_MAX 8u
#define DERIVED_DIMM_MIB 8192u
#define DERIVED_SPEED_MTS 3200u

static struct node_span range_span(const struct pfn_range *r)
{
	return (struct node_span){ r->start >> MIB_SHIFT, DIV_ROUND_UP(r->end, 1ull << MIB_SHIFT) };
}

/* The zone's first range that ends behind that address; ranges are in order. False: none does. */
static bool zone_span_behind(const struct zone *z, uint64_t mib, struct node_span *out)
{
	unsigned low = 0, high = z->nr_ranges;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		if (range_span(&z->range[middle]).end > mib)
			high = middle;
		else
			low = middle + 1;
	}
	if (low == z->nr_ranges)
		return false;
	*out = range_span(&z->range[low]);
	return true;
}

/* Go on into a range that touches the end of the stretch; false: none does. */
static bool span_grow(const struct node *n, struct node_span *span)
{
	struct node_span s;

	for (unsigned type = 0; type < n->machine->nr_zone_types; type++)
		if (zone_span_behind(n->zone[type], span->end, &s) && s.start <= span->end) {
			span->end = s.end;
			return true;
		}
	return false;
}

bool node_span_next(const struct node *n, uint64_t from, struct node_span *out)
{
	struct node_span span = { UINT64_MAX, 0 }, s;

	for (unsigned type = 0; type < n->machine->nr_zone_types; type++) {
		if (!zone_span_behind(n->zone[type], from, &s))
			continue;
		s.start = MAX(s.start, from);
		if (s.start < span.start)
			span = s;
	}
	if (!span.end)
		return false;
	while (span_grow(n, &span))
		;
	*out = span;
	return true;
}

uint64_t node_span_mib(const struct node *n)
{
	struct node_span s = { 0, 0 };
	uint64_t mib = 0;

	while (node_span_next(n, s.end, &s))
		mib += s.end - s.start;
	return mib;
}

static void node_derive_dimms(struct node *n)
{
	uint64_t total = node_span_mib(n), size = 1;

	n->dimms = (struct dimm_spec){ 0 };
	if (!total)
		return;
	while (size * DERIVED_DIMMS_MAX < total)
		size *= 2;
	uint64_t nr = DIV_ROUND_UP(total, size);
	for (; nr % 2 == 0 && size < DERIVED_DIMM_MIB; nr /= 2)
		size *= 2;
	n->dimms = (struct dimm_spec){ (uint16_t)nr, DIMM_DDR4, DERIVED_SPEED_MTS, (uint32_t)size };
}

/* Sockets count the nodes with CPUs, in node order. */
static int node_derive_socket(const struct node *n)
{
	const struct machine *m = n->machine;
	const struct node *home = mask_empty(&n->cpus) ? n->first_cpu->node : n;
	int socket = 0;

	for (unsigned nid = 0; nid < home->id; nid++)
		socket += m->node[nid].online && !mask_empty(&m->node[nid].cpus);
	return socket;
}

/* Can these be a node's DIMMs? The configuration has seen to it; a state that was brought along may say anything. */
static bool dimms_fit(const struct node *n)
{
	const struct dimm_spec *d = &n->dimms;
	uint64_t mib = node_span_mib(n);

	return mib && d->nr && d->nr <= DIMMS_MAX && d->type <= DIMM_DDR5 && d->mib &&
	       d->mib <= DIMM_MIB_MAX && (uint64_t)d->nr * d->mib >= mib;
}

void machine_place_sockets(struct machine *m)
{
	for (unsigned nid = 0; nid < m->nr_nodes; nid++) {
		struct node *n = &m->node[nid];
		if (!n->online)
			continue;
		if (n->socket < 0 || n->socket >= (int)MM_NODES_MAX)
			n->socket = node_derive_socket(n);
		if (!dimms_fit(n))
			node_derive_dimms(n);
	}
}
