/* SPDX-License-Identifier: MIT */
#ifndef VM_FILEMAP_PRIVATE_H
#define VM_FILEMAP_PRIVATE_H

/* What the parts of the page cache need of each other; nothing for others. */

#include "vm/file_store.h"
#include "vm/file_tree.h"
#include "vm/filemap.h"
#include "vm/vm.h"

#define FILE_GFP GFP_HIGHUSER_MOVABLE /* mapping_gfp_mask, 6.1 */
#define FILE_GFP_AHEAD (FILE_GFP | __GFP_NORETRY | __GFP_NOWARN) /* readahead_gfp_mask */
#define FILE_PAGES_MAX (1ull << 32) /* what page->index can number: 16 TiB */
#define FILE_BYTES_MAX (FILE_PAGES_MAX << PAGE_SHIFT)

/* Neighbouring pages of a file that one request is about. */
struct file_batch {
	struct file_inode *inode;
	struct cpu *cpu;
	uint64_t first; /* index of page[0] */
	unsigned nr;
	struct page *page[FILE_IO_PAGES + 1]; /* NULL: none (yet) */
	bool fresh[FILE_IO_PAGES + 1]; /* nobody else knows the page yet; the others are pinned */
	struct tree_spares spares;
};

static inline bool store_in_memory(const struct file_inode *i)
{
	return i->files->store->in_memory;
}
static inline char *frame_bytes(const struct vm *vm, const struct page *p)
{
	return region_frame(vm->region, page_pfn(&vm->machine, p));
}

/* ---- filemap.c ---- */
/* Frames with whatever bytes they had, up to nr. Returns how many. Inside no CPU. */
unsigned frames_alloc(struct file_inode *i, struct cpu *c, gfp_t gfp, struct page **page, unsigned nr);
/* What is fresh in a batch goes back, and so do spare nodes. Inside no CPU. */
void batch_free(struct file_batch *b);
/* Pin what there is of it. tree held. Returns how many pages are missing. */
unsigned batch_pin(struct file_batch *b);
void batch_unpin(struct file_batch *b); /* all that is not fresh. Takes tree */
/* Nodes for all of its fresh pages. 0 or -ENOMEM (some may be there). Inside no CPU, no lock of RANK_SLABS or above */
MUST_CHECK int batch_nodes(struct file_batch *b);

struct batch_add {
	uint64_t changes; /* inode->changes when the bytes were read; not for a writer */
	bool writer; /* inode->write held and inode->writing set: pages become dirty, and are unpinned */
	unsigned pin; /* a reader: so many of its first pages stay pinned, the others do not */
	uint64_t mark; /* a reader: index of the page that is to start reading ahead; UINT64_MAX: none */
	uint64_t read_kb; /* a reader: from the store */
	uint64_t end; /* a writer: the byte after the last one, to which the file grows with its pages */
};
/*
 * Hang the fresh pages into the index and onto the LRU lists. Returns how many
 * of its pages, from the first on, are done. Fewer than all: nodes are missing
 * (0 and *error = -ENOMEM), or, for a reader, somebody has written meanwhile
 * (-EAGAIN). Pages that are done are fresh no more. Inside no CPU.
 */
unsigned batch_add(struct file_batch *b, const struct batch_add *how, unsigned from, int *error);

/* Pages in [first, last] of the index go. */
struct file_cut {
	struct file_inode *inode;
	uint64_t first, last;
	bool all; /* also those that are dirty; nobody uses them */
	uint64_t freed;
};
void filemap_cut(struct file_cut *cut); /* Inside no CPU */
/* Something in a file has changed: readers of the store begin anew. tree held */
static inline void file_changed(struct file_inode *i)
{
	i->changes++;
}

/* ---- file_shadow.c ---- */
struct cpu_dead {
	struct tree_spares nodes;
} CACHE_ALIGNED;
struct shadow_list {
	struct tree_node *head, *tail; /* files->lock */
	uint64_t nr; /* relaxed */
};
/* A leaf has changed: is it on the list of those with shadows only when it should? tree held, inside c */
void shadows_update(struct cpu *c, struct tree_node *leaf);
/* tree_shed, for a leaf that may be listed. tree held, inside c */
void leaf_shed(struct cpu *c, struct file_inode *i, struct tree_node *leaf, struct tree_spares *dead);
void nodes_free_inside(struct vm *vm, struct cpu *c, struct tree_spares *dead); /* inside c, no other lock */

/* ---- file_move.c ---- */
enum page_fate filemap_move(void *ctx, struct cpu *c, struct page *page, struct page *to); /* of owner_ops */

/* ---- file_read.c ---- */
struct readahead_plan;
/* Have page `index` pinned, read when it is not there. inode->io held shared, inode->write held. 0 or -errno. Inside no CPU */
MUST_CHECK int filemap_read_page(struct file_inode *i, struct cpu *c, uint64_t index, struct page **out);
struct timespec file_now(void); /* as coarse as a tick, like ktime_get_coarse_real_ts64 */

/* ---- file_truncate.c ---- */
/* [start, end) of one page is zero from now on. Pinned, or io held alone */
void frame_zero(const struct vm *vm, const struct page *page, size_t start, size_t end);

#endif
