/* SPDX-License-Identifier: MIT */
#ifndef FS_INODE_H
#define FS_INODE_H

/*
 * What an inode number stands for. Entries of the tree have small numbers. The
 * number of anything below tasks/NAME or proc/PID is made of the task's slot,
 * its generation and which file it is, so it is found without a table, is the
 * same whenever it is asked for, and never comes back for another task.
 */

#include "fs/fs.h"
#include "knob/cache_attr.h"

enum inode_kind {
	INODE_ENTRY,
	INODE_TASK_DIR,
	INODE_TASK_ATTR,
	INODE_PID_DIR,
	INODE_PID_VIEW,
	INODE_CACHE_DIR, /* sys/kernel/slab/NAME: fs/inode_cache.h */
	INODE_CACHE_ATTR
};

struct inode {
	uint64_t ino;
	uint8_t kind; /* enum inode_kind */
	struct entry *entry; /* INODE_ENTRY */
	struct task *task; /* INODE_TASK and INODE_PID: with a reference */
	const struct task_attr *attr; /* INODE_TASK_ATTR */
	const struct view *view; /* INODE_PID_VIEW */
	struct cache_id cache; /* INODE_CACHE: without a reference */
	const struct cache_attr *cache_attr; /* INODE_CACHE_ATTR */
};

/* 0, or -ESTALE: the task is gone, and the kernel looks the path up again. inode_put when done. */
MUST_CHECK int inode_get(struct fs *fs, uint64_t ino, struct inode *out);
void inode_put(struct inode *i);

/* Look name up in a directory. 0, -ENOENT, -ENOTDIR, -ESTALE. */
MUST_CHECK int inode_lookup(struct fs *fs, uint64_t dir, const char *name, struct inode *out);

/* The host has been told of the file by this name: one of a task is kept until the host forgets it (vm/dcache.h). */
void inode_known(const struct inode *i, uint64_t dir, const char *name);
void inode_forget(struct fs *fs, uint64_t ino, uint64_t nlookup);

void inode_stat(struct fs *fs, const struct inode *i, struct stat *st);
enum entry_realm inode_realm(const struct inode *i);

/* May the file be opened with these flags by whoever passed the mode bits? 0, or -EACCES even for root, as the kernel's own files do. */
MUST_CHECK int inode_may_open(const struct inode *i, int flags);

/* chmod, chown (uid, gid -1: keep). 0 or -EPERM. */
MUST_CHECK int inode_chmod(const struct inode *i, mode_t mode);
MUST_CHECK int inode_chown(const struct inode *i, uid_t uid, gid_t gid);

uint64_t task_dir_ino(const struct task *t); /* tasks/NAME */
uint64_t task_attr_ino(const struct task *t, unsigned row);
uint64_t pid_dir_ino(const struct task *t); /* proc/PID */
uint64_t pid_view_ino(const struct task *t, unsigned row); /* row of view_table */
bool ino_is_mem(uint64_t ino); /* tasks/NAME/mem */
static inline bool ino_is_task(uint64_t ino)
{
	return ino >> 60 == 1;
}

/* Name below proc/PID of a view of scope VIEW_TASK; NULL: not such a row. */
const char *pid_view_name(const struct view *v);

#endif
