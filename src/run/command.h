/* SPDX-License-Identifier: MIT */
#ifndef RUN_COMMAND_H
#define RUN_COMMAND_H

/* The command itself: in its namespace, with signals passed on, and its status as a shell tells it. */

#include "base/defs.h"

#include <signal.h>

#define STATUS_FAILED 125 /* ummfs-run itself failed; the command was not run */
#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127

/* Signals are blocked from here on: command_run takes them one by one, and what has been mounted is taken away in any case. */
void signals_hold(sigset_t *before);

/* all_proc: see binds_make. Exit status: the command's; 128 + n when signal n ended it; or one of the above. */
int command_run(const char *mountpoint, bool all_proc, char **command, const sigset_t *before);

#endif
