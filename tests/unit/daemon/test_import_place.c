/* SPDX-License-Identifier: MIT */
/* Free lists, per-CPU lists, page cache and pool pages of real zones with some numbers changed. */
#include "mm/buddy.h"
#include "mm/pcp.h"
#include "policy/policy.h"
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CAPTURE "6.1.0-50-amd64-T1"
#define ZONEINFO "proc/zoneinfo"
#define HUGE "sys/devices/system/node/node0/hugepages/hugepages-2048kB/"

static struct zone *dma32(struct state_vm *s)
{
	const struct cap_zone z = { .node = 0, .kind = ZONE_DMA32 };
	return import_zone(&s->vm, &z);
}

static const struct cap_zone *captured(struct state_vm *s)
{
	return cap_zone_find(s->capture, 0, ZONE_DMA32);
}

static void test_lists_and_counters(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	struct state_vm *s = state_boot(&d);
	const struct zone *z = dma32(s);
	const struct cap_zone *from = captured(s);
	for (unsigned order = 0; order < MM_ORDERS; order++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
			assert_int_equal(z->area[order].nr_free[mt], from->types[order][mt]);
	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		assert_int_equal(z->nr_pageblocks[mt], from->blocks[mt]);
	for (unsigned i = 0; i < from->nr_pagesets; i++)
		assert_int_equal(s->vm.machine.cpu[i].zone[z->id].pcp.count, from->pageset[i].count);
	assert_int_equal(zone_stat_read(z, NR_FREE_PAGES), from->free);
	assert_int_equal(z->numa_base[NUMA_HIT], from->numa[NUMA_HIT]);
	assert_true(z->virgin.nr_blocks > 100); /* no entry was written for those */
	state_end(s);
	state_dir_remove(&d);
}

/* The two files are read a moment apart: a small difference stands in the CPUs' own counts. */
static void test_drift(void **state)
{
	(void)state;
	struct state_dir d;
	char from[64], to[64];
	state_dir_make(&d, CAPTURE);
	struct capture *c = state_read(&d);
	uint64_t free_pages = cap_zone_find(c, 0, ZONE_DMA32)->free;
	import_free(c);
	snprintf(from, sizeof(from), "pages free     %lu", free_pages);
	snprintf(to, sizeof(to), "pages free     %lu", free_pages - 20);
	state_dir_edit(&d, ZONEINFO, from, to);
	struct state_vm *s = state_boot(&d);
	assert_int_equal(zone_stat_read(dma32(s), NR_FREE_PAGES), free_pages - 20);
	assert_int_equal(zone_stat_sum(dma32(s), NR_FREE_PAGES), free_pages);
	assert_int_equal(s->capture->nr_notes, 0);
	state_end(s);

	/* Under pressure the printed threshold is lower than what CPUs had piled up before. */
	for (unsigned i = 0; i < 4; i++) /* two CPUs in each of two zones */
		state_dir_edit(&d, ZONEINFO, i < 2 ? "threshold: 4" : "threshold: 16", "threshold: 1");
	s = state_boot(&d);
	assert_int_equal(dma32(s)->stat_threshold, 1);
	assert_int_equal(zone_stat_read(dma32(s), NR_FREE_PAGES), free_pages - 20);
	assert_int_equal(s->capture->nr_notes, 0);
	state_end(s);

	snprintf(from, sizeof(from), "pages free     %lu", free_pages - 5000);
	state_dir_edit(&d, ZONEINFO, to, from);
	s = state_boot(&d);
	assert_int_equal(zone_stat_read(dma32(s), NR_FREE_PAGES), free_pages); /* buddyinfo is believed */
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "pages free"));
	state_end(s);
	state_dir_remove(&d);
}

static void file_pages_set(const struct state_dir *d, const char *inactive, const char *active,
			   const char *pending)
{
	char text[256];
	snprintf(text, sizeof(text),
		 "nr_zone_inactive_file %s\n      nr_zone_active_file %s\n      nr_zone_write_pending %s\n      x",
		 inactive, active, pending);
	/* the first block of these lines is the DMA zone's */
	state_dir_edit(d, ZONEINFO, "nr_zone_inactive_file 0", "x");
	state_dir_edit(d, ZONEINFO, "nr_zone_active_file 0", "x");
	state_dir_edit(d, ZONEINFO, "nr_zone_write_pending 0", "x");
	state_dir_edit(d, ZONEINFO, "nr_zone_active_file", "x");
	state_dir_edit(d, ZONEINFO, "nr_zone_write_pending", "x");
	state_dir_edit(d, ZONEINFO, "nr_zone_inactive_file 0", text);
	snprintf(text, sizeof(text), "nr_dirty     %s", pending);
	state_dir_edit(d, ZONEINFO, "nr_dirty     0", text);
}

