/* SPDX-License-Identifier: MIT */
/*
 * Pages of one zone's LRU lists become the task's: page cache that reclaim can
 * take, anonymous and shared memory that goes with the task. Pages past a
 * bound, and pages for which the free memory leaves no frame, get no entry:
 * they are pinned, and counted where they were.
 *
 * Which page is dirty, mapped or locked is not recorded: the first ones are,
 * of the inactive file list before the active one where they are dirty.
 */
#include "daemon/import_owned.h"

#include "daemon/import_use.h"
#include "mm/import.h"
#include "vm/vm.h"

#define BATCH 64u

struct owned {
	struct import_run *run;
	struct zone *z;
	struct layout *layout;
	struct node_use *use; /* of the zone's node */
	uint64_t pending, mlocked; /* pages of this zone still to be marked */
	uint64_t placed[USE_KINDS]; /* so far */
	uint64_t left_out; /* pages without an entry */
	enum use_kind kind; /* of the pages it is at, and where they are */
	enum lru_list list;
};

/* ---- Marks of the next page ---- */

static unsigned dirty_mark(struct owned *o)
{
	if (!o->pending || (!o->use->dirty && !o->use->writeback))
		return 0;
	o->pending--;
	if (o->use->dirty) {
		o->use->dirty--;
		return MARK_DIRTY;
	}
	o->use->writeback--;
	return MARK_WRITEBACK;
}

/* The page begins a huge one, if it is that one's turn. */
static unsigned huge_mark(struct owned *o, bool mapped)
{
	uint64_t pages = 1ull << o->z->machine->pageblock_order;
	uint64_t *huge = &o->use->huge[o->kind], *as_such = &o->use->huge_mapped[o->kind];
	if (!*huge || o->placed[o->kind] % pages)
		return 0;
	if (mapped ? !*as_such : *huge <= *as_such)
		return 0;
	--*huge;
	*as_such -= mapped;
	return o->kind == USE_ANON ? MARK_HUGE_ANON : MARK_HUGE_FILE;
}

static bool left_take(uint64_t *left)
{
	if (!*left)
		return false;
	--*left;
	return true;
}

/* May one of the next pages get a mark that is not every page's of its kind? */
static bool marks_left(const struct owned *o)
{
	const struct node_use *u = o->use;
	if (u->huge[o->kind] || (o->list == LRU_UNEVICTABLE && o->mlocked))
		return true;
	if (o->kind != USE_ANON && u->mapped[o->kind][o->list])
		return true;
	return o->kind == USE_FILE && (o->run->buffers || (o->pending && (u->dirty || u->writeback)));
}

static unsigned kind_marks(enum use_kind kind)
{
	return kind == USE_SHMEM ? MARK_SHMEM : 0;
}

static unsigned page_marks(struct owned *o)
{
	unsigned marks = kind_marks(o->kind);
	if (o->kind != USE_ANON && left_take(&o->use->mapped[o->kind][o->list]))
		marks |= MARK_MAPPED;
	if (o->list == LRU_UNEVICTABLE && left_take(&o->mlocked))
		marks |= MARK_MLOCKED;
	if (o->kind == USE_FILE)
		marks |= dirty_mark(o);
	if (o->kind == USE_FILE && !(marks & MARK_MAPPED) && left_take(&o->run->buffers))
		marks |= MARK_BUFFER;
	return marks | huge_mark(o, marks & MARK_MAPPED);
}

/* ---- Lists ---- */

static bool frame_take(struct owned *o, uint64_t *budget, uint64_t *pfn)
{
	if (!*budget || !layout_take(o->layout, pfn))
		return false;
	--*budget;
	return true;
}

/* The rest has no entries; it counts all the same. */
static void rest_pin(struct owned *o, uint64_t nr)
{
	uint64_t pages = MIN(nr, zone_pinned_unknown(o->z));
	zone_import_pinned(o->z, o->list, pages);
	o->z->stat[NR_ZONE_INACTIVE_ANON + o->list] += (int64_t)pages;
	o->z->node->stat[NR_INACTIVE_ANON + o->list] += (int64_t)pages;
	o->z->node->stat[o->kind == USE_ANON ? NR_ANON_MAPPED : NR_FILE_PAGES] += (int64_t)pages;
	o->z->node->stat[NR_SHMEM] += o->kind == USE_SHMEM ? (int64_t)pages : 0;
	o->left_out += nr;
}

static int marked_adopt(struct owned *o, struct page *const *page, unsigned nr, unsigned marks)
{
	static const enum owner_kind owner[USE_KINDS] = {
		[USE_FILE] = OWNER_TASK_FILE, [USE_SHMEM] = OWNER_TASK_SHMEM, [USE_ANON] = OWNER_TASK_ANON
	};
	return task_adopt(o->run->task, owner[o->kind], page, nr, o->list, marks);
}

