/* SPDX-License-Identifier: MIT */
/* What lscpu and numactl printed, where the node directories are missing. */
#include "support/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LSCPU "sos_commands/processor/lscpu"
#define NUMACTL "sos_commands/numa/numactl_--hardware"

static void test_lscpu(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	state_dir_drop(&d, "sys");
	state_dir_write(&d, LSCPU,
			"CPU(s): 8\nNUMA node(s):        2\nNUMA node0 CPU(s):   0-3,6\nNUMA node1 CPU(s):   4,5,7\n"
			"NUMA node9 CPU(s):   1\nNUMA nodeX CPU(s):   1\nNUMA node1 CPU(s):   bad\n");
	struct capture *c = state_read(&d);
	assert_true(c->node[0].has_cpulist);
	assert_int_equal(c->node[0].cpus.w[0], 0x4f);
	assert_int_equal(c->node[1].cpus.w[0], 0xb0);
	assert_int_equal(c->nr_nodes, 2);
	assert_int_equal(c->node[0].nr_distance, 0);
	assert_true(state_noted(c, NOTE_MISSING, "files of nodes"));
	import_free(c);
	state_dir_remove(&d);
}

static void test_numactl(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	state_dir_drop(&d, "sys");
	state_dir_write(&d, NUMACTL,
			"available: 2 nodes (0-1)\nnode 0 cpus: 0 1 2 3\nnode 0 size: 1 MB\nnode 1 cpus: 4 5 6 7\n"
			"node distances:\nnode   0   1 \n  0:  10  31 \n  1:  31  10 \n");
	struct state_vm *s = state_boot(&d);
	assert_int_equal(s->spec.node[1].cpus.w[0], 0xf0);
	assert_int_equal(s->spec.node[0].distance[1], 31);
	assert_false(state_noted(s->capture, NOTE_GUESSED, "distances"));
	state_end(s);
	state_dir_write(&d, NUMACTL, "No NUMA available on this system\n  0:  10  999 \n  x:  1\nnode\n");
	struct capture *c = state_read(&d);
	assert_int_equal(c->node[0].nr_distance, 0);
	assert_false(state_noted(c, NOTE_MISSING, "files of nodes"));
	import_free(c);
	state_dir_remove(&d);
}

/* Files of the kernel come first. */
static void test_directories_win(void **state)
{
	(void)state;
	struct state_dir d;
	state_dir_make(&d, "6.1.0-50-amd64-T3");
	struct capture *c = state_read(&d);
	struct mask cpus = c->node[1].cpus;
	import_free(c);
	state_dir_write(&d, LSCPU, "NUMA node1 CPU(s):   0\n");
	state_dir_write(&d, NUMACTL, "node 1 cpus: 1\n  1:  99 99\n");
	c = state_read(&d);
	assert_memory_equal(&c->node[1].cpus, &cpus, sizeof(cpus));
	assert_int_not_equal(c->node[1].distance[0], 99);
	assert_false(state_noted(c, NOTE_MISSING, "files of nodes"));
	import_free(c);
	state_dir_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lscpu),
		cmocka_unit_test(test_numactl),
		cmocka_unit_test(test_directories_win),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
