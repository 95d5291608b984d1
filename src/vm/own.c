/* SPDX-License-Identifier: MIT */
/*
 * Objects for the daemon itself. The path of an allocation: imported objects,
 * the cache, the reserve. That of a free one: the reserve while it is not full,
 * the cache. So after a shortage the reserve fills with the first objects that
 * come back, and with one more at each allocation that succeeds.
 *
 * Different from Linux, whose reserve is of pages (ALLOC_NO_WATERMARKS): that
 * one could be used up by anybody, and a name must be found when all pages are
 * gone.
 */
#include "vm/own.h"

#include "base/mem.h"
#include "mm/slab.h"
#include "vm/dcache.h"
#include "vm/task_private.h"
#include "vm/vm_slab.h"

#include <string.h>

const char *const own_cache_name[OWN_KINDS] = {
	[OWN_TASK] = "task_struct",
	[OWN_AREA] = "vm_area_struct",
	[OWN_NAME] = "dentry",
	[OWN_INODE] = "proc_inode_cache",
	[OWN_FILE_INODE] = "inode_cache",
	[OWN_SHMEM_INODE] = "shmem_inode_cache",
	[OWN_TREE_NODE] = "radix_tree_node",
	[OWN_HUGETLBFS_INODE] = "hugetlbfs_inode_cache",
};

/* Names are looked up by whoever wants to see why memory is gone; tasks are made by who can be told that it is. */
static const struct own_habit {
	unsigned reserve;
	gfp_t gfp;
} own_habit[OWN_KINDS] = {
	[OWN_TASK] = { 2, GFP_KERNEL },
	[OWN_AREA] = { 2, GFP_KERNEL },
	[OWN_NAME] = { 16, GFP_KERNEL | __GFP_NOWARN },
	[OWN_INODE] = { 16, GFP_KERNEL | __GFP_NOWARN },
	[OWN_FILE_INODE] = { 8, GFP_KERNEL | __GFP_NOWARN },
	[OWN_SHMEM_INODE] = { 8, GFP_KERNEL | __GFP_NOWARN },
	[OWN_TREE_NODE] = { 8, GFP_NOFS | __GFP_NOWARN },
	[OWN_HUGETLBFS_INODE] = { 0, GFP_KERNEL },
};

void own_init(struct own *own)
{
	*own = (struct own){ 0 };
	pthread_rwlock_init(&own->names, NULL);
	for (unsigned kind = 0; kind < OWN_KINDS; kind++)
		lock_init(&own->of[kind].lock, RANK_LOG, LOG_ORDER_LEAF);
}

void own_fini(struct own *own)
{
	for (unsigned kind = 0; kind < OWN_KINDS; kind++)
		lock_fini(&own->of[kind].lock);
	pthread_rwlock_destroy(&own->names);
}

/* ---- Objects ---- */

static bool reserve_put(struct own_cache *o, enum own_kind kind, void *object)
{
	lock_take(&o->lock);
	bool put = o->nr_reserve < own_habit[kind].reserve;
	if (put) {
		o->reserve[o->nr_reserve] = object;
		WRITE_RELAXED(&o->nr_reserve, o->nr_reserve + 1);
	}
	lock_drop(&o->lock);
	return put;
}

static void *reserve_take(struct own_cache *o)
{
	void *object = NULL;
	lock_take(&o->lock);
	if (o->nr_reserve) {
		object = o->reserve[o->nr_reserve - 1];
		WRITE_RELAXED(&o->nr_reserve, o->nr_reserve - 1);
	}
	lock_drop(&o->lock);
	return object;
}

static void *object_counted(struct own_cache *o, void *object)
{
	if (object)
		__atomic_fetch_add(&o->nr, 1, __ATOMIC_RELAXED);
	return object;
}

static void *object_imported(struct own *own, enum own_kind kind)
{
	void *object = kmem_cache_take_imported(own->of[kind].cache);
	if (object)
		__atomic_fetch_add(&own->borrowed[kind], 1, __ATOMIC_RELAXED);
	return object_counted(&own->of[kind], object);
}

