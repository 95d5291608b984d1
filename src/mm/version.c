/* SPDX-License-Identifier: MIT */
/*
 * The rows of mm/version.h: 5.10, 6.1 and 6.12 as captured, and 3.10 as far as
 * it is known to differ from 5.10. Releases between two rows are described by
 * the older one, except that 6.7 brought per-CPU lists that tune themselves,
 * and with them most of what sets 6.12 apart.
 */
#include "mm/version.h"

#include "mm/watermark.h"

#include <string.h>

const struct kernel_version kernel_versions[KERNELS] = {
	[KERNEL_3_10] = {
		.kernel = KERNEL_3_10,
		.name = "3.10",
		.node_total_present = true,
		.pageset = pageset_by_batch,
		.ulong_skips_negative = true,
	},
	[KERNEL_5_10] = {
		.kernel = KERNEL_5_10,
		.name = "5.10",
		.major = 4,
		.captured = true,
		.pageset = pageset_by_batch,
		.ulong_skips_negative = true,
	},
	[KERNEL_6_1] = {
		.kernel = KERNEL_6_1,
		.name = "6.1",
		.major = 5, .minor = 14,
		.captured = true,
		.boost_line = true,
		.cma_line = true,
		.device_events = true,
		.pageset = pageset_by_low,
		.pcp_order_most = MM_COSTLY_ORDER,
		.pcp_huge = true,
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
		.movable_is_high = true,
		.pageset = pageset_by_use,
		.pageset_tunes = true,
		.pcp_order_most = MM_COSTLY_ORDER,
		.pcp_huge = true,
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
