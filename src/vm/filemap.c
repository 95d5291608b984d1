/* SPDX-License-Identifier: MIT */
/*
 * Pages of files: found, added and removed (mm/filemap.c, 6.1).
 *
 * A page is on an LRU list exactly while it is in its file's index: both change
 * with the LRU lock of its node and inode->tree held, in this order. So does
 * what a page counts as (its marks). Pages come in batches of neighbours, and
 * neighbours mostly are of one node, so the locks are taken once for a run of
 * pages of one node. Bytes of a page change only while it is pinned, or is
 * nobody's yet; a page that is pinned can neither go nor move (file_move.c).
 *
 * Counted: NR_FILE_PAGES for each page, and for a store in memory NR_SHMEM,
 * whose pages are on the list of anonymous memory and never dirty: there is
 * nowhere to write them.
 */
#include "vm/filemap_private.h"

#include "mm/lru.h"
#include "mm/mark.h"
#include "policy/workingset.h"
#include "vm/content_trim.h"
#include "vm/file_private.h"
#include "vm/task_oom.h"
#include "vm/writeback.h"

#include <errno.h>

#define CUT_PAGES TREE_SLOTS

/* ---- Frames ---- */

unsigned frames_alloc(struct file_inode *i, struct cpu *c, gfp_t gfp, struct page **page, unsigned nr)
{
	struct policy *p = &i->files->vm->policy;
	unsigned got = 0;
	bool asked = vm_oom_asks(true); /* pages of files are memory of users */
	cpu_enter(c);
	while (got < nr && (page[got] = alloc_page(p, c, gfp)))
		got++;
	cpu_leave(c);
	vm_oom_asks(asked);
	return got;
}

/* Inside c. Not on any list, not marked. */
static void frames_give(struct cpu *c, struct page *const *page, unsigned nr)
{
	for (unsigned k = 0; k < nr; k++) {
		WRITE_RELAXED(&page[k]->owner, 0);
		page[k]->private = 0;
		page_give_single(c, page[k]);
	}
}

/* ---- Batches ---- */

/* Room in a store in memory comes and goes with its pages. */
static void store_uncharge(struct file_inode *i, uint64_t pages)
{
	struct files *f = i->files;
	if (pages && f->store->uncharge)
		f->store->uncharge(f, pages);
}

void batch_free(struct file_batch *b)
{
	struct vm *vm = b->inode->files->vm;
	unsigned freed = 0;
	for (unsigned k = 0; k < b->nr; k++) {
		if (!b->fresh[k])
			continue;
		if (!freed++)
			cpu_enter(b->cpu);
		frames_give(b->cpu, &b->page[k], 1);
		b->page[k] = NULL;
		b->fresh[k] = false;
	}
	if (freed)
		cpu_leave(b->cpu);
	store_uncharge(b->inode, freed);
	while (b->spares.head)
		own_free(vm, OWN_TREE_NODE, b->cpu, spares_pop(&b->spares));
}

unsigned batch_pin(struct file_batch *b)
{
	const struct machine *m = &b->inode->files->vm->machine;
	const struct tree_node *leaf = NULL;
	unsigned missing = 0;
	for (unsigned k = 0; k < b->nr; k++) {
		uint64_t index = b->first + k;
		if (!k || !tree_slot_of(index))
			leaf = tree_leaf(&b->inode->map, index);
		uint64_t e = leaf ? leaf->slot[tree_slot_of(index)] : 0;
		b->fresh[k] = false;
		b->page[k] = NULL;
		if (entry_is_page(e)) {
			b->page[k] = pfn_page(m, entry_pfn(e));
			b->page[k]->cache.pins++;
		} else {
			missing++;
		}
	}
	return missing;
}

void batch_unpin(struct file_batch *b)
{
	lock_take(&b->inode->tree);
	for (unsigned k = 0; k < b->nr; k++)
		if (b->page[k] && !b->fresh[k])
			b->page[k]->cache.pins--;
	lock_drop(&b->inode->tree);
}

int batch_nodes(struct file_batch *b)
{
	struct file_inode *i = b->inode;
	for (;;) {
		lock_take(&i->tree);
		unsigned wanted = tree_nodes_missing(&i->map, b->first, b->first + b->nr - 1);
		lock_drop(&i->tree);
		if (b->spares.nr >= wanted)
			return 0;
		while (b->spares.nr < wanted) {
			struct tree_node *n = own_alloc(i->files->vm, OWN_TREE_NODE, b->cpu, sizeof(*n));
			if (!n)
				return -ENOMEM;
			spares_push(&b->spares, n);
		}
	}
}

