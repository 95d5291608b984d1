/* SPDX-License-Identifier: MIT */
#ifndef POLICY_MIGRATE_H
#define POLICY_MIGRATE_H

/* A page moves to another frame (mm/migrate.c, 6.1); see owner_ops.move. */

#include "policy/policy.h"

/* Could the page be moved as far as can be seen without a lock: in use, on an LRU list, of an owner that moves pages? */
bool page_may_move(const struct policy *p, const struct page *page);

/*
 * Move a single page to `to`, a page just taken (PAGE_USED, nobody's), of the same or another node. PAGE_GOES: it has its
 * place on the LRU list, its marks and what is counted of it; the old frame is nobody's, and the caller gives it
 * back. Whatever else: nothing has changed, `to` is still the caller's. Counts no event. Inside c, no lock held.
 */
enum page_fate page_migrate(struct policy *p, struct cpu *c, struct page *page, struct page *to);
/* The same for many: the LRU locks of both nodes held. */
enum page_fate page_migrate_locked(struct policy *p, struct cpu *c, struct page *page, struct page *to);

#endif
