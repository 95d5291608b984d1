/* SPDX-License-Identifier: MIT */
/*
 * Names of dev/hugepages (fs/hugetlbfs/inode.c, fs/libfs.c, 6.1). They are
 * nowhere but here. A name is found through a hash of directory and name; in
 * its directory it stands behind those that came before it, with a number that
 * does not change while it is there, so a position of readdir stays right.
 *
 * What a change needs is allocated before it takes the lock, checked and done
 * under it, and what it leaves over is freed after it.
 */
#include "vm/hugetlbfs_private.h"

#include "base/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define FIRST_POSITION 2u /* of the first name; "." and ".." stand before it */

struct huge_name *huge_name_alloc(struct hugetlbfs *h, const char *name)
{
	struct vm *vm = h->vm;
	size_t len = strlen(name);
	struct huge_name *n = own_alloc(vm, OWN_NAME, huge_cpu(h), sizeof(*n));
	if (!n)
		return NULL;
	n->name = len < sizeof(n->short_name) ? n->short_name : mem_zalloc(len + 1);
	if (!n->name) {
		own_free(vm, OWN_NAME, huge_cpu(h), n);
		return NULL;
	}
	memcpy(n->name, name, len + 1);
	return n;
}

void huge_name_free(struct hugetlbfs *h, struct huge_name *n)
{
	if (!n)
		return;
	if (n->name != n->short_name)
		mem_free(n->name);
	own_free(h->vm, OWN_NAME, huge_cpu(h), n);
}

/* ---- The hash ---- */

static uint32_t hash_of(const struct huge_inode *dir, const char *name)
{
	uint32_t h = 2166136261u ^ dir->id * 2654435761u;
	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		h = (h ^ *p) * 16777619u;
	return h ^ h >> 15;
}

static void hash_add(struct huge_name **hash, uint64_t size, struct huge_name *n)
{
	struct huge_name **head = &hash[n->hash & (size - 1)];
	n->hash_next = *head;
	*head = n;
}

static void rehash(struct hugetlbfs *h, struct huge_name **bigger, uint64_t size)
{
	for (uint64_t k = 0; k < h->hash_size; k++)
		while (h->hash[k]) {
			struct huge_name *n = h->hash[k];
			h->hash[k] = n->hash_next;
			hash_add(bigger, size, n);
		}
}

/* Twice as large when it is full; without memory for that chains get longer. */
void huge_hash_reserve(struct hugetlbfs *h)
{
	lock_take(&h->lock);
	uint64_t size = h->nr_names >= h->hash_size ? h->hash_size * 2 : 0;
	lock_drop(&h->lock);
	struct huge_name **bigger = size ? mem_zalloc(size * sizeof(*bigger)) : NULL, **old = bigger;
	if (!bigger)
		return;
	lock_take(&h->lock);
	if (h->hash_size < size) {
		rehash(h, bigger, size);
		old = h->hash;
		h->hash = bigger;
		h->hash_size = size;
	}
	lock_drop(&h->lock);
	mem_free(old);
}

struct huge_name *huge_name_find(const struct huge_inode *dir, const char *name)
{
	const struct hugetlbfs *h = dir->fs;
	uint32_t hash = hash_of(dir, name);
	struct huge_name *n = h->hash[hash & (h->hash_size - 1)];
	while (n && (n->dir != dir || n->hash != hash || strcmp(n->name, name)))
		n = n->hash_next;
	return n;
}

/* ---- Hanging up and taking down. Lock held ---- */

static void alias_add(struct huge_name *n, struct huge_inode *i)
{
	n->inode = i;
	n->alias = i->names;
	i->names = n;
}

static void alias_del(struct huge_name *n)
{
	struct huge_name **link = &n->inode->names;
	while (*link != n)
		link = &(*link)->alias;
	*link = n->alias;
}

/* nlink of both is the caller's. */
void huge_name_add(struct huge_name *n, struct huge_inode *dir, struct huge_inode *i)
{
	struct hugetlbfs *h = dir->fs;
	n->dir = dir;
	n->hash = hash_of(dir, n->name);
	hash_add(h->hash, h->hash_size, n);
	n->order = dir->next_order++;
	n->next = NULL;
	n->prev = dir->last;
	if (n->prev)
		n->prev->next = n;
	else
		dir->first = n;
	dir->last = n;
	alias_add(n, i);
	h->nr_names++;
}

static void name_del(struct huge_name *n)
{
	struct hugetlbfs *h = n->dir->fs;
	struct huge_name **link = &h->hash[n->hash & (h->hash_size - 1)];
	while (*link != n)
		link = &(*link)->hash_next;
	*link = n->hash_next;
	if (n->prev)
		n->prev->next = n->next;
	else
		n->dir->first = n->next;
	if (n->next)
		n->next->prev = n->prev;
	else
		n->dir->last = n->prev;
	alias_del(n);
	h->nr_names--;
}

