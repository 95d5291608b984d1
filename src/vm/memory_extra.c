/* SPDX-License-Identifier: MIT */
/*
 * What inodes of the store in memory have beside their attributes: targets of
 * symbolic links and extended attributes (mm/shmem.c, fs/xattr.c, 6.1), in
 * host memory, by inode number, for a link has its target before it has an
 * inode. Few have any, so a record is made when it is needed.
 *
 * Names of extended attributes are those that tmpfs takes in 6.1: security.
 * and trusted. Different from Linux: no access lists.
 */
#include "vm/memory_store.h"

#include "base/mem.h"

#include <errno.h>
#include <linux/xattr.h>
#include <string.h>

#define EXTRA_SIZE_MIN 64u
#define XATTR_NAME_BYTES_MAX 255u
#define XATTR_VALUE_BYTES_MAX 65536u

/* ---- The table ---- */

int memory_extra_init(struct memory *m)
{
	m->extra = mem_zalloc(EXTRA_SIZE_MIN * sizeof(*m->extra));
	m->extra_size = EXTRA_SIZE_MIN;
	return m->extra ? 0 : -ENOMEM;
}

static void extra_free(struct memory_extra *e)
{
	while (e->xattrs) {
		struct memory_xattr *x = e->xattrs;
		e->xattrs = x->next;
		mem_free(x->name);
		mem_free(x);
	}
	mem_free(e->target);
	mem_free(e);
}

void memory_extra_fini(struct memory *m)
{
	for (uint64_t k = 0; k < m->extra_size; k++) {
		while (m->extra[k]) {
			struct memory_extra *e = m->extra[k];
			m->extra[k] = e->next;
			extra_free(e);
		}
	}
	mem_free(m->extra);
}

static struct memory_extra **extra_link(struct memory *m, uint64_t ino)
{
	struct memory_extra **link = &m->extra[ino & (m->extra_size - 1)];
	while (*link && (*link)->ino != ino)
		link = &(*link)->next;
	return link;
}

/* Lock held. NULL: none. */
static struct memory_extra *memory_extra_find(struct memory *m, uint64_t ino)
{
	return *extra_link(m, ino);
}

static void extra_rehash(struct memory *m, struct memory_extra **bigger, uint64_t size)
{
	for (uint64_t k = 0; k < m->extra_size; k++) {
		while (m->extra[k]) {
			struct memory_extra *e = m->extra[k], **head = &bigger[e->ino & (size - 1)];
			m->extra[k] = e->next;
			e->next = *head;
			*head = e;
		}
	}
}

/* Twice as large when it is full; without memory for that chains get longer. */
static void extra_grow(struct memory *m)
{
	lock_take(&m->lock);
	uint64_t size = m->nr_extra >= m->extra_size ? m->extra_size * 2 : 0;
	lock_drop(&m->lock);
	struct memory_extra **bigger = size ? mem_zalloc(size * sizeof(*bigger)) : NULL, **old = bigger;
	if (!bigger)
		return;
	lock_take(&m->lock);
	if (m->extra_size < size) {
		extra_rehash(m, bigger, size);
		old = m->extra;
		m->extra = bigger;
		m->extra_size = size;
	}
	lock_drop(&m->lock);
	mem_free(old);
}

struct memory_extra *memory_extra_obtain(struct memory *m, uint64_t ino)
{
	struct memory_extra *fresh = mem_zalloc(sizeof(*fresh));
	if (!fresh)
		return NULL;
	extra_grow(m);
	fresh->ino = ino;
	lock_take(&m->lock);
	struct memory_extra **link = extra_link(m, ino), *e = *link;
	if (!e) {
		*link = e = fresh;
		fresh = NULL;
		m->nr_extra++;
	}
	lock_drop(&m->lock);
	mem_free(fresh);
	return e;
}

void memory_forget(struct file_inode *i)
{
	struct memory *m = memory_of(i);
	lock_take(&m->lock);
	struct memory_extra **link = extra_link(m, i->attr.ino), *e = *link;
	if (e) {
		*link = e->next;
		m->nr_extra--;
	}
	lock_drop(&m->lock);
	if (e)
		extra_free(e);
}

void memory_extra_attach(struct file_inode *i)
{
	struct memory *m = memory_of(i);
	lock_take(&m->lock);
	i->store = memory_extra_find(m, i->attr.ino);
	lock_drop(&m->lock);
}

ssize_t memory_readlink(struct file_inode *i, char *buf, size_t size)
{
	struct memory *m = memory_of(i);
	lock_take(&m->lock);
	const struct memory_extra *e = memory_extra_find(m, i->attr.ino);
	ssize_t n = -EINVAL;
	if (e && e->target) {
		n = (ssize_t)MIN(strlen(e->target), size);
		memcpy(buf, e->target, (size_t)n);
	}
	lock_drop(&m->lock);
	return n;
}

/* ---- Extended attributes ---- */

