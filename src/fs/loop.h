/* SPDX-License-Identifier: MIT */
#ifndef FS_LOOP_H
#define FS_LOOP_H

/*
 * The threads that take requests from the host kernel and answer them.
 *
 * Nearly all that a small read costs is waking a sleeping thread, so a thread
 * that has just answered looks for the next request for some microseconds
 * before it sleeps, as long as that pays. While requests are few, one thread
 * receives and the others are parked: woken along with it they would only be
 * in the way. A second joins while requests keep queueing up, and another one
 * when a request takes long (a task that allocates) and nobody else receives,
 * up to LOOP_THREADS_MAX.
 */

#include "base/defs.h"

#include <fuse_lowlevel.h>

#define LOOP_WORKERS_MAX 8u
#define LOOP_THREADS_MAX 64u

struct loop_options {
	unsigned workers; /* threads that receive at the same time, up to LOOP_WORKERS_MAX; 1: never more than one thread */
	unsigned spin_us; /* 0: sleep at once */
	/* Is a request (FUSE_..., on this inode, about this name or NULL) answered with EIO, unseen? NULL: none is. */
	bool (*refuses)(void *ctx, unsigned opcode, uint64_t ino, const char *name);
	void *refuses_ctx;
};

struct loop;

/* The session is mounted. Takes SIGUSR2 for itself. 0 or -errno. */
MUST_CHECK int loop_start(struct loop **out, struct fuse_session *session, const struct loop_options *o);
int loop_end_fd(const struct loop *l); /* readable once the mount is gone */
void loop_stop(struct loop *l); /* no request is answered after it; frees l */

/* Inside a request, on one of the threads: it may take long from here on. Does nothing elsewhere. */
void loop_may_wait(void);
bool loop_ending(void); /* the loop waits for this request, to stop */

/* What suits this host: two workers, a spin unless there is one CPU only. */
struct loop_options loop_defaults(void);

#endif
