/* SPDX-License-Identifier: MIT */
#ifndef BASE_CALLER_H
#define BASE_CALLER_H

/*
 * On whose behalf this thread works: what the kernel calls current, as far as
 * its messages name it. Set around a request, by thread; unset it is this
 * process, by the name "ummfs".
 */

#include "base/defs.h"

#include <sys/types.h>

#define CALLER_COMM 16 /* bytes with the NUL: TASK_COMM_LEN */
#define CALLER_NAMELESS "?" /* for a process of which the host does not say more */

struct caller {
	pid_t pid; /* as messages show it */
	pid_t host_pid; /* whose name the host is asked for when it is needed; 0: name is it */
	const char *name; /* NULL: nobody is set */
	uid_t uid;
};

/* Returns what was set before, to be set again afterwards. */
struct caller caller_set(struct caller c);
pid_t caller_pid(void);
uid_t caller_uid(void);
void caller_comm(char comm[CALLER_COMM]); /* cut to 15 bytes */

#endif
