/* SPDX-License-Identifier: MIT */
#ifndef VM_FILE_TREE_H
#define VM_FILE_TREE_H

/*
 * The index of a file's pages: a radix tree of 64-way nodes, each an object of
 * radix_tree_node (lib/xarray.c, 6.1). Only the lowest level, the leaves, has
 * entries: a page by its number, or the shadow of one that was evicted. Nodes
 * are taken ahead, since adding happens under locks below which nothing is
 * allocated; nodes that became empty are handed back to be freed later. All
 * of it needs inode->tree.
 *
 * Different from Linux: a file of one page has a node, where Linux keeps the
 * page in the head of the tree.
 */

#include "vm/file.h"

#define TREE_SHIFT 6u
#define TREE_SLOTS (1u << TREE_SHIFT)

struct tree_node {
	struct own_head own; /* OWN_TREE_NODE */
	struct tree_node *parent; /* NULL: the root; else links nodes that are in no tree */
	struct file_inode *inode;
	struct tree_node *shadow_next, *shadow_prev; /* files->lock: nodes with shadows only, old ones first */
	uint64_t dirty; /* bit per slot: a dirty page is there, or below it */
	uint64_t slot[TREE_SLOTS]; /* 0: nothing; of a leaf: entries; else children */
	uint32_t number; /* of a leaf: index of its first slot by 64. Never changes */
	uint8_t level; /* 0: a leaf */
	uint8_t offset; /* its slot in the parent */
	uint8_t count, nr_shadows; /* slots that are not 0; those with shadows */
	uint8_t shadow_nid; /* whose list of nodes with shadows only it is on */
	bool shadow_listed;
};

static inline bool entry_is_page(uint64_t e)
{
	return e & 1;
}
static inline bool entry_is_shadow(uint64_t e)
{
	return e & 2;
}
static inline uint64_t entry_of_page(pfn_t pfn)
{
	return (uint64_t)pfn << 2 | 1;
}
static inline pfn_t entry_pfn(uint64_t e)
{
	return (pfn_t)(e >> 2);
}
static inline uint64_t entry_of_shadow(uint64_t shadow)
{
	return shadow << 2 | 2;
}
static inline uint64_t entry_shadow(uint64_t e)
{
	return e >> 2;
}

static inline unsigned tree_slot_of(uint64_t index)
{
	return (unsigned)(index & (TREE_SLOTS - 1));
}
static inline uint64_t tree_leaf_first(uint64_t index)
{
	return index & ~(uint64_t)(TREE_SLOTS - 1);
}

/* Nodes in nobody's tree, linked by parent. */
struct tree_spares {
	struct tree_node *head;
	unsigned nr;
};
static inline void spares_push(struct tree_spares *s, struct tree_node *n)
{
	n->parent = s->head;
	s->head = n;
	s->nr++;
}
static inline struct tree_node *spares_pop(struct tree_spares *s)
{
	struct tree_node *n = s->head;
	s->head = n->parent;
	s->nr--;
	return n;
}

/* The leaf with the slot of index; NULL: there is none. */
struct tree_node *tree_leaf(const struct filemap *m, uint64_t index);
/* The first leaf that has, or comes after, index, which moves up to its first slot then. NULL: none. */
struct tree_node *tree_leaf_next(const struct filemap *m, uint64_t *index);
/* The first dirty page at or past index, which becomes its index. NULL: none. */
struct tree_node *tree_dirty_next(const struct filemap *m, uint64_t *index);
uint64_t tree_entry(const struct filemap *m, uint64_t index); /* 0: nothing */
static inline uint64_t tree_index(const struct tree_node *leaf) /* of its first slot */
{
	return (uint64_t)leaf->number << TREE_SHIFT;
}

/* How many nodes it takes, beside those there are, for entries at first to last. */
unsigned tree_nodes_missing(const struct filemap *m, uint64_t first, uint64_t last);
/*
 * As tree_leaf, but made when it is not there, of spares. NULL: there are too
 * few (tree_nodes_missing), and nothing was made.
 */
struct tree_node *tree_leaf_make(struct filemap *m, struct file_inode *i, uint64_t index,
				 struct tree_spares *spares);

/* entry: 0 takes what is there away. Counts; a slot that is dirty is so no more. */
void tree_set(struct filemap *m, struct tree_node *leaf, unsigned slot, uint64_t entry);
void tree_move(struct tree_node *leaf, unsigned slot, pfn_t pfn); /* the page there is in this frame now; dirty if it was */
void tree_set_dirty(struct tree_node *leaf, unsigned slot);
void tree_clear_dirty(struct tree_node *leaf, unsigned slot);
/* A leaf, and what is above it, goes when it is empty: into dead. True: it went. It is on no list of shadows. */
bool tree_shed(struct filemap *m, struct tree_node *leaf, struct tree_spares *dead);

#endif
