/* SPDX-License-Identifier: MIT */
/*
 * One zone's memory: free blocks where the layout puts them, pool pages, slabs
 * (import_slab_place.c), pages on per-CPU lists, and pages of LRU lists
 * (import_owned.c). All other memory in use stays pinned and costs nothing.
 */
#include "daemon/import_capture.h"

#include "base/mem.h"
#include "daemon/import_layout.h"
#include "daemon/import_owned.h"
#include "daemon/import_slab.h"
#include "mm/buddy.h"
#include "mm/import.h"
#include "vm/vm.h"

#include <errno.h>
#include <string.h>

/* Spread small free blocks over all memory in use, unless entries for so many places would cost much of the host's. */
#define SMALL_BLOCKS_MANY 8192u
#define MACHINE_LARGE_PAGES (1ul << 23) /* 32 GiB */
#define WINDOW_PAGES (1ul << 18) /* for each type; 1 GiB of frames has 8 MiB of entries */

struct placing {
	struct import_run *run;
	struct zone *z;
	struct layout_zone want;
	struct layout layout;
};

static int free_place(void *ctx, uint64_t pfn, unsigned order, enum migratetype mt)
{
	struct placing *p = ctx;
	zone_import_free(p->z, (pfn_t)pfn, order, mt);
	return 0;
}

static int virgin_place(void *ctx, uint64_t start, uint64_t end)
{
	struct placing *p = ctx;
	return zone_import_virgin(p->z, start, end);
}

static int pageblock_place(void *ctx, uint64_t pfn, enum migratetype mt)
{
	struct placing *p = ctx;
	zone_import_pageblock(p->z, (pfn_t)pfn, mt);
	return 0;
}

/* A pool page: free ones first, the others belong to the task. */
static int huge_place(void *ctx, uint64_t pfn)
{
	struct placing *p = ctx;
	struct import_run *run = p->run;
	struct hugetlb *h = run->vm->hugetlb;
	unsigned node = p->z->node->id;
	bool is_free = run->huge_free[node] > 0, surplus = run->huge_surplus[node] > 0;
	struct task *t = run->task;
	if (!is_free && page_index_reserve(&t->hugetlb, t->hugetlb.nr + run->huge_left[node]))
		return -ENOMEM;

	struct page *page = zone_import_used(p->z, (pfn_t)pfn, h->order);
	page->owner =
		owner_handle(is_free ? OWNER_HUGETLB_POOL : OWNER_TASK_HUGETLB, is_free ? 0 : t->id);
	lock_take(&h->lock);
	hugetlb_add(h, page, surplus, is_free);
	lock_drop(&h->lock);
	if (!is_free)
		page_index_add(&run->vm->machine, &t->hugetlb, page);
	run->huge_left[node]--;
	run->huge_free[node] -= is_free;
	run->huge_surplus[node] -= surplus;
	return 0;
}

/* Does another zone have memory in this pageblock? */
static bool block_shared(struct capture *c, const struct cap_zone *z, uint64_t block, uint64_t size)
{
	for (unsigned i = 0; i < c->nr_zones; i++) {
		const struct cap_zone *o = &c->zone[i];
		if (o != z && cap_zone_populated(o) && o->start_pfn < block + size &&
		    o->start_pfn + o->spanned > block)
			return true;
	}
	return false;
}

