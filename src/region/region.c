/* SPDX-License-Identifier: MIT */
/*
 * One memfd, one mapping of the whole address space. The mapping reserves
 * nothing, so its size costs nothing; what makes memory real differs:
 *
 *   hugetlb  fallocate of every huge page that a range touches, at open. Once
 *            that has passed, no access to a range can fail; the pool is
 *            looked at first only to name the shortage and the mend.
 *   others   the first touch. region_charge stands before it and keeps the sum
 *            below the limit, since the host would answer with its OOM killer.
 *
 * Host nodes are a matter of the file, not of the mapping: mbind of a shared
 * mapping sets the policy that fallocate and first touches follow.
 *
 * Accounting is one atomic count; there is no lock.
 */
#include "region/region.h"

#include "base/fault.h"
#include "region/extent.h"
#include "region/host.h"
#include "region/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <numaif.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES 4096ul
#define THP_BYTES (2ul << 20)
#define NODE_WORD_BITS (8 * sizeof(unsigned long))

const char *const backing_name[] = { "auto", "hugetlb", "thp", "sparse" };

static int ranges_check(const struct region_range *range, size_t nr, struct why *why)
{
	struct mask nodes;

	if (!nr)
		return why_set(why, -EINVAL, "the machine has no memory to take from the host");
	host_nodes(&nodes);
	for (size_t i = 0; i < nr; i++) {
		ASSERT(range[i].start_pfn < range[i].end_pfn);
		if (range[i].host_node < 0 || mask_empty(&nodes) ||
		    mask_has(&nodes, (unsigned)range[i].host_node))
			continue;
		return why_set(why, -EINVAL,
			       "host_node=%d: this host has no such node with memory: see numactl -H",
			       range[i].host_node);
	}
	return 0;
}

static int file_size(struct region *r, uint64_t bytes, struct why *why)
{
	struct rlimit limit;

	/* Past this limit ftruncate is not an error but a signal. */
	if (!getrlimit(RLIMIT_FSIZE, &limit) && bytes > limit.rlim_cur)
		return why_set(why, -EFBIG,
			       "the machine's %lu MiB are past the file size limit of this process: "
			       "ulimit -f unlimited",
			       (unsigned long)(bytes >> 20));
	if (ftruncate(r->fd, (off_t)bytes) || fchmod(r->fd, 0600)) {
		int error = -errno;
		return why_set(why, error, "cannot size the memory file to %lu MiB: %s",
			       (unsigned long)(bytes >> 20), strerror(-error));
	}
	fcntl(r->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	r->bytes = bytes;
	return 0;
}

static int file_create(struct region *r, uint64_t bytes, struct why *why)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

	if (r->huge_page_bytes)
		flags |= MFD_HUGETLB | (unsigned)__builtin_ctzll(r->huge_page_bytes) << MFD_HUGE_SHIFT;
	r->fd = memfd_create("ummfs", flags);
	if (r->fd < 0) {
		int error = -errno;
		return why_set(why, error, "the host makes no memory file (%s): %s",
			       backing_name[r->backing], strerror(-error));
	}
	return file_size(r, bytes, why);
}

