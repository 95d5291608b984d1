/* SPDX-License-Identifier: MIT */
/* Arithmetic of marks, per-CPU list sizes and counter thresholds. Pure. See watermark.h. */

#include "mm/watermark.h"

#define HIGHMEM_MIN_LEAST 32 /* SWAP_CLUSTER_MAX */
#define HIGHMEM_MIN_MOST 128
#define BATCH_PAGES_MOST 256 /* a zone's first guess: 1 MiB */
#define HIGH_BATCHES 6 /* before 5.14 */
#define FRACTION_BATCH_MOST 96 /* before 5.14: 8 * PAGE_SHIFT */
#define HIGH_MOST_FRACTION 8 /* since 6.7 lists grow to an eighth of the zone */
#define STAT_THRESHOLD_MOST 125
#define STAT_THRESHOLD_UNIT_SHIFT (27 - PAGE_SHIFT) /* 128 MiB */

uint64_t marks_share(uint64_t min_free_pages, uint64_t managed_pages, uint64_t lowmem_pages)
{
	if (!lowmem_pages)
		return 0;
	return (uint64_t)((unsigned __int128)min_free_pages * managed_pages / lowmem_pages);
}

struct marks marks_compute(uint64_t share_pages, uint64_t managed_pages, int scale_factor, bool highmem)
{
	uint64_t min = share_pages;
	if (highmem)
		min = CLAMP(managed_pages / 1024, (uint64_t)HIGHMEM_MIN_LEAST, (uint64_t)HIGHMEM_MIN_MOST);
	uint64_t scaled = (uint64_t)((unsigned __int128)managed_pages * (uint64_t)scale_factor / 10000);
	uint64_t gap = MAX(share_pages / 4, scaled);
	return (struct marks){ .min = min, .low = min + gap, .high = min + 2 * gap, .promo = min + 3 * gap };
}

int min_free_kbytes_base(uint64_t lowmem_kbytes)
{
	return (int)CLAMP(isqrt64(lowmem_kbytes * 16), (uint64_t)128, (uint64_t)262144);
}

/* One less than a power of two, so that the lists do not all hit the same cache colours; 0 for small zones. */
static int pageset_batch_raw(uint64_t managed_pages)
{
	uint64_t x = MIN(managed_pages / 1024, (uint64_t)BATCH_PAGES_MOST) / 4;
	x = MAX(x, (uint64_t)1);
	return (int)(1u << fls64(x + x / 2) >> 1) - 1;
}

int pageset_batch(uint64_t managed_pages)
{
	return MAX(pageset_batch_raw(managed_pages), 1);
}

int pageset_high(uint64_t managed_pages, uint64_t low_pages, int batch, unsigned nr_cpus, int fraction)
{
	uint64_t total = fraction ? managed_pages / (uint64_t)fraction : low_pages;
	uint64_t high = total / MAX(nr_cpus, 1u);
	return (int)MIN(MAX(high, (uint64_t)batch * 4), (uint64_t)INT32_MAX);
}

struct pageset_size pageset_by_batch(const struct pageset_input *in)
{
	int raw = pageset_batch_raw(in->managed_pages), high = HIGH_BATCHES * raw, batch = MAX(raw, 1);
	if (in->fraction) {
		high = (int)MIN(in->managed_pages / (uint64_t)in->fraction, (uint64_t)INT32_MAX);
		batch = CLAMP(high / 4, 1, FRACTION_BATCH_MOST);
	}
	return (struct pageset_size){ .batch = batch, .high_min = high, .high_max = high };
}

struct pageset_size pageset_by_low(const struct pageset_input *in)
{
	int batch = pageset_batch(in->managed_pages);
	int high = pageset_high(in->managed_pages, in->low_pages, batch, in->nr_cpus, in->fraction);
	return (struct pageset_size){ .batch = batch, .high_min = high, .high_max = high };
}

struct pageset_size pageset_by_use(const struct pageset_input *in)
{
	struct pageset_size size = pageset_by_low(in);
	if (!in->fraction)
		size.high_max = MAX(size.high_min, pageset_high(in->managed_pages, 0, size.batch,
								in->nr_cpus, HIGH_MOST_FRACTION));
	return size;
}

int stat_threshold_normal(uint64_t managed_pages, unsigned nr_cpus_online)
{
	unsigned units = fls64(managed_pages >> STAT_THRESHOLD_UNIT_SHIFT);
	return (int)MIN(2 * fls64(nr_cpus_online) * (1 + units), (unsigned)STAT_THRESHOLD_MOST);
}

int stat_threshold_pressure(uint64_t low_pages, uint64_t min_pages, unsigned nr_cpus_online)
{
	uint64_t each = (low_pages - min_pages) / MAX(nr_cpus_online, 1u);
	return (int)CLAMP(each, (uint64_t)1, (uint64_t)STAT_THRESHOLD_MOST);
}
