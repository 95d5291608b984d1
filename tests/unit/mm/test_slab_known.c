/* SPDX-License-Identifier: MIT */
/* The table of caches and what is told by names alone. Whole boots are tests/oracle/slab_layout.c's. */
#include "mm/slab_known.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_rows(void **state)
{
	(void)state;
	assert_string_equal(slab_known_rows[0].name, "kmem_cache");
	assert_string_equal(slab_known_rows[1].name, "kmem_cache_node");
	for (unsigned i = 0; i < nr_slab_known_rows; i++) {
		const struct slab_known *k = &slab_known_rows[i];
		unsigned kernels = 0;
		for (unsigned kernel = 0; kernel < SLAB_KERNELS; kernel++) {
			if (!k->object_size[kernel])
				continue;
			kernels++;
			assert_ptr_equal(slab_known_in(k->name, kernel), k); /* one row for a cache of a kernel */
			assert_true(k->usersize[kernel] <= k->object_size[kernel]);
		}
		assert_true(kernels > 0);
		assert_int_equal(k->align & (k->align - 1), 0);
		assert_true(strlen(k->name) < sizeof(((struct slab_boot *)0)->name));
		assert_false(k->flags & (SLAB_DEBUG_FLAGS | SLAB_KMALLOC));
		assert_non_null(slab_known_find(k->name));
	}
}

static void test_sizes(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint16_t size[SLAB_KERNELS];
	} want[] = {
		{ "TCP", { 2216, 2240, 2368, 1768 } },
		{ "dentry", { 192, 192, 192, 128 } },
		{ "inode_cache", { 600, 632, 624, 408 } },
		{ "proc_inode_cache", { 672, 704, 696, 448 } },
		{ "radix_tree_node", { 576, 576, 576, 300 } },
		{ "task_struct", { 5824, 6208, 6208, 3008 } },
		{ "kmem_cache", { 224, 224, 224, 140 } },
		{ "kmem_cache_node", { 64, 64, 64, 32 } },
		{ "buffer_head", { 104, 104, 104, 60 } }, /* two rows */
		{ "MPTCP", { 0, 1912, 1968, 1440 } },
		{ "pgd_cache", { 0, 0, 0, 32 } },
		{ "cred_jar", { 168, 176, 0, 128 } },
		{ "cred", { 0, 0, 184, 0 } },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		for (unsigned kernel = 0; kernel < SLAB_KERNELS; kernel++) {
			const struct slab_known *k = slab_known_in(want[i].name, kernel);
			uint32_t size = k ? k->object_size[kernel] : 0;
			if (size != want[i].size[kernel])
				fail_msg("%s, kernel %u: %u", want[i].name, kernel, size);
		}
}

static void test_find(void **state)
{
	(void)state;
	assert_null(slab_known_find(""));
	assert_null(slab_known_find("TC"));
	assert_null(slab_known_find("TCPv66"));
	assert_null(slab_known_find("kmalloc-64"));
	assert_null(slab_known_in("cred", SLAB_OF_6_1));
	assert_string_equal(slab_known_find("cred")->name, "cred"); /* of another kernel */
	/* 6.1's row where kernels differ. */
	assert_int_equal(slab_known_find("filp")->object_size[SLAB_OF_6_1], 232);
	assert_false(slab_known_find("filp")->flags & SLAB_TYPESAFE_BY_RCU);
	assert_true(slab_known_in("filp", SLAB_OF_6_12)->flags & SLAB_TYPESAFE_BY_RCU);
	assert_true(slab_known_find("sigqueue")->flags & SLAB_ACCOUNT);
	assert_false(slab_known_in("sigqueue", SLAB_OF_5_10)->flags & SLAB_ACCOUNT);
}

static void test_kernels(void **state)
{
	(void)state;
	assert_int_equal(slab_kernel_of(&kernel_versions[KERNEL_6_1], 64), SLAB_OF_6_1);
	assert_int_equal(slab_kernel_of(&kernel_versions[KERNEL_6_12], 64), SLAB_OF_6_12);
	assert_int_equal(slab_kernel_of(&kernel_versions[KERNEL_5_10], 64), SLAB_OF_5_10);
	assert_int_equal(slab_kernel_of(&kernel_versions[KERNEL_3_10], 64), SLAB_OF_5_10);
	for (unsigned k = 0; k < KERNELS; k++)
		assert_int_equal(slab_kernel_of(&kernel_versions[k], 32), SLAB_OF_6_1_PAE);
}

