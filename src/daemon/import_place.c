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
#include "daemon/import_use.h"
#include "mm/buddy.h"
#include "mm/import.h"
#include "vm/vm.h"

#include <errno.h>
#include <string.h>

/* Spread small free blocks over all memory in use, unless entries for so many places would cost much of the host's. */
#define SMALL_BLOCKS_MANY 8192u
#define MACHINE_LARGE_PAGES (1ul << 23) /* 32 GiB */
#define WINDOW_PAGES (1ul << 18) /* for each type; 1 GiB of frames has 8 MiB of entries */

/* Pages that can move lie in pageblocks of other types, though there is room in Movable ones: up to one in 32. */
#define STRAY_MOST 32u
#define STRAYS_OF 1024u

struct import_budget {
	uint64_t file, other; /* as of struct import_run */
};

struct placing {
	struct import_run *run;
	struct zone *z;
	struct layout_zone want;
	struct layout layout;
	struct pfn_range *range; /* present memory without pages of 1 GiB */
	unsigned nr_ranges;
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

/* A page of a pool: free ones first, the others belong to the task. */
static int pool_place(struct placing *p, unsigned pool, uint64_t pfn)
{
	struct import_run *run = p->run;
	struct hugetlb *h = &run->vm->hugetlb[pool];
	struct import_huge *huge = &run->huge[pool];
	struct page_index *ix = &run->task->hugetlb[pool];
	unsigned node = p->z->node->id;
	bool is_free = huge->free[node] > 0, surplus = huge->surplus[node] > 0;
	struct task *t = run->task;
	if (!is_free && page_index_reserve(ix, ix->nr + huge->left[node]))
		return -ENOMEM;

	struct page *page = zone_import_used(p->z, (pfn_t)pfn, h->order);
	page->owner =
		owner_handle(is_free ? OWNER_HUGETLB_POOL : OWNER_TASK_HUGETLB, is_free ? 0 : t->id);
	lock_take(&h->lock);
	hugetlb_add(h, page, surplus, is_free);
	lock_drop(&h->lock);
	if (!is_free)
		page_index_add(&run->vm->machine, ix, page);
	huge->left[node]--;
	huge->free[node] -= is_free;
	huge->surplus[node] -= surplus;
	return 0;
}

/* The pool whose pages are as large as a pageblock. */
static unsigned block_pool(const struct import_run *run)
{
	return hugetlb_gigantic(run->vm->hugetlb);
}

static int huge_place(void *ctx, uint64_t pfn)
{
	struct placing *p = ctx;
	return pool_place(p, block_pool(p->run), pfn);
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

static void lists_sum(const struct import_run *run, const struct cap_zone *from, uint64_t *file,
		      uint64_t *other)
{
	for (unsigned l = 0; l < LRU_LISTS; l++) {
		bool is_file = l == LRU_INACTIVE_FILE || l == LRU_ACTIVE_FILE;
		*(is_file ? file : other) += import_list_pages(run, from, (enum lru_list)l);
	}
}

static uint64_t budget_share(uint64_t budget, uint64_t own, uint64_t all)
{
	return all > budget ? (uint64_t)((unsigned __int128)budget * own / all) : budget;
}

/* Where there are not entries for all pages, this zone leaves the lower ones theirs. Returns what is kept for those. */
static struct import_budget budget_split(struct import_run *run, const struct cap_zone *from)
{
	uint64_t file = 0, other = 0, all_file = 0, all_other = 0;
	lists_sum(run, from, &file, &other);
	for (const struct cap_zone *z = run->c->zone; z <= from; z++)
		lists_sum(run, z, &all_file, &all_other);
	struct import_budget kept = { run->file_budget, run->other_budget };
	run->file_budget = budget_share(kept.file, file, all_file);
	run->other_budget = budget_share(kept.other, other, all_other);
	kept.file -= run->file_budget;
	kept.other -= run->other_budget;
	return kept;
}

/* Pages in use that can move, and those that lie together and cannot: lists without entries, what was reserved at boot. */
static void want_movable(const struct import_run *run, struct layout_zone *w, const struct cap_zone *from)
{
	uint64_t file = 0, other = 0;
	lists_sum(run, from, &file, &other);
	w->nr_movable = MIN(file, run->file_budget) + MIN(other, run->other_budget);
	w->nr_fixed = file + other - w->nr_movable + from->present - from->managed;
	for (unsigned i = 0; i < from->nr_pagesets; i++)
		w->nr_movable += from->pageset[i].count > 0 ? (uint64_t)from->pageset[i].count : 0;
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
		.huge_order = run->vm->machine.pageblock_order,
	};
	w->first_shared = block_shared(run->c, from, ALIGN_DOWN(w->start_pfn, size), size);
	w->last_shared = block_shared(run->c, from, ALIGN_DOWN(w->end_pfn - 1, size), size);
	cap_zone_split(run->c, from, w->free);
	cap_zone_blocks(run->c, from, w->blocks);
	w->window_pages = window_pages(run, w);
	w->rng = &run->rng;
	want_movable(run, w, from);
	w->nr_movable -= w->nr_movable * rng_below(w->rng, STRAY_MOST + 1) / STRAYS_OF;
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
	uint64_t used = p->z->nr_pinned - MIN(p->z->nr_pinned, want_pages(w));
	uint64_t left = p->run->huge[block_pool(p->run)].left[p->z->node->id];
	w->nr_huge = MIN(left, used >> w->huge_order);
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

/* ---- Pages of 1 GiB: they lie in no layout, so their memory is taken out of what it is made of ---- */

/* [start, start + pages) is inside present range i: cut it out. 0 or -ENOMEM. */
static int range_cut(struct placing *p, unsigned i, uint64_t start, uint64_t pages)
{
	struct pfn_range *grown = mem_realloc(p->range, (p->nr_ranges + 1ul) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	p->range = grown;
	memmove(&grown[i + 1], &grown[i], (p->nr_ranges - i) * sizeof(*grown));
	p->nr_ranges++;
	grown[i].end = start;
	grown[i + 1].start = start + pages;
	for (unsigned from = i, to = i; from < p->nr_ranges; from++) { /* what is empty goes */
		grown[to] = grown[from];
		to += grown[to].start < grown[to].end;
		if (from + 1 == p->nr_ranges)
			p->nr_ranges = to;
	}
	return 0;
}

static int gigantic_place(struct placing *p, unsigned pool)
{
	const uint64_t pages = 1ull << GIGANTIC_ORDER;
	unsigned node = p->z->node->id;
	int error = 0;
	for (unsigned i = 0; i < p->nr_ranges && !error;) {
		uint64_t start = ALIGN_UP(p->range[i].start, pages);
		bool room = p->z->nr_pinned >= want_pages(&p->want) + pages;
		if (!p->run->huge[pool].left[node] || !room)
			break;
		if (start + pages > p->range[i].end) {
			i++;
			continue;
		}
		error = pool_place(p, pool, start);
		if (!error)
			error = range_cut(p, i, start, pages);
	}
	return error;
}

/* After want_set. */
static int want_gigantic(struct placing *p)
{
	const struct vm *vm = p->run->vm;
	int error = 0;
	p->range = mem_zalloc((p->z->nr_ranges + 1ul) * sizeof(*p->range));
	if (!p->range)
		return -ENOMEM;
	memcpy(p->range, p->z->range, p->z->nr_ranges * sizeof(*p->range));
	p->nr_ranges = p->z->nr_ranges;
	for (unsigned pool = 0; pool < vm->nr_hugetlb && !error; pool++)
		if (hugetlb_gigantic(&vm->hugetlb[pool]))
			error = gigantic_place(p, pool);
	p->want.range = p->range;
	p->want.nr_ranges = p->nr_ranges;
	return error;
}

int import_place_zone(struct import_run *run, struct zone *z, struct cap_zone *from)
{
	struct placing *p = mem_zalloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	const struct layout_sink sink = { p, free_place, virgin_place, huge_place, pageblock_place };
	const struct import_budget kept = budget_split(run, from);
	p->run = run;
	p->z = z;
	zone_import_begin(z);
	want_set(p, from);
	int error = want_gigantic(p);
	if (!error)
		want_fit(p, from);
	if (!error)
		error = layout_place(&p->layout, &p->want, &sink);
	if (!error) {
		blocks_check(p, from);
		error = import_slab_place(run, z, from, &p->layout);
	}
	if (!error)
		error = layout_shuffle(&p->layout);
	if (!error) {
		pcp_place(p, from);
		error = import_owned_place(run, z, from, &p->layout);
	}
	run->file_budget += kept.file;
	run->other_budget += kept.other;
	layout_fini(&p->layout);
	mem_free(p->range);
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
