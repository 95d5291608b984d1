/* SPDX-License-Identifier: MIT */
#ifndef VM_CONTENT_MOVE_H
#define VM_CONTENT_MOVE_H

/*
 * Bytes follow a page that moves (mm/migrate.c: folio_migrate_copy, 6.1). A
 * page without any costs no copy. The frame that is left keeps its bytes and
 * its charge (PG_CONTENT), as those that files give up do: see content_trim.h.
 */

#include "vm/vm.h"

/*
 * Whoever reads `to` from now on reads what `page` has; PG_CONTENT says so of
 * both. Nobody else reads or writes either of them meanwhile, and none is free.
 * Never fails, and waits for nobody: at the limit of the region the old frame
 * gives its bytes back to the host at once. Inside a CPU or not, any lock held.
 */
void content_move(struct vm *vm, struct page *page, struct page *to);

#endif
