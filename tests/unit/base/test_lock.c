/* SPDX-License-Identifier: MIT */
#include "base/lock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct lock cpu0, cpu1, zone, zone_twin;

static int setup(void **state)
{
	(void)state;
	lock_init(&cpu0, RANK_CPU, 0);
	lock_init(&cpu1, RANK_CPU, 1);
	lock_init(&zone, RANK_ZONE, 0);
	lock_init(&zone_twin, RANK_ZONE, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lock_fini(&cpu0);
	lock_fini(&cpu1);
	lock_fini(&zone);
	lock_fini(&zone_twin);
	return 0;
}

static struct lock counter_lock;
static unsigned counter;

static void *count(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 20000; i++) {
		lock_take(&counter_lock);
		counter++;
		lock_drop(&counter_lock);
	}
	return NULL;
}

static void test_excludes(void **state)
{
	(void)state;
	pthread_t threads[4];
	lock_init(&counter_lock, RANK_REGION, 0);
	counter = 0;
	for (unsigned i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
	for (unsigned i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(counter, 80000);
	lock_fini(&counter_lock);
}

static void *try_main(void *arg)
{
	bool got = lock_try(arg, 30);
	if (got)
		lock_drop(arg);
	return got ? arg : NULL;
}

static void *try_elsewhere(struct lock *l)
{
	pthread_t thread;
	void *result;
	assert_int_equal(pthread_create(&thread, NULL, try_main, l), 0);
	pthread_join(thread, &result);
	return result;
}

static void test_try(void **state)
{
	(void)state;
	assert_true(lock_try(&zone, 0));
	assert_null(try_elsewhere(&zone));
	lock_drop(&zone);
	assert_non_null(try_elsewhere(&zone));
}

/* Whatever the order; what is taken behind it rises from there. */
static void test_try_now(void **state)
{
	(void)state;
	lock_take(&zone);
	assert_true(lock_try_now(&cpu0));
	assert_null(try_elsewhere(&zone));
	assert_true(lock_held(&cpu0));
	lock_take(&cpu1);
	lock_drop(&cpu1);
	lock_drop(&cpu0);
	lock_drop(&zone);
	assert_non_null(try_elsewhere(&zone));
}

static void test_rising_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		lock_take(&cpu0);
		lock_take(&cpu1);
		lock_take(&zone);
		assert_true(lock_held(&cpu0) && lock_held(&cpu1) && lock_held(&zone));
		/* Dropped out of order; what stays held still counts. */
		lock_drop(&cpu0);
		assert_true(lock_held(&cpu1) && lock_held(&zone));
		lock_drop(&zone);
		lock_take(&zone_twin);
		lock_drop(&zone_twin);
		lock_drop(&cpu1);
	}
}

#ifdef UMMFS_DEBUG
static bool dies(void (*f)(void))
{
	int status;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		f();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void rank_falls(void)
{
	lock_take(&zone);
	lock_take(&cpu0);
}

static void order_falls(void)
{
	lock_take(&cpu1);
	lock_take(&cpu0);
}

static void order_equal(void)
{
	lock_take(&zone);
	lock_take(&zone_twin);
}

static void taken_twice(void)
{
	lock_take(&zone);
	lock_take(&zone);
}

static void falls_after_a_drop(void)
{
	lock_take(&cpu0);
	lock_take(&zone);
	lock_drop(&cpu0);
	lock_take(&cpu1);
}

static void dropped_unheld(void)
{
	lock_drop(&zone);
}

static void test_wrong_order_dies(void **state)
{
	(void)state;
	assert_true(dies(rank_falls));
	assert_true(dies(order_falls));
	assert_true(dies(order_equal));
	assert_true(dies(taken_twice));
	assert_true(dies(falls_after_a_drop));
	assert_true(dies(dropped_unheld));
	assert_false(lock_held(&zone));
}

static void *held_here(void *arg)
{
	return lock_held(&zone) ? arg : NULL;
}

static void test_held_is_per_thread(void **state)
{
	(void)state;
	pthread_t thread;
	void *result;
	lock_take(&zone);
	assert_int_equal(pthread_create(&thread, NULL, held_here, &zone), 0);
	pthread_join(thread, &result);
	assert_null(result);
	assert_true(lock_held(&zone));
	lock_drop(&zone);
}

static void test_all_cpus(void **state)
{
	(void)state;
	static struct lock cpus[8192];
	for (unsigned i = 0; i < ARRAY_LEN(cpus); i++) {
		lock_init(&cpus[i], RANK_CPU, i);
		lock_take(&cpus[i]);
	}
	lock_take(&zone);
	lock_drop(&zone);
	for (unsigned i = ARRAY_LEN(cpus); i-- > 0;) {
		lock_drop(&cpus[i]);
		lock_fini(&cpus[i]);
	}
}
#endif

static void *gate_alone(void *gate)
{
	pthread_rwlock_wrlock(gate);
	pthread_rwlock_unlock(gate);
	return NULL;
}

/* One wants it alone and waits for us; whoever comes after that waits for the one. */
static void test_gate_lets_the_first_in(void **state)
{
	(void)state;
	pthread_rwlock_t gate;
	pthread_t alone;
	gate_init(&gate);
	pthread_rwlock_rdlock(&gate);
	assert_int_equal(pthread_create(&alone, NULL, gate_alone, &gate), 0);
	while (!pthread_rwlock_tryrdlock(&gate)) { /* until it waits */
		pthread_rwlock_unlock(&gate);
		usleep(100);
	}
	pthread_rwlock_unlock(&gate);
	pthread_join(alone, NULL);
	assert_int_equal(pthread_rwlock_tryrdlock(&gate), 0);
	pthread_rwlock_unlock(&gate);
	pthread_rwlock_destroy(&gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_excludes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rising_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_try, setup, teardown),
		cmocka_unit_test_setup_teardown(test_try_now, setup, teardown),
		cmocka_unit_test(test_gate_lets_the_first_in),
#ifdef UMMFS_DEBUG
		cmocka_unit_test_setup_teardown(test_wrong_order_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_held_is_per_thread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_cpus, setup, teardown),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
