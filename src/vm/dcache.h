/* SPDX-License-Identifier: MIT */
#ifndef VM_DCACHE_H
#define VM_DCACHE_H

/*
 * The names below tasks/ that the host kernel knows: a dentry and an inode for
 * each, from the first lookup until the host forgets it or the task goes. They
 * are hung on their task, which has a dozen files, so they need no table.
 *
 * A name that finds no memory, not even in reserve, is answered all the same
 * and is not here: inode numbers can be told without it.
 */

#include "vm/own.h"

struct task;

struct dname_inode {
	struct own_head own; /* OWN_INODE */
	uint64_t ino;
	uint64_t nlookup; /* answers that the host has not forgotten */
};

#define DNAME_INLINE 40u /* bytes of a name that fit; longer ones are cut */

struct dname {
	struct own_head own; /* OWN_NAME */
	struct dname *next;
	struct dname_inode *inode;
	uint64_t parent; /* inode number of the directory */
	char name[DNAME_INLINE]; /* NUL-terminated */
};

/* One more answer to a lookup of this name. Inside no CPU, no lock of RANK_SLABS or above held. */
void dcache_add(struct task *t, uint64_t parent, const char *name, uint64_t ino);
/* The host has forgotten so many of them. Likewise. */
void dcache_forget(struct task *t, uint64_t ino, uint64_t nlookup);
void dcache_drop(struct task *t); /* all of a task that goes. Likewise */
/* Import: a name of a task, last, that no host knows yet. Its objects are the caller's to set. NULL: no memory. */
struct dname *dcache_restore(struct task *t, uint64_t parent, const char *name, uint64_t ino);
unsigned dcache_count(struct task *t);

#endif
