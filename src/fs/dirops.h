/* SPDX-License-Identifier: MIT */
#ifndef FS_DIROPS_H
#define FS_DIROPS_H

/* Callbacks on directories, for the table in ops.c. */

#include "fs/inode.h"

#include <fuse_lowlevel.h>

/* How long the host kernel may answer by itself. Tasks that go are invalidated; the second covers what cannot be. */
#define FS_TIMEOUT_STATIC 86400.0
#define FS_TIMEOUT_TASK 1.0

/* Reply to a lookup or mkdir of this name. */
void inode_answer(fuse_req_t req, struct fs *fs, const struct inode *i, uint64_t dir, const char *name);

void fs_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi);
void fs_op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void fs_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void fs_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void fs_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		  struct fuse_file_info *fi);
void fs_op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void fs_op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void fs_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
		  const char *to_name, unsigned flags);

#endif
