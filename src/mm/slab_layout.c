/* SPDX-License-Identifier: MIT */
/*
 * Layout of objects and slabs as 6.1's SLUB computes it (calculate_alignment,
 * calculate_sizes, calculate_order and what follows from the size). A slab is
 * 2^order pages filled from their start with objects `size` bytes apart:
 *
 *   left red zone | object .. red zone | free pointer | 2 records of users | request | right red zone, padding
 *   red_left_pad  | inuse              |              | SLAB_STORE_USER    | kmalloc |
 *
 * All but the object is there only when flags ask for it. The free pointer
 * lies in the middle of a free object unless its bytes must survive being
 * free: constructed, poisoned, or still read under RCU.
 *
 * Differs from Linux in that a structure read under RCU never names a field
 * of its own for the free pointer (6.12 lets it): the word is outside.
 */
#include "mm/slab_layout.h"

#include <errno.h>

#define MIN_PARTIAL_LEAST 5
#define MIN_PARTIAL_MOST 10
#define REQUEST_BYTES 4 /* of the size that a kmalloc caller asked for */
#define WASTE_LEAST_PART 16 /* the first try wastes at most a 16th of a slab */
#define WASTE_MOST_PART 4

static uint32_t word_bytes(const struct slab_layout_of *of)
{
	return of->bits / 8;
}

/* Small objects need no whole cache line each, but must not straddle two. */
static uint32_t alignment(const struct slab_layout_of *of, uint32_t object_size, uint32_t align, uint32_t flags)
{
	if (flags & SLAB_HWCACHE_ALIGN) {
		uint32_t line = SLAB_CACHE_LINE;
		while (object_size <= line / 2)
			line /= 2;
		align = MAX(align, line);
	}
	return ALIGN_UP(MAX(align, SLAB_ALIGN_LEAST), word_bytes(of));
}

static unsigned order_holding(uint64_t bytes)
{
	return bytes <= PAGE_SIZE ? 0 : fls64((bytes - 1) >> PAGE_SHIFT);
}

static bool waste_ok(uint32_t size, unsigned order, unsigned part)
{
	uint64_t slab_bytes = PAGE_SIZE << order;
	return slab_bytes % size <= slab_bytes / part;
}

/* The least order from `order` up to the wanted limit that wastes at most one `part`th; above the limit: none. */
static unsigned order_wasting(uint32_t size, unsigned order, unsigned part)
{
	while (order <= SLAB_ORDER_WANTED && !waste_ok(size, order, part))
		order++;
	return order;
}

/* Tolerate more waste step by step; settle for fewer objects when that does not help. */
static unsigned order_by_count(uint32_t size, unsigned count)
{
	for (; count > 1; count--) {
		for (unsigned part = WASTE_LEAST_PART; part >= WASTE_MOST_PART; part /= 2) {
			unsigned order = order_wasting(size, order_holding((uint64_t)count * size), part);
			if (order <= SLAB_ORDER_WANTED)
				return order;
		}
	}
	return order_holding(size);
}

/* The later rule: never fewer objects, and up to half a slab of waste. */
static unsigned order_by_waste(uint32_t size, unsigned count)
{
	unsigned least = order_holding((uint64_t)MAX(count, 1u) * size);
	for (unsigned part = WASTE_LEAST_PART; part > 1; part /= 2) {
		unsigned order = order_wasting(size, least, part);
		if (order <= SLAB_ORDER_WANTED)
			return order;
	}
	return order_holding(size);
}

/* More CPUs take slabs more often, so theirs hold more objects. */
static unsigned slab_order(const struct slab_layout_of *of, uint32_t size)
{
	unsigned wanted = 4 * (fls64(of->nr_cpus) + 1);
	unsigned most = (PAGE_SIZE << SLAB_ORDER_WANTED) / size;
	unsigned count = MIN(wanted, most);
	return of->version->slab.order_keeps_count ? order_by_waste(size, count)
						   : order_by_count(size, count);
}

static bool pointer_outside(const struct slab_layout *l, const struct slab_layout_of *of, uint32_t flags)
{
	if (flags & (SLAB_TYPESAFE_BY_RCU | SLAB_POISON | SLAB_CTOR))
		return true;
	if (!(flags & SLAB_RED_ZONE))
		return false;
	/* A red zone leaves no room inside a small object, nor in what a kmalloc caller did not ask for. */
	bool request_is_kept = (flags & SLAB_KMALLOC) && (flags & SLAB_STORE_USER);
	return l->object_size < word_bytes(of) ||
	       (of->version->slab.red_zone_in_request && request_is_kept);
}

