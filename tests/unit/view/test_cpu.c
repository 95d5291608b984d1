/* SPDX-License-Identifier: MIT */
#include "support/golden.h"
#include "view/views.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/parse.h"
#include "mm/socket.h"

/* A machine that is nothing but CPUs: one list for each node. */
struct cpus {
	struct machine machine;
	struct snapshot snap;
};

static void cpus_init(struct cpus *c, unsigned nr_cpu_ids, const char *const *lists, unsigned nr_nodes)
{
	struct machine *m = &c->machine;
	*c = (struct cpus){
		.machine = { .bits = 64, .numa = true, .nr_nodes = nr_nodes, .nr_cpu_ids = nr_cpu_ids }
	};
	c->snap.machine = m;
	m->node = mem_zalloc_aligned(nr_nodes * sizeof(*m->node), 64);
	m->cpu = mem_zalloc_aligned(nr_cpu_ids * sizeof(*m->cpu), 64);
	assert_true(m->node && m->cpu);
	for (unsigned nid = 0; nid < nr_nodes; nid++) {
		struct node *n = &m->node[nid];
		n->machine = m;
		n->id = nid;
		n->online = true;
		n->socket = -1;
		n->first_cpu = &m->cpu[0];
		assert_int_equal(parse_list(lists[nid], &n->cpus), 0);
		MASK_FOR_EACH(cpu, &n->cpus) {
			m->cpu[cpu].node = n;
			m->cpu[cpu].online = true;
			mask_set(&m->cpus_online, cpu);
			mask_set(&m->cpus_possible, cpu);
			m->nr_cpus_online++;
		}
	}
	machine_place_sockets(m);
}

static void cpus_fini(struct cpus *c)
{
	mem_free(c->machine.node);
	mem_free(c->machine.cpu);
}

static void expect(struct cpus *c, golden_render *render, unsigned cpu, const char *want)
{
	struct text t;
	text_init(&t, 0);
	render(&t, &c->snap, cpu);
	assert_string_equal(text_cstr(&t), want);
	text_fini(&t);
}

static void test_masks(void **state)
{
	(void)state;
	static const char *const lists[] = { "0-3", "4-7" };
	struct cpus c;
	cpus_init(&c, 8, lists, 2);
	expect(&c, view_cpus_online, 0, "0-7\n");
	expect(&c, view_cpus_possible, 0, "0-7\n");
	expect(&c, view_cpus_offline, 0, "\n");
	expect(&c, view_cpus_isolated, 0, "\n");
	expect(&c, view_cpus_kernel_max, 0, "8191\n");
	c.machine.bits = 32;
	expect(&c, view_cpus_kernel_max, 0, "31\n");
	cpus_fini(&c);
}

static void test_offline(void **state)
{
	(void)state;
	static const char *const lists[] = { "0-3" };
	struct cpus c;
	cpus_init(&c, 6, lists, 1);
	mask_set(&c.machine.cpus_possible, 4);
	mask_set(&c.machine.cpus_possible, 5);
	expect(&c, view_cpus_online, 0, "0-3\n");
	expect(&c, view_cpus_possible, 0, "0-5\n");
	expect(&c, view_cpus_offline, 0, "4-5\n");
	expect(&c, view_cpu_online, 3, "1\n");
	expect(&c, view_cpu_online, 4, "0\n");
	assert_false(cpu_online_shown(&c.machine, 0));
	assert_true(cpu_online_shown(&c.machine, 1));
	assert_true(cpu_topology_shown(&c.machine, 3));
	assert_false(cpu_topology_shown(&c.machine, 4));
	cpus_fini(&c);
}

/* Two sockets with two threads in a core, numbered as Linux does. */
static void test_threads(void **state)
{
	(void)state;
	static const char *const lists[] = { "0-7,16-23", "8-15,24-31" };
	struct cpus c;
	cpus_init(&c, 32, lists, 2);
	expect(&c, view_cpu_package_id, 0, "0\n");
	expect(&c, view_cpu_package_id, 24, "1\n");
	expect(&c, view_cpu_core_id, 3, "3\n");
	expect(&c, view_cpu_core_id, 19, "3\n");
	expect(&c, view_cpu_core_id, 8, "0\n");
	expect(&c, view_cpu_core_list, 19, "3,19\n");
	expect(&c, view_cpu_core_map, 3, "00080008\n");
	expect(&c, view_cpu_core_list, 31, "15,31\n");
	expect(&c, view_cpu_package_list, 17, "0-7,16-23\n");
	expect(&c, view_cpu_package_map, 8, "ff00ff00\n");
	cpus_fini(&c);
}

/* Numbering that says nothing about threads. */
static void test_no_threads(void **state)
{
	(void)state;
	static const char *const blocks[] = { "0-3", "4-7" };
	static const char *const interleaved[] = { "0,2", "1,3" };
	static const char *const uneven[] = { "0-3,8-11", "4-7,12-13", "14-15" };
	static const struct {
		const char *const *lists;
		unsigned nr_nodes, nr_cpus, cpu;
		const char *core_id;
	} row[] = {
		{ blocks, 2, 8, 5, "1\n" },
		{ interleaved, 2, 4, 2, "1\n" },
		{ uneven, 3, 16, 8, "4\n" },
	};
	for (unsigned i = 0; i < ARRAY_LEN(row); i++) {
		struct cpus c;
		char self[8];
		cpus_init(&c, row[i].nr_cpus, row[i].lists, row[i].nr_nodes);
		snprintf(self, sizeof(self), "%u\n", row[i].cpu);
		expect(&c, view_cpu_core_list, row[i].cpu, self);
		expect(&c, view_cpu_core_id, row[i].cpu, row[i].core_id);
		cpus_fini(&c);
	}
}

/* Nodes without CPUs are no packages. */
static void test_packages(void **state)
{
	(void)state;
	static const char *const lists[] = { "", "0-1", "", "2-3" };
	struct cpus c;
	cpus_init(&c, 4, lists, 4);
	expect(&c, view_cpu_package_id, 0, "0\n");
	expect(&c, view_cpu_package_id, 2, "1\n");
	c.machine.cpu[3].online = false;
	c.machine.cpus_online.w[0] &= ~8ull;
	expect(&c, view_cpu_package_list, 2, "2\n");
	cpus_fini(&c);
}

/* Two nodes of one socket are one package, whatever its number. */
static void test_shared_socket(void **state)
{
	(void)state;
	static const char *const lists[] = { "0-1", "2-3", "4-5" };
	struct cpus c;
	cpus_init(&c, 6, lists, 3);
	c.machine.node[0].socket = c.machine.node[1].socket = 4;
	expect(&c, view_cpu_package_id, 1, "4\n");
	expect(&c, view_cpu_package_list, 0, "0-3\n");
	expect(&c, view_cpu_core_id, 3, "3\n");
	expect(&c, view_cpu_package_list, 4, "4-5\n");
	expect(&c, view_cpu_core_id, 4, "0\n");
	cpus_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),    cmocka_unit_test(test_offline),
		cmocka_unit_test(test_threads),  cmocka_unit_test(test_no_threads),
		cmocka_unit_test(test_packages), cmocka_unit_test(test_shared_socket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
