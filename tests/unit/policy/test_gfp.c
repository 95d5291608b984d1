/* SPDX-License-Identifier: MIT */
#include "policy/gfp.h"

#include "base/text.h"
#include "support/captured.h"
#include "support/small_machine.h"

#include <errno.h>

static const char *printed(gfp_t gfp)
{
	static char out[512];
	struct text t;
	text_init(&t, 0);
	gfp_print(&t, gfp);
	snprintf(out, sizeof(out), "%s", text_cstr(&t));
	text_fini(&t);
	return out;
}

static gfp_t parsed(const char *s)
{
	gfp_t gfp = 0;
	assert_int_equal(gfp_parse(s, &gfp), 0);
	return gfp;
}

/* The first one stands in a report of 6.1. */
static void test_print_and_parse(void **state)
{
	(void)state;
	static const struct {
		gfp_t gfp;
		const char *text;
	} want[] = {
		{ 0x140dca, "GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO" },
		{ 0xcc0, "GFP_KERNEL" },
		{ 0xa20, "GFP_ATOMIC" },
		{ 0x800, "GFP_NOWAIT" },
		{ 0xc40, "GFP_NOFS" },
		{ 0xc00, "GFP_NOIO" },
		{ 0x100cc2, "GFP_HIGHUSER" },
		{ 0x100cc0, "GFP_USER" },
		{ 0x400cc0, "GFP_KERNEL_ACCOUNT" },
		{ 0x1, "GFP_DMA" },
		{ 0xcc0 | 0x4, "GFP_KERNEL|GFP_DMA32" },
		{ 0xcc0 | 0x1 | 0x10, "GFP_KERNEL|GFP_DMA|__GFP_RECLAIMABLE" },
		{ GFP_TRANSHUGE, "GFP_TRANSHUGE" },
		{ GFP_TRANSHUGE_LIGHT, "GFP_TRANSHUGE_LIGHT" },
		{ __GFP_HIGH, "__GFP_HIGH" },
		{ GFP_NOWAIT | __GFP_NOWARN, "GFP_NOWAIT|__GFP_NOWARN" },
		{ __GFP_DIRECT_RECLAIM, "__GFP_DIRECT_RECLAIM" },
	};
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		assert_string_equal(printed(want[i].gfp), want[i].text);
		assert_int_equal(parsed(want[i].text), want[i].gfp);
	}
	assert_string_equal(printed(0), "");
}

static bool contradicts(gfp_t gfp)
{
	unsigned zones = !!(gfp & __GFP_DMA) + !!(gfp & __GFP_DMA32) + !!(gfp & __GFP_HIGHMEM);
	return zones > 1 || ((gfp & __GFP_MOVABLE) && (gfp & __GFP_RECLAIMABLE));
}

/* Any set of flags is read back from what is printed for it, unless it contradicts itself. */
static void test_round_trip(void **state)
{
	(void)state;
	for (unsigned a = 0; a < 23; a++)
		for (unsigned b = 0; b < 23; b++)
			for (unsigned c = 0; c < 23; c++) {
				gfp_t gfp = 1u << a | 1u << b | 1u << c, back = 0;
				for (unsigned base = 0; base < 2; base++, gfp |= GFP_KERNEL) {
					int error = gfp_parse(printed(gfp), &back);
					assert_int_equal(error, contradicts(gfp) ? -EINVAL : 0);
					if (!error)
						assert_int_equal(back, gfp);
				}
			}
}

static void test_spellings(void **state)
{
	(void)state;
	assert_int_equal(parsed("__GFP_DMA"), __GFP_DMA);
	assert_int_equal(parsed("__GFP_DMA32|GFP_KERNEL"), GFP_KERNEL | __GFP_DMA32);
	assert_int_equal(parsed("GFP_KERNEL|GFP_KERNEL"), GFP_KERNEL);
	assert_int_equal(parsed("__GFP_RECLAIM|__GFP_IO|__GFP_FS"), GFP_KERNEL);
}

