/* SPDX-License-Identifier: MIT */
#include "base/caller.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_caller(pid_t pid, const char *name)
{
	char comm[CALLER_COMM];

	caller_comm(comm);
	assert_string_equal(comm, name);
	assert_int_equal(caller_pid(), pid);
}

static void test_nobody(void **state)
{
	(void)state;
	assert_caller(getpid(), "ummfs");
}

static void test_named(void **state)
{
	(void)state;
	struct caller before =
		caller_set((struct caller){ .pid = 7, .name = "a-name-of-sixteen-or-more" });

	assert_null(before.name);
	assert_caller(7, "a-name-of-sixte");
	struct caller inner = caller_set((struct caller){ .pid = 8, .name = "inner" });
	assert_caller(8, "inner");
	caller_set(inner);
	assert_caller(7, "a-name-of-sixte");
	caller_set(before);
	test_nobody(state);
}

static void test_asks_the_host(void **state)
{
	(void)state;
	char was[16];

	prctl(PR_GET_NAME, was);
	prctl(PR_SET_NAME, "my name");
	struct caller before = caller_set((struct caller){ 1, getpid(), CALLER_NAMELESS, 1000 });
	assert_caller(1, "my name");
	prctl(PR_SET_NAME, was);
	caller_set((struct caller){ 1, INT32_MAX, CALLER_NAMELESS, 1000 });
	assert_caller(1, "?");
	caller_set((struct caller){ 0, 0, CALLER_NAMELESS, 1000 }); /* a process of another name space */
	assert_caller(0, "?");
	caller_set(before);
}

static void *other_thread(void *arg)
{
	(void)arg;
	assert_caller(getpid(), "ummfs");
	return NULL;
}

static void test_by_thread(void **state)
{
	(void)state;
	pthread_t thread;
	struct caller before = caller_set((struct caller){ .pid = 7, .name = "x" });

	assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
	pthread_join(thread, NULL);
	assert_caller(7, "x");
	caller_set(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_asks_the_host),
		cmocka_unit_test(test_by_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
