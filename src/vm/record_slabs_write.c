/* SPDX-License-Identifier: MIT */
/*
 * Slab caches, for the frame record: what each is, then its slabs with their
 * free objects as bits. Who holds the objects in use is in the lines of tasks
 * and of record_own.c; what nobody holds is nobody's when it comes back.
 *
 *   cache NUMBER NAME fields        oldest first, numbers from 1
 *   slabs NUMBER pfn= order= migratetype= free=
 *                                   slabs as they go onto their lists, one after the other;
 *                                   free: words of 64 bits, as many as the slab's objects need
 *   task_objects TASK CACHE BYTES GFP SERIES
 *                                   a line of slab (BYTES 0) or of kmalloc; CACHE 0: whole pages.
 *                                   An object is its slab's first frame * 512 + its number
 */
#include "vm/record_private.h"

#include "base/mem.h"

#include <errno.h>

struct slabs_out {
	struct vm *vm;
	struct text pfn, order, type, free;
	struct series_out pfn_out, order_out, type_out, free_out;
};

/* A cache by its number in the record: the oldest is 1. */
static uint64_t record_cache_number(const struct kmem_cache *s)
{
	uint64_t number = 0;
	for (; s; s = s->older)
		number++;
	return number;
}

static uint64_t object_number(const struct kmem_cache *s, const void *object)
{
	const struct page *slab = object_slab(s, object);
	return record_object_number(page_pfn(s->slabs->machine, slab), slab_index(s, slab, object));
}

/* ---- Slabs ---- */

static void list_write(struct slabs_out *o, const struct kmem_cache *s, const struct page_list *list)
{
	const struct machine *m = &o->vm->machine;
	for (pfn_t pfn = list->tail; pfn; pfn = pfn_page(m, pfn)->prev) {
		struct page *slab = pfn_page(m, pfn);
		const uint64_t *bits = slab_free_bits(s, slab);
		series_put(&o->pfn_out, pfn);
		series_put(&o->order_out, slab->order);
		series_put(&o->type_out, slab->migratetype);
		for (unsigned w = 0; w * 64 < slab_objects(s, slab); w++)
			series_put(&o->free_out, bits[w]);
	}
}

/* Each goes to the head of its list when it comes back. */
static void node_write(struct slabs_out *o, const struct kmem_cache *s, const struct cache_node *n)
{
	list_write(o, s, &n->full);
	list_write(o, s, &n->partial);
	list_write(o, s, &n->free);
}

static void series_write(struct text *t, const char *name, struct text *from, struct series_out *out)
{
	series_end(out);
	text_str(t, name);
	text_bytes(t, from->buf, from->len);
	if (text_error(from))
		t->error = t->error ? t->error : -ENOMEM;
	text_fini(from);
}

static void series_start(struct text *t, struct series_out *out)
{
	text_init(t, SIZE_MAX / 2);
	series_begin(out, t);
}

static void cache_slabs_write(struct text *t, struct slabs_out *o, const struct kmem_cache *s, unsigned number)
{
	series_start(&o->pfn, &o->pfn_out);
	series_start(&o->order, &o->order_out);
	series_start(&o->type, &o->type_out);
	series_start(&o->free, &o->free_out);
	for (unsigned n = 0; n < o->vm->machine.nr_nodes; n++)
		node_write(o, s, &s->node[n]);
	text_printf(t, "slabs %u", number);
	series_write(t, " pfn=", &o->pfn, &o->pfn_out);
	series_write(t, " order=", &o->order, &o->order_out);
	series_write(t, " migratetype=", &o->type, &o->type_out);
	series_write(t, " free=", &o->free, &o->free_out);
	text_char(t, '\n');
}

static bool cache_has_slabs(const struct kmem_cache *s)
{
	for (unsigned n = 0; n < s->slabs->machine->nr_nodes; n++)
		if (s->node[n].nr_slabs)
			return true;
	return false;
}

void record_slabs_write(struct text *t, struct vm *vm)
{
	struct slabs_out o = { .vm = vm };
	unsigned number = 0;
	for (const struct kmem_cache *s = vm->slabs.oldest; s; s = s->newer) {
		text_printf(t, "cache %u ", ++number);
		record_name_write(t, s->name);
		fields_write(t, &fields_cache, s);
		text_char(t, '\n');
		if (cache_has_slabs(s))
			cache_slabs_write(t, &o, s, number);
	}
}

/* ---- Objects of tasks ---- */

static void objects_write(struct text *t, const struct task *task, const struct task_objects *line)
{
	const struct slabs *sl = &task->vm->slabs;
	struct series_out s;
	text_printf(t, "task_objects %u %lu %u %u ", task->id, record_cache_number(line->cache),
		    line->size, line->gfp);
	series_begin(&s, t);
	for (uint64_t i = 0; i < line->nr; i++)
		series_put(&s, line->cache ? object_number(line->cache, line->object[i])
					   : record_object_number(object_pfn(sl, line->object[i]), 0));
	series_end(&s);
	text_char(t, '\n');
}

void record_objects_write(struct text *t, const struct task *task)
{
	for (unsigned i = 0; i < task->nr_objects; i++)
		objects_write(t, task, &task->objects[i]);
}
