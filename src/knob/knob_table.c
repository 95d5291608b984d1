/* SPDX-License-Identifier: MIT */
/*
 * The rows. A new knob is one more of them, and a new effect if it has one;
 * nothing in fs/ or daemon/ changes. Modes and ranges are those of 6.1's
 * vm_table (kernel/sysctl.c) and of the hstate attributes (mm/hugetlb.c).
 */

#include "knob/debugfs.h"
#include "knob/knob_loaded.h"
#include "knob/knob_ops.h"
#include "knob/slab_control.h"
#include "policy/scan_balance.h"

#include <stddef.h>

/* 6.1 keeps stat_interval in ticks of 1/250 s in an int, which bounds the seconds on either side. */
#define SECONDS_MOST (INT32_MAX / 250)

#define SYSCTL(name, mode_)                                                                        \
	.path = "proc/sys/vm/" name, .mode = mode_, .scope = KNOB_ONCE, .style = KNOB_SYSCTL
#define SYSCTL_INT(name, field, min_, max_)                                                        \
	SYSCTL(name, 0644), .show = knob_show_int, .store = knob_store_int,                        \
			    .offset = offsetof(struct vm, field), .min = min_, .max = max_
#define SYSCTL_ULONG(name, field)                                                                  \
	SYSCTL(name, 0644), .show = knob_show_ulong, .store = knob_store_ulong,                    \
			    .offset = offsetof(struct vm, field)

/* Only where the machine was loaded with it: with a value in its slot, or in a field that something here reads. */
#define LOADED(name, mode_, slot, show_, store_)                                                   \
	SYSCTL(name, mode_), .show = show_, .store = store_, .loaded = LOADED_##slot
#define LOADED_INT(name, slot, min_, max_)                                                         \
	LOADED(name, 0644, slot, knob_show_slot, knob_store_slot), .min = min_, .max = max_
#define LOADED_FIELD_INT(name, slot, field, max_)                                                  \
	SYSCTL_INT(name, field, 0, max_), .loaded = LOADED_##slot
#define LOADED_THP(name, slot, choice_)                                                            \
	.path = "sys/kernel/mm/transparent_hugepage/" name, .mode = 0644, .scope = KNOB_ONCE,      \
	.style = KNOB_SYSFS, .show = knob_show_choice, .store = knob_store_choice,                 \
	.choice = choice_, .loaded = LOADED_##slot

/* Of one pool of huge pages: of the default size, or of the other one where the machine has two. */
#define POOL(pool_, name, mode_, field)                                                            \
	.path = "sys/kernel/mm/hugepages/hugepages-%kB/" name, .mode = mode_, .scope = KNOB_ONCE,  \
	.style = KNOB_SYSFS, .show = knob_show_ulong, .pool = pool_,                               \
	.offset = offsetof(struct vm, hugetlb[pool_].field)
#define NODE_POOL(pool_, name, mode_, field)                                                       \
	.path = "sys/devices/system/node/node%u/hugepages/hugepages-%kB/" name, .mode = mode_,     \
	.scope = KNOB_NODE, .style = KNOB_SYSFS, .show = knob_show_hugetlb_node, .pool = pool_,    \
	.offset = offsetof(struct hugetlb_node, field)
#define GIGANTIC(name, mode_)                                                                      \
	.path = "sys/kernel/mm/hugepages/hugepages-1048576kB/" name, .mode = mode_,                \
	.scope = KNOB_ONCE, .style = KNOB_SYSFS, .kernels = SINCE_6_1
#define NODE_GIGANTIC(name, mode_)                                                                 \
	.path = "sys/devices/system/node/node%u/hugepages/hugepages-1048576kB/" name,              \
	.mode = mode_, .scope = KNOB_NODE, .style = KNOB_SYSFS, .kernels = SINCE_6_1
