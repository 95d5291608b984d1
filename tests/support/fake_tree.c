/* SPDX-License-Identifier: MIT */
#include "support/fake_tree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct file_who *self(void)
{
	static struct file_who who;
	who = (struct file_who){ .uid = geteuid(), .gid = getegid() };
	return &who;
}

static struct fake_tree *tree_of(const struct file_inode *i)
{
	return (struct fake_tree *)((char *)i->files - offsetof(struct fake_tree, files));
}

/* ---- What file_inode.c and file_name.c are to a store. Weak: tests of the real ones link this, too ---- */

#define FAKE __attribute__((weak))

/* Nothing is written back: what the host says is never older than what is known. */
FAKE uint64_t file_turn_now(void)
{
	return 1;
}

FAKE struct file_inode *file_hold(struct file_inode *i)
{
	__atomic_fetch_add(&i->refs, 1, __ATOMIC_RELAXED);
	return i;
}

FAKE void file_put(struct file_inode *i)
{
	uint32_t had = __atomic_fetch_sub(&i->refs, 1, __ATOMIC_RELAXED);
	assert_true(had);
}

/* files->lock held */
static struct file_name *name_find(struct file_inode *dir, const char *name)
{
	struct file_name *n = dir->children;
	while (n && strcmp(n->name, name))
		n = n->child;
	return n;
}

static void name_cut(struct file_name *n)
{
	struct file_name **link = &n->dir->children;
	while (*link != n)
		link = &(*link)->child;
	*link = n->child;
	n->dir->nr_children--;
	link = &n->inode->names;
	while (*link != n)
		link = &(*link)->alias;
	*link = n->alias;
	free(n->name);
	free(n);
}

FAKE int file_name_add(struct file_inode *dir, const char *name, struct file_inode *i)
{
	struct file_name *n = calloc(1, sizeof(*n)), **end = &dir->children;
	lock_take(&dir->files->lock);
	struct file_name *old = name_find(dir, name);
	if (old)
		name_cut(old);
	while (*end)
		end = &(*end)->child;
	*end = n;
	n->dir = dir;
	n->inode = i;
	n->name = strdup(name);
	n->order = ++dir->next_order;
	n->alias = i->names;
	i->names = n;
	dir->nr_children++;
	lock_drop(&dir->files->lock);
	return 0;
}

FAKE void file_name_del(struct file_inode *dir, const char *name)
{
	lock_take(&dir->files->lock);
	struct file_name *n = name_find(dir, name);
	if (n) {
		name_cut(n);
		tree_of(dir)->nr_deleted++;
	}
	lock_drop(&dir->files->lock);
}

FAKE struct file_inode *file_name_find(struct file_inode *dir, const char *name)
{
	lock_take(&dir->files->lock);
	struct file_name *n = name_find(dir, name);
	struct file_inode *i = n ? file_hold(n->inode) : NULL;
	lock_drop(&dir->files->lock);
	return i;
}

FAKE int file_name_any(struct file_inode *i, struct file_inode **dir, char *name)
{
	lock_take(&i->files->lock);
	const struct file_name *n = i->names;
	if (n) {
		*dir = file_hold(n->dir);
		strcpy(name, n->name);
	}
	lock_drop(&i->files->lock);
	return n ? 0 : -ESTALE;
}

/* ---- The tree ---- */

void fake_tree_init(struct fake_tree *t, struct vm *vm)
{
	*t = (struct fake_tree){ .files = { .vm = vm } };
	lock_init(&t->files.lock, RANK_FILES, 0);
}

struct file_inode *tree_inode(struct fake_tree *t, const struct file_attr *attr)
{
	struct file_inode *i = t->inodes;
	while (i && (i->attr.ino != attr->ino || i->attr.dev != attr->dev ||
		     (i->attr.mode & S_IFMT) != (attr->mode & S_IFMT)))
		i = i->hash_next;
	if (i)
		return i;
	i = calloc(1, sizeof(*i));
	assert_non_null(i);
	i->files = &t->files;
	i->attr = *attr;
	lock_init(&i->tree, RANK_OWNER, 0);
	i->hash_next = t->inodes;
	t->inodes = i;
	t->files.nr_inodes++;
	return i;
}

