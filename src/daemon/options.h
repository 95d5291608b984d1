/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

/*
 * The command line of ummfs: ummfs [SOURCE] MOUNTPOINT [-c FILE | --from STATE] [-o ...] [-f] [-d] [-s], or --check, or --dump DIR.
 * Called as mount.fuse.ummfs it is mount(8)'s helper: SOURCE MOUNTPOINT [-sfnv] [-o ...] [-t TYPE] [-N NAMESPACE].
 */

#include "daemon/boot.h"
#include "fs/loop.h"

#include <sys/types.h>

enum action {
	ACTION_MOUNT,
	ACTION_CHECK,
	ACTION_DUMP,
	ACTION_HELP,
	ACTION_VERSION,
	ACTION_NOTHING /* mount -f */
};

struct options {
	enum action action;
	char *mountpoint; /* as given */
	char *source; /* fsname of the mount: SOURCE as given, or "ummfs" */
	char *config, *from; /* absolute; what boot.config and boot.from point to */
	char *slab_debug; /* what boot.slab_debug points to */
	char *files_source; /* what boot.source points to */
	const char *dump; /* directory of --dump: argv's */
	bool foreground, debug;
	int lifeline_fd; /* -1: none; the daemon ends when its other end does */
	bool allow_other, private; /* asked for; -o private: only the mounting user */
	uid_t uid;
	gid_t gid;
	unsigned max_read; /* bytes in one read request; 0: as many as the host kernel likes */
	struct loop_options loop;
	struct boot_options boot;
	struct text fuse; /* options for libfuse, separated by commas */
};

/*
 * 0, or -EINVAL with why set (usage: exit status 2), or -ENOENT and the like
 * when SOURCE, -c or --from cannot be found (exit status 1).
 */
MUST_CHECK int options_parse(struct options *o, int argc, char **argv, struct why *why);
void options_fini(struct options *o);

/* One word of -o. 0 or -EINVAL. */
MUST_CHECK int mount_option_parse(struct options *o, char *word, struct why *why);

#endif