static uint64_t window_pages(const struct import_run *run, const struct layout_zone *want)
{
	uint64_t small = 0;
	if (run->small_blocks <= SMALL_BLOCKS_MANY || run->managed <= MACHINE_LARGE_PAGES)
		return 0;
	for (unsigned order = 0; order < want->pageblock_order; order++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
			small += want->free[order][mt];
	return MAX(WINDOW_PAGES * small / run->small_blocks, MM_TOP_PAGES);
}

static void want_set(struct placing *p, struct cap_zone *from)
{
	struct import_run *run = p->run;
	struct layout_zone *w = &p->want;
	uint64_t size = 1ul << run->vm->machine.pageblock_order;
	*w = (struct layout_zone){
		.start_pfn = p->z->start_pfn,
		.end_pfn = p->z->start_pfn + p->z->spanned,
		.range = p->z->range,
		.nr_ranges = p->z->nr_ranges,
		.pageblock_order = run->vm->machine.pageblock_order,
		.huge_order = run->vm->hugetlb->order,
	};
	w->first_shared = block_shared(run->c, from, ALIGN_DOWN(w->start_pfn, size), size);
	w->last_shared = block_shared(run->c, from, ALIGN_DOWN(w->end_pfn - 1, size), size);
	cap_zone_split(run->c, from, w->free);
	cap_zone_blocks(run->c, from, w->blocks);
	w->window_pages = window_pages(run, w);
}

static uint64_t want_pages(const struct layout_zone *w)
{
	uint64_t pages = 0;
	for (unsigned order = 0; order < MM_ORDERS; order++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
			pages += w->free[order][mt] << order;
	return pages;
}

/* Pool pages that this zone can hold beside its free memory; the node's others go to its lower zones. */
static void want_fit(struct placing *p, struct cap_zone *from)
{
	struct layout_zone *w = &p->want;
	uint64_t used = p->z->managed - MIN(p->z->managed, want_pages(w));
	w->nr_huge = MIN(p->run->huge_left[p->z->node->id], used >> w->huge_order);
	bool changed;
	uint64_t lost = layout_fit(w, &changed);
	if (changed)
		cap_note(p->run->c, NOTE_CORRECTED, "free blocks",
			 "node %u, zone %s: no buddy system has these free blocks in this memory: some merged or split, %lu pages lost",
			 from->node, zone_kind_name[from->kind], lost);
}

static enum migratetype pcp_type(const struct machine *m, uint64_t pfn)
{
	enum migratetype mt = pageblock_type(m, (pfn_t)pfn);
	return mt < MIGRATE_PCPTYPES ? mt : MIGRATE_MOVABLE;
}

static void pcp_place(struct placing *p, const struct cap_zone *from)
{
	struct machine *m = p->z->machine;
	uint64_t pfn, short_of = 0;
	for (unsigned i = 0; i < from->nr_pagesets; i++)
		for (int32_t n = from->pageset[i].count; n > 0; n--) {
			if (p->z->nr_pinned && layout_take(&p->layout, &pfn))
				zone_import_pcp(p->z, &m->cpu[from->pageset[i].cpu], (pfn_t)pfn,
						pcp_type(m, pfn));
			else
				short_of++;
		}
	if (short_of)
		cap_note(p->run->c, NOTE_CORRECTED, "per-CPU counts",
			 "node %u, zone %s: %lu pages of the per-CPU lists are more than what is not free; left out",
			 from->node, zone_kind_name[from->kind], short_of);
}

static void blocks_check(struct placing *p, const struct cap_zone *from)
{
	uint64_t left = 0;
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		left += p->layout.blocks_left[mt];
	if (left)
		cap_note(p->run->c, NOTE_CORRECTED, "types of pageblocks",
			 "node %u, zone %s: %lu pageblocks found no place and count as Movable",
			 from->node, zone_kind_name[from->kind], left);
}

int import_place_zone(struct import_run *run, struct zone *z, struct cap_zone *from)
{
	struct placing *p = mem_zalloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	const struct layout_sink sink = { p, free_place, virgin_place, huge_place, pageblock_place };
	p->run = run;
	p->z = z;
	want_set(p, from);
	want_fit(p, from);
	int error = layout_place(&p->layout, &p->want, &sink);
	if (!error) {
		blocks_check(p, from);
		error = import_slab_place(run, z, from, &p->layout);
	}
	if (!error) {
		pcp_place(p, from);
		error = import_owned_place(run, z, from, &p->layout);
	}
	layout_fini(&p->layout);
	mem_free(p);
	return error;
}

/*
 * The printed threshold may be the low one of a node under pressure; the
 * differences that CPUs had before were bounded by the usual one.
 */
static int32_t thresholds_swap(struct zone *z, const struct cap_zone *from)
{
	int32_t usual = z->stat_threshold;
	if (from->nr_pagesets && from->pageset[0].threshold)
		z->stat_threshold = CLAMP(from->pageset[0].threshold, 1, 125);
	return MAX(usual, z->stat_threshold);
}

void import_zone_counters(struct capture *c, struct zone *z, const struct cap_zone *from)
{
	int64_t sum = (int64_t)zone_buddy_pages(z), printed = (int64_t)from->free;
	int32_t shown, bound = thresholds_swap(z, from);
	int64_t most = (int64_t)z->machine->nr_cpus_online * bound;
	if (sum - printed > most || printed - sum > most) {
		cap_note(c, NOTE_CORRECTED, "pages free",
			 "node %u, zone %s: %ld free pages in zoneinfo, %ld in free blocks, which are taken",
			 from->node, zone_kind_name[from->kind], printed, sum);
		printed = sum;
	}
	shown = z->stat_threshold;
	z->stat_threshold = bound;
	zone_import_stat(z, NR_FREE_PAGES, printed, sum);
	z->stat_threshold = shown;
	z->nr_reserved_highatomic = z->nr_pageblocks[MIGRATE_HIGHATOMIC] << z->machine->pageblock_order;
	zone_update_plenty(z);
}
