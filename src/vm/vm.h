/* SPDX-License-Identifier: MIT */
#ifndef VM_VM_H
#define VM_VM_H

/*
 * One emulated machine with everything that uses its frames: region, frames,
 * policy, huge page pool, tasks, and what the vm knobs are set to. The
 * configuration, the mount and the tests all drive this.
 */

#include "base/ring.h"
#include "base/rng.h"
#include "mm/hugetlb.h"
#include "mm/kmalloc.h"
#include "mm/machine.h"
#include "mm/slab.h"
#include "policy/dirty.h"
#include "policy/policy.h"
#include "region/region.h"
#include "vm/file.h"
#include "vm/hugetlbfs.h"
#include "vm/imported_caches.h"
#include "vm/own.h"
#include "vm/task.h"
#include "vm/vm_fault.h"

struct overcommit {
	int32_t memory, ratio; /* vm.overcommit_memory, vm.overcommit_ratio */
	uint64_t kbytes; /* vm.overcommit_kbytes */
	uint64_t admin_reserve_kbytes, user_reserve_kbytes;
	int64_t committed_pages; /* atomic */
};

struct vm_config {
	bool deterministic;
	uint64_t seed;
	/* defaults: no region, so content cannot be stored (tests of pure accounting) */
	struct region *region;
	const char *slab_debug; /* slab_debug= as in mm/slab_debug.h; NULL: not given */
	const char *source; /* of files/: see struct files_config; without a region there is no files/ */
	bool no_caches; /* an import makes the slab caches itself, and calls vm_slab_start then */
};

struct vm {
	struct machine machine;
	struct ring log; /* what dev/kmsg shows */
	struct policy policy;
	struct hugetlb hugetlb[HUGETLB_SIZES]; /* the first is the default size, the one that HugePages_* counts */
	unsigned nr_hugetlb;
	int32_t hugetlb_shm_group;
	struct slabs slabs;
	struct failslab failslab;
	struct kmalloc kmalloc;
	struct own own; /* what the daemon itself has of them */
	struct imported_caches imported_caches; /* what nobody here has */
	struct region *region; /* may be NULL */
	void *slab_memory; /* without a region: where the bytes of objects are; else NULL */
	/* called without slabs->lock after a cache was deleted, so that fs can tell the host; NULL: nobody wants to know */
	void (*cache_gone)(void *ctx, uint32_t id, uint32_t generation);
	void *cache_gone_ctx;
	bool imported; /* what is in use at first was so before this machine ran; fixed at boot */
	bool content_stays; /* relaxed: the host kept bytes of freed frames, so their pages still have PG_CONTENT */
	struct tasks tasks;
	struct files files; /* files.vm is NULL: there is none */
	struct hugetlbfs hugetlbfs; /* likewise */
	struct overcommit overcommit;
	struct dirty_limits dirty;
	struct lock oom_lock; /* RANK_OOM: one thread kills at a time, and entries of tasks.slot stay */
	bool oom_sigkill; /* a task that is killed takes its processes with it; fixed at boot */
	bool panicked; /* relaxed: out of memory with panic_on_oom; nothing but the log can be had any more */
	int32_t stat_interval; /* seconds */
	bool deterministic;
	struct rng rng; /* RANK_TASKS lock */
	struct lock knob_lock; /* RANK_KNOB: one write at a time */
	bool drop_caches_quiet; /* knob_lock: 4 was written to vm.drop_caches, so its lines are no longer logged */
	uint64_t total_pages; /* managed pages: totalram */
	/* ticker: folds counters every stat_interval */
	pthread_t ticker;
	pthread_mutex_t ticker_mutex;
	pthread_cond_t ticker_cond;
	bool ticker_running, ticker_stop;
	uint64_t next_tick_ns; /* deterministic: machine time of the next tick */
	uint64_t next_compact_ns; /* and of kcompactd's next look at the nodes */
};

MUST_CHECK int vm_boot(struct vm *vm, const struct machine_spec *spec, const struct vm_config *c,
		       struct why *why);
MUST_CHECK int vm_start(struct vm *vm); /* background threads; after daemonizing */
void vm_shutdown(struct vm *vm);
/* Deterministic mode: move the clock; ticks that fall due run inline. */
void vm_advance(struct vm *vm, uint64_t ns);

/*
 * Overcommit (mm/util.c, 6.1): promise pages of anonymous memory to a task
 * (NULL: to the kernel itself, as root). 0 or -ENOMEM. No lock needed.
 */
MUST_CHECK int vm_commit(struct vm *vm, const struct task *t, uint64_t pages);
void vm_uncommit(struct vm *vm, uint64_t pages);
void vm_commit_again(struct vm *vm, uint64_t pages); /* what was promised and uncommitted for a moment */
uint64_t vm_commit_limit_pages(const struct vm *vm);
/* Does the host have memory for what describes so many more frames of a task? 0 or -ENOMEM. */
MUST_CHECK int vm_tables_room(const struct vm *vm, uint64_t pages);
void overcommit_init(struct vm *vm); /* the defaults of 6.1 for the memory that is free now */

#endif
