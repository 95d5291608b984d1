/* SPDX-License-Identifier: MIT */
/* NUMA hits of zones, nodes and the machine: each file goes on from what it had said. */
#include "support/state_dir.h"
#include "view/views.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NODE1 "sys/devices/system/node/node1/"

static struct snapshot *snapshot_of(struct state_vm *s)
{
	struct snapshot *snap = calloc(1, sizeof(*snap));
	assert_non_null(snap);
	assert_int_equal(snapshot_init(snap, &s->vm.machine), 0);
	snapshot_fill(snap, &s->vm, SNAP_ALL);
	return snap;
}

static void snapshot_end(struct snapshot *snap)
{
	snapshot_fini(snap);
	free(snap);
}

static uint64_t zones_sum(const struct snapshot *snap, enum numa_stat item)
{
	uint64_t sum = 0;
	FOR_EACH_POPULATED_ZONE(z, snap->machine)
		sum += snap->zone[z->id].numa[item];
	return sum;
}

/* 6.12-T3: zoneinfo 9892 hits, vmstat 9893; numastat of node 0 3458, its zones 3444. */
static void test_bases(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.12.107+deb13-amd64-T3");
	struct state_vm *s = state_boot(&d);
	struct machine *m = &s->vm.machine;
	struct snapshot *snap = snapshot_of(s);
	assert_int_equal(zones_sum(snap, NUMA_HIT), 9892);
	assert_int_equal(snap_numa_sum(snap, NUMA_HIT), 9893);
	assert_int_equal(snap_node_numa_sum(snap, 0, NUMA_HIT), 3458);
	assert_int_equal(m->node[0].numa_base[NUMA_HIT], 14);
	assert_int_equal(m->numa_base[NUMA_MISS], 0);
	snapshot_end(snap);

	m->cpu[0].zone[m->node[0].zone[2]->id].numa[NUMA_HIT] += 5;
	snap = snapshot_of(s);
	assert_int_equal(snap_numa_sum(snap, NUMA_HIT), 9898);
	assert_int_equal(snap_node_numa_sum(snap, 0, NUMA_HIT), 3463);
	snapshot_end(snap);

	machine_numa_clear(m);
	snap = snapshot_of(s);
	assert_int_equal(snap_numa_sum(snap, NUMA_HIT), 0);
	assert_int_equal(snap_node_numa_sum(snap, 0, NUMA_HIT), 0);
	snapshot_end(snap);
	state_end(s);
	state_dir_remove(&d);
}

/* 5.10-T3: 13928 hits in the zones, 13375 of them folded. What a CPU has not folded is not in vmstat, but elsewhere. */
static void test_lag(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "5.10.0-32-amd64-T3");
	struct state_vm *s = state_boot(&d);
	struct machine *m = &s->vm.machine;
	struct snapshot *snap = snapshot_of(s);
	assert_int_equal(zones_sum(snap, NUMA_HIT), 13928);
	assert_int_equal(snap_numa_sum(snap, NUMA_HIT), 13375);
	assert_int_equal(snap_node_numa_sum(snap, 1, NUMA_HIT), 7956);
	assert_int_equal(m->numa_base[NUMA_HIT], 0);
	snapshot_end(snap);

	machine_stat_fold(m);
	snap = snapshot_of(s);
	assert_int_equal(zones_sum(snap, NUMA_HIT), 13928);
	assert_int_equal(snap_numa_sum(snap, NUMA_HIT), 13928);
	assert_int_equal(snap_node_numa_sum(snap, 1, NUMA_HIT), 7956);
	snapshot_end(snap);
	state_end(s);
	state_dir_remove(&d);
}

/* A file read before zoneinfo has less; one that is not there adds nothing. */
static void test_less_and_missing(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	state_dir_edit(&d, "proc/vmstat", "numa_hit 11395", "numa_hit 11000");
	state_dir_drop(&d, NODE1 "numastat");
	struct state_vm *s = state_boot(&d);
	struct snapshot *snap = snapshot_of(s);
	assert_int_equal(zones_sum(snap, NUMA_HIT), 11393);
	assert_int_equal(snap_numa_sum(snap, NUMA_HIT), 11000);
	assert_int_equal(s->vm.machine.node[1].numa_base[NUMA_HIT], 0);
	snapshot_end(snap);
	state_end(s);
	state_dir_remove(&d);
}

static void test_bad_number(void **state)
{
	(void)state;
	struct state_dir d;
	struct why why = { "" };
	struct capture *c;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	state_dir_edit(&d, NODE1 "numastat", "local_node ", "local_node x");
	assert_int_equal(import_read(&c, d.path, &why), -EINVAL);
	assert_non_null(strstr(why.text, NODE1 "numastat:5: "));
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bases),
		cmocka_unit_test(test_lag),
		cmocka_unit_test(test_less_and_missing),
		cmocka_unit_test(test_bad_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
