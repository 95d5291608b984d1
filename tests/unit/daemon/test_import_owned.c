/* SPDX-License-Identifier: MIT */
/* LRU pages of a real machine: who holds them after import, and what has no room. */
#include "daemon/import_use.h"
#include "policy/policy.h"
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ZONEINFO "proc/zoneinfo"

/* 6.1 T3: a locked helper (anonymous), a tmpfs with the captures, no page cache. */
static void test_kinds_of_a_capture(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	struct state_vm *s = state_boot(&d);
	struct task *t = task_find(&s->vm, "imported");
	uint64_t anon = 0, shmem = 0;
	for (unsigned n = 0; n < 2; n++) {
		anon += s->capture->node[n].stat[NR_ANON_MAPPED];
		shmem += s->capture->node[n].stat[NR_SHMEM];
		const struct node *node = &s->vm.machine.node[n];
		assert_int_equal(node->lru.size[LRU_INACTIVE_FILE] + node->lru.size[LRU_ACTIVE_FILE], 0);
	}
	assert_in_range(page_index_nr(&t->anon), anon - 1, anon + 1);
	assert_in_range(page_index_nr(&t->shmem), shmem - 1, shmem + 1);
	assert_int_equal(page_index_nr(&t->anon_tables), 4); /* of 1586 pages */
	unsigned locked = 0;
	for (uint64_t i = 0; i < t->anon.nr; i++)
		locked += !!(pfn_page(&s->vm.machine, t->anon.pfn[i])->marks & MARK_MLOCKED);
	assert_in_range(locked, 1535, 1536);
	task_put(t);
	state_end(s);
	state_dir_remove(&d);
}

/* Buffers are some of the page cache; they go with it. */
static void test_buffers(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T1");
	state_dir_edit(&d, "proc/meminfo", "Buffers:               0 kB", "Buffers:             400 kB");
	state_dir_edit(&d, ZONEINFO, "nr_zone_inactive_file 0", "x");
	state_dir_edit(&d, ZONEINFO, "nr_zone_inactive_file 0", "nr_zone_inactive_file 250");
	struct state_vm *s = state_boot(&d);
	assert_int_equal(s->vm.machine.nr_buffer_pages, 100);
	assert_int_equal(reclaim_drop_pagecache(&s->vm.policy), 250);
	assert_int_equal(s->vm.machine.nr_buffer_pages, 0);
	state_verify(s);
	state_end(s);
	state_dir_remove(&d);
}

/* Anonymous memory without a place: what there is in use is pinned and counts, the rest is corrected. */
static void test_more_than_in_use(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T1");
	state_dir_edit(&d, ZONEINFO, "nr_zone_active_anon 0", "x");
	state_dir_edit(&d, ZONEINFO, "nr_zone_active_anon ", "nr_zone_active_anon 9999");
	struct state_vm *s = state_boot(&d);
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "page cache"));
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "nr_zone_active_anon"));
	assert_true(state_noted(s->capture, NOTE_CORRECTED, "kernel memory"));
	assert_int_equal(task_remove(&s->vm, "imported"), 0);
	state_verify(s);
	state_end(s);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds_of_a_capture),
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_more_than_in_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