static int xattr_name_check(const char *name)
{
	size_t len = strlen(name);
	if (strncmp(name, XATTR_SECURITY_PREFIX, strlen(XATTR_SECURITY_PREFIX)) &&
	    strncmp(name, XATTR_TRUSTED_PREFIX, strlen(XATTR_TRUSTED_PREFIX)))
		return -EOPNOTSUPP;
	return len > XATTR_NAME_BYTES_MAX ? -ERANGE : 0;
}

/* Where it hangs, or the end. Lock held */
static struct memory_xattr **xattr_link(struct memory_extra *e, const char *name)
{
	struct memory_xattr **link = &e->xattrs;
	while (*link && strcmp((*link)->name, name))
		link = &(*link)->next;
	return link;
}

static struct memory_xattr *xattr_find(struct memory *m, uint64_t ino, const char *name)
{
	struct memory_extra *e = memory_extra_find(m, ino);
	return e ? *xattr_link(e, name) : NULL;
}

ssize_t memory_getxattr(struct file_inode *i, const char *name, void *value, size_t size)
{
	struct memory *m = memory_of(i);
	ssize_t n = xattr_name_check(name);
	if (n)
		return n;
	lock_take(&m->lock);
	const struct memory_xattr *x = xattr_find(m, i->attr.ino, name);
	n = x ? (ssize_t)x->size : -ENODATA;
	if (n > 0 && size) {
		if (x->size > size)
			n = -ERANGE;
		else
			memcpy(value, x->value, x->size);
	}
	lock_drop(&m->lock);
	return n;
}

/* Their names, each with its NUL; -ERANGE: they do not fit. Lock held */
static ssize_t xattr_list(const struct memory_xattr *x, char *list, size_t size)
{
	size_t n = 0;
	for (; x; x = x->next) {
		size_t len = strlen(x->name) + 1;
		if (size && n + len > size)
			return -ERANGE;
		if (size)
			memcpy(list + n, x->name, len);
		n += len;
	}
	return (ssize_t)n;
}

ssize_t memory_listxattr(struct file_inode *i, char *list, size_t size)
{
	struct memory *m = memory_of(i);
	lock_take(&m->lock);
	const struct memory_extra *e = memory_extra_find(m, i->attr.ino);
	ssize_t n = e ? xattr_list(e->xattrs, list, size) : 0;
	lock_drop(&m->lock);
	return n;
}

static void xattr_free(struct memory_xattr *x)
{
	if (x)
		mem_free(x->name);
	mem_free(x);
}

static struct memory_xattr *xattr_make(const char *name, const void *value, size_t size)
{
	struct memory_xattr *x = mem_zalloc(sizeof(*x) + size);
	if (!x)
		return NULL;
	x->name = mem_strdup(name);
	if (!x->name) {
		mem_free(x);
		return NULL;
	}
	x->size = size;
	if (size)
		memcpy(x->value, value, size);
	return x;
}

/* x in the place of the one of its name, which is returned in *old. Lock held */
static int xattr_put(struct memory_extra *e, struct memory_xattr *x, int flags, struct memory_xattr **old)
{
	struct memory_xattr **link = xattr_link(e, x->name);
	if (*link && flags & XATTR_CREATE)
		return -EEXIST;
	if (!*link && flags & XATTR_REPLACE)
		return -ENODATA;
	*old = *link;
	x->next = *link ? (*link)->next : NULL;
	*link = x;
	return 0;
}

/* A change of attributes: ctime moves. */
static void inode_changed(struct file_inode *i)
{
	struct timespec now = memory_now();
	lock_take(&i->tree);
	i->attr.ctime = now;
	lock_drop(&i->tree);
}

int memory_setxattr(struct file_inode *i, const char *name, const void *value, size_t size, int flags)
{
	struct memory *m = memory_of(i);
	int error = xattr_name_check(name);
	if (!error && size > XATTR_VALUE_BYTES_MAX)
		error = -E2BIG;
	if (error)
		return error;
	struct memory_extra *e = memory_extra_obtain(m, i->attr.ino);
	struct memory_xattr *x = e ? xattr_make(name, value, size) : NULL, *old = x;
	if (!x)
		return -ENOMEM;
	lock_take(&m->lock);
	error = xattr_put(e, x, flags, &old);
	lock_drop(&m->lock);
	xattr_free(old); /* what was replaced; or x, which was refused */
	memory_extra_attach(i);
	if (!error)
		inode_changed(i);
	return error;
}

int memory_removexattr(struct file_inode *i, const char *name)
{
	struct memory *m = memory_of(i);
	int error = xattr_name_check(name);
	if (error)
		return error;
	lock_take(&m->lock);
	struct memory_extra *e = memory_extra_find(m, i->attr.ino);
	struct memory_xattr **link = e ? xattr_link(e, name) : NULL, *x = link ? *link : NULL;
	if (x)
		*link = x->next;
	lock_drop(&m->lock);
	xattr_free(x);
	if (x)
		inode_changed(i);
	return x ? 0 : -ENODATA;
}
