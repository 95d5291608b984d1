/* SPDX-License-Identifier: MIT */
/*
 * Kinds of LRU pages of each node, by what Linux puts where: page cache on the
 * file lists, anonymous and shared memory on the other two, any of them on the
 * unevictable list. What the file lists cannot hold of the page cache is
 * unevictable, then anonymous memory (which is what mlock is used for), then
 * shared memory. Anonymous pages for which the other lists have no room are
 * on the file lists (MADV_FREE). Mapped pages are shared memory first: what is
 * mapped of the page cache is little beside it on machines that have much of
 * either.
 */
#include "daemon/import_use.h"

#include "base/mem.h"
#include "vm/vm.h"

#include <errno.h>

/* An owned page costs an entry and a slot of its owner's index: 40 GiB of them cost 360 MiB and a third of a second. */
#define OWNED_PAGES_MAX (10ul << 20)
#define LATE_PAGES_PER_CPU 32u /* two full batches */

/* ---- Numbers that are known for a part or the whole only ---- */

static uint64_t used_pages(const struct cap_zone *z)
{
	return z->managed - z->free;
}

static uint64_t share(uint64_t pages, uint64_t part, uint64_t whole)
{
	return whole ? (uint64_t)((unsigned __int128)pages * part / whole) : 0;
}

static uint64_t node_used(const struct capture *c, unsigned node)
{
	uint64_t used = 0;
	for (unsigned i = 0; i < c->nr_zones; i++)
		if (c->zone[i].node == node)
			used += used_pages(&c->zone[i]);
	return used;
}

/* The shares of all nodes add up to the whole. */
static uint64_t node_share(const struct capture *c, uint64_t pages, unsigned node)
{
	uint64_t all = 0, below = 0, own = 0;
	for (unsigned i = 0; i < c->nr_zones; i++) {
		uint64_t used = used_pages(&c->zone[i]);
		all += used;
		below += c->zone[i].node < node ? used : 0;
		own += c->zone[i].node == node ? used : 0;
	}
	return share(pages, below + own, all) - share(pages, below, all);
}

static bool item_is_huge(enum node_stat s)
{
	return s == NR_ANON_THPS || s == NR_FILE_THPS || s == NR_SHMEM_THPS ||
	       s == NR_FILE_PMDMAPPED || s == NR_SHMEM_PMDMAPPED;
}

bool import_node_item_known(const struct import_run *run, unsigned node, enum node_stat s)
{
	return (run->c->node[node].has_stat | run->c->has_vmstat) >> s & 1;
}

uint64_t import_node_item(const struct import_run *run, unsigned node, enum node_stat s)
{
	const struct capture *c = run->c;
	uint64_t value = c->node[node].stat[s];
	if (!(c->node[node].has_stat >> s & 1))
		value = node_share(c, c->vmstat[s], node);
	return item_is_huge(s) ? value << run->vm->machine.pageblock_order : value;
}

uint64_t import_list_pages(const struct import_run *run, const struct cap_zone *from, enum lru_list list)
{
	unsigned item = NR_ZONE_INACTIVE_ANON + list;
	if (from->has_stat & 1u << item)
		return from->stat[item];
	return share(import_node_item(run, from->node, (enum node_stat)(NR_INACTIVE_ANON + list)),
		     used_pages(from), node_used(run->c, from->node));
}

/* ---- One node ---- */

struct node_sums {
	uint64_t list[LRU_LISTS];
	uint64_t of[USE_KINDS];
};

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static void sums_make(const struct import_run *run, unsigned node, struct node_sums *s)
{
	*s = (struct node_sums){ 0 };
	for (unsigned i = 0; i < run->c->nr_zones; i++)
		for (unsigned l = 0; l < LRU_LISTS && run->c->zone[i].node == node; l++)
			s->list[l] += import_list_pages(run, &run->c->zone[i], (enum lru_list)l);
	s->of[USE_SHMEM] = import_node_item(run, node, NR_SHMEM);
	s->of[USE_FILE] = s->list[LRU_INACTIVE_FILE] + s->list[LRU_ACTIVE_FILE];
	if (import_node_item_known(run, node, NR_FILE_PAGES))
		s->of[USE_FILE] = less(import_node_item(run, node, NR_FILE_PAGES),
				       s->of[USE_SHMEM] + import_node_item(run, node, NR_SWAPCACHE));
	uint64_t other = s->list[LRU_INACTIVE_ANON] + s->list[LRU_ACTIVE_ANON] + s->list[LRU_UNEVICTABLE];
	s->of[USE_ANON] = less(other, s->of[USE_SHMEM]);
	if (import_node_item_known(run, node, NR_ANON_MAPPED))
		s->of[USE_ANON] = import_node_item(run, node, NR_ANON_MAPPED);
}

/* The unevictable list. Takes what goes there out of the sums. */
static void unevictable_fill(struct node_use *u, struct node_sums *s)
{
	uint64_t file_lists = s->list[LRU_INACTIVE_FILE] + s->list[LRU_ACTIVE_FILE];
	uint64_t room = s->list[LRU_UNEVICTABLE];
	uint64_t most[USE_KINDS] = {
		[USE_FILE] = less(s->of[USE_FILE], file_lists), [USE_ANON] = s->of[USE_ANON], [USE_SHMEM] = s->of[USE_SHMEM]
	};
	static const enum use_kind order[USE_KINDS] = { USE_FILE, USE_ANON, USE_SHMEM };
	for (unsigned i = 0; i < USE_KINDS; i++) {
		uint64_t pages = MIN(room, most[order[i]]);
		u->left[order[i]][LRU_UNEVICTABLE] = pages;
		s->of[order[i]] -= pages;
		room -= pages;
	}
	u->left[USE_ANON][LRU_UNEVICTABLE] += room;
}