/* From the object outward. A size that fits no slab is found by the caller. */
static void sizes_compute(struct slab_layout *l, const struct slab_layout_of *of, uint32_t flags)
{
	uint32_t word = word_bytes(of), size = ALIGN_UP(l->object_size, word);
	if ((flags & SLAB_RED_ZONE) && size == l->object_size)
		size += word; /* else the bytes up to the word are the zone */
	l->inuse = size;
	l->offset = ALIGN_DOWN(l->object_size / 2, word);
	if (pointer_outside(l, of, flags)) {
		l->offset = size;
		size += word;
	}
	if (flags & SLAB_STORE_USER) {
		size += 2 * slab_track_bytes(of->version, of->bits);
		if (of->version->slab.keeps_request && (flags & SLAB_KMALLOC))
			size += REQUEST_BYTES;
	}
	if (flags & SLAB_RED_ZONE) {
		l->red_left_pad = ALIGN_UP(word, l->align);
		size += word + l->red_left_pad;
	}
	l->size = ALIGN_UP(size, l->align);
}

/* What each CPU may keep beside its slab: fewer of larger ones. */
static uint16_t cpu_partial(const struct slab_rules *rules, uint32_t size, uint32_t flags)
{
	static const uint32_t at_least[SLAB_SIZE_CLASSES] = { PAGE_SIZE, 1024, 256, 0 };
	unsigned class = 0;
	if (flags & SLAB_DEBUG_FLAGS)
		return 0;
	while (size < at_least[class])
		class ++;
	return rules->cpu_partial[class];
}

int slab_layout_compute(struct slab_layout *l, const struct slab_layout_of *of,
			uint32_t object_size, uint32_t align, uint32_t slab_flags)
{
	*l = (struct slab_layout){ .object_size = object_size };
	if (!object_size || object_size > SLAB_OBJECT_MAX)
		return -EINVAL;
	if (align > SLAB_OBJECT_MAX || (align & (align - 1)))
		return -EINVAL;
	l->align = alignment(of, object_size, align, slab_flags);
	sizes_compute(l, of, slab_flags);
	if (l->size > SLAB_OBJECT_MAX)
		return -EINVAL;

	l->order = slab_order(of, l->size);
	l->min_order = order_holding(l->size);
	l->objects = (PAGE_SIZE << l->order) / l->size;
	l->min_partial = CLAMP((fls64(l->size) - 1) / 2, MIN_PARTIAL_LEAST, MIN_PARTIAL_MOST);
	l->cpu_partial = cpu_partial(&of->version->slab, l->size, slab_flags);
	l->cpu_partial_slabs = DIV_ROUND_UP(l->cpu_partial * 2, l->objects);
	return 0;
}

unsigned slab_layout_cpus(const struct kernel_version *v, unsigned nr_present, unsigned nr_possible)
{
	return v->slab.counts_present && nr_present > 1 ? nr_present : nr_possible;
}

unsigned slab_track_bytes(const struct kernel_version *v, unsigned bits)
{
	return bits == 64 ? v->slab.track_bytes_64 : v->slab.track_bytes_32;
}

uint32_t slab_layout_track(const struct slab_layout *l, const struct slab_layout_of *of)
{
	return l->offset >= l->inuse ? l->inuse + word_bytes(of) : l->inuse;
}

bool slab_flags_shareable(uint32_t slab_flags)
{
	const uint32_t never = (SLAB_DEBUG_FLAGS & ~SLAB_CONSISTENCY_CHECKS) |
			       SLAB_TYPESAFE_BY_RCU | SLAB_CTOR | SLAB_KMALLOC | SLAB_NO_MERGE;
	return !(slab_flags & never);
}

bool slab_layout_shares(const struct slab_layout *into, uint32_t into_flags,
			const struct slab_layout_of *of, uint32_t object_size, uint32_t align,
			uint32_t slab_flags)
{
	uint32_t word = word_bytes(of);
	if (!slab_flags_shareable(into_flags) || !slab_flags_shareable(slab_flags))
		return false;
	if ((into_flags ^ slab_flags) & SLAB_SAME_FLAGS)
		return false;
	align = alignment(of, object_size, align, slab_flags);
	uint32_t size = ALIGN_UP(ALIGN_UP(object_size, word), align);
	return size <= into->size && into->size - size < word &&
	       into->size == ALIGN_DOWN(into->size, align);
}

void slab_layout_admit(struct slab_layout *into, const struct slab_layout_of *of, uint32_t object_size)
{
	into->object_size = MAX(into->object_size, object_size);
	into->inuse = MAX(into->inuse, ALIGN_UP(object_size, word_bytes(of)));
}

void slab_layout_id(const struct slab_layout *l, uint32_t slab_flags, char id[SLAB_ID_MAX])
{
	static const struct {
		uint32_t flag;
		char letter;
	} letters[] = { { SLAB_CACHE_DMA, 'd' },
			{ SLAB_CACHE_DMA32, 'D' },
			{ SLAB_RECLAIM_ACCOUNT, 'a' },
			{ SLAB_CONSISTENCY_CHECKS, 'F' },
			{ SLAB_ACCOUNT, 'A' } };
	char *at = id;
	*at++ = ':';
	for (unsigned i = 0; i < ARRAY_LEN(letters); i++)
		if (slab_flags & letters[i].flag)
			*at++ = letters[i].letter;
	if (at > id + 1)
		*at++ = '-';
	snprintf(at, SLAB_ID_MAX - (at - id), "%07u", l->size);
}