/* One that is free now stands for one that was taken over, whichever that was. */
static bool object_return(struct own *own, enum own_kind kind, const void *object)
{
	uint64_t borrowed = READ_RELAXED(&own->borrowed[kind]);
	while (borrowed && !__atomic_compare_exchange_n(&own->borrowed[kind], &borrowed, borrowed - 1,
							true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	if (!borrowed || !kmem_cache_give_imported(own->of[kind].cache, object))
		return false;
	__atomic_fetch_sub(&own->of[kind].nr, 1, __ATOMIC_RELAXED);
	return true;
}

/* Imported or allocated. */
static void *object_alloc(struct own *own, enum own_kind kind, struct cpu *c, gfp_t gfp)
{
	struct own_cache *o = &own->of[kind];
	void *object = object_imported(own, kind);
	if (object)
		return object;
	cpu_enter(c);
	object = kmem_cache_alloc(o->cache, c, gfp);
	cpu_leave(c);
	return object_counted(o, object);
}

/* Inside c */
static void object_free(struct own_cache *o, struct cpu *c, void *object)
{
	__atomic_fetch_sub(&o->nr, 1, __ATOMIC_RELAXED);
	kmem_cache_free(o->cache, c, object);
}

static void object_give(struct own *own, enum own_kind kind, struct cpu *c, void *object)
{
	struct own_cache *o = &own->of[kind];
	if (reserve_put(o, kind, object) || object_return(own, kind, object))
		return;
	cpu_enter(c);
	object_free(o, c, object);
	cpu_leave(c);
}

static void *object_take(struct own *own, enum own_kind kind, struct cpu *c)
{
	struct own_cache *o = &own->of[kind];
	void *object = object_alloc(own, kind, c, own_habit[kind].gfp);
	if (!object)
		return reserve_take(o);
	if (READ_RELAXED(&o->nr_reserve) < own_habit[kind].reserve) {
		void *more = object_alloc(own, kind, c, GFP_NOWAIT | __GFP_NOWARN);
		if (more)
			object_give(own, kind, c, more);
	}
	return object;
}

/* ---- Structures ---- */

static bool object_fits(const struct kmem_cache *s, size_t size)
{
	return s->layout.object_size >= size;
}

static void *host_alloc(size_t size, void *object)
{
	struct own_head *h = mem_zalloc(size);
	if (h)
		h->object = object;
	return h;
}

/* The structure in its object, or beside it. NULL: no memory for its bytes. */
static void *object_use(struct own_cache *o, void *object, size_t size)
{
	struct own_head *h = object;
	if (!object_fits(o->cache, size))
		return host_alloc(size, object);
	if (kmem_cache_zero(o->cache, object))
		return NULL;
	h->object = object;
	return h;
}

void *own_alloc(struct vm *vm, enum own_kind kind, struct cpu *c, size_t size)
{
	struct own_cache *o = &vm->own.of[kind];
	if (!o->cache)
		return host_alloc(size, NULL);
	void *object = object_take(&vm->own, kind, c);
	if (!object)
		return NULL;
	void *p = object_use(o, object, size);
	if (!p)
		object_give(&vm->own, kind, c, object);
	return p;
}

void own_free(struct vm *vm, enum own_kind kind, struct cpu *c, void *p)
{
	if (!p)
		return;
	void *object = ((struct own_head *)p)->object;
	if (object != p)
		mem_free(p);
	if (object && !vm->own.ending)
		object_give(&vm->own, kind, c, object);
}

void own_free_inside(struct vm *vm, enum own_kind kind, struct cpu *c, void *p)
{
	struct own_cache *o = &vm->own.of[kind];
	void *object = ((struct own_head *)p)->object;
	if (object != p)
		mem_free(p);
	if (object && !vm->own.ending && !reserve_put(o, kind, object))
		object_free(o, c, object);
}

uint64_t own_count(const struct vm *vm, enum own_kind kind)
{
	return READ_RELAXED(&vm->own.of[kind].nr);
}

unsigned own_reserve(const struct vm *vm, enum own_kind kind)
{
	return READ_RELAXED(&vm->own.of[kind].nr_reserve);
}

/* ---- Start ---- */

static void *object_first(struct vm *vm, enum own_kind kind, struct cpu *c)
{
	return vm->imported ? object_imported(&vm->own, kind)
			    : object_alloc(&vm->own, kind, c, GFP_NOWAIT | __GFP_NOWARN);
}

static void reserve_fill(struct vm *vm, enum own_kind kind, struct cpu *c)
{
	struct own_cache *o = &vm->own.of[kind];
	while (o->cache && o->nr_reserve < own_habit[kind].reserve) {
		void *object = object_first(vm, kind, c);
		if (!object)
			return;
		object_give(&vm->own, kind, c, object);
	}
}

/* Tasks that an import has made stand where they are, and get objects beside, if there are any. */
static void head_adopt(struct vm *vm, enum own_kind kind, struct own_head *h)
{
	struct own_cache *o = &vm->own.of[kind];
	if (h && !h->object && o->cache && vm->imported)
		h->object = object_imported(&vm->own, kind);
}

static int tasks_map(struct vm *vm)
{
	int error = 0;
	for (unsigned id = 1; id < vm->tasks.nr_slots && !error; id++)
		if (vm->tasks.slot[id])
			error = task_areas_adopt(vm->tasks.slot[id]);
	return error;
}

static void tasks_adopt(struct vm *vm)
{
	for (unsigned id = 1; id < vm->tasks.nr_slots; id++) {
		struct task *t = vm->tasks.slot[id];
		if (!t)
			continue;
		head_adopt(vm, OWN_TASK, &t->own);
		for (unsigned kind = 0; kind < AREA_KINDS; kind++)
			head_adopt(vm, OWN_AREA, t->area[kind] ? &t->area[kind]->own : NULL);
		for (struct dname *d = t->names; d; d = d->next) {
			head_adopt(vm, OWN_NAME, &d->own);
			head_adopt(vm, OWN_INODE, &d->inode->own);
		}
	}
}

int own_start(struct vm *vm)
{
	struct cpu *c = &vm->machine.cpu[mask_next(&vm->machine.cpus_online, 0)];
	int error = tasks_map(vm);
	if (error)
		return error;
	for (unsigned kind = 0; kind < OWN_KINDS; kind++)
		vm->own.of[kind].cache = vm_slab_cache(vm, own_cache_name[kind]);
	tasks_adopt(vm);
	for (unsigned kind = 0; kind < OWN_KINDS; kind++) {
		reserve_fill(vm, (enum own_kind)kind, c);
		if (vm->own.of[kind].cache && !vm->imported)
			kmem_cache_drain(vm->own.of[kind].cache);
	}
	return 0;
}
