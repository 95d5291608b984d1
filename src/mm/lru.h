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
void lru_del(struct cpu *c, struct page *page); /* lru lock held; page is on a list */
struct page *lru_tail(struct node *n, enum lru_list which); /* lru lock held; NULL when empty */

#endif
