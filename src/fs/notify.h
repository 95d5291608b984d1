/* SPDX-License-Identifier: MIT */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

/*
 * Tells the host kernel what it should not know any more.
 *
 * That the directory of a task or of a slab cache is gone: what it knew of the
 * inode is dropped; the next walk asks us, hears ESTALE and looks the name up
 * again. That takes no lock that is held over a request; still it is done by a
 * thread of its own, for the kernel may wait for an inode that is just being
 * made or dropped.
 *
 * That we want the memory of a name below files/ back (files->ask): only
 * dropping the name makes the host forget the inode behind it. This waits,
 * unkillable, for the lock of the directory above, which a request that we
 * have not answered may hold. So the loop must answer until the notifier has
 * stopped; and where a killed daemon could not end because of it, the keeper
 * of the mount breaks the connection (daemon/keeper.h). Names that are not
 * asked back for memory are left alone.
 */

#include "vm/file.h"

#include <fuse_lowlevel.h>
#include <pthread.h>

/* Names that wait to be told, in bytes; what comes while they are so many is left out. */
#define NOTIFY_BYTES_MAX ((size_t)32 << 20)

struct notice;
struct task;

struct notifier {
	struct fuse_session *session;
	pthread_t thread;
	pthread_mutex_t mutex; /* guards the rest; a leaf */
	pthread_cond_t more;
	struct notice *first, *last;
	size_t bytes; /* of all of them; counts the one that is being told, too */
	uint64_t told; /* notices that are done */
	const struct files *files; /* whose names are asked back; NULL: nobody's. Fixed before that begins */
	bool running, stop;
};

/* 0 or -errno. */
MUST_CHECK int notifier_start(struct notifier *n, struct fuse_session *session);
/* Drops what is not told yet. *n stays usable: a notice that comes later is dropped too. */
void notifier_stop(struct notifier *n);

/* A task has gone: forget tasks/NAME and proc/PID. Never waits. Of the shape of tasks.gone; ctx is the notifier. */
void notifier_task_gone(void *ctx, const struct task *t);
/* A slab cache has gone: forget sys/kernel/slab/NAME. Never waits. Of the shape of vm->cache_gone. */
void notifier_cache_gone(void *ctx, uint32_t id, uint32_t generation);

/* Forget this name and what it leads to, unless it is in use. Never waits. Of the shape of files->ask. */
void notifier_ask(void *ctx, uint64_t dir_ino, const char *name);
/*
 * Wait until all names that were asked for are back: at most so long, and no
 * longer than something moves. false: nothing did. Of the shape of files->ask_wait.
 */
bool notifier_ask_wait(void *ctx, unsigned wait_ms);

/*
 * What the host remembers of this inode's attributes is wrong. Told at once,
 * by the caller, for whom the host has it open (so it is neither made nor
 * dropped now). n may be NULL: there is no host.
 */
void notifier_inode_changed(struct notifier *n, uint64_t ino);

#endif
