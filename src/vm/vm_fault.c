/* SPDX-License-Identifier: MIT */
/*
 * Failures for the sake of a test: see vm_fault.h. While an object may fail no
 * CPU keeps any, so that every allocation is one that can be asked about.
 */

#include "vm/vm_fault.h"

#include "vm/vm.h"

#include <string.h>

/* Two settings of one seed draw different numbers. */
#define SEED_OBJECTS 0x66616c6cull
#define SEED_PAGES 0x70616765ull

void vm_faults_init(struct vm *vm, uint64_t seed)
{
	vm->failslab.ignore_wait = true;
	vm->failslab.cache_filter = false;
	fault_attr_init(&vm->failslab.attr, "failslab", seed ^ SEED_OBJECTS, &vm->log);
	fail_page_init(&vm->policy.fail_page, seed ^ SEED_PAGES, &vm->log);
}

void vm_faults_fini(struct vm *vm)
{
	fault_attr_fini(&vm->failslab.attr);
	fail_page_fini(&vm->policy.fail_page);
}

void vm_faults_update(struct vm *vm)
{
	bool objects = READ_RELAXED(&vm->failslab.attr.probability);
	if (objects != READ_RELAXED(&vm->slabs.direct))
		slabs_set_direct(&vm->slabs, objects);
	fail_page_update(&vm->policy);
}

/* The cache of caches is needed for making any: it never fails. */
bool vm_object_fails(void *ctx, const struct kmem_cache *s, gfp_t gfp)
{
	struct vm *vm = ctx;
	struct failslab *f = &vm->failslab;

	if ((gfp & __GFP_NOFAIL) || !strcmp(s->name, "kmem_cache"))
		return false;
	if (READ_RELAXED(&f->ignore_wait) && (gfp & __GFP_DIRECT_RECLAIM))
		return false;
	if (READ_RELAXED(&f->cache_filter) && !READ_RELAXED(&s->failslab))
		return false;
	return fault_attr_fails(&f->attr, (int32_t)s->layout.object_size, gfp & __GFP_NOWARN);
}
