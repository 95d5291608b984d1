/* SPDX-License-Identifier: MIT */
#include "mm/socket.h"
#include "support/small_machine.h"

#define GIB 262144ul /* pages */
#define MIB 256ul

static void expect_dimms(const struct node *n, unsigned nr, uint32_t mib)
{
	assert_int_equal(n->dimms.nr, nr);
	assert_int_equal(n->dimms.mib, mib);
	assert_int_equal(n->dimms.type, DIMM_DDR4);
	assert_int_equal(n->dimms.speed_mts, 3200);
	assert_true((uint64_t)nr * mib >= node_span_mib(n));
}

/* Equal ones, at most eight, of 8 GiB at least where that comes out even. */
static void test_derived_dimms(void **state)
{
	static const struct {
		uint64_t pages;
		unsigned nr;
		uint32_t mib;
	} rows[] = {
		{ 4 * MIB, 1, 4 },       { 512 * MIB, 1, 512 },     { 4 * GIB, 1, 4096 },
		{ 6 * GIB, 3, 2048 },    { 8 * GIB, 1, 8192 },      { 16 * GIB, 2, 8192 },
		{ 64 * GIB, 8, 8192 },   { 96 * GIB, 6, 16384 },    { 128 * GIB, 8, 16384 },
		{ 255 * GIB, 8, 32768 }, { 2048 * GIB, 8, 262144 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct zone_shape shape = { 0, 2, 1024, 1024 + rows[i].pages, 0 };
		struct machine m;
		small_machine(&m, 1, 1, &shape, 1);
		assert_int_equal(node_span_mib(&m.node[0]), rows[i].pages / MIB);
		expect_dimms(&m.node[0], rows[i].nr, rows[i].mib);
		machine_shutdown(&m);
	}
}

/* The frames that a PC's firmware keeps below 1 MiB are no gap; one of a GiB is. */
static void test_spans(void **state)
{
	static const struct zone_shape shapes[] = {
		{ 0, 0, 1, 0x9f, 0 },
		{ 0, 0, 0x100, 4096, 0 },
		{ 0, 1, 4096, 3 * GIB - 35, 0 },
		{ 0, 2, 4 * GIB, 5 * GIB, 0 },
		{ 0, 3, 5 * GIB, 6 * GIB, 0 },
	};
	struct node_span s = { 0, 0 };
	struct machine m;

	(void)state;
	small_machine(&m, 1, 1, shapes, ARRAY_LEN(shapes));
	const struct node *n = &m.node[0];
	assert_true(node_span_next(n, s.end, &s));
	assert_int_equal(s.start, 0);
	assert_int_equal(s.end, 3072);
	assert_true(node_span_next(n, s.end, &s));
	assert_int_equal(s.start, 4096);
	assert_int_equal(s.end, 6144);
	assert_false(node_span_next(n, s.end, &s));
	assert_true(node_span_next(n, 5000, &s)); /* from the middle of one */
	assert_int_equal(s.start, 5000);
	assert_int_equal(s.end, 6144);
	assert_int_equal(node_span_mib(n), 5120);
	expect_dimms(n, 5, 1024);
	end_machine(&m);
}

/* Nodes 0 and 3 have CPUs; 1 is nearer to 0, 2 nearer to 3, 4 is not there. */
static void test_sockets_follow_cpus(void **state)
{
	const struct zone_shape shape = { 0, 2, 1024, 1024 + GIB, 0 };
	struct machine_spec s;
	struct machine m;

	(void)state;
	small_spec(&s, 5, 1);
	small_spec_zones(&s, &shape, 1);
	for (unsigned n = 1; n < 5; n++) {
		if (n == 3)
			continue;
		mask_clear(&s.node[n].cpus);
		s.cpus_online.w[0] &= ~(1ull << n);
		s.cpus_possible.w[0] &= ~(1ull << n);
	}
	s.node[4].online = false;
	s.node[2].distance[3] = s.node[3].distance[2] = 11;
	small_boot(&m, &s);
	assert_int_equal(m.node[0].socket, 0);
	assert_int_equal(m.node[1].socket, 0);
	assert_int_equal(m.node[2].socket, 1);
	assert_int_equal(m.node[3].socket, 1);
	assert_int_equal(m.node[1].dimms.nr, 0); /* no memory */
	end_machine(&m);
}

static void test_given(void **state)
{
	const struct zone_shape shapes[] = { { 0, 2, 1024, 1024 + GIB, 0 },
					     { 1, 2, 1024 + GIB, 1024 + 2 * GIB, 0 } };
	const struct dimm_spec dimms = { 4, DIMM_DDR5, 4800, 512 };
	struct machine_spec s;
	struct machine m;

	(void)state;
	small_spec(&s, 2, 1);
	small_spec_zones(&s, shapes, 2);
	s.node[0].socket = s.node[1].socket = 7;
	s.node[1].dimms = dimms;
	small_boot(&m, &s);
	assert_int_equal(m.node[0].socket, 7);
	assert_int_equal(m.node[1].socket, 7);
	expect_dimms(&m.node[0], 1, 1024);
	assert_memory_equal(&m.node[1].dimms, &dimms, sizeof(dimms));
	end_machine(&m);
}

/* What cannot be is derived instead: too little, none, too many, too large, of no kind, without memory. */
static void test_nonsense(void **state)
{
	static const struct dimm_spec bad[] = {
		{ 1, DIMM_DDR4, 3200, 1023 },     { 1, DIMM_DDR4, 3200, 0 },
		{ 33, DIMM_DDR4, 3200, 1024 },    { 1, DIMM_DDR4, 3200, DIMM_MIB_MAX + 1 },
		{ 1, DIMM_DDR5 + 1, 3200, 1024 },
	};
	const struct zone_shape shape = { 0, 2, 1024, 1024 + GIB, 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct machine_spec s;
		struct machine m;
		small_spec(&s, 2, 1);
		small_spec_zones(&s, &shape, 1);
		s.node[0].dimms = s.node[1].dimms = bad[i];
		s.node[0].socket = MM_NODES_MAX;
		small_boot(&m, &s);
		expect_dimms(&m.node[0], 1, 1024);
		assert_int_equal(m.node[0].socket, 0);
		assert_int_equal(m.node[1].dimms.nr, 0);
		machine_shutdown(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_derived_dimms),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_sockets_follow_cpus),
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
