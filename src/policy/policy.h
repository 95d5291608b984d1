/* SPDX-License-Identifier: MIT */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

/*
 * Decisions over the frames: who gets a page, from where, and what is tried
 * before the answer is "no memory". One struct policy per machine.
 *
 * Owners. A page on an LRU list belongs to somebody above (a task's file
 * pages, a file below files/). Reclaim calls them through owner_ops, caches of
 * names and the like through struct shrinker, and whoever writes dirty pages
 * out through struct page_writer, all handed over at start, so nothing here
 * includes anything above.
 */

#include "mm/hugetlb.h"
#include "mm/machine.h"
#include "mm/owner.h"
#include "mm/pcp.h"
#include "policy/compact.h"
#include "policy/fail_page.h"
#include "policy/mempolicy.h"
#include "policy/oom.h"
#include "policy/report.h"
#include "policy/shrinker.h"

#include <pthread.h>

enum page_fate {
	PAGE_GOES, /* out of its owner's index: reclaim frees it */
	PAGE_BUSY, /* somebody is at it */
	PAGE_IS_DIRTY, /* has to be written first */
	PAGE_IS_WRITTEN, /* is being written just now */
	PAGE_STAYS /* its owner does not let go */
};

struct owner_ops {
	/*
	 * Let go of a page: forget it in the owner's index. Called inside c with the
	 * node's LRU lock held; may take RANK_OWNER and RANK_FILES locks only.
	 * dropping: for vm.drop_caches, which takes nothing into account. Whatever
	 * but PAGE_GOES: the page stays its owner's. Pages of files are counted off by
	 * reclaim (nr_file_pages, marks), anonymous ones by their owner. NULL: it lets go of none (PAGE_STAYS).
	 */
	enum page_fate (*release)(void *ctx, struct cpu *c, struct page *page, bool dropping);
	/*
	 * Move to another frame: `to`, which is nobody's, takes the place of the page in its owner's index, with its
	 * bytes, owner, index, private and PG_CONTENT. LRU list, marks and counters are the caller's. Called inside c with the LRU
	 * locks of both nodes held; may take RANK_OWNER and RANK_FILES locks only. PAGE_GOES: done, nobody refers to the old
	 * frame any more, whose bytes may stay (PG_CONTENT). Whatever else: nothing has changed. NULL: its pages never move.
	 */
	enum page_fate (*move)(void *ctx, struct cpu *c, struct page *page, struct page *to);
	/* After pages were released: give back what their going has freed. Inside c, no other lock. NULL: nothing ever. */
	void (*settle)(void *ctx, struct cpu *c);
};

/* Whoever writes dirty pages out. NULL functions: nobody does, dirty pages stay. */
struct page_writer {
	void (*wake)(void *ctx); /* soon, please; never waits. Inside a CPU */
	/* Until something has been written, at most wait_ms; false: there is nothing to wait for. Inside no CPU, no lock held. */
	bool (*wait)(void *ctx, unsigned wait_ms);
	void *ctx;
};

struct kswapd {
	struct policy *policy;
	struct node *node;
	pthread_t thread;
	struct lock lock; /* RANK_KSWAPD */
	pthread_cond_t wake;
	bool running, stop, wanted; /* lock */
	bool busy; /* reclaims just now; its thread's to write, relaxed */
	bool each_zone; /* lock: bring every zone up to its high mark, not only one */
	unsigned order, highest_type; /* lock: of the requests that woke it */
	bool ran; /* lock; inline only: rested_ns says when it last came to rest */
	uint64_t rested_ns;
};

/* What the vm knobs about reclaim are set to; relaxed. */
struct reclaim_knobs {
	int32_t swappiness; /* vm.swappiness: 0 to 200; matters where there is swap */
	int32_t vfs_cache_pressure; /* percent of the unused names and inodes that count as reclaimable */
	int32_t zone_reclaim_mode; /* RECLAIM_ZONE | RECLAIM_WRITE | RECLAIM_UNMAP */
	int32_t min_unmapped_ratio, min_slab_ratio; /* percent of a node's memory; see node_reclaim.h */
};

/* The flags that say where a page may come from; the type of memory follows from them. */
#define GFP_PLACE_BITS (__GFP_DMA | __GFP_HIGHMEM | __GFP_DMA32 | __GFP_MOVABLE | __GFP_RECLAIMABLE)

struct policy {
	struct machine *machine;
	struct kswapd *kswapd; /* by node */
	bool several_nodes; /* more than one is online */
	bool inline_reclaim; /* deterministic: kswapd runs where it would be woken */
	struct numa_nodes numa; /* which nodes a memory policy can name */
	/* by the lowest bits of a request's flags */
	uint8_t zone_type[GFP_PLACE_BITS + 1]; /* highest zone type; MM_ZONE_TYPES_MAX: contradicting */
	uint8_t migratetype[GFP_PLACE_BITS + 1];
	struct report report; /* where failures are reported to */
	struct oom oom; /* the OOM killer */
	struct fail_page fail_page; /* requests that are told to fail; all zeros: none */
	const struct owner_ops *owner[OWNER_KINDS];
	void *owner_ctx;
	struct page_writer writer;
	struct shrinker *shrinkers; /* set up before kswapd runs */
	struct reclaim_knobs reclaim;
	struct compact_knobs compact;
	struct kcompactd *kcompactd; /* by node */
	uint64_t swap_free_pages; /* relaxed: room for anonymous pages that reclaim takes; 0: they stay */
	uint64_t node_reclaiming[MM_NODES_MAX / 64]; /* bit per node: node reclaim is at it; atomic */
};

