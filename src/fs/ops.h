/* SPDX-License-Identifier: MIT */
#ifndef FS_OPS_H
#define FS_OPS_H

/* The callbacks of libfuse's low-level interface over struct fs, which is the session's user data. */

#include "fs/fs.h"

#include <fuse_lowlevel.h>

extern const struct fuse_lowlevel_ops fs_ops;

#endif
