/* SPDX-License-Identifier: MIT */
#ifndef REGION_POOL_H
#define REGION_POOL_H

/*
 * Raising the host's pool of huge pages for the life of one daemon (-o reserve).
 *
 * What is raised is written down first, in DIR/pool.PID.START.N (START: when the
 * process began, so a reused PID is not taken for it). Whoever comes after a
 * kill -9 finds the record, sees that the process is gone and gives back what
 * it says. Readers and writers of the pool's size that are ours take turns by
 * flock on DIR/pool.lock, for the kernel knows only absolute sizes.
 */

#include "base/log.h"
#include "region/host.h"

struct pool_need {
	struct host_pool pool;
	uint64_t pages;
};

#define POOL_RECORD_BYTES 256

/* Directory of the records: state_dir, or the default of this user. 0, or -ENOENT when there is none. */
MUST_CHECK int pool_dir(const char *state_dir, char dir[POOL_RECORD_BYTES]);

/*
 * Make all needs available. 0 and the pages added (none: no record, record is "");
 * else -errno with why set, and the host's pools are what they were.
 */
MUST_CHECK int pool_raise(const char *state_dir, const struct pool_need *need, size_t nr_needs,
			  char record[POOL_RECORD_BYTES], uint64_t *added, struct why *why);
/* Give back what one record says and remove it. Returns pages given back. */
uint64_t pool_settle(const char *record);
/* The record is this process's now (after a fork). */
void pool_adopt(char record[POOL_RECORD_BYTES]);
/* Settle the records of processes that are gone. Returns pages given back. */
uint64_t pool_recover(const char *state_dir);

/* -ENOSPC with a line that says which pool is short of how much, and the mend. */
int pool_short(const struct pool_need *need, const struct host_pool_pages *have, struct why *why);

#endif