#define POOL_ROWS(pool_, shown_, shown_numa_, shown_node_)                                               \
	{ POOL(pool_, "nr_hugepages", 0644, nr), .store = knob_store_sysfs_ulong,                        \
	  .unlocked = true, .set_pool = knob_set_nr_hugepages, .shown = shown_ },                        \
		{ POOL(pool_, "nr_hugepages_mempolicy", 0644, nr), .store = knob_store_sysfs_ulong,      \
		  .unlocked = true, .set_pool = knob_set_nr_hugepages_mempolicy, .shown = shown_numa_ }, \
		{ POOL(pool_, "nr_overcommit_hugepages", 0644, nr_overcommit),                           \
		  .store = knob_store_nr_overcommit_hugepages,                                           \
		  .set_pool = knob_set_nr_overcommit_hugepages, .shown = shown_ },                       \
		{ POOL(pool_, "free_hugepages", 0444, nr_free), .shown = shown_ },                       \
		{ POOL(pool_, "resv_hugepages", 0444, nr_reserved), .shown = shown_ },                   \
		{ POOL(pool_, "surplus_hugepages", 0444, nr_surplus), .shown = shown_ },                 \
		{ NODE_POOL(pool_, "nr_hugepages", 0644, nr), .store = knob_store_sysfs_ulong,           \
		  .unlocked = true, .set_pool = knob_set_node_nr_hugepages, .shown = shown_node_ },      \
		{ NODE_POOL(pool_, "free_hugepages", 0444, nr_free), .shown = shown_node_ },             \
	{                                                                                                \
		NODE_POOL(pool_, "surplus_hugepages", 0444, nr_surplus), .shown = shown_node_            \
	}

/* Of struct fault_attr; modes and formats of lib/fault-inject.c. */
#define FAULT(dir, name, type, field)                                                              \
	.path = "sys/kernel/debug/" dir "/" name, .mode = 0600, .scope = KNOB_ONCE,                \
	.style = KNOB_SYSFS, .show = knob_show_##type, .store = knob_store_debugfs_##type,         \
	.offset = offsetof(struct vm, field), .apply = vm_faults_update
#define FAULT_ATTR(dir, attr)                                                                       \
	{ FAULT(dir, "probability", ulong, attr.probability) },                                     \
		{ FAULT(dir, "interval", ulong, attr.interval) },                                   \
		{ FAULT(dir, "times", int, attr.times) }, { FAULT(dir, "space", int, attr.space) }, \
		{ FAULT(dir, "verbose", ulong, attr.verbose) },                                     \
		{ FAULT(dir, "verbose_ratelimit_interval_ms", u32, attr.ratelimit_ticks) },         \
	{                                                                                           \
		FAULT(dir, "verbose_ratelimit_burst", u32, attr.ratelimit_burst)                    \
	}

static const char *const thp_enabled[] = { "always", "madvise", [KNOB_THP_NEVER] = "never", NULL };
static const char *const thp_defrag[] = { "always",  "defer", "defer+madvise",
					  "madvise", "never", NULL };

