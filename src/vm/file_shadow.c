/* SPDX-License-Identifier: MIT */
/*
 * Tree nodes that have nothing but shadows of evicted pages (mm/workingset.c:
 * workingset_update_node, count_shadow_nodes, 6.1). They are of use only as
 * long as pages may come back, so each node of the machine keeps no more of
 * them than would be full of shadows for an eighth of its memory; a shrinker
 * takes the oldest beyond that.
 *
 * A leaf is on the list of the node that its object lies on, from the moment
 * its last page is evicted until it gets one again, in whatever slot, or goes; that
 * it is (shadow_listed) changes with tree held. Lists are below tree
 * (files->lock); shrinking comes from the list, so it holds the inode with a
 * reference, and looks the leaf up again.
 */
#include "vm/filemap_private.h"

#include "base/mem.h"
#include "vm/file_private.h"

#include <errno.h>

static struct node *list_node(const struct tree_node *leaf)
{
	return &leaf->inode->files->vm->machine.node[leaf->shadow_nid];
}

/* files->lock */
static void list_add(struct shadow_list *l, struct tree_node *n)
{
	n->shadow_next = NULL;
	n->shadow_prev = l->tail;
	if (l->tail)
		l->tail->shadow_next = n;
	else
		l->head = n;
	l->tail = n;
}

static void list_del(struct shadow_list *l, struct tree_node *n)
{
	if (n->shadow_prev)
		n->shadow_prev->shadow_next = n->shadow_next;
	else
		l->head = n->shadow_next;
	if (n->shadow_next)
		n->shadow_next->shadow_prev = n->shadow_prev;
	else
		l->tail = n->shadow_prev;
}

/* Where the node's object lies; one in host memory counts where it is emptied. */
static unsigned node_nid(const struct cpu *c, const struct tree_node *n)
{
	const struct vm *vm = n->inode->files->vm;
	const struct machine *m = &vm->machine;
	const char *object = n->own.object;
	if (!object || !vm->region)
		return c->node->id;
	uint64_t pfn = (uint64_t)(object - vm->region->base) >> PAGE_SHIFT;
	FOR_EACH_POPULATED_ZONE(z, m) {
		if (pfn >= z->start_pfn && pfn < z->start_pfn + z->spanned)
			return z->node->id;
	}
	return c->node->id;
}

void shadows_update(struct cpu *c, struct tree_node *leaf)
{
	struct files *f = leaf->inode->files;
	bool wanted = leaf->count && leaf->count == leaf->nr_shadows;
	if (LIKELY(wanted == leaf->shadow_listed))
		return;
	if (wanted)
		leaf->shadow_nid = (uint8_t)node_nid(c, leaf);
	lock_take(&f->lock);
	struct shadow_list *l = &f->shadows[leaf->shadow_nid];
	if (wanted)
		list_add(l, leaf);
	else
		list_del(l, leaf);
	leaf->shadow_listed = wanted;
	WRITE_RELAXED(&l->nr, wanted ? l->nr + 1 : l->nr - 1);
	lock_drop(&f->lock);
	node_stat_add(c, list_node(leaf), WORKINGSET_NODES, wanted ? 1 : -1);
}

void leaf_shed(struct cpu *c, struct file_inode *i, struct tree_node *leaf, struct tree_spares *dead)
{
	shadows_update(c, leaf);
	if (!leaf->count)
		tree_shed(&i->map, leaf, dead);
}

void nodes_free_inside(struct vm *vm, struct cpu *c, struct tree_spares *dead)
{
	while (dead->head)
		own_free_inside(vm, OWN_TREE_NODE, c, spares_pop(dead));
}

/* ---- The shrinker ---- */

static uint64_t shadows_count(void *ctx, unsigned nid)
{
	struct files *f = ctx;
	const struct node *n = &f->vm->machine.node[nid];
	uint64_t present = 0, nr = READ_RELAXED(&f->shadows[nid].nr);
	for (unsigned t = 0; t < MM_ZONE_TYPES_MAX; t++)
		present += n->zone[t] ? n->zone[t]->present : 0;
	uint64_t most = present >> (TREE_SHIFT - 3);
	return nr > most ? nr - most : 0;
}

/* The oldest of a list: its inode, which is held, and where in it. */
static struct file_inode *list_oldest(struct files *f, unsigned nid, uint64_t *index)
{
	struct file_inode *i = NULL;
	struct shadow_list *l = &f->shadows[nid];
	lock_take(&f->lock);
	struct tree_node *n = l->head;
	if (n) {
		i = n->inode;
		i->refs++;
		*index = tree_index(n);
		list_del(l, n); /* to the end: the next turn finds another one */
		list_add(l, n);
	}
	lock_drop(&f->lock);
	return i;
}

static void inode_put_inside(struct file_inode *i, struct cpu *c)
{
	struct files *f = i->files;
	struct file_dead dead = { 0 };
	lock_take(&f->lock);
	if (!--i->refs)
		file_settle(i, &dead);
	lock_drop(&f->lock);
	file_dead_free(f, &dead, c);
}

/* Has it gone? It may have got a page meanwhile. tree held */
static bool leaf_forget(struct cpu *c, struct file_inode *i, struct tree_node *leaf, struct tree_spares *dead)
{
	if (!leaf || !leaf->shadow_listed)
		return false;
	for (unsigned s = 0; s < TREE_SLOTS; s++)
		if (leaf->slot[s])
			tree_set(&i->map, leaf, s, 0);
	leaf_shed(c, i, leaf, dead);
	return true;
}

static uint64_t shadows_scan(void *ctx, struct cpu *c, unsigned nid, uint64_t nr)
{
	struct files *f = ctx;
	struct tree_spares dead = { 0 };
	uint64_t freed = 0, index;
	while (nr--) {
		struct file_inode *i = list_oldest(f, nid, &index);
		if (!i)
			break;
		lock_take(&i->tree);
		freed += leaf_forget(c, i, tree_leaf(&i->map, index), &dead);
		lock_drop(&i->tree);
		nodes_free_inside(f->vm, c, &dead);
		inode_put_inside(i, c);
	}
	if (freed)
		node_stat_add(c, &f->vm->machine.node[nid], WORKINGSET_NODERECLAIM, (int)freed);
	return freed;
}

/* ---- Start and end ---- */

int filemap_init(struct files *f)
{
	const struct machine *m = &f->vm->machine;
	f->dead = mem_zalloc(m->nr_cpu_ids * sizeof(*f->dead));
	f->shadows = mem_zalloc(m->nr_nodes * sizeof(*f->shadows));
	f->shadow_shrinker = (struct shrinker){
		.name = "shadows", .count = shadows_count, .scan = shadows_scan, .ctx = f
	};
	int error = f->dead && f->shadows ? shrinker_register(&f->vm->policy, &f->shadow_shrinker) : -ENOMEM;
	if (error)
		filemap_fini(f);
	return error;
}

/* Nodes that reclaim has emptied last are still waiting. */
void filemap_fini(struct files *f)
{
	struct vm *vm = f->vm;
	for (unsigned c = 0; f->dead && c < vm->machine.nr_cpu_ids; c++)
		while (f->dead[c].nodes.head)
			own_free(vm, OWN_TREE_NODE, &vm->machine.cpu[c], spares_pop(&f->dead[c].nodes));
	mem_free(f->dead);
	mem_free(f->shadows);
	f->dead = NULL;
	f->shadows = NULL;
}
