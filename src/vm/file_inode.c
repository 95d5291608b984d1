/* SPDX-License-Identifier: MIT */
/*
 * Inodes (fs/inode.c, 6.1): made, found again, and who still needs them.
 * They are found by identity while a name in the store leads to them: the store
 * may use the number again as soon as the last one is gone.
 *
 * Taking apart. Under files->lock an inode that nobody needs leaves the hash
 * and its list and becomes FILE_DYING; outside its pages go, and under the lock
 * again its number. Whoever came by another way meanwhile (writeback, from the
 * list of dirty ones) holds a reference, and the last of those does it anew.
 */
#include "vm/file_private.h"

#include "base/mem.h"
#include "vm/filemap.h"

#include <errno.h>
#include <string.h>

/* ---- Objects ---- */

struct file_inode *file_inode_alloc(struct files *f)
{
	struct cpu *c = files_cpu(f);
	struct file_inode *i = own_alloc(f->vm, file_inode_kind(f), c, sizeof(*i));
	if (!i)
		return NULL;
	i->files = f;
	i->nid = file_object_nid(f, file_inode_kind(f), &i->own, c);
	i->children_end = &i->children;
	lock_init(&i->tree, RANK_OWNER, 0);
	lock_init(&i->write, RANK_TASK, 0);
	gate_init(&i->io); /* readers come and go: whoever cuts the file must not wait for ever */
	return i;
}

static void inode_free(struct file_inode *i, struct cpu *inside)
{
	struct files *f = i->files;
	pthread_rwlock_destroy(&i->io);
	lock_fini(&i->write);
	lock_fini(&i->tree);
	if (inside)
		own_free_inside(f->vm, file_inode_kind(f), inside, i);
	else
		own_free(f->vm, file_inode_kind(f), files_cpu(f), i);
}

void file_inode_free(struct file_inode *i)
{
	if (i)
		inode_free(i, NULL);
}

/* ---- References ---- */

static bool file_id_valid(const struct files *f, uint64_t ino)
{
	const struct file_inode *i = file_slot_at(f, owner_id((uint32_t)ino));
	return i && file_ino(i) == ino && !(i->flags & FILE_DYING);
}

struct file_inode *file_get(struct files *f, uint64_t ino)
{
	struct file_inode *i = NULL;
	lock_take(&f->lock);
	if (file_id_valid(f, ino)) {
		i = file_slot_at(f, owner_id((uint32_t)ino));
		i->refs++;
	}
	lock_drop(&f->lock);
	return i;
}

struct file_inode *file_hold(struct file_inode *i)
{
	lock_take(&i->files->lock);
	i->refs++;
	lock_drop(&i->files->lock);
	return i;
}

void file_put(struct file_inode *i)
{
	struct files *f = i->files;
	struct file_dead dead = { 0 };
	lock_take(&f->lock);
	ASSERT(i->refs);
	if (!--i->refs)
		file_settle(i, &dead);
	lock_drop(&f->lock);
	file_dead_free(f, &dead, NULL);
}

void file_known(struct file_inode *i)
{
	lock_take(&i->files->lock);
	i->nlookup++;
	lock_drop(&i->files->lock);
}

/*
 * Names that the host was asked to forget go with its last answer, and so does
 * what they led to: shrinking wanted both. Those of a directory may be shrunk now.
 */
static void inode_forgotten(struct file_inode *i, struct file_dead *dead)
{
	bool asked = false;
	for (struct file_name *n = i->names, *next; n; n = next) {
		next = n->alias;
		if (n->flags & FILE_ASKED) {
			asked = true;
			file_name_cut(n, dead);
		} else if (file_is_dir(i)) {
			file_lru_touch_name(n);
		}
	}
	if (asked && file_is_idle(i) && file_is_shrinkable(i) && !READ_RELAXED(&i->map.nr_pages))
		file_inode_retire(i, dead);
	else
		file_settle(i, dead);
}

void file_forget(struct files *f, uint64_t ino, uint64_t nlookup)
{
	struct file_dead dead = { 0 };
	lock_take(&f->lock);
	if (file_id_valid(f, ino)) {
		struct file_inode *i = file_slot_at(f, owner_id((uint32_t)ino));
		i->nlookup -= MIN(i->nlookup, nlookup);
		if (!i->nlookup)
			inode_forgotten(i, &dead);
	}
	lock_drop(&f->lock);
	file_dead_free(f, &dead, NULL);
}

/* ---- The end ---- */

void file_inode_removed(struct file_inode *i)
{
	file_unhash(i);
	i->flags |= FILE_REMOVED;
}

void file_inode_retire(struct file_inode *i, struct file_dead *dead)
{
	file_unhash(i);
	file_lru_del_inode(i);
	i->flags |= FILE_DYING;
	i->hash_next = dead->inodes;
	dead->inodes = i;
}

/* Nothing but shrinking frees an inode that the store still has: it may be looked up again. */
void file_settle(struct file_inode *i, struct file_dead *dead)
{
	if ((i->flags & FILE_DYING) || !file_is_idle(i))
		return;
	if (i->flags & FILE_REMOVED)
		file_inode_retire(i, dead);
	else
		file_lru_touch_inode(i);
}

void file_inode_emptied(struct file_inode *i)
{
	struct files *f = i->files;
	lock_take(&f->lock);
	if (file_is_idle(i) && !(i->flags & (FILE_ON_LRU | FILE_REMOVED)))
		file_lru_touch_inode(i);
	lock_drop(&f->lock);
}

