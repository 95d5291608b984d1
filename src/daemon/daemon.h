/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

/* The program: one machine from its command line to its end. Returns the exit status: 0, 1 for a failure, 2 for usage. */

int daemon_run(int argc, char **argv);

#endif
