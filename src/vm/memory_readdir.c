/* SPDX-License-Identifier: MIT */
/*
 * Reading a directory of the store in memory: names in the order they came,
 * which never changes, so a position is the number of the next one. 0 and 1 are
 * "." and "..". A handful is copied at a time, for names may go while they are
 * read, and the way to a position leads over all before it.
 */
#include "vm/memory_store.h"

#include "base/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define BATCH 128u
#define FIRST_CHILD 2u /* its position, when its order is 0 */

struct entry {
	uint64_t at, ino;
	uint32_t type;
	char name[NAME_MAX + 1];
};

struct memory_dir {
	unsigned nr, next; /* copied; the one to be told now if nobody seeks */
	struct entry entry[BATCH];
};

int memory_opendir(struct file_inode *i, void **dir)
{
	(void)i;
	*dir = mem_zalloc(sizeof(struct memory_dir));
	return *dir ? 0 : -ENOMEM;
}

void memory_closedir(struct file_inode *i, void *dir)
{
	(void)i;
	mem_free(dir);
}

static void entry_set(struct entry *e, uint64_t at, const struct file_inode *i, const char *name)
{
	e->at = at;
	e->ino = i->attr.ino;
	e->type = READ_RELAXED(&i->attr.mode) & S_IFMT;
	snprintf(e->name, sizeof(e->name), "%s", name);
}

/* The root's is itself, and so is that of a directory that was removed. files->lock held */
static const struct file_inode *dir_above(const struct file_inode *i)
{
	return i->names ? i->names->dir : i;
}

static void batch_fill(struct memory_dir *d, struct file_inode *i, uint64_t position)
{
	d->nr = d->next = 0;
	lock_take(&i->files->lock);
	if (position == 0)
		entry_set(&d->entry[d->nr++], 0, i, ".");
	if (position <= 1)
		entry_set(&d->entry[d->nr++], 1, dir_above(i), "..");
	for (const struct file_name *n = i->children; n && d->nr < BATCH; n = n->child)
		if (n->order + (uint64_t)FIRST_CHILD >= position)
			entry_set(&d->entry[d->nr++], n->order + (uint64_t)FIRST_CHILD, n->inode, n->name);
	lock_drop(&i->files->lock);
}

/* Is the entry at this position, or the one that comes after it, the next one copied? A new pass looks again. */
static bool batch_has(const struct memory_dir *d, uint64_t position)
{
	return position && d->next && d->next < d->nr && d->entry[d->next - 1].at + 1 == position;
}

int memory_readdir(struct file_inode *i, void *dir, uint64_t position, struct file_dirent *out)
{
	struct memory_dir *d = dir;
	if (!batch_has(d, position))
		batch_fill(d, i, position);
	if (!d->nr)
		return 0;
	const struct entry *e = &d->entry[d->next++];
	*out = (struct file_dirent){ .name = e->name, .ino = e->ino, .type = e->type, .next = e->at + 1 };
	return 1;
}
