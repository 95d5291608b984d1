/* SPDX-License-Identifier: MIT */
#ifndef VM_VM_FAULT_H
#define VM_VM_FAULT_H

/*
 * Failures for the sake of a test: of pages (policy/fail_page.h), and here of
 * objects (mm/failslab.c, 6.1).
 */

#include "base/fault_attr.h"
#include "mm/types.h"

struct kmem_cache;
struct vm;

struct failslab {
	struct fault_attr attr;
	/* settings: relaxed */
	bool ignore_wait; /* requests that may wait do not fail */
	bool cache_filter; /* only those of caches with kmem_cache.failslab */
};

void vm_faults_init(struct vm *vm, uint64_t seed); /* with a log; nothing fails yet */
void vm_faults_fini(struct vm *vm);
/* A setting was changed. Inside no CPU, with knob_lock held. */
void vm_faults_update(struct vm *vm);
/* slab_source.fails */
bool vm_object_fails(void *ctx, const struct kmem_cache *s, gfp_t gfp);

#endif
