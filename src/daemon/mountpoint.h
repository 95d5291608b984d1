/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_MOUNTPOINT_H
#define DAEMON_MOUNTPOINT_H

/* The directory that a machine is mounted on: is it fit, and what is in the way? */

#include "base/log.h"

/* One line of /proc/self/mountinfo, as far as it matters here. */
struct mount_line {
	char path[4096];
	char type[64];
};

/* 0, or -EINVAL for a line that is none. Octal escapes in the path are resolved. */
MUST_CHECK int mount_line_parse(const char *line, struct mount_line *out);
/* The topmost mount on path in a text of such lines: 0, or -ENOENT. */
MUST_CHECK int mount_find(const char *mountinfo, const char *path, struct mount_line *out);

/*
 * The absolute path, when a machine can be mounted there. A dead mount that one
 * of our daemons left behind is taken away first, with a line in the log. NULL:
 * why says what is wrong and how to mend it. Free with free.
 */
MUST_CHECK char *mountpoint_prepare(const char *path, struct why *why);

/* Lazily: what is open stays usable. As root by umount2, else through fusermount3. 0 or -errno. */
MUST_CHECK int mountpoint_detach(const char *path);

#endif
