/* SPDX-License-Identifier: MIT */
/* Steps, families and names of kmalloc's caches. */
#include "mm/slab_known.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define V(k) (&kernel_versions[k])

static void test_steps(void **state)
{
	(void)state;
	static const struct {
		uint64_t bytes;
		int size;
	} want[] = { { 0, -EINVAL }, { 1, 8 },     { 8, 8 },        { 9, 16 },
		     { 64, 64 },     { 65, 96 },   { 96, 96 },      { 97, 128 },
		     { 129, 192 },   { 193, 256 }, { 200, 256 },    { 1025, 2048 },
		     { 8192, 8192 }, { 8193, 0 },  { 1u << 22, 0 }, { ~0ull, 0 } };
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		for (unsigned k = 0; k < KERNELS; k++) {
			assert_int_equal(kmalloc_index_size(V(k), 64, want[i].bytes), want[i].size);
			assert_int_equal(kmalloc_index_size(V(k), 32, want[i].bytes), want[i].size);
		}
}

static void test_family(void **state)
{
	(void)state;
	static const struct {
		enum kernel kernel;
		gfp_t gfp;
		enum kmalloc_family family;
	} want[] = {
		{ KERNEL_6_1, GFP_KERNEL, KMALLOC_NORMAL },
		{ KERNEL_6_1, GFP_KERNEL_ACCOUNT, KMALLOC_CGROUP },
		{ KERNEL_6_1, GFP_KERNEL | __GFP_RECLAIMABLE, KMALLOC_RECLAIM },
		{ KERNEL_6_1, GFP_KERNEL_ACCOUNT | __GFP_RECLAIMABLE, KMALLOC_RECLAIM },
		{ KERNEL_6_1, GFP_KERNEL_ACCOUNT | __GFP_RECLAIMABLE | __GFP_DMA, KMALLOC_DMA },
		{ KERNEL_6_1, GFP_KERNEL | __GFP_DMA32, KMALLOC_NORMAL },
		{ KERNEL_6_12, GFP_KERNEL_ACCOUNT, KMALLOC_CGROUP },
		{ KERNEL_5_10, GFP_KERNEL_ACCOUNT, KMALLOC_NORMAL }, /* all in one */
		{ KERNEL_5_10, GFP_KERNEL | __GFP_RECLAIMABLE, KMALLOC_RECLAIM },
		{ KERNEL_3_10, GFP_KERNEL | __GFP_RECLAIMABLE, KMALLOC_NORMAL },
		{ KERNEL_3_10, GFP_DMA, KMALLOC_DMA },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(kmalloc_family_of(V(want[i].kernel), want[i].gfp), want[i].family);
	assert_int_equal(kmalloc_family_flags(KMALLOC_CGROUP), SLAB_KMALLOC | SLAB_ACCOUNT);
	assert_false(kmalloc_has_family(V(KERNEL_5_10), KMALLOC_CGROUP));
	for (unsigned f = 0; f < KMALLOC_FAMILIES; f++)
		assert_true(kmalloc_has_family(V(KERNEL_6_1), f));
}

static void test_align(void **state)
{
	(void)state;
	assert_int_equal(kmalloc_align(V(KERNEL_6_1), 8), 8);
	assert_int_equal(kmalloc_align(V(KERNEL_6_1), 8192), 8192);
	assert_int_equal(kmalloc_align(V(KERNEL_6_1), 96), 0);
	assert_int_equal(kmalloc_align(V(KERNEL_6_12), 96), 32);
	assert_int_equal(kmalloc_align(V(KERNEL_6_12), 192), 64);
}

static void test_names(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum kmalloc_family family;
		uint32_t size;
	} want[] = {
		{ "kmalloc-8", KMALLOC_NORMAL, 8 },
		{ "kmalloc-512", KMALLOC_NORMAL, 512 },
		{ "kmalloc-cg-1k", KMALLOC_CGROUP, 1024 },
		{ "kmalloc-rcl-96", KMALLOC_RECLAIM, 96 },
		{ "dma-kmalloc-192", KMALLOC_DMA, 192 },
		{ "dma-kmalloc-8k", KMALLOC_DMA, 8192 },
	};
	enum kmalloc_family family;
	uint32_t size;
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		char name[KMALLOC_NAME_MAX];
		kmalloc_name(name, want[i].family, want[i].size);
		assert_string_equal(name, want[i].name);
		assert_true(kmalloc_name_parse(name, &family, &size));
		assert_int_equal(family, want[i].family);
		assert_int_equal(size, want[i].size);
	}
	static const char *const bad[] = { "",           "kmalloc",        "kmalloc-",
					   "kmalloc-7",  "kmalloc-1024",   "kmalloc-16k",
					   "kmalloc-cg", "kmalloc-cg-64x", "kmalloc_buckets",
					   "dma-kmalloc" };
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(kmalloc_name_parse(bad[i], &family, &size));
}

static void test_boot(void **state)
{
	(void)state;
	static const struct {
		enum kernel kernel;
		unsigned nth;
		const char *name;
	} want[] = {
		{ KERNEL_3_10, 0, "kmalloc-8" },       { KERNEL_3_10, 13, "dma-kmalloc-96" },
		{ KERNEL_5_10, 4, "kmalloc-96" },      { KERNEL_5_10, 6, "kmalloc-192" },
		{ KERNEL_5_10, 13, "kmalloc-rcl-8" },  { KERNEL_5_10, 26, "dma-kmalloc-96" },
		{ KERNEL_5_10, 38, "dma-kmalloc-8k" }, { KERNEL_6_1, 13, "kmalloc-cg-8" },
		{ KERNEL_6_1, 51, "dma-kmalloc-8k" },  { KERNEL_6_12, 0, "kmalloc-96" },
		{ KERNEL_6_12, 1, "kmalloc-192" },     { KERNEL_6_12, 2, "kmalloc-8" },
		{ KERNEL_6_12, 39, "kmalloc-cg-96" },  { KERNEL_6_12, 51, "kmalloc-cg-8k" },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		struct slab_boot b = { 0 };
		for (unsigned n = 0; n <= want[i].nth; n++)
			assert_true(kmalloc_boot(&b, V(want[i].kernel)));
		assert_string_equal(b.name, want[i].name);
		assert_int_equal(b.usersize, b.object_size);
	}
	for (unsigned k = 0; k < KERNELS; k++) {
		struct slab_boot b = { 0 };
		unsigned n = 0;
		while (kmalloc_boot(&b, V(k)))
			n++;
		assert_int_equal(n, KMALLOC_STEPS * V(k)->slab.nr_kmalloc_families);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps), cmocka_unit_test(test_family),
		cmocka_unit_test(test_align), cmocka_unit_test(test_names),
		cmocka_unit_test(test_boot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
