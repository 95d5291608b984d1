/* SPDX-License-Identifier: MIT */
#ifndef REGION_HOST_H
#define REGION_HOST_H

/*
 * What the host has: memory to spare, NUMA nodes, pools of huge pages. Read
 * anew on each call from /proc and /sys below host_root.
 */

#include "base/defs.h"
#include "base/mask.h"

#define HOST_NODE_ANY (-1)

extern const char *host_root; /* "" except in tests: stands in front of /proc and /sys */

/* MemAvailable, or less where a memory cgroup above us leaves less. 0 when the host does not say. */
uint64_t host_available_bytes(void);
/* Nodes that memory can be bound to; empty when the host has no NUMA or only one node. */
void host_nodes(struct mask *nodes);

struct host_pool {
	uint64_t huge_page_bytes;
	int node; /* HOST_NODE_ANY: the pool of the whole host */
};

struct host_pool_pages {
	uint64_t total;
	uint64_t available; /* free and not promised to somebody else's mapping */
};

/* 0; -ENOENT when the host has no huge pages of this size (or no such node); -EIO for text that is no number. */
MUST_CHECK int host_pool_read(const struct host_pool *pool, struct host_pool_pages *out);
/* Ask for `total` pages. 0 or -errno of the write; the kernel may give fewer without an error. */
MUST_CHECK int host_pool_resize(const struct host_pool *pool, uint64_t total);
/* The file that resizes the pool, for messages. */
void host_pool_path(const struct host_pool *pool, char path[128]);

/* When process pid was started, in clock ticks since boot; 0: there is no such process, or a zombie. */
uint64_t host_process_start(uint64_t pid);

#endif
