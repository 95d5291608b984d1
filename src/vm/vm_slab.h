/* SPDX-License-Identifier: MIT */
#ifndef VM_VM_SLAB_H
#define VM_VM_SLAB_H

/* The slab allocator of a machine that runs: pages from the policy, bytes from the region. */

#include "mm/slab_known.h"
#include "vm/vm.h"

/* After the policy, without any cache yet. 0 or -ENOMEM. */
MUST_CHECK int vm_slab_init(struct vm *vm);
void vm_slab_fini(struct vm *vm); /* with all its objects */
/* The caches that the machine's own requests come from, as far as nobody has made them. 0 or -ENOMEM. */
MUST_CHECK int vm_slab_caches(struct vm *vm);
/* The same, and from now on caches, tasks and names are objects of them. Once; again does nothing. 0 or -ENOMEM. */
MUST_CHECK int vm_slab_start(struct vm *vm);

/* The cache that objects of this name come from: its own, or one whose slabs serve. With a reference; NULL: none. */
struct kmem_cache *vm_slab_cache(struct vm *vm, const char *name);
/*
 * The oldest cache whose slabs serve such a request takes it in and counts the
 * name; false: there is none. Nobody else looks at the caches yet.
 */
bool vm_slab_share(struct vm *vm, const struct slab_boot *b);

#endif
