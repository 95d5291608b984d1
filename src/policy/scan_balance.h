/* SPDX-License-Identifier: MIT */
#ifndef POLICY_SCAN_BALANCE_H
#define POLICY_SCAN_BALANCE_H

/* How much of each list one pass of reclaim looks at (mm/vmscan.c: get_scan_count, shrink_lruvec, 6.1). Pure functions. */

#include "mm/machine.h"

#define DEF_PRIORITY                                                                               \
	12 /* the first pass looks at one page in 4096, each further one at twice as many */
#define SWAPPINESS_MOST 200
#define LRU_SCANNED LRU_UNEVICTABLE /* lists that are scanned: those before it */

struct scan_input {
	uint64_t size[LRU_SCANNED]; /* eligible pages */
	unsigned priority; /* DEF_PRIORITY to 0 */
	unsigned swappiness;
	bool swap; /* anonymous pages have somewhere to go, and may */
	bool file_is_tiny; /* hardly any pages of files are left */
	bool cache_trim; /* enough inactive pages of files that nobody wants back */
	uint64_t cost[2]; /* of anonymous memory, of files */
};

enum scan_mode { SCAN_FRACTION, SCAN_EQUAL, SCAN_ANON, SCAN_FILE };
enum scan_mode scan_mode_choose(const struct scan_input *in);
void scan_counts(const struct scan_input *in, uint64_t nr[LRU_SCANNED]);

/*
 * Enough was found: of target pages nr are left. The kind with less left to do
 * is done, the other one goes on until it has had the same share. False: one
 * kind is through already, so this is the end.
 */
bool scan_cut(uint64_t nr[LRU_SCANNED], const uint64_t target[LRU_SCANNED]);

#endif
