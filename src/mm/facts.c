/* SPDX-License-Identifier: MIT */
/*
 * How the kernel of a machine would map its memory (arch/x86/mm/init.c, 6.1):
 * with large pages where one fits whole into present memory, with 4 KiB pages
 * at the ragged ends. High memory has no such mapping. Differs from Linux in
 * that large pages that were split for the sake of a page's attributes are not
 * counted: nothing here changes them.
 */

#include "mm/hugetlb.h"

static bool zone_is_mapped(const struct zone *z)
{
	return z->machine->bits == 64 || (z->kind != ZONE_HIGHMEM && z->kind != ZONE_MOVABLE);
}

/* Of a range, what aligned blocks of an order cover. */
static uint64_t whole_pages(const struct pfn_range *r, unsigned order)
{
	uint64_t start = ALIGN_UP(r->start, 1ull << order), end = ALIGN_DOWN(r->end, 1ull << order);
	return start < end ? end - start : 0;
}

static void range_map(struct machine *m, const struct pfn_range *r)
{
	uint64_t large = whole_pages(r, m->pageblock_order),
		 gigantic = m->gigantic ? whole_pages(r, GIGANTIC_ORDER) : 0;
	m->facts.direct_map_kb[DIRECT_1G] += PAGES_TO_KB(gigantic);
	m->facts.direct_map_kb[DIRECT_LARGE] += PAGES_TO_KB(large - gigantic);
	m->facts.direct_map_kb[DIRECT_4K] += PAGES_TO_KB(r->end - r->start - large);
}

void machine_facts_derive(struct machine *m)
{
	m->facts = (struct machine_facts){ .has_direct_1g = m->gigantic };
	FOR_EACH_POPULATED_ZONE(z, m)
		for (unsigned i = 0; zone_is_mapped(z) && i < z->nr_ranges; i++)
			range_map(m, &z->range[i]);
}
