/* SPDX-License-Identifier: MIT */
#ifndef VM_MEMORY_STORE_H
#define VM_MEMORY_STORE_H

/* Inside the store in memory: what its parts (memory_*.c) share. */

#include "vm/file_store.h"

struct memory_xattr {
	struct memory_xattr *next;
	size_t size;
	char *name;
	char value[];
};

/* What an inode has beside its attributes: a link's target, extended attributes. */
struct memory_extra {
	struct memory_extra *next;
	uint64_t ino;
	char *target; /* does not change */
	struct memory_xattr *xattrs; /* in the order they were set */
};

struct memory {
	struct files *files;
	uint64_t max_pages, max_inodes;
	uint64_t pages; /* charged; atomic */
	struct file_attr root; /* until there is an inode */

	struct lock lock; /* RANK_FILES, order 1; guards the rest. Nothing is allocated below it but by realloc of the table */
	uint64_t last_ino;
	struct memory_extra **extra; /* by inode number; grows */
	uint64_t nr_extra, extra_size; /* size: a power of two */
};

static inline struct memory *memory_of(const struct file_inode *i)
{
	return i->files->store_ctx;
}

/* ---- memory_extra.c ---- */
MUST_CHECK int memory_extra_init(struct memory *m);
void memory_extra_fini(struct memory *m);
/* Found or made. NULL: no memory. Lock not held. */
struct memory_extra *memory_extra_obtain(struct memory *m, uint64_t ino);
/* It may lose its last name, or has got a record: from now on the inode knows that there is something to forget. */
void memory_extra_attach(struct file_inode *i);
void memory_forget(struct file_inode *i);
ssize_t memory_readlink(struct file_inode *i, char *buf, size_t size);
ssize_t memory_getxattr(struct file_inode *i, const char *name, void *value, size_t size);
ssize_t memory_listxattr(struct file_inode *i, char *list, size_t size);
int memory_setxattr(struct file_inode *i, const char *name, const void *value, size_t size, int flags);
int memory_removexattr(struct file_inode *i, const char *name);

/* ---- memory_name.c ---- */
struct timespec memory_now(void);
int memory_lookup(struct file_inode *dir, const char *name, struct file_attr *attr);
int memory_create(struct file_inode *dir, const char *name, mode_t mode, int flags,
		  const struct file_who *who, struct file_attr *attr, void **open);
int memory_mknod(struct file_inode *dir, const char *name, mode_t mode, dev_t rdev,
		 const struct file_who *who, struct file_attr *attr);
int memory_symlink(struct file_inode *dir, const char *name, const char *target,
		   const struct file_who *who, struct file_attr *attr);
int memory_link(struct file_inode *i, struct file_inode *dir, const char *name, struct file_attr *attr);
int memory_unlink(struct file_inode *dir, const char *name, bool directory);
int memory_rename(struct file_inode *dir, const char *name, struct file_inode *to,
		  const char *to_name, unsigned flags);

/* ---- memory_readdir.c ---- */
int memory_opendir(struct file_inode *i, void **dir);
void memory_closedir(struct file_inode *i, void *dir);
int memory_readdir(struct file_inode *i, void *dir, uint64_t position, struct file_dirent *out);

#endif
