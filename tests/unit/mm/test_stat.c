/* SPDX-License-Identifier: MIT */
#include "mm/stat.h"

#include "support/captured.h"
#include "support/small_machine.h"

static void boot(struct machine *m)
{
	static const struct zone_shape shape[] = { { 0, 1, 4096, 4096 + 65536, 0 },
						   { 1, 2, 1048576, 1048576 + 262144, 0 } };
	small_machine(m, 2, 2, shape, 2);
}

/* A difference stays with its CPU up to the threshold; past it all of it becomes visible. */
static void test_differences_fold_past_the_threshold(void **state)
{
	(void)state;
	struct machine m;
	boot(&m);
	struct zone *z = machine_zone(&m, 0, 1);
	struct cpu *c = &m.cpu[1];
	int t = z->stat_threshold;
	assert_true(t > 1);
	cpu_enter(c);
	for (int i = 0; i < t; i++)
		zone_stat_add(c, z, NR_MLOCK, 1);
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 0);
	assert_int_equal(zone_stat_sum(z, NR_MLOCK), t);
	zone_stat_add(c, z, NR_MLOCK, 1);
	assert_int_equal(zone_stat_read(z, NR_MLOCK), t + 1);
	assert_int_equal(c->zone[z->id].diff[NR_MLOCK], 0);
	zone_stat_add(c, z, NR_MLOCK, -t - 1); /* in one go */
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 0);
	zone_stat_add(c, z, NR_MLOCK, -1);
	assert_int_equal(zone_stat_sum(z, NR_MLOCK), -1);
	cpu_leave(c);
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 0);
	machine_stat_fold(&m);
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 0); /* a global value below zero prints as zero */
	assert_int_equal(zone_stat_sum(z, NR_MLOCK), -1);
	end_machine(&m);
}

static void test_large_steps(void **state)
{
	(void)state;
	struct machine m;
	boot(&m);
	struct zone *z = machine_zone(&m, 1, 2);
	cpu_enter(&m.cpu[0]);
	zone_stat_add(&m.cpu[0], z, NR_BOUNCE, 1 << 20);
	zone_stat_add(&m.cpu[0], z, NR_BOUNCE, -(1 << 19));
	cpu_leave(&m.cpu[0]);
	assert_int_equal(zone_stat_read(z, NR_BOUNCE), 1 << 19);
	end_machine(&m);
}

/* A lower threshold takes effect with the next change. */
static void test_threshold_may_shrink(void **state)
{
	(void)state;
	struct machine m;
	boot(&m);
	struct zone *z = machine_zone(&m, 0, 1);
	cpu_enter(&m.cpu[0]);
	zone_stat_add(&m.cpu[0], z, NR_MLOCK, 5);
	z->stat_threshold = 1;
	zone_stat_add(&m.cpu[0], z, NR_MLOCK, 0);
	cpu_leave(&m.cpu[0]);
	assert_int_equal(zone_stat_read(z, NR_MLOCK), 5);
	end_machine(&m);
}

/* From any difference, also one that a higher threshold left: what is printed and what the CPU keeps are as after single ones. */
static void test_counting_is_one_by_one(void **state)
{
	(void)state;
	struct machine m;
	boot(&m);
	struct zone *z = machine_zone(&m, 0, 1);
	struct cpu *c = &m.cpu[0];
	int8_t *one = &c->zone[z->id].diff[NR_MLOCK], *many = &c->zone[z->id].diff[NR_BOUNCE];
	z->stat_threshold = 5;
	cpu_enter(c);
	for (int start = -9; start <= 9; start++)
		for (unsigned nr = 0; nr <= 70; nr++) {
			*one = *many = (int8_t)start;
			for (unsigned i = 0; i < nr; i++)
				zone_stat_add(c, z, NR_MLOCK, 1);
			zone_stat_count(c, z, NR_BOUNCE, nr);
			assert_int_equal(*one, *many);
			assert_int_equal(z->stat[NR_MLOCK], z->stat[NR_BOUNCE]);
		}
	node_stat_count(c, z->node, NR_SHMEM, (unsigned)z->node->stat_threshold);
	assert_int_equal(node_stat_read(z->node, NR_SHMEM), 0);
	node_stat_count(c, z->node, NR_SHMEM, 1);
	assert_int_equal(node_stat_read(z->node, NR_SHMEM), z->node->stat_threshold + 1);
	cpu_leave(c);
	end_machine(&m);
}

static void test_node_items(void **state)
{
	(void)state;
	struct machine m;
	boot(&m);
	struct node *n = &m.node[1];
	int t = n->stat_threshold;
	assert_int_equal(t, machine_zone(&m, 1, 2)->stat_threshold);
	for (unsigned i = 0; i < 4; i++) {
		cpu_enter(&m.cpu[i]);
		node_stat_add(&m.cpu[i], n, NR_SHMEM, (int)i + 1);
		cpu_leave(&m.cpu[i]);
	}
	assert_int_equal(node_stat_read(n, NR_SHMEM), 0);
	assert_int_equal(node_stat_sum(n, NR_SHMEM), 10);
	cpu_stat_fold(&m.cpu[3]);
	assert_int_equal(node_stat_read(n, NR_SHMEM), 4);
	machine_stat_fold(&m);
	assert_int_equal(node_stat_read(n, NR_SHMEM), 10);
	assert_int_equal(node_stat_read(&m.node[0], NR_SHMEM), 0);
	cpu_enter(&m.cpu[0]);
	node_stat_add(&m.cpu[0], n, NR_SHMEM, t + 1);
	cpu_leave(&m.cpu[0]);
	assert_int_equal(node_stat_read(n, NR_SHMEM), 10 + t + 1);
	end_machine(&m);
}

