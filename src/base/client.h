/* SPDX-License-Identifier: MIT */
#ifndef BASE_CLIENT_H
#define BASE_CLIENT_H

/*
 * Whoever waits for the request that this thread works on. A client that is
 * killed stays until it is answered, so long work asks from time to time
 * whether that has happened, and if so answers at once: "refused", and undoes
 * what it has begun, or "granted", and goes on to the end without the client.
 *
 * Set around a request, by thread. Without a client nobody is ever interrupted.
 */

#include "base/defs.h"

#include <sys/types.h>

struct client {
	bool (*interrupted)(struct client *c); /* has a signal come for it? */
	void (*answer)(struct client *c, ssize_t result); /* NULL: answered at the end only */
	ssize_t refused, granted; /* what it would be told now */
	bool answered;
};

struct client *client_set(struct client *c); /* returns what was set before, to be set again afterwards */
void client_outcome(ssize_t refused, ssize_t granted);
void client_fails(int error); /* what would be granted is refused now, for this reason; what is left to do is undoing */
/* Is somebody still waiting who should not have to? Cheap: the host is asked now and then only. */
bool client_interrupted(void);
bool client_answered(void); /* somebody was there and is not any more */
void client_refuse(void);
void client_grant(void);

#endif
