/* SPDX-License-Identifier: MIT */
#ifndef FS_FILES_H
#define FS_FILES_H

/*
 * Callbacks for files/ and all below it: thin adapters over vm/file.h and
 * vm/filemap.h, to which fs/ops.c and fs/dirops.c hand on what is theirs
 * (ino_is_file). files_dir.c has what changes or lists directories,
 * files_io.c what is done with open files.
 *
 * The directory files/ itself has two faces. Once the store could be opened
 * it is the store's root, with its number and attributes. Before that, and
 * when the store cannot be opened, it is an entry of the tree, which answers
 * every question about its content with the reason.
 *
 * An open file's handle is its inode, which stays as long as it is open.
 */

#include "base/caller.h"
#include "fs/fs.h"
#include "fs/request.h"

#include <fuse_lowlevel.h>

/* Others may change the source at any time; what is older than this is asked for again. */
#define FILES_TIMEOUT 1.0

/* One request, between begin and end: who asks, for whom memory is taken, and files_enter. */
struct files_call {
	struct fs *fs;
	struct files *files;
	fuse_req_t req;
	struct caller before;
	struct request request;
};

void files_call_begin(struct files_call *c, fuse_req_t req); /* it may go to the store: another thread receives meanwhile */
void files_call_begin_short(struct files_call *c, fuse_req_t req); /* it does not */
void files_call_end(struct files_call *c);
struct file_who files_who(fuse_req_t req);
/* May whoever asks keep set-user-ID bits on what it changes (CAP_FSETID)? */
bool files_keeps_privileges(fuse_req_t req);
/* Without set-user-ID, and without set-group-ID where it is not a mark for locking. */
mode_t mode_without_privileges(mode_t mode);
unsigned files_set_bits(int what); /* FUSE_SET_ATTR_... as enum file_set */

/* As clients see it: numbers that the tree itself uses are moved out of its way. */
uint64_t files_shown_ino(const struct fs *fs, uint64_t ino);
void files_entry_fill(const struct fs *fs, struct file_inode *i, struct fuse_entry_param *e);
/* Reply to a lookup or to what made a name. i's reference is given back. */
void files_entry_reply(struct files_call *c, struct file_inode *i);

/* Is this files/, by name in the root, or as the entry that stands in for it? */
bool files_is_root(const struct fs *fs, fuse_ino_t parent, const char *name);
bool files_is_entry(const struct fs *fs, fuse_ino_t ino);
void files_op_lookup_root(fuse_req_t req); /* answers always: with the store's root, or with the entry */
void files_op_unavailable(fuse_req_t req); /* what was asked of the entry: why there is nothing, or ESTALE once there is */

void files_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void files_op_forget(struct fs *fs, size_t nr, const struct fuse_forget_data *forgets); /* those that are files */
void files_op_getattr(fuse_req_t req, fuse_ino_t ino);
void files_op_setattr(fuse_req_t req, fuse_ino_t ino, const struct stat *st, int what);
void files_op_readlink(fuse_req_t req, fuse_ino_t ino);
void files_op_statfs(fuse_req_t req);
void files_op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
		       size_t size, int flags);
void files_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void files_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void files_op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

/* ---- files_dir.c ---- */
void files_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void files_op_readdir(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi);
void files_op_releasedir(fuse_req_t req, struct fuse_file_info *fi);
void files_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void files_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void files_op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void files_op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void files_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void files_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void files_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
		     const char *to_name, unsigned flags);
void files_dirs_close(struct fs *fs); /* those that nobody will release any more; nobody else uses fs */
/* Mode and group of what is made in a directory that hands its group on. */
mode_t files_mode_new(struct file_inode *dir, mode_t mode, struct file_who *who);

/* ---- files_io.c ---- */
void files_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void files_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		     struct fuse_file_info *fi);
void files_op_release(fuse_req_t req, struct fuse_file_info *fi);
void files_op_read(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi);
void files_op_write(fuse_req_t req, const char *buf, size_t size, off_t offset, struct fuse_file_info *fi);
void files_op_fsync(fuse_req_t req, fuse_ino_t ino, bool data_only);
void files_op_fallocate(fuse_req_t req, int mode, off_t offset, off_t len, struct fuse_file_info *fi);
void files_op_lseek(fuse_req_t req, off_t offset, int whence, struct fuse_file_info *fi);

#endif