static void test_numa_clear(void **state)
{
	(void)state;
	struct machine m;
	boot(&m);
	struct zone *z = machine_zone(&m, 1, 2);
	m.cpu[2].zone[z->id].numa[NUMA_HIT] = 7;
	z->numa_base[NUMA_OTHER] = 9;
	m.node[1].numa_base[NUMA_MISS] = 3;
	m.numa_base[NUMA_LOCAL] = 2;
	machine_numa_clear(&m);
	assert_int_equal(m.cpu[2].zone[z->id].numa[NUMA_HIT], 0);
	assert_int_equal(z->numa_base[NUMA_OTHER], 0);
	assert_int_equal(m.node[1].numa_base[NUMA_MISS], 0);
	assert_int_equal(m.numa_base[NUMA_LOCAL], 0);
	end_machine(&m);
}

/* Folded where somebody can see it: in the kernels whose vmstat prints what is folded. */
static void test_numa_fold(void **state)
{
	(void)state;
	static const struct {
		enum kernel kernel;
		unsigned kept, folded;
	} want[] = { { KERNEL_5_10, 0, 10 }, { KERNEL_6_1, 7, 3 }, { KERNEL_6_12, 7, 3 } };
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		struct machine m;
		boot(&m);
		machine_set_version(&m, &kernel_versions[want[i].kernel]);
		struct zone *z = machine_zone(&m, 1, 2);
		m.cpu[2].zone[z->id].numa[NUMA_HIT] = 7;
		z->numa_base[NUMA_HIT] = 3;
		machine_stat_fold(&m);
		assert_int_equal(m.cpu[2].zone[z->id].numa[NUMA_HIT], want[i].kept);
		assert_int_equal(z->numa_base[NUMA_HIT], want[i].folded);
		end_machine(&m);
	}
}

static void test_names(void **state)
{
	(void)state;
	char buf[64];
	for (unsigned i = 0; i < NR_ZONE_STATS; i++)
		assert_non_null(zone_stat_name[i]);
	for (unsigned i = 0; i < NR_NODE_STATS; i++)
		assert_non_null(node_stat_name[i]);
	for (unsigned i = 0; i < NR_VM_EVENTS; i++)
		assert_true(vm_event_name((enum vm_event)i, buf)[0]);
	assert_string_equal(zone_stat_name[NR_FREE_CMA_PAGES], "nr_free_cma");
	assert_string_equal(node_stat_name[PGPROMOTE_CANDIDATE], "pgpromote_candidate");
	assert_string_equal(numa_stat_name[NUMA_INTERLEAVE_HIT], "numa_interleave");
	assert_string_equal(numastat_name[NUMA_INTERLEAVE_HIT], "interleave_hit");
	assert_string_equal(vm_event_name((enum vm_event)(PGALLOC_FIRST + ZONE_HIGHMEM), buf),
			    "pgalloc_high");
	assert_string_equal(vm_event_name((enum vm_event)(ALLOCSTALL_FIRST + ZONE_DEVICE), buf),
			    "allocstall_device");
	assert_string_equal(vm_event_name(PGFREE, buf), "pgfree");
}

/* Which events a machine has a line for depends on its zones, word size and NUMA. */
static void test_shown_events(void **state)
{
	(void)state;
	struct machine_spec s;
	struct machine m;
	captured_spec(captured_machine("T7a"), &s);
	small_boot(&m, &s);
	assert_true(vm_event_shown(&m, (enum vm_event)(PGALLOC_FIRST + ZONE_HIGHMEM)));
	assert_false(vm_event_shown(&m, (enum vm_event)(PGALLOC_FIRST + ZONE_DMA32)));
	assert_false(vm_event_shown(&m, NUMA_PTE_UPDATES));
	assert_false(vm_event_shown(&m, THP_SPLIT_PUD));
	assert_true(vm_event_shown(&m, PGFREE));
	machine_shutdown(&m);

	boot(&m);
	assert_false(vm_event_shown(&m, (enum vm_event)(PGALLOC_FIRST + ZONE_HIGHMEM)));
	assert_true(vm_event_shown(&m, (enum vm_event)(PGALLOC_FIRST + ZONE_DEVICE)));
	assert_true(vm_event_shown(&m, NUMA_PTE_UPDATES));
	assert_true(vm_event_shown(&m, THP_SPLIT_PUD));
	end_machine(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differences_fold_past_the_threshold),
		cmocka_unit_test(test_large_steps),
		cmocka_unit_test(test_threshold_may_shrink),
		cmocka_unit_test(test_counting_is_one_by_one),
		cmocka_unit_test(test_node_items),
		cmocka_unit_test(test_numa_clear),
		cmocka_unit_test(test_numa_fold),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_shown_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