static void inode_end(struct fake_tree *t, struct file_inode *i)
{
	assert_int_equal(i->refs, 0);
	while (i->names)
		name_cut(i->names);
	while (i->children)
		name_cut(i->children);
	if (i->store)
		t->files.store->forget(i);
	lock_fini(&i->tree);
	free(i);
	t->files.nr_inodes--;
}

void tree_forget(struct fake_tree *t, struct file_inode *i)
{
	struct file_inode **link = &t->inodes;
	while (*link != i)
		link = &(*link)->hash_next;
	*link = i->hash_next;
	inode_end(t, i);
}

void fake_tree_fini(struct fake_tree *t)
{
	while (t->inodes) {
		struct file_inode *i = t->inodes;
		t->inodes = i->hash_next;
		inode_end(t, i);
	}
	t->files.store->fini(&t->files);
	lock_fini(&t->files.lock);
}

struct file_inode *tree_root(struct fake_tree *t)
{
	struct file_attr attr;
	if (!t->files.root) {
		assert_int_equal(t->files.store->start(&t->files), 0);
		assert_int_equal(t->files.store->root(&t->files, &attr), 0);
		t->files.root = tree_inode(t, &attr);
	}
	return t->files.root;
}

static struct file_inode *tree_know(struct file_inode *dir, const char *name, const struct file_attr *attr)
{
	struct file_inode *i = tree_inode(tree_of(dir), attr);
	struct file_inode *known = file_name_find(dir, name);
	if (known)
		file_put(known);
	if (known != i)
		assert_int_equal(file_name_add(dir, name, i), 0);
	return i;
}

struct file_inode *tree_lookup(struct file_inode *dir, const char *name, int *error)
{
	struct file_attr attr;
	*error = dir->files->store->lookup(dir, name, &attr);
	return *error ? NULL : tree_know(dir, name, &attr);
}

struct file_inode *tree_make(struct file_inode *dir, const char *name, mode_t mode, int *error)
{
	struct file_attr attr;
	*error = dir->files->store->mknod(dir, name, mode, 0, self(), &attr);
	return *error ? NULL : tree_know(dir, name, &attr);
}

struct file_inode *tree_mkdir(struct file_inode *dir, const char *name)
{
	int error;
	struct file_inode *i = tree_make(dir, name, S_IFDIR | 0755, &error);
	assert_int_equal(error, 0);
	return i;
}

struct file_inode *tree_mkfile(struct file_inode *dir, const char *name)
{
	int error;
	struct file_inode *i = tree_make(dir, name, S_IFREG | 0644, &error);
	assert_int_equal(error, 0);
	return i;
}

struct file_inode *tree_symlink(struct file_inode *dir, const char *name, const char *target)
{
	struct file_attr attr;
	assert_int_equal(dir->files->store->symlink(dir, name, target, self(), &attr), 0);
	return tree_know(dir, name, &attr);
}

int tree_unlink(struct file_inode *dir, const char *name, bool directory)
{
	int error = dir->files->store->unlink(dir, name, directory);
	if (!error)
		file_name_del(dir, name);
	return error;
}

int tree_rename(struct file_inode *dir, const char *name, struct file_inode *to,
		const char *to_name, unsigned flags)
{
	int error = dir->files->store->rename(dir, name, to, to_name, flags);
	if (error)
		return error;
	struct file_inode *moved = file_name_find(dir, name), *old = file_name_find(to, to_name);
	if (moved != old && flags & RENAME_EXCHANGE) {
		assert_int_equal(file_name_add(dir, name, old), 0);
		assert_int_equal(file_name_add(to, to_name, moved), 0);
	} else if (moved != old) {
		file_name_del(dir, name);
		assert_int_equal(file_name_add(to, to_name, moved), 0);
	}
	if (moved)
		file_put(moved);
	if (old)
		file_put(old);
	return 0;
}

int tree_link(struct file_inode *i, struct file_inode *dir, const char *name)
{
	struct file_attr attr;
	int error = dir->files->store->link(i, dir, name, &attr);
	if (!error) {
		assert_int_equal(attr.ino, i->attr.ino);
		assert_int_equal(file_name_add(dir, name, i), 0);
	}
	return error;
}
