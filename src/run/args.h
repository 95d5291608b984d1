/* SPDX-License-Identifier: MIT */
#ifndef RUN_ARGS_H
#define RUN_ARGS_H

/* The command line of ummfs-run: [-m MOUNTPOINT | -c FILE | --from STATE] [-o OPTIONS] [--proc] [--] COMMAND... */

#include "base/log.h"

#define RUN_OPTIONS_MAX 32

enum run_action { RUN_COMMAND, RUN_HELP, RUN_VERSION };

struct run_args {
	enum run_action action;
	const char *mountpoint; /* -m; NULL: a machine for this command */
	const char *config, *from; /* for ummfs */
	const char *option[RUN_OPTIONS_MAX]; /* each -o, for ummfs */
	unsigned nr_options;
	bool all_proc; /* --proc: the machine's proc in place of the host's, its tasks in place of processes */
	char **command; /* NULL-terminated */
};

/* 0, or -EINVAL with why set. Points into argv. */
MUST_CHECK int run_args_parse(struct run_args *a, int argc, char **argv, struct why *why);

#endif
