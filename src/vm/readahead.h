/* SPDX-License-Identifier: MIT */
#ifndef VM_READAHEAD_H
#define VM_READAHEAD_H

/*
 * How much to read when a page of a file is not there (mm/readahead.c:
 * ondemand_readahead, 6.1). A stream has a window, the pages last read for it,
 * and a mark in it: who gets there has the next window read. Windows begin
 * small, double, and stay at the most that may be read ahead. Pure but for the
 * two questions about what is cached.
 */

#include "vm/file.h"

#define READAHEAD_PAGES 32u /* VM_READAHEAD_PAGES: 128 KiB */
#define READAHEAD_IO_PAGES                                                                         \
	320u /* that one request to a disk may have: 1280 KiB; larger reads are read ahead as a whole */

struct readahead_cached { /* pages that are cached without a gap; at most `most` are of interest */
	uint64_t (*before)(void *ctx, uint64_t index, uint64_t most); /* up to index - 1 */
	uint64_t (*after)(void *ctx, uint64_t index, uint64_t most); /* from index + 1 */
	void *ctx;
};

struct readahead_plan {
	uint64_t start, size; /* pages to be read; 0: none */
	uint64_t mark; /* the page that reads ahead when it is read; UINT64_MAX: none */
};

/*
 * req pages from index are wanted: index is missing, or marked and there. The
 * stream's window moves; end: pages the file has, past which nothing is read.
 */
struct readahead_plan readahead_next(struct file_readahead *ra, uint64_t index, uint64_t req,
				     bool marked, uint64_t end, const struct readahead_cached *cached);

#endif