static void test_refusals(void **state)
{
	(void)state;
	static const char *const bad[] = { "",
					   "GFP",
					   "gfp_kernel",
					   "GFP_KERNEL|",
					   "|GFP_KERNEL",
					   "GFP_KERNEL||__GFP_ZERO",
					   " GFP_KERNEL",
					   "GFP_KERNEL ",
					   "GFP_KERNEL,__GFP_ZERO",
					   "GFP_DMA|GFP_DMA32",
					   "GFP_DMA|__GFP_HIGHMEM",
					   "GFP_HIGHUSER|GFP_DMA32",
					   "__GFP_MOVABLE|__GFP_RECLAIMABLE",
					   "0xcc0",
					   "GFP_KERNELS" };
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		gfp_t gfp = 12345;
		assert_int_equal(gfp_parse(bad[i], &gfp), -EINVAL);
		assert_int_equal(gfp, 12345);
	}
}

static const char *zone_of(const struct machine *m, gfp_t gfp)
{
	unsigned type = gfp_zone_type(m, gfp);
	return type < m->nr_zone_types ? machine_zone(m, 0, type)->name : "";
}

static void test_highest_zone(void **state)
{
	(void)state;
	static const struct {
		gfp_t gfp;
		const char *on64, *on32;
	} want[] = {
		{ GFP_KERNEL, "Normal", "Normal" },
		{ GFP_KERNEL | __GFP_DMA, "DMA", "DMA" },
		{ GFP_KERNEL | __GFP_DMA32, "DMA32", "Normal" },
		{ GFP_HIGHUSER, "Normal", "HighMem" },
		{ GFP_HIGHUSER_MOVABLE, "Movable", "Movable" },
		{ GFP_KERNEL | __GFP_MOVABLE, "Normal", "Normal" },
		{ GFP_KERNEL | __GFP_DMA | __GFP_MOVABLE, "DMA", "DMA" },
		{ GFP_KERNEL | __GFP_DMA32 | __GFP_MOVABLE, "DMA32", "Normal" },
		{ __GFP_DMA | __GFP_DMA32, "", "" },
		{ __GFP_DMA | __GFP_HIGHMEM, "", "" },
		{ __GFP_DMA32 | __GFP_HIGHMEM | __GFP_MOVABLE, "", "" },
	};
	static const char *const name[] = { "T2", "T7a" };
	for (unsigned k = 0; k < 2; k++) {
		struct machine_spec s;
		struct machine m;
		captured_spec(captured_machine(name[k]), &s);
		small_boot(&m, &s);
		for (unsigned i = 0; i < ARRAY_LEN(want); i++)
			assert_string_equal(zone_of(&m, want[i].gfp), k ? want[i].on32 : want[i].on64);
		machine_shutdown(&m);
	}
}

static void test_migratetype(void **state)
{
	(void)state;
	assert_int_equal(gfp_migratetype(GFP_KERNEL), MIGRATE_UNMOVABLE);
	assert_int_equal(gfp_migratetype(GFP_HIGHUSER_MOVABLE), MIGRATE_MOVABLE);
	assert_int_equal(gfp_migratetype(GFP_KERNEL | __GFP_RECLAIMABLE), MIGRATE_RECLAIMABLE);
	assert_int_equal(gfp_migratetype(__GFP_MOVABLE | __GFP_RECLAIMABLE), MIGRATE_MOVABLE);
}

static void test_of_kernel(void **state)
{
	(void)state;
	const struct kernel_version *v5 = &kernel_versions[KERNEL_5_10],
				    *v6 = &kernel_versions[KERNEL_6_1];
	const struct kernel_version *v12 = &kernel_versions[KERNEL_6_12];
	assert_int_equal(gfp_of_kernel(v5, GFP_ATOMIC), 0xa20);
	assert_int_equal(gfp_of_kernel(v6, GFP_ATOMIC | __GFP_COMP), 0x40a20);
	assert_int_equal(gfp_of_kernel(v12, GFP_ATOMIC), 0x820);
	assert_int_equal(gfp_of_kernel(v6, GFP_NOWAIT), 0x800);
	assert_int_equal(gfp_of_kernel(v12, GFP_NOWAIT), 0x2800);
	for (unsigned k = 0; k < KERNELS; k++)
		assert_int_equal(gfp_of_kernel(&kernel_versions[k],
					       GFP_HIGHUSER_MOVABLE | __GFP_COMP | __GFP_ZERO),
				 0x140dca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print_and_parse), cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_spellings),       cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_highest_zone),    cmocka_unit_test(test_migratetype),
		cmocka_unit_test(test_of_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