/* ---- Finding and making ---- */

int huge_lookup(struct huge_inode *dir, const char *name, struct huge_inode **out)
{
	struct hugetlbfs *h = dir->fs;
	if (!huge_is_dir(dir))
		return -ENOTDIR;
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	lock_take(&h->lock);
	const struct huge_name *n = huge_name_find(dir, name);
	*out = n ? n->inode : NULL;
	if (n)
		huge_hold(n->inode);
	lock_drop(&h->lock);
	return n ? 0 : -ENOENT;
}

/* May there be one more of this name? Lock held */
static int place_check(const struct huge_inode *dir, const char *name)
{
	if (!dir->attr.nlink)
		return -ENOENT;
	return huge_name_find(dir, name) ? -EEXIST : 0;
}

static int name_check(const struct huge_inode *dir, const char *name)
{
	if (!huge_is_dir(dir))
		return -ENOTDIR;
	return strlen(name) > NAME_MAX ? -ENAMETOOLONG : 0;
}

/* What is made has its own link and, a directory, the one of its "."; ".." is one of the directory above. */
static int made_hang(struct huge_inode *dir, struct huge_name *n, struct huge_inode *i)
{
	struct hugetlbfs *h = dir->fs;
	lock_take(&h->lock);
	int error = place_check(dir, n->name);
	if (!error) {
		bool is_dir = huge_is_dir(i);
		huge_name_add(n, dir, i);
		i->attr.nlink = is_dir ? 2 : 1;
		dir->attr.nlink += is_dir;
		huge_touch(dir, HUGE_MTIME | HUGE_CTIME);
	}
	lock_drop(&h->lock);
	return error;
}

int huge_make(struct huge_inode *dir, const char *name, const struct huge_making *m, struct huge_inode **out)
{
	struct hugetlbfs *h = dir->fs;
	int error = name_check(dir, name);
	if (error)
		return error;
	if (m->target && strlen(m->target) >= PATH_MAX)
		return -ENAMETOOLONG;
	huge_hash_reserve(h);
	struct huge_inode *i = huge_inode_make(h, dir->mount, m);
	struct huge_name *n = huge_name_alloc(h, name);
	error = i && n ? made_hang(dir, n, i) : -ENOSPC; /* as hugetlbfs says it when there is no inode */
	if (!error) {
		*out = i;
		return 0;
	}
	huge_name_free(h, n);
	if (i)
		huge_put(i);
	return error;
}

int huge_link(struct huge_inode *i, struct huge_inode *dir, const char *name)
{
	struct hugetlbfs *h = dir->fs;
	int error = name_check(dir, name);
	if (error || huge_is_dir(i))
		return error ? error : -EPERM;
	if (i->mount != dir->mount)
		return -EXDEV;
	huge_hash_reserve(h);
	struct huge_name *n = huge_name_alloc(h, name);
	if (!n)
		return -ENOMEM;
	lock_take(&h->lock);
	error = i->attr.nlink ? place_check(dir, name) : -ENOENT;
	if (!error) {
		huge_name_add(n, dir, i);
		i->attr.nlink++;
		huge_touch(i, HUGE_CTIME);
		huge_touch(dir, HUGE_MTIME | HUGE_CTIME);
	}
	lock_drop(&h->lock);
	if (error)
		huge_name_free(h, n);
	return error;
}

/* ---- Removing ---- */

static int remove_check(const struct huge_inode *i, bool directory)
{
	if (directory != huge_is_dir(i))
		return directory ? -ENOTDIR : -EISDIR;
	return directory && i->first ? -ENOTEMPTY : 0;
}

/* n leads nowhere any more; its inode is held for the caller to put. Lock held */
static struct huge_inode *name_take_down(struct huge_name *n)
{
	struct huge_inode *i = n->inode, *dir = n->dir;
	bool is_dir = huge_is_dir(i);
	huge_hold(i);
	name_del(n);
	i->attr.nlink -= is_dir ? 2 : 1;
	dir->attr.nlink -= is_dir;
	huge_touch(i, HUGE_CTIME);
	huge_touch(dir, HUGE_MTIME | HUGE_CTIME);
	return i;
}

int huge_unlink(struct huge_inode *dir, const char *name, bool directory)
{
	struct hugetlbfs *h = dir->fs;
	struct huge_inode *i = NULL;
	lock_take(&h->lock);
	struct huge_name *n = huge_name_find(dir, name);
	int error = n ? remove_check(n->inode, directory) : -ENOENT;
	if (!error)
		i = name_take_down(n);
	lock_drop(&h->lock);
	if (error)
		return error;
	huge_name_free(h, n);
	huge_put(i);
	return 0;
}

/* ---- Renaming. Lock held ---- */

