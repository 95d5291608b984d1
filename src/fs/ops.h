/* SPDX-License-Identifier: MIT */
#ifndef FS_OPS_H
#define FS_OPS_H

/* The callbacks of libfuse's low-level interface over struct fs, which is the session's user data. */

#include "base/caller.h"
#include "fs/fs.h"

#include <fuse_lowlevel.h>

/* Who sent the request, as vm knows callers. */
struct caller request_caller(const struct fs *fs, fuse_req_t req);

extern const struct fuse_lowlevel_ops fs_ops;

#endif
