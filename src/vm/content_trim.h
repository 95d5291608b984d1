/* SPDX-License-Identifier: MIT */
#ifndef VM_CONTENT_TRIM_H
#define VM_CONTENT_TRIM_H

/*
 * Host memory for the bytes of files. A frame that a file gives up keeps its
 * bytes and its charge (PG_CONTENT), for handing single frames back to the
 * host costs more than all else. Only at the limit of the region are free
 * frames looked through, and what they hold goes back in large pieces.
 */

#include "vm/vm.h"

/*
 * Pages whose frames have no content yet get some, all of it to be overwritten.
 * They are charged for, which leaves others a 64th of the region's limit: free
 * frames, clean pages and written ones give theirs up first. 0 or -ENOMEM.
 * Inside no CPU, no lock of RANK_CPU or above.
 */
MUST_CHECK int content_claim(struct vm *vm, struct cpu *c, struct page *const *page, unsigned nr);
/* The charge alone, of what is there now. False: there is not enough. Inside a CPU or not, any lock held */
MUST_CHECK bool content_charge_try(struct region *r, uint64_t nr);
/* Take the bytes of at least `wanted` free frames, if so many have any. Returns how many went. Likewise */
uint64_t content_trim(struct vm *vm, struct cpu *c, uint64_t wanted);
/* A block was taken by somebody who is charged for all of it or for nothing: all of its frames have content or none. Inside a CPU or not */
void content_unify(struct vm *vm, struct page *page, unsigned order);

#endif
