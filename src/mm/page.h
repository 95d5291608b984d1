/* SPDX-License-Identifier: MIT */
#ifndef MM_PAGE_H
#define MM_PAGE_H

/*
 * One entry per frame, found from its number by one addition. The array is
 * address space until touched: an entry is first written when its block is
 * split off or allocated, so an all-zero entry means "not the head of
 * anything": a tail page, memory that was never used, or memory that was in
 * use when the machine was imported. Links are frame numbers, PFN_NIL ends.
 */

#include "mm/types.h"

enum page_state {
	PAGE_NONE, /* tail, never used, reserved, or pinned by import */
	PAGE_BUDDY, /* head of a block on a zone's free lists; zone lock */
	PAGE_PCP, /* head of a block on a CPU's lists; inside that CPU */
	PAGE_USED, /* head of an allocated block; belongs to whom took it */
};

enum page_flag {
	PG_CONTENT = 1 << 0, /* its frame holds bytes that are not zero; the owner's lock */
};

/* What a used page counts as, beside being its owner's and on its list: see mm/mark.h. */
enum page_mark {
	MARK_DIRTY = 1 << 0,
	MARK_WRITEBACK = 1 << 1,
	MARK_MAPPED = 1 << 2, /* a page of a file or of shared memory that somebody maps */
	MARK_MLOCKED = 1 << 3,
	MARK_BUFFER = 1 << 4, /* page cache of a block device */
	MARK_SHMEM = 1 << 5, /* page cache without a file behind it */
	MARK_HUGE_ANON = 1 << 6, /* the first of the pages of a transparent huge page */
	MARK_HUGE_FILE = 1 << 7, /* the same, of a file, or of shared memory */
};

enum lru_list {
	LRU_INACTIVE_ANON,
	LRU_ACTIVE_ANON,
	LRU_INACTIVE_FILE,
	LRU_ACTIVE_FILE,
	LRU_UNEVICTABLE,
	LRU_LISTS,
	LRU_NONE = 0xff
};

struct page {
	pfn_t next, prev; /* on the one list that the page is on */
	uint32_t owner; /* handle of the page's owner, 0: none (see policy/reclaim.h) */
	uint32_t index; /* the owner's slot for it */
	uint16_t zone; /* zone id; valid once the entry was written */
	uint8_t state; /* enum page_state */
	uint8_t order; /* of the block headed here */
	uint8_t migratetype; /* of the list it is on */
	uint8_t flags; /* enum page_flag */
	uint8_t lru; /* enum lru_list of an evictable page, else LRU_NONE; LRU lock */
	uint8_t marks; /* enum page_mark; the owner's, LRU lock for a page that reclaim may take */
	union {
		uint64_t private; /* the owner's own */
		struct page_cache { /* of a page of a file (OWNER_FILE) */
			uint16_t pins; /* the owner's lock: readers and writers of its bytes; it cannot go meanwhile */
			uint8_t referenced; /* relaxed: used since reclaim last looked */
			uint8_t workingset; /* LRU lock: has been active, now or before it was last evicted */
			uint8_t reclaim; /* LRU lock: reclaim waits for it to be written (PG_reclaim) */
			uint8_t ahead; /* the owner's lock: whoever reads it reads ahead (PG_readahead) */
			uint8_t spare[2];
		} cache;
	};
};

_Static_assert(sizeof(struct page) <= 32, "page metadata is at most 32 bytes");

/* A doubly linked list of pages with a count that the list's owner keeps. */
struct page_list {
	pfn_t head, tail;
};

/* p is the entry of pfn. */
static inline void page_list_push(struct page *map, struct page_list *l, struct page *p, pfn_t pfn)
{
	pfn_t head = l->head;
	p->prev = PFN_NIL;
	p->next = head;
	l->head = pfn;
	if (head)
		map[head].prev = pfn;
	else
		l->tail = pfn;
}

static inline void page_list_add_head(struct page *map, struct page_list *l, pfn_t pfn)
{
	page_list_push(map, l, map + pfn, pfn);
}

static inline void page_list_add_tail(struct page *map, struct page_list *l, pfn_t pfn)
{
	struct page *p = map + pfn;
	p->next = PFN_NIL;
	p->prev = l->tail;
	if (l->tail)
		map[l->tail].next = pfn;
	else
		l->head = pfn;
	l->tail = pfn;
}

/* The list is not empty. */
static inline struct page *page_list_pop(struct page *map, struct page_list *l)
{
	struct page *p = map + l->head;
	l->head = p->next;
	if (p->next)
		map[p->next].prev = PFN_NIL;
	else
		l->tail = PFN_NIL;
	return p;
}

static inline void page_list_del(struct page *map, struct page_list *l, pfn_t pfn)
{
	struct page *p = map + pfn;
	if (p->prev)
		map[p->prev].next = p->next;
	else
		l->head = p->next;
	if (p->next)
		map[p->next].prev = p->prev;
	else
		l->tail = p->prev;
}

#endif
