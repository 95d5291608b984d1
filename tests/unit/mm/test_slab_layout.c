/* SPDX-License-Identifier: MIT */
/* Layouts worked out by hand: what flags add, how orders are chosen, what is refused, who may share. */
#include "mm/slab_layout.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FZPU (SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER)

static struct slab_layout_of of(enum kernel kernel, unsigned bits, unsigned cpus)
{
	return (struct slab_layout_of){ &kernel_versions[kernel], bits, cpus };
}

static struct slab_layout layout(enum kernel kernel, unsigned bits, uint32_t object, uint32_t align,
				 uint32_t flags)
{
	struct slab_layout_of o = of(kernel, bits, 4);
	struct slab_layout l;
	assert_int_equal(slab_layout_compute(&l, &o, object, align, flags), 0);
	assert_true(l.objects >= 1 && l.objects * l.size <= PAGE_SIZE << l.order);
	assert_true(l.size <= PAGE_SIZE << l.min_order && l.min_order <= l.order);
	assert_int_equal(l.size % l.align, 0);
	assert_true(l.red_left_pad + MAX(l.inuse, l.offset + bits / 8) <= l.size);
	return l;
}

static void test_alignment(void **state)
{
	(void)state;
	static const struct {
		unsigned bits;
		uint32_t object, align, flags, want_align, want_size;
	} want[] = {
		{ 64, 1, 0, 0, 8, 8 },
		{ 64, 9, 0, 0, 8, 16 },
		{ 32, 9, 0, 0, 8, 16 }, /* 8 with 32 bits, too */
		{ 64, 6208, 64, 0, 64, 6208 },
		{ 64, 32, 0, SLAB_HWCACHE_ALIGN, 32, 32 }, /* half a line */
		{ 64, 33, 0, SLAB_HWCACHE_ALIGN, 64, 64 },
		{ 64, 17, 0, SLAB_HWCACHE_ALIGN, 32, 32 },
		{ 64, 16, 0, SLAB_HWCACHE_ALIGN, 16, 16 },
		{ 64, 16, 128, SLAB_HWCACHE_ALIGN, 128, 128 },
		{ 64, 1976, 0, SLAB_HWCACHE_ALIGN | SLAB_TYPESAFE_BY_RCU, 64, 1984 },
		{ 64, 256, 256, 0, 256, 256 },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		struct slab_layout l =
			layout(KERNEL_6_1, want[i].bits, want[i].object, want[i].align, want[i].flags);
		assert_int_equal(l.align, want[i].want_align);
		assert_int_equal(l.size, want[i].want_size);
		assert_int_equal(l.object_size, want[i].object);
	}
}

static void test_free_pointer(void **state)
{
	(void)state;
	/* In the middle, unless bytes must survive. */
	assert_int_equal(layout(KERNEL_6_1, 64, 192, 0, 0).offset, 96);
	assert_int_equal(layout(KERNEL_6_1, 64, 8, 0, 0).offset, 0);
	assert_int_equal(layout(KERNEL_6_1, 64, 24, 0, 0).offset, 8);
	assert_int_equal(layout(KERNEL_6_1, 32, 24, 0, 0).offset, 12);
	static const uint32_t outside[] = { SLAB_CTOR, SLAB_TYPESAFE_BY_RCU, SLAB_POISON };
	for (unsigned i = 0; i < ARRAY_LEN(outside); i++) {
		struct slab_layout l = layout(KERNEL_6_1, 64, 704, 0, outside[i]);
		assert_int_equal(l.inuse, 704);
		assert_int_equal(l.offset, 704);
		assert_int_equal(l.size, 712);
		l = layout(KERNEL_6_1, 32, 448, 0, outside[i]);
		assert_int_equal(l.offset, 448);
		assert_int_equal(l.size, 456);
	}
	/* A red zone leaves no room in an object smaller than the pointer. */
	assert_int_equal(layout(KERNEL_6_1, 64, 4, 0, SLAB_RED_ZONE).offset, 8);
	assert_int_equal(layout(KERNEL_6_1, 64, 8, 0, SLAB_RED_ZONE).offset, 0);
}

