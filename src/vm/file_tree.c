/* SPDX-License-Identifier: MIT */
/*
 * The index of a file's pages: see file_tree.h.
 *
 * The tree is as high as its highest index needs, and loses levels when only
 * the lowest slot of its root is left. A node has at least one entry or child,
 * but between tree_leaf_make and the tree_set that follows it under the same
 * lock. A bit in `dirty` of an inner node says that its child has any.
 */
#include "vm/file_tree.h"

static struct tree_node *tree_root(const struct filemap *m)
{
	return m->root;
}

static struct tree_node *node_child(const struct tree_node *n, unsigned slot)
{
	return (struct tree_node *)(uintptr_t)n->slot[slot]; /* NOLINT(performance-no-int-to-ptr) */
}

static unsigned slot_at(uint64_t index, unsigned level)
{
	return (unsigned)(index >> level * TREE_SHIFT) & (TREE_SLOTS - 1);
}

/* Does a tree so high have a slot for it? */
static bool tree_reaches(unsigned height, uint64_t index)
{
	return height * TREE_SHIFT >= 64 || !(index >> height * TREE_SHIFT);
}

/* ---- Finding ---- */

struct tree_node *tree_leaf(const struct filemap *m, uint64_t index)
{
	struct tree_node *n = tree_root(m);
	if (!n || !tree_reaches(m->height, index))
		return NULL;
	for (unsigned level = m->height - 1u; n && level > 0; level--)
		n = node_child(n, slot_at(index, level));
	return n;
}

uint64_t tree_entry(const struct filemap *m, uint64_t index)
{
	const struct tree_node *leaf = tree_leaf(m, index);
	return leaf ? leaf->slot[tree_slot_of(index)] : 0;
}

/* Slots that a walk may go through: all that are used, or those with dirty pages. */
static uint64_t slots_open(const struct tree_node *n, bool dirty, unsigned from)
{
	if (dirty)
		return n->dirty & ~0ull << from;
	for (unsigned s = from; s < TREE_SLOTS; s++)
		if (n->slot[s])
			return 1ull << s;
	return 0;
}

/* Up from a node that has no more, to the next slot of an ancestor; UINT64_MAX: there is none. */
static uint64_t index_after(uint64_t index, unsigned level)
{
	unsigned shift = (level + 1) * TREE_SHIFT;
	uint64_t next = ((index >> shift) + 1) << shift;
	return next > index ? next : UINT64_MAX;
}

/* The first leaf at or past index with anything of its kind at or past it. Of leaves themselves only dirty ones are looked into. */
static struct tree_node *tree_walk(const struct filemap *m, uint64_t *index, bool dirty)
{
	while (m->root && tree_reaches(m->height, *index)) {
		struct tree_node *n = tree_root(m);
		uint64_t open = 0;
		unsigned level = m->height - 1u;
		for (; level > 0; level--) {
			unsigned from = slot_at(*index, level);
			open = slots_open(n, dirty, from);
			if (!open)
				break;
			unsigned slot = (unsigned)__builtin_ctzll(open), shift = level * TREE_SHIFT;
			if (slot != from)
				*index = (((*index >> shift) & ~(uint64_t)(TREE_SLOTS - 1)) | slot)
					 << shift;
			n = node_child(n, slot);
		}
		if (!level) {
			open = dirty ? slots_open(n, true, tree_slot_of(*index)) : 1;
			if (open && dirty)
				*index = tree_leaf_first(*index) | (unsigned)__builtin_ctzll(open);
			if (open)
				return n;
		}
		*index = index_after(*index, level);
		if (*index == UINT64_MAX)
			break;
	}
	return NULL;
}

struct tree_node *tree_leaf_next(const struct filemap *m, uint64_t *index)
{
	return tree_walk(m, index, false);
}

struct tree_node *tree_dirty_next(const struct filemap *m, uint64_t *index)
{
	return tree_walk(m, index, true);
}

/* ---- Growing ---- */

static unsigned height_for(uint64_t index)
{
	unsigned height = 1;
	while (!tree_reaches(height, index))
		height++;
	return height;
}

/* Nodes of the path to index that are missing below what there is. */
static unsigned path_missing(const struct filemap *m, uint64_t index, unsigned height)
{
	const struct tree_node *n = tree_root(m);
	if (!n)
		return height;
	ASSERT(m->height);
	if (!tree_reaches(m->height, index)) /* old tree below slot 0: the path leaves it at the new root at the latest */
		return height - 1u;
	for (unsigned level = m->height - 1u; level > 0; level--) {
		n = node_child(n, slot_at(index, level));
		if (!n)
			return level;
	}
	return 0;
}

unsigned tree_nodes_missing(const struct filemap *m, uint64_t first, uint64_t last)
{
	unsigned height = MAX(height_for(last), m->height);
	unsigned missing = m->root ? height - m->height : 0, most = 0;
	for (uint64_t index = tree_leaf_first(first); index <= last; index += TREE_SLOTS) {
		unsigned path = path_missing(m, index, height);
		missing += MIN(path, 1u); /* its leaf */
		most = MAX(most, path);
	}
	/* Inner nodes: neighbours share them, but where the range crosses from one to the next. */
	return missing + (most > 1 ? (most - 1) * 2 : 0);
}

