/* SPDX-License-Identifier: MIT */
#ifndef SUPPORT_SLAB_TEST_H
#define SUPPORT_SLAB_TEST_H

/* On top of slab_fixture.h, for a file whose tests run on a machine of their own each: that machine is `f`. */

#include "support/slab_fixture.h"

static struct slab_fixture *f;

static inline int one_setup(void **state)
{
	(void)state;
	f = slab_fixture_one();
	return 0;
}

static inline int two_setup(void **state)
{
	(void)state;
	f = slab_fixture_two();
	return 0;
}

static inline int memoryless_setup(void **state)
{
	(void)state;
	f = slab_fixture_memoryless();
	return 0;
}

static inline int interleaved_setup(void **state)
{
	(void)state;
	f = slab_fixture_interleaved();
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	slab_fixture_end(f);
	return 0;
}

/* One row of the table: the test on slab_fixture_MACHINE. */
#define ON(machine, test) cmocka_unit_test_setup_teardown(test, machine##_setup, teardown)

#endif
