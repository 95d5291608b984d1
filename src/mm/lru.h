/* SPDX-License-Identifier: MIT */
#ifndef MM_LRU_H
#define MM_LRU_H

/*
 * LRU lists of a node. node->lru.lock guards the lists and page->lru; adding
 * and removing also needs the CPU entered, for the counters. New pages go to
 * the head, reclaim takes from the tail.
 */

#include "mm/machine.h"

void lru_add(struct cpu *c, struct page *page, enum lru_list which); /* lru lock held; counts zone and node items */
/* One after the other; all are of order 0 and of one zone. At least one. */
void lru_add_pages(struct cpu *c, struct page *const *page, unsigned nr, enum lru_list which);
void lru_del(struct cpu *c, struct page *page); /* lru lock held; page is on a list */
struct page *lru_tail(struct node *n, enum lru_list which); /* lru lock held; NULL when empty */

/* From its list to the warm end of this one, which may be the same. Lru lock held. */
void lru_move(struct cpu *c, struct page *page, enum lru_list to);
void lru_move_cold(struct cpu *c, struct page *page, enum lru_list to); /* to the cold end */

/*
 * Another frame takes the page's place, which is on no list then. Of another node: at the warm end of the same list there.
 * Lru locks of both nodes held.
 */
void lru_replace(struct cpu *c, struct page *page, struct page *to);

/* Let go of the LRU lock of one node (NULL: none) and take that of another. Returns that one. */
struct node *lru_lock_move(struct node *held, struct node *wanted);

/* Pages of a list in zones whose type is in the mask. 6.1: lruvec_lru_size. */
uint64_t lru_pages(const struct node *n, enum lru_list which, unsigned type_mask);
/* Inactive pages are too few beside the active ones. The larger both, the more may stay active. 6.1: inactive_is_low. */
bool lru_inactive_is_low(const struct lru *lru, enum lru_list inactive);

static inline bool lru_is_file(enum lru_list which)
{
	return which == LRU_INACTIVE_FILE || which == LRU_ACTIVE_FILE;
}
static inline bool lru_is_active(enum lru_list which)
{
	return which == LRU_ACTIVE_ANON || which == LRU_ACTIVE_FILE;
}

#endif
