/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_BACKGROUND_H
#define DAEMON_BACKGROUND_H

/*
 * Serving in the background, and telling whoever waits. The fork comes before
 * there are threads, memory or mounts, so that all of them belong to the
 * process that stays; the one that was started waits for its word.
 */

#include "base/defs.h"

struct background {
	int ready_fd; /* -1: in the foreground */
};

/*
 * Goes on in a new session; the caller's process ends with status 0 when
 * background_ready is called, or with the status that the new process ends
 * with before that. 0 or -errno.
 */
MUST_CHECK int background_enter(struct background *b);
void background_ready(struct background *b); /* standard streams are closed from here on */

/* Tell the service manager (sd_notify(3)), when there is one. "READY=1" */
void service_notify(const char *state);

#endif
