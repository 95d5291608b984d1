/* SPDX-License-Identifier: MIT */
#ifndef VM_FILE_OPS_H
#define VM_FILE_OPS_H

/* What file_ops.c, file_ops_dir.c and file_open.c share. */

#include "vm/file_private.h"

/*
 * Something of it but its content was changed through us. Link count and times
 * of a source's files are asked for when they are wanted next; those of a store
 * in memory are kept here.
 */
void file_touched(struct file_inode *i); /* a name, an extended attribute */
void file_dir_changed(struct file_inode *dir, int dirs); /* entries; so many more directories in it */
void file_linked(struct file_inode *i, const struct file_attr *attr); /* one name more; attr: as the store says now */
/* One name less, which is forgotten already. With a reference. */
void file_unlinked(struct file_inode *i);
void file_opened(struct file_inode *i); /* one more has it open */

/* Opening and closing in the store, one at a time. */
static inline struct lock *file_open_lock(const struct file_inode *i)
{
	return &i->files->open_lock[i->id % FILE_OPEN_LOCKS];
}

/* The store may be asked about i: its names stay as they are. */
static inline void names_share(const struct file_inode *i)
{
	pthread_rwlock_rdlock(&i->files->rename);
}
static inline void names_leave(const struct file_inode *i)
{
	pthread_rwlock_unlock(&i->files->rename);
}

#endif
