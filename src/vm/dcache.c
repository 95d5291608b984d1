/* SPDX-License-Identifier: MIT */
/*
 * Names that were looked up (fs/dcache.c, fs/inode.c, 6.1). task->index_lock
 * guards the list. Objects are taken and given outside of it, and own.names is
 * held shared all the while, so that a machine that is held shows each once.
 *
 * Different from Linux: when memory is short names stay until the host lets go
 * of them; a machine that must do the same twice (deterministic) keeps them
 * until the task goes, for when the host forgets a name is its own affair.
 */
#include "vm/dcache.h"

#include "vm/task_private.h"

#include <string.h>

static void dname_free(struct task *t, struct dname *d)
{
	own_free(t->vm, OWN_INODE, task_cpu(t), d->inode);
	own_free(t->vm, OWN_NAME, task_cpu(t), d);
}

static struct dname *dname_alloc(struct task *t, uint64_t parent, const char *name, uint64_t ino)
{
	struct dname *d = own_alloc(t->vm, OWN_NAME, task_cpu(t), sizeof(*d));
	if (!d)
		return NULL;
	d->inode = own_alloc(t->vm, OWN_INODE, task_cpu(t), sizeof(*d->inode));
	if (!d->inode) {
		dname_free(t, d);
		return NULL;
	}
	d->inode->ino = ino;
	d->parent = parent;
	memcpy(d->name, name, strnlen(name, DNAME_INLINE - 1));
	return d;
}

/* The place where it hangs, or the end. index_lock held. */
static struct dname **dname_find(struct task *t, uint64_t ino)
{
	struct dname **link = &t->names;
	while (*link && (*link)->inode->ino != ino)
		link = &(*link)->next;
	return link;
}

/* One more lookup of a name that is there. */
static bool dname_again(struct task *t, uint64_t ino)
{
	lock_take(&t->index_lock);
	struct dname *d = *dname_find(t, ino);
	if (d)
		d->inode->nlookup++;
	lock_drop(&t->index_lock);
	return d;
}

/* False: somebody was faster, or the task is going. */
static bool dname_hang(struct task *t, struct dname *d)
{
	lock_take(&t->index_lock);
	struct dname **link = dname_find(t, d->inode->ino);
	bool hung = !*link && !task_dead(t);
	if (hung)
		*link = d;
	if (*link)
		(*link)->inode->nlookup++;
	lock_drop(&t->index_lock);
	return hung;
}

static void dname_add(struct task *t, uint64_t parent, const char *name, uint64_t ino)
{
	if (dname_again(t, ino))
		return;
	struct dname *d = dname_alloc(t, parent, name, ino);
	if (d && !dname_hang(t, d))
		dname_free(t, d);
}

void dcache_add(struct task *t, uint64_t parent, const char *name, uint64_t ino)
{
	pthread_rwlock_rdlock(&t->vm->own.names);
	dname_add(t, parent, name, ino);
	pthread_rwlock_unlock(&t->vm->own.names);
}

/* Off the list when nothing of it is left; then it is the caller's. */
static struct dname *dname_forget(struct task *t, uint64_t ino, uint64_t nlookup)
{
	lock_take(&t->index_lock);
	struct dname **link = dname_find(t, ino), *d = *link;
	if (d) {
		d->inode->nlookup -= MIN(d->inode->nlookup, nlookup);
		if (d->inode->nlookup)
			d = NULL;
		else
			*link = d->next;
	}
	lock_drop(&t->index_lock);
	return d;
}

void dcache_forget(struct task *t, uint64_t ino, uint64_t nlookup)
{
	if (t->vm->deterministic)
		return;
	pthread_rwlock_rdlock(&t->vm->own.names);
	struct dname *d = dname_forget(t, ino, nlookup);
	if (d)
		dname_free(t, d);
	pthread_rwlock_unlock(&t->vm->own.names);
}

void dcache_drop(struct task *t)
{
	pthread_rwlock_rdlock(&t->vm->own.names);
	lock_take(&t->index_lock);
	struct dname *d = t->names;
	t->names = NULL;
	lock_drop(&t->index_lock);
	while (d) {
		struct dname *next = d->next;
		dname_free(t, d);
		d = next;
	}
	pthread_rwlock_unlock(&t->vm->own.names);
}

struct dname *dcache_restore(struct task *t, uint64_t parent, const char *name, uint64_t ino)
{
	struct dname *d = dname_alloc(t, parent, name, ino), **link = &t->names;
	while (*link)
		link = &(*link)->next;
	if (d)
		*link = d;
	return d;
}

unsigned dcache_count(struct task *t)
{
	unsigned nr = 0;
	lock_take(&t->index_lock);
	for (const struct dname *d = t->names; d; d = d->next)
		nr++;
	lock_drop(&t->index_lock);
	return nr;
}
