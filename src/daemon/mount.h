/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_MOUNT_H
#define DAEMON_MOUNT_H

/* One mount: the file system over a booted machine, its session and its threads. */

#include "daemon/keeper.h"
#include "daemon/options.h"
#include "fs/fs.h"
#include "fs/notify.h"

struct mount {
	struct fs fs;
	struct fuse_session *session;
	struct notifier notifier;
	struct loop *loop;
	struct keeper keeper;
	bool mounted;
};

/*
 * open: mounted; requests queue up. The machine's own threads start between
 * the two, for they may report tasks that go. serve: answering on return. Each
 * 0, or -errno with why set. close: unmounts if that has not happened yet; *m
 * stays, for the machine's threads still know it.
 */
MUST_CHECK int mount_open(struct mount *m, struct vm *vm, const struct options *o, const char *path,
			  struct why *why);
MUST_CHECK int mount_serve(struct mount *m, const struct options *o, const char *path, struct why *why);
void mount_close(struct mount *m);

#endif
