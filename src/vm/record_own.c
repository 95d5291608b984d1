/* SPDX-License-Identifier: MIT */
/*
 * Objects of slabs that no task's line names, for the frame record: those that
 * are free in magazines and shared arrays, and those that describe caches,
 * tasks, mappings and names. With them in their places the machine that comes
 * back goes on as this one does. Numbers of objects are those of
 * record_slabs_write.c; 0: none.
 *
 *   magazine CACHE CPU SERIES      from the bottom up
 *   alien CACHE CPU SERIES         objects of other nodes on their way home
 *   shared CACHE NODE USED SERIES
 *   self CACHE SERIES              what describes it: the cache, then each node
 *   reserve KIND SERIES            of enum own_kind
 *   task_self TASK SERIES          the task, then its mappings
 *   task_name TASK SERIES NAME     dentry, inode, inode number, directory
 */
#include "vm/record_private.h"

#include "vm/dcache.h"
#include "vm/task_private.h"
#include "vm/vm_slab.h"

#include <errno.h>
#include <string.h>

/* ---- Writing ---- */

uint64_t record_object_of(const struct kmem_cache *s, const void *object)
{
	const struct page *slab = s && object ? object_slab(s, object) : NULL;
	return slab ? record_object_number(page_pfn(s->slabs->machine, slab), slab_index(s, slab, object))
		    : 0;
}

static void objects_write(struct text *t, const struct kmem_cache *s, void *const *object, unsigned nr)
{
	struct series_out out;
	series_begin(&out, t);
	for (unsigned i = 0; i < nr; i++)
		series_put(&out, record_object_of(s, object[i]));
	series_end(&out);
	text_char(t, '\n');
}

static void magazine_write(struct text *t, const char *kind, const struct kmem_cache *s,
			   uint64_t number, unsigned id, const struct magazine *mag)
{
	if (!mag || !mag->count)
		return;
	text_printf(t, "%s %lu %u ", kind, number, id);
	objects_write(t, s, mag->object, mag->count);
}

static void loose_write(struct text *t, const struct kmem_cache *s, uint64_t number)
{
	const struct machine *m = s->slabs->machine;
	for (unsigned cpu = 0; cpu < m->nr_cpu_ids; cpu++) {
		magazine_write(t, "magazine", s, number, cpu, s->magazine[cpu]);
		magazine_write(t, "alien", s, number, cpu, s->magazine[cpu]->alien);
	}
	for (unsigned n = 0; n < m->nr_nodes; n++) {
		char kind[64];
		snprintf(kind, sizeof(kind), "shared %lu %u %d", number, n, s->node[n].shared_used);
		if (!s->node[n].shared || !s->node[n].shared->count)
			continue;
		text_str(t, kind);
		text_char(t, ' ');
		objects_write(t, s, s->node[n].shared->object, s->node[n].shared->count);
	}
}

static void self_write(struct text *t, const struct kmem_cache *s, uint64_t number)
{
	const struct slabs *sl = s->slabs;
	struct series_out out;
	bool any = s->self;
	for (unsigned n = 0; n < sl->machine->nr_nodes; n++)
		any |= s->node[n].self != NULL;
	if (!any)
		return;
	text_printf(t, "self %lu ", number);
	series_begin(&out, t);
	series_put(&out, record_object_of(sl->of_caches, s->self));
	for (unsigned n = 0; n < sl->machine->nr_nodes; n++)
		series_put(&out, record_object_of(sl->of_nodes, s->node[n].self));
	series_end(&out);
	text_char(t, '\n');
}

static void task_self_write(struct text *t, const struct vm *vm, const struct task *task)
{
	const struct kmem_cache *areas = vm->own.of[OWN_AREA].cache;
	struct series_out out;
	text_printf(t, "task_self %u ", task->id);
	series_begin(&out, t);
	series_put(&out, record_object_of(vm->own.of[OWN_TASK].cache, task->own.object));
	for (unsigned kind = 0; kind < AREA_KINDS; kind++)
		series_put(&out, record_object_of(areas, task->area[kind] ? task->area[kind]->own.object
									  : NULL));
	series_end(&out);
	text_char(t, '\n');
}