/* ---- Adding ---- */

struct adding { /* a run of pages of one node, both locks held */
	struct file_batch *b;
	const struct batch_add *how;
	struct node *node;
	struct tree_node *leaf; /* of the last page */
	unsigned added, dirtied;
	struct page *loser[FILE_IO_PAGES + 1]; /* somebody else was faster */
	unsigned nr_losers;
};

/* Where the page goes, and does a shadow say that it comes back early? A writer's page is new, whatever was there. */
static enum lru_list page_list_for(struct adding *a, struct page *page, uint64_t old)
{
	struct file_inode *i = a->b->inode;
	if (store_in_memory(i))
		return LRU_INACTIVE_ANON;
	if (!entry_is_shadow(old) || a->how->writer)
		return LRU_INACTIVE_FILE;
	bool active = workingset_refault(&i->files->vm->policy, a->b->cpu, page, entry_shadow(old));
	return active ? LRU_ACTIVE_FILE : LRU_INACTIVE_FILE;
}

static void page_dirty(struct adding *a, struct page *page, unsigned slot)
{
	struct file_inode *i = a->b->inode;
	unsigned marks = page->marks;
	if ((marks & MARK_DIRTY) || store_in_memory(i))
		return;
	page_unmark(a->b->cpu, page);
	page_mark(a->b->cpu, page, marks | MARK_DIRTY);
	tree_set_dirty(a->leaf, slot);
	i->map.nr_dirty++;
	a->dirtied++;
}

/* What of a page of a file is set when it gets into the index. */
static void page_begin(struct adding *a, unsigned k)
{
	struct page *page = a->b->page[k];
	uint64_t index = a->b->first + k;
	bool writer = a->how->writer;
	page->private = 0;
	WRITE_RELAXED(&page->owner, owner_handle(OWNER_FILE, a->b->inode->id));
	WRITE_RELAXED(&page->index, (uint32_t)index);
	page->cache.pins = !writer && k < a->how->pin;
	page->cache.ahead = !writer && index == a->how->mark;
	/* A file in memory that is written to is used; one of a store is only when it is read. */
	page->cache.referenced = writer && store_in_memory(a->b->inode);
}

static void page_hang(struct adding *a, unsigned k, unsigned slot)
{
	struct file_batch *b = a->b;
	struct page *page = b->page[k];
	uint64_t old = a->leaf->slot[slot];
	page_begin(a, k);
	enum lru_list list = page_list_for(a, page, old);
	tree_set(&b->inode->map, a->leaf, slot, entry_of_page(page_pfn(b->cpu->machine, page)));
	shadows_update(b->cpu, a->leaf);
	lru_add(b->cpu, page, list);
	if (store_in_memory(b->inode))
		page_mark(b->cpu, page, MARK_SHMEM);
	b->fresh[k] = false;
	a->added++;
}

/* Another reader has brought the page: its is as good. */
static void page_lost(struct adding *a, unsigned k, uint64_t entry)
{
	struct file_batch *b = a->b;
	ASSERT(!a->how->writer);
	a->loser[a->nr_losers++] = b->page[k];
	b->fresh[k] = false;
	b->page[k] = NULL;
	if (k >= a->how->pin)
		return;
	b->page[k] = pfn_page(b->cpu->machine, entry_pfn(entry));
	b->page[k]->cache.pins++;
}

/* One page that is there, or is hung; false: nodes are missing. */
static bool page_add(struct adding *a, unsigned k)
{
	struct file_batch *b = a->b;
	struct file_inode *i = b->inode;
	uint64_t index = b->first + k;
	unsigned slot = tree_slot_of(index);
	if (!a->leaf || tree_index(a->leaf) != tree_leaf_first(index))
		a->leaf = b->fresh[k] ? tree_leaf_make(&i->map, i, index, &b->spares)
				      : tree_leaf(&i->map, index);
	if (!a->leaf)
		return false;
	if (b->fresh[k] && entry_is_page(a->leaf->slot[slot]))
		page_lost(a, k, a->leaf->slot[slot]);
	else if (b->fresh[k])
		page_hang(a, k, slot);
	else if (a->how->writer)
		b->page[k]->cache.pins--;
	if (a->how->writer) {
		page_dirty(a, b->page[k], slot);
		i->attr.size = MAX(i->attr.size, MIN((index + 1) << PAGE_SHIFT, a->how->end));
	}
	return true;
}

