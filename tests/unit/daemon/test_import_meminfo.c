/* SPDX-License-Identifier: MIT */
/* The few lines wanted of meminfo, vmstat, iomem and transparent_hugepage. */
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_meminfo(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	state_dir_make(&d, "6.1.0-50-amd64-T8b");
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_meminfo(c, &why), 0);
	assert_true(c->meminfo.known && c->meminfo.has_committed && c->meminfo.has_huge);
	assert_int_equal(c->meminfo.hugepage_kb, 2048);
	assert_int_equal(c->meminfo.huge_total, 0);
	assert_true(c->meminfo.total_kb > 100u << 20 && c->meminfo.committed_kb > 0);
	import_free(c);
	state_dir_remove(&d);
}

static void test_meminfo_refused(void **state)
{
	(void)state;
	static const char *const bad[][2] = {
		{ "MemTotal: lots kB\n", "meminfo:1: \"lots\" behind \"MemTotal:\"" },
		{ "MemTotal: 5 kB\nHugePages_Total: 2\nHugePages_Free: 3\n",
		  "more free or surplus huge pages than there are (2)" },
		{ "HugePages_Total: 2\nHugePages_Surp: 3\n", "more free or surplus huge pages" },
	};
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		struct state_dir d;
		struct why why = { "" };
		state_dir_make(&d, NULL);
		state_dir_write(&d, "proc/meminfo", bad[i][0]);
		struct capture *c = state_capture(&d);
		assert_int_equal(cap_read_meminfo(c, &why), -EINVAL);
		assert_non_null(strstr(why.text, bad[i][1]));
		import_free(c);
		state_dir_remove(&d);
	}
}

static void test_vmstat(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	state_dir_make(&d, NULL);
	state_dir_write(&d, "proc/vmstat", "nr_free_pages 5\nnr_inactive_file 7\nnr_active_file 9\n\nlast\n");
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_vmstat(c, &why), 0);
	assert_true(c->has_vmstat >> NR_INACTIVE_FILE & 1 && c->has_vmstat >> NR_ACTIVE_FILE & 1);
	assert_int_equal(c->vmstat[NR_INACTIVE_FILE], 7);
	assert_int_equal(c->vmstat[NR_ACTIVE_FILE], 9);
	state_dir_write(&d, "proc/vmstat", "nr_active_file\n");
	assert_int_equal(cap_read_vmstat(c, &why), -EINVAL);
	import_free(c);
	state_dir_remove(&d);
}

/* Whole frames of top-level System RAM; nothing when addresses are hidden. */
static void test_iomem(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	state_dir_make(&d, NULL);
	state_dir_write(&d, "proc/iomem",
			"00000000-00000fff : Reserved\n00001000-0009fbff : System RAM\n  00002000-00002fff : System RAM\n"
			"00100800-bffd9fff : System RAM\n  01000000-02209987 : Kernel code\n"
			"100000000-13fffffff : System RAM\n140000000-17fffffff : System RAM (kmem)\nzz-yy : System RAM\n");
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_iomem(c, &why), 0);
	assert_int_equal(c->ram.nr, 3);
	assert_int_equal(c->ram.r[0].start, 1);
	assert_int_equal(c->ram.r[0].end, 0x9f);
	assert_int_equal(c->ram.r[1].start, 0x101);
	assert_int_equal(c->ram.r[1].end, 0xbffda);
	assert_int_equal(c->ram.r[2].end, 0x140000);
	import_free(c);

	state_dir_write(&d, "proc/iomem", "00000000-00000000 : System RAM\n00000000-00000000 : System RAM\n");
	c = state_capture(&d);
	assert_int_equal(cap_read_iomem(c, &why), 0);
	assert_int_equal(c->ram.nr, 0);
	import_free(c);
	state_dir_remove(&d);
}

static void test_thp(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int thp;
	} cases[] = { { "[always] madvise never\n", 1 },
		      { "always [madvise] never\n", 1 },
		      { "always madvise [never]\n", 0 },
		      { NULL, -1 } };
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct state_dir d;
		struct why why = { "" };
		state_dir_make(&d, NULL);
		if (cases[i].text)
			state_dir_write(&d, "sys/kernel/mm/transparent_hugepage/enabled", cases[i].text);
		struct capture *c = state_capture(&d);
		assert_int_equal(cap_read_thp(c, &why), 0);
		assert_int_equal(c->thp, cases[i].thp);
		import_free(c);
		state_dir_remove(&d);
	}
}

static void test_missing(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	state_dir_make(&d, NULL);
	struct capture *c = state_capture(&d);
	assert_int_equal(cap_read_meminfo(c, &why), 0);
	assert_int_equal(cap_read_vmstat(c, &why), 0);
	assert_int_equal(cap_read_iomem(c, &why), 0);
	assert_true(state_noted(c, NOTE_MISSING, "proc/meminfo"));
	assert_true(state_noted(c, NOTE_MISSING, "proc/vmstat"));
	assert_false(c->meminfo.known);
	import_free(c);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meminfo), cmocka_unit_test(test_meminfo_refused),
		cmocka_unit_test(test_vmstat),  cmocka_unit_test(test_iomem),
		cmocka_unit_test(test_thp),     cmocka_unit_test(test_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
