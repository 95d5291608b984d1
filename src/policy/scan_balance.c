/* SPDX-License-Identifier: MIT */
/*
 * Anonymous memory against files (mm/vmscan.c, 6.1). What has cost more of
 * late, in pages written and in pages that came back, is scanned less; how
 * much less, and how the two compare at all, says vm.swappiness.
 */

#include "policy/scan_balance.h"

enum { ANON, FILES };

enum scan_mode scan_mode_choose(const struct scan_input *in)
{
	if (!in->swap)
		return SCAN_FILE;
	if (!in->priority && in->swappiness)
		return SCAN_EQUAL; /* nearly out of memory: no cleverness */
	if (in->file_is_tiny)
		return SCAN_ANON;
	return in->cache_trim ? SCAN_FILE : SCAN_FRACTION;
}

/* Shares of both kinds: out of their sum. */
static void fractions(const struct scan_input *in, uint64_t share[2])
{
	uint64_t sum = in->cost[ANON] + in->cost[FILES];
	uint64_t anon = sum + in->cost[ANON], files = sum + in->cost[FILES];
	uint64_t total = anon + files;
	share[ANON] = in->swappiness * (total + 1) / (anon + 1);
	share[FILES] = (SWAPPINESS_MOST - in->swappiness) * (total + 1) / (files + 1);
}

void scan_counts(const struct scan_input *in, uint64_t nr[LRU_SCANNED])
{
	enum scan_mode mode = scan_mode_choose(in);
	uint64_t share[2];
	fractions(in, share);
	for (unsigned l = 0; l < LRU_SCANNED; l++) {
		unsigned kind = l >= LRU_INACTIVE_FILE ? FILES : ANON;
		nr[l] = in->size[l] >> in->priority;
		if (mode == SCAN_FRACTION)
			nr[l] = nr[l] * share[kind] / (share[ANON] + share[FILES]);
		else if (mode != SCAN_EQUAL && (mode == SCAN_FILE) != (kind == FILES))
			nr[l] = 0;
	}
}

/* What is left of a list, so that no larger part of it is looked at than of the other kind. */
static uint64_t rest_of(uint64_t nr, uint64_t target, uint64_t percent_left)
{
	uint64_t scanned = target - nr, rest = target * (100 - percent_left) / 100;
	return rest - MIN(rest, scanned);
}

bool scan_cut(uint64_t nr[LRU_SCANNED], const uint64_t target[LRU_SCANNED])
{
	uint64_t anon = nr[LRU_INACTIVE_ANON] + nr[LRU_ACTIVE_ANON];
	uint64_t files = nr[LRU_INACTIVE_FILE] + nr[LRU_ACTIVE_FILE];
	if (!anon || !files)
		return false;
	unsigned less = files > anon ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE;
	unsigned more = files > anon ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
	uint64_t percent_left = MIN(anon, files) * 100 / (target[less] + target[less + 1] + 1);
	nr[less] = nr[less + 1] = 0;
	for (unsigned i = 0; i < 2; i++)
		nr[more + i] = rest_of(nr[more + i], target[more + i], percent_left);
	return true;
}