static void test_red_zone(void **state)
{
	(void)state;
	/* A word behind an object that ends at one; else the bytes up to it. One more word at the end. */
	struct slab_layout l = layout(KERNEL_6_1, 64, 64, 0, SLAB_RED_ZONE);
	assert_int_equal(l.inuse, 72);
	assert_int_equal(l.red_left_pad, 8);
	assert_int_equal(l.size, 72 + 8 + 8);
	l = layout(KERNEL_6_1, 64, 60, 0, SLAB_RED_ZONE);
	assert_int_equal(l.inuse, 64);
	assert_int_equal(l.size, 64 + 8 + 8);
	l = layout(KERNEL_6_1, 64, 64, 64, SLAB_RED_ZONE); /* the object itself stays aligned */
	assert_int_equal(l.red_left_pad, 64);
	assert_int_equal(l.size, 192);
}

static void test_debug(void **state)
{
	(void)state;
	static const struct {
		enum kernel kernel;
		unsigned bits;
		uint32_t flags, track, size;
	} want[] = {
		/* 64 + 8 + 8 + two records + 8 + left pad 8 */
		{ KERNEL_6_1, 64, FZPU, 80, 160 },
		{ KERNEL_6_12, 64, FZPU, 80, 160 },
		{ KERNEL_5_10, 64, FZPU, 80, 400 },
		/* 64 + 4 + 4 + 40 + 4 + left pad 8, to 8 */
		{ KERNEL_6_1, 32, FZPU, 72, 128 },
		{ KERNEL_5_10, 32, FZPU, 72, 248 },
		{ KERNEL_6_1, 64, SLAB_STORE_USER, 64, 128 },
		{ KERNEL_6_1, 64, SLAB_STORE_USER | SLAB_KMALLOC, 64, 136 }, /* and the request */
		{ KERNEL_5_10, 64, SLAB_STORE_USER | SLAB_KMALLOC, 64, 368 },
		/* What a kmalloc caller did not ask for is red since 6.12's row: the pointer moves out */
		{ KERNEL_6_1, 64, SLAB_RED_ZONE | SLAB_STORE_USER | SLAB_KMALLOC, 72, 160 },
		{ KERNEL_6_12, 64, SLAB_RED_ZONE | SLAB_STORE_USER | SLAB_KMALLOC, 80, 168 },
		{ KERNEL_6_1, 64, SLAB_CONSISTENCY_CHECKS, 64, 64 },
		{ KERNEL_6_1, 64, SLAB_TRACE, 64, 64 },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		struct slab_layout l = layout(want[i].kernel, want[i].bits, 64, 0, want[i].flags);
		struct slab_layout_of o = of(want[i].kernel, want[i].bits, 4);
		assert_int_equal(l.size, want[i].size);
		assert_int_equal(slab_layout_track(&l, &o), want[i].track);
		assert_int_equal(l.cpu_partial, 0);
		assert_int_equal(l.cpu_partial_slabs, 0);
	}
	assert_int_equal(layout(KERNEL_6_1, 64, 64, 64, FZPU | SLAB_KMALLOC).size, 256); /* kmalloc-64 */
}