const struct knob knob_table[] = {
	{ SYSCTL_ULONG("admin_reserve_kbytes", overcommit.admin_reserve_kbytes) },
	{ SYSCTL("compact_memory", 0200), .action = true, .unlocked = true, .stream = true,
	  .store = knob_store_compact_memory, .kernels = ~SINCE_6_12 },
	{ SYSCTL("compact_memory", 0200), .action = true, .unlocked = true,
	  .offset = offsetof(struct vm, policy.compact.memory), .store = knob_store_compact_memory_one,
	  .pass = knob_pass_compact_memory_one, .min = INT32_MIN, .max = INT32_MAX, .kernels = SINCE_6_12 },
	{ SYSCTL_INT("compact_unevictable_allowed", policy.compact.unevictable_allowed, 0, 1),
	  .kernels = KERNELS_SINCE(KERNEL_5_10) },
	{ SYSCTL_INT("compaction_proactiveness", policy.compact.proactiveness, 0, 100),
	  .kernels = KERNELS_SINCE(KERNEL_5_10) & UNTIL_5_10 },
	{ SYSCTL_INT("compaction_proactiveness", policy.compact.proactiveness, 0, 100),
	  .unlocked = true, .apply = knob_apply_compaction_proactiveness, .kernels = SINCE_6_1 },
	{ SYSCTL_ULONG("dirty_background_bytes", dirty.background_bytes), .min = 1,
	  .set = knob_set_dirty_background_bytes },
	{ SYSCTL_INT("dirty_background_ratio", dirty.background_ratio, 0, 100),
	  .apply = knob_apply_dirty_background_ratio },
	{ SYSCTL_ULONG("dirty_bytes", dirty.bytes), .min = 2 * PAGE_SIZE, .set = knob_set_dirty_bytes },
	{ SYSCTL_INT("dirty_expire_centisecs", dirty.expire_centisecs, 0, INT32_MAX) },
	{ SYSCTL("dirty_ratio", 0644), .show = knob_show_int, .store = knob_store_dirty_ratio,
	  .offset = offsetof(struct vm, dirty.ratio), .max = 100 },
	{ SYSCTL("dirty_writeback_centisecs", 0644), .show = knob_show_int, .store = knob_store_dirty_writeback,
	  .offset = offsetof(struct vm, dirty.writeback_centisecs), .min = INT32_MIN, .max = INT32_MAX },
	{ SYSCTL("drop_caches", 0200), .action = true, .unlocked = true, .store = knob_store_drop_caches },
	{ SYSCTL_INT("extfrag_threshold", policy.compact.extfrag_threshold, 0, 1000) },
	{ SYSCTL("lowmem_reserve_ratio", 0644), .show = knob_show_lowmem_reserve_ratio,
	  .after_read = knob_after_read_lowmem_reserve_ratio, .store = knob_store_lowmem_reserve_ratio,
	  .min = INT32_MIN, .max = INT32_MAX, .nr = MM_ZONE_TYPES_MAX },
	{ SYSCTL_INT("min_free_kbytes", machine.tune.min_free_kbytes, 0, INT32_MAX),
	  .apply = knob_apply_min_free_kbytes },
	{ SYSCTL_INT("min_slab_ratio", policy.reclaim.min_slab_ratio, 0, 100), .shown = knob_shown_numa },
	{ SYSCTL_INT("min_unmapped_ratio", policy.reclaim.min_unmapped_ratio, 0, 100), .shown = knob_shown_numa },
	/* Who may use huge pages in shared memory. There is none here, and files of dev/hugepages have owners: it acts on nothing. */
	{ SYSCTL_INT("hugetlb_shm_group", hugetlb_shm_group, INT32_MIN, INT32_MAX) },
	/* What was asked for and granted; the files under sys count surplus pages as well. */
	{ SYSCTL_ULONG("nr_hugepages", hugetlb[0].max), .set_pool = knob_set_nr_hugepages, .unlocked = true },
	/* By the policy of the task that the writing process belongs to; others have the default one. */
	{ SYSCTL_ULONG("nr_hugepages_mempolicy", hugetlb[0].max),
	  .set_pool = knob_set_nr_hugepages_mempolicy, .unlocked = true, .shown = knob_shown_numa },
	{ SYSCTL("nr_overcommit_hugepages", 0644), .show = knob_show_ulong,
	  .store = knob_store_nr_overcommit_hugepages, .offset = offsetof(struct vm, hugetlb[0].nr_overcommit),
	  .set_pool = knob_set_nr_overcommit_hugepages },
	{ SYSCTL("numa_stat", 0644), .show = knob_show_int, .store = knob_store_numa_stat,
	  .offset = offsetof(struct vm, machine.tune.numa_stat), .min = 0, .max = 1,
	  .apply = knob_apply_numa_stat, .shown = knob_shown_numa },
	{ SYSCTL_INT("oom_dump_tasks", policy.oom.dump_tasks, INT32_MIN, INT32_MAX) },
	{ SYSCTL_INT("oom_kill_allocating_task", policy.oom.kill_allocating, INT32_MIN, INT32_MAX) },
	{ SYSCTL_ULONG("overcommit_kbytes", overcommit.kbytes), .apply = knob_apply_overcommit_kbytes },
	{ SYSCTL_INT("overcommit_memory", overcommit.memory, 0, 2) },
	{ SYSCTL_INT("overcommit_ratio", overcommit.ratio, INT32_MIN, INT32_MAX),
	  .apply = knob_apply_overcommit_ratio },
	{ SYSCTL_INT("panic_on_oom", policy.oom.panic, 0, 2) },
	{ SYSCTL_INT("percpu_pagelist_fraction", machine.tune.percpu_pagelist_high_fraction, 0, INT32_MAX),
	  .check = knob_check_high_fraction, .apply = knob_apply_high_fraction, .kernels = UNTIL_5_10 },
	{ SYSCTL_INT("percpu_pagelist_high_fraction", machine.tune.percpu_pagelist_high_fraction, 0, INT32_MAX),
	  .check = knob_check_high_fraction, .apply = knob_apply_high_fraction, .kernels = SINCE_6_1 },
	{ SYSCTL_INT("stat_interval", stat_interval, -SECONDS_MOST, SECONDS_MOST) },
	{ SYSCTL("stat_refresh", 0600), .action = true, .show = knob_show_stat_refresh,
	  .store = knob_store_stat_refresh },
	{ SYSCTL_INT("swappiness", policy.reclaim.swappiness, 0, SWAPPINESS_MOST) },
	{ SYSCTL_ULONG("user_reserve_kbytes", overcommit.user_reserve_kbytes) },
	{ SYSCTL_INT("vfs_cache_pressure", policy.reclaim.vfs_cache_pressure, 0, INT32_MAX) },
	{ SYSCTL_INT("watermark_boost_factor", machine.tune.watermark_boost_factor, 0, INT32_MAX) },
	{ SYSCTL_INT("watermark_scale_factor", machine.tune.watermark_scale_factor, 1, 3000),
	  .apply = knob_apply_watermark_scale_factor },
	{ SYSCTL_INT("zone_reclaim_mode", policy.reclaim.zone_reclaim_mode, 0, INT32_MAX),
	  .shown = knob_shown_numa },

	/* Only 32-bit kernels with high memory have it. */
	{ LOADED_FIELD_INT("highmem_is_dirtyable", HIGHMEM_IS_DIRTYABLE, dirty.highmem, 1) },

	/* These act on nothing here. */
	{ LOADED_INT("block_dump", BLOCK_DUMP, 0, INT32_MAX) },
	{ LOADED_INT("dirtytime_expire_seconds", DIRTYTIME_EXPIRE_SECONDS, 0, INT32_MAX) },
	{ LOADED_INT("enable_soft_offline", ENABLE_SOFT_OFFLINE, 0, 1) },
	{ LOADED("hugetlb_optimize_vmemmap", 0644, HUGETLB_OPTIMIZE_VMEMMAP, knob_show_slot, knob_store_slot_bool),
	  .kernels = ~SINCE_6_12 },
	{ LOADED("hugetlb_optimize_vmemmap", 0644, HUGETLB_OPTIMIZE_VMEMMAP, knob_show_slot,
		 knob_store_slot_int_bool),
	  .kernels = SINCE_6_12 },
	{ LOADED_INT("laptop_mode", LAPTOP_MODE, -SECONDS_MOST, SECONDS_MOST) },
	{ LOADED_INT("legacy_va_layout", LEGACY_VA_LAYOUT, 0, INT32_MAX) },
	{ LOADED_INT("max_map_count", MAX_MAP_COUNT, 0, INT32_MAX) },
	{ LOADED_INT("memfd_noexec", MEMFD_NOEXEC, 0, 2) },
	{ LOADED_INT("memory_failure_early_kill", MEMORY_FAILURE_EARLY_KILL, 0, 1) },
	{ LOADED_INT("memory_failure_recovery", MEMORY_FAILURE_RECOVERY, 0, 1) },
	{ LOADED("mmap_min_addr", 0644, MMAP_MIN_ADDR, knob_show_slot_ulong, knob_store_slot_ulong) },
	{ LOADED("mmap_rnd_bits", 0600, MMAP_RND_BITS, knob_show_slot, knob_store_slot), .min = 28,
	  .max = 32, .shown = knob_shown_64bit },
	{ LOADED("mmap_rnd_bits", 0600, MMAP_RND_BITS, knob_show_slot, knob_store_slot), .min = 8,
	  .max = 16, .shown = knob_shown_32bit },
	{ LOADED("mmap_rnd_compat_bits", 0600, MMAP_RND_COMPAT_BITS, knob_show_slot, knob_store_slot),
	  .min = 8, .max = 16 },
	{ LOADED("numa_zonelist_order", 0644, NUMA_ZONELIST_ORDER, knob_show_zonelist_order,
		 knob_store_zonelist_order),
	  .stream = true },
	{ LOADED_INT("page-cluster", PAGE_CLUSTER, 0, INT32_MAX), .kernels = UNTIL_5_10 },
	{ LOADED_INT("page-cluster", PAGE_CLUSTER, 0, 31), .kernels = SINCE_6_1 },
	{ LOADED_INT("page_lock_unfairness", PAGE_LOCK_UNFAIRNESS, 0, INT32_MAX) },
	{ LOADED_INT("unprivileged_userfaultfd", UNPRIVILEGED_USERFAULTFD, 0, 1) },
	{ LOADED_INT("vdso_enabled", VDSO_ENABLED, INT32_MIN, INT32_MAX) },
	{ LOADED_THP("defrag", THP_DEFRAG, thp_defrag) },

	/* This one does: min_free_kbytes follows it. */
	{ LOADED_THP("enabled", THP_ENABLED, thp_enabled), .apply = knob_apply_thp },

	POOL_ROWS(0, NULL, knob_shown_numa, knob_shown_node),
	POOL_ROWS(1, knob_shown_gigantic, knob_shown_gigantic_numa, knob_shown_gigantic_node),

	/* Of the larger pages: some become pages of the other size. */
	{ GIGANTIC("demote", 0200), .action = true, .unlocked = true, .set_pool = knob_set_demote,
	  .store = knob_store_sysfs_ulong, .shown = knob_shown_gigantic },
	{ GIGANTIC("demote_size", 0644), .show = knob_show_demote_size,
	  .store = knob_store_demote_size, .shown = knob_shown_gigantic },
	{ NODE_GIGANTIC("demote", 0200), .action = true, .unlocked = true, .set_pool = knob_set_demote,
	  .store = knob_store_sysfs_ulong, .shown = knob_shown_gigantic_node },
	{ NODE_GIGANTIC("demote_size", 0644), .show = knob_show_demote_size,
	  .store = knob_store_demote_size, .shown = knob_shown_gigantic_node },

	{ .path = "sys/devices/system/node/node%u/compact",
	  .mode = 0200,
	  .scope = KNOB_NODE,
	  .style = KNOB_SYSFS,
	  .store = knob_store_compact_node,
	  .action = true,
	  .unlocked = true,
	  .shown = knob_shown_node },

	/* Ours: caches that come and go. */
	{ .path = "sys/kernel/slab/new_cache",
	  .mode = 0200,
	  .scope = KNOB_ONCE,
	  .style = KNOB_SYSFS,
	  .store = knob_store_new_cache,
	  .action = true },
	{ .path = "sys/kernel/slab/delete_cache",
	  .mode = 0200,
	  .scope = KNOB_ONCE,
	  .style = KNOB_SYSFS,
	  .store = knob_store_delete_cache,
	  .action = true },

	FAULT_ATTR("failslab", failslab.attr),
	{ FAULT("failslab", "ignore-gfp-wait", bool, failslab.ignore_wait) },
	{ FAULT("failslab", "cache-filter", bool, failslab.cache_filter) },
	FAULT_ATTR("fail_page_alloc", policy.fail_page.attr),
	{ FAULT("fail_page_alloc", "ignore-gfp-wait", bool, policy.fail_page.ignore_wait) },
	{ FAULT("fail_page_alloc", "ignore-gfp-highmem", bool, policy.fail_page.ignore_highmem) },
	{ FAULT("fail_page_alloc", "min-order", u32, policy.fail_page.min_order) },

	/* Ours: the clock that stands still, in nanoseconds since boot; see knob_store_clock for what it takes. */
	{ .path = "sys/kernel/debug/ummfs/clock",
	  .mode = 0600,
	  .scope = KNOB_ONCE,
	  .style = KNOB_SYSFS,
	  .action = true,
	  .show = knob_show_clock,
	  .store = knob_store_clock,
	  .shown = knob_shown_clock },
};

const unsigned nr_knobs = ARRAY_LEN(knob_table);
