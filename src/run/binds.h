/* SPDX-License-Identifier: MIT */
#ifndef RUN_BINDS_H
#define RUN_BINDS_H

/* A view of the host in which the files of a machine stand where tools look for them. */

#include "base/log.h"

/* Paths below the mount and below "/" that are bound, files and directories; NULL-terminated. */
extern const char *const bind_paths[];

/* This process alone (it must have one thread) sees its own mounts from now on, as root of a user namespace when it is not root. */
MUST_CHECK int namespace_enter(struct why *why);
/*
 * Bind what both sides have; all_proc: the machine's whole proc as well, so that its tasks stand for processes
 * and nothing of the host's proc is left. 0, or -errno with why set; -ENOENT when there was nothing to bind.
 */
MUST_CHECK int binds_make(const char *mountpoint, const char *root, bool all_proc, struct why *why);

#endif