static void test_order_by_cpus(void **state)
{
	(void)state;
	static const struct {
		enum kernel kernel;
		uint32_t size;
		unsigned cpus, order, objects;
	} want[] = {
		{ KERNEL_6_1, 256, 1, 0, 16 }, /* 8 objects wanted */
		{ KERNEL_6_1, 256, 4, 0, 16 },
		{ KERNEL_6_1, 256, 8, 1, 32 },
		{ KERNEL_6_1, 256, 128, 2, 64 },
		{ KERNEL_6_1, 1984, 2, 3, 16 },
		{ KERNEL_6_1, 1984, 8, 3, 16 },
		{ KERNEL_6_1, 2304, 4, 3, 14 },
		{ KERNEL_6_1, 4800, 4, 3, 6 },
		{ KERNEL_6_12, 4672, 4, 3, 7 },
		{ KERNEL_6_1, 32768, 4, 3, 1 },
		{ KERNEL_6_12, 32768, 4, 3, 1 },
		{ KERNEL_6_1, 32776, 4, 4, 1 },
		{ KERNEL_6_12, 32776, 4, 4, 1 },
		{ KERNEL_6_1, 8, 8192, 0, 512 },
		{ KERNEL_6_1, SLAB_OBJECT_MAX, 4, 10, 1 },
		{ KERNEL_6_12, SLAB_OBJECT_MAX, 4, 10, 1 },
		{ KERNEL_6_1, 4688, 2, 3, 6 }, /* a seventh of the slab is wasted */
		/* Where the rules part: 6.1 takes fewer objects, 6.12 wastes more. */
		{ KERNEL_6_1, 10928, 8, 2, 1 },
		{ KERNEL_6_12, 10928, 8, 3, 2 },
		{ KERNEL_6_1, 10928, 2, 2, 1 },
		{ KERNEL_6_12, 10928, 2, 3, 2 },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		struct slab_layout_of o = of(want[i].kernel, 64, want[i].cpus);
		struct slab_layout l;
		assert_int_equal(slab_layout_compute(&l, &o, want[i].size, 0, 0), 0);
		if (l.order != want[i].order || l.objects != want[i].objects)
			fail_msg("%u bytes, %u CPUs: order %u, %u objects", want[i].size,
				 want[i].cpus, l.order, l.objects);
	}
}

static void test_what_follows_from_size(void **state)
{
	(void)state;
	static const struct {
		uint32_t size;
		unsigned min_partial, cpu_partial, old_cpu_partial, slabs;
	} want[] = {
		{ 8, 5, 120, 30, 1 }, /* 240 objects in slabs of 512 */
		{ 248, 5, 120, 30, 15 }, /* of 16 */
		{ 256, 5, 52, 13, 7 },   { 1024, 5, 24, 6, 3 },     { 4096, 6, 6, 2, 2 },
		{ 16384, 7, 6, 2, 6 },   { 1 << 20, 10, 6, 2, 12 }, { 1 << 22, 10, 6, 2, 12 },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		struct slab_layout l = layout(KERNEL_6_1, 64, want[i].size, 0, 0);
		assert_int_equal(l.min_partial, want[i].min_partial);
		assert_int_equal(l.cpu_partial, want[i].cpu_partial);
		assert_int_equal(l.cpu_partial_slabs, want[i].slabs);
		assert_int_equal(layout(KERNEL_5_10, 64, want[i].size, 0, 0).cpu_partial,
				 want[i].old_cpu_partial);
	}
}

static void test_refused(void **state)
{
	(void)state;
	struct slab_layout_of o = of(KERNEL_6_1, 64, 4);
	struct slab_layout l;
	static const struct {
		uint32_t object, align, flags;
	} bad[] = {
		{ 0, 0, 0 },
		{ SLAB_OBJECT_MAX + 1, 0, 0 },
		{ UINT32_MAX, 0, 0 },
		{ 8, 3, 0 },
		{ 8, 48, 0 },
		{ 8, SLAB_OBJECT_MAX * 2, 0 },
		{ 8, 1u << 31, 0 },
		{ SLAB_OBJECT_MAX, 0, SLAB_CTOR }, /* no room for the pointer */
		{ SLAB_OBJECT_MAX - 8, 0, SLAB_RED_ZONE },
		{ 8, SLAB_OBJECT_MAX, SLAB_RED_ZONE }, /* the left zone is as large */
	};
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(slab_layout_compute(&l, &o, bad[i].object, bad[i].align, bad[i].flags),
				 -EINVAL);
	assert_int_equal(slab_layout_compute(&l, &o, 8, SLAB_OBJECT_MAX, 0), 0);
	assert_int_equal(l.order, 10);
}

/* Every size up to 40 KiB with every set of flags keeps to its slab: layout() checks. */
static void test_all_sizes(void **state)
{
	(void)state;
	for (unsigned k = 0; k < KERNELS; k++)
		for (uint32_t size = 1; size < 40960; size += 1 + size / 64)
			for (uint32_t flags = 0; flags < 1u << 15; flags += 15)
				layout(k, flags & 1 ? 32 : 64, size, 0, flags);
}

