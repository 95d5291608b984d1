/* SPDX-License-Identifier: MIT */
#ifndef REGION_REGION_H
#define REGION_REGION_H

/*
 * The memory behind the frames. Frame pfn lies at region + pfn * 4096 of one
 * file and one mapping; holes between the ranges are never touched.
 *
 *   hugetlb  memfd of 2 MiB (or 1 GiB) pages, all of them taken at open, bound
 *            to host nodes with libnuma; frames read as zero until written.
 *   thp      memfd advised for transparent huge pages, real when touched.
 *   sparse   memfd, real when touched: address space only.
 *
 * thp and sparse count what is really used against a limit. A frame is charged
 * before content is first written to it and discarded (given back to the host)
 * when its page is freed. The file is sealed: whoever opens it through dev/mem
 * can neither shrink nor grow it.
 */

#include "base/defs.h"
#include "base/log.h"

enum backing { BACKING_AUTO, BACKING_HUGETLB, BACKING_THP, BACKING_SPARSE };
extern const char *const backing_name[]; /* "auto", "hugetlb", "thp", "sparse" */

struct region_range {
	uint64_t start_pfn, end_pfn;
	int host_node; /* -1: anywhere */
};

struct region_config {
	enum backing backing;
	uint64_t limit_bytes; /* thp, sparse; 0: four fifths of what the host has available */
	bool reserve; /* hugetlb: raise the host's pool by what is missing, give it back at close */
	uint64_t huge_page_bytes; /* 0: 2 MiB */
	const char *state_dir; /* where a raise of the host's pool is recorded; NULL: /run/ummfs, or $XDG_RUNTIME_DIR/ummfs */
};

struct region {
	enum backing backing; /* what it became: never BACKING_AUTO */
	int fd;
	char *base;
	uint64_t bytes; /* of address space */
	uint64_t limit_pages; /* UINT64_MAX for hugetlb */
	uint64_t spare_bytes; /* of the host's memory, a fifth of what was available at open: not for the daemon's own tables */
	uint64_t used_pages; /* charged; atomic; stays 0 for hugetlb, which took everything at open */
	uint64_t huge_page_bytes; /* hugetlb; else 0 */
	uint64_t huge_pages; /* hugetlb: taken at open; else 0 */
	uint64_t reserved_host_pages; /* what this region added to the host's pool */
	char path[64]; /* of the backing file: "/proc/PID/fd/N"; call region_update_path after a fork */
	char record[256]; /* file that records the raise, "" when there is none */
};

/*
 * 0, or -errno with one line in why that names the cause and the mend:
 * -ENOSPC for an empty or too small huge page pool, -EINVAL, -ENOMEM.
 * auto: hugetlb when enough huge pages are free, else thp; says which in the log.
 * Ranges may stand in any order; a huge page that two of them share is taken once.
 */
MUST_CHECK int region_open(struct region *r, const struct region_config *c,
			   const struct region_range *range, size_t nr_ranges, struct why *why);
void region_close(struct region *r);
/* The process that serves is this one now: path and record follow. Before the parent of the fork ends. */
void region_update_path(struct region *r);

/* Give back what dead daemons had added to the host's pool (records whose process is gone). Returns pages given back. */
uint64_t region_recover(const struct region_config *c);

static inline char *region_frame(const struct region *r, uint64_t pfn)
{
	return r->base + (pfn << 12);
}

/* Before content is written to n frames for the first time since they were discarded. 0 or -ENOMEM at the limit. */
MUST_CHECK int region_charge(struct region *r, uint64_t nr_pages);
/* Likewise for bytes that move here from frames which are discarded right after: past the limit for that long. */
void region_charge_anyway(struct region *r, uint64_t nr_pages);
/* May the daemon's own tables grow by so much? Not counted: what they really take shows in what the host has available. */
bool region_has_room(const struct region *r, uint64_t bytes);
/* Has the host no more than what was to be left to it? For tables that grow by what is touched, which nobody knows beforehand. */
bool region_host_short(const struct region *r);
/* Frames whose content is no longer wanted. thp, sparse: back to the host, uncharged, true. hugetlb: false, content stays. */
bool region_discard(struct region *r, uint64_t pfn, uint64_t nr_pages);

#endif
