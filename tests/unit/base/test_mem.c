/* SPDX-License-Identifier: MIT */
#include "base/fault.h"
#include "base/mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static bool all_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static void test_zalloc(void **state)
{
	(void)state;
	/* The second round gets blocks that were dirty when freed. */
	for (unsigned round = 0; round < 2; round++) {
		char *p = mem_zalloc(1000);
		char *q = mem_zalloc_aligned(1000, 256);
		assert_non_null(p);
		assert_non_null(q);
		assert_true(all_zero(p, 1000));
		assert_true(all_zero(q, 1000));
		assert_int_equal((uintptr_t)q % 256, 0);
		memset(p, 0xaa, 1000);
		memset(q, 0xaa, 1000);
		mem_free(p);
		mem_free(q);
	}
	mem_free(NULL);
}

static void test_alignments(void **state)
{
	(void)state;
	for (size_t align = 1; align <= 1 << 21; align *= 2) {
		char *p = mem_zalloc_aligned(3, align);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % align, 0);
		mem_free(p);
	}
}

static void test_zero_bytes_are_not_a_failure(void **state)
{
	(void)state;
	void *p = mem_zalloc(0), *q = mem_zalloc_aligned(0, 64);
	assert_non_null(p);
	assert_non_null(q);
	p = mem_realloc(p, 0);
	assert_non_null(p);
	mem_free(p);
	mem_free(q);
}

/* The compiler must not see that it cannot work. */
static volatile size_t huge = (size_t)1 << 62;

static void test_none_available(void **state)
{
	(void)state;
	char *p = mem_strdup("kept");
	assert_null(mem_zalloc(huge));
	assert_null(mem_zalloc_aligned(huge, 64));
	assert_null(mem_realloc(p, huge));
	assert_null(mem_map(huge));
	assert_string_equal(p, "kept");
	mem_free(p);
}

static void test_realloc_keeps_content(void **state)
{
	(void)state;
	char *p = mem_strdup("nodes");
	assert_string_equal(p, "nodes");
	p = mem_realloc(p, 100000);
	assert_string_equal(p, "nodes");
	mem_free(p);
	p = mem_realloc(NULL, 10);
	assert_non_null(p);
	mem_free(p);
}

static size_t resident_bytes(void)
{
	unsigned long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
	fclose(f);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void test_map_is_sparse(void **state)
{
	(void)state;
	size_t bytes = (size_t)256 << 30;
	size_t before = resident_bytes();
	char *p = mem_map(bytes);
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 4096, 0);
	p[0] = 1;
	p[bytes - 1] = 2;
	assert_int_equal(p[bytes / 2], 0);
	assert_true(resident_bytes() < before + (64u << 20));
	mem_unmap(p, bytes);
	mem_unmap(NULL, 0);
}

static void test_unmap_unmaps(void **state)
{
	(void)state;
	char *p = mem_map(3);
	unsigned char residency;
	assert_non_null(p);
	p[2] = 1;
	mem_unmap(p, 3);
	assert_int_equal(mincore(p, 1, &residency), -1);
}

/* Every host page that the part touches, whole, and no other; a failure is none. */
static void test_populate(void **state)
{
	(void)state;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = 64 * page;
	unsigned char there[64];
	char *p = mem_map(bytes);
	assert_non_null(p);
	p[3 * page + 5] = 7;
	mem_populate(p + 3 * page - 1, 2 * page + 2); /* the ends of the second and the fifth, and what lies between */
	assert_int_equal(mincore(p, bytes, there), 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(there[i] & 1, i >= 2 && i <= 5);
	assert_int_equal(p[3 * page + 5], 7);
	assert_true(all_zero(p + 4 * page, 2 * page));
	mem_unmap(p, bytes);
	errno = 0;
	mem_populate(p, bytes);
	assert_int_equal(errno, 0);
}

static void test_faults(void **state)
{
	(void)state;
	char *p = mem_zalloc(8);
	for (unsigned i = 0; i < 5; i++) {
		fault_arm(FAULT_HOST_MALLOC, 1);
		switch (i) {
		case 0:
			assert_null(mem_zalloc(8));
			break;
		case 1:
			assert_null(mem_zalloc_aligned(8, 64));
			break;
		case 2:
			assert_null(mem_realloc(p, 80));
			break;
		case 3:
			assert_null(mem_strdup("x"));
			break;
		case 4:
			assert_null(mem_map(4096));
			break;
		}
		assert_true(fault_fired(FAULT_HOST_MALLOC));
	}
	fault_arm(FAULT_HOST_MALLOC, 0);
	mem_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zalloc),
		cmocka_unit_test(test_alignments),
		cmocka_unit_test(test_zero_bytes_are_not_a_failure),
		cmocka_unit_test(test_none_available),
		cmocka_unit_test(test_realloc_keeps_content),
		cmocka_unit_test(test_map_is_sparse),
		cmocka_unit_test(test_unmap_unmaps),
		cmocka_unit_test(test_populate),
		cmocka_unit_test(test_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
