/* SPDX-License-Identifier: MIT */
/*
 * Objects of slab caches that a task holds, line by line: an array of their
 * addresses, 8 bytes each and nothing in the objects, so memory that nobody
 * wrote to stays untouched. They are taken and given a batch inside one entry
 * of the CPU. What a line gives goes to its slabs at once, past magazines and
 * shared arrays, so that holes can be seen where they are.
 *
 * A line keeps a reference on its cache. It is let go of outside index_lock,
 * which is below slabs->lock.
 */
#include "vm/task_private.h"

#include "base/client.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>

#define TRIM_MIN 4096u /* addresses; less is not worth a call */

/* ---- Lines ---- */

struct task_objects *task_objects_find(struct task *t, const struct kmem_cache *cache,
				       uint32_t size, gfp_t gfp)
{
	for (unsigned i = 0; i < t->nr_objects; i++) {
		struct task_objects *line = &t->objects[i];
		if (line->cache == cache && line->size == size && line->gfp == gfp)
			return line;
	}
	return NULL;
}

static int line_add(struct task *t, struct kmem_cache *cache, uint32_t size, gfp_t gfp,
		    struct task_objects **out)
{
	int error = -ENOMEM;
	if (t->nr_objects == TASK_KEYS_MAX)
		return -ENOSPC;
	lock_take(&t->index_lock); /* readers walk the lines */
	struct task_objects *lines = mem_realloc(t->objects, (t->nr_objects + 1) * sizeof(*lines));
	if (lines) {
		t->objects = lines;
		*out = &lines[t->nr_objects++];
		**out = (struct task_objects){ .cache = cache, .size = size, .gfp = gfp };
		error = 0;
	}
	lock_drop(&t->index_lock);
	if (!error && cache)
		kmem_cache_get(cache);
	return error;
}

/* The others keep their order, which is the order of reading. */
static void line_drop(struct task *t, struct task_objects *line)
{
	struct kmem_cache *cache = line->cache;
	lock_take(&t->index_lock);
	mem_free(line->object);
	unsigned after = (unsigned)(t->objects + t->nr_objects - line) - 1;
	memmove(line, line + 1, after * sizeof(*line));
	t->nr_objects--;
	lock_drop(&t->index_lock);
	if (cache)
		kmem_cache_put(cache);
}

