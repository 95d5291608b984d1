/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_IMPORT_LOG_H
#define DAEMON_IMPORT_LOG_H

/* What import_log.c (lines of a report) and import_log_zone.c (sizes and lists in them) share. */

#include "daemon/import_capture.h"

struct log_reading {
	struct capture *c;
	struct cap_file f;
	struct why *why;
	unsigned start; /* line of the report that counts; 0: the file is one */
	unsigned reports;
	unsigned major, minor; /* of the kernel; 0: not named */
	unsigned nr_cpus, cpu; /* at least so many; the one that reported */
	int zone; /* index of the last zone of which a line spoke; -1 */
	bool foreign; /* a type of another kernel was met */
	uint64_t node_told[MM_NODES_MAX]; /* bit per item that the node's own line has */
	uint64_t ram_pages; /* "N pages RAM"; 0: not told */
	struct {
		uint64_t cached, local; /* free_pcp, local_pcp */
	} pcp[MM_NODES_MAX * MM_ZONE_TYPES_MAX]; /* by index of the zone */
};

/* "free:3832kB boost:0kB ... present:15992kB ...": a new zone. 0, or -errno with why set. */
MUST_CHECK int log_zone_sizes(struct log_reading *r, unsigned node, enum zone_kind kind, char *rest);
/* "2*4kB (UM) 0*8kB ... = 3832kB" */
MUST_CHECK int log_zone_lists(struct log_reading *r, struct cap_zone *z, char *rest);
/* "active_anon:5392kB ... all_unreclaimable? yes" behind "Node 0" */
MUST_CHECK int log_node_items(struct log_reading *r, unsigned node, char *rest);
/* "0 945 945" behind lowmem_reserve[]: */
MUST_CHECK int log_zone_reserve(struct log_reading *r, char *rest);

#endif
