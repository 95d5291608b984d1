/* SPDX-License-Identifier: MIT */
#ifndef FAKE_TREE_H
#define FAKE_TREE_H

/*
 * The file tree as stores see it, and no more: inodes by identity, names in
 * the order they were added, references counted, nothing ever forgotten but
 * what is deleted. Stands for file_inode.c and file_name.c in tests of stores.
 */

#include "vm/file_store.h"

struct vm;

struct fake_tree {
	struct files files; /* store and store_ctx: the test's */
	struct file_inode *inodes; /* by hash_next */
	unsigned nr_deleted; /* names that file_name_del took away */
};

void fake_tree_init(struct fake_tree *t, struct vm *vm);
/* Every inode is forgotten by the store, which ends. Fails when references are left. */
void fake_tree_fini(struct fake_tree *t);
struct file_inode *tree_root(struct fake_tree *t); /* starts the store */
/* An inode of this identity, found or made. No reference is kept. */
struct file_inode *tree_inode(struct fake_tree *t, const struct file_attr *attr);
void tree_forget(struct fake_tree *t, struct file_inode *i); /* with its names */

/* The store's operation, and what the tree does then. NULL: -*error. */
struct file_inode *tree_lookup(struct file_inode *dir, const char *name, int *error);
struct file_inode *tree_make(struct file_inode *dir, const char *name, mode_t mode, int *error);
struct file_inode *tree_mkdir(struct file_inode *dir, const char *name); /* must succeed */
struct file_inode *tree_mkfile(struct file_inode *dir, const char *name); /* likewise; 0644 */
struct file_inode *tree_symlink(struct file_inode *dir, const char *name, const char *target);
int tree_unlink(struct file_inode *dir, const char *name, bool directory);
int tree_rename(struct file_inode *dir, const char *name, struct file_inode *to,
		const char *to_name, unsigned flags);
int tree_link(struct file_inode *i, struct file_inode *dir, const char *name);

#endif