static void test_cpus(void **state)
{
	(void)state;
	assert_int_equal(slab_layout_cpus(&kernel_versions[KERNEL_6_1], 4, 64), 4);
	assert_int_equal(slab_layout_cpus(&kernel_versions[KERNEL_6_1], 1, 64), 64);
	assert_int_equal(slab_layout_cpus(&kernel_versions[KERNEL_6_12], 2, 8), 2);
	assert_int_equal(slab_layout_cpus(&kernel_versions[KERNEL_5_10], 4, 64), 64);
}

static void test_sharing(void **state)
{
	(void)state;
	struct slab_layout_of o = of(KERNEL_6_1, 64, 4);
	struct slab_layout l = layout(KERNEL_6_1, 64, 186, 0, SLAB_HWCACHE_ALIGN); /* 192, aligned to 64 */
	assert_true(slab_layout_shares(&l, SLAB_HWCACHE_ALIGN, &o, 192, 0, 0));
	assert_true(slab_layout_shares(&l, SLAB_HWCACHE_ALIGN, &o, 185, 0, 0));
	assert_true(slab_layout_shares(&l, SLAB_HWCACHE_ALIGN, &o, 136, 0, SLAB_HWCACHE_ALIGN));
	assert_false(slab_layout_shares(&l, SLAB_HWCACHE_ALIGN, &o, 184, 0, 0)); /* a word is wasted */
	assert_false(slab_layout_shares(&l, SLAB_HWCACHE_ALIGN, &o, 193, 0, 0));
	assert_false(slab_layout_shares(&l, SLAB_HWCACHE_ALIGN, &o, 192, 128, 0)); /* 256 then */
	static const uint32_t apart[] = {
		SLAB_RECLAIM_ACCOUNT, SLAB_CACHE_DMA, SLAB_CACHE_DMA32, SLAB_ACCOUNT,    SLAB_CTOR,
		SLAB_TYPESAFE_BY_RCU, SLAB_POISON,    SLAB_RED_ZONE,    SLAB_STORE_USER, SLAB_TRACE,
		SLAB_KMALLOC,         SLAB_NO_MERGE
	};
	for (unsigned i = 0; i < ARRAY_LEN(apart); i++) {
		assert_false(slab_layout_shares(&l, 0, &o, 192, 0, apart[i]));
		assert_false(slab_layout_shares(&l, apart[i], &o, 192, 0, 0));
	}
	assert_true(slab_layout_shares(&l, SLAB_ACCOUNT, &o, 192, 0, SLAB_ACCOUNT));

	slab_layout_admit(&l, &o, 190);
	assert_int_equal(l.object_size, 190);
	assert_int_equal(l.inuse, 192);
	slab_layout_admit(&l, &o, 8);
	assert_int_equal(l.object_size, 190);
}

static void test_ids(void **state)
{
	(void)state;
	static const struct {
		uint32_t flags;
		const char *id;
	} want[] = {
		{ 0, ":0000192" },
		{ SLAB_HWCACHE_ALIGN | SLAB_PANIC, ":0000192" },
		{ SLAB_ACCOUNT, ":A-0000192" },
		{ SLAB_RECLAIM_ACCOUNT, ":a-0000192" },
		{ SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT, ":aA-0000192" },
		{ SLAB_CACHE_DMA | SLAB_CACHE_DMA32 | SLAB_CONSISTENCY_CHECKS, ":dDF-0000192" },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		char id[SLAB_ID_MAX];
		struct slab_layout l = layout(KERNEL_6_1, 64, 192, 0, want[i].flags);
		slab_layout_id(&l, want[i].flags, id);
		assert_string_equal(id, want[i].id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alignment),     cmocka_unit_test(test_free_pointer),
		cmocka_unit_test(test_red_zone),      cmocka_unit_test(test_debug),
		cmocka_unit_test(test_order_by_cpus), cmocka_unit_test(test_what_follows_from_size),
		cmocka_unit_test(test_refused),       cmocka_unit_test(test_all_sizes),
		cmocka_unit_test(test_cpus),          cmocka_unit_test(test_sharing),
		cmocka_unit_test(test_ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