/* Pages with the same marks are handed over together. */
static int batch_adopt(struct owned *o, pfn_t start, unsigned nr)
{
	struct page *page[BATCH];
	unsigned first = 0, marks = 0;
	int error = 0;
	zone_import_used_pages(o->z, start, nr, page);
	if (!marks_left(o)) {
		o->placed[o->kind] += nr;
		return marked_adopt(o, page, nr, kind_marks(o->kind));
	}
	for (unsigned i = 0; i < nr && !error; i++) {
		unsigned own = page_marks(o);
		o->placed[o->kind]++;
		if (own != marks && i > first) {
			error = marked_adopt(o, page + first, i - first, marks);
			first = i;
		}
		marks = own;
	}
	return error ? error : marked_adopt(o, page + first, nr - first, marks);
}

/* The highest first. */
static int run_adopt(struct owned *o, uint64_t start, uint64_t nr)
{
	int error = 0;
	zone_import_expect(o->z, (pfn_t)start, nr);
	while (nr && !error) {
		unsigned batch = (unsigned)MIN(nr, BATCH);
		nr -= batch;
		error = batch_adopt(o, (pfn_t)(start + nr), batch);
	}
	return error;
}

static int kind_place(struct owned *o, enum use_kind kind, enum lru_list list, uint64_t nr)
{
	uint64_t *budget = kind == USE_FILE ? &o->run->file_budget : &o->run->other_budget;
	uint64_t room = MIN(MIN(nr, zone_pinned_unknown(o->z)), *budget), done = 0, start, pages;
	int error = 0;
	o->kind = kind;
	o->list = list;
	for (; !error && (pages = layout_take_run(o->layout, room - done, &start)); done += pages)
		error = run_adopt(o, start, pages);
	*budget -= done;
	rest_pin(o, error ? 0 : nr - done);
	return error;
}

static int list_place(struct owned *o, const struct cap_zone *from, enum lru_list list)
{
	uint64_t nr = import_list_pages(o->run, from, list);
	int error = 0;
	for (unsigned kind = 0; kind < USE_KINDS && !error; kind++) {
		uint64_t pages = MIN(nr, o->use->left[kind][list]);
		o->use->left[kind][list] -= pages;
		nr -= pages;
		error = kind_place(o, (enum use_kind)kind, list, pages);
	}
	bool file = list == LRU_INACTIVE_FILE || list == LRU_ACTIVE_FILE;
	return error ? error : kind_place(o, file ? USE_FILE : USE_ANON, list, nr);
}

/* Pages that no list counts yet, as far as the CPUs' differences can hold them. */
static int late_place(struct owned *o)
{
	uint64_t most = (uint64_t)o->z->stat_threshold * o->z->machine->nr_cpus_online / 2;
	int error = 0;
	for (unsigned kind = 0; kind < USE_KINDS && !error; kind++) {
		uint64_t pages = MIN(MIN(o->use->late[kind], most), zone_pinned_unknown(o->z));
		o->use->late[kind] = 0;
		error = kind_place(o, (enum use_kind)kind,
				   kind == USE_FILE ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON, pages);
	}
	return error;
}

/* Tables of the task's own memory; not in memory that is for users only. */
static int tables_place(struct owned *o)
{
	uint64_t pfn;
	int error = 0;
	if (o->z->kind != ZONE_NORMAL && o->z->kind != ZONE_DMA32)
		return 0;
	while (!error && o->run->tables && o->use->tables && zone_pinned_unknown(o->z) &&
	       frame_take(o, &o->run->other_budget, &pfn)) {
		o->run->tables--;
		o->use->tables--;
		error = task_adopt_table(o->run->task, zone_import_used(o->z, (pfn_t)pfn, 0));
	}
	return error;
}

int import_owned_place(struct import_run *run, struct zone *z, const struct cap_zone *from,
		       struct layout *layout)
{
	static const enum lru_list order[LRU_LISTS] = { LRU_INACTIVE_FILE, LRU_ACTIVE_FILE, LRU_INACTIVE_ANON,
							LRU_ACTIVE_ANON, LRU_UNEVICTABLE };
	struct owned o = { .run = run,
			   .z = z,
			   .layout = layout,
			   .use = &run->use[from->node],
			   .pending = UINT64_MAX,
			   .mlocked = from->stat[NR_MLOCK] };
	int error = 0;
	if (from->has_stat & 1u << NR_ZONE_WRITE_PENDING)
		o.pending = from->stat[NR_ZONE_WRITE_PENDING];
	for (unsigned i = 0; i < LRU_LISTS && !error; i++)
		error = list_place(&o, from, order[i]);
	if (!error)
		error = late_place(&o);
	if (!error)
		error = tables_place(&o);
	if (o.left_out)
		cap_note(run->c, NOTE_CORRECTED, "page cache",
			 "node %u, zone %s: %lu pages of LRU lists stay in place without an owner",
			 from->node, zone_kind_name[from->kind], o.left_out);
	return error;
}
