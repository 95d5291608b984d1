/* SPDX-License-Identifier: MIT */
#ifndef VM_SOURCE_H
#define VM_SOURCE_H

/*
 * Inside the store over a directory of the host: what its parts (source*.c)
 * share. Everything is reached through a descriptor of its directory and one
 * component that is never followed when it is a link. What is found must be
 * what the inode stands for (device, number, type); else the name is forgotten
 * and the answer is -ESTALE.
 *
 * An inode has a node (inode->store) once it has a descriptor: of a directory,
 * kept while it is among the last used ones, or of a file's data, kept from open
 * to release. Whoever works with one counts as its user, and it stays open.
 *
 * Lock: source->lock, a leaf; no system call is made below it.
 */

#include "vm/file_store.h"

#include <limits.h>

struct source_node {
	/* source->lock */
	struct source_node *next, *prev; /* directories: last used ones first; NULL: not listed */
	uint32_t users;
	int fd; /* -1: none */
	bool directory;
	bool closing; /* the last user closes it */
	int access; /* of data: O_RDONLY, O_RDWR; O_WRONLY where the host allows no more */
};

struct source {
	struct files *files;
	int root; /* O_PATH; -1: a private folder that was not made yet */
	uint64_t dev, ino; /* of the root */
	bool as_others; /* what clients make shall be theirs: the daemon is root */
	bool other_devs; /* more file systems than the root's were seen; relaxed */
	unsigned max_dirs, max_data; /* descriptors */
	char *folder; /* private folder's path; NULL: none */
	int folder_lock; /* its descriptor with the lock that shows that we live; -1 */

	struct lock lock; /* RANK_FILES, order 1 */
	struct source_node lru; /* ring */
	unsigned nr_dirs, nr_data;
};

/* A descriptor in use. */
struct source_use {
	int fd;
	struct source_node *node; /* it is this one's; NULL: the root's, or closed at the end */
	bool close;
};

static inline struct source *source_of(const struct file_inode *i)
{
	return i->files->store_ctx;
}

static inline bool source_is_root(const struct source *s, const struct file_inode *i)
{
	return i->attr.ino == s->ino && i->attr.dev == s->dev;
}

/* ---- source_dir.c ---- */
/* O_PATH of a directory. 0, -ESTALE or the host's errno. files->rename held. */
MUST_CHECK int source_dir_get(struct file_inode *dir, struct source_use *u);
void source_dirs_shrink(struct source *s, unsigned max); /* unused ones are closed until so many are left */
/*
 * What `try` does with a directory and a name that leads to i. It answers 0, or -errno;
 * -ENOENT, -ENOTDIR, -ELOOP and -ESTALE mean that the name is wrong: it is
 * forgotten, and the next one is tried. files->rename held.
 */
MUST_CHECK int source_by_name(struct file_inode *i,
			      int (*try)(int dir, const char *name, void *arg), void *arg);

/* ---- source_use.c ---- */
struct source_node *source_node_of(struct file_inode *i); /* found or made; NULL: no memory */
bool source_use_node(struct file_inode *i, struct source_use *u); /* false: it has no descriptor */
void source_use_end(struct source *s, struct source_use *u);
/* As openat; makes room when there are no descriptors left. -errno. */
int source_openat(struct source *s, int dir, const char *name, int flags, mode_t mode);
/* A descriptor of what i stands for, of any type and perhaps O_PATH. files->rename held. */
MUST_CHECK int source_use_any(struct file_inode *i, struct source_use *u);
#define SOURCE_PATH_MAX 32
/* The path by which the host finds what a descriptor is of, also one with O_PATH, links included. */
const char *source_use_path(const struct source_use *u, char path[SOURCE_PATH_MAX]);
bool source_is(const struct file_inode *i, const struct stat *st);
void source_attr_set(struct file_attr *attr, const struct stat *st, uint64_t turn); /* turn: of before it was asked for */
int source_attr_at(int dir, const char *name, struct file_attr *attr); /* not followed */
int source_attr_fd(int fd, struct file_attr *attr);

/* ---- source_who.c ---- */
struct source_who { /* whose files this thread made before */
	uid_t uid;
	gid_t gid;
	bool changed;
};
/* This thread makes files as somebody else until source_who_end. 0 or -EPERM: the host does not know them. */
MUST_CHECK int source_who_begin(const struct source *s, const struct file_who *who, struct source_who *was);
void source_who_end(const struct source_who *was);

/* ---- source_private.c ---- */
const char *source_private_parent(void); /* where it is made */
MUST_CHECK int source_private_make(struct source *s); /* sets root, folder and folder_lock */
void source_private_remove(struct source *s);
/* source_remove.c */
MUST_CHECK int source_tree_remove(int dir); /* what is in this directory. 0 or the first -errno that was left */

/* ---- the operations of struct file_store_ops ---- */
/* source_data.c */
/* A name that leads to a device or a pipe by now must not make us wait, nor a terminal be ours. */
#define SOURCE_DATA_FLAGS (O_NONBLOCK | O_NOCTTY)
bool source_data_full(struct source *s); /* no descriptor is left for one more file */
struct source_node *source_node_open(struct source *s, int fd); /* of a file just made, O_RDWR; NULL: no memory, fd is the caller's */
int source_open(struct file_inode *i, bool write);
void source_release(struct file_inode *i);
void source_forget(struct file_inode *i);
ssize_t source_read(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset);
ssize_t source_write(struct file_inode *i, const struct iovec *iov, int nr, uint64_t offset);
int source_truncate(struct file_inode *i, uint64_t size);
int source_fallocate(struct file_inode *i, int mode, uint64_t offset, uint64_t len);
off_t source_seek(struct file_inode *i, off_t offset, int whence);
int source_fsync(struct file_inode *i, bool data_only);
/* source_name.c */
int source_lookup(struct file_inode *dir, const char *name, struct file_attr *attr);
int source_create(struct file_inode *dir, const char *name, mode_t mode, int flags,
		  const struct file_who *who, struct file_attr *attr, void **open);
int source_mknod(struct file_inode *dir, const char *name, mode_t mode, dev_t rdev,
		 const struct file_who *who, struct file_attr *attr);
int source_symlink(struct file_inode *dir, const char *name, const char *target,
		   const struct file_who *who, struct file_attr *attr);
int source_link(struct file_inode *i, struct file_inode *dir, const char *name, struct file_attr *attr);
int source_unlink(struct file_inode *dir, const char *name, bool directory);
int source_rename(struct file_inode *dir, const char *name, struct file_inode *to,
		  const char *to_name, unsigned flags);
/* source_attr.c */
ssize_t source_readlink(struct file_inode *i, char *buf, size_t size);
int source_getattr(struct file_inode *i, struct file_attr *attr);
int source_setattr(struct file_inode *i, const struct stat *st, unsigned which, struct file_attr *attr);
ssize_t source_getxattr(struct file_inode *i, const char *name, void *value, size_t size);
ssize_t source_listxattr(struct file_inode *i, char *list, size_t size);
int source_setxattr(struct file_inode *i, const char *name, const void *value, size_t size, int flags);
int source_removexattr(struct file_inode *i, const char *name);
/* source_readdir.c */
int source_opendir(struct file_inode *i, void **dir);
void source_closedir(struct file_inode *i, void *dir);
int source_readdir(struct file_inode *i, void *dir, uint64_t position, struct file_dirent *out);

#endif
