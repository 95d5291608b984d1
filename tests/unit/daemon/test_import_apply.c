/* SPDX-License-Identifier: MIT */
/* The whole of step three, with files missing and with memory missing. */
#include "base/fault.h"
#include "base/rng.h"
#include "mm/buddy.h"
#include "support/state_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_task_and_commitment(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T12");
	struct state_vm *s = state_boot(&d);
	struct task *t = task_find(&s->vm, "imported");
	assert_non_null(t);
	assert_int_equal(t->uid, getuid());
	assert_int_equal(page_index_nr(&t->file), 0);
	task_put(t);
	assert_int_equal(s->vm.overcommit.committed_pages, s->capture->meminfo.committed_kb / 4);
	assert_int_equal(task_remove(&s->vm, "imported"), 0);
	state_verify(s);
	state_end(s);
	state_dir_remove(&d);
}

/* zoneinfo alone makes a machine with the right sizes and as much free memory. */
static void test_zoneinfo_alone(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	static const char *const gone[] = {
		"proc/buddyinfo", "proc/pagetypeinfo", "proc/meminfo", "proc/vmstat",
		"proc/iomem",     "proc/sys",          "sys"
	};
	for (unsigned i = 0; i < ARRAY_LEN(gone); i++)
		state_dir_drop(&d, gone[i]);
	struct state_vm *s = state_boot(&d);
	for (unsigned i = 0; i < s->capture->nr_zones; i++) {
		const struct cap_zone *from = &s->capture->zone[i];
		const struct zone *z = import_zone(&s->vm, from);
		if (!cap_zone_populated(from))
			continue;
		assert_int_equal(zone_stat_read(z, NR_FREE_PAGES), from->free);
		assert_int_equal(zone_buddy_pages(z), from->free);
		assert_int_equal(z->watermark[WMARK_HIGH], from->high - from->boost);
	}
	struct task *t = task_find(&s->vm, "imported"); /* at least its own memory is promised */
	assert_true(page_index_nr(&t->anon) > 1500);
	assert_int_equal(s->vm.overcommit.committed_pages, page_index_nr(&t->anon));
	task_put(t);
	assert_int_equal(s->vm.overcommit.admin_reserve_kbytes, 8192);
	state_end(s);
	state_dir_remove(&d);
}

/*
 * A support archive of an older kernel on a machine that had been busy: files
 * taken at different moments, no directories, fewer lines, one without a name.
 */
