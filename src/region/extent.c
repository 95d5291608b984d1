/* SPDX-License-Identifier: MIT */
#include "region/extent.h"

#include "base/mem.h"

#include <errno.h>

#define PAGE_BYTES 4096ul

static int extent_compare(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

/* Sorted, disjoint; what two share belongs to the lower one; neighbours of one node become one. */
static void extents_merge(struct extent_list *l)
{
	size_t kept = 0;

	qsort(l->extent, l->nr, sizeof(*l->extent), extent_compare);
	for (size_t i = 0; i < l->nr; i++) {
		struct extent e = l->extent[i];
		struct extent *last = kept ? &l->extent[kept - 1] : NULL;
		if (last && e.start < last->end)
			e.start = last->end;
		if (e.start >= e.end)
			continue;
		l->bytes += e.end - e.start;
		if (last && e.start == last->end && e.node == last->node)
			last->end = e.end;
		else
			l->extent[kept++] = e;
	}
	l->nr = kept;
}

int extents_create(struct extent_list *l, const struct region_range *range, size_t nr, uint64_t unit)
{
	struct mask nodes;

	host_nodes(&nodes);
	*l = (struct extent_list){ mem_zalloc(nr * sizeof(struct extent)), nr, 0 };
	if (!l->extent)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++)
		l->extent[i] = (struct extent){
			ALIGN_DOWN(range[i].start_pfn * PAGE_BYTES, unit),
			ALIGN_UP(range[i].end_pfn * PAGE_BYTES, unit),
			mask_empty(&nodes) ? HOST_NODE_ANY : range[i].host_node,
		};
	extents_merge(l);
	return 0;
}

void extents_destroy(struct extent_list *l)
{
	mem_free(l->extent);
	*l = (struct extent_list){ 0 };
}

size_t extents_needs(const struct extent_list *l, uint64_t huge_bytes, struct pool_need *need, size_t max)
{
	size_t nr = 0;

	for (size_t i = 0; i < l->nr; i++) {
		const struct extent *e = &l->extent[i];
		size_t n = 0;
		if (e->node == HOST_NODE_ANY)
			continue;
		while (n < nr && need[n].pool.node != e->node)
			n++;
		if (n == nr && nr == max - 1)
			continue; /* fallocate has the last word */
		if (n == nr)
			need[nr++] = (struct pool_need){ { huge_bytes, e->node }, 0 };
		need[n].pages += (e->end - e->start) / huge_bytes;
	}
	need[nr++] = (struct pool_need){ { huge_bytes, HOST_NODE_ANY }, l->bytes / huge_bytes };
	return nr;
}