static bool adding_is_late(const struct adding *a)
{
	const struct file_inode *i = a->b->inode;
	return !a->how->writer && (i->writing || i->changes != a->how->changes);
}

static bool page_concerns(const struct adding *a, unsigned k)
{
	return a->b->page[k] && (a->how->writer || a->b->fresh[k]);
}

/* Pages of the node from `from` on. Returns where it stopped. */
static unsigned run_add(struct adding *a, unsigned from, int *error)
{
	struct file_batch *b = a->b;
	unsigned k = from;
	lock_take(&a->node->lru.lock);
	lock_take(&b->inode->tree);
	a->leaf = NULL;
	*error = adding_is_late(a) ? -EAGAIN : 0;
	for (; !*error && k < b->nr; k++) {
		if (!page_concerns(a, k))
			continue;
		if (page_node(b->cpu->machine, b->page[k]) != a->node)
			break;
		if (!page_add(a, k)) {
			*error = -ENOMEM;
			break;
		}
	}
	if (a->dirtied)
		writeback_dirtied(b->inode);
	lock_drop(&b->inode->tree);
	lock_drop(&a->node->lru.lock);
	if (a->added)
		node_stat_add(b->cpu, a->node, NR_FILE_PAGES, (int)a->added);
	if (a->dirtied)
		node_stat_add(b->cpu, a->node, NR_DIRTIED, (int)a->dirtied);
	a->added = a->dirtied = 0;
	return k;
}

unsigned batch_add(struct file_batch *b, const struct batch_add *how, unsigned from, int *error)
{
	struct adding a = { .b = b, .how = how };
	unsigned k = from;
	*error = 0;
	cpu_enter(b->cpu);
	if (how->read_kb)
		event_add(b->cpu, PGPGIN, how->read_kb);
	while (!*error && k < b->nr) {
		while (k < b->nr && !page_concerns(&a, k))
			k++;
		if (k == b->nr)
			break;
		a.node = page_node(b->cpu->machine, b->page[k]);
		k = run_add(&a, k, error);
	}
	frames_give(b->cpu, a.loser, a.nr_losers);
	cpu_leave(b->cpu);
	return k;
}

/* ---- Removing ---- */

struct cutting { /* one turn: pages of one leaf and of one node */
	struct file_cut *cut;
	struct cpu *cpu;
	struct node *node;
	uint64_t index;
	struct page *gone[CUT_PAGES];
	unsigned nr;
	struct tree_spares dead;
};

/* LRU lock of its node and tree held. */
static bool page_may_go(const struct file_cut *cut, const struct page *page)
{
	if (cut->all) {
		ASSERT(!page->cache.pins && !(page->marks & MARK_WRITEBACK));
		return true;
	}
	return !page->cache.pins &&
	       !(page->marks & (MARK_DIRTY | MARK_WRITEBACK | MARK_MAPPED | MARK_SHMEM));
}

static void page_unhang(struct cutting *t, struct tree_node *leaf, unsigned slot, struct page *page)
{
	struct file_inode *i = t->cut->inode;
	lru_del(t->cpu, page);
	if (page->marks & MARK_DIRTY)
		i->map.nr_dirty--;
	page_unmark(t->cpu, page);
	tree_set(&i->map, leaf, slot, 0);
	t->gone[t->nr++] = page;
}

/* The rest of a leaf, until a page of another node turns up. Returns the slot after the last one that was looked at. */
static unsigned leaf_cut(struct cutting *t, struct tree_node *leaf, unsigned slot, unsigned end)
{
	const struct machine *m = t->cpu->machine;
	for (; slot < end; slot++) {
		uint64_t e = leaf->slot[slot];
		if (entry_is_shadow(e))
			tree_set(&t->cut->inode->map, leaf, slot, 0);
		if (!entry_is_page(e))
			continue;
		struct page *page = pfn_page(m, entry_pfn(e));
		struct node *n = page_node(m, page);
		if (n != t->node) {
			t->node = n;
			break;
		}
		if (page_may_go(t->cut, page))
			page_unhang(t, leaf, slot, page);
	}
	return slot;
}