/* Reclaim may be at its last page: passing the lock says that it is done with the inode. */
static void inode_empty(struct file_inode *i, struct cpu *inside)
{
	lock_take(&i->tree);
	bool empty = !i->map.root;
	lock_drop(&i->tree);
	if (empty)
		return;
	if (inside)
		cpu_leave(inside);
	filemap_drop_all(i);
	if (inside)
		cpu_enter(inside);
}

/* What is dirty of it is nobody's any more. files->lock */
static void dirty_unlist(struct file_inode *i)
{
	struct files *f = i->files;
	if (!(i->flags & FILE_DIRTY_LISTED))
		return;
	*(i->dirty_prev ? &i->dirty_prev->dirty_next : &f->dirty_head) = i->dirty_next;
	*(i->dirty_next ? &i->dirty_next->dirty_prev : &f->dirty_tail) = i->dirty_prev;
	i->flags &= (uint16_t)~FILE_DIRTY_LISTED;
}

static void inode_end(struct file_inode *i, struct cpu *inside)
{
	struct files *f = i->files;
	inode_empty(i, inside);
	lock_take(&f->lock);
	bool idle = file_is_idle(i);
	if (idle) {
		dirty_unlist(i);
		file_id_give(f, i);
	}
	i->flags = (uint16_t)((i->flags & ~FILE_DYING) | FILE_REMOVED);
	lock_drop(&f->lock);
	if (!idle)
		return;
	if (i->store)
		f->store->forget(i);
	inode_free(i, inside);
}

void file_dead_free(struct files *f, struct file_dead *dead, struct cpu *c)
{
	for (struct file_name *n = dead->names, *next; n; n = next) {
		next = n->alias;
		file_name_free(f, n, c);
	}
	for (struct file_inode *i = dead->inodes, *next; i; i = next) {
		next = i->hash_next;
		inode_end(i, c);
	}
	*dead = (struct file_dead){ 0 };
}

struct file_inode *file_inode_find(struct files *f, uint64_t dev, uint64_t ino)
{
	lock_take(&f->lock);
	struct file_inode *i = file_hash_find(f, dev, ino);
	if (i)
		i->refs++;
	lock_drop(&f->lock);
	return i;
}

/* Known already, with a reference. A number that is of another type now has been used again. files->lock */
static struct file_inode *inode_known(struct files *f, const struct file_attr *attr)
{
	struct file_inode *i = file_hash_find(f, attr->dev, attr->ino);
	if (i && ((READ_RELAXED(&i->attr.mode) ^ attr->mode) & S_IFMT)) {
		file_unhash(i);
		i = NULL;
	}
	if (i)
		i->refs++;
	return i;
}

/* True: the new one is in the tables, with a reference. files->lock */
static bool inode_enter(struct files *f, struct file_inode *i, const struct file_attr *attr)
{
	file_attr_first(i, attr);
	if (!file_id_take(f, i))
		return false;
	i->refs = 1;
	file_hash_add(f, i);
	return true;
}

struct file_inode *file_inode_obtain_with(struct files *f, const struct file_attr *attr,
					  struct file_inode **spare)
{
	bool fresh = false;
	file_hash_reserve(f);
	if (!file_slots_reserve(f))
		return NULL;
	lock_take(&f->lock);
	struct file_inode *i = inode_known(f, attr);
	if (!i && *spare && inode_enter(f, *spare, attr)) {
		i = *spare;
		*spare = NULL;
		fresh = true;
	}
	lock_drop(&f->lock);
	if (i && !fresh)
		file_inode_refresh(i, attr);
	return i;
}

struct file_inode *file_inode_obtain(struct files *f, const struct file_attr *attr)
{
	struct file_inode *spare = NULL;
	struct file_inode *i = file_inode_obtain_with(f, attr, &spare);
	if (i)
		return i;
	spare = file_inode_alloc(f);
	if (spare)
		i = file_inode_obtain_with(f, attr, &spare);
	file_inode_free(spare);
	return i;
}

int file_root(struct files *f, struct file_inode **out)
{
	struct file_attr attr;
	int error = 0;
	struct file_inode *root = READ_ACQUIRE(&f->root);
	if (!root) {
		lock_take(&f->start);
		if (!f->root) {
			error = f->store->start(f);
			if (!error)
				error = f->store->root(f, &attr);
			root = error ? NULL : file_inode_obtain(f, &attr);
			if (root)
				WRITE_RELEASE(&f->root, root);
		}
		root = f->root;
		lock_drop(&f->start);
	}
	if (!root)
		return error ? error : -ENOMEM;
	*out = file_hold(root);
	return 0;
}

/* ---- The end of all ---- */

/* However many names and references there are: nobody comes any more. */
static void inode_discard(struct file_inode *i)
{
	struct files *f = i->files;
	struct file_dead dead = { 0 };
	while (i->names)
		file_name_cut(i->names, &dead);
	while (i->children)
		file_name_cut(i->children, &dead);
	dead.inodes = NULL; /* all of them are met in the table */
	file_dead_free(f, &dead, NULL);
	lock_take(&f->lock);
	file_lru_del_inode(i);
	i->flags |= FILE_REMOVED; /* its last page goes now: nobody may list it for that */
	lock_drop(&f->lock);
	inode_empty(i, NULL);
	if (i->store)
		f->store->forget(i);
	file_id_give(f, i);
	inode_free(i, NULL);
}

void file_tables_fini(struct files *f)
{
	for (uint32_t id = 1; id < file_slots_used(f); id++) {
		struct file_inode *i = file_slot_at(f, id);
		if (i)
			inode_discard(i);
	}
	f->root = NULL;
	file_slots_fini(f);
}
