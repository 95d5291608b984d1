/* SPDX-License-Identifier: MIT */
/*
 * The rows of mm/version.h: 5.10, 6.1 and 6.12 as captured, and 3.10 as far as
 * it is known to differ from 5.10. Releases between two rows are described by
 * the older one, except that 6.7 brought per-CPU lists that tune themselves,
 * and with them most of what sets 6.12 apart.
 */
#include "mm/version.h"

#include "mm/slab_known.h"
#include "mm/watermark.h"

#include <string.h>

const struct kernel_version kernel_versions[KERNELS] = {
	[KERNEL_3_10] = {
		.kernel = KERNEL_3_10,
		.name = "3.10",
		.node_total_present = true,
		.swap_cache_stats = true,
		.gfp_atomic_bit = true,
		.pageset = pageset_by_batch,
		.ulong_skips_negative = true,
		.slab = {
			.cpu_partial = { 2, 6, 13, 30 },
			.track_bytes_32 = 80, .track_bytes_64 = 152,
			.kmalloc_families = { KMALLOC_NORMAL, KMALLOC_DMA },
			.nr_kmalloc_families = 2,
			.kmalloc_odd_first = 1 << KMALLOC_DMA,
		},
	},
	[KERNEL_5_10] = {
		.kernel = KERNEL_5_10,
		.name = "5.10",
		.major = 4,
		.captured = true,
		.swap_cache_stats = true,
		.gfp_atomic_bit = true,
		.numa_lags = true,
		.pageset = pageset_by_batch,
		.ulong_skips_negative = true,
		.slab = {
			.cpu_partial = { 2, 6, 13, 30 },
			.track_bytes_32 = 80, .track_bytes_64 = 152,
			.kmalloc_families = { KMALLOC_NORMAL, KMALLOC_RECLAIM, KMALLOC_DMA },
			.nr_kmalloc_families = 3,
			.kmalloc_odd_first = 1 << KMALLOC_DMA,
		},
	},
	[KERNEL_6_1] = {
		.kernel = KERNEL_6_1,
		.name = "6.1",
		.major = 5, .minor = 14,
		.captured = true,
		.boost_line = true,
		.cma_line = true,
		.device_events = true,
		.mem_info_narrow = true,
		.boot_fallback = true,
		.boot_hugetlb_colon = true,
		.gfp_atomic_bit = true,
		.pageset = pageset_by_low,
		.pcp_order_most = MM_COSTLY_ORDER,
		.pcp_huge = true,
		.slab = {
			.cpu_partial = { 6, 24, 52, 120 },
			.track_bytes_32 = 20, .track_bytes_64 = 32,
			.counts_present = true,
			.keeps_request = true,
			.kmalloc_families = { KMALLOC_NORMAL, KMALLOC_CGROUP, KMALLOC_RECLAIM, KMALLOC_DMA },
			.nr_kmalloc_families = 4,
		},
	},
	[KERNEL_6_12] = {
		.kernel = KERNEL_6_12,
		.name = "6.12",
		.major = 6, .minor = 7,
		.captured = true,
		.boost_line = true,
		.promo_line = true,
		.cma_line = true,
		.device_events = true,
		.memmap_lines = true,
		.node_file_thp_wide = true,
		.log_uid = true,
		.mem_info_narrow = true,
		.oom_rss_parts = true,
		.boot_fallback = true,
		.boot_present = true,
		.boot_hugetlb_colon = true,
		.gfp_nowait_silent = true,
		.movable_is_high = true,
		.pageset = pageset_by_use,
		.pageset_tunes = true,
		.pcp_order_most = MM_COSTLY_ORDER,
		.pcp_huge = true,
		.slab = {
			.cpu_partial = { 6, 24, 52, 120 },
			.track_bytes_32 = 20, .track_bytes_64 = 32,
			.order_keeps_count = true,
			.counts_present = true,
			.keeps_request = true,
			.red_zone_in_request = true,
			.kmalloc_divisor = true,
			.kmalloc_families = { KMALLOC_NORMAL, KMALLOC_RECLAIM, KMALLOC_DMA, KMALLOC_CGROUP },
			.nr_kmalloc_families = 4,
			.kmalloc_odd_first = 1 << KMALLOC_NORMAL | 1 << KMALLOC_CGROUP | 1 << KMALLOC_RECLAIM |
					     1 << KMALLOC_DMA,
		},
	},
};

const struct kernel_version *kernel_version_find(const char *name)
{
	for (unsigned k = 0; k < KERNELS; k++)
		if (kernel_versions[k].captured && !strcmp(kernel_versions[k].name, name))
			return &kernel_versions[k];
	return NULL;
}

const struct kernel_version *kernel_version_of(unsigned major, unsigned minor)
{
	unsigned k = KERNELS - 1;
	while (k && (major < kernel_versions[k].major ||
		     (major == kernel_versions[k].major && minor < kernel_versions[k].minor)))
		k--;
	return &kernel_versions[k];
}
