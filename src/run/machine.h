/* SPDX-License-Identifier: MIT */
#ifndef RUN_MACHINE_H
#define RUN_MACHINE_H

/* A machine for one command: mounted on a new directory, and taken away with it. */

#include "run/args.h"

#include <limits.h>

struct machine_mount {
	char dir[PATH_MAX];
	int life_fd; /* one end of a socket pair: each side sees the other's end (EOF) */
	bool made, mounted;
};

/* 0, or -errno with why set, or with why empty when ummfs has said why itself. machine_unmount in any case. */
MUST_CHECK int machine_mount(struct machine_mount *m, const struct run_args *a, struct why *why);
void machine_unmount(struct machine_mount *m);

#endif
