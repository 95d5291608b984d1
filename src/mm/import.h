/* SPDX-License-Identifier: MIT */
#ifndef MM_IMPORT_H
#define MM_IMPORT_H

/*
 * Give an imported machine its captured state. Right after machine_boot with
 * spec.imported, before anyone else runs: single-threaded, no locks. Every
 * managed page starts pinned (in use, undescribed). Ranges must lie in the
 * zone's present memory and must not overlap; blocks must be aligned.
 */

#include "mm/machine.h"

/* First, or not at all: who scans passes pageblocks of which no page is given an entry below, without a look at each. */
void zone_import_begin(struct zone *z);
void zone_import_free(struct zone *z, pfn_t pfn, unsigned order, enum migratetype mt); /* a free block; does not merge */
MUST_CHECK int zone_import_virgin(struct zone *z, uint64_t start,
				  uint64_t end); /* run of free top-order movable blocks; 0 or -ENOMEM */
void zone_import_pcp(struct zone *z, struct cpu *c, pfn_t pfn, enum migratetype mt); /* one page on a CPU's list */
struct page *zone_import_used(struct zone *z, pfn_t pfn, unsigned order); /* an allocated block with an entry, for an owner */
/* Entries of these frames will be given all together: a hint. */
void zone_import_expect(struct zone *z, pfn_t start, uint64_t nr);
/* As zone_import_used for [start, start + nr), single pages; the array gets them from the highest down. */
void zone_import_used_pages(struct zone *z, pfn_t start, unsigned nr, struct page **page);
void zone_import_pageblock(struct zone *z, pfn_t pfn, enum migratetype mt); /* type of one pageblock; counts follow */
/* Printed value of a counter; diffs are spread over CPUs so that the true sum is `sum`. */
void zone_import_pinned(struct zone *z, unsigned kind,
			uint64_t pages); /* enum pinned_kind; known use of pages without an entry */
uint64_t zone_pinned_unknown(const struct zone *z); /* pages without an entry of which nothing is known yet */
void zone_import_stat(struct zone *z, enum zone_stat s, int64_t printed, int64_t sum);
void node_import_stat(struct node *n, enum node_stat s, int64_t printed, int64_t sum);

#endif
