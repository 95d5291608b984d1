/* SPDX-License-Identifier: MIT */
#ifndef RUN_PLACE_H
#define RUN_PLACE_H

/* A place for a bind mount in a file system that has none and lets nobody make one. */

#include "base/defs.h"

/*
 * Have a directory at path below root ("" for the real one) in this mount
 * namespace. What was beside it stays. 0, or -errno: -ENOENT when not even
 * the directory two names below root is there.
 */
MUST_CHECK int place_make(const char *root, const char *path);

#endif