static void task_names_write(struct text *t, const struct vm *vm, const struct task *task)
{
	for (const struct dname *d = task->names; d; d = d->next) {
		struct series_out out;
		text_printf(t, "task_name %u ", task->id);
		series_begin(&out, t);
		series_put(&out, record_object_of(vm->own.of[OWN_NAME].cache, d->own.object));
		series_put(&out, record_object_of(vm->own.of[OWN_INODE].cache, d->inode->own.object));
		series_put(&out, d->inode->ino);
		series_put(&out, d->parent);
		series_end(&out);
		text_char(t, ' ');
		record_name_write(t, d->name);
		text_char(t, '\n');
	}
}

/* Tasks that are being made, and are in no table yet, may take from it. */
static void reserve_write(struct text *t, struct own_cache *o, unsigned kind)
{
	void *object[OWN_RESERVE_MAX];
	lock_take(&o->lock);
	unsigned nr = o->nr_reserve;
	memcpy(object, o->reserve, nr * sizeof(*object));
	lock_drop(&o->lock);
	if (!nr)
		return;
	text_printf(t, "reserve %u ", kind);
	objects_write(t, o->cache, object, nr);
}

void record_own_write(struct text *t, struct vm *vm)
{
	uint64_t number = 0;
	for (const struct kmem_cache *s = vm->slabs.oldest; s; s = s->newer) {
		loose_write(t, s, ++number);
		self_write(t, s, number);
	}
	for (unsigned kind = 0; kind < OWN_KINDS; kind++)
		reserve_write(t, &vm->own.of[kind], kind);
	for (unsigned id = 1; id < vm->tasks.nr_slots; id++) {
		const struct task *task = vm->tasks.slot[id];
		if (!task || task->dead || !vm->own.of[OWN_TASK].cache)
			continue;
		task_self_write(t, vm, task);
		task_names_write(t, vm, task);
	}
	record_hugetlbfs_write(t, vm);
}

/* ---- Reading ---- */

/* Call `put` with each number of a line's series, and its place; as many as there may be. */
struct placing {
	struct kmem_cache *cache;
	unsigned id, nr;
	enum loose_place place;
	enum own_kind kind;
	struct task *task;
};

static int loose_place_one(struct record *r, uint64_t v, void *ctx)
{
	struct placing *p = ctx;
	void *object;
	int error = record_object_take(r, p->cache, v, &object);
	if (!error)
		error = kmem_cache_restore_loose(p->cache, p->place, p->id, object);
	return error == -EINVAL ? record_bad(r, "cache %s: object %llu cannot be free there",
					     p->cache->name, (unsigned long long)v)
				: error;
}

static int loose_read(struct record *r, char *rest, enum loose_place place)
{
	const struct machine *m = &r->vm->machine;
	struct placing p = { .place = place };
	uint64_t id = 0, used = 0;
	int error = record_cache_find(r, &rest, &p.cache);
	if (!error)
		error = record_number(r, &rest, place == LOOSE_SHARED ? m->nr_nodes : m->nr_cpu_ids, &id);
	if (!error && place == LOOSE_SHARED)
		error = record_number(r, &rest, 2, &used);
	else if (!error && !mask_has(&m->cpus_online, (unsigned)id))
		error = record_bad(r, "CPU %llu is not online", (unsigned long long)id);
	if (error)
		return error;
	const char *series = record_word(&rest);
	p.id = (unsigned)id;
	error = record_series(r, series ? series : "", loose_place_one, &p);
	if (!error && place == LOOSE_SHARED)
		p.cache->node[id].shared_used = used;
	return error;
}

static int magazine_read(struct record *r, char *rest)
{
	return loose_read(r, rest, LOOSE_MAGAZINE);
}

static int alien_read(struct record *r, char *rest)
{
	return loose_read(r, rest, LOOSE_ALIEN);
}

static int shared_read(struct record *r, char *rest)
{
	return loose_read(r, rest, LOOSE_SHARED);
}

/* The cache that objects of this name come from must be there. The reference stays with whoever made the cache. */
static int cache_named(struct record *r, const char *name, struct kmem_cache **out)
{
	*out = vm_slab_cache(r->vm, name);
	if (!*out)
		return record_bad(r, "there is no cache %s", name);
	kmem_cache_put(*out);
	return 0;
}

/* An object for *slot, if there is one and the place is empty. */
static int object_put(struct record *r, const char *cache, uint64_t v, void **slot)
{
	struct kmem_cache *s;
	if (!v)
		return 0;
	int error = cache_named(r, cache, &s);
	if (!error && *slot)
		error = record_bad(r, "this has an object already");
	return error ? error : record_object_take(r, s, v, slot);
}