static void test_support_archive(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, NULL);
	state_dir_write(
		&d, "proc/zoneinfo",
		"Node 0, zone      DMA\n  per-node stats\n      nr_inactive_file 40000\n      nr_unstable  0\n"
		"                   1234\n  pages free     3930\n        min      20\n        low      25\n        high     30\n"
		"        spanned  4095\n        present  3999\n        managed  3940\n        protection: (0, 1900, 1900, 1900, 1900)\n"
		"      nr_zone_inactive_file 0\n      nr_zone_active_file 0\n  pagesets\n    cpu: 0\n              count: 0\n"
		"              high:  0\n              batch: 1\n  vm stats threshold: 2\n  start_pfn:           1\n"
		"Node 0, zone    DMA32\n  pages free     50000\n        min      2500\n        low      3125\n        high     3750\n"
		"        spanned  520192\n        present  500000\n        managed  490000\n        protection: (0, 0, 0, 0, 0)\n"
		"      nr_zone_inactive_file 30000\n      nr_zone_active_file 10000\n      nr_zone_write_pending 1500\n"
		"  pagesets\n    cpu: 0\n              count: 33\n              high:  186\n              batch: 31\n"
		"  vm stats threshold: 12\n  node_unreclaimable:  0\n  start_pfn:           4096\n");
	state_dir_write(&d, "proc/buddyinfo",
			"Node 0, zone      DMA      0      1      0      1      1      0      1      0      1      1      3 \n"
			"Node 0, zone    DMA32    321    123     45     67     31      8     19      4      3      9     40 \n");
	state_dir_write(
		&d, "proc/pagetypeinfo",
		"Page block order: 9\nPages per block:  512\n\n"
		"Free pages count per migrate type at order       0      1      2      3      4      5      6 \n"
		"Node    0, zone    DMA32, type    Unmovable 50 20 10 10 5 2 1 1 0 2 70 \n"
		"Node    0, zone    DMA32, type      Movable 0 0 35 7 2 6 9 0 0 7 1 \n"
		"\nNumber of blocks type     Unmovable      Movable  Reclaimable   HighAtomic      Isolate \n"
		"Node 0, zone      DMA            1            7            0            0            0 \n"
		"Node 0, zone    DMA32          800          150           27            0            0 \n");
	state_dir_write(&d, "sos_commands/kernel/sysctl_-a",
			"vm.min_free_kbytes = 10080\nvm.overcommit_memory = 1\n");
	struct state_vm *s = state_boot(&d);
	const struct cap_zone *from = cap_zone_find(s->capture, 0, ZONE_DMA32);
	const struct zone *z = import_zone(&s->vm, from);
	for (unsigned order = 0; order < MM_ORDERS; order++)
		assert_int_equal(zone_free_blocks(z, order), from->buddy[order]);
	assert_int_equal(z->nr_pageblocks[MIGRATE_UNMOVABLE], 800);
	assert_int_equal(z->nr_pageblocks[MIGRATE_MOVABLE], 150);
	assert_int_equal(zone_stat_read(z, NR_FREE_PAGES), cap_zone_buddy_pages(from));
	assert_int_equal(s->vm.overcommit.memory, 1);
	struct task *t = task_find(&s->vm, "imported");
	assert_int_equal(page_index_nr(&t->file), 40000);
	assert_int_equal(reclaim_drop_pagecache(&s->vm.policy), 38500); /* nobody writes the others back */
	task_put(t);
	static const char *const corrected[] = { "pages free", "free blocks by type" };
	for (unsigned i = 0; i < ARRAY_LEN(corrected); i++)
		assert_true(state_noted(s->capture, NOTE_CORRECTED, corrected[i]));
	assert_true(state_noted(s->capture, NOTE_GUESSED, "memory holes"));
	assert_true(state_noted(s->capture, NOTE_MISSING, "proc/sys/vm"));
	state_end(s);
	state_dir_remove(&d);
}

/* Huge pages that no node claims: shared among the nodes with memory. */
static void test_huge_pages_of_meminfo(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T5");
	state_dir_drop(&d, "sys/devices/system/node/node0/hugepages");
	state_dir_drop(&d, "sys/devices/system/node/node1/hugepages");
	state_dir_edit(&d, "proc/meminfo", "HugePages_Total:       0", "HugePages_Total:       5");
	state_dir_edit(&d, "proc/meminfo", "HugePages_Free:        0", "HugePages_Free:        5");
	struct state_vm *s = state_boot(&d);
	assert_int_equal(s->vm.hugetlb->nr, 5);
	assert_int_equal(s->vm.hugetlb->node[0].nr, 2);
	assert_int_equal(s->vm.hugetlb->node[1].nr, 3);
	assert_int_equal(s->vm.hugetlb->nr_free, 5);
	assert_true(state_noted(s->capture, NOTE_GUESSED, "huge pages of nodes"));
	state_end(s);

	/* Another default size: those stay in place. */
	state_dir_edit(&d, "proc/meminfo", "Hugepagesize:       2048 kB", "Hugepagesize:    1048576 kB");
	s = state_boot(&d);
	assert_int_equal(s->vm.hugetlb->nr, 0);
	state_end(s);
	state_dir_remove(&d);
}

/* ---- Damage ---- */

static const char *const damaged[] = {
	"proc/zoneinfo",
	"proc/zoneinfo",
	"proc/zoneinfo",
	"proc/buddyinfo",
	"proc/pagetypeinfo",
	"proc/meminfo",
	"proc/iomem",
	"proc/sys/vm/lowmem_reserve_ratio",
	"sys/devices/system/node/online",
	"sys/devices/system/node/node1/cpulist",
	"sys/devices/system/node/node0/distance",
	"sys/devices/system/node/node1/cpumap",
};