struct renaming {
	struct huge_inode *dir, *to;
	struct huge_name *moved, *there; /* there: NULL, nothing has that name */
	struct huge_name *fresh; /* the moved one by its new spelling */
	unsigned flags;
};

/* Is i a directory that `in` is, or is somewhere below? */
static bool is_above(const struct huge_inode *i, const struct huge_inode *in)
{
	if (!huge_is_dir(i))
		return false;
	while (in && in != i)
		in = in->names ? in->names->dir : NULL;
	return in;
}

static int rename_check(const struct renaming *r)
{
	bool exchange = r->flags & RENAME_EXCHANGE;
	if (!r->to->attr.nlink || !r->moved || (exchange && !r->there))
		return -ENOENT;
	if (r->dir->mount != r->to->mount)
		return -EXDEV;
	if (r->there && r->flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (is_above(r->moved->inode, r->to) || (exchange && is_above(r->there->inode, r->dir)))
		return -EINVAL;
	if (!r->there || exchange || r->there->inode == r->moved->inode)
		return 0;
	if (is_above(r->there->inode, r->dir)) /* what is moved lies in it */
		return -ENOTEMPTY;
	return remove_check(r->there->inode, huge_is_dir(r->moved->inode));
}

static void links_follow(struct huge_inode *from, struct huge_inode *to, const struct huge_inode *i)
{
	if (!huge_is_dir(i))
		return;
	from->attr.nlink--;
	to->attr.nlink++;
}

static void exchange(struct renaming *r)
{
	ASSERT(r->there); /* rename_check saw to it */
	struct huge_inode *a = r->moved->inode, *b = r->there->inode;
	alias_del(r->moved);
	alias_add(r->moved, b);
	alias_del(r->there);
	alias_add(r->there, a);
	links_follow(r->dir, r->to, a);
	links_follow(r->to, r->dir, b);
	huge_touch(b, HUGE_CTIME);
}

/* Returns what lost a name, held, or NULL. */
static struct huge_inode *replace(struct renaming *r)
{
	struct huge_inode *i = r->moved->inode, *gone = r->there ? name_take_down(r->there) : NULL;
	name_del(r->moved);
	huge_name_add(r->fresh, r->to, i);
	r->fresh = NULL;
	links_follow(r->dir, r->to, i);
	return gone;
}

static int rename_locked(struct renaming *r, struct huge_inode **gone)
{
	int error = rename_check(r);
	if (error || (r->there && r->there->inode == r->moved->inode)) { /* two names of one file: neither goes */
		r->moved = r->there = NULL;
		return error;
	}
	huge_touch(r->moved->inode, HUGE_CTIME);
	huge_touch(r->dir, HUGE_MTIME | HUGE_CTIME);
	huge_touch(r->to, HUGE_MTIME | HUGE_CTIME);
	if (r->flags & RENAME_EXCHANGE) {
		exchange(r);
		r->moved = r->there = NULL;
	} else {
		*gone = replace(r);
	}
	return 0;
}

int huge_rename(struct huge_inode *dir, const char *name, struct huge_inode *to,
		const char *to_name, unsigned flags)
{
	struct hugetlbfs *h = dir->fs;
	struct huge_inode *gone = NULL;
	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	int error = name_check(to, to_name);
	if (error)
		return error;
	struct renaming r = { .dir = dir, .to = to, .fresh = huge_name_alloc(h, to_name), .flags = flags };
	if (!r.fresh)
		return -ENOMEM;
	lock_take(&h->lock);
	r.moved = huge_name_find(dir, name);
	r.there = huge_name_find(to, to_name);
	error = rename_locked(&r, &gone);
	lock_drop(&h->lock);
	huge_name_free(h, r.fresh);
	huge_name_free(h, r.moved); /* what is left here has been taken down */
	huge_name_free(h, r.there);
	if (gone)
		huge_put(gone);
	return error;
}

/* ---- Listing ---- */

static void dirent_set(struct huge_dirent *e, const struct huge_inode *i, const char *name, uint64_t next)
{
	e->ino = huge_ino(i);
	e->type = i->attr.mode & S_IFMT;
	e->next = next;
	snprintf(e->name, sizeof(e->name), "%s", name);
}

unsigned huge_readdir(struct huge_inode *dir, uint64_t position, struct huge_dirent *out, unsigned nr)
{
	unsigned got = 0;
	lock_take(&dir->fs->lock);
	if (position == 0 && got < nr)
		dirent_set(&out[got++], dir, ".", 1);
	if (position <= 1 && got < nr)
		dirent_set(&out[got++], dir->names ? dir->names->dir : dir, "..", FIRST_POSITION);
	for (const struct huge_name *n = dir->first; n && got < nr; n = n->next)
		if (n->order + FIRST_POSITION >= position)
			dirent_set(&out[got++], n->inode, n->name, n->order + FIRST_POSITION + 1);
	lock_drop(&dir->fs->lock);
	return got;
}