/* What a cache of names or inodes reports as reclaimable of nr unused objects. 6.1: vfs_pressure_ratio. */
static inline uint64_t vfs_pressure_ratio(const struct policy *p, uint64_t nr)
{
	uint64_t pressure = (uint64_t)READ_RELAXED(&p->reclaim.vfs_cache_pressure);
	return nr / 100 * pressure + nr % 100 * pressure / 100;
}

MUST_CHECK int policy_init(struct policy *p, struct machine *m, bool inline_reclaim); /* starts no thread */
MUST_CHECK int policy_start(struct policy *p); /* kswapd threads (call after daemonizing); none when inline */
void policy_fini(struct policy *p); /* joins them */

/*
 * The ladder (mm/page_alloc.c: __alloc_pages, 6.1): first fit along the
 * zonelist above the low marks; wake kswapd; again at the min marks, deeper
 * for ATOMIC and HIGH; highatomic reserve; direct reclaim and retry; NULL
 * means ENOMEM. Inside c. nid: preferred node, -1: the CPU's own. The caller
 * owns the PAGE_USED block returned and sets owner and LRU.
 */
struct page *alloc_request(struct policy *p, struct cpu *c, int nid, gfp_t gfp, unsigned order);
/* The same, from these nodes only (NULL: from any). */
struct page *alloc_request_nodes(struct policy *p, struct cpu *c, int nid,
				 const struct nodemask *nodes, gfp_t gfp, unsigned order);
/* What most requests want: a single page near the CPU. The common case is short, the rest goes to alloc_request. */
struct page *alloc_page(struct policy *p, struct cpu *c, gfp_t gfp);
static inline struct page *alloc_pages(struct policy *p, struct cpu *c, int nid, gfp_t gfp, unsigned order)
{
	return nid < 0 && !order ? alloc_page(p, c, gfp) : alloc_request(p, c, nid, gfp, order);
}
static inline void free_pages(struct cpu *c, struct page *page, unsigned order)
{
	page_give(c, page, order);
}

enum alloc_flags {
	ALLOC_HARDER = 1 << 0,
	ALLOC_HIGH = 1 << 1,
	ALLOC_NOFRAGMENT = 1 << 2,
	ALLOC_KSWAPD = 1 << 3,
	ALLOC_NO_WATERMARKS = 1 << 4
};
/* Would a request pass this mark now? Free pages are the printed counter. 6.1: __zone_watermark_ok. */
bool zone_watermark_ok(const struct zone *z, unsigned order, uint64_t mark, unsigned highest_type,
		       unsigned alloc_flags);
/* The same with another number of free pages. */
bool zone_watermark_ok_with(const struct zone *z, unsigned order, uint64_t mark,
			    unsigned highest_type, unsigned alloc_flags, uint64_t free_pages);
/* A mark as it counts: with the boost. */
static inline uint64_t zone_mark_pages(const struct zone *z, enum zone_mark mark)
{
	return READ_RELAXED(&z->watermark[mark]) + READ_RELAXED(&z->watermark_boost);
}

/* vm.drop_caches bit 0: everything clean on every node. The caller is inside no CPU. Returns pages freed. */
uint64_t reclaim_drop_pagecache(struct policy *p);
/* Bit 1: whatever the shrinkers let go, until that is next to nothing. Likewise. Returns objects freed. */
uint64_t reclaim_drop_slab(struct policy *p);

/*
 * Wake the kswapd of a node when its zones are below the mark, or have no block of the order. Inside c, no other lock.
 * False: it rests and has nothing to do, or no hope.
 */
bool kswapd_wake(struct policy *p, struct cpu *c, struct node *n, unsigned order, unsigned highest_type);
/* Recheck every node (a mark was raised). The caller is inside no CPU. 6.1 does this at the next allocation. */
void kswapd_wake_all(struct policy *p);

/* Huge page pool decisions (mm/hugetlb.c, 6.1). The caller is inside no CPU and holds no lock above RANK_CPU. */
/* Resize to count persistent pages; nid -1: whole machine, round robin; else that node only. Returns pages in the pool. */
uint64_t hugetlb_resize(struct policy *p, struct hugetlb *h, uint64_t count, int nid);
/*
 * Promise nr pages: what is free and promised to nobody, and as many surplus pages as that falls short, taken now (up to
 * nr_overcommit). 0, or -ENOMEM and nothing promised: also when the nodes that pol (NULL: none) binds to have fewer free
 * ones, promised or not. 6.1: hugetlb_acct_memory, gather_surplus_pages, allowed_mems_nr.
 */
MUST_CHECK int hugetlb_reserve(struct policy *p, struct hugetlb *h, struct cpu *c, uint64_t nr,
			       const struct mempolicy *pol);
void hugetlb_unreserve(struct policy *p, struct hugetlb *h, uint64_t nr); /* surplus pages that were only taken for them go */
/*
 * Take one page for a user: by its policy (NULL: the default one), else local node first; of those promised, or one that
 * nobody was promised, else surplus from the buddy system up to nr_overcommit. NULL: none. Inside no CPU.
 */
struct page *hugetlb_alloc(struct policy *p, struct hugetlb *h, struct cpu *c,
			   struct mempolicy *pol, bool reserved);
/* A page that was taken of those promised and not used after all: promised again. */
void hugetlb_restore(struct hugetlb *h, struct page *page);
void hugetlb_free(struct policy *p, struct hugetlb *h, struct page *page); /* a used page comes back */

#endif
