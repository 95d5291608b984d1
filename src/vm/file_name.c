/* SPDX-License-Identifier: MIT */
/*
 * Names that were looked up (fs/dcache.c, 6.1): found by directory and
 * spelling, listed with the other names of their inode and of their directory.
 * A name keeps both inodes. files->lock guards all of it; names are made
 * before it is taken and freed after it was dropped.
 *
 * Different from Linux: names that lead nowhere (negative dentries) are not
 * kept, the host keeps those.
 */
#include "vm/file_private.h"

#include "base/mem.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define HASH_FIRST 1024u

/* ---- By directory and spelling ---- */

static uint32_t name_hash(const struct file_inode *dir, const char *name)
{
	uint64_t h = 0xcbf29ce484222325ull ^ dir->id;
	for (const unsigned char *c = (const unsigned char *)name; *c; c++)
		h = (h ^ *c) * 0x100000001b3ull;
	return (uint32_t)(h ^ h >> 32);
}

static struct file_name **hash_chain(struct files *f, uint32_t hash)
{
	return &f->name_hash[hash & (f->name_hash_size - 1)];
}

static struct file_name *hash_find(struct file_inode *dir, const char *name)
{
	uint32_t hash = name_hash(dir, name);
	struct file_name *n = *hash_chain(dir->files, hash);
	while (n && (n->hash != hash || n->dir != dir || strcmp(n->name, name)))
		n = n->hash_next;
	return n;
}

static void hash_add(struct files *f, struct file_name *n)
{
	struct file_name **chain = hash_chain(f, n->hash);
	n->hash_next = *chain;
	*chain = n;
}

static void hash_del(struct files *f, struct file_name *n)
{
	struct file_name **link = hash_chain(f, n->hash);
	while (*link != n)
		link = &(*link)->hash_next;
	*link = n->hash_next;
}

static struct file_name **hash_replace(struct files *f, struct file_name **table, uint64_t size)
{
	struct file_name **old = f->name_hash;
	uint64_t old_size = f->name_hash_size;
	f->name_hash = table;
	WRITE_RELAXED(&f->name_hash_size, size);
	for (uint64_t at = 0; at < old_size; at++) {
		for (struct file_name *n = old[at], *next; n; n = next) {
			next = n->hash_next;
			hash_add(f, n);
		}
	}
	return old;
}

static void hash_reserve(struct files *f)
{
	uint64_t size = READ_RELAXED(&f->name_hash_size);
	if (READ_RELAXED(&f->nr_names) < size)
		return;
	struct file_name **table = mem_zalloc(size * 2 * sizeof(struct file_name *));
	if (!table)
		return;
	lock_take(&f->lock);
	if (f->name_hash_size == size)
		table = hash_replace(f, table, size * 2);
	lock_drop(&f->lock);
	mem_free(table);
}

/* ---- By directory, in the order of adding ---- */

static void child_add(struct file_name *n)
{
	struct file_inode *dir = n->dir;
	n->order = ++dir->next_order;
	n->child = NULL;
	n->child_link = dir->children_end;
	*dir->children_end = n;
	dir->children_end = &n->child;
	dir->nr_children++;
}

static void child_del(struct file_name *n)
{
	*n->child_link = n->child;
	if (n->child)
		n->child->child_link = n->child_link;
	else
		n->dir->children_end = n->child_link;
	n->dir->nr_children--;
}

/* ---- In and out of all tables. files->lock ---- */

static void name_link(struct file_name *n, struct file_inode *dir, struct file_inode *i)
{
	struct files *f = dir->files;
	n->dir = dir;
	n->inode = i;
	n->hash = name_hash(dir, n->name);
	n->flags = f->store->in_memory ? FILE_PINNED : 0;
	hash_add(f, n);
	child_add(n);
	n->alias = i->names;
	i->names = n;
	file_lru_del_inode(i);
	file_lru_del_inode(dir);
	WRITE_RELAXED(&f->nr_names, f->nr_names + 1);
	file_lru_touch_name(n);
}

static void name_unlink(struct file_name *n)
{
	struct files *f = n->dir->files;
	struct file_name **link = &n->inode->names;
	while (*link != n)
		link = &(*link)->alias;
	*link = n->alias;
	hash_del(f, n);
	child_del(n);
	file_asked_clear(n);
	file_lru_del_name(n);
	WRITE_RELAXED(&f->nr_names, f->nr_names - 1);
}

/* The last name in a directory has gone: its own one may be shrunk now. */
static void dir_settle(struct file_inode *dir, struct file_dead *dead)
{
	if (!dir->children && dir->names)
		file_lru_touch_name(dir->names);
	file_settle(dir, dead);
}

void file_name_cut(struct file_name *n, struct file_dead *dead)
{
	name_unlink(n);
	n->alias = dead->names;
	dead->names = n;
	file_settle(n->inode, dead);
	dir_settle(n->dir, dead);
}

/* ---- Objects ---- */

struct file_name *file_name_alloc(struct files *f, const char *name)
{
	struct cpu *c = files_cpu(f);
	size_t size = strlen(name) + 1;
	struct file_name *n = own_alloc(f->vm, OWN_NAME, c, sizeof(*n));
	if (!n)
		return NULL;
	n->nid = file_object_nid(f, OWN_NAME, &n->own, c);
	n->name = size <= FILE_NAME_INLINE ? n->short_name : mem_zalloc(size);
	if (!n->name) {
		own_free(f->vm, OWN_NAME, c, n);
		return NULL;
	}
	memcpy(n->name, name, size);
	return n;
}

