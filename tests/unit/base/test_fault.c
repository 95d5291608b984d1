/* SPDX-License-Identifier: MIT */
#include "base/fault.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_unarmed_never_fails(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_false(fault_fails(FAULT_BUDDY_TAKE));
	assert_int_equal(fault_armed, 0);
}

static void test_nth_visit_fails_once(void **state)
{
	(void)state;
	for (unsigned nth = 1; nth < 20; nth++) {
		fault_arm(FAULT_BUDDY_TAKE, nth);
		for (unsigned visit = 1; visit < 40; visit++) {
			assert_int_equal(fault_fired(FAULT_BUDDY_TAKE), visit > nth);
			assert_int_equal(fault_fails(FAULT_BUDDY_TAKE), visit == nth);
		}
	}
	fault_arm(FAULT_BUDDY_TAKE, 0);
	assert_false(fault_fired(FAULT_BUDDY_TAKE));
}

static void test_sites_are_apart(void **state)
{
	(void)state;
	fault_arm(FAULT_BUDDY_TAKE, 1);
	fault_arm(FAULT_REGION_CHARGE, 2);
	assert_false(fault_fails(FAULT_HOST_MALLOC));
	assert_false(fault_fails(FAULT_REGION_CHARGE));
	assert_true(fault_fails(FAULT_BUDDY_TAKE));
	assert_true(fault_fails(FAULT_REGION_CHARGE));
	assert_int_equal(fault_armed, 0);
}

static void test_disarm_and_arm_again(void **state)
{
	(void)state;
	fault_arm(FAULT_REGION_CHARGE, 2);
	assert_false(fault_fails(FAULT_REGION_CHARGE));
	fault_arm(FAULT_REGION_CHARGE, 0);
	assert_false(fault_fails(FAULT_REGION_CHARGE));
	assert_false(fault_fired(FAULT_REGION_CHARGE));
	fault_arm(FAULT_REGION_CHARGE, 2);
	assert_false(fault_fails(FAULT_REGION_CHARGE));
	assert_true(fault_fails(FAULT_REGION_CHARGE));
}

static void *visit_often(void *failures)
{
	for (unsigned i = 0; i < 10000; i++)
		*(unsigned *)failures += fault_fails(FAULT_BUDDY_TAKE);
	return NULL;
}

static void test_one_thread_gets_it(void **state)
{
	(void)state;
	pthread_t threads[4];
	unsigned failures[4] = { 0 };
	fault_arm(FAULT_BUDDY_TAKE, 5000);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, visit_often, &failures[i]), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(failures[0] + failures[1] + failures[2] + failures[3], 1);
	assert_true(fault_fired(FAULT_BUDDY_TAKE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unarmed_never_fails),
		cmocka_unit_test(test_nth_visit_fails_once),
		cmocka_unit_test(test_sites_are_apart),
		cmocka_unit_test(test_disarm_and_arm_again),
		cmocka_unit_test(test_one_thread_gets_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