static void test_flags(void **state)
{
	(void)state;
	const uint32_t inode = SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT | SLAB_CTOR;
	static const uint32_t none = 0;
	const struct {
		const char *name;
		uint32_t flags;
	} want[] = {
		{ "dentry", SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT },
		{ "inode_cache", inode },
		{ "shmem_inode_cache", SLAB_ACCOUNT | SLAB_CTOR }, /* nothing to reclaim without swap */
		{ "lsm_inode_cache", none }, /* in spite of its name */
		{ "radix_tree_node", SLAB_RECLAIM_ACCOUNT | SLAB_CTOR },
		{ "TCP", SLAB_HWCACHE_ALIGN | SLAB_TYPESAFE_BY_RCU | SLAB_ACCOUNT },
		{ "xfs_inode", inode },
		{ "btrfs_inode", inode },
		{ "nfs_inode_cache", inode },
		{ "ext4_groupinfo_1k", SLAB_RECLAIM_ACCOUNT },
		{ "bio-320", SLAB_HWCACHE_ALIGN | SLAB_TYPESAFE_BY_RCU },
		{ "nf_conntrack", SLAB_HWCACHE_ALIGN | SLAB_TYPESAFE_BY_RCU },
		{ "kmalloc-rcl-96", SLAB_KMALLOC | SLAB_RECLAIM_ACCOUNT },
		{ "dma-kmalloc-8k", SLAB_KMALLOC | SLAB_CACHE_DMA },
		{ "kmalloc-100", none },
		{ "inode", none },
		{ "mine", none },
		{ "", none },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		if (slab_known_flags(want[i].name) != want[i].flags)
			fail_msg("%s: 0x%x", want[i].name, slab_known_flags(want[i].name));
}

static void test_boot(void **state)
{
	(void)state;
	static const struct {
		enum kernel kernel;
		unsigned bits, caches;
		const char *first_own; /* after those of kmalloc */
	} want[] = {
		{ KERNEL_5_10, 64, 194, "vmap_area" },
		{ KERNEL_6_1, 64, 218, "vmap_area" },
		{ KERNEL_6_12, 64, 254, "kmalloc_buckets" },
		{ KERNEL_6_1, 32, 214, "pgd_cache" },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		const struct kernel_version *v = &kernel_versions[want[i].kernel];
		unsigned kmallocs = v->slab.nr_kmalloc_families * KMALLOC_STEPS, n = 0;
		struct slab_boot b = { 0 };
		for (; slab_known_boot(&b, v, want[i].bits, 1); n++) {
			assert_true(b.object_size > 0);
			if (n == 0)
				assert_string_equal(b.name, "kmem_cache");
			if (n == 1)
				assert_string_equal(b.name, "kmem_cache_node");
			assert_int_equal(!!(b.flags & SLAB_KMALLOC), n >= 2 && n < 2 + kmallocs);
			if (n == 2 + kmallocs)
				assert_string_equal(b.name, want[i].first_own);
			if (b.usersize) /* a window for user space is one cache's alone */
				assert_false(slab_flags_shareable(b.flags));
		}
		if (n != want[i].caches)
			fail_msg("%s, %u bits: %u caches", v->name, want[i].bits, n);
	}
}

static void test_boot_nodes(void **state)
{
	(void)state;
	static const struct {
		unsigned bits, nodes;
		uint32_t size;
	} want[] = { { 64, 1, 224 }, { 64, 2, 232 }, { 64, 8, 280 }, { 32, 1, 140 }, { 32, 4, 152 } };
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		struct slab_boot b = { 0 };
		assert_true(slab_known_boot(&b, &kernel_versions[KERNEL_6_1], want[i].bits, want[i].nodes));
		assert_int_equal(b.object_size, want[i].size);
		assert_true(slab_known_boot(&b, &kernel_versions[KERNEL_6_1], want[i].bits, want[i].nodes));
		assert_int_equal(b.object_size, want[i].bits); /* 64 or 32 bytes, by chance */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),       cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_find),       cmocka_unit_test(test_kernels),
		cmocka_unit_test(test_flags),      cmocka_unit_test(test_boot),
		cmocka_unit_test(test_boot_nodes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
