/* SPDX-License-Identifier: MIT */
/*
 * One zone's memory: free blocks where the layout puts them, pages on per-CPU
 * lists, pool pages, and the clean page cache, which gets entries and an owner
 * so that reclaim can take it. All other memory in use stays pinned and costs
 * nothing.
 */
#include "daemon/import_capture.h"

#include "base/mem.h"
#include "daemon/import_layout.h"
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
	struct hugetlb *h = &run->vm->hugetlb;
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
		.huge_order = run->vm->hugetlb.order,
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

/* This zone's part of a number that is known for its node or the machine only. */
static uint64_t used_share(struct import_run *run, const struct cap_zone *from, uint64_t pages,
			   bool whole_machine)
{
	uint64_t used = 0;
	for (unsigned i = 0; i < run->c->nr_zones; i++)
		if (whole_machine || run->c->zone[i].node == from->node)
			used += run->c->zone[i].managed - run->c->zone[i].free;
	return used ? (uint64_t)((unsigned __int128)pages * (from->managed - from->free) / used) : 0;
}

/* Clean pages of the zone's file LRU: [0] inactive, [1] active. Which ones are dirty is not recorded: inactive ones first. */
static void file_count(struct import_run *run, const struct cap_zone *from, uint64_t nr[2])
{
	const struct cap_node *n = &run->c->node[from->node];
	bool by_node = n->inactive_file || n->active_file;
	if (from->has_stat & 1u << NR_ZONE_INACTIVE_FILE) {
		nr[0] = from->stat[NR_ZONE_INACTIVE_FILE];
		nr[1] = from->stat[NR_ZONE_ACTIVE_FILE];
	} else {
		nr[0] = used_share(run, from, by_node ? n->inactive_file : run->c->vmstat_inactive_file,
				   !by_node);
		nr[1] = used_share(run, from, by_node ? n->active_file : run->c->vmstat_active_file,
				   !by_node);
	}
	uint64_t pending = from->stat[NR_ZONE_WRITE_PENDING];
	for (unsigned i = 0; i < 2; i++) {
		uint64_t dirty = MIN(pending, nr[i]);
		nr[i] -= dirty;
		pending -= dirty;
	}
}

static int file_place(struct placing *p, const struct cap_zone *from)
{
	uint64_t nr[2], pfn, left_out = 0;
	int error = 0;
	file_count(p->run, from, nr);
	for (unsigned i = 0; i < 2; i++)
		for (; nr[i] && !error; nr[i]--) {
			if (!p->run->file_budget || !p->z->nr_pinned || !layout_take(&p->layout, &pfn)) {
				left_out += nr[i];
				break;
			}
			p->run->file_budget--;
			error = task_adopt_file(p->run->task, zone_import_used(p->z, (pfn_t)pfn, 0),
						i ? LRU_ACTIVE_FILE : LRU_INACTIVE_FILE);
		}
	if (left_out)
		cap_note(p->run->c, NOTE_CORRECTED, "page cache",
			 "node %u, zone %s: %lu pages of page cache stay in place without an owner",
			 from->node, zone_kind_name[from->kind], left_out);
	return error;
}

static void counters_set(struct placing *p, const struct cap_zone *from)
{
	struct zone *z = p->z;
	int64_t sum = (int64_t)zone_buddy_pages(z), printed = (int64_t)from->free;
	int64_t most = (int64_t)z->machine->nr_cpus_online * z->stat_threshold;
	if (sum - printed > most || printed - sum > most) {
		cap_note(p->run->c, NOTE_CORRECTED, "pages free",
			 "node %u, zone %s: %ld free pages in zoneinfo, %ld in free blocks, which are taken",
			 from->node, zone_kind_name[from->kind], printed, sum);
		printed = sum;
	}
	zone_import_stat(z, NR_FREE_PAGES, printed, sum);
	z->nr_reserved_highatomic = z->nr_pageblocks[MIGRATE_HIGHATOMIC] << z->machine->pageblock_order;
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
	if (from->nr_pagesets)
		z->stat_threshold = CLAMP(from->pageset[0].threshold, 1, 125);
	want_set(p, from);
	want_fit(p, from);
	int error = layout_place(&p->layout, &p->want, &sink);
	if (!error) {
		blocks_check(p, from);
		pcp_place(p, from);
		counters_set(p, from);
		error = file_place(p, from);
	}
	layout_fini(&p->layout);
	mem_free(p);
	return error;
}