/* A place for the mapping where huge pages of the file and of the address space coincide; the kernel does it for hugetlb. */
static void *place_aligned(uint64_t bytes)
{
	char *p = mmap(NULL, bytes + THP_BYTES, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	char *aligned = (char *)ALIGN_UP((uintptr_t)p, THP_BYTES);
	if (aligned != p)
		munmap(p, (size_t)(aligned - p));
	munmap(aligned + bytes, THP_BYTES - (size_t)(aligned - p));
	return aligned;
}

static int file_map(struct region *r, struct why *why)
{
	int flags = MAP_SHARED | MAP_NORESERVE;
	void *at = NULL;

	if (!r->huge_page_bytes) {
		at = place_aligned(r->bytes);
		if (at)
			flags |= MAP_FIXED;
	}
	void *p = mmap(at, r->bytes, PROT_READ | PROT_WRITE, flags, r->fd, 0);
	if (p == MAP_FAILED) {
		int error = -errno;
		if (at)
			munmap(at, r->bytes);
		return why_set(why, error, "no %lu MiB of address space for the machine: %s: raise ulimit -v",
			       (unsigned long)(r->bytes >> 20), strerror(-error));
	}
	r->base = p;
	madvise(p, r->bytes, MADV_DONTDUMP);
	if (r->backing == BACKING_THP)
		madvise(p, r->bytes, MADV_HUGEPAGE); /* a host without them gives small ones */
	if (r->backing == BACKING_SPARSE)
		madvise(p, r->bytes, MADV_NOHUGEPAGE); /* one touched frame must not make 2 MiB real */
	return 0;
}

/* Strictly for hugetlb, whose pages are counted per node before; else a wish, for a full node must not kill us. */
static int extents_bind(const struct region *r, const struct extent_list *l, struct why *why)
{
	int mode = r->backing == BACKING_HUGETLB ? MPOL_BIND : MPOL_PREFERRED;

	for (size_t i = 0; i < l->nr; i++) {
		const struct extent *e = &l->extent[i];
		unsigned long nodes[MASK_WORDS] = { 0 };
		if (e->node == HOST_NODE_ANY)
			continue;
		nodes[(unsigned)e->node / NODE_WORD_BITS] |= 1ul << ((unsigned)e->node % NODE_WORD_BITS);
		unsigned long max = ((unsigned)e->node / NODE_WORD_BITS + 1) * NODE_WORD_BITS + 1;
		if (mbind(r->base + e->start, e->end - e->start, mode, nodes, max, 0)) {
			int error = -errno;
			return why_set(why, error, "cannot bind memory to host node %d: %s",
				       e->node, strerror(-error));
		}
	}
	return 0;
}

static int fallocate_whole(int fd, int mode, uint64_t start, uint64_t bytes)
{
	while (fallocate(fd, mode, (off_t)start, (off_t)bytes))
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int extents_take(struct region *r, const struct extent_list *l, struct why *why)
{
	for (size_t i = 0; i < l->nr; i++) {
		const struct extent *e = &l->extent[i];
		int error = fallocate_whole(r->fd, 0, e->start, e->end - e->start);
		if (error)
			return why_set(why, error,
				       "the host's huge pages went to somebody else while %lu of them were being "
				       "taken (%s): try again, or use -o backing=thp",
				       (unsigned long)(l->bytes / r->huge_page_bytes), strerror(-error));
	}
	r->huge_pages = l->bytes / r->huge_page_bytes;
	return 0;
}

/* 0 when the pools have enough, else -errno and why. */
static int needs_met(const struct pool_need *need, size_t nr, struct why *why)
{
	struct host_pool_pages have;

	for (size_t i = 0; i < nr; i++) {
		int error = host_pool_read(&need[i].pool, &have);
		if (error)
			return why_set(why, -EINVAL,
				       "the host has no pool of %lu MiB huge pages: use -o backing=thp",
				       (unsigned long)(need[i].pool.huge_page_bytes >> 20));
		if (have.available < need[i].pages)
			return pool_short(&need[i], &have, why);
	}
	return 0;
}

static int pool_prepare(struct region *r, const struct region_config *c,
			const struct extent_list *l, struct why *why)
{
	struct pool_need need[64];
	struct why shortage = { "" };
	size_t nr = extents_needs(l, r->huge_page_bytes, need, ARRAY_LEN(need));

	int error = needs_met(need, nr, &shortage);
	if (error == -ENOSPC && c->reserve)
		return pool_raise(c->state_dir, need, nr, r->record, &r->reserved_host_pages, why);
	return error ? why_set(why, error, "%s", shortage.text) : 0;
}

static int open_extents(struct region *r, const struct region_config *c,
			const struct extent_list *l, struct why *why)
{
	int error = 0;

	if (r->backing == BACKING_HUGETLB)
		error = pool_prepare(r, c, l, why);
	if (!error)
		error = file_create(r, l->extent[l->nr - 1].end, why);
	if (!error)
		error = file_map(r, why);
	if (!error)
		error = extents_bind(r, l, why);
	if (!error && r->backing == BACKING_HUGETLB)
		error = extents_take(r, l, why);
	return error;
}

static uint64_t limit_pages(const struct region_config *c)
{
	uint64_t bytes = c->limit_bytes ? c->limit_bytes : host_available_bytes() / 5 * 4;
	return bytes / PAGE_BYTES;
}

static int open_backing(struct region *r, const struct region_config *c, enum backing backing,
			const struct region_range *range, size_t nr, struct why *why)
{
	struct extent_list l;

	*r = (struct region){ .backing = backing,
			      .fd = -1,
			      .limit_pages = UINT64_MAX,
			      .spare_bytes = host_available_bytes() / 5 };
	if (backing == BACKING_HUGETLB)
		r->huge_page_bytes = c->huge_page_bytes ? c->huge_page_bytes : THP_BYTES;
	else
		r->limit_pages = limit_pages(c);
	if (r->huge_page_bytes & (r->huge_page_bytes - 1))
		return why_set(why, -EINVAL, "a huge page of %lu bytes: use 2M or 1G",
			       (unsigned long)r->huge_page_bytes);
	int error = extents_create(&l, range, nr, MAX(r->huge_page_bytes, PAGE_BYTES));
	if (error)
		return why_set(why, error, "no memory for a table of %lu ranges", (unsigned long)nr);
	error = open_extents(r, c, &l, why);
	extents_destroy(&l);
	if (error)
		region_close(r);
	else
		region_update_path(r);
	return error;
}

static int open_auto(struct region *r, const struct region_config *c,
		     const struct region_range *range, size_t nr, struct why *why)
{
	struct why no_huge = { "" };

	if (!open_backing(r, c, BACKING_HUGETLB, range, nr, &no_huge)) {
		log_info("backing=auto: hugetlb, %lu huge pages of %lu MiB",
			 (unsigned long)r->huge_pages, (unsigned long)(r->huge_page_bytes >> 20));
		return 0;
	}
	int error = open_backing(r, c, BACKING_THP, range, nr, why);
	if (!error)
		log_info("backing=auto: thp, at most %lu MiB of the host; not hugetlb: %s",
			 (unsigned long)(r->limit_pages >> 8), no_huge.text);
	return error;
}

int region_open(struct region *r, const struct region_config *c, const struct region_range *range,
		size_t nr_ranges, struct why *why)
{
	*r = (struct region){ .fd = -1 };
	int error = ranges_check(range, nr_ranges, why);
	if (error)
		return error;
	if (c->backing == BACKING_AUTO)
		return open_auto(r, c, range, nr_ranges, why);
	return open_backing(r, c, c->backing, range, nr_ranges, why);
}

void region_close(struct region *r)
{
	if (r->base)
		munmap(r->base, r->bytes);
	if (r->fd >= 0)
		close(r->fd);
	if (r->record[0])
		pool_settle(r->record); /* after the pages have gone back to the pool */
	*r = (struct region){ .fd = -1 };
}

void region_update_path(struct region *r)
{
	snprintf(r->path, sizeof(r->path), "/proc/%ld/fd/%d", (long)getpid(), r->fd);
	pool_adopt(r->record);
}

uint64_t region_recover(const struct region_config *c)
{
	return pool_recover(c->state_dir);
}

int region_charge(struct region *r, uint64_t nr_pages)
{
	if (fault_fails(FAULT_REGION_CHARGE))
		return -ENOMEM;
	if (r->backing == BACKING_HUGETLB)
		return 0;
	uint64_t used = READ_RELAXED(&r->used_pages);
	do {
		if (nr_pages > r->limit_pages - MIN(used, r->limit_pages))
			return -ENOMEM;
	} while (!__atomic_compare_exchange_n(&r->used_pages, &used, used + nr_pages, true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return 0;
}

void region_charge_anyway(struct region *r, uint64_t nr_pages)
{
	if (r->backing != BACKING_HUGETLB)
		__atomic_fetch_add(&r->used_pages, nr_pages, __ATOMIC_RELAXED);
}

bool region_has_room(const struct region *r, uint64_t bytes)
{
	uint64_t used = READ_RELAXED(&r->used_pages), available = host_available_bytes();
	if (bytes / PAGE_BYTES > r->limit_pages - MIN(used, r->limit_pages))
		return false;
	return !available || bytes <= available / 5 * 4;
}

bool region_host_short(const struct region *r)
{
	uint64_t available = host_available_bytes();
	return available && available < r->spare_bytes;
}

bool region_discard(struct region *r, uint64_t pfn, uint64_t nr_pages)
{
	uint64_t start = pfn * PAGE_BYTES, bytes = nr_pages * PAGE_BYTES;

	ASSERT(start + bytes <= r->bytes);
	if (r->backing == BACKING_HUGETLB)
		return false;
	/* A host too short of memory to split a huge page leaves the content: it must not be seen again. */
	if (fallocate_whole(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, bytes))
		memset(r->base + start, 0, bytes);
	uint64_t before = __atomic_fetch_sub(&r->used_pages, nr_pages, __ATOMIC_RELAXED);
	ASSERT(before >= nr_pages);
	return true;
}
