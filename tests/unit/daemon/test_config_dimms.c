/* SPDX-License-Identifier: MIT */
/* socket = and dimms = of the nodes. */
#include "support/config_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void expect_dimms(const struct config *c, unsigned node, unsigned nr, uint32_t mib,
			 unsigned type, unsigned speed)
{
	const struct dimm_spec *d = &c->spec.node[node].dimms;
	assert_int_equal(d->nr, nr);
	assert_int_equal(d->mib, mib);
	assert_int_equal(d->type, type);
	assert_int_equal(d->speed_mts, speed);
}

static void test_given(void **state)
{
	struct config c;

	(void)state;
	config_text_good(&c, "[node 0]\nmemory=64M\ncpus=0\nsocket=3\ndimms=4x16M\n"
			     "[node 1]\nmemory=64M\nsocket = 0\ndimms = 32x1G \t DDR5-4800\n");
	assert_int_equal(c.spec.node[0].socket, 3);
	assert_int_equal(c.spec.node[1].socket, 0);
	expect_dimms(&c, 0, 4, 16, DIMM_DDR4, 3200);
	expect_dimms(&c, 1, 32, 1024, DIMM_DDR5, 4800);
	config_fini(&c);
}

/* What is left out is settled at boot. */
static void test_left_out(void **state)
{
	struct config c;

	(void)state;
	config_text_good(&c, "[node 0]\nmemory=64M\ncpus=0\n[node 2]\nmemory=4M\ndimms=1x4M\n");
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(c.spec.node[n].socket, -1);
	assert_int_equal(c.spec.node[0].dimms.nr, 0);
	expect_dimms(&c, 2, 1, 4, DIMM_DDR4, 3200);
	config_fini(&c);
}

static void test_bad_texts(void **state)
{
	static const char *const bad[] = {
		"4",
		"x",
		"4x",
		"x4G",
		"0x4G",
		"33x4G",
		"4x0",
		"4x4",
		"4x1536K",
		"4x5T",
		"-1x4G",
		"4 x 4G",
		"4x4G,4x4G",
		"4x4G DDR3-1600",
		"4x4G DDR4",
		"4x4G DDR4-0",
		"4x4G DDR4-65535",
		"4x4G DDR4-3200 x",
		"4x4G ddr4-3200",
		"18446744073709551617x4G",
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof(text), "[node 0]\nmemory=64M\ncpus=0\ndimms=%s\n", bad[i]);
		config_text_bad(text, "FILE:4: dimms: must be like 8x16G or 8x16G DDR5-4800 (1 to 32 of them, "
				      "DDR4 or DDR5)");
	}
}

static void test_contradictions(void **state)
{
	(void)state;
	config_text_bad("[node 0]\nmemory=64M\ncpus=0\ndimms=3x16M\n",
			"FILE:4: dimms: they hold 48 MiB, the node has 64 MiB of memory");
	config_text_bad("[node 0]\nmemory=64M\n[node 1]\ncpus=0\ndimms=1x1G\n",
			"FILE:5: dimms: the node has no memory");
	config_text_bad("[node 0]\nmemory=64M\ncpus=0\nsocket=0\n[node 1]\nmemory=4M\n",
			"FILE:4: socket: the node in line 5 has none: give every node its socket, or no node");
	config_text_bad("[node 0]\nmemory=64M\ncpus=0\nsocket=256\n",
			"FILE:4: socket = 256: must be a number from 0 to 255");
	config_text_bad("[node 0]\nmemory=64M\ncpus=0\nsocket=0\nsocket=0\n",
			"FILE:5: socket: stands in line 4 already");
}

/* The frames that a PC's firmware keeps do not make the DIMMs too small. */
static void test_exactly_full(void **state)
{
	struct config c;

	(void)state;
	config_text_good(&c, "[node 0]\nmemory=0-32M,64M-96M\ncpus=0\ndimms=1x64M\n");
	expect_dimms(&c, 0, 1, 64, DIMM_DDR4, 3200);
	config_fini(&c);
}

static void test_shipped(void **state)
{
	struct config c;

	(void)state;
	config_shipped(&c, "xeon-2s.conf");
	expect_dimms(&c, 0, 4, 16384, DIMM_DDR4, 2933);
	expect_dimms(&c, 1, 4, 16384, DIMM_DDR4, 2933);
	config_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given),        cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_bad_texts),    cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_exactly_full), cmocka_unit_test(test_shipped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
