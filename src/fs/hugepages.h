/* SPDX-License-Identifier: MIT */
#ifndef FS_HUGEPAGES_H
#define FS_HUGEPAGES_H

/* Callbacks below dev/hugepages, for the tables in ops.c and dirops.c. */

#include "base/caller.h"
#include "fs/fs.h"
#include "fs/request.h"
#include "vm/hugetlbfs.h"

#include <fuse_lowlevel.h>

/* Read-only, of a regular file: the frames of its pages. */
#define HUGE_XATTR_PFN "user.ummfs.pfn"

/* Is the name in this directory a mount of huge pages? Its number, or -1. */
int huge_mount_of(const struct fs *fs, fuse_ino_t parent, const char *name);

/* ---- hugepages.c: one inode ---- */
void huge_op_lookup_root(fuse_req_t req, unsigned mount);
void huge_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void huge_op_forget(struct fs *fs, size_t nr, const struct fuse_forget_data *forgets); /* those that are ours */
void huge_op_getattr(fuse_req_t req, fuse_ino_t ino);
void huge_op_setattr(fuse_req_t req, fuse_ino_t ino, const struct stat *st, int what);
void huge_op_readlink(fuse_req_t req, fuse_ino_t ino);
void huge_op_statfs(fuse_req_t req, fuse_ino_t ino);
void huge_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void huge_op_release(fuse_req_t req, fuse_ino_t ino);
void huge_op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset);
void huge_op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t offset,
		   const struct fuse_file_info *fi);
void huge_op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t len);
void huge_op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence);
void huge_op_setxattr(fuse_req_t req, const char *name); /* and removexattr */
void huge_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void huge_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);

/* ---- hugepages_dir.c: names ---- */
void huge_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void huge_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset);
void huge_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		    struct fuse_file_info *fi);
void huge_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev); /* and mkdir: S_IFDIR */
void huge_op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void huge_op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void huge_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name, bool directory);
void huge_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
		    const char *to_name, unsigned flags);

/* ---- shared by both ---- */
struct huge_call {
	struct fs *fs;
	struct hugetlbfs *h;
	fuse_req_t req;
	struct caller before;
	struct request request;
};
void huge_call_begin(struct huge_call *c, fuse_req_t req); /* it may take long */
void huge_call_begin_short(struct huge_call *c, fuse_req_t req);
void huge_call_end(struct huge_call *c);
void huge_entry_fill(struct huge_inode *i, struct fuse_entry_param *e);
void huge_entry_reply(struct huge_call *c, struct huge_inode *i); /* i's reference is given back */
void huge_open_fill(struct fuse_file_info *fi);

#endif
