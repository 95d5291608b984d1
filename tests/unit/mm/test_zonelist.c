/* SPDX-License-Identifier: MIT */
#include "mm/zonelist.h"

#include "support/captured.h"
#include "support/small_machine.h"

static void captured_boot(struct machine *m, const struct captured_machine *c)
{
	struct machine_spec s;
	captured_spec(c, &s);
	small_boot(m, &s);
}

static void test_captured_fallback_orders(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nr_captured_machines; i++) {
		const struct captured_machine *c = &captured_machines[i];
		struct zonelist_load load = { { 0 } };
		unsigned order[MM_NODES_MAX], memory = 0;
		struct machine m;
		captured_boot(&m, c);
		for (unsigned n = 0; n < m.nr_nodes; n++)
			memory += m.node[n].has_memory;
		for (unsigned n = 0; n < m.nr_nodes; n++) {
			unsigned nr = node_fallback_order(&m, n, &load, order);
			assert_int_equal(nr, memory + !m.node[n].has_memory);
			for (unsigned k = 0; k < nr; k++)
				assert_int_equal(order[k], c->fallback[n][k]);
		}
		machine_shutdown(&m);
	}
}

/* Zones of T12 in the order in which a request on node 1 tries them: its own first, highest first. */
static void test_zones_of_a_list(void **state)
{
	(void)state;
	struct machine m;
	captured_boot(&m, captured_machine("T12"));
	static const struct {
		unsigned node, type;
	} want[] = { { 1, 2 }, { 1, 1 }, { 0, 1 }, { 0, 0 }, { 2, 2 } };
	const struct node *n = &m.node[1];
	assert_int_equal(n->nr_zonelist, ARRAY_LEN(want));
	assert_int_equal(n->nr_zonelist_thisnode, 2);
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		assert_ptr_equal(n->zonelist[i].zone, machine_zone(&m, want[i].node, want[i].type));
		assert_int_equal(n->zonelist[i].type, want[i].type);
	}
	end_machine(&m);
}

/* T10's node 1 has CPUs only: nobody falls back on it, and it starts with the other's zones. */
static void test_node_without_memory(void **state)
{
	(void)state;
	struct machine m;
	captured_boot(&m, captured_machine("T10"));
	assert_int_equal(m.node[0].nr_zonelist, 2);
	assert_int_equal(m.node[0].nr_zonelist_thisnode, 2);
	assert_int_equal(m.node[1].nr_zonelist, 2);
	assert_int_equal(m.node[1].nr_zonelist_thisnode, 0);
	assert_ptr_equal(m.node[1].zonelist[0].zone, machine_zone(&m, 0, 1));
	end_machine(&m);
}

/* At one distance a node without CPUs is taken first, else the one with the higher number. */
static void test_ties(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 2, 4096, 8192, 0 },
						   { 1, 2, 8192, 12288, 0 },
						   { 2, 2, 12288, 16384, 0 },
						   { 3, 2, 16384, 20480, 0 } };
	struct machine_spec s;
	struct machine m;
	small_spec(&s, 4, 1);
	small_spec_zones(&s, shape, 4);
	mask_clear(&s.node[3].cpus);
	small_boot(&m, &s);
	struct zonelist_load load = { { 0 } };
	unsigned order[MM_NODES_MAX];
	static const unsigned want[4][4] = { { 0, 3, 1, 2 }, { 1, 3, 2, 0 }, { 2, 3, 0, 1 }, { 3, 0, 1, 2 } };
	for (unsigned n = 0; n < 4; n++) {
		assert_int_equal(node_fallback_order(&m, n, &load, order), 4);
		for (unsigned k = 0; k < 4; k++)
			assert_int_equal(order[k], want[n][k]);
	}
	end_machine(&m);
}

static void test_offline_node_has_no_list(void **state)
{
	(void)state;
	static const struct zone_shape shape[] = { { 0, 2, 4096, 8192, 0 }, { 2, 2, 12288, 16384, 0 } };
	struct machine_spec s;
	struct machine m;
	small_spec(&s, 3, 1);
	small_spec_zones(&s, shape, 2);
	s.node[1].online = false;
	small_boot(&m, &s);
	assert_int_equal(m.node[1].nr_zonelist, 0);
	assert_int_equal(m.node[0].nr_zonelist, 2);
	assert_ptr_equal(m.node[2].zonelist[1].zone, machine_zone(&m, 0, 2));
	end_machine(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captured_fallback_orders),
		cmocka_unit_test(test_zones_of_a_list),
		cmocka_unit_test(test_node_without_memory),
		cmocka_unit_test(test_ties),
		cmocka_unit_test(test_offline_node_has_no_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
