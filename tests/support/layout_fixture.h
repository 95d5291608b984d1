/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_FIXTURE_H
#define LAYOUT_FIXTURE_H

/* A sink for where a layout puts blocks: in memory of the zone, aligned, each frame once; it keeps what it saw. */

#include "daemon/import_layout.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FRAMES 32768u

/* What the sink saw. */
struct seen {
	uint8_t owner[FRAMES]; /* 0: in use, else 1 + order of the free block, 64: huge */
	uint8_t head[FRAMES]; /* 1 + order at the first frame */
	uint8_t type[FRAMES]; /* 1 + type of a pageblock, at the frame looked at */
	uint64_t count[MM_ORDERS][MIGRATE_TYPES];
	uint64_t huge, blocks[MIGRATE_TYPES], virgin_end;
	const struct layout_zone *z;
	int fail_at; /* this call fails; 0: none */
};

static inline bool present(const struct layout_zone *z, uint64_t pfn)
{
	for (unsigned i = 0; i < z->nr_ranges; i++)
		if (pfn >= z->range[i].start && pfn < z->range[i].end)
			return true;
	return false;
}

static inline void claim(struct seen *s, uint64_t pfn, unsigned order, uint8_t owner)
{
	assert_int_equal(pfn & ((1u << order) - 1), 0);
	for (uint64_t i = pfn; i < pfn + (1u << order); i++) {
		assert_true(i < FRAMES && present(s->z, i));
		assert_int_equal(s->owner[i], 0);
		s->owner[i] = owner;
	}
}

static inline int see_free(void *ctx, uint64_t pfn, unsigned order, enum migratetype mt)
{
	struct seen *s = ctx;
	if (s->fail_at && !--s->fail_at)
		return -EIO;
	claim(s, pfn, order, (uint8_t)(1 + order));
	s->head[pfn] = (uint8_t)(1 + order);
	s->count[order][mt]++;
	return 0;
}

static inline int see_virgin(void *ctx, uint64_t start, uint64_t end)
{
	struct seen *s = ctx;
	assert_true(start < end && start >= s->virgin_end);
	s->virgin_end = end;
	int error = 0;
	for (; start < end && !error; start += MM_TOP_PAGES)
		error = see_free(s, start, MM_ORDER_MAX, MIGRATE_MOVABLE);
	return error;
}

static inline int see_huge(void *ctx, uint64_t pfn)
{
	struct seen *s = ctx;
	claim(s, pfn, s->z->huge_order, 64);
	s->huge++;
	return 0;
}

static inline int see_pageblock(void *ctx, uint64_t pfn, enum migratetype mt)
{
	struct seen *s = ctx;
	uint64_t size = 1u << s->z->pageblock_order;
	assert_int_not_equal(mt, MIGRATE_MOVABLE);
	assert_true(present(s->z, pfn));
	assert_int_equal((pfn - s->z->start_pfn) % size, 0);
	assert_int_equal(s->type[pfn], 0);
	s->type[pfn] = (uint8_t)(1 + mt);
	s->blocks[mt]++;
	return 0;
}

static inline struct layout_sink sink_of(struct seen *s)
{
	return (struct layout_sink){ s, see_free, see_virgin, see_huge, see_pageblock };
}

#endif
