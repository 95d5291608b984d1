/* SPDX-License-Identifier: MIT */
/*
 * Pages are met on the LRU lists and looked up in their files, then counted
 * against what the files say they have: so a page that is listed and not
 * indexed is found by itself, and one that is indexed and not listed by the count.
 */
#include "vm/files_verify.h"

#include "base/text.h"
#include "vm/file_orphan.h"
#include "vm/file_private.h"
#include "vm/file_tree.h"
#include "vm/writeback_private.h"

struct checking {
	struct files *f;
	struct text *out;
	unsigned findings;
	uint64_t pages, dirty; /* on lists, of files that are there */
};

static void say(struct checking *v, const char *what, uint64_t which)
{
	v->findings++;
	if (v->out)
		text_printf(v->out, "%s: %lu\n", what, (unsigned long)which);
}

static void page_check(struct checking *v, const struct page *page)
{
	const struct machine *m = &v->f->vm->machine;
	pfn_t pfn = page_pfn(m, page);
	if (owner_kind(page->owner) != OWNER_FILE || page->owner == file_orphan_owner())
		return;
	struct file_inode *i = file_by_owner(v->f, owner_id(page->owner));
	if (!i) {
		say(v, "frame of a file that is not there", pfn);
		return;
	}
	v->pages++;
	v->dirty += (page->marks & MARK_DIRTY) != 0;
	lock_take(&i->tree);
	uint64_t e = tree_entry(&i->map, page->index);
	lock_drop(&i->tree);
	if (!entry_is_page(e) || entry_pfn(e) != pfn)
		say(v, "frame that its file does not have at its index", pfn);
	if (page->cache.pins)
		say(v, "frame that is pinned and nobody is at work", pfn);
	if (page->marks & MARK_WRITEBACK)
		say(v, "frame under writeback and nobody is at work", pfn);
}

static void lists_check(struct checking *v)
{
	struct machine *m = &v->f->vm->machine;
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		struct lru *lru = &m->node[n].lru;
		lock_take(&lru->lock);
		for (unsigned l = 0; l < LRU_LISTS; l++)
			for (pfn_t pfn = lru->list[l].head; pfn; pfn = pfn_page(m, pfn)->next)
				page_check(v, pfn_page(m, pfn));
		lock_drop(&lru->lock);
	}
}

static void inodes_check(struct checking *v)
{
	uint64_t pages = 0, dirty = 0, listed = 0, left = v->f->nr_inodes;
	for (uint32_t id = 1; left && id < 1u << FILE_ID_BITS; id++) {
		struct file_inode *i = file_by_owner(v->f, id);
		if (!i)
			continue;
		left--;
		pages += i->map.nr_pages;
		dirty += i->map.nr_dirty;
		bool on_list = i->flags & FILE_DIRTY_LISTED;
		listed += on_list;
		if (v->f->writeback && on_list != (i->map.nr_dirty != 0))
			say(v, "inode that is dirty and not listed, or listed and clean", id);
	}
	if (pages != v->pages)
		say(v, "pages in indices beyond those on lists", pages - v->pages);
	if (dirty != v->dirty)
		say(v, "dirty pages in indices beyond those on lists", dirty - v->dirty);
	if (v->f->writeback && listed != v->f->writeback->nr_listed)
		say(v, "files on the list of dirty ones", listed);
}

unsigned files_verify(struct files *f, struct text *out)
{
	struct checking v = { .f = f, .out = out };
	if (!f->vm)
		return 0;
	lists_check(&v);
	inodes_check(&v);
	return v.findings;
}