/* The two lists from inactive on: `first` of them, the active ones first, are of this kind, the others of that. */
static void pair_fill(struct node_use *u, const struct node_sums *s, enum lru_list inactive,
		      enum use_kind first_kind, uint64_t first, enum use_kind kind)
{
	unsigned active = inactive + 1;
	u->left[first_kind][active] += MIN(first, s->list[active]);
	u->left[first_kind][inactive] += first - MIN(first, s->list[active]);
	u->left[kind][active] += s->list[active] - u->left[first_kind][active];
	u->left[kind][inactive] += s->list[inactive] - u->left[first_kind][inactive];
}

static void lists_fill(struct node_use *u, struct node_sums *s, uint64_t late_most)
{
	uint64_t anon_lists = s->list[LRU_INACTIVE_ANON] + s->list[LRU_ACTIVE_ANON];
	uint64_t file_lists = s->list[LRU_INACTIVE_FILE] + s->list[LRU_ACTIVE_FILE];
	unevictable_fill(u, s);
	uint64_t shmem = MIN(s->of[USE_SHMEM], anon_lists);
	uint64_t homeless = less(s->of[USE_ANON], anon_lists - shmem);
	uint64_t lazy = MIN(less(file_lists, s->of[USE_FILE]), homeless);
	pair_fill(u, s, LRU_INACTIVE_ANON, USE_SHMEM, shmem, USE_ANON);
	pair_fill(u, s, LRU_INACTIVE_FILE, USE_FILE, file_lists - lazy, USE_ANON);

	u->late[USE_ANON] = homeless - lazy;
	u->late[USE_SHMEM] = s->of[USE_SHMEM] - shmem;
	u->late[USE_FILE] = less(s->of[USE_FILE], file_lists);
	for (unsigned kind = 0; kind < USE_KINDS; kind++)
		if (u->late[kind] > late_most)
			u->late[kind] = 0; /* something else that we do not know */
}

static void mapped_fill(struct node_use *u, uint64_t mapped)
{
	static const enum use_kind kinds[] = { USE_SHMEM, USE_FILE };
	static const enum lru_list lists[LRU_LISTS] = { LRU_ACTIVE_ANON, LRU_ACTIVE_FILE, LRU_INACTIVE_ANON,
							LRU_INACTIVE_FILE, LRU_UNEVICTABLE };
	for (unsigned k = 0; k < ARRAY_LEN(kinds); k++)
		for (unsigned l = 0; l < LRU_LISTS; l++) {
			uint64_t pages = MIN(mapped, u->left[kinds[k]][lists[l]]);
			u->mapped[kinds[k]][lists[l]] = pages;
			mapped -= pages;
		}
}

static void huge_fill(const struct import_run *run, unsigned node, struct node_use *u)
{
	unsigned order = run->vm->machine.pageblock_order;
	u->huge[USE_ANON] = import_node_item(run, node, NR_ANON_THPS) >> order;
	u->huge[USE_FILE] = import_node_item(run, node, NR_FILE_THPS) >> order;
	u->huge[USE_SHMEM] = import_node_item(run, node, NR_SHMEM_THPS) >> order;
	u->huge_mapped[USE_FILE] = import_node_item(run, node, NR_FILE_PMDMAPPED) >> order;
	u->huge_mapped[USE_SHMEM] = import_node_item(run, node, NR_SHMEM_PMDMAPPED) >> order;
}

/* Old kernels do not say what of the pages that are to be written is being written. */
static uint64_t dirty_pages(const struct import_run *run, unsigned node)
{
	uint64_t pages = 0;
	if (import_node_item_known(run, node, NR_FILE_DIRTY))
		return import_node_item(run, node, NR_FILE_DIRTY);
	for (unsigned i = 0; i < run->c->nr_zones; i++)
		if (run->c->zone[i].node == node)
			pages += run->c->zone[i].stat[NR_ZONE_WRITE_PENDING];
	return pages;
}

static void node_fill(const struct import_run *run, unsigned node, struct node_use *u)
{
	struct node_sums sums;
	sums_make(run, node, &sums);
	lists_fill(u, &sums, (uint64_t)run->vm->machine.nr_cpus_online * LATE_PAGES_PER_CPU);
	mapped_fill(u, import_node_item(run, node, NR_FILE_MAPPED));
	huge_fill(run, node, u);
	u->dirty = dirty_pages(run, node);
	u->writeback = import_node_item(run, node, NR_WRITEBACK);
	u->tables = import_node_item(run, node, NR_PAGETABLE);
}

/* ---- The machine ---- */

static uint64_t kind_pages(const struct import_run *run, enum use_kind kind)
{
	uint64_t pages = 0;
	for (unsigned n = 0; n < run->c->nr_nodes; n++)
		for (unsigned l = 0; l < LRU_LISTS; l++)
			pages += run->use[n].left[kind][l];
	return pages;
}

int import_use_prepare(struct import_run *run)
{
	run->use = mem_zalloc(MM_NODES_MAX * sizeof(*run->use));
	if (!run->use)
		return -ENOMEM;
	for (unsigned n = 0; n < run->c->nr_nodes; n++)
		node_fill(run, n, &run->use[n]);
	run->buffers = run->c->meminfo.buffers_kb >> (PAGE_SHIFT - 10);
	run->tables = DIV_ROUND_UP(kind_pages(run, USE_ANON), 1ul << run->vm->machine.pageblock_order);
	run->file_budget = OWNED_PAGES_MAX;
	run->other_budget = OWNED_PAGES_MAX - MIN(OWNED_PAGES_MAX, kind_pages(run, USE_FILE));
	return 0;
}
