/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_KEEPER_H
#define DAEMON_KEEPER_H

/*
 * A small process beside the daemon that outlives it when it is killed.
 *
 * The daemon asks the host to forget names, and that can wait for a directory
 * that is locked until we answer a request (fs/notify.h). A daemon killed just
 * then does not end: its thread waits for an answer that it would have to
 * give. The keeper sees the daemon's first thread go, and if the rest does not
 * follow, it breaks the connection, so that all requests fail and everybody
 * can go on.
 *
 * It holds no memory and no file of the machine, and has nothing to do in a
 * daemon that ends by itself.
 */

#include "base/defs.h"

#include <sys/types.h>

struct keeper {
	pid_t pid; /* 0: none */
};

/*
 * The mount on path is there, its requests are not answered yet. Called by the
 * daemon's first thread, before others are started. 0 or -errno.
 */
MUST_CHECK int keeper_start(struct keeper *k, const char *path);
/* Likewise; to break the connection is to write "1" to that file. For tests. */
MUST_CHECK int keeper_start_with(struct keeper *k, const char *path, const char *abort_path);
void keeper_stop(struct keeper *k); /* not needed any more; none is fine */

#endif
