/* SPDX-License-Identifier: MIT */
#include "fs/listing.h"

#include "base/mem.h"
#include "fs/inode_cache.h"

#include <errno.h>
#include <string.h>

/* What is in a directory: entries of the tree in their order, then tasks by slot or slab caches by age, each with its type. */

void listing_init(struct listing *l)
{
	memset(l, 0, sizeof(*l));
	text_init(&l->names, 0);
}

void listing_fini(struct listing *l)
{
	text_fini(&l->names);
	mem_free(l->item);
}

static int item_add(struct listing *l, const char *name, uint64_t ino, mode_t type)
{
	if (l->nr == l->cap) {
		unsigned cap = l->cap ? l->cap * 2 : 64;
		struct listing_item *item = mem_realloc(l->item, cap * sizeof(*item));
		if (!item)
			return -ENOMEM;
		l->item = item;
		l->cap = cap;
	}
	l->item[l->nr++] = (struct listing_item){ ino, type, l->names.len };
	text_bytes(&l->names, name, strlen(name) + 1);
	return text_error(&l->names);
}

static int dots_add(struct listing *l, uint64_t self, uint64_t parent)
{
	int err = item_add(l, ".", self, S_IFDIR);

	return err ? err : item_add(l, "..", parent, S_IFDIR);
}

static mode_t entry_type(const struct entry *e)
{
	if (e->kind == ENTRY_DIR)
		return S_IFDIR;
	return e->kind == ENTRY_LINK ? S_IFLNK : S_IFREG;
}

static int task_dirs_add(struct listing *l, struct fs *fs, enum entry_dynamic dynamic)
{
	char pid[16];
	int err = 0;
	uint32_t id = 0;

	for (struct task *t; !err && (t = task_next(fs->vm, id)); task_put(t)) {
		id = t->id;
		snprintf(pid, sizeof(pid), "%d", (int)t->pid);
		if (dynamic == DYNAMIC_TASKS)
			err = item_add(l, t->name, task_dir_ino(t), S_IFDIR);
		else
			err = item_add(l, pid, pid_dir_ino(t), S_IFDIR);
	}
	return err;
}

static int cache_dirs_add(struct listing *l, struct fs *fs)
{
	struct slabs *sl = &fs->vm->slabs;
	int err = 0;

	lock_take(&sl->lock);
	for (const struct kmem_cache *s = sl->oldest; s && !err; s = s->newer)
		err = item_add(l, s->name, cache_dir_ino(cache_id_of(s)), S_IFDIR);
	lock_drop(&sl->lock);
	return err;
}

static int entry_fill(struct listing *l, struct fs *fs, const struct entry *dir)
{
	if (dir->kind != ENTRY_DIR)
		return -ENOTDIR;
	int err = dots_add(l, dir->ino, dir->parent->ino);
	for (const struct entry *e = dir->first_child; e && !err; e = e->next)
		err = item_add(l, e->name, e->ino, entry_type(e));
	if (!err && dir->dynamic == DYNAMIC_CACHES)
		err = cache_dirs_add(l, fs);
	else if (!err && (dir->dynamic == DYNAMIC_TASKS || dir->dynamic == DYNAMIC_PIDS))
		err = task_dirs_add(l, fs, dir->dynamic);
	return err;
}

static int task_fill(struct listing *l, struct fs *fs, const struct task *t)
{
	int err = dots_add(l, task_dir_ino(t), fs->tree.tasks->ino);

	for (unsigned i = 0; i < nr_task_attrs && !err; i++)
		err = item_add(l, task_attr_table[i].name, task_attr_ino(t, i), S_IFREG);
	return err;
}

static int pid_fill(struct listing *l, struct fs *fs, const struct task *t)
{
	int err = dots_add(l, pid_dir_ino(t), fs->tree.proc->ino);

	for (unsigned i = 0; i < nr_views && !err; i++) {
		const char *name = pid_view_name(&view_table[i]);
		if (name)
			err = item_add(l, name, pid_view_ino(t, i), S_IFREG);
	}
	return err;
}

static int cache_fill(struct listing *l, struct fs *fs, struct cache_id id)
{
	int err = dots_add(l, cache_dir_ino(id), fs->tree.slab->ino);

	for (unsigned i = 0; i < nr_cache_attrs && !err; i++)
		err = item_add(l, cache_attr_table[i].name, cache_attr_ino(id, i), S_IFREG);
	return err;
}

int listing_fill(struct listing *l, struct fs *fs, uint64_t dir)
{
	struct inode i;
	int err = inode_get(fs, dir, &i);
	if (err)
		return -ENOENT;
	l->nr = 0;
	text_reset(&l->names);
	if (i.kind == INODE_ENTRY)
		err = entry_fill(l, fs, i.entry);
	else if (i.kind == INODE_TASK_DIR)
		err = task_fill(l, fs, i.task);
	else if (i.kind == INODE_PID_DIR)
		err = pid_fill(l, fs, i.task);
	else if (i.kind == INODE_CACHE_DIR)
		err = cache_fill(l, fs, i.cache);
	else
		err = -ENOTDIR;
	inode_put(&i);
	return err;
}