static int line_reserve(struct task_objects *line, uint64_t cap)
{
	if (cap <= line->cap)
		return 0;
	void **grown = mem_realloc(line->object, cap * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	line->object = grown;
	line->cap = cap;
	return 0;
}

static void line_trim(struct task_objects *line)
{
	if (line->cap < TRIM_MIN || line->nr > line->cap / 4)
		return;
	void **smaller = mem_realloc(line->object, MAX(line->nr, 1u) * sizeof(*smaller));
	if (!smaller)
		return; /* the old array is still right */
	line->object = smaller;
	line->cap = MAX(line->nr, 1u);
}

/* ---- A batch ---- */

static unsigned line_order(const struct task_objects *line)
{
	return line->cache ? line->cache->layout.order : fls64((line->size - 1) >> PAGE_SHIFT);
}

/* Others of the CPU get in between: a batch is a few pages of large objects, or many small objects. */
static unsigned line_batch(const struct task_objects *line)
{
	return line->cache ? TASK_BATCH : MAX(TASK_BATCH >> line_order(line), 1u);
}

static int objects_take(struct task *t, struct task_objects *line, unsigned nr)
{
	struct cpu *c = task_cpu(t);
	void **to = line->object + line->nr;

	cpu_enter(c);
	int error = line->cache ? kmem_cache_alloc_bulk(line->cache, c, line->gfp, nr, to)
				: kmalloc_bulk(&t->vm->kmalloc, c, line->size, line->gfp, nr, to);
	cpu_leave(c);
	if (!error)
		WRITE_RELAXED(&line->nr, line->nr + nr);
	return error;
}

/* The last ones. */
static void objects_give(struct task *t, struct task_objects *line, unsigned nr)
{
	struct cpu *c = task_cpu(t);
	void **from = line->object + line->nr - nr;

	WRITE_RELAXED(&line->nr, line->nr - nr);
	cpu_enter(c);
	if (line->cache)
		kmem_cache_free_bulk(line->cache, c, nr, from);
	for (unsigned i = 0; i < nr && !line->cache; i++)
		kfree(&t->vm->kmalloc, c, from[i]);
	cpu_leave(c);
}

/* The first steps of a shuffle from the end: every set of nr objects is as likely as any other. */
static void objects_choose(struct task *t, struct task_objects *line, unsigned nr)
{
	for (uint64_t left = line->nr; left > line->nr - nr; left--) {
		uint64_t slot = rng_below(&t->rng, left);
		void *chosen = line->object[slot];
		line->object[slot] = line->object[left - 1];
		line->object[left - 1] = chosen;
	}
}

/* ---- More and fewer ---- */

/* The newest objects go, or a random choice. */
static void line_cut(struct task *t, struct task_objects *line, uint64_t nr, bool random)
{
	struct progress progress;
	bool gives = line->nr > nr;
	progress_start(&progress, t->name, "freeing objects", line->nr, nr);
	while (line->nr > nr) {
		unsigned some = (unsigned)MIN(line->nr - nr, line_batch(line));
		if (random)
			objects_choose(t, line, some);
		objects_give(t, line, some);
		if (progress_step(&progress, line->nr))
			task_pause_giving(t);
	}
	if (gives && line->cache)
		kmem_cache_drain(line->cache);
	if (!nr)
		line_drop(t, line);
	else
		line_trim(line);
}

static int line_fill(struct task *t, struct task_objects *line, uint64_t nr)
{
	struct progress progress;
	progress_start(&progress, t->name, "taking objects", line->nr, nr);
	while (line->nr < nr) {
		int error = objects_take(t, line, (unsigned)MIN(nr - line->nr, line_batch(line)));
		if (error)
			return error;
		error = task_ending(t);
		if (!error && progress_step(&progress, line->nr))
			error = task_pause(t);
		if (error)
			return error;
	}
	return 0;
}

/* Could the machine have so many, and the host what describes them: entries of frames, and addresses? */
static int line_room(const struct task *t, const struct task_objects *line, uint64_t nr)
{
	const struct vm *vm = t->vm;
	uint64_t objects = line->cache ? line->cache->layout.objects : 1, order = line_order(line);
	uint64_t more = nr - line->nr;
	if (nr > vm->total_pages * objects >> order)
		return -ENOMEM;
	return vm_tables_room(vm, (DIV_ROUND_UP(more, objects) << order) +
					  more * sizeof(void *) / sizeof(struct page));
}

static int line_grow(struct task *t, struct task_objects *line, uint64_t nr)
{
	uint64_t had = line->nr;
	int error = line_room(t, line, nr);
	if (!error)
		error = line_reserve(line, nr);
	if (!error)
		error = line_fill(t, line, nr);
	if (!error)
		return 0;
	client_fails(error);
	line_cut(t, line, had, false);
	return error;
}

int task_objects_set(struct task *t, struct kmem_cache *cache, uint32_t size, gfp_t gfp, uint64_t nr)
{
	struct task_objects *line = task_objects_find(t, cache, size, gfp);
	int error = 0;
	if (!line && nr)
		error = line_add(t, cache, size, gfp, &line);
	if (error || !line || nr == line->nr)
		return error;
	if (nr > line->nr)
		return line_grow(t, line, nr);
	line_cut(t, line, nr, true);
	return 0;
}

/* ---- Import ---- */

int task_objects_line(struct task *t, struct kmem_cache *cache, uint32_t size, gfp_t gfp,
		      struct task_objects **out)
{
	return task_objects_find(t, cache, size, gfp) ? -EEXIST : line_add(t, cache, size, gfp, out);
}

int task_objects_restore(struct task_objects *line, void *object)
{
	if (line->nr == line->cap && line_reserve(line, MAX(2 * line->cap, 64ul)))
		return -ENOMEM;
	line->object[line->nr++] = object;
	return 0;
}

void task_objects_free_all(struct task *t)
{
	while (t->nr_objects)
		line_cut(t, &t->objects[t->nr_objects - 1], 0, false);
}

void task_objects_fini(struct task *t)
{
	for (unsigned i = 0; i < t->nr_objects; i++)
		mem_free(t->objects[i].object);
	mem_free(t->objects);
}
