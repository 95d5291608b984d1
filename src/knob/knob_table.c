/* SPDX-License-Identifier: MIT */
/*
 * The rows. A new knob is one more of them, and a new effect if it has one;
 * nothing in fs/ or daemon/ changes. Modes and ranges are those of 6.1's
 * vm_table (kernel/sysctl.c) and of the hstate attributes (mm/hugetlb.c).
 */

#include "knob/knob_ops.h"

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

#define POOL(name, mode_, field)                                                                   \
	.path = "sys/kernel/mm/hugepages/hugepages-%kB/" name, .mode = mode_, .scope = KNOB_ONCE,  \
	.style = KNOB_SYSFS, .show = knob_show_ulong, .offset = offsetof(struct vm, hugetlb.field)
#define NODE_POOL(name, mode_, field)                                                              \
	.path = "sys/devices/system/node/node%u/hugepages/hugepages-%kB/" name, .mode = mode_,     \
	.scope = KNOB_NODE, .style = KNOB_SYSFS, .show = knob_show_hugetlb_node,                   \
	.offset = offsetof(struct hugetlb_node, field), .shown = knob_shown_node

const struct knob knob_table[] = {
	{ SYSCTL_ULONG("admin_reserve_kbytes", overcommit.admin_reserve_kbytes) },
	{ SYSCTL("drop_caches", 0200), .action = true, .unlocked = true, .store = knob_store_drop_caches },
	{ SYSCTL("lowmem_reserve_ratio", 0644), .show = knob_show_lowmem_reserve_ratio,
	  .after_read = knob_after_read_lowmem_reserve_ratio, .store = knob_store_lowmem_reserve_ratio,
	  .min = INT32_MIN, .max = INT32_MAX, .nr = MM_ZONE_TYPES_MAX },
	{ SYSCTL_INT("min_free_kbytes", machine.tune.min_free_kbytes, 0, INT32_MAX),
	  .apply = knob_apply_min_free_kbytes },
	/* What was asked for and granted; the files under sys count surplus pages as well. */
	{ SYSCTL_ULONG("nr_hugepages", hugetlb.max), .set = knob_set_nr_hugepages },
	{ SYSCTL_ULONG("nr_overcommit_hugepages", hugetlb.nr_overcommit),
	  .set = knob_set_nr_overcommit_hugepages },
	{ SYSCTL("numa_stat", 0644), .show = knob_show_int, .store = knob_store_numa_stat,
	  .offset = offsetof(struct vm, machine.tune.numa_stat), .min = 0, .max = 1,
	  .apply = knob_apply_numa_stat, .shown = knob_shown_numa },
	{ SYSCTL_ULONG("overcommit_kbytes", overcommit.kbytes), .apply = knob_apply_overcommit_kbytes },
	{ SYSCTL_INT("overcommit_memory", overcommit.memory, 0, 2) },
	{ SYSCTL_INT("overcommit_ratio", overcommit.ratio, INT32_MIN, INT32_MAX),
	  .apply = knob_apply_overcommit_ratio },
	{ SYSCTL_INT("percpu_pagelist_fraction", machine.tune.percpu_pagelist_high_fraction, 0, INT32_MAX),
	  .check = knob_check_high_fraction, .apply = knob_apply_high_fraction, .kernels = UNTIL_5_10 },
	{ SYSCTL_INT("percpu_pagelist_high_fraction", machine.tune.percpu_pagelist_high_fraction, 0, INT32_MAX),
	  .check = knob_check_high_fraction, .apply = knob_apply_high_fraction, .kernels = SINCE_6_1 },
	{ SYSCTL_INT("stat_interval", stat_interval, -SECONDS_MOST, SECONDS_MOST) },
	{ SYSCTL("stat_refresh", 0600), .action = true, .show = knob_show_stat_refresh,
	  .store = knob_store_stat_refresh },
	{ SYSCTL_ULONG("user_reserve_kbytes", overcommit.user_reserve_kbytes) },
	{ SYSCTL_INT("watermark_scale_factor", machine.tune.watermark_scale_factor, 1, 3000),
	  .apply = knob_apply_watermark_scale_factor },

	{ POOL("nr_hugepages", 0644, nr), .store = knob_store_sysfs_ulong, .set = knob_set_nr_hugepages },
	{ POOL("nr_overcommit_hugepages", 0644, nr_overcommit), .store = knob_store_sysfs_ulong,
	  .set = knob_set_nr_overcommit_hugepages },
	{ POOL("free_hugepages", 0444, nr_free) },
	{ POOL("resv_hugepages", 0444, nr_reserved) },
	{ POOL("surplus_hugepages", 0444, nr_surplus) },
	{ NODE_POOL("nr_hugepages", 0644, nr), .store = knob_store_sysfs_ulong,
	  .set = knob_set_node_nr_hugepages },
	{ NODE_POOL("free_hugepages", 0444, nr_free) },
	{ NODE_POOL("surplus_hugepages", 0444, nr_surplus) },

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
