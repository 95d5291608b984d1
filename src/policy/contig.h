/* SPDX-License-Identifier: MIT */
#ifndef POLICY_CONTIG_H
#define POLICY_CONTIG_H

/*
 * A range of frames of any size (mm/page_alloc.c: alloc_contig_range,
 * alloc_contig_pages; mm/page_isolation.c, 6.1): its pageblocks are isolated, what
 * is in use moves away, and the free blocks are taken.
 */

#include "policy/policy.h"

/*
 * Take [start, start + 2^order) for good: order > MM_ORDER_MAX, naturally aligned, of one zone. The pages are one
 * PAGE_USED block of that order, nobody's. NULL: something in it cannot move, and everything is as it was, but
 * for pages that have moved. Inside no CPU.
 */
struct page *contig_take_range(struct policy *p, struct zone *z, pfn_t start, unsigned order);
/* The first such range of a node that can be had (zones of its list, highest first). NULL: none, or the client has gone. Inside no CPU. */
struct page *contig_take(struct policy *p, unsigned nid, unsigned order);
/* Give it back to the buddy system. Inside c. */
void contig_give(struct cpu *c, struct page *page, unsigned order);

#endif
