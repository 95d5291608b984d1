/* SPDX-License-Identifier: MIT */
#ifndef VM_SLAB_FIXTURE_H
#define VM_SLAB_FIXTURE_H

/* On top of vm_fixture.h: caches, and what they have. */

#include "mm/slab.h"
#include "support/vm_fixture.h"

/* Its one reference is the test's. */
static inline struct kmem_cache *make_cache(struct fixture *f, const char *name, uint32_t size, uint32_t flags)
{
	struct kmem_cache *s;
	const struct cache_spec spec = { .name = name, .object_size = size, .flags = flags };
	assert_int_equal(kmem_cache_create(&f->vm.slabs, &spec, &s), 0);
	return s;
}

/* Without a reference. */
static inline struct kmem_cache *cache_of(struct fixture *f, const char *name)
{
	struct kmem_cache *s = kmem_cache_find(&f->vm.slabs, name);
	assert_non_null(s);
	kmem_cache_put(s);
	return s;
}

static inline unsigned cache_refs(struct fixture *f, const char *name)
{
	return cache_of(f, name)->refs;
}

static inline struct cache_usage usage_of(struct fixture *f, const char *name)
{
	struct cache_usage u;
	struct kmem_cache *s = cache_of(f, name);
	lock_take(&f->vm.slabs.lock);
	kmem_cache_usage(s, -1, &u);
	lock_drop(&f->vm.slabs.lock);
	return u;
}

static inline void assert_usage(struct fixture *f, const char *name, uint64_t active,
				uint64_t objects, uint64_t slabs)
{
	struct cache_usage u = usage_of(f, name);
	assert_int_equal(u.active, active);
	assert_int_equal(u.objects, objects);
	assert_int_equal(u.slabs, slabs);
}

/* Objects that their slabs know to be free: none of them is in a magazine. */
static inline uint64_t free_on_slabs(struct fixture *f, const char *name)
{
	const struct kmem_cache *s = cache_of(f, name);
	uint64_t nr = 0;
	for (unsigned n = 0; n < f->vm.machine.nr_nodes; n++)
		nr += s->node[n].free_objects;
	return nr;
}

static inline void shrink_all(struct fixture *f)
{
	for (struct kmem_cache *s = f->vm.slabs.newest; s; s = s->older)
		kmem_cache_shrink(s);
}

/* sweep_write of vm_fixture.h for objects: free slabs that a cache keeps are no trace. */
static inline unsigned sweep_slab(struct fixture *f, struct task *t, enum fault_site site,
				  const char *name, const char *what, const char *undo)
{
	return sweep_write_settled(f, t, site, name, what, undo, shrink_all);
}

/* No object is left, and as many pages are free as there were. */
static inline void assert_all_given_back(struct fixture *f, int64_t free_before)
{
	shrink_all(f);
	assert_int_equal(free_pages_all(&f->vm), free_before);
	assert_int_equal(node_sum(&f->vm, NR_SLAB_RECLAIMABLE) + node_sum(&f->vm, NR_SLAB_UNRECLAIMABLE), 0);
	assert_verified(&f->vm);
}

#endif
