/* SPDX-License-Identifier: MIT */
/*
 * Slabs come through the policy's ladder like any other request of the kernel.
 * A machine without a region (tests of pure accounting) has address space of
 * its own for the bytes of objects, so whoever stores something in an object
 * need not ask.
 */
#include "vm/vm_slab.h"

#include "base/mem.h"
#include "mm/pcp.h"
#include "mm/slab_self.h"
#include "vm/content_trim.h"
#include "vm/own.h"

#include <errno.h>
#include <string.h>

static struct page *pages_take(void *ctx, struct cpu *c, int nid, gfp_t gfp, unsigned order)
{
	struct vm *vm = ctx;
	struct page *page = alloc_pages(&vm->policy, c, nid, gfp, order);
	if (page)
		content_unify(vm, page, order);
	return page;
}

static void pages_give(void *ctx, struct cpu *c, struct page *page, unsigned order)
{
	(void)ctx;
	free_pages(c, page, order);
}

static int pages_charge(void *ctx, struct page *page, unsigned order)
{
	struct vm *vm = ctx;
	if (region_charge(vm->region, 1ull << order))
		return -ENOMEM;
	for (struct page *p = page; p < page + (1ul << order); p++)
		WRITE_RELAXED(&p->flags, (uint8_t)(p->flags | PG_CONTENT));
	return 0;
}

static void pages_discard(void *ctx, struct page *page, unsigned order)
{
	struct vm *vm = ctx;
	if (!region_discard(vm->region, page_pfn(&vm->machine, page), 1ull << order)) {
		WRITE_RELAXED(&vm->content_stays, true);
		return;
	}
	for (struct page *p = page; p < page + (1ul << order); p++)
		WRITE_RELAXED(&p->flags, (uint8_t)(p->flags & ~PG_CONTENT));
}

static size_t memory_bytes(const struct vm *vm)
{
	return (size_t)vm->machine.end_pfn << PAGE_SHIFT;
}

int vm_slab_init(struct vm *vm)
{
	struct slab_source source = {
		.take = pages_take, .give = pages_give, .ctx = vm, .log = &vm->log, .fails = vm_object_fails
	};
	if (vm->region) {
		source.base = vm->region->base;
		source.charge = pages_charge;
		source.discard = pages_discard;
	} else {
		source.base = vm->slab_memory = mem_map(memory_bytes(vm));
	}
	if (!source.base)
		return -ENOMEM;
	int error = slabs_init(&vm->slabs, &vm->machine, &source);
	if (error && vm->slab_memory)
		mem_unmap(vm->slab_memory, memory_bytes(vm));
	return error;
}

/* The oldest cache whose slabs serve such a request. */
static struct kmem_cache *cache_sharing(struct slabs *sl, const struct slab_boot *b)
{
	for (struct kmem_cache *s = sl->oldest; s; s = s->newer)
		if (slab_layout_shares(&s->layout, s->flags, &sl->layout_of, b->object_size,
				       b->align, b->flags))
			return s;
	return NULL;
}

/* A cache that another one's slabs serve has none of its own, and no line in slabinfo. */
bool vm_slab_share(struct vm *vm, const struct slab_boot *b)
{
	struct kmem_cache *s = cache_sharing(&vm->slabs, b);
	if (!s)
		return false;
	slab_layout_admit(&s->layout, &vm->slabs.layout_of, b->object_size);
	s->aliases++;
	return true;
}

/* What the emulated kernel has created when its boot is over. Nobody else looks at the caches yet. */
static int caches_boot(struct vm *vm)
{
	const struct machine *m = &vm->machine;
	struct slab_boot b = { 0 };
	int error = 0;
	while (!error && slab_known_boot(&b, m->version, m->bits, m->nr_nodes)) {
		struct kmem_cache *s;
		if (vm_slab_share(vm, &b))
			continue;
		error = kmem_cache_create(&vm->slabs,
					  &(struct cache_spec){ .name = b.name,
								.object_size = b.object_size,
								.align = b.align,
								.flags = b.flags },
					  &s);
		if (!error)
			kmem_cache_put(s);
	}
	return error;
}

/* Nobody makes caches yet that could be mistaken for one of the boot. */
struct kmem_cache *vm_slab_cache(struct vm *vm, const char *name)
{
	const struct machine *m = &vm->machine;
	struct kmem_cache *s = kmem_cache_find(&vm->slabs, name);
	struct slab_boot b = { 0 };
	while (!s && slab_known_boot(&b, m->version, m->bits, m->nr_nodes))
		if (!strcmp(b.name, name)) {
			s = cache_sharing(&vm->slabs, &b);
			if (s)
				kmem_cache_get(s);
			return s;
		}
	return s;
}

int vm_slab_caches(struct vm *vm)
{
	int error = vm->slabs.nr_caches ? 0 : caches_boot(vm);
	if (!error && !vm->kmalloc.slabs)
		error = kmalloc_init(&vm->kmalloc, &vm->slabs);
	return error;
}

int vm_slab_start(struct vm *vm)
{
	int error = vm_slab_caches(vm);
	if (error || vm->slabs.of_caches)
		return error;
	slabs_self_start(&vm->slabs, vm->imported);
	error = own_start(vm);
	if (!error)
		error = imported_caches_start(vm);
	if (!vm->imported)
		machine_drain(&vm->machine); /* a machine begins with empty lists */
	return error;
}

void vm_slab_fini(struct vm *vm)
{
	kmalloc_fini(&vm->kmalloc);
	imported_caches_fini(vm);
	own_fini(&vm->own);
	slabs_fini(&vm->slabs);
	if (vm->slab_memory)
		mem_unmap(vm->slab_memory, memory_bytes(vm));
}
