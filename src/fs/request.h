/* SPDX-License-Identifier: MIT */
#ifndef FS_REQUEST_H
#define FS_REQUEST_H

/* A request of the host kernel, and the process behind it as the client (base/client.h) of this thread. */

#include "base/client.h"

#include <fuse_lowlevel.h>

struct request {
	struct client client; /* first: answers are given a pointer to it */
	struct client *before;
	fuse_req_t req;
	uint64_t next_ns; /* when to look again */
};

/* answer: replies to r->req; NULL: only interruption is of interest. */
void request_begin(struct request *r, fuse_req_t req, void (*answer)(struct client *c, ssize_t result));
/* true: the reply is still to be sent. */
MUST_CHECK bool request_end(struct request *r);

static inline fuse_req_t client_req(struct client *c)
{
	return ((struct request *)c)->req;
}

/* Signals that end system calls, out of the text of /proc/PID/status. -1: the text does not tell. */
int signals_waiting(const char *status);

#endif