static void node_hang(struct tree_node *parent, unsigned slot, struct tree_node *n)
{
	n->parent = parent;
	n->offset = (uint8_t)slot;
	if (!parent)
		return;
	parent->slot[slot] = (uintptr_t)n;
	parent->count++;
}

static struct tree_node *node_make(struct filemap *m, struct file_inode *i, unsigned level,
				   struct tree_spares *spares)
{
	if (!spares->head)
		return NULL;
	struct tree_node *n = spares_pop(spares);
	n->parent = NULL;
	n->inode = i;
	n->level = (uint8_t)level;
	m->nr_nodes++;
	return n;
}

/* One more level above the root. */
static bool tree_raise(struct filemap *m, struct file_inode *i, struct tree_spares *spares)
{
	struct tree_node *old = tree_root(m), *n = node_make(m, i, m->height, spares);
	if (!n)
		return false;
	if (old) {
		node_hang(n, 0, old);
		n->dirty = old->dirty != 0;
	}
	m->root = n;
	m->height++;
	return true;
}

/* An empty tree begins with a root of the right level. */
static bool tree_begin(struct filemap *m, struct file_inode *i, uint64_t index, struct tree_spares *spares)
{
	unsigned height = height_for(index);
	if (spares->nr < height) /* a path that ends nowhere would be a node without entries */
		return false;
	m->root = node_make(m, i, height - 1, spares);
	m->height = (uint8_t)height;
	return true;
}

struct tree_node *tree_leaf_make(struct filemap *m, struct file_inode *i, uint64_t index,
				 struct tree_spares *spares)
{
	struct tree_node *n = tree_leaf(m, index);
	if (n)
		return n;
	if (spares->nr < path_missing(m, index, MAX(height_for(index), m->height)) +
				 (m->root ? MAX(height_for(index), m->height) - m->height : 0))
		return NULL;
	if (!m->root && !tree_begin(m, i, index, spares))
		return NULL;
	while (!tree_reaches(m->height, index))
		if (!tree_raise(m, i, spares))
			return NULL;
	n = tree_root(m);
	ASSERT(n && m->height);
	for (unsigned level = m->height - 1u; level > 0; level--) {
		unsigned slot = slot_at(index, level);
		struct tree_node *child = node_child(n, slot);
		if (!child) {
			child = node_make(m, i, level - 1, spares);
			ASSERT(child); /* the spares were counted */
			node_hang(n, slot, child);
		}
		n = child;
	}
	n->number = (uint32_t)(index >> TREE_SHIFT);
	return n;
}

/* ---- Entries ---- */

void tree_set_dirty(struct tree_node *leaf, unsigned slot)
{
	for (struct tree_node *n = leaf; n; slot = n->offset, n = n->parent) {
		bool had = n->dirty;
		n->dirty |= 1ull << slot;
		if (had)
			return;
	}
}

void tree_clear_dirty(struct tree_node *leaf, unsigned slot)
{
	for (struct tree_node *n = leaf; n; slot = n->offset, n = n->parent) {
		if (!(n->dirty & 1ull << slot))
			return;
		n->dirty &= ~(1ull << slot);
		if (n->dirty)
			return;
	}
}

void tree_set(struct filemap *m, struct tree_node *leaf, unsigned slot, uint64_t entry)
{
	uint64_t old = leaf->slot[slot];
	if (UNLIKELY(leaf->dirty))
		tree_clear_dirty(leaf, slot);
	leaf->slot[slot] = entry;
	leaf->count = (uint8_t)(leaf->count + !!entry - !!old);
	int pages = (int)entry_is_page(entry) - (int)entry_is_page(old);
	int shadows = (int)entry_is_shadow(entry) - (int)entry_is_shadow(old);
	leaf->nr_shadows = (uint8_t)(leaf->nr_shadows + shadows);
	WRITE_RELAXED(&m->nr_pages, m->nr_pages + (uint64_t)(int64_t)pages);
	m->nr_shadows += (uint64_t)(int64_t)shadows;
}

void tree_move(struct tree_node *leaf, unsigned slot, pfn_t pfn)
{
	ASSERT(entry_is_page(leaf->slot[slot]));
	leaf->slot[slot] = entry_of_page(pfn);
}

static void node_drop(struct filemap *m, struct tree_node *n, struct tree_spares *dead)
{
	m->nr_nodes--;
	spares_push(dead, n);
}

/* The root has nothing but its lowest child: that is enough. */
static void tree_lower(struct filemap *m, struct tree_spares *dead)
{
	struct tree_node *n = tree_root(m);
	while (n->level > 0 && n->count == 1 && n->slot[0]) {
		struct tree_node *child = node_child(n, 0);
		node_hang(NULL, 0, child);
		node_drop(m, n, dead);
		m->root = n = child;
		m->height--;
	}
}

bool tree_shed(struct filemap *m, struct tree_node *leaf, struct tree_spares *dead)
{
	struct tree_node *n = leaf;
	if (n->count)
		return false;
	while (n && !n->count) {
		struct tree_node *parent = n->parent;
		if (parent) {
			parent->slot[n->offset] = 0;
			parent->count--;
		}
		node_drop(m, n, dead);
		n = parent;
	}
	if (!n) {
		m->root = NULL;
		m->height = 0;
		return true;
	}
	tree_lower(m, dead);
	return true;
}