/* False: there is no more. */
static bool cut_turn(struct cutting *t)
{
	struct file_inode *i = t->cut->inode;
	struct node *node = t->node;
	bool more = false;
	lock_take(&node->lru.lock);
	lock_take(&i->tree);
	bool was_dirty = i->map.nr_dirty;
	struct tree_node *leaf = tree_leaf_next(&i->map, &t->index);
	if (leaf && t->index <= t->cut->last) {
		uint64_t base = tree_index(leaf);
		unsigned end = (unsigned)MIN(t->cut->last - base + 1, TREE_SLOTS);
		t->index = base + leaf_cut(t, leaf, tree_slot_of(t->index), end);
		leaf_shed(t->cpu, i, leaf, &t->dead);
		more = t->index <= t->cut->last;
	}
	if (was_dirty && !i->map.nr_dirty)
		writeback_dirtied(i);
	lock_drop(&i->tree);
	lock_drop(&node->lru.lock);
	if (t->nr)
		node_stat_add(t->cpu, node, NR_FILE_PAGES, -(int)t->nr);
	return more;
}

#define CUT_TURNS 16u /* before others may have the CPU */

void filemap_cut(struct file_cut *cut)
{
	struct vm *vm = cut->inode->files->vm;
	struct cutting t = { .cut = cut, .cpu = files_cpu(cut->inode->files), .index = cut->first };
	bool more = true;
	t.node = t.cpu->node;
	while (more) {
		cpu_enter(t.cpu);
		for (unsigned turn = 0; more && turn < CUT_TURNS; turn++) {
			more = cut_turn(&t);
			frames_give(t.cpu, t.gone, t.nr);
			cut->freed += t.nr;
			t.nr = 0;
		}
		nodes_free_inside(vm, t.cpu, &t.dead);
		cpu_leave(t.cpu);
	}
	store_uncharge(cut->inode, cut->freed);
}

/* ---- Reclaim ---- */

static enum page_fate page_fate(const struct file_inode *i, const struct page *page)
{
	if (page->marks & MARK_WRITEBACK)
		return PAGE_IS_WRITTEN;
	if (page->marks & MARK_DIRTY)
		return PAGE_IS_DIRTY;
	if (store_in_memory(i))
		return PAGE_STAYS;
	return page->cache.pins ? PAGE_BUSY : PAGE_GOES;
}

/* The LRU lock of its node is held, so the page is in its file's index, and keeps the inode. */
static enum page_fate cache_release(void *ctx, struct cpu *c, struct page *page, bool dropping)
{
	struct vm *vm = ctx;
	struct file_inode *i = file_by_owner(&vm->files, owner_id(page->owner));
	lock_take(&i->tree);
	enum page_fate fate = page_fate(i, page);
	bool emptied = false;
	if (fate == PAGE_GOES) {
		struct tree_node *leaf = tree_leaf(&i->map, page->index);
		tree_set(&i->map, leaf, tree_slot_of(page->index),
			 dropping ? 0 : entry_of_shadow(workingset_eviction(&vm->policy, page)));
		leaf_shed(c, i, leaf, &vm->files.dead[c->id].nodes);
		emptied = !i->map.nr_pages;
	}
	if (emptied)
		file_inode_emptied(i);
	lock_drop(&i->tree);
	return fate;
}

static void cache_settle(void *ctx, struct cpu *c)
{
	struct vm *vm = ctx;
	nodes_free_inside(vm, c, &vm->files.dead[c->id].nodes);
}

const struct owner_ops file_owner_ops = { .release = cache_release, .move = filemap_move, .settle = cache_settle };

/* ---- Writeback ---- */

/* The node of the first dirty page at or past *index. NULL: there is none. */
static struct node *dirty_node(struct file_inode *i, uint64_t *index)
{
	const struct machine *m = &i->files->vm->machine;
	lock_take(&i->tree);
	const struct tree_node *leaf = tree_dirty_next(&i->map, index);
	struct node *n =
		leaf ? page_node(m, pfn_page(m, entry_pfn(leaf->slot[tree_slot_of(*index)]))) : NULL;
	lock_drop(&i->tree);
	return n;
}

