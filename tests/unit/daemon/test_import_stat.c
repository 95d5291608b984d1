/* SPDX-License-Identifier: MIT */
/* Counters after import: as printed at once, as they add up when CPUs have folded theirs. */
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ZONEINFO "proc/zoneinfo"

static struct node *node0(struct state_vm *s)
{
	return &s->vm.machine.node[0];
}

/* The kernel's own memory stands behind its counters, in the highest zones it can use. Slabs have caches where slabinfo tells. */
static void test_kernel_memory(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	state_dir_drop(&d, "proc/slabinfo");
	struct state_vm *s = state_boot(&d);
	const struct cap_node *from = &s->capture->node[0];
	uint64_t pinned[PINNED_KINDS] = { 0 };
	for (unsigned type = 0; type < s->vm.machine.nr_zone_types; type++)
		for (unsigned kind = 0; kind < PINNED_KINDS; kind++)
			pinned[kind] += node0(s)->zone[type]->pinned[kind];
	assert_int_equal(pinned[PINNED_SLAB_RECLAIMABLE], from->stat[NR_SLAB_RECLAIMABLE]);
	assert_int_equal(pinned[PINNED_SLAB_UNRECLAIMABLE], from->stat[NR_SLAB_UNRECLAIMABLE]);
	assert_int_equal(pinned[PINNED_STACK], from->stat[NR_KERNEL_STACK_KB] / 4);
	assert_int_equal(node0(s)->zone[0]->pinned[PINNED_SLAB_UNRECLAIMABLE], 0);
	assert_true(node0(s)->zone[2]->pinned[PINNED_SLAB_RECLAIMABLE] > 0);
	assert_int_equal(node_stat_read(node0(s), NR_SLAB_RECLAIMABLE), from->stat[NR_SLAB_RECLAIMABLE]);
	machine_stat_fold(&s->vm.machine);
	assert_int_equal(node_stat_read(node0(s), NR_SLAB_RECLAIMABLE), from->stat[NR_SLAB_RECLAIMABLE]);
	state_end(s);
	state_dir_remove(&d);
}

/* A list's counter of the node and those of its zones may differ; the pages decide. */
static void test_lists_fold_to_their_pages(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	state_dir_edit(&d, ZONEINFO, "nr_inactive_anon 240", "nr_inactive_anon 260");
	state_dir_edit(&d, ZONEINFO, "nr_isolated_anon 0", "nr_isolated_anon 9");
	struct state_vm *s = state_boot(&d);
	assert_int_equal(node_stat_read(node0(s), NR_INACTIVE_ANON), 260);
	assert_int_equal(node_stat_read(node0(s), NR_ISOLATED_ANON), 9);
	machine_stat_fold(&s->vm.machine);
	assert_int_equal(node_stat_read(node0(s), NR_INACTIVE_ANON), node0(s)->lru.size[LRU_INACTIVE_ANON]);
	assert_int_equal(node_stat_read(node0(s), NR_ISOLATED_ANON), 0);
	state_verify(s);
	state_end(s);
	state_dir_remove(&d);
}

static void test_machine_wide(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T8b");
	state_dir_edit(&d, "proc/vmstat", "pgmajfault ", "pgmajfault 7777");
	state_dir_edit(&d, "proc/meminfo", "SwapTotal:             0 kB", "SwapTotal:          1000 kB");
	state_dir_edit(&d, ZONEINFO, "node_unreclaimable:  0", "node_unreclaimable:  1");
	struct state_vm *s = state_boot(&d);
	const struct machine *m = &s->vm.machine;
	assert_true(m->event_base[PGMAJFAULT] >= 7777);
	assert_true(m->gigantic);
	for (unsigned n = 0; n < 2; n++) {
		assert_int_equal(s->vm.hugetlb[1].node[n].nr, 1);
		assert_int_equal(s->vm.hugetlb[1].node[n].nr_free, 1);
	}
	assert_true(m->facts.has_direct_1g);
	assert_true(m->facts.direct_map_kb[DIRECT_1G] > 100ul << 20);
	assert_int_equal(m->facts.swap_total_kb, 1000);
	assert_int_equal(m->node[0].kswapd_failures, 16);
	assert_int_equal(m->node[1].kswapd_failures, 0);
	state_end(s);

	state_dir_drop(&d, "proc/meminfo");
	s = state_boot(&d);
	assert_true(s->vm.machine.facts.direct_map_kb[DIRECT_1G] > 100ul << 20); /* derived */
	assert_int_equal(s->vm.machine.facts.percpu_kb, 0);
	state_end(s);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_memory),
		cmocka_unit_test(test_lists_fold_to_their_pages),
		cmocka_unit_test(test_machine_wide),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
