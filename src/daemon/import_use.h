/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_IMPORT_USE_H
#define DAEMON_IMPORT_USE_H

/*
 * What the memory in use on LRU lists is. A capture says how many pages each
 * list of each zone has, and how many pages of each node are anonymous, page
 * cache, shared memory, mapped, dirty; not which. This makes an assignment
 * that adds up.
 */

#include "daemon/import_capture.h"
#include "mm/machine.h"

enum use_kind { USE_FILE, USE_SHMEM, USE_ANON, USE_KINDS };

/* Of one node: what has not been given to pages yet. */
struct node_use {
	uint64_t left[USE_KINDS][LRU_LISTS];
	/*
	 * Pages that no list counts: on their way there in a CPU's batch. They stand
	 * on the inactive list, whose counter follows when the CPUs' are folded.
	 */
	uint64_t late[USE_KINDS];
	uint64_t dirty, writeback; /* file pages */
	uint64_t mapped[USE_KINDS][LRU_LISTS]; /* of file pages and shared memory */
	uint64_t huge[USE_KINDS]; /* transparent huge pages */
	uint64_t huge_mapped[USE_KINDS]; /* those of them that are mapped as such; not of anonymous memory */
	uint64_t tables; /* page tables */
};

/* run->use, budgets, buffers and tables. 0 or -ENOMEM. */
MUST_CHECK int import_use_prepare(struct import_run *run);
/* A node item in pages (stacks: kB), or the node's share where only the whole machine's is known; 0: not known. */
uint64_t import_node_item(const struct import_run *run, unsigned node, enum node_stat s);
bool import_node_item_known(const struct import_run *run, unsigned node, enum node_stat s);
/* How many pages a list of a zone has: as printed, or the zone's share of its node's. */
uint64_t import_list_pages(const struct import_run *run, const struct cap_zone *from, enum lru_list list);

#endif
