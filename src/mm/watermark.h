/* SPDX-License-Identifier: MIT */
#ifndef MM_WATERMARK_H
#define MM_WATERMARK_H

/*
 * Arithmetic of marks, reserves, per-CPU sizes and thresholds: pure functions
 * of numbers, no state (mm/page_alloc.c, mm/vmstat.c, 6.1).
 */

#include "mm/version.h"

struct marks {
	uint64_t min, low, high, promo;
};

/*
 * share_pages: the zone's part of min_free_kbytes in pages (M * Z / L); highmem
 * zones have a fixed small min and use the share only for the gap.
 */
struct marks marks_compute(uint64_t share_pages, uint64_t managed_pages, int scale_factor, bool highmem);
uint64_t marks_share(uint64_t min_free_pages, uint64_t managed_pages, uint64_t lowmem_pages);
int min_free_kbytes_base(uint64_t lowmem_kbytes); /* isqrt(16 * kB), 128..262144 */
int pageset_batch(uint64_t managed_pages);
int pageset_high(uint64_t managed_pages, uint64_t low_pages, int batch, unsigned nr_cpus, int fraction);
/* The rules of kernels for the rows of mm/version.c. */
struct pageset_size pageset_by_batch(const struct pageset_input *in); /* until 5.13: a multiple of the batch */
struct pageset_size pageset_by_low(const struct pageset_input *in); /* from 5.14 on: the CPU's share of the low mark */
struct pageset_size pageset_by_use(const struct pageset_input *in); /* from 6.7 on: at least that share, more with use */
int stat_threshold_normal(uint64_t managed_pages, unsigned nr_cpus_online);
int stat_threshold_pressure(uint64_t low_pages, uint64_t min_pages, unsigned nr_cpus_online);

#endif
