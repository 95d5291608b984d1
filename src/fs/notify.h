/* SPDX-License-Identifier: MIT */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

/*
 * Tells the host kernel that a name is gone. It takes the directory's lock,
 * which a request that we have not answered yet may hold, so it is done by a
 * thread of its own that holds nothing.
 */

#include "fs/fs.h"

#include <fuse_lowlevel.h>
#include <pthread.h>

struct notice;

struct notifier {
	struct fs *fs;
	struct fuse_session *session;
	pthread_t thread;
	pthread_mutex_t mutex; /* guards the rest; a leaf */
	pthread_cond_t more;
	struct notice *first, *last;
	bool running, stop;
};

/* 0 or -errno. */
MUST_CHECK int notifier_start(struct notifier *n, struct fs *fs, struct fuse_session *session);
/* Drops what is not told yet. *n stays usable: a notice that comes later is dropped too. */
void notifier_stop(struct notifier *n);

/* A task has gone: forget tasks/NAME and proc/PID. Never waits. Of the shape of tasks.gone; ctx is the notifier. */
void notifier_task_gone(void *ctx, uint32_t id, pid_t pid, const char *name);
/* A slab cache has gone: forget sys/kernel/slab/NAME. Never waits. Of the shape of vm->cache_gone. */
void notifier_cache_gone(void *ctx, const char *name);

#endif
