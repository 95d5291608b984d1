/* SPDX-License-Identifier: MIT */
#ifndef MM_VERIFY_PRIVATE_H
#define MM_VERIFY_PRIVATE_H

/* What the files of mm_verify need of each other; nothing for other files. */

#include "mm/verify.h"

struct verify {
	struct machine *m;
	struct text *out;
	unsigned findings;
	uint64_t *zone_pages; /* by zone id: pages of the PAGE_USED, PAGE_PCP and PAGE_BUDDY blocks in the array */
	uint64_t *kmalloc_pages; /* by node: in blocks that kmalloc took whole */
	uint64_t *seen; /* SLAB_OBJECTS_MAX bits per frame: objects met in magazines; NULL without slabs */
	uint64_t *listed; /* a bit per frame: heads of slabs met on lists; NULL without slabs */
};

/* One thing that is wrong, in a line. */
void finding(struct verify *v, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A list is the same backwards and ends where it says. `most` bounds one that runs in a circle. */
void check_links(struct verify *v, const struct node *n, const struct page_list *l, uint64_t most);

/* ---- verify_slab.c. slabs->lock is held ---- */

MUST_CHECK int verify_slabs_begin(struct verify *v); /* 0 or -ENOMEM */
void verify_slabs_end(struct verify *v);
void verify_slab_entry(struct verify *v, pfn_t pfn, const struct page *page); /* a used page, after check_slabs */
void check_caches(struct verify *v);
void check_slabs(struct verify *v);
void check_loose_objects(struct verify *v);
void check_self_objects(struct verify *v); /* verify_self.c; after check_loose_objects */
void check_slab_counters(struct verify *v); /* after every page was met */

#endif
