/* SPDX-License-Identifier: MIT */
/*
 * The shape of a machine as plain data. Nothing here knows how a kernel
 * derives spans or reserves memory: who fills a spec (the configuration, the
 * importer, a test) has already decided that. Only this file owns the memory
 * of nodes and ranges.
 */
#include "mm/spec.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

unsigned zone_kinds(unsigned bits, enum zone_kind kind[MM_ZONE_TYPES_MAX])
{
	static const enum zone_kind kinds64[] = { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_MOVABLE,
						  ZONE_DEVICE };
	static const enum zone_kind kinds32[] = { ZONE_DMA, ZONE_NORMAL, ZONE_HIGHMEM, ZONE_MOVABLE };
	ASSERT(bits == 64 || bits == 32);

	unsigned nr = bits == 64 ? ARRAY_LEN(kinds64) : ARRAY_LEN(kinds32);
	memcpy(kind, bits == 64 ? kinds64 : kinds32, nr * sizeof(*kind));
	return nr;
}

void machine_spec_init(struct machine_spec *s)
{
	*s = (struct machine_spec){ .kernel = KERNEL_6_1, .bits = 64, .pageblock_order = 9, .numa = true };
}

void machine_spec_fini(struct machine_spec *s)
{
	for (unsigned n = 0; n < s->nr_nodes; n++)
		for (unsigned type = 0; type < MM_ZONE_TYPES_MAX; type++)
			mem_free(s->node[n].zone[type].range);
	mem_free(s->node);
	machine_spec_init(s);
}

int machine_spec_set_nodes(struct machine_spec *s, unsigned nr_nodes)
{
	ASSERT(!s->node && nr_nodes <= MM_NODES_MAX);
	s->node = mem_zalloc(nr_nodes * sizeof(*s->node));
	if (!s->node)
		return -ENOMEM;
	s->nr_nodes = nr_nodes;
	for (unsigned n = 0; n < nr_nodes; n++)
		s->node[n].host_node = s->node[n].socket = -1;
	return 0;
}

/* The array doubles whenever its length reaches a power of two, so it needs no capacity of its own. */
static int zone_spec_grow(struct zone_spec *z)
{
	unsigned nr = z->nr_ranges;
	if (nr & (nr - 1))
		return 0;
	struct pfn_range *range = mem_realloc(z->range, (nr ? 2ul * nr : 1) * sizeof(*range));
	if (!range)
		return -ENOMEM;
	z->range = range;
	return 0;
}

int zone_spec_add_range(struct zone_spec *z, uint64_t start, uint64_t end)
{
	ASSERT(start < end);
	int error = zone_spec_grow(z);
	if (error)
		return error;
	z->range[z->nr_ranges++] = (struct pfn_range){ start, end };
	z->present += end - start;
	return 0;
}
