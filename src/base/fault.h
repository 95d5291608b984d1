/* SPDX-License-Identifier: MIT */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

/*
 * Named places where a test can make something fail. fault_arm(site, n) lets
 * the nth visit from now fail (1: the next one); 0 disarms. One test thread
 * arms; visits are counted atomically while armed. Costs one predictable load
 * when nothing is armed.
 */

#include "base/defs.h"

enum fault_site {
	FAULT_HOST_MALLOC, /* base/mem: host memory for our own tables */
	FAULT_BUDDY_TAKE, /* mm/buddy: a block from the free lists */
	FAULT_REGION_CHARGE, /* region: host memory for content */
	FAULT_SITES
};

extern uint32_t fault_armed; /* bit per site */

void fault_arm(enum fault_site site, uint64_t nth);
bool fault_fired(enum fault_site site); /* has the armed fault happened since fault_arm? */
bool fault_visit(enum fault_site site); /* slow half of fault_fails */

static inline bool fault_fails(enum fault_site site)
{
	return UNLIKELY(READ_RELAXED(&fault_armed) & (1u << site)) && fault_visit(site);
}

#endif