void file_name_free(struct files *f, struct file_name *n, struct cpu *c)
{
	if (!n)
		return;
	if (n->name != n->short_name)
		mem_free(n->name);
	if (c)
		own_free_inside(f->vm, OWN_NAME, c, n);
	else
		own_free(f->vm, OWN_NAME, files_cpu(f), n);
}

/* ---- What is known ---- */

/* It leads to i already, and was used now. files->lock */
static bool name_again(struct file_inode *dir, const char *name, const struct file_inode *i)
{
	struct file_name *n = hash_find(dir, name);
	if (!n || n->inode != i)
		return false;
	file_asked_clear(n);
	file_lru_touch_name(n);
	return true;
}

void file_name_put(struct file_name *n, struct file_inode *dir, struct file_inode *i)
{
	struct files *f = dir->files;
	struct file_dead dead = { 0 };
	hash_reserve(f);
	lock_take(&f->lock);
	struct file_name *old = hash_find(dir, n->name);
	bool again = old && old->inode == i;
	if (again) {
		file_asked_clear(old);
		file_lru_touch_name(old);
	} else {
		if (old)
			file_name_cut(old, &dead);
		name_link(n, dir, i);
	}
	lock_drop(&f->lock);
	if (again)
		file_name_free(f, n, NULL);
	file_dead_free(f, &dead, NULL);
}

int file_name_add(struct file_inode *dir, const char *name, struct file_inode *i)
{
	struct files *f = dir->files;
	lock_take(&f->lock);
	bool again = name_again(dir, name, i);
	lock_drop(&f->lock);
	if (again)
		return 0;
	struct file_name *n = file_name_alloc(f, name);
	if (!n) {
		file_name_del(dir, name); /* it may lead elsewhere */
		return -ENOMEM;
	}
	file_name_put(n, dir, i);
	return 0;
}

void file_name_del(struct file_inode *dir, const char *name)
{
	struct files *f = dir->files;
	struct file_dead dead = { 0 };
	lock_take(&f->lock);
	struct file_name *n = hash_find(dir, name);
	if (n)
		file_name_cut(n, &dead);
	lock_drop(&f->lock);
	file_dead_free(f, &dead, NULL);
}

struct file_inode *file_name_find(struct file_inode *dir, const char *name)
{
	struct file_inode *i = NULL;
	lock_take(&dir->files->lock);
	struct file_name *n = hash_find(dir, name);
	if (n) {
		file_asked_clear(n);
		file_lru_touch_name(n);
		i = n->inode;
		i->refs++;
	}
	lock_drop(&dir->files->lock);
	return i;
}

/* The new spelling takes the place of the old one; without it the name is forgotten, and whatever it replaces. */
void file_name_put_moved(struct file_inode *dir, const char *name, struct file_name *moved,
			 struct file_inode *to)
{
	struct files *f = dir->files;
	struct file_dead dead = { 0 };
	hash_reserve(f);
	lock_take(&f->lock);
	struct file_name *n = hash_find(dir, name), *old = moved ? hash_find(to, moved->name) : NULL;
	struct file_inode *i = n ? n->inode : NULL;
	bool same = old && old == n;
	if (i && moved && !same)
		name_link(moved, to, i);
	if (old && !same)
		file_name_cut(old, &dead);
	if (n && !same)
		file_name_cut(n, &dead);
	lock_drop(&f->lock);
	if (!i || same)
		file_name_free(f, moved, NULL);
	file_dead_free(f, &dead, NULL);
}

static void name_turn(struct file_name *n, struct file_inode *to)
{
	struct file_name **link = &n->inode->names;
	while (*link != n)
		link = &(*link)->alias;
	*link = n->alias;
	n->inode = to;
	n->alias = to->names;
	to->names = n;
}

void file_name_swap(struct file_inode *dir, const char *name, struct file_inode *to, const char *to_name)
{
	struct files *f = dir->files;
	struct file_dead dead = { 0 };
	lock_take(&f->lock);
	struct file_name *a = hash_find(dir, name), *b = hash_find(to, to_name);
	if (a && b) {
		struct file_inode *of_a = a->inode;
		name_turn(a, b->inode);
		name_turn(b, of_a);
	} else {
		if (a)
			file_name_cut(a, &dead);
		if (b)
			file_name_cut(b, &dead);
	}
	lock_drop(&f->lock);
	file_dead_free(f, &dead, NULL);
}

int file_name_any(struct file_inode *i, struct file_inode **dir, char *name)
{
	struct files *f = i->files;
	lock_take(&f->lock);
	struct file_name *n = i->names;
	if (n) {
		snprintf(name, NAME_MAX + 1, "%s", n->name);
		*dir = n->dir;
		n->dir->refs++;
	}
	lock_drop(&f->lock);
	return n ? 0 : -ESTALE;
}

/* ---- The tables ---- */

int file_name_tables_init(struct files *f)
{
	f->name_hash = mem_zalloc(HASH_FIRST * sizeof(struct file_name *));
	f->name_hash_size = f->name_hash ? HASH_FIRST : 0;
	return f->name_hash ? 0 : -ENOMEM;
}

void file_name_tables_fini(struct files *f)
{
	ASSERT(!f->nr_names);
	mem_free(f->name_hash);
	f->name_hash = NULL;
}