/* LRU lock and tree held. */
static void page_mark_again(struct cpu *c, struct page *page, unsigned marks)
{
	page_unmark(c, page);
	page_mark(c, page, marks);
}

/* Dirty pages in a row from index on; none when the first one is of another node, or being written. */
static unsigned dirty_run(struct file_inode *i, struct cpu *c, const struct node *node,
			  uint64_t index, struct page **page, unsigned max)
{
	unsigned nr = 0;
	struct tree_node *leaf = tree_leaf(&i->map, index);
	for (; nr < max; nr++, index++) {
		unsigned slot = tree_slot_of(index);
		if (nr && !slot)
			leaf = tree_leaf(&i->map, index);
		if (!leaf || !(leaf->dirty & 1ull << slot))
			break;
		struct page *p = pfn_page(c->machine, entry_pfn(leaf->slot[slot]));
		if (page_node(c->machine, p) != node || (p->marks & MARK_WRITEBACK))
			break;
		page_mark_again(c, p, (p->marks & ~(unsigned)MARK_DIRTY) | MARK_WRITEBACK);
		tree_clear_dirty(leaf, slot);
		p->cache.pins++;
		page[nr] = p;
	}
	i->map.nr_dirty -= nr;
	i->map.nr_writeback += nr;
	return nr;
}

/* Is the page at index still one of this node that somebody else is writing? */
static bool written_elsewhere(const struct file_inode *i, const struct machine *m,
			      const struct node *node, uint64_t index)
{
	uint64_t e = tree_entry(&i->map, index);
	const struct page *p = entry_is_page(e) ? pfn_page(m, entry_pfn(e)) : NULL;
	return p && page_node(m, p) == node && (p->marks & MARK_WRITEBACK);
}

unsigned filemap_writeback_begin(struct file_inode *i, uint64_t *from, struct page **page, unsigned max)
{
	struct cpu *c = files_cpu(i->files);
	struct node *node;
	unsigned nr = 0;
	while (!nr && (node = dirty_node(i, from))) {
		cpu_enter(c);
		lock_take(&node->lru.lock);
		lock_take(&i->tree);
		nr = dirty_run(i, c, node, *from, page, max);
		if (!nr && written_elsewhere(i, c->machine, node, *from))
			++*from;
		lock_drop(&i->tree);
		lock_drop(&node->lru.lock);
		cpu_leave(c);
	}
	return nr;
}

/* LRU lock of the node and tree held. */
static void page_written(struct file_inode *i, struct cpu *c, struct page *page, int error)
{
	unsigned marks = page->marks & ~(unsigned)MARK_WRITEBACK;
	if (error && !(marks & MARK_DIRTY)) {
		marks |= MARK_DIRTY;
		tree_set_dirty(tree_leaf(&i->map, page->index), tree_slot_of(page->index));
		i->map.nr_dirty++;
	}
	page_mark_again(c, page, marks);
}

static void run_written(struct file_inode *i, struct cpu *c, struct page **page, unsigned nr, int error)
{
	uint64_t end = ((uint64_t)page[nr - 1]->index + 1) << PAGE_SHIFT;
	struct node *node = page_node(c->machine, page[0]);
	lock_take(&node->lru.lock);
	lock_take(&i->tree);
	for (unsigned k = 0; k < nr; k++)
		page_written(i, c, page[k], error);
	i->map.nr_writeback -= nr;
	if (!error) {
		i->store_size = MAX(i->store_size, MIN(end, i->attr.size));
		file_store_noted(i);
	}
	writeback_dirtied(i);
	lock_drop(&i->tree);
	lock_drop(&node->lru.lock);
	if (error)
		return;
	node_stat_add(c, node, NR_WRITTEN, (int)nr);
	event_add(c, PGPGOUT, PAGES_TO_KB(nr));
}

void filemap_writeback_end(struct file_inode *i, struct page **page, unsigned nr, int error)
{
	struct cpu *c = files_cpu(i->files);
	if (!nr)
		return;
	cpu_enter(c);
	run_written(i, c, page, nr, error); /* one run of filemap_writeback_begin: all of one node */
	pages_written(c, page, nr);
	cpu_leave(c);
	lock_take(&i->tree);
	for (unsigned k = 0; k < nr; k++)
		page[k]->cache.pins--;
	lock_drop(&i->tree);
}