static int self_put(struct record *r, uint64_t v, void *ctx)
{
	struct placing *p = ctx;
	unsigned i = p->nr++;
	if (i > r->vm->machine.nr_nodes)
		return record_bad(r, "there are fewer nodes");
	return i ? object_put(r, "kmem_cache_node", v, &p->cache->node[i - 1].self)
		 : object_put(r, "kmem_cache", v, &p->cache->self);
}

static int self_read(struct record *r, char *rest)
{
	struct placing p = { 0 };
	int error = record_cache_find(r, &rest, &p.cache);
	const char *series = error ? NULL : record_word(&rest);
	return error ? error : record_series(r, series ? series : "", self_put, &p);
}

/* Objects that the daemon has are counted by kind. */
int record_own_put(struct record *r, enum own_kind kind, uint64_t v, void **slot)
{
	int error = object_put(r, own_cache_name[kind], v, slot);
	if (!error && v)
		r->vm->own.of[kind].nr++;
	return error;
}

static int reserve_put(struct record *r, uint64_t v, void *ctx)
{
	struct placing *p = ctx;
	struct own_cache *o = &r->vm->own.of[p->kind];
	if (!v || o->nr_reserve == OWN_RESERVE_MAX)
		return record_bad(r, "the reserve has no such object");
	int error = record_own_put(r, p->kind, v, &o->reserve[o->nr_reserve]);
	o->nr_reserve += !error;
	return error;
}

static int reserve_read(struct record *r, char *rest)
{
	uint64_t kind;
	int error = record_number(r, &rest, OWN_KINDS, &kind);
	const char *series = error ? NULL : record_word(&rest);
	struct placing p = { .kind = (enum own_kind)kind };
	return error ? error : record_series(r, series ? series : "", reserve_put, &p);
}

static int area_put(struct record *r, struct task *t, unsigned kind, uint64_t v)
{
	if (!v)
		return 0;
	if (!(kind == AREA_ANON ? t->anon.nr : t->huge_mapped[kind - AREA_HUGETLB]))
		return record_bad(r, "the task maps nothing of kind %u", kind);
	int error = task_areas_adopt(t);
	return error ? error : record_own_put(r, OWN_AREA, v, &t->area[kind]->own.object);
}

static int task_self_put(struct record *r, uint64_t v, void *ctx)
{
	struct placing *p = ctx;
	unsigned i = p->nr++;
	if (i > AREA_KINDS)
		return record_bad(r, "a task has no more mappings");
	return i ? area_put(r, p->task, i - 1, v) : record_own_put(r, OWN_TASK, v, &p->task->own.object);
}

static int task_self_read(struct record *r, char *rest)
{
	struct placing p = { 0 };
	int error = record_task_find(r, &rest, &p.task);
	const char *series = error ? NULL : record_word(&rest);
	return error ? error : record_series(r, series ? series : "", task_self_put, &p);
}

static int name_hang(struct record *r, struct task *t, const uint64_t v[4], const char *name)
{
	struct dname *d = dcache_restore(t, v[3], name, v[2]);
	if (!d)
		return -ENOMEM;
	int error = record_own_put(r, OWN_NAME, v[0], &d->own.object);
	return error ? error : record_own_put(r, OWN_INODE, v[1], &d->inode->own.object);
}

static int task_name_read(struct record *r, char *rest)
{
	char name[DNAME_INLINE];
	struct series_in in;
	uint64_t v[4];
	struct task *t;
	int error = record_task_find(r, &rest, &t);
	const char *series = error ? NULL : record_word(&rest), *word = error ? NULL : record_word(&rest);
	if (error)
		return error;
	series_open(&in, series ? series : "");
	for (unsigned i = 0; i < ARRAY_LEN(v); i++)
		if (series_get(&in, &v[i]) <= 0)
			return record_bad(r, "four numbers tell of a name");
	if (!word || !record_name_read(word, name, sizeof(name) - 1))
		return record_bad(r, "\"%.40s\" is not a name", word ? word : "");
	return name_hang(r, t, v, name);
}

const struct record_row record_own_rows[] = {
	{ "magazine", magazine_read },   { "alien", alien_read },
	{ "shared", shared_read },       { "self", self_read },
	{ "reserve", reserve_read },     { "task_self", task_self_read },
	{ "task_name", task_name_read },
};
const unsigned nr_record_own_rows = ARRAY_LEN(record_own_rows);
