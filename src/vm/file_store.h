/* SPDX-License-Identifier: MIT */
#ifndef VM_FILE_STORE_H
#define VM_FILE_STORE_H

/*
 * Where files are really kept: a directory of the host (source.c), or nowhere
 * but here (memory_store.c). Functions are called between files_enter and
 * files_leave with references on the inodes, without CPU and locks, but for
 * files->rename: shared by all, held alone by rename. 0 or -errno, the host's
 * errno unchanged. attr is filled for what was made or found.
 *
 * A source that is removed, replaced or full answers with what the host says:
 * ENOENT and ESTALE, ENOSPC. Paths never lead out of the source.
 */

#include "vm/file.h"

#include <sys/uio.h>

struct file_store_ops {
	bool in_memory; /* pages and names are nowhere else: pinned, counted as Shmem */
	int (*start)(struct files *f); /* first look at files/: make what is needed */
	void (*fini)(struct files *f);
	int (*root)(struct files *f, struct file_attr *attr);
	int (*lookup)(struct file_inode *dir, const char *name, struct file_attr *attr);
	int (*create)(struct file_inode *dir, const char *name, mode_t mode, int flags,
		      const struct file_who *who, struct file_attr *attr, void **open); /* open: for inode->store */
	int (*mknod)(struct file_inode *dir, const char *name, mode_t mode, dev_t rdev,
		     const struct file_who *who, struct file_attr *attr); /* also S_IFREG, S_IFDIR: mkdir */
	int (*symlink)(struct file_inode *dir, const char *name, const char *target,
		       const struct file_who *who, struct file_attr *attr);
	int (*link)(struct file_inode *i, struct file_inode *dir, const char *name, struct file_attr *attr);
	int (*unlink)(struct file_inode *dir, const char *name, bool directory);
	int (*rename)(struct file_inode *dir, const char *name, struct file_inode *to,
		      const char *to_name, unsigned flags);
	ssize_t (*readlink)(struct file_inode *i, char *buf, size_t size);
	int (*getattr)(struct file_inode *i, struct file_attr *attr);
	int (*setattr)(struct file_inode *i, const struct stat *st, unsigned which, struct file_attr *attr);
	int (*open)(struct file_inode *i, bool write); /* so that read and write can be called until release */
	void (*release)(struct file_inode *i); /* nobody has it open and nothing is dirty */
	ssize_t (*read)(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset); /* short at the end */
	ssize_t (*write)(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset); /* all or -errno */
	int (*truncate)(struct file_inode *i, uint64_t size);
	int (*fallocate)(struct file_inode *i, int mode, uint64_t offset, uint64_t len);
	off_t (*seek)(struct file_inode *i, off_t offset, int whence);
	int (*fsync)(struct file_inode *i, bool data_only);
	int (*sync)(struct files *f); /* the whole store */
	/* Of a store in memory, else NULL: so many more pages of content, 0 or -ENOSPC; and fewer. No system call, any lock may be held. */
	int (*charge)(struct files *f, uint64_t pages);
	void (*uncharge)(struct files *f, uint64_t pages);
	ssize_t (*getxattr)(struct file_inode *i, const char *name, void *value, size_t size);
	ssize_t (*listxattr)(struct file_inode *i, char *list, size_t size);
	int (*setxattr)(struct file_inode *i, const char *name, const void *value, size_t size, int flags);
	int (*removexattr)(struct file_inode *i, const char *name);
	int (*statfs)(struct files *f, struct statvfs *st);
	int (*opendir)(struct file_inode *i, void **dir);
	void (*closedir)(struct file_inode *i, void *dir);
	int (*readdir)(struct file_inode *i, void *dir, uint64_t position, struct file_dirent *out);
	void (*forget)(struct file_inode *i); /* the inode goes: free inode->store */
};

/* For file_attr.turn: to be taken before the host is asked for attributes. */
uint64_t file_turn_now(void);

extern const struct file_store_ops source_store, memory_store;
/* Before files_init looks: 0, or -errno with why set. source NULL: a private folder, made by start. */
MUST_CHECK int source_store_init(struct files *f, const char *source, struct why *why);
MUST_CHECK int memory_store_init(struct files *f, struct why *why);

#endif
