/* SPDX-License-Identifier: MIT */
#ifndef POLICY_RETRY_H
#define POLICY_RETRY_H

/* Is it worth a request's while to reclaim and compact once more (mm/page_alloc.c: should_reclaim_retry, should_compact_retry, 6.1)? */

#include "policy/policy.h"

struct retry { /* of a request of some order */
	const struct policy *policy;
	const struct zoneref *list;
	unsigned nr, highest_type;
	const struct nodemask *nodes; /* NULL: any */
	unsigned order, alloc_flags;

	enum compact_result result; /* of the last compaction */
	enum compact_priority priority; /* of the next one */
	unsigned compactions; /* at this priority, that changed nothing */
};

/* With all that could be reclaimed in some zone the request would be served: there is a block. */
bool retry_reclaim(const struct retry *r);
/* The last compaction says that another one, maybe at a higher priority, which is set, could bring something. */
bool retry_compact(struct retry *r);

#endif