/* Replace a number, drop a stretch, or write one byte. */
static char *damage(const char *text, struct rng *r)
{
	size_t len = strlen(text), at = len ? rng_below(r, len) : 0;
	char *out = NULL;
	int n = 0;
	switch (rng_below(r, 3)) {
	case 0:
		at += strcspn(text + at, "0123456789");
		n = asprintf(&out, "%.*s%lu%s", (int)at, text, rng_below(r, 1ul << rng_below(r, 36)),
			     text + at + strspn(text + at, "0123456789"));
		break;
	case 1: {
		size_t end = at + rng_below(r, len - at + 1);
		n = asprintf(&out, "%.*s%s", (int)at, text,
			     text + (rng_below(r, 8) ? MIN(end, at + 60) : end));
		break;
	}
	default:
		n = asprintf(&out, "%s", text);
		if (len)
			out[at] = (char)(1 + rng_below(r, 126));
	}
	assert_true(n >= 0);
	return out;
}

static bool boots(const struct state_dir *d)
{
	const struct vm_config config = { .deterministic = true, .seed = 1, .no_caches = true };
	struct state_vm *s = calloc(1, sizeof(*s));
	struct why why = { "" };
	assert_non_null(s);
	if (import_read(&s->capture, d->path, &why) || import_spec(s->capture, &s->spec, &why)) {
		assert_true(*why.text);
		import_free(s->capture);
		free(s);
		return false;
	}
	if (vm_boot(&s->vm, &s->spec, &config, &why))
		fail_msg("%s", why.text);
	if (import_apply(s->capture, &s->vm, &why))
		fail_msg("%s", why.text);
	state_verify(s);
	state_end(s);
	return true;
}

/* Whatever was done to the files: a reason, or a machine in order. */
static void test_damaged_files(void **state)
{
	(void)state;
	struct state_dir d;
	struct rng r;
	unsigned booted = 0;
	state_dir_make(&d, "6.1.0-50-amd64-T5");
	for (uint64_t seed = 1; seed <= 600; seed++) {
		rng_init(&r, seed);
		char *kept[3], *path[3];
		unsigned nr = 1 + (unsigned)rng_below(&r, 3);
		for (unsigned i = 0; i < nr; i++) {
			path[i] = strdup(damaged[rng_below(&r, ARRAY_LEN(damaged))]);
			kept[i] = state_dir_read(&d, path[i]);
			char *text = damage(kept[i], &r);
			state_dir_write(&d, path[i], text);
			free(text);
		}
		booted += boots(&d);
		while (nr-- > 0) {
			state_dir_write(&d, path[nr], kept[nr]);
			free(kept[nr]);
			free(path[nr]);
		}
	}
	assert_true(booted > 100 && booted < 590);
	state_dir_remove(&d);
}

/* The Nth allocation fails, from the shape to the last page: ENOMEM with a reason, and all is given back. */
/* Each round boots a machine, which takes long with a sanitizer: there only some allocations fail. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRIDE 13u
#else
#define STRIDE 1u
#endif

static void test_no_memory(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T5");
	state_dir_edit(&d, "proc/zoneinfo", "nr_zone_inactive_file 0", "x");
	state_dir_edit(&d, "proc/zoneinfo", "nr_zone_inactive_file 0", "nr_zone_inactive_file 300");
	bool fired = true;
	for (uint64_t nth = 1; fired; nth += STRIDE) {
		const struct vm_config config = { .deterministic = true, .seed = 1, .no_caches = true };
		struct vm *vm = calloc(1, sizeof(*vm));
		struct machine_spec spec;
		struct why why = { "" };
		struct capture *c = state_read(&d);
		assert_non_null(vm);
		fault_arm(FAULT_HOST_MALLOC, nth);
		int error = import_spec(c, &spec, &why);
		bool booted = !error && !(error = vm_boot(vm, &spec, &config, &why));
		if (booted)
			error = import_apply(c, vm, &why);
		fired = fault_fired(FAULT_HOST_MALLOC);
		fault_arm(FAULT_HOST_MALLOC, 0);
		if (error && (error != -ENOMEM || !*why.text))
			fail_msg("allocation %lu: %d, \"%s\"", nth, error, why.text);
		if (booted)
			vm_shutdown(vm);
		machine_spec_fini(&spec);
		import_free(c);
		free(vm);
	}
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_task_and_commitment),
		cmocka_unit_test(test_zoneinfo_alone),
		cmocka_unit_test(test_support_archive),
		cmocka_unit_test(test_huge_pages_of_meminfo),
		cmocka_unit_test(test_damaged_files),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
