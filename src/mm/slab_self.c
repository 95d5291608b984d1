/* SPDX-License-Identifier: MIT */
/*
 * The two caches that describe caches. The emulated kernel's descriptors are
 * counted where it has them; what this allocator knows of a cache is in host
 * memory, for it is larger than those objects and has nothing in their place.
 * So nobody writes to them, and their pages cost the host nothing.
 *
 * 6.1 makes its first two descriptors in memory of the boot and copies them
 * into objects when there are any. Here they are made without, and get them
 * in the same round as the other caches of the boot.
 */
#include "mm/slab_self.h"

#include <errno.h>

/* An imported object takes no memory, so it comes first. */
static void *self_alloc(struct kmem_cache *of, unsigned nid)
{
	struct cpu *c = of->slabs->machine->node[nid].first_cpu;
	void *object = kmem_cache_take_imported(of);
	if (object)
		return object;
	cpu_enter(c);
	object = kmem_cache_alloc_node(of, c, (int)nid, GFP_KERNEL);
	cpu_leave(c);
	return object;
}

static void self_free(struct kmem_cache *of, unsigned nid, void **object)
{
	if (!*object)
		return;
	struct cpu *c = of->slabs->machine->node[nid].first_cpu;
	cpu_enter(c);
	kmem_cache_free(of, c, *object);
	cpu_leave(c);
	*object = NULL;
}

static unsigned first_node(const struct machine *m)
{
	unsigned nid = 0;
	while (!m->node[nid].online)
		nid++;
	return nid;
}

int cache_self_take(struct kmem_cache *s)
{
	struct slabs *sl = s->slabs;
	const struct machine *m = sl->machine;
	if (!sl->of_caches)
		return 0;
	s->self = self_alloc(sl->of_caches, first_node(m));
	bool all = s->self;
	for (unsigned n = 0; n < m->nr_nodes && all; n++)
		if (m->node[n].online && m->node[n].has_memory) {
			s->node[n].self = self_alloc(sl->of_nodes, n);
			all = s->node[n].self;
		}
	if (!all)
		cache_self_give(s);
	return all ? 0 : -ENOMEM;
}

void cache_self_give(struct kmem_cache *s)
{
	struct slabs *sl = s->slabs;
	for (unsigned n = 0; n < sl->machine->nr_nodes; n++)
		self_free(sl->of_nodes, n, &s->node[n].self);
	self_free(sl->of_caches, first_node(sl->machine), &s->self);
}

static void cache_self_adopt(struct kmem_cache *s)
{
	struct slabs *sl = s->slabs;
	const struct machine *m = sl->machine;
	if (!s->self)
		s->self = kmem_cache_take_imported(sl->of_caches);
	for (unsigned n = 0; n < m->nr_nodes; n++)
		if (m->node[n].online && m->node[n].has_memory && !s->node[n].self)
			s->node[n].self = kmem_cache_take_imported(sl->of_nodes);
}

/* Nobody makes or destroys caches yet. */
void slabs_self_start(struct slabs *sl, bool imported)
{
	struct kmem_cache *of_caches = kmem_cache_find(sl, "kmem_cache");
	struct kmem_cache *of_nodes = kmem_cache_find(sl, "kmem_cache_node");

	if (!of_caches || !of_nodes || sl->of_caches) {
		if (of_caches)
			kmem_cache_put(of_caches);
		if (of_nodes)
			kmem_cache_put(of_nodes);
		return;
	}
	sl->of_caches = of_caches;
	sl->of_nodes = of_nodes;
	int error = 0;
	for (struct kmem_cache *s = sl->oldest; s && !error; s = s->newer) {
		if (imported)
			cache_self_adopt(s);
		else
			error = cache_self_take(s); /* a machine that small runs with fewer descriptors */
	}
	if (imported)
		return;
	kmem_cache_drain(of_caches);
	kmem_cache_drain(of_nodes);
}