/* Page cache belongs to the task; drop_caches gives back what is clean. */
static void test_page_cache(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	file_pages_set(&d, "1000", "500", "300");
	struct state_vm *s = state_boot(&d);
	struct task *t = task_find(&s->vm, "imported");
	assert_non_null(t);
	assert_int_equal(page_index_nr(&t->file), 1500);
	struct zone *z = dma32(s);
	assert_int_equal(zone_stat_sum(z, NR_ZONE_INACTIVE_FILE), 1000);
	assert_int_equal(zone_stat_sum(z, NR_ZONE_ACTIVE_FILE), 500);
	assert_int_equal(node_stat_sum(z->node, NR_FILE_DIRTY), 300);

	int64_t before = zone_stat_sum(z, NR_FREE_PAGES);
	assert_int_equal(reclaim_drop_pagecache(&s->vm.policy), 1200);
	machine_drain(&s->vm.machine);
	int64_t pcp = 0;
	for (unsigned i = 0; i < captured(s)->nr_pagesets; i++)
		pcp += captured(s)->pageset[i].count;
	assert_int_equal(zone_stat_sum(z, NR_FREE_PAGES), before + 1200 + pcp);
	assert_int_equal(page_index_nr(&t->file), 300);
	task_put(t);
	state_verify(s);
	assert_int_equal(task_remove(&s->vm, "imported"), 0);
	assert_int_equal(node_stat_sum(z->node, NR_FILE_DIRTY), 0);
	assert_int_equal(zone_stat_sum(z, NR_ZONE_WRITE_PENDING), 0);
	state_verify(s);
	state_end(s);
	state_dir_remove(&d);
}

/* More page cache, or more on the per-CPU lists, than what is in use at all. */
static void test_more_than_is_in_use(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	file_pages_set(&d, "1000000", "0", "0");
	struct state_vm *s = state_boot(&d);
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "page cache"));
	assert_int_equal(dma32(s)->nr_pinned, 0);
	state_end(s);

	struct capture *c = state_read(&d);
	char from[64], to[64];
	snprintf(from, sizeof(from), "count: %d\n", cap_zone_find(c, 0, ZONE_DMA32)->pageset[1].count);
	snprintf(to, sizeof(to), "count: %d\n", 1000000);
	import_free(c);
	state_dir_edit(&d, ZONEINFO, from, to);
	s = state_boot(&d);
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "per-CPU counts"));
	state_end(s);
	state_dir_remove(&d);
}

/* The node's number alone: shared out by what each zone has in use. */
static void test_page_cache_of_the_node(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	for (unsigned i = 0; i < 2; i++) {
		state_dir_edit(&d, ZONEINFO, "nr_zone_inactive_file", "nr_other");
		state_dir_edit(&d, ZONEINFO, "nr_zone_active_file", "nr_other");
	}
	state_dir_edit(&d, ZONEINFO, "      nr_inactive_file 0", "      nr_inactive_file 900");
	struct state_vm *s = state_boot(&d);
	struct task *t = task_find(&s->vm, "imported");
	assert_true(page_index_nr(&t->file) >= 898 && page_index_nr(&t->file) <= 900);
	task_put(t);
	state_end(s);
	state_dir_remove(&d);
}

static void huge_set(const struct state_dir *d, const char *nr, const char *free_pages, const char *surplus)
{
	state_dir_write(d, HUGE "nr_hugepages", nr);
	state_dir_write(d, HUGE "free_hugepages", free_pages);
	state_dir_write(d, HUGE "surplus_hugepages", surplus);
}

