/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

/* How the peers among file systems are served: all of them the same way. */

#include "base/defs.h"

#include <fuse_lowlevel.h>

/* Mount, go to the background, and answer with libfuse's own loop until the unmount; the session goes with it. Exit status; NULL: 1. */
int peer_serve(struct fuse_session *session, const char *mountpoint);

#endif