/* Pool pages: free ones in the pool, used ones with the task, and giving them back works. */
static void test_pool(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	huge_set(&d, "6", "4", "1");
	state_dir_edit(&d, "proc/meminfo", "HugePages_Total:       0", "HugePages_Total:       6");
	state_dir_edit(&d, "proc/meminfo", "HugePages_Free:        0", "HugePages_Free:        4");
	state_dir_edit(&d, "proc/meminfo", "HugePages_Rsvd:        0", "HugePages_Rsvd:        3");
	struct state_vm *s = state_boot(&d);
	struct hugetlb *h = s->vm.hugetlb;
	assert_int_equal(h->nr, 6);
	assert_int_equal(h->nr_free, 4);
	assert_int_equal(h->nr_surplus, 1);
	assert_int_equal(h->nr_reserved, 3);
	assert_int_equal(h->max, 5);
	struct task *t = task_find(&s->vm, "imported");
	assert_int_equal(t->hugetlb[0].nr, 2);
	task_put(t);
	for (unsigned order = 0; order < MM_ORDERS; order++)
		assert_int_equal(zone_free_blocks(dma32(s), order), captured(s)->buddy[order]);

	assert_int_equal(task_remove(&s->vm, "imported"), 0);
	assert_int_equal(h->nr_surplus, 0);
	assert_int_equal(h->nr_free, 5);
	state_verify(s);
	state_end(s);
	state_dir_remove(&d);
}

/* More pool pages than whole blocks in use. */
static void test_pool_too_large(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	huge_set(&d, "400", "400", "0");
	struct state_vm *s = state_boot(&d);
	assert_true(s->vm.hugetlb->nr < 40);
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "huge pages"));
	for (unsigned order = 0; order < MM_ORDERS; order++)
		assert_int_equal(zone_free_blocks(dma32(s), order), captured(s)->buddy[order]);
	state_end(s);
	state_dir_remove(&d);
}

/* Free blocks that no buddy system has: they merge, and no page is lost. */
static void test_impossible_blocks(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, CAPTURE);
	state_dir_write(&d, "proc/buddyinfo",
			"Node 0, zone      DMA   3840      0      0      0      0      0      0      0      0      0      0 \n"
			"Node 0, zone    DMA32 200000      0      0      0      0      0      0      0      0      0      0 \n");
	struct state_vm *s = state_boot(&d);
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "free blocks"));
	assert_int_equal(zone_buddy_pages(dma32(s)), 200000);
	state_end(s);
	state_dir_remove(&d);
}

/* Fragments of a large machine lie close together, so that their entries take little memory. */
static void test_large_machine_is_compact(void **state)
{
	(void)state;
#ifdef __SANITIZE_THREAD__
	skip(); /* the sanitizer leaves no room for so many frames */
#endif
	struct state_dir d;
	state_dir_make(&d, NULL);
	state_dir_write(
		&d, ZONEINFO,
		"Node 0, zone   Normal\n  pages free     300000000\n        spanned  1000000000\n        present  1000000000\n"
		"        managed  990000000\n  pagesets\n    cpu: 0\n              count: 0\n              high:  0\n"
		"              batch: 1\n  vm stats threshold: 125\n  start_pfn:           1048576\n");
	state_dir_write(&d, "proc/buddyinfo",
			"Node 0, zone   Normal  20000  10000   5000      0      0      0      0      0      0      0 292900 \n");
	struct state_vm *s = state_boot(&d);
	const struct cap_zone from = { .node = 0, .kind = ZONE_NORMAL };
	struct zone *z = import_zone(&s->vm, &from);
	pfn_t lowest = UINT32_MAX, highest = 0;
	for (unsigned order = 0; order < 3; order++)
		for (pfn_t pfn = z->area[order].list[MIGRATE_MOVABLE].head; pfn;
		     pfn = pfn_page(&s->vm.machine, pfn)->next) {
			lowest = MIN(lowest, pfn);
			highest = MAX(highest, pfn);
		}
	assert_true(highest - lowest < 1u << 19);
	assert_int_equal(z->virgin.nr_blocks, 292900);
	state_end(s);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists_and_counters),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_page_cache),
		cmocka_unit_test(test_more_than_is_in_use),
		cmocka_unit_test(test_page_cache_of_the_node),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_pool_too_large),
		cmocka_unit_test(test_impossible_blocks),
		cmocka_unit_test(test_large_machine_is_compact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
